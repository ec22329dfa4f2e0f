//! `cargo xtask docs`.

use crate::scratch::Scratch;

const README: &str = "01-echo/README.md";
const GUIDE: &str = "01-echo/GUIDE.md";

/// A console command that asks the scratch server.
fn ask(word: &str) -> String {
    format!("exec 3<>/dev/tcp/127.0.0.1/6380; echo {word} >&3; head -n 1 <&3")
}

#[test]
fn a_clean_workshop_passes() {
    let told = Scratch::clean().run_in_ci(&["docs"]);
    told.fine(&[
        "ok README.md: console blocks 0 run; snippets 0; links 1; diagrams 0",
        "ok 01-echo/README.md: console blocks 1 run, 1 not run",
        "ok 01-echo/GUIDE.md: console blocks 0 run; snippets 1; links 3; diagrams 1",
        "10-capstone: no pages yet",
        "all that the pages say holds; pages checked: 4",
    ]);
}

#[test]
fn a_scope_leaves_the_rest_alone() {
    let scratch = Scratch::clean();
    scratch.replace(GUIDE, "## The idea\n", "");
    scratch.run(&["docs", "02"]).fine(&["pages checked: 1"]);
    scratch.run(&["docs", "root"]).fails(&[
        "README.md:3",
        "`01-echo/GUIDE.md#the-idea` leads to no heading",
    ]);
    scratch.run(&["docs", "07"]).fails(&["there is no step 07"]);
}

#[test]
fn a_stale_snippet_is_seen() {
    let scratch = Scratch::clean();
    scratch.replace("01-echo/src/main.rs", "count += 1;", "count += 2;");
    scratch.run(&["docs", "01"]).fails(&[
        "01-echo/GUIDE.md:17: this is not in `src/main.rs`",
        "-         count += 1;",
        "+         count += 2;",
    ]);
    scratch.replace(GUIDE, "src/main.rs\nfor", "src/gone.rs\nfor");
    scratch
        .run(&["docs", "01"])
        .fails(&["GUIDE.md:14: `src/gone.rs` is not there"]);
}

#[test]
fn a_stale_snippet_is_told_with_what_is_there_now() {
    let scratch = Scratch::clean();
    let stale = "```rust src/main.rs\ncount += 1;\nmatch line.as_str() {\n```\n";
    scratch.write("01-echo/NOTES.md", stale);
    scratch.run(&["docs", "01"]).fails(&[
        "01-echo/NOTES.md:3: this is not in",
        "- match line.as_str() {",
        "+ match line?.as_str() {",
        "show lines 11 to 12 of `src/main.rs`",
    ]);
}

#[test]
fn a_change_is_compared_with_both_steps() {
    let scratch = Scratch::clean();
    scratch.replace("02-more/src/main.rs", "count += 1;", "count += 2;");
    let change = "```diff src/main.rs\n-            count += 1;\n+            count += 2;\n             match line?.as_str() {\n```\n";
    scratch.write("02-more/NOTES.md", change);
    scratch
        .run(&["docs", "02"])
        .fine(&["NOTES.md: console blocks 0 run; snippets 1"]);
    scratch.replace("02-more/NOTES.md", "count += 1", "count += 0");
    scratch
        .run(&["docs", "02"])
        .fails(&["`src/main.rs` of 01-echo (with the `-` lines)"]);
    scratch.write(
        "02-more/NOTES.md",
        &change.replace("count += 2", "count += 3"),
    );
    scratch
        .run(&["docs", "02"])
        .fails(&["`src/main.rs` (with the `+` lines)"]);
    scratch.write("01-echo/NOTES.md", change);
    scratch
        .run(&["docs", "01"])
        .fails(&["a change where there is no step before"]);
}

