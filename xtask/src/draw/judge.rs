//! A diagram against a rubric.

use std::collections::HashSet;

use super::graph::{Arrow, Graph, Kind};
use super::names::{self, longest};
use super::rubric::{ArrowRule, NodeRule, Rubric};
use crate::output::{HINT, REMOVED, paint};

/// Something that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    pub what: String,
    /// A question that leads on; may be empty.
    pub hint: String,
}

impl Finding {
    fn new(what: impl Into<String>, hint: &str) -> Self {
        Finding {
            what: what.into(),
            hint: hint.to_owned(),
        }
    }

    /// As lines for a learner.
    pub fn told(&self) -> String {
        let mut text = format!("  {}\n", paint(REMOVED, &self.what));
        if !self.hint.is_empty() {
            text.push_str(&format!("    {} {}\n", paint(HINT, "think:"), self.hint));
        }
        text
    }
}

/// What is missing or wrong, in the rubric's order.
pub fn judge(rubric: &Rubric, graph: &Graph) -> Vec<Finding> {
    if let Some(kind) = &rubric.kind
        && kind != graph.kind.word()
    {
        let what = format!("this is a {}, and a {kind} is asked for", graph.kind.word());
        return vec![Finding::new(what, "")];
    }
    let judge = Judge::new(rubric, graph);
    let missing: Vec<_> = rubric
        .nodes
        .iter()
        .filter(|rule| !rule.optional && !judge.has(&rule.name))
        .collect();
    let mut findings: Vec<_> = missing.iter().map(|rule| judge.missing(rule)).collect();
    let mut last = None;
    for rule in &rubric.arrows {
        // Of a node that is missing, its arrows need no word of their own.
        if judge.has(&rule.from) && judge.has(&rule.to) {
            findings.extend(judge.arrow(rule, &mut last));
        }
    }
    findings.extend(judge.wrong());
    findings
}

/// What the rubric asks for and would not miss: arrows without which the diagram passes, too.
pub fn idle(rubric: &Rubric, graph: &Graph) -> Vec<String> {
    let judge = Judge::new(rubric, graph);
    let mut idle = Vec::new();
    for rule in &rubric.arrows {
        let mut without = graph.clone();
        without.arrows.retain(|it| !judge.is_drawn_for(rule, it));
        if self::judge(rubric, &without).is_empty() {
            idle.push(format!("the arrow from {} to {}", rule.from, rule.to));
        }
    }
    for rule in rubric.nodes.iter().filter(|it| !it.optional) {
        let mut without = graph.clone();
        without
            .nodes
            .retain(|it| judge.name_of(&it.id) != Some(&rule.name));
        if self::judge(rubric, &without).is_empty() {
            idle.push(format!("the node {}", rule.name));
        }
    }
    idle
}

struct Judge<'a> {
    rubric: &'a Rubric,
    graph: &'a Graph,
    /// The ids of the diagram's nodes, with the name under which the rubric knows them.
    names: Vec<(&'a str, &'a str)>,
}

impl<'a> Judge<'a> {
    fn new(rubric: &'a Rubric, graph: &'a Graph) -> Self {
        let fits = names::fit(rubric, graph);
        let names =
            graph.nodes.iter().zip(fits).filter_map(|(node, rule)| {
                Some((node.id.as_str(), rubric.nodes[rule?].name.as_str()))
            });
        Judge {
            rubric,
            graph,
            names: names.collect(),
        }
    }

