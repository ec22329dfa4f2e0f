//! The chart: latency curves as SVG.
//!
//! This file owns the drawing. Both axes are logarithmic: across, each step leaves
//! ten times fewer commands out, so that 99 %, 99.9 % and 99.99 % have the same
//! room; upwards, each step is ten times slower. The text is text, so it can be
//! copied and searched. Chart crates draw with fixed sizes and colours; two axes
//! and a few lines that follow the page's own, in light and in dark, are
//! less than the setting up of one.

use std::fmt::Write;

use crate::measure::curve::Point;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// Where the axis across has its marks.
const PERCENTILES: [(f64, &str); 8] = [
    (0.0, "0"),
    (50.0, "50"),
    (90.0, "90"),
    (99.0, "99"),
    (99.9, "99.9"),
    (99.99, "99.99"),
    (99.999, "99.999"),
    (99.9999, "99.9999"),
];

/// One curve.
pub struct Line<'a> {
    pub name: &'a str,
    /// The class that gives it colour and dashes.
    pub class: &'a str,
    pub points: &'a [Point],
}

/// What text needs in HTML and in SVG, between tags and in attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The drawing as an element of a page, whose styles it uses.
pub fn inline(title: &str, lines: &[Line]) -> String {
    let label = escape(&format!("Latency by percentile: {title}"));
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">\n{}</svg>\n",
        body(lines)
    )
}

/// The drawing as a file of its own, with a title and a line on where it is from.
pub fn file(title: &str, origin: &str, style: &str, lines: &[Line]) -> String {
    let (title, origin) = (escape(title), escape(origin));
    let (height, foot) = (HEIGHT + 56.0, HEIGHT + 46.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"{title}\">\n<style>{style}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"14\" y=\"24\">{title}</text>\n\
         <g transform=\"translate(0 30)\">\n{}</g>\n\
         <text class=\"small\" x=\"14\" y=\"{foot}\">{origin}</text>\n</svg>\n",
        body(lines)
    )
}

/// Axes, curves and legend.
fn body(lines: &[Line]) -> String {
    let Some(scale) = Scale::of(lines) else {
        return String::new();
    };
    let mut svg = String::new();
    scale.draw_axes(&mut svg);
    for line in lines {
        scale.draw_line(line, &mut svg);
    }
    draw_legend(lines, &mut svg);
    svg
}

/// What the axes span.
struct Scale {
    /// The end of the axis across: the logarithm of all commands to the slowest.
    across: f64,
    /// The decades of microseconds at the bottom and at the top.
    lowest: f64,
    highest: f64,
}

/// How far to the right a percentile stands: 1 for 90, 2 for 99, 3 for 99.9.
fn nines(percentile: f64) -> f64 {
    -((1.0 - percentile / 100.0).log10())
}

impl Scale {
    /// What all lines need; none, if there is nothing to draw.
    fn of(lines: &[Line]) -> Option<Self> {
        let points = || lines.iter().flat_map(|line| line.points);
        let last = points()
            .map(|point| point.percentile)
            .filter(|percentile| *percentile < 100.0);
        let latencies = points().map(|point| point.us.max(0.1).log10());
        Some(Self {
            across: nines(last.fold(90.0, f64::max)),
            lowest: latencies.clone().min_by(f64::total_cmp)?.floor(),
            highest: latencies.max_by(f64::total_cmp)?.floor() + 1.0,
        })
    }

    fn x(&self, nines: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (nines / self.across).min(1.0)
    }

