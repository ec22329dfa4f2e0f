//! `cargo xtask draw`, and what `docs` checks of a module's page.

use std::fs;

use crate::scratch::{Scratch, Told};

const PAGE: &str = "advanced/chapters/001-echo/README.md";

const README: &str = "# Module

## Runtime path

1. [`main`](../../../01-echo/src/main.rs): listens.
2. [`answer`](../../../01-echo/src/answer.rs): answers,
   called through a table.

## The diagram

```mermaid
flowchart LR
  A[client] -->|bytes| B[server]
  B --> A
```
";

const RUBRIC: &str = r#"
[[node]]
name = "client"
words = ["client"]
hint = "Who asks?"

[[node]]
name = "server"
words = ["server", "echo"]

[[arrow]]
from = "client"
to = "server"
words = ["bytes"]

[[arrow]]
from = "server"
to = "client"
"#;

fn workshop() -> Scratch {
    let scratch = Scratch::clean();
    scratch.write(PAGE, README);
    scratch.write("advanced/chapters/001-echo/rubric.toml", RUBRIC);
    scratch.write("01-echo/src/answer.rs", "fn answer() {}\n");
    scratch
}

fn draw(scratch: &Scratch, diagram: &str) -> Told {
    let file = scratch.path("my.mmd");
    fs::write(&file, diagram).expect("can write");
    scratch.run(&["draw", "001", &file.to_string_lossy()])
}

#[test]
fn a_diagram_is_held_against_its_rubric() {
    let scratch = workshop();
    let good = "flowchart LR\n C[redis client] -->|the bytes| E[echo]\n E -->|again| C\n";
    draw(&scratch, good).fine(&["my.mmd shows all of it: 2 nodes and 2 arrows"]);
    let in_a_page = format!("# Mine\n\n```mermaid\n{good}```\n");
    draw(&scratch, &in_a_page).fine(&["shows all of it"]);
    draw(&scratch, "flowchart LR\n E[echo] --> D[disk]\n").fails(&[
        "missing: client (it may be called: client)",
        "think: Who asks?",
        "one thing in the diagram is not as it should be",
    ]);
    draw(&scratch, "flowchart LR\n client -->|bytes| server\n")
        .fails(&["wrong way round: the arrow must lead from server to client"]);
    draw(&scratch, "").fails(&["my.mmd:1: an empty diagram"]);
    draw(&scratch, "client, then server\n").fails(&["starts no diagram known here"]);
    draw(
        &scratch,
        "# Mine\n```mermaid\nflowchart LR\n A[x --> B\n```\n",
    )
    .fails(&["my.mmd:4: the diagram does not parse"]);
}

#[test]
fn a_module_without_a_diagram_is_told() {
    let scratch = workshop();
    let told = scratch.run(&["draw", "012", "my.mmd"]);
    told.fails(&["no module `012` has a diagram; choose one of: 001-echo"]);
}

#[test]
fn a_page_has_a_diagram_that_passes() {
    let scratch = workshop();
    scratch
        .run(&["docs", "root"])
        .fine(&["ok advanced/chapters/001-echo/README.md"]);
    scratch.replace(PAGE, "  B --> A\n", "");
    scratch.run(&["docs", "root"]).fails(&[
        "advanced/chapters/001-echo/README.md:11: wrong way round",
        "mend the diagram, or rubric.toml",
    ]);
    scratch.replace(PAGE, "## The diagram", "## A picture");
    scratch
        .run(&["docs", "root"])
        .fails(&["a rubric.toml, and no diagram under `## The diagram`"]);
}

#[test]
fn a_rubric_must_name_what_it_speaks_of() {
    let scratch = workshop();
    let rubric = "advanced/chapters/001-echo/rubric.toml";
    scratch.replace(rubric, "from = \"server\"", "from = \"sever\"");
    scratch
        .run(&["docs", "root"])
        .fails(&["an arrow to or from `sever`, and no such node"]);
}

#[test]
fn the_functions_of_a_runtime_path_are_there() {
    let scratch = workshop();
    scratch.replace(PAGE, "`main`", "`start`");
    scratch
        .run(&["docs", "root"])
        .fails(&["README.md:5: ", "has no function `start`"]);
    scratch.replace(PAGE, "`start`", "`main`");
    scratch.replace(PAGE, "through a table", "at some time");
    scratch
        .run(&["docs", "root"])
        .fails(&["README.md:6: no function before it on the path names `answer`"]);
    scratch.replace(
        PAGE,
        "2. [`answer`](../../../01-echo/src/answer.rs)",
        "2. Then it answers",
    );
    scratch
        .run(&["docs", "root"])
        .fails(&["README.md:6: this item of the path names no function"]);
    let stale = "01-echo/src/answer.rs";
    scratch.write(PAGE, README);
    scratch.write(stale, "fn reply() {}\n");
    scratch
        .run(&["docs", "root"])
        .fails(&["has no function `answer`"]);
}
