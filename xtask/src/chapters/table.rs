//! The table of chapters in `advanced/README.md`, which says what can be read today.

use anyhow::Result;

use super::{FOLDER, List};
use crate::generated::{self, Region};
use crate::pairs::{Pair, compare};
use crate::steps::{Step, Workshop};

const BEGIN: &str = "<!-- chapters:begin -->";
const END: &str = "<!-- chapters:end -->";

/// Checks the table, or writes it.
pub fn check(workshop: &Workshop, write: bool) -> Result<Vec<String>> {
    let (page, name) = (
        workshop.root.join(FOLDER).join("README.md"),
        format!("{FOLDER}/README.md"),
    );
    if !page.is_file() {
        return Ok(Vec::new());
    }
    let table = Region {
        what: "the table of chapters".to_owned(),
        begin: BEGIN.to_owned(),
        end: END,
        text: table(workshop)?,
    };
    generated::renew(&page, &name, &[table], write)
}

fn table(workshop: &Workshop) -> Result<String> {
    let list = List::read(&workshop.root)?;
    let mut text = "\n| chapter | mechanism | today |\n|---|---|---|\n".to_owned();
    for (chapter, step) in list.chapters.iter().zip(&workshop.chapters) {
        let (number, title) = (&chapter.number, &chapter.title);
        let page = format!("chapters/{}/README.md", step.name);
        let number = match step.pages.join("README.md").is_file() {
            true => format!("[{number}]({page})"),
            false => number.clone(),
        };
        // A chapter can be taken when it has its lesson.
        let today = match step.pages.join("GUIDE.md").is_file() {
            true => format!(
                "{} minutes, +{} lines",
                chapter.minutes,
                added(workshop, step)?
            ),
            false => "being written".to_owned(),
        };
        text += &format!("| {number} | {title} | {today} |\n");
    }
    for planned in &list.planned {
        text += &format!("| {} | {} | to come |\n", planned.number, planned.title);
    }
    Ok(text)
}

/// How many lines of its program a chapter adds.
fn added(workshop: &Workshop, step: &Step) -> Result<usize> {
    let pairs = compare(workshop.before(step), step)?;
    let programs = pairs.iter().filter(|it| it.path.starts_with("src/"));
    let added = programs
        .filter_map(Pair::line_counts)
        .map(|(added, _)| added);
    Ok(added.sum())
}
