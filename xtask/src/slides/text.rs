//! Markdown in pieces: the sections of a page, the blocks of a section, the sentences of a block.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, html};

/// A heading, and what stands below it up to the next one of any level.
#[derive(Debug, PartialEq, Eq)]
pub struct Section<'a> {
    pub level: usize,
    pub title: &'a str,
    pub body: &'a str,
}

/// What a section consists of.
#[derive(Debug, PartialEq, Eq)]
pub enum Block<'a> {
    Text(&'a str),
    /// One item of a list.
    Item(String),
    /// What follows its opening fence, and its lines.
    Code(String, String),
    /// Its head, the line below that, and its rows.
    Table(Vec<&'a str>),
}

/// The sections of a page, in order.
pub fn sections(page: &str) -> Vec<Section<'_>> {
    let mut found: Vec<(Section<'_>, usize)> = Vec::new();
    let (mut at, mut is_code) = (0, false);
    for line in page.split_inclusive('\n') {
        is_code ^= line.trim_start().starts_with("```");
        let level = line.len() - line.trim_start_matches('#').len();
        if let (false, Some(title)) = (is_code || level == 0, line[level..].strip_prefix(' ')) {
            if let Some((section, start)) = found.last_mut() {
                section.body = &page[*start..at];
            }
            let title = title.trim();
            let section = Section {
                level,
                title,
                body: "",
            };
            found.push((section, at + line.len()));
        }
        at += line.len();
    }
    if let Some((section, start)) = found.last_mut() {
        section.body = &page[*start..];
    }
    found.into_iter().map(|(section, _)| section).collect()
}

/// The blocks of a section, in order, without HTML.
pub fn blocks(body: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut end = 0;
    for (event, range) in Parser::new_ext(body, Options::ENABLE_TABLES).into_offset_iter() {
        let Event::Start(tag) = event else { continue };
        if range.start < end || matches!(tag, Tag::List(_)) {
            continue;
        }
        end = range.end;
        let text = body[range].trim_end();
        blocks.push(match tag {
            Tag::HtmlBlock => continue,
            Tag::Item => Block::Item(item(text)),
            Tag::Table(_) => Block::Table(text.lines().collect()),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                let lines = text.split_once('\n').map_or("", |(_, rest)| rest);
                let code = lines.strip_suffix("```").unwrap_or(lines).trim_end();
                Block::Code(info.into_string(), code.to_owned())
            }
            _ => Block::Text(text),
        });
    }
    blocks
}

/// An item of a list without its mark, as if it stood alone.
fn item(text: &str) -> String {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || "-*.".contains(c));
    let lines = rest.lines().map(str::trim_start);
    lines.collect::<Vec<_>>().join("\n")
}

/// The sentences of a text.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices([' ', '\n']) {
        let (sentence, next) = (text[start..at].trim_start(), text[at..].trim_start());
        let is_whole = |mark| sentence.matches(mark).count() % 2 == 0;
        let end = sentence.trim_end_matches(['*', '"', ')', '_']);
        let is_end = end.ends_with(['.', '?', '!']) && !end.ends_with("e.g.") && end.len() > 3;
        if is_end && is_whole("`") && is_whole("**") && !next.starts_with(char::is_lowercase) {
            found.push(sentence);
            start = at;
        }
    }
    found.push(text[start..].trim());
    found
}

/// The first sentences of a text, up to so many characters, and the last if it introduces what
/// follows, as in "It is this:".
pub fn lead(text: &str, most: usize) -> String {
    let sentences = sentences(text);
    let mut length = 0;
    let fits = |it: &&&str| {
        length += it.len() + 1;
        length <= most
    };
    let count = sentences.iter().take_while(fits).count().max(1);
    let mut shown = sentences[..count].to_vec();
    let last = sentences[sentences.len() - 1];
    if count < sentences.len() && last.ends_with(':') {
        shown.push(last);
    }
    shown.join(" ")
}

/// What a reader sees of a text: how many characters it takes on a slide.
pub fn width(text: &str) -> usize {
    let parser = Parser::new(text);
    let seen = parser.map(|event| match event {
        Event::Text(it) | Event::Code(it) => it.chars().count(),
        Event::SoftBreak => 1,
        _ => 0,
    });
    seen.sum()
}

/// The text as HTML. A link to a file leads nowhere from a slide, so only its words stay.
pub fn to_html(text: &str) -> String {
    let mut is_outside = Vec::new();
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            is_outside.push(dest_url.starts_with("http"));
            dest_url.starts_with("http")
        }
        Event::End(TagEnd::Link) => is_outside.pop().unwrap_or(true),
        _ => true,
    });
    let mut text = String::new();
    html::push_html(&mut text, events);
    text
}

/// Text for HTML, as it stands.
pub fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_at_its_headings() {
        let page = "x\n# A\none\n```sh\n# no heading\n```\n## B c\n#[no]\n";
        let section = |level, title, body| Section { level, title, body };
        let all = [
            section(1, "A", "one\n```sh\n# no heading\n```\n"),
            section(2, "B c", "#[no]\n"),
        ];
        assert_eq!(sections(page), all);
    }

    #[test]
    fn a_section_is_cut_into_blocks() {
        let body = "Some\ntext:\n\n- a\n  b\n- **c**\n\n| x | y |\n|---|---|\n| 1 | `a` |\n\n<!-- no -->\n\n\
            ```rust src/a.rs\nfn a() {\n\n}\n```\n";
        let all = [
            Block::Text("Some\ntext:"),
            Block::Item(" a\nb".trim().to_owned()),
            Block::Item("**c**".to_owned()),
            Block::Table(vec!["| x | y |", "|---|---|", "| 1 | `a` |"]),
            Block::Code("rust src/a.rs".to_owned(), "fn a() {\n\n}".to_owned()),
        ];
        assert_eq!(blocks(body), all);
    }

    #[test]
    fn sentences_end_where_a_reader_pauses() {
        let text = "**First thought: wait.** That is `SAVE. So`. It has 1.5\nlines (or two). \"Why?\" Because, e.g. This:";
        assert_eq!(
            sentences(text),
            [
                "**First thought: wait.**",
                "That is `SAVE. So`.",
                "It has 1.5\nlines (or two).",
                "\"Why?\"",
                "Because, e.g. This:"
            ]
        );
        assert_eq!(lead("One. Two. Three. Four:", 10), "One. Two. Four:");
        assert_eq!(lead("A long one. Two.", 3), "A long one.");
    }

    #[test]
    fn links_to_files_are_words() {
        let text = "[a](b.md) `<c>` [d](https://e.f)";
        assert_eq!(
            to_html(text),
            "<p>a <code>&lt;c&gt;</code> <a href=\"https://e.f\">d</a></p>\n"
        );
        assert_eq!(width(text), "a <c> d".len());
    }
}
