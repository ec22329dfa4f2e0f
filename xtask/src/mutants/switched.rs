//! Many changes in one program, each with a switch in front of it: a step is compiled once, and
//! not once for each change. While it runs without one, the program says which it comes across.

use std::ops::Range;

use super::changes::{Change, Form};

/// The environment variable with the number of the change that is on.
pub const ON: &str = "WORKSHOP_MUTANT";

/// The environment variable with a folder, in which the program makes an empty file for each
/// change that it comes across, under its number.
pub const REACHED: &str = "WORKSHOP_MUTANTS_REACHED";

/// A text with switches.
#[derive(Default)]
pub struct Switched {
    pub text: String,
    /// Where in it the change of that number is, the outer ones first.
    places: Vec<(Range<usize>, usize)>,
}

impl Switched {
    /// Puts the changes, each with its number, into the text of their file.
    pub fn new(text: &str, mut changes: Vec<(usize, &Change)>) -> Self {
        let order = |Range { start, end }: &Range<usize>| (*start, start < end, usize::MAX - end);
        changes.sort_by_key(|(_, it)| order(&it.range));
        let mut switched = Self::default();
        switched.write(text, 0..text.len(), &changes);
        switched
    }

    fn write(&mut self, text: &str, range: Range<usize>, mut changes: &[(usize, &Change)]) {
        let mut at = range.start;
        while let Some(((number, change), rest)) = changes.split_first() {
            let Change {
                range, new, form, ..
            } = change;
            self.text += &text[at..range.start];
            let begin = self.text.len();
            let place = self.places.len();
            self.places.push((begin..begin, *number));
            let inside = rest.partition_point(|(_, it)| it.range.start < range.end);
            let on = format!("crate::mutant({number})");
            match form {
                Form::Return => self.text += &format!("if {on} {{ return {new}; }} "),
                Form::Guard => self.text += &format!(" if !{on}"),
                Form::Expression | Form::Statement => {
                    let [open, close] = match form {
                        Form::Expression => ["(", ")"],
                        _ => ["", ""],
                    };
                    self.text += &format!("{open}if {on} {{ {new} }} else {{ ");
                    self.write(text, range.clone(), &rest[..inside]);
                    self.text += &format!(" }}{close}");
                }
            }
            self.places[place].0.end = self.text.len();
            at = range.end;
            changes = &rest[inside * usize::from(!range.is_empty())..];
        }
        self.text += &text[at..range.end];
    }

    /// The change of which the compiler speaks at this line and column, which are counted from 1:
    /// the innermost there, or the last before it.
    pub fn at(&self, line: usize, column: usize) -> Option<usize> {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines
            .by_ref()
            .take(line.checked_sub(1)?)
            .map(str::len)
            .sum();
        let inside = lines.next()?.chars().take(column.checked_sub(1)?);
        let at = before + inside.map(char::len_utf8).sum::<usize>();
        let around = self.places.iter().rev().find(|it| it.0.contains(&at));
        let last = || self.places.iter().rev().find(|it| it.0.start <= at);
        around.or_else(last).map(|(_, number)| *number)
    }
}

/// What a library needs for so many changes.
pub fn switch(count: usize) -> String {
    format!(
        "
pub fn mutant(number: usize) -> bool {{
    use std::sync::LazyLock;
    use std::sync::atomic::{{AtomicBool, Ordering}};
    static ON: LazyLock<Option<usize>> =
        LazyLock::new(|| std::env::var({ON:?}).ok()?.parse().ok());
    static FOLDER: LazyLock<Option<std::path::PathBuf>> =
        LazyLock::new(|| Some(std::env::var_os({REACHED:?})?.into()));
    static REACHED: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];
    if let Some(folder) = &*FOLDER
        && !REACHED[number].load(Ordering::Relaxed)
        && std::fs::File::create(folder.join(number.to_string())).is_ok()
    {{
        REACHED[number].store(true, Ordering::Relaxed);
    }}
    *ON == Some(number)
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::super::changes::{of, tests::TEXT};
    use super::*;

    #[test]
    fn changes_stand_within_one_another() {
        let changes = of("src/a.rs", TEXT).expect("it parses");
        let switched = Switched::new(TEXT, changes.iter().enumerate().collect());
        for part in [
            "if crate::mutant(0) { return true; } if crate::mutant(1) { return false; } \
                if crate::mutant(2) {  } else { c(); }\n",
            "1 if !crate::mutant(3) => (if crate::mutant(4) { b + 1 <= 3 } else { (if \
                crate::mutant(5) { b + 1 > 3 } else { (if crate::mutant(6) { b - 1 } else { b + 1 \
                }) < 3 }) }),",
            "2 if (if crate::mutant(7) { true } else { (if crate::mutant(8) { false } else { (if \
                crate::mutant(9) { b != 2 } else { b == 2 }) }) }) => ",
            "(if crate::mutant(10) { true } else { !true })",
        ] {
            assert!(
                switched.text.contains(part),
                "{part} is not in {}",
                switched.text
            );
        }
        syn::parse_file(&switched.text).expect("it parses again");
        let line = switched.text.lines().nth(3).expect("it has an arm");
        let at = |what: &str| switched.at(4, line.find(what).expect("it is there") + 1);
        assert_eq!(
            [at("!crate"), at("b - 1"), at(",")],
            [Some(3), Some(6), Some(6)]
        );
    }
}