#[test]
fn a_command_that_fails_is_seen() {
    let scratch = Scratch::clean();
    let page = "```console\n$ echo a; exit 3\na\n$ false; echo $?\n1\n$ yes | head -n 1\ny\n```\n";
    scratch.write("01-echo/NOTES.md", page);
    let told = scratch.run(&["docs", "01"]);
    told.fails(&[
        "NOTES.md:2: `echo a; exit 3` fails: exit status: 3",
        "faults: 1,",
    ]);
}

#[test]
fn a_command_of_the_workshop_must_exist() {
    let scratch = Scratch::clean();
    scratch.write("Makefile", "01-echo:\n\t@true\n\ncheck-%:\n\t@true\n");
    let page = "```console not-run: would start it\n$ make 01-echo\n$ make 02-more\n$ make check-07\n\
                $ cargo xtask convey 02\n```\n\nOr `make check-01`.\n";
    scratch.write("01-echo/NOTES.md", page);
    scratch.run(&["docs", "01"]).fails(&[
        "NOTES.md:3: `make 02-more`, and the Makefile has no rule that does that",
        "NOTES.md:4: `make check-07`",
        "NOTES.md:5: `cargo xtask convey 02`: error: unrecognized subcommand 'convey'",
        "faults: 3,",
    ]);
}

#[test]
fn a_block_that_nothing_checks_is_seen() {
    let scratch = Scratch::clean();
    let page = "```rust\nlet a = 1;\n```\n\n```rust sketch:\nlet a = 1;\n```\n\n```console not-run:\n$ x\n```\n\n```bash\nx\n```\n";
    scratch.write("01-echo/NOTES.md", page);
    scratch.run(&["docs", "01"]).fails(&[
        "NOTES.md:1: a Rust block without a label",
        "NOTES.md:5: `sketch` without a reason",
        "NOTES.md:9: `not-run` without a reason",
        "NOTES.md:13: a `bash` block is not run",
    ]);
}

#[test]
fn wrong_output_is_seen_and_can_be_blessed() {
    let scratch = Scratch::clean();
    let stale = format!(
        "# A\n\n> ```console\n> $ {}\n> pang\n> $ {}; echo new\n> port 6380 id …\n> ```\n",
        ask("ping"),
        ask("port")
    );
    scratch.write("01-echo/NOTES.md", &stale);
    scratch.run(&["docs", "01"]).fails(&[
        "NOTES.md:4: `exec",
        "- pang",
        "+ pong",
        "NOTES.md:6: `exec",
        "  port 6380 id …",
        "+ new",
        "--bless",
        "faults: 2,",
    ]);
    scratch
        .run(&["docs", "01", "--bless"])
        .fine(&["wrote the output of 2 commands"]);
    let fresh = stale
        .replace("pang", "pong")
        .replace("id …\n", "id …\n> new\n");
    assert_eq!(scratch.read("01-echo/NOTES.md"), fresh);
    scratch.run(&["docs", "01"]).fine(&["pages checked: 3"]);
}

#[test]
fn blocks_share_a_server_and_a_folder_and_pages_do_not() {
    let scratch = Scratch::clean();
    let page = format!(
        "```console\n$ {0}\n1\n$ echo kept > file\n```\n\n```console\n$ {0}\n2\n$ cat file\nkept\n```\n",
        ask("count")
    );
    scratch.write("01-echo/A.md", &page);
    scratch.write("01-echo/B.md", &page);
    scratch
        .run(&["docs", "01"])
        .fine(&["ok 01-echo/A.md: console blocks 2 run", "ok 01-echo/B.md"]);
}

#[test]
fn commands_with_no_place_in_a_block_that_is_run_are_seen() {
    let scratch = Scratch::clean();
    scratch.write("01-echo/A.md", "```console\n$ cd .. && cargo test\n```\n\n```console\n$ target/debug/step01-echo --port 6380\n```\n");
    scratch.write(
        "CONTRIBUTING.md",
        "```console\n$ cat /dev/tcp/127.0.0.1/6380\n```\n\n```console\n$ echo hi\nhi\n```\n",
    );
    scratch.run(&["docs"]).fails(&[
        "01-echo/A.md:2: `cargo` in a console block that is run",
        "01-echo/A.md:6: `target/debug/step01-echo` in a console block that is run",
        "CONTRIBUTING.md:2: a command that needs a server on a page that has none",
        "CONTRIBUTING.md: console blocks 1 run",
    ]);
}

