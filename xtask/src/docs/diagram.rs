//! Mermaid diagrams: each must parse, or the page shows an error in its place.
//!
//! `merman-core` does the parsing, a port of Mermaid's own grammars. It is
//! compiled with the three kinds that the workshop draws, and with no others,
//! for each costs build time.

use merman_core::{Engine, Error, ParseOptions};
use serde_json::Value;

use super::page::Block;
use super::report::Fault;

const KINDS: &str = "flowchart, sequenceDiagram or stateDiagram-v2";

/// A fault if the diagram does not parse.
pub fn check(block: &Block) -> Option<Fault> {
    let text: String = block.body.iter().map(|line| format!("{line}\n")).collect();
    match Engine::new().parse_diagram_sync(&text, ParseOptions::strict()) {
        Ok(Some(diagram)) => stray_arrow(block, &diagram.model),
        Ok(None) => Some(unknown(block)),
        Err(Error::DiagramParse { diagnostic, .. }) => {
            let at = diagnostic
                .span()
                .map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..at]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            let line = line.min(block.body.len().saturating_sub(1));
            let what = format!(
                "the diagram does not parse: {}",
                first_words(diagnostic.message())
            );
            let next =
                "repair this line, or the one before it; https://mermaid.live shows the diagram";
            let shown = block.body.get(line).cloned().unwrap_or_default();
            Some(Fault::new(block.line + 1 + line, what, next).with_detail(shown.trim()))
        }
        Err(Error::UnsupportedDiagram { .. } | Error::DetectType(_)) => Some(unknown(block)),
        Err(error) => {
            let what = format!("the diagram does not parse: {error}");
            Some(Fault::new(
                block.line,
                what,
                "repair it; https://mermaid.live shows the diagram",
            ))
        }
    }
}

fn unknown(block: &Block) -> Fault {
    let first = block.body.iter().find(|line| !line.trim().is_empty());
    let what = match first {
        Some(first) => format!("`{}` starts no diagram known here", first.trim()),
        None => "an empty diagram".to_owned(),
    };
    Fault::new(block.line, what, format!("draw a {KINDS}"))
}

/// In a state diagram, Mermaid takes a wrong arrow for the name of a state, and
/// draws that without a complaint.
fn stray_arrow(block: &Block, model: &Value) -> Option<Fault> {
    if model.get("type")?.as_str()? != "stateDiagram" {
        return None;
    }
    let states = model.get("states")?.as_object()?;
    let arrow = states
        .keys()
        .find(|name| !name.contains(char::is_alphanumeric))?;
    let at = block
        .body
        .iter()
        .position(|line| line.contains(arrow.as_str()));
    let line = block.line + 1 + at.unwrap_or_default();
    let what = format!("`{arrow}` is no arrow of a state diagram, but drawn as a state");
    Some(Fault::new(line, what, "write the arrow as -->"))
}

/// Without the long list of all that would have been right.
fn first_words(message: &str) -> &str {
    message
        .split("; expected newline")
        .next()
        .unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_line(text: &str) -> Option<usize> {
        let block = Block {
            line: 10,
            info: "mermaid".to_owned(),
            body: text.lines().map(str::to_owned).collect(),
            margin: String::new(),
        };
        check(&block).map(|fault| fault.line)
    }

    #[test]
    fn good_diagrams_pass() {
        for text in [
            "flowchart TD\n  A[accept] --> B{full?}\n  B -- yes --> C[(disk)]\n  subgraph s\n    D\n  end",
            "sequenceDiagram\n  participant C as Client\n  C->>S: PING\n  S-->>C: +PONG\n  loop each\n    C->>S: x\n  end",
            "stateDiagram-v2\n  [*] --> A\n  A --> B: bytes\n  state B {\n    [*] --> C\n  }\n  B --> [*]",
        ] {
            assert_eq!(fault_line(text), None, "{text}");
        }
    }

    #[test]
    fn broken_diagrams_are_caught_at_their_line() {
        for (text, line) in [
            ("flowchrt TD\n  A --> B", 10),
            ("pie\n  \"a\": 3", 10),
            ("", 10),
            ("flowchart TD\n  A[x --> B", 12),
            ("flowchart TD\n  A[\"x] --> B", 12),
            ("flowchart TD\n  A --> B\n  A -> C", 13),
            ("flowchart TD\n  subgraph s\n  A --> B", 13),
            ("sequenceDiagram\n  C=>S: x", 12),
            ("sequenceDiagram\n  C->>S", 12),
            ("sequenceDiagram\n  loop x\n  C->>S: y", 13),
            ("stateDiagram-v2\n  A -> B", 12),
            ("stateDiagram-v2\n  A --> B\n  A ==> B", 13),
            ("stateDiagram-v2\n  state A {\n  B --> C", 13),
        ] {
            assert_eq!(fault_line(text), Some(line), "{text}");
        }
    }
}
