//! What a diagram says, without how it looks: named nodes, and arrows in their order.

use merman_core::{Engine, ParseOptions};
use serde_json::Value;

use crate::docs::diagram;
use crate::docs::page::Block;
use crate::docs::report::Fault;

/// A diagram.
#[derive(Clone, Debug)]
pub struct Graph {
    pub kind: Kind,
    pub nodes: Vec<Node>,
    pub arrows: Vec<Arrow>,
}

/// What sort of a diagram it is. Only in a sequence does the order of the arrows mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Flowchart,
    Sequence,
    States,
}

impl Kind {
    /// The word with which Mermaid begins it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Flowchart => "flowchart",
            Kind::Sequence => "sequenceDiagram",
            Kind::States => "stateDiagram-v2",
        }
    }
}

/// A box, a participant or a state.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    /// What is written in it, as words in small letters.
    pub words: String,
    /// The same as it was written.
    pub shown: String,
}

/// An arrow, a message or a transition.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    /// What is written on it, as words in small letters.
    pub words: String,
}

impl Graph {
    /// Parses Mermaid. A fault's line is counted from 1.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let block = Block {
            line: 0,
            info: "mermaid".to_owned(),
            body: text.lines().map(str::to_owned).collect(),
            margin: String::new(),
        };
        if let Some(fault) = diagram::check(&block) {
            return Err(fault);
        }
        let parsed = Engine::new().parse_diagram_sync(text, ParseOptions::strict());
        let model = parsed.ok().flatten().map(|diagram| diagram.model);
        let graph = model.as_ref().map(|model| match string(model, "type") {
            "sequence" => sequence(model),
            "stateDiagram" => states(model),
            _ => flowchart(model),
        });
        graph.ok_or_else(|| Fault::new(1, "this is no diagram", "draw one in Mermaid"))
    }
}

fn flowchart(model: &Value) -> Graph {
    let boxes = list(model, "nodes").map(|it| node(string(it, "id"), string(it, "label")));
    let rooms = list(model, "subgraphs").map(|it| node(string(it, "id"), string(it, "title")));
    // An arrow to a subgraph makes a node of its name, without its title.
    let rooms: Vec<_> = rooms.collect();
    let is_room = |it: &Node| rooms.iter().any(|room| room.id == it.id);
    let mut nodes: Vec<_> = boxes.filter(|it| !is_room(it)).collect();
    nodes.extend(rooms.iter().cloned());
    let mut arrows = Vec::new();
    for edge in list(model, "edges") {
        let (from, to) = (string(edge, "from"), string(edge, "to"));
        let on = string(edge, "label");
        arrows.push(arrow(from, to, on));
        if string(edge, "type").starts_with("double_arrow") {
            arrows.push(arrow(to, from, on));
        }
    }
    Graph {
        kind: Kind::Flowchart,
        nodes,
        arrows,
    }
}

/// How the parser numbers a note, which also has two ends.
const NOTE: u64 = 2;

fn sequence(model: &Value) -> Graph {
    let order = list(model, "actorOrder").filter_map(Value::as_str);
    let nodes = order.map(|id| node(id, string(&model["actors"][id], "description")));
    let messages = list(model, "messages").filter(|it| it["type"].as_u64() != Some(NOTE));
    let ends = |it: &Value| !string(it, "from").is_empty() && !string(it, "to").is_empty();
    let messages = messages.filter(|it| ends(it));
    Graph {
        kind: Kind::Sequence,
        nodes: nodes.collect(),
        arrows: messages
            .map(|it| arrow(string(it, "from"), string(it, "to"), string(it, "message")))
            .collect(),
    }
}

fn states(model: &Value) -> Graph {
    let all = list(model, "nodes").filter(|it| !string(it, "shape").starts_with("note"));
    let nodes = all.map(|it| match string(it, "shape") {
        "stateStart" => named(string(it, "id"), "start", "[*]"),
        "stateEnd" => named(string(it, "id"), "end", "[*]"),
        _ => node(string(it, "id"), string(it, "label")),
    });
    Graph {
        kind: Kind::States,
        nodes: nodes.collect(),
        arrows: list(model, "edges")
            .map(|it| arrow(string(it, "start"), string(it, "end"), string(it, "label")))
            .collect(),
    }
}

/// A node is known by its label, and by an id that is a word, or several: `lastReply`.
fn node(id: &str, label: &str) -> Node {
    let apart = apart(id);
    let told = if id.len() > 2 && apart != label {
        format!("{label} {apart}")
    } else {
        label.to_owned()
    };
    named(id, &words(&told), if label.is_empty() { id } else { label })
}

/// The id with a space before each capital letter that follows a small one.
fn apart(id: &str) -> String {
    let mut text = String::new();
    let mut was_small = false;
    for letter in id.chars() {
        if was_small && letter.is_uppercase() {
            text.push(' ');
        }
        was_small = letter.is_lowercase();
        text.push(letter);
    }
    text
}

fn named(id: &str, words: &str, shown: &str) -> Node {
    Node {
        id: id.to_owned(),
        words: words.to_owned(),
        shown: shown.to_owned(),
    }
}

fn arrow(from: &str, to: &str, label: &str) -> Arrow {
    Arrow {
        from: from.to_owned(),
        to: to.to_owned(),
        words: words(label),
    }
}

/// Words in small letters, with a space between them; line breaks and signs count as spaces.
pub fn words(text: &str) -> String {
    let text = text.replace("<br/>", " ").replace("<br>", " ");
    let text = text.replace("<br />", " ").to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
