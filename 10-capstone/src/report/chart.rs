//! The chart: latency curves as an SVG drawing.
//!
//! This file owns the scale; the drawing is in `templates/chart.svg`. Both axes are logarithmic. On
//! the axis of percentiles each step leaves ten times fewer commands, so 99 %, 99.9 % and 99.99 %
//! are equally far apart. On the axis of latency each step is ten times slower. All labels are
//! text, so they can be copied and searched. Chart crates draw with fixed sizes and colours;
//! setting one up is longer than drawing two axes and a few lines in the colours of the page.

use std::fmt::Write;
use std::time::Duration;

use askama::Template;

use crate::measure::curve::Point;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 310.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// The marks on the axis of percentiles.
const PERCENTILES: [f64; 8] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];

/// A curve: its name, the CSS class for its colour and dashes, and its points.
pub type Line<'a> = (&'a str, &'static str, &'a [Point]);

/// Axes, curves and legend, as an element of a page that has the styles.
#[derive(Template)]
#[template(path = "chart.svg")]
pub struct Chart<'a> {
    pub title: &'a str,
    pub lines: &'a [Line<'a>],
}

/// The drawing as a separate file, with a title and a line about its origin.
#[derive(Template)]
#[template(path = "curve.svg")]
pub struct File<'a> {
    pub title: &'a str,
    pub origin: &'a str,
    pub style: &'a str,
    pub chart: Chart<'a>,
}

/// The range of both axes.
struct Scale {
    /// The end of the axis of percentiles, in nines.
    across: f64,
    /// The powers of ten, in microseconds, at the bottom and at the top.
    lowest: f64,
    highest: f64,
}

/// The position of a percentile in nines: 1 for 90, 2 for 99, 3 for 99.9.
fn nines(percentile: f64) -> f64 {
    -((1.0 - percentile / 100.0).log10())
}

impl Scale {
    /// The range of all lines; `None` if there is nothing to draw.
    fn of(lines: &[Line]) -> Option<Self> {
        let points = || lines.iter().flat_map(|(.., points)| *points);
        let last = points().map(|point| point.percentile);
        let last = last.filter(|percentile| *percentile < 100.0);
        let latencies = points().map(|point| point.us.max(0.1).log10());
        Some(Self {
            across: nines(last.fold(90.0, f64::max)),
            lowest: latencies.clone().min_by(f64::total_cmp)?.floor(),
            highest: latencies.max_by(f64::total_cmp)?.floor() + 1.0,
        })
    }

    fn x(&self, nines: f64) -> f64 {
        tenths(LEFT + (WIDTH - LEFT - RIGHT) * (nines / self.across).min(1.0))
    }

    fn y(&self, us: f64) -> f64 {
        let share = (us.max(0.1).log10() - self.lowest) / (self.highest - self.lowest);
        tenths(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share)
    }

    /// The horizontal lines: position and latency.
    fn decades(&self) -> impl Iterator<Item = (f64, Duration)> {
        let decades = (self.lowest as i32..=self.highest as i32).map(|it| 10f64.powi(it));
        decades.map(|us| (self.y(us), Duration::from_secs_f64(us / 1e6)))
    }

    /// The vertical lines: position and percentile.
    fn percentiles(&self) -> impl Iterator<Item = (f64, f64)> {
        let marks = PERCENTILES.into_iter().map(|it| (nines(it), it));
        let marks = marks.filter(|(nines, _)| *nines <= self.across + 0.01);
        marks.map(|(nines, percentile)| (self.x(nines), percentile))
    }

    /// The path of a curve. Its last point is the slowest command, right above the point before.
    fn path(&self, points: &[Point]) -> String {
        let (mut path, mut across) = (String::new(), 0.0);
        for point in points {
            if point.percentile < 100.0 {
                across = nines(point.percentile);
            }
            let command = if path.is_empty() { 'M' } else { 'L' };
            let (x, y) = (self.x(across), self.y(point.us));
            _ = write!(path, "{command}{x:.1} {y:.1}");
        }
        path
    }
}

/// Rounds to a tenth of a pixel.
fn tenths(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
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

    fn inline(title: &str, lines: &[Line]) -> String {
        Chart { title, lines }.render().unwrap()
    }

    #[test]
    fn text_is_escaped() {
        let points = curve(1.0);
        let lines = [("a<b", "a", &*points)];
        assert!(
            inline("1 < 2", &lines).contains("aria-label=\"Latency by percentile: 1 &#60; 2\"")
        );
        assert!(inline("", &lines).contains(">a&#60;b</text>"));
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
        let line = |points| ("", "a", points);
        let lines = [line(&*one), line(&*other)];
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
        let empty = [("none", "a", &[][..])];
        assert!(!inline("nothing", &empty).contains("NaN"));
    }

    #[test]
    fn a_file_names_its_origin() {
        let points = curve(1.0);
        let lines = [("ours", "a", &*points)];
        let file = File {
            title: "Latency",
            origin: "on a machine",
            style: "text{}",
            chart: Chart {
                title: "",
                lines: &lines,
            },
        };
        let svg = file.render().unwrap();
        assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("on a machine") && !svg.contains("NaN"));
    }
}