    fn name_of(&self, id: &str) -> Option<&'a str> {
        let found = self.names.iter().find(|(known, _)| *known == id);
        found.map(|(_, name)| *name)
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(_, known)| *known == name)
    }

    fn missing(&self, rule: &NodeRule) -> Finding {
        let mut what = format!("missing: {}", rule.name);
        // Two ideas in one box are one too few.
        let taken = self.graph.nodes.iter().find(|node| {
            longest(&rule.words, &node.words).is_some() && self.name_of(&node.id).is_some()
        });
        if let Some(node) = taken {
            let other = self.name_of(&node.id).unwrap_or_default();
            what.push_str(&format!(
                "; `{}` was taken for {other}, so draw the two apart",
                node.shown
            ));
        } else {
            what.push_str(&format!(" (it may be called: {})", rule.words.join(", ")));
        }
        Finding::new(what, &rule.hint)
    }

    /// Judges an arrow. `last` is where in a sequence the one before it was found.
    fn arrow(&self, rule: &ArrowRule, last: &mut Option<usize>) -> Option<Finding> {
        let (from, to) = (&rule.from, &rule.to);
        let labels = self.labels(from, to, &rule.through);
        let on = match rule.words.first() {
            Some(first) => format!(", for `{first}`"),
            None => String::new(),
        };
        if labels.is_empty() {
            let what = match self.labels(to, from, &[]).is_empty() {
                true => format!("missing: an arrow from {from} to {to}{on}"),
                false => format!("wrong way round: the arrow must lead from {from} to {to}"),
            };
            return Some(Finding::new(what, &rule.hint));
        }
        let fits = |label: &str| rule.words.is_empty() || longest(&rule.words, label).is_some();
        if !labels.iter().any(|label| fits(label)) {
            let what = format!(
                "the arrow from {from} to {to} does not say one of: {}",
                rule.words.join(", ")
            );
            return Some(Finding::new(what, &rule.hint));
        }
        self.order(rule, last)
    }

    fn order(&self, rule: &ArrowRule, last: &mut Option<usize>) -> Option<Finding> {
        if !self.rubric.in_order {
            return None;
        }
        let arrows = self.graph.arrows.iter().enumerate();
        let fits = |it: &Arrow| self.is_drawn_for(rule, it);
        let after = |at: &usize| last.is_none_or(|last| *at > last);
        let mut places = arrows.filter(|(_, it)| fits(it)).map(|(at, _)| at);
        match places.find(after) {
            Some(at) => {
                if !rule.loose {
                    *last = Some(at);
                }
                None
            }
            None => {
                let what = format!("too early: the arrow from {} to {}", rule.from, rule.to);
                Some(Finding::new(what, &rule.hint))
            }
        }
    }

    /// Whether the arrow is the one that the rule asks for.
    fn is_drawn_for(&self, rule: &ArrowRule, arrow: &Arrow) -> bool {
        self.name_of(&arrow.from) == Some(&rule.from)
            && self.reaches(arrow, &rule.to)
            && (rule.words.is_empty() || longest(&rule.words, &arrow.words).is_some())
    }

    /// Whether the arrow leads there, be it past nodes that the rubric does not know.
    fn reaches(&self, arrow: &Arrow, to: &str) -> bool {
        match self.name_of(&arrow.to) {
            Some(name) => name == to,
            None => !self.onward(&arrow.to, to, &[], &arrow.words).is_empty(),
        }
    }

    /// What is written on the ways from one to the other, which may lead `through` these and past nodes
    /// that the rubric does not know; one text for each way.
    fn labels(&self, from: &str, to: &str, through: &[String]) -> Vec<String> {
        let starts = self.names.iter().filter(|(_, name)| *name == from);
        starts
            .flat_map(|(id, _)| self.onward(id, to, through, ""))
            .collect()
    }

    fn onward(&self, from: &str, to: &str, through: &[String], so_far: &str) -> Vec<String> {
        let mut seen = HashSet::from([from.to_owned()]);
        let mut open = vec![(from.to_owned(), so_far.to_owned())];
        let mut found = Vec::new();
        while let Some((at, so_far)) = open.pop() {
            for arrow in self.graph.arrows.iter().filter(|it| it.from == at) {
                let label = format!("{so_far} {}", arrow.words);
                match self.name_of(&arrow.to) {
                    Some(name) if name == to => found.push(label),
                    Some(name) if !through.iter().any(|it| it == name) => {}
                    _ if self.graph.kind == Kind::Sequence => {}
                    _ if seen.insert(arrow.to.clone()) => open.push((arrow.to.clone(), label)),
                    _ => {}
                }
            }
        }
        found
    }

    fn wrong(&self) -> impl Iterator<Item = Finding> {
        let drawn = |from: &str, to: &str| {
            let mut arrows = self.graph.arrows.iter();
            arrows
                .any(|it| self.name_of(&it.from) == Some(from) && self.name_of(&it.to) == Some(to))
        };
        let wrong = self.rubric.wrong.iter();
        wrong.filter(move |it| drawn(&it.from, &it.to)).map(|it| {
            let what = format!("wrong: an arrow from {} to {}", it.from, it.to);
            Finding::new(what, &it.why)
        })
    }
}

#[cfg(test)]
mod tests;
