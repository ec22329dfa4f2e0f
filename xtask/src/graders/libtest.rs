//! What Rust's test programs print: names, the result of each test, and what a
//! failed one said.
//!
//! The format for machines is not stable yet, so this reads the one for people,
//! which has not changed in years. The exit status, not this, decides whether
//! all passed.

/// A test that came to an end.
#[derive(Debug, PartialEq, Eq)]
pub struct Test {
    pub name: String,
    pub passed: bool,
    /// What it said, if it failed.
    pub said: String,
    /// Where it failed, like `03-get-set/tests/exercises.rs:12`.
    pub place: Option<String>,
}

/// The names in what `--list` prints, like `exercise_1_echo: test`.
pub fn names(list: &str) -> Vec<String> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.map(str::to_owned).collect()
}

/// Whether the program came to the end, and found a failure.
pub fn failed(output: &str) -> bool {
    output.contains("test result: FAILED")
}

/// Every test that came to an end.
pub fn tests(output: &str) -> Vec<Test> {
    let results = output.lines().filter_map(result);
    let tests = results.map(|(name, passed)| {
        let section = if passed { "" } else { section(output, name) };
        let (place, said) = panic(section);
        Test {
            name: name.to_owned(),
            passed,
            said,
            place,
        }
    });
    tests.collect()
}

/// Name and result in a line like `test exercise_1_echo ... ok`.
fn result(line: &str) -> Option<(&str, bool)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.split(" - ").next().unwrap_or(name);
    match result {
        "ok" => Some((name, true)),
        _ => result.starts_with("FAILED").then_some((name, false)),
    }
}

/// What a failed test printed.
fn section<'a>(output: &'a str, name: &str) -> &'a str {
    let heading = format!("---- {name} stdout ----\n");
    let Some((_, after)) = output.split_once(&heading) else {
        return "";
    };
    let ends = ["\n---- ", "\nfailures:\n"];
    let end = ends.iter().filter_map(|end| after.find(end)).min();
    &after[..end.unwrap_or(after.len())]
}

/// Where it panicked first, and all that was said but for what only helps the
/// one who wrote the test.
fn panic(section: &str) -> (Option<String>, String) {
    let mut place = None;
    let mut said = Vec::new();
    for line in section.lines() {
        match panicked_at(line) {
            Some(at) if place.is_none() => place = Some(at),
            _ if line.starts_with("note: run with `RUST_BACKTRACE") => {}
            _ => said.push(line),
        }
    }
    (place, said.join("\n").trim().to_owned())
}

/// The place in a line like `thread 'a' (1) panicked at tests/a.rs:12:5:`.
fn panicked_at(line: &str) -> Option<String> {
    let (_, place) = line.strip_prefix("thread '")?.split_once(" panicked at ")?;
    let (place, _column) = place.strip_suffix(':')?.rsplit_once(':')?;
    Some(place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 3 tests
test exercise_1_a ... FAILED
test exercise_1_b - should panic ... ok
test exercise_1_c ... 

failures:

---- exercise_1_a stdout ----

thread 'exercise_1_a' (77) panicked at 01-echo/tests/exercises.rs:12:5:
the reply differs
  sent      a
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
the server said:
hm


failures:
    exercise_1_a

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.05s
";

    #[test]
    fn each_result_and_what_was_said_are_read() {
        let tests = tests(OUTPUT);
        let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["exercise_1_a", "exercise_1_b"]);
        assert_eq!([tests[0].passed, tests[1].passed], [false, true]);
        assert_eq!(
            tests[0].said,
            "the reply differs\n  sent      a\nthe server said:\nhm"
        );
        let place = "01-echo/tests/exercises.rs:12";
        assert_eq!(tests[0].place.as_deref(), Some(place));
        assert!(failed(OUTPUT));
    }

    #[test]
    fn the_list_has_tests_and_other_things() {
        let list = "a::b: test\nc: benchmark\n\n1 test, 1 benchmark\n";
        assert_eq!(names(list), ["a::b"]);
    }
}
