//! When the data was saved, whether that succeeded, and whether it is due again
//! (in Redis `server.saveparams`, `server.lastsave` and others).

use std::time::{Duration, Instant};

use smart_default::SmartDefault;

use crate::util::{strtoll, unix_time};

/// The time between a save that failed and the next try (`CONFIG_BGSAVE_RETRY_DELAY`).
const RETRY: Duration = Duration::from_secs(5);

/// A save is due when this many seconds have passed since the last one and there were this many
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: u64,
    /// As in Redis, of a larger number only the low 32 bits count.
    pub changes: i32,
}

impl SavePoint {
    /// Is a save due, `seconds` after the last one and after so many changes?
    fn is_reached(&self, seconds: u64, changes: i64) -> bool {
        changes >= i64::from(self.changes) && seconds > self.seconds
    }

    /// Parses save points as in `save 3600 1 300 100`: pairs of seconds and changes, with one
    /// blank between. The empty text is no save points. `None` if the text is wrong.
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let number = |word| u64::try_from(strtoll(word)?).ok();
        let numbers: Option<Vec<u64>> = text.split(' ').map(number).collect();
        let numbers = numbers?;
        let (pairs, []) = numbers.as_chunks::<2>() else {
            return None;
        };
        let point = |[seconds, changes]: &[u64; 2]| Self {
            seconds: *seconds,
            changes: *changes as i32,
        };
        let is_point = |[seconds, _]: &[u64; 2]| *seconds > 0;
        let points = pairs.iter().map(point).collect();
        pairs.iter().all(is_point).then_some(points)
    }

    /// Formats save points as [`parse`](Self::parse) reads them, for CONFIG GET.
    pub fn format(points: &[Self]) -> String {
        let pairs = points.iter();
        let pairs = pairs.map(|point| format!("{} {}", point.seconds, point.changes));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

/// When and how the last saves ended, for INFO, LASTSAVE and the save points.
#[derive(Debug, SmartDefault)]
pub struct Saves {
    /// When the last save succeeded, in seconds since 1970 (LASTSAVE); until then, when the
    /// server started.
    #[default(unix_time().as_secs())]
    pub last: u64,
    #[default(Instant::now())]
    succeeded: Instant,
    #[default(Instant::now())]
    tried: Instant,
    /// `Store::changes` at the last save that succeeded.
    saved_changes: u64,
    /// Did the last background save fail?
    pub failed: bool,
    /// How long the last background save took.
    pub took: Option<Duration>,
    /// How many saves have succeeded.
    pub count: u64,
    /// How many keys of the file that was loaded at the start were kept, and how many had
    /// expired.
    pub loaded: u64,
    pub expired: u64,
}

impl Saves {
    /// Returns the first of `points` that is reached, or `None`. `changes` is `Store::changes`
    /// now.
    pub fn due<'a>(&self, points: &'a [SavePoint], changes: u64) -> Option<&'a SavePoint> {
        if self.failed && self.tried.elapsed() < RETRY {
            return None;
        }
        let passed = self.succeeded.elapsed().as_secs();
        let changes = self.unsaved(changes) as i64;
        points
            .iter()
            .find(|point| point.is_reached(passed, changes))
    }

    /// How many of `changes` happened after the last save.
    pub fn unsaved(&self, changes: u64) -> u64 {
        changes.saturating_sub(self.saved_changes)
    }

    /// Notes that a save begins, so that the next try after a failure waits.
    pub fn begin(&mut self) {
        self.tried = Instant::now();
    }

    /// Notes that a save has succeeded that holds everything up to `changes`.
    pub fn succeed(&mut self, changes: u64) {
        self.last = unix_time().as_secs();
        self.succeeded = Instant::now();
        self.saved_changes = changes;
        self.failed = false;
        self.count += 1;
    }

    /// Notes that everything up to `changes` was loaded from a file, so that it needs no save.
    pub fn skip(&mut self, changes: u64) {
        self.saved_changes = changes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn save_points_are_pairs() {
        let points = SavePoint::parse("3600 1 300 100").unwrap_or_default();
        assert_eq!(points.len(), 2);
        assert_eq!(SavePoint::format(&points), "3600 1 300 100");
        assert_eq!(SavePoint::parse(""), Some(Vec::new()));
        for wrong in ["900", "900 1 x 2", "0 1", "1 -1", " ", "1 2 ", "1  2"] {
            assert_eq!(SavePoint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn save_points_are_numbers_as_c_reads_them() {
        let read = |text| SavePoint::parse(text).map(|points| SavePoint::format(&points));
        for (text, points) in [
            ("5 ", Some("5 0")),
            ("+5 1\0x", Some("5 1")),
            ("99999999999999999999 1", Some("9223372036854775807 1")),
            ("5 99999999999999999999", Some("5 -1")),
            ("5 4294967298", Some("5 2")),
            ("5 1\0 7", None),
            ("-99999999999999999999 1", None),
            ("+ 1", None),
        ] {
            assert_eq!(read(text).as_deref(), points, "{text:?}");
        }
    }

    #[test]
    fn a_save_point_is_reached_after_its_seconds_and_at_its_changes() {
        let point = SavePoint {
            seconds: 10,
            changes: 5,
        };
        assert!(point.is_reached(11, 5));
        assert!(!point.is_reached(10, 5));
        assert!(!point.is_reached(11, 4));
    }

    #[test]
    fn a_save_is_due_after_time_and_changes() {
        let mut saves = Saves::default();
        let points = SavePoint::parse("10 5").unwrap_or_default();
        assert_eq!(saves.due(&points, 5), None);
        let Some(before) = saves.succeeded.checked_sub(Duration::from_secs(11)) else {
            return;
        };
        saves.succeeded = before;
        assert_eq!(saves.due(&points, 4), None);
        assert_eq!(saves.due(&points, 5), points.first());
        saves.begin();
        saves.failed = true;
        assert_eq!(saves.due(&points, 5), None, "not again at once");
        saves.succeed(5);
        assert_eq!(saves.due(&points, 9), None);
    }
}
