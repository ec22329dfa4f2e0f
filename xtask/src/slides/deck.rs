//! Slides, and how much fits on one.
//!
//! Sizes are in pixels of a slide of 1280 × 720, and are estimated from the number of characters in a
//! wide font. What does not fit goes on on the next slide; `cargo xtask slides --check` asks a browser
//! whether the estimates hold.

use anyhow::{Context, Result};

use crate::drawing;

use super::text::{Block, escape, lead, to_html, width};

/// What is left below a title of one line.
pub const ROOM: usize = 560;
const WIDTH: usize = 1120;
const TITLE: usize = 56;
/// Characters in a line of a title, of text, of code in large and in small.
const COLUMNS: [usize; 4] = [48, 76, 84, 102];

/// One thing on a slide.
pub struct Piece {
    html: String,
    height: usize,
    /// The least that it takes: code is not wrapped.
    width: usize,
}

pub struct Slide {
    /// In Markdown.
    title: String,
    class: &'static str,
    pieces: Vec<Piece>,
    /// In Markdown.
    pub notes: Vec<String>,
}

/// The slides of a step.
#[derive(Default)]
pub struct Deck {
    pub slides: Vec<Slide>,
}

impl Deck {
    /// Adds a slide, or as many as it takes, and gives the first.
    pub fn add(&mut self, title: &str, class: &'static str, pieces: Vec<Piece>) -> &mut Slide {
        let first = self.slides.len();
        let rows = width(title).div_ceil(COLUMNS[0]).max(1);
        let heights: Vec<usize> = pieces.iter().map(|it| it.height).collect();
        let mut pieces = pieces.into_iter();
        for count in spread(&heights, ROOM - TITLE * (rows - 1)) {
            self.slides.push(Slide::new(title, class));
            self.last().pieces.extend(pieces.by_ref().take(count));
        }
        &mut self.slides[first]
    }

