//! Which node of a diagram is which of the rubric's.
//!
//! People write `thread of the primary` and `the client's connection`, so one text may fit two
//! rules. Of all ways to tell the nodes apart, the one is taken in which the most rules have a
//! node: a maximal matching, found by Kuhn's algorithm.

use super::graph::{Graph, words};
use super::rubric::Rubric;

/// For each node of the diagram, the number of its rule.
pub fn fit(rubric: &Rubric, graph: &Graph) -> Vec<Option<usize>> {
    let candidates: Vec<_> = graph
        .nodes
        .iter()
        .map(|node| candidates(rubric, &node.words))
        .collect();
    let mut matching = Matching {
        candidates: &candidates,
        rule_of: vec![None; graph.nodes.len()],
    };
    // What may be left out comes last.
    let (last, first): (Vec<usize>, _) =
        (0..rubric.nodes.len()).partition(|rule| rubric.nodes[*rule].optional);
    for rule in first.into_iter().chain(last) {
        matching.give(rule, &mut vec![false; graph.nodes.len()]);
    }
    // A second client is a client, too.
    let rules = matching.rule_of.iter().zip(&candidates);
    rules
        .map(|(rule, candidates)| rule.or(candidates.first().copied()))
        .collect()
}

/// The rules that fit a text, the best first.
fn candidates(rubric: &Rubric, text: &str) -> Vec<usize> {
    let rules = rubric.nodes.iter().enumerate();
    let mut fits: Vec<_> = rules
        .filter_map(|(at, rule)| Some((longest(&rule.words, text)?, at)))
        .collect();
    fits.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    fits.into_iter().map(|(_, at)| at).collect()
}

struct Matching<'a> {
    candidates: &'a [Vec<usize>],
    rule_of: Vec<Option<usize>>,
}

impl Matching<'_> {
    /// Gives the rule a node, be it by giving another rule a different one.
    fn give(&mut self, rule: usize, seen: &mut [bool]) -> bool {
        let mut nodes: Vec<_> = (0..seen.len())
            .filter(|node| self.candidates[*node].contains(&rule))
            .collect();
        nodes.sort_by_key(|node| self.candidates[*node].iter().position(|it| *it == rule));
        for node in nodes {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            let is_free = match self.rule_of[node] {
                None => true,
                Some(other) => self.give(other, seen),
            };
            if is_free {
                self.rule_of[node] = Some(rule);
                return true;
            }
        }
        false
    }
}

/// The length of the longest of these that is in the text, where a word begins. A single letter is a
/// name, and no beginning of a word: `a` is not in `AOF`.
pub fn longest(any: &[String], text: &str) -> Option<usize> {
    let text = format!(" {text} ");
    let any = any.iter().map(|it| words(it));
    let fits = any.filter(|it| match it.len() {
        1 => text.contains(&format!(" {it} ")),
        _ => text.contains(&format!(" {it}")),
    });
    fits.map(|it| it.len()).max()
}