#[test]
fn a_missing_program_is_a_notice_and_in_ci_a_fault() {
    let scratch = Scratch::clean();
    scratch.write(
        "01-echo/A.md",
        "```console\n$ echo a | no-such-program-here\nb\n```\n",
    );
    scratch.run(&["docs", "01"]).fine(&[
        "A.md: console blocks 0 run, 1 skipped",
        "A.md:1: skipped: this block needs `no-such-program-here`",
    ]);
    scratch
        .run_in_ci(&["docs", "01"])
        .fails(&["A.md:1: this block needs `no-such-program-here`"]);
}

#[test]
fn a_command_that_does_not_end_is_seen() {
    let scratch = Scratch::clean();
    scratch.write("A.md", "```console\n$ echo a; sleep 60\na\n```\n");
    scratch
        .run(&["docs", "root", "--time-limit", "3"])
        .fails(&["A.md:2: `echo a; sleep 60` did not end within 3 s"]);
}

#[test]
fn a_server_that_ends_or_cannot_be_had_is_seen() {
    let scratch = Scratch::clean();
    let page = format!(
        "```console\n$ {}\n$ {}\npong\n```\n",
        ask("die"),
        ask("ping")
    );
    scratch.write("01-echo/A.md", &page);
    scratch
        .run(&["docs", "01", "--bless"])
        .fails(&["A.md:3", "find out why the server ended"]);
    assert_eq!(scratch.read("01-echo/A.md"), page);
    scratch.replace(
        "01-echo/src/main.rs",
        "fn main() -> std::io::Result<()> {",
        "fn main() -> std::io::Result<()> { panic!(\"no way\");",
    );
    scratch
        .run(&["docs", "01"])
        .fails(&["A.md:2: the server of 01-echo does not start", "no way"]);
    scratch.write("01-echo/src/main.rs", "fn main() {");
    scratch
        .run(&["docs", "01"])
        .fails(&["A.md:2: the server of 01-echo cannot be built"]);
}