    /// Adds blocks of a page: of each text its first sentences; the whole text goes into the notes.
    pub fn add_blocks(
        &mut self,
        title: &str,
        blocks: &[Block<'_>],
        most: usize,
    ) -> Result<&mut Slide> {
        let mut notes = Vec::new();
        let mut kept: Vec<Piece> = Vec::new();
        for (at, block) in blocks.iter().enumerate() {
            if let Block::Code(info, source) = block
                && info == "mermaid"
            {
                kept.push(diagram(source)?);
                continue;
            }
            // What introduces a block stays with it.
            let is_table = matches!(block, Block::Table(_));
            let introduces = |it: &mut Piece| {
                let is_first = it.html.starts_with("<p>") && it.html.matches("<p>").count() == 1;
                it.html.ends_with(":</p>\n") || (is_first && is_table)
            };
            let introduction = kept.pop_if(introduces);
            let room = ROOM - introduction.as_ref().map_or(0, |it| it.height);
            let mut pieces = match block {
                Block::Text(it)
                    if is_about_pages(it)
                        || (it.ends_with(':') && !is_followed(&blocks[at + 1..])) =>
                {
                    notes.push((*it).to_owned());
                    continue;
                }
                Block::Text(it) => vec![shortened(it, most, &mut notes, text)],
                Block::Item(it) => vec![shortened(it, most, &mut notes, item)],
                Block::Code(info, it) => code(info, it, room),
                Block::Table(rows) => table(rows, room),
            };
            if let Some(introduction) = introduction {
                pieces[0].html.insert_str(0, &introduction.html);
                pieces[0].height += introduction.height;
            }
            kept.extend(pieces);
        }
        let slide = self.add(title, "", kept);
        slide.notes.extend(notes);
        Ok(slide)
    }

    /// The last slide so far.
    pub fn last(&mut self) -> &mut Slide {
        let last = self.slides.len() - 1;
        &mut self.slides[last]
    }

    /// All slides as HTML.
    pub fn html(&self) -> String {
        let slides = self.slides.iter().map(Slide::html);
        slides.collect()
    }
}

impl Slide {
    fn new(title: &str, class: &'static str) -> Self {
        Slide {
            title: title.to_owned(),
            class,
            pieces: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// How much larger all of it can be, in percent: with its lines, their number grows.
    fn zoom(&self) -> usize {
        let height: usize = self.pieces.iter().map(|it| it.height).sum();
        let width = self.pieces.iter().map(|it| it.width).max().unwrap_or(0);
        let fits =
            |zoom: &usize| height * zoom * zoom <= ROOM * 10_000 && width * zoom <= WIDTH * 100;
        if self.class == "title" {
            return 100;
        }
        let zooms = [150, 140, 130, 120, 110];
        zooms.into_iter().find(fits).unwrap_or(100)
    }

    fn html(&self) -> String {
        // `1. Title` would be a list.
        let title = to_html(&self.title.replacen(". ", "\\. ", 1));
        let title = title.replace("<p>", "<h2>").replace("</p>", "</h2>");
        let pieces: String = self.pieces.iter().map(|it| it.html.as_str()).collect();
        let notes = to_html(&self.notes.join("\n\n"));
        let (class, zoom) = (self.class, self.zoom());
        format!(
            "<section class=\"{class}\">\n{title}<div style=\"zoom: {zoom}%\">\n{pieces}</div>\n<aside>{notes}</aside>\n</section>\n"
        )
    }
}

/// Whether a text only says what other pages have.
fn is_about_pages(text: &str) -> bool {
    let text = text.trim_start_matches('[');
    text.starts_with("NOTES") || text.starts_with("INSTRUCTOR")
}

/// How many pieces are on each slide: no more slides than it takes, each about as full as the others.
fn spread(heights: &[usize], room: usize) -> Vec<usize> {
    let with = |room: usize| {
        let mut counts = vec![0];
        let mut left = room;
        for height in heights {
            if left < *height && left < room {
                counts.push(0);
                left = room;
            }
            left = left.saturating_sub(*height);
            *counts.last_mut().expect("one at least") += 1;
        }
        counts
    };
    let least = with(room);
    let rooms = (0..room).rev().step_by(10).map(with);
    let same = rooms.take_while(|it| it.len() == least.len());
    same.last().unwrap_or(least)
}

/// Whether something else than a text comes first.
fn is_followed(blocks: &[Block<'_>]) -> bool {
    blocks
        .first()
        .is_some_and(|it| !matches!(it, Block::Text(_)))
}

/// The first sentences of a text as a piece; the whole is a note if that is more.
fn shortened(whole: &str, most: usize, notes: &mut Vec<String>, piece: fn(&str) -> Piece) -> Piece {
    let short = lead(whole, most);
    if width(&short) < width(whole) {
        notes.push(whole.to_owned());
    }
    piece(&short)
}

/// A paragraph.
pub fn text(text: &str) -> Piece {
    let lines = width(text).div_ceil(COLUMNS[1]);
    Piece {
        html: to_html(text),
        height: 36 * lines + 18,
        width: 0,
    }
}

/// An item of a list.
pub fn item(text: &str) -> Piece {
    let lines = width(text).div_ceil(COLUMNS[1] - 6);
    Piece {
        html: format!("<ul><li>{}</li></ul>\n", to_html(text)),
        height: 36 * lines + 10,
        width: 0,
    }
}

/// A command, large.
pub fn command(command: &str) -> Piece {
    Piece {
        html: format!("<pre class=\"command\">{}</pre>\n", escape(command)),
        height: 60 * command.lines().count() + 50,
        width: 25 * widest(command),
    }
}

/// The characters of the longest line.
fn widest(code: &str) -> usize {
    code.lines().map(|it| it.chars().count()).max().unwrap_or(0)
}

/// The first of them is shown at the next key; what does not fit beside it has a slide of its own.
pub fn later(mut pieces: Vec<Piece>) -> Vec<Piece> {
    if let Some(first) = pieces.first_mut() {
        first.html = format!("<div class=\"later\">\n{}</div>\n", first.html);
    }
    pieces
}

/// Code: large if all of it fits so, otherwise small and in as many pieces as it takes.
pub fn code(info: &str, code: &str, room: usize) -> Vec<Piece> {
    let lines: Vec<&str> = code.lines().collect();
    let is_wide = widest(code) > COLUMNS[2];
    let is_large = lines.len() <= 15 && !is_wide;
    let (class, columns, height) = match is_large {
        true => ("large", COLUMNS[2], 30),
        false => ("small", COLUMNS[3], 23),
    };
    let rows = |line: &&str| line.chars().count().div_ceil(columns).max(1);
    let most = (room - 40) / height;
    let piece = |part: &[&str]| Piece {
        html: format!(
            "<pre class=\"{class}\"><code>{}</code></pre>\n",
            highlighted(info, part)
        ),
        height: height * part.iter().map(rows).sum::<usize>() + 40,
        width: WIDTH * widest(code).min(columns) / columns,
    };
    cut(&lines, most, rows).into_iter().map(piece).collect()
}

/// Cuts code into parts of at most so many rows: where a line is empty or an item ends, if it can be.
fn cut<'a>(lines: &'a [&'a str], most: usize, rows: impl Fn(&&str) -> usize) -> Vec<&'a [&'a str]> {
    let mut parts = Vec::new();
    let mut rest = lines;
    let all: usize = lines.iter().map(&rows).sum();
    // No part of three lines.
    let most = most.min(all.div_ceil(all.div_ceil(most).max(1)) + 3);
    loop {
        let mut sum = 0;
        let fits = |line: &&&str| {
            sum += rows(line);
            sum <= most
        };
        let fit = rest.iter().take_while(fits).count().max(1);
        if fit >= rest.len() {
            parts.push(rest);
            return parts;
        }
        let indent = |at: &usize| rest[*at].len() - rest[*at].trim_start().len();
        let left = |at: &usize| rest[*at..].iter().map(&rows).sum::<usize>();
        let parts_after = left(&0).div_ceil(most) - 1;
        // The least indented line in the last two thirds begins the next part; an empty line is best.
        let best = (fit / 3 + 1..=fit)
            .rev()
            .filter(|at| left(at) <= most * parts_after)
            .min_by_key(|at| match rest[*at].trim() {
                "" => 0,
                it if it.starts_with(['}', ')', ']']) => 1000,
                _ => indent(at) + 1,
            });
        let (part, after) = rest.split_at(best.unwrap_or(fit));
        parts.push(part);
        rest = match after {
            [first, others @ ..] if first.trim().is_empty() => others,
            _ => after,
        };
    }
}

/// Code as HTML, with its comments and, in a session, what is typed set off.
fn highlighted(info: &str, lines: &[&str]) -> String {
    let is_session = info.starts_with("console");
    let lines = lines.iter().map(|line| {
        let text = escape(line);
        match line.trim_start() {
            it if info.starts_with("rust") && it.starts_with("//") => format!("<i>{text}</i>\n"),
            it if is_session && it.starts_with("$ ") => format!("<b>{text}</b>\n"),
            _ => text + "\n",
        }
    });
    lines.collect()
}

/// A diagram, as large as it can be.
fn diagram(source: &str) -> Result<Piece> {
    let (svg, view) = widest_drawing(source)?;
    let [x, y, width, mut height] = sizes(&view)?;
    // The last arrow of a sequence may reach below it.
    height += if source.starts_with("sequence") {
        25.0
    } else {
        0.0
    };
    let scale = (1160.0 / width).min(565.0 / height).min(1.8) / 10.0;
    let (wide, high) = (width * scale, height * scale);
    let svg = svg.replacen(&view, &format!("{x} {y} {width} {height}"), 1);
    Ok(Piece {
        html: format!(
            "<figure><div style=\"width: {wide:.1}rem; height: {high:.1}rem\">{svg}</div></figure>\n"
        ),
        height: ROOM,
        width: WIDTH,
    })
}

/// The drawing that is larger on a slide, downwards or to the right, and its viewBox.
fn widest_drawing(source: &str) -> Result<(String, String)> {
    let turned = match source.split_once('\n') {
        Some((head, rest)) if head.starts_with("flowchart") => format!("flowchart LR\n{rest}"),
        Some((head, rest)) if head.starts_with("state") => format!("{head}\ndirection LR\n{rest}"),
        _ => source.to_owned(),
    };
    let mut drawings = Vec::new();
    for source in [source, &turned] {
        let svg = drawing::svg(source)?;
        let view = between(&svg, "viewBox=\"", "\"").context("a diagram without a viewBox")?;
        let [_, _, width, height] = sizes(view)?;
        drawings.push((
            (2.0 * height).max(width) as usize,
            svg.clone(),
            view.to_owned(),
        ));
    }
    let best = drawings.into_iter().min_by_key(|it| it.0);
    best.map(|(_, svg, view)| (svg, view)).context("no drawing")
}

fn sizes(view: &str) -> Result<[f64; 4]> {
    let sizes: Vec<f64> = view.split(' ').filter_map(|it| it.parse().ok()).collect();
    let sizes = <[f64; 4]>::try_from(sizes).ok();
    sizes.with_context(|| format!("the viewBox of a diagram is {view}"))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// A table, in as many pieces as it takes, each with the head.
pub fn table(rows: &[&str], room: usize) -> Vec<Piece> {
    let cells = |row: &str| -> Vec<usize> {
        let row = row.trim().trim_matches('|').replace("\\|", " ");
        row.split('|')
            .map(|cell| width(cell.trim()).max(1))
            .collect()
    };
    let body = &rows[2.min(rows.len())..];
    let mut widths: Vec<usize> = Vec::new();
    for row in body.iter().map(|row| cells(row)) {
        widths.resize(widths.len().max(row.len()), 1);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.min(60).max(*width);
        }
    }
    let sum: usize = widths.iter().sum();
    let height = |row: &&str| {
        let lines = cells(row).into_iter().zip(&widths);
        let lines = lines.map(|(cell, width)| cell.div_ceil((72 * width / sum.max(72)).max(9)));
        34 * lines.max().unwrap_or(1) + 16
    };
    let heights: Vec<usize> = body.iter().map(height).collect();
    let mut rest = body;
    let counts = spread(&heights, room.saturating_sub(60)).into_iter();
    let piece = |count: usize| {
        let part;
        (part, rest) = rest.split_at(count);
        Piece {
            html: to_html(&[&rows[..2], part].concat().join("\n")),
            height: 60 + part.iter().map(height).sum::<usize>(),
            width: WIDTH.min(16 * sum),
        }
    };
    counts.map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_cut_where_an_item_ends() {
        let lines = [
            "fn a() {", "    a", "}", "", "fn b() {", "    b", "    c", "}",
        ];
        let parts = cut(&lines, 6, |_| 1);
        assert_eq!(parts, [&lines[..3], &lines[4..]]);
        assert_eq!(cut(&lines, 8, |_| 1), [&lines[..]]);
        let long = ["x"; 50];
        assert!(cut(&long, 20, |_| 1).iter().all(|part| part.len() <= 20));
    }

    #[test]
    fn slides_are_about_as_full_as_each_other() {
        assert_eq!(spread(&[200, 200, 150, 50], 560), [2, 2]);
        assert_eq!(spread(&[200, 200, 100], 560), [3]);
        assert_eq!(spread(&[900, 1], 560), [1, 1]);
        assert_eq!(spread(&[], 560), [0]);
    }

    #[test]
    fn what_does_not_fit_goes_on_on_the_next_slide() {
        let mut deck = Deck::default();
        let piece = |height| Piece {
            html: "x".to_owned(),
            height,
            width: 0,
        };
        deck.add(
            "T",
            "",
            vec![piece(300), piece(200), piece(100), piece(9000), piece(1)],
        );
        let counts: Vec<_> = deck.slides.iter().map(|it| it.pieces.len()).collect();
        assert_eq!(counts, [1, 2, 1, 1]);
        assert_eq!(deck.slides[1].title, "T");
    }

    #[test]
    fn a_table_has_its_head_on_each_slide() {
        let row = format!("| {} | b |", "word ".repeat(60));
        let mut rows = vec!["| head | b |", "|---|---|"];
        rows.extend([row.as_str(); 9]);
        let pieces = table(&rows, ROOM);
        assert!(pieces.len() > 1);
        for piece in pieces {
            assert!(piece.height <= ROOM, "{}", piece.height);
            assert!(piece.html.contains("<th>head</th>"), "{}", piece.html);
        }
    }

    #[test]
    fn the_whole_of_a_shortened_text_is_in_the_notes() {
        let mut deck = Deck::default();
        let long = "One is here. Two is there. Three is nowhere.";
        deck.add_blocks("T", &[Block::Text(long), Block::Text("Short.")], 30)
            .expect("no diagram");
        assert_eq!(deck.slides[0].notes, [long]);
        let html = deck.html();
        assert!(html.contains("<p>One is here. Two is there.</p>"), "{html}");
    }
}