    fn y(&self, us: f64) -> f64 {
        let share = (us.max(0.1).log10() - self.lowest) / (self.highest - self.lowest);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    fn draw_axes(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for decade in self.lowest as i32..=self.highest as i32 {
            let us = 10f64.powi(decade);
            let (y, name) = (self.y(us), time(us));
            _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        let marks = PERCENTILES
            .iter()
            .filter(|(it, _)| nines(*it) <= self.across + 0.01);
        for (percentile, name) in marks {
            let x = self.x(nines(*percentile));
            _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
                 <text class=\"mark\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                bottom + 16.0
            );
        }
        _ = writeln!(
            svg,
            "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">\
             percentile of commands; the end is the slowest</text>",
            (LEFT + right) / 2.0,
            HEIGHT - 10.0
        );
    }

    /// The curve; its last point is the slowest command, right above the one before.
    fn draw_line(&self, line: &Line, svg: &mut String) {
        let mut path = String::new();
        let mut across = 0.0;
        for point in line.points {
            if point.percentile < 100.0 {
                across = nines(point.percentile);
            }
            let command = if path.is_empty() { 'M' } else { 'L' };
            let (x, y) = (self.x(across), self.y(point.us));
            _ = write!(path, "{command}{x:.1} {y:.1}");
        }
        let class = line.class;
        _ = writeln!(svg, "<path class=\"curve {class}\" d=\"{path}\"/>");
    }
}

fn draw_legend(lines: &[Line], svg: &mut String) {
    for (row, line) in lines.iter().enumerate() {
        let y = TOP + 14.0 + 17.0 * row as f64;
        let (from, to, text) = (LEFT + 10.0, LEFT + 38.0, LEFT + 45.0);
        let (class, name) = (line.class, escape(line.name));
        _ = writeln!(
            svg,
            "<path class=\"curve {class}\" d=\"M{from} {y}H{to}\"/>\
             <text class=\"name\" x=\"{text}\" y=\"{:.1}\">{name}</text>",
            y + 4.0
        );
    }
}

/// A power of ten of microseconds, as one says it.
fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.0} s", us / 1e6),
        us if us >= 1e3 => format!("{:.0} ms", us / 1e3),
        us if us >= 1.0 => format!("{us:.0} µs"),
        us => format!("{us:.1} µs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(factor: f64) -> Vec<Point> {
        [
            (0.0, 10.0),
            (50.0, 20.0),
            (90.0, 50.0),
            (99.0, 900.0),
            (100.0, 5000.0),
        ]
        .map(|(percentile, us)| Point {
            percentile,
            us: us * factor,
        })
        .to_vec()
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            escape("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
        let points = curve(1.0);
        let lines = [Line {
            name: "a<b",
            class: "a",
            points: &points,
        }];
        assert!(inline("1 < 2", &lines).contains("aria-label=\"Latency by percentile: 1 &lt; 2\""));
        assert!(inline("", &lines).contains(">a&lt;b</text>"));
    }

    #[test]
    fn nines_are_evenly_spaced() {
        for (percentile, expected) in [(0.0, 0.0), (90.0, 1.0), (99.0, 2.0), (99.99, 4.0)] {
            assert!((nines(percentile) - expected).abs() < 1e-9, "{percentile}");
        }
    }

    #[test]
    fn curves_stay_inside_the_axes() {
        let (one, other) = (curve(1.0), curve(0.3));
        let line = |points| Line {
            name: "",
            class: "a",
            points,
        };
        let lines = [line(&one), line(&other)];
        let scale = Scale::of(&lines).unwrap();
        assert_eq!((scale.lowest, scale.highest), (0.0, 4.0));
        for point in one.iter().chain(&other) {
            let y = scale.y(point.us);
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{point:?} is at {y}");
            let x = scale.x(nines(point.percentile.min(99.9)));
            assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{point:?} is at {x}");
        }
    }

    #[test]
    fn nothing_to_draw_is_an_empty_drawing() {
        assert!(!inline("nothing", &[]).contains("<path"));
        let empty = [Line {
            name: "none",
            class: "a",
            points: &[],
        }];
        assert!(!inline("nothing", &empty).contains("NaN"));
    }

    #[test]
    fn a_file_names_its_origin() {
        let points = curve(1.0);
        let lines = [Line {
            name: "ours",
            class: "a",
            points: &points,
        }];
        let svg = file("Latency", "on a machine", "text{}", &lines);
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("on a machine") && !svg.contains("NaN"));
    }
}
