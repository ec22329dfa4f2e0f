//! A page as the book has it: the same text, but links lead to where things are in
//! the book, diagrams are drawn, and a code block's first line says only its language.

use std::ops::Range;

use anyhow::{Context, Result};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use crate::drawing;

/// Rewrites the text of a page; `lead` says where a link of it leads in the book.
pub fn page(text: &str, mut lead: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_GFM;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let to = lead(&dest_url)?;
                if *to != *dest_url {
                    let at = text[range.clone()].rfind(&*dest_url);
                    let at = at.with_context(|| {
                        format!("write the link to {dest_url} as [text](target)")
                    })?;
                    let start = range.start + at;
                    edits.push((start..start + dest_url.len(), to));
                }
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                edits.extend(block(text, range, &info)?);
            }
            _ => {}
        }
    }
    // A link may contain an image, so the order of the events is not that of the text.
    edits.sort_by_key(|(range, _)| range.start);
    let mut result = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        result.replace_range(range, &new);
    }
    Ok(result)
}

fn block(text: &str, range: Range<usize>, info: &str) -> Result<Option<(Range<usize>, String)>> {
    let language = info.split([' ', ',']).next().unwrap_or_default();
    if language == "mermaid" {
        let body = text[range.clone()].lines().skip(1);
        let body: Vec<_> = body
            .take_while(|line| !line.trim_start().starts_with("```"))
            .collect();
        // An empty line would end the HTML.
        let svg = drawing::svg(&body.join("\n"))?.replace('\n', " ");
        let width = svg
            .split("max-width: ")
            .nth(1)
            .and_then(|rest| rest.split(';').next());
        let style = format!("--width: {}", width.unwrap_or("100%"));
        let drawn = format!("<div class=\"diagram\" style=\"{style}\">{svg}</div>\n");
        return Ok(Some((range, drawn)));
    }
    let first = text[range.clone()].lines().next().unwrap_or_default();
    let start = range.start + first.find(info).unwrap_or(first.len());
    Ok((language != info).then(|| (start..start + info.len(), language.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_diagrams_and_labels_are_rewritten_and_nothing_else() {
        let text = "[a](src/x.rs) `src/x.rs`\n\n- b\n\n  ```console not-run: why\n  $ ls\n  ```\n\n\
                    ```mermaid\nflowchart TD\n  A --> B\n```\n\nend\n";
        let new = page(text, |to| Ok(format!("code/{to}"))).expect("a good page");
        assert!(
            new.starts_with(
                "[a](code/src/x.rs) `src/x.rs`\n\n- b\n\n  ```console\n  $ ls\n  ```\n"
            )
        );
        assert!(new.contains("px\"><svg ") && new.ends_with("</div>\n\n\nend\n"));
    }
}