/// Lets the scratch server say its flags, and remember its count in a file.
fn with_memory() -> Scratch {
    let scratch = Scratch::clean();
    let server = "01-echo/src/main.rs";
    scratch.replace(
        server,
        "let mut count = 0;",
        "let flags: Vec<_> = std::env::args().skip(3).collect();
    if flags.contains(&\"--refuse\".to_owned()) {
        eprintln!(\"no, port {port}\");
        std::process::exit(1);
    }
    println!(\"port {port} flags {flags:?}\");
    let text = std::fs::read_to_string(\"count\").unwrap_or_default();
    let mut count: i32 = text.parse().unwrap_or_default();",
    );
    let remember = "std::fs::write(\"count\", count.to_string())?;\n            match line?";
    scratch.replace(server, "match line?", remember);
    scratch
}

#[test]
fn a_page_can_start_and_end_its_server_itself() {
    let scratch = with_memory();
    let count = ask("count");
    // The tool asks once itself, to know when the server is ready.
    let page = format!(
        "```console\n$ cat count; echo $?\ncat: count: No such file or directory\n1\n\
         $ make 01-echo ARGS='--a \"b c\"' &\nport 6380 flags [\"--a\", \"b c\"]\n$ {count}\n2\n```\n\n\
         ```console\n$ kill -9 %1\n$ cat count; echo\n2\n$ make 01-echo &\nport … flags []\n$ {count}\n4\n\
         $ kill %1\n$ make 01-echo ARGS=\"--refuse\" &\nno, port 6380\n```\n"
    );
    scratch.write("01-echo/A.md", &page);
    scratch
        .run(&["docs", "01"])
        .fine(&["ok 01-echo/A.md: console blocks 2 run"]);
    scratch.write("01-echo/A.md", &page.replace("\"b c\"]", "\"b\"]"));
    scratch.run(&["docs", "01"]).fails(&[
        "A.md:5: `make 01-echo ARGS=",
        "- port 6380 flags [\"--a\", \"b\"]",
        "+ port 6380 flags [\"--a\", \"b c\"]",
    ]);
}

#[test]
fn jobs_that_cannot_be_are_seen() {
    let scratch = with_memory();
    let page = "```console\n$ kill -9 %1\n$ make 01-echo &\nport 6380 flags []\n$ make 01-echo &\n$ kill -0 %1\n```\n\n\
                ```console\n$ make 02-more &\n```\n";
    scratch.write("01-echo/A.md", page);
    scratch.run(&["docs", "01", "--time-limit", "3"]).fails(&[
        "A.md:2: `kill -9 %1`: no server runs",
        "A.md:5: the server that the page started before still runs",
        "A.md:6: the server still runs after `kill -0 %1`",
        "A.md:10: `make` in a console block that is run",
    ]);
}

#[test]
fn dead_links_and_anchors_are_seen() {
    let scratch = Scratch::clean();
    let page = "[a](gone.md)\n[b](#gone) [c][nowhere]\n[d](../02-more/README.md#run-it-2)\n[e](../../outside.md)\n\
                <a href=\"gone.html\">f</a>\n[g](src/main.rs#L999)\n[h](https://example.invalid/x) [i](../02-more/) [NX][] [j](../02-more#run-it)\n";
    scratch.write("01-echo/A.md", page);
    scratch.run(&["docs", "01"]).fails(&[
        "A.md:1: the link `gone.md` leads to no file",
        "A.md:2: the link `#gone` leads to no heading",
        "A.md:2: the link [nowhere] is defined nowhere",
        "A.md:3: the link `../02-more/README.md#run-it-2` leads to no heading",
        "#run-it-1",
        "A.md:4: the link `../../outside.md` leaves the project",
        "A.md:5: the link `gone.html` leads to no file",
        "A.md:6: the link `src/main.rs#L999` leads to no line",
        "faults: 7,",
    ]);
}

#[test]
fn missing_and_misplaced_parts_of_a_guide_are_seen() {
    let scratch = Scratch::clean();
    scratch.replace(GUIDE, "## What can go wrong", "## What can go");
    scratch.replace(GUIDE, "<details><summary>5</summary>a</details>\n", "");
    scratch.replace(
        GUIDE,
        "## You will learn\n## The idea\n",
        "## The idea\n## You will learn\n",
    );
    scratch.run(&["docs", "01"]).fails(&[
        "GUIDE.md:1: the part \"What can go wrong\" is missing",
        "GUIDE.md:3: the part \"The idea\" is out of order",
        "GUIDE.md:27: \"Check yourself\" has 4 answers in <details>, not 5",
    ]);
}

#[test]
fn a_lesson_has_parts_of_its_own_and_is_checked_where_it_is_folded() {
    let scratch = Scratch::clean();
    let folded = "<details>\n<summary>Hint 1</summary>\n\n[a](gone.md)\n\n```rust src/main.rs\n\
                  count += 2;\n```\n\n</details>\n\n";
    let code = &scratch.read(GUIDE)[scratch.read(GUIDE).find("## The code").expect("a part")..];
    let code = &code[..code.find("## What can").expect("a part")];
    scratch.replace(
        GUIDE,
        code,
        &format!("## Build it\n\n<!-- given -->\n\n{folded}"),
    );
    scratch.write("01-echo/heart.toml", "");
    scratch.write("01-echo/NOTES.md", "[the code](GUIDE.md#the-code)\n");
    scratch.write("01-echo/INSTRUCTOR.md", "```console\n$ echo 1\n2\n```\n");
    scratch.run(&["docs", "01"]).fails(&[
        "GUIDE.md:19: the link `gone.md` leads to no file",
        "GUIDE.md:22: this is not in `src/main.rs`",
        "INSTRUCTOR.md:2: `echo 1`",
        "NOTES.md:1: the link `GUIDE.md#the-code` leads to no heading",
        "faults: 4,",
    ]);
    scratch.replace(GUIDE, "## Build it\n", "");
    scratch
        .run(&["docs", "01"])
        .fails(&["the part \"Build it\" is missing"]);
}

#[test]
fn exercises_have_four_tasks_with_three_hints() {
    let scratch = Scratch::clean();
    let hint = "<details>\n<summary>Hint</summary>\n\nTry.\n\n</details>\n";
    let task = |number: u8| format!("## {number}. Task\n\n{hint}{hint}{hint}\n");
    let all: String = (1..=4).map(task).collect();
    scratch.write("01-echo/EXERCISES.md", &all);
    scratch.run(&["docs", "01"]).fine(&[]);
    scratch.write(
        "01-echo/EXERCISES.md",
        &format!(
            "{}## 2. Task\n\n{hint}{hint}\n{}<details>",
            task(1),
            task(3)
        ),
    );
    scratch.run(&["docs", "01"]).fails(&[
        "EXERCISES.md:1: task 4 is missing",
        "\"2. Task\" has 2 hints in <details>, not 3",
        "9 <details> but 8 </details>",
    ]);
}

#[test]
fn a_broken_diagram_is_seen() {
    let scratch = Scratch::clean();
    scratch.replace(GUIDE, "A[accept] -->", "A[accept -->");
    scratch.run(&["docs", "01"]).fails(&[
        "01-echo/GUIDE.md:8: the diagram does not parse",
        "A[accept --> B[answer]",
    ]);
    scratch.replace(GUIDE, "flowchart TD", "flowchrt TD");
    scratch
        .run(&["docs", "01"])
        .fails(&["GUIDE.md:6: `flowchrt TD` starts no diagram"]);
}

#[test]
fn a_readme_is_checked_like_any_page() {
    let scratch = Scratch::clean();
    scratch.replace(README, "\npong\n", "\nPONG\n");
    scratch
        .run(&["docs", "01"])
        .fails(&["01-echo/README.md:12", "- PONG", "+ pong"]);
}

#[test]
fn each_suite_names_a_part_of_a_guide() {
    let scratch = Scratch::clean();
    let suite = |line: &str| {
        format!("//! A suite.\n{line}\n#[test]\nfn a() {{\n    Server::start();\n}}\n")
    };
    let file = "01-echo/tests/suite/a.rs";
    scratch.write(file, &suite("//! Reread: 01-echo/GUIDE.md#the-idea"));
    scratch.run(&["docs", "01"]).fine(&[]);
    scratch.write(file, &suite("//! Reread: 01-echo/GUIDE.md#the-idee"));
    scratch.run(&["docs", "01"]).fails(&[
        "01-echo/tests/suite/a.rs:2: `01-echo/GUIDE.md#the-idee` leads to no heading",
        "#the-idea",
    ]);
    let own = "//! Reread: 01-echo/GUIDE.md#the-idea\n\n/// Reread: 01-echo/GUIDE.md#the-cod";
    scratch.write(file, &suite(own));
    scratch
        .run(&["docs", "01"])
        .fails(&["01-echo/tests/suite/a.rs:4: `01-echo/GUIDE.md#the-cod` leads to no heading"]);
    scratch.write(file, &suite(""));
    scratch
        .run(&["docs", "01"])
        .fails(&["a.rs:1: this suite names no part of a GUIDE"]);
}
