//! One Markdown page: its headings, code blocks, links and folded answers, each
//! with the line that it stands on.
//!
//! The page is parsed once, here, and every check reads the result. Code blocks
//! also remember where their lines are in the file, so that an expected output
//! can be rewritten in place.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::Result;
use pulldown_cmark::{BrokenLink, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::slug::Slugs;
use crate::steps::{Step, read_text};

/// A page, parsed.
pub struct Page {
    /// The file.
    pub path: PathBuf,
    /// The file as one names it in the project, like `01-tcp-echo/GUIDE.md`.
    pub name: String,
    /// The step that it belongs to; none for the project's own pages.
    pub step: Option<Step>,
    /// Number of lines.
    pub lines: usize,
    pub headings: Vec<Heading>,
    pub blocks: Vec<Block>,
    pub links: Vec<Link>,
    /// The lines with a `<details>`.
    pub details: Vec<usize>,
    /// How many `</details>` there are.
    pub details_closed: usize,
    /// What a `#…` can lead to.
    pub anchors: HashSet<String>,
}

/// A heading.
pub struct Heading {
    pub line: usize,
    /// From 1, the largest, to 6.
    pub level: u8,
    /// Its text without markup.
    pub text: String,
}

/// A fenced code block.
pub struct Block {
    /// The line of the opening fence.
    pub line: usize,
    /// What follows the fence on its line.
    pub info: String,
    pub body: Vec<String>,
    /// What stands before the fence, and so before each line of the body.
    pub margin: String,
}

/// A link or an image.
pub struct Link {
    pub line: usize,
    /// Where it leads; `None` for a `[text][name]` whose name is defined nowhere.
    pub target: Option<String>,
    /// What the reader sees of it.
    pub shown: String,
}

impl Page {
    /// Reads and parses the page.
    pub fn read(path: PathBuf, name: String, step: Option<Step>) -> Result<Self> {
        let text = read_text(&path)?;
        let mut page = Page {
            path,
            name,
            step,
            lines: text.lines().count(),
            headings: Vec::new(),
            blocks: Vec::new(),
            links: Vec::new(),
            details: Vec::new(),
            details_closed: 0,
            anchors: HashSet::new(),
        };
        Reader::new(&text).fill(&mut page);
        Ok(page)
    }

    /// The lines that belong to a heading: up to the next one of its level or above.
    pub fn section(&self, heading: &Heading) -> Range<usize> {
        let mut later = self.headings.iter().filter(|h| h.line > heading.line);
        let end = later.find(|h| h.level <= heading.level);
        heading.line..end.map_or(self.lines + 1, |h| h.line)
    }

    /// How many folded answers stand in these lines.
    pub fn details_in(&self, lines: &Range<usize>) -> usize {
        self.details.iter().filter(|l| lines.contains(l)).count()
    }
}

/// Turns Markdown events into a page.
struct Reader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    slugs: Slugs,
    /// The text of the heading that is open.
    heading: Option<String>,
    /// The text of the code block that is open.
    code: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Reader {
            text,
            line_starts: std::iter::once(0).chain(breaks).collect(),
            slugs: Slugs::default(),
            heading: None,
            code: None,
        }
    }

    fn fill(mut self, page: &mut Page) {
        let mut undefined = Vec::new();
        let note = |link: BrokenLink| {
            // Other forms, such as `[NX | XX]`, are far more often plain text.
            if link.link_type == LinkType::Reference {
                undefined.push((link.span.start, link.reference.to_string()));
            }
            None
        };
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_GFM;
        let events = Parser::new_with_broken_link_callback(self.text, options, Some(note));
        for (event, range) in events.into_offset_iter() {
            self.event(event, range, page);
        }
        for (at, name) in undefined {
            page.links.push(Link {
                line: self.line(at),
                target: None,
                shown: name,
            });
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>, page: &mut Page) {
        let line = self.line(range.start);
        match event {
            Event::Start(Tag::Heading { .. }) => self.heading = Some(String::new()),
            Event::End(TagEnd::Heading(level)) => self.end_heading(line, level as u8, page),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                self.code = Some(String::new());
                page.blocks.push(self.open_block(line, &info));
            }
            Event::End(TagEnd::CodeBlock) => self.end_block(page),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(Link {
                    line,
                    shown: dest_url.to_string(),
                    target: Some(dest_url.into_string()),
                });
            }
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.text(&text),
            Event::SoftBreak => self.text(" "),
            Event::Html(html) | Event::InlineHtml(html) => read_html(&html, line, page),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.code.as_mut().or(self.heading.as_mut()) {
            open.push_str(text);
        }
    }

    fn end_heading(&mut self, line: usize, level: u8, page: &mut Page) {
        let text = self.heading.take().unwrap_or_default();
        page.anchors.insert(self.slugs.next(&text));
        page.headings.push(Heading { line, level, text });
    }

    fn open_block(&self, line: usize, info: &str) -> Block {
        let start = self.line_starts[line - 1];
        let whole = self.text[start..].lines().next().unwrap_or_default();
        let fence = whole.find(['`', '~']).unwrap_or_default();
        let margin = whole[..fence].chars();
        Block {
            line,
            info: info.to_owned(),
            body: Vec::new(),
            margin: margin.map(|c| if c == '>' { c } else { ' ' }).collect(),
        }
    }

    fn end_block(&mut self, page: &mut Page) {
        if let (Some(text), Some(block)) = (self.code.take(), page.blocks.last_mut()) {
            block.body = text.lines().map(str::to_owned).collect();
        }
    }

    /// The line, counted from 1, of a place in the text.
    fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }
}

/// Takes from HTML what matters here: folded answers, anchors and links.
fn read_html(html: &str, first: usize, page: &mut Page) {
    for (line, text) in (first..).zip(html.lines()) {
        let folds = text.matches("<details").count();
        page.details.extend(std::iter::repeat_n(line, folds));
        page.details_closed += text.matches("</details>").count();
        page.anchors.extend(attributes(text, "id"));
        page.anchors.extend(attributes(text, "name"));
        for target in attributes(text, "href").chain(attributes(text, "src")) {
            page.links.push(Link {
                line,
                shown: target.clone(),
                target: Some(target),
            });
        }
    }
}

/// The values of `name="…"` in a line of HTML.
fn attributes<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let opening = format!(" {name}=\"");
    let starts: Vec<_> = html
        .match_indices(&opening)
        .map(|(at, _)| at + opening.len())
        .collect();
    starts.into_iter().map(|start| {
        let end = html[start..].find('"').unwrap_or(html.len() - start);
        html[start..start + end].to_owned()
    })
}
