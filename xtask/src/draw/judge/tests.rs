use super::*;

const RUBRIC: &str = r#"
[[node]]
name = "client"
words = ["client", "redis cli"]

[[node]]
name = "parser"
words = ["parse", "resp"]
hint = "Where do bytes become commands?"

[[node]]
name = "store"
words = ["store", "keys"]

[[node]]
name = "disk"
words = ["disk"]
optional = true

[[arrow]]
from = "client"
to = "parser"
words = ["bytes"]

[[arrow]]
from = "parser"
to = "store"

[[wrong]]
from = "client"
to = "store"
why = "No client touches the store."

[[wrong]]
from = "store"
to = "disk"
why = "It is in memory."
"#;

fn told(rubric: &str, diagram: &str) -> String {
    let rubric: Rubric = toml::from_str(rubric).expect("a rubric");
    let graph = Graph::read(diagram).expect("a diagram");
    let findings = judge(&rubric, &graph);
    findings.iter().map(|it| format!("{};", it.what)).collect()
}

#[test]
fn a_letter_is_a_name() {
    let rubric = RUBRIC.replace("\"redis cli\"", "\"a\"");
    for (name, missing) in [("client a", ""), ("A", ""), ("AOF", "missing: client")] {
        let diagram = format!("flowchart LR\n N[{name}] -->|bytes| parser --> store");
        assert!(told(&rubric, &diagram).starts_with(missing), "{name}");
    }
}

#[test]
fn an_arrow_may_lead_through_a_node_that_the_rubric_allows() {
    let direct = "flowchart LR\n client -->|bytes| parser --> disk --> store";
    assert_ne!(told(RUBRIC, direct), "");
    let rubric = RUBRIC.replace(
        "to = \"store\"\n\n",
        "to = \"store\"\nthrough = [\"disk\"]\n\n",
    );
    assert_eq!(told(&rubric, direct), "");
}

#[test]
fn other_words_and_nodes_in_between_are_fine() {
    for diagram in [
        "flowchart LR\n C[client] -->|bytes| P[parser] --> S[store]",
        "flowchart LR\n C[redis-cli] -- \"the bytes\" --> P[RESP] --> X[dispatch] --> S[the keys]",
        "flowchart LR\n client -->|bytes| N[net] <--> parser --> store",
        "flowchart LR\n theClient -->|bytes| theParser --> theStore",
        "flowchart LR\n subgraph P [parser]\n  A\n end\n C[client] -->|bytes| P\n P --> S[store]",
        "flowchart LR\n C[a client of the store] -->|bytes| P[client parser] --> S[store of keys]",
        "stateDiagram-v2\n client --> parser: bytes\n parser --> store",
        "sequenceDiagram\n participant C as Client\n C->>Parser: bytes\n Parser->>Store: get",
    ] {
        assert_eq!(told(RUBRIC, diagram), "", "{diagram}");
    }
}

#[test]
fn planted_faults_are_told() {
    for (diagram, what) in [
        ("flowchart LR\n client --> store", "missing: parser"),
        (
            "flowchart LR\n client --> store",
            "wrong: an arrow from client to store",
        ),
        (
            "flowchart LR\n client -->|bytes| parser\n store --> parser",
            "wrong way round: the arrow must lead from parser to store",
        ),
        (
            "flowchart LR\n client -->|bytes| parser\n store",
            "missing: an arrow from parser to store",
        ),
        (
            "flowchart LR\n client --> parser --> store",
            "does not say one of: bytes",
        ),
        (
            "flowchart LR\n client -->|bytes| A[keys and parser] --> D[disk]",
            "missing: store; `keys and parser` was taken for parser",
        ),
        (
            "flowchart LR\n client -->|bytes| parser --> store --> disk",
            "wrong: an arrow from store to disk",
        ),
    ] {
        let told = told(RUBRIC, diagram);
        assert!(told.contains(what), "{diagram}: {told}");
    }
}

#[test]
fn the_order_of_a_sequence_counts_if_it_is_asked_for() {
    let ordered = "kind = \"sequenceDiagram\"\nin_order = true\n[[node]]\nname = \"a\"\nwords = [\"a\"]\n\
         [[node]]\nname = \"b\"\nwords = [\"b\"]\n\
         [[arrow]]\nfrom = \"a\"\nto = \"b\"\nwords = [\"write\"]\n\
         [[arrow]]\nfrom = \"b\"\nto = \"a\"\nwords = [\"ok\"]\n";
    let good = "sequenceDiagram\n a->>b: write\n Note over a: waits\n b-->>a: OK";
    assert_eq!(told(ordered, good), "");
    let early = "sequenceDiagram\n b-->>a: OK\n a->>b: write";
    assert!(told(ordered, early).contains("too early: the arrow from b to a"));
    let loose = ordered.replace("[\"write\"]", "[\"write\"]\nloose = true");
    assert_eq!(told(&loose, early), "");
    let other = told(ordered, "flowchart LR\n a -->|write| b -->|ok| a");
    assert!(other.contains("a sequenceDiagram is asked for"), "{other}");
}

#[test]
fn what_would_not_be_missed_is_known() {
    let rubric: Rubric = toml::from_str(RUBRIC).expect("a rubric");
    let graph = |text| Graph::read(text).expect("a diagram");
    let once = graph("flowchart LR\n client -->|bytes| parser --> store");
    assert_eq!(idle(&rubric, &once), Vec::<String>::new());
}

#[test]
fn what_is_no_diagram_is_refused() {
    for text in ["", "hello", "pie\n \"a\": 3", "flowchart LR\n A[x --> B"] {
        Graph::read(text).expect_err(text);
    }
}
