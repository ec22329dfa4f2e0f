//! A part of a sorted set, as the arguments of a command name it: by rank, by score or by member.

use std::ops::Range;

use crate::command::{CommandError, Result, integer};
use crate::objects::sorted_set::Bound;
use crate::objects::{Object, SortedSet};
use crate::resp::Args;
use crate::util::double;

const NOT_A_FLOAT: CommandError = CommandError::new("ERR min or max is not a float");
const NO_ITEM: CommandError = CommandError::new("ERR min or max not valid string range item");
const LIMIT_BY_RANK: CommandError = CommandError::new(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_BY_LEX: CommandError =
    CommandError::new("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// What the two ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Rank,
    Score,
    Lex,
}

/// Which entries are meant. Whatever the ends are, spans make a range of ranks of it.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// From one rank to another; -1 is the last.
    Ranks(i64, i64),
    /// What lies between two places.
    Between(Bound<'a>, Bound<'a>),
}

impl<'a> Part<'a> {
    /// Reads both ends, the lower first.
    pub fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self> {
        Ok(match by {
            By::Rank => Self::Ranks(integer(min)?, integer(max)?),
            By::Score => {
                let ends = score_end(min, false).zip(score_end(max, true));
                let (min, max) = ends.ok_or(NOT_A_FLOAT)?;
                Self::Between(min, max)
            }
            By::Lex => {
                let ends = lex_end(min, false).zip(lex_end(max, true));
                let (min, max) = ends.ok_or(NO_ITEM)?;
                Self::Between(min, max)
            }
        })
    }

    /// The ranks that are meant; counted from the other end if `reverse`.
    pub fn ranks(self, set: &SortedSet, reverse: bool) -> Range<usize> {
        let length = set.len();
        match self {
            Self::Ranks(start, end) => {
                let position = |rank: i64| match rank {
                    ..0 => (length as i64).saturating_add(rank),
                    _ => rank,
                };
                let start = position(start).max(0) as usize;
                let end = (position(end).saturating_add(1).max(0) as usize).min(length);
                match (start < end, reverse) {
                    (false, _) => 0..0,
                    (true, false) => start..end,
                    (true, true) => length - end..length - start,
                }
            }
            Self::Between(min, max) => {
                let start = set.count_before(&min);
                start..set.count_before(&max).max(start)
            }
        }
    }
}

/// One end of a range of scores, such as `1.5`, `(1.5` or `-inf`. The upper end is after what
/// is equal, unless that is excluded.
fn score_end(text: &[u8], is_upper: bool) -> Option<Bound<'static>> {
    let (text, is_excluded) = match text.strip_prefix(b"(") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let bound = Bound::score(double::parse_bound(text)?);
    Some(if is_upper != is_excluded {
        bound.or_equal()
    } else {
        bound
    })
}

/// One end of a range of members: `[a`, `(a`, `-` or `+` (`zslParseLexRangeItem`).
fn lex_end(text: &[u8], is_upper: bool) -> Option<Bound<'_>> {
    let (first, member) = text.split_first()?;
    let bound = Bound::member(member);
    Some(match first {
        b'-' if matches!(member, [] | [0, ..]) => Bound::START,
        b'+' if matches!(member, [] | [0, ..]) => Bound::END,
        b'(' if is_upper => bound,
        b'(' => bound.or_equal(),
        b'[' if is_upper => bound.or_equal(),
        b'[' => bound,
        _ => return None,
    })
}

/// A range with its options.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    part: Part<'a>,
    pub reverse: bool,
    pub with_scores: bool,
    offset: i64,
    /// How many entries at most; negative is all.
    limit: i64,
}

impl<'a> Query<'a> {
    /// Reads the ends of the range and the options. What a command's name says about the range is
    /// `given`, and its options cannot say it then; `None` is ZRANGE and ZRANGESTORE, whose options say
    /// it. Only without `to_store` are there scores to reply with.
    pub fn parse(args: Args<'a>, given: Option<(By, bool)>, to_store: bool) -> Result<Self> {
        let (mut by, mut reverse) = given.unwrap_or((By::Rank, false));
        let is_open = |by| given.is_none() && by == By::Rank;
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut options = args.skip(2);
        while let Some(option) = options.get(0) {
            let mut used = 1;
            match option.to_ascii_lowercase().as_slice() {
                b"withscores" if !to_store => with_scores = true,
                b"limit" if options.len() > 2 => {
                    offset = integer(&options[1])?;
                    limit = integer(&options[2])?;
                    used = 3;
                }
                b"rev" if given.is_none() && !reverse => reverse = true,
                b"bylex" if is_open(by) => by = By::Lex,
                b"byscore" if is_open(by) => by = By::Score,
                _ => return Err(CommandError::SYNTAX),
            }
            options = options.skip(used);
        }
        if limit != -1 && by == By::Rank {
            return Err(LIMIT_BY_RANK);
        }
        if with_scores && by == By::Lex {
            return Err(SCORES_BY_LEX);
        }
        let [first, second] = [0, 1].map(|end| args.get(end).unwrap_or_default());
        let (min, max) = match reverse && by != By::Rank {
            true => (second, first),
            false => (first, second),
        };
        Ok(Self {
            part: Part::parse(by, min, max)?,
            reverse,
            with_scores,
            offset,
            limit,
        })
    }

    /// The ranks of the entries that are asked for.
    pub fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = self.part.ranks(set, self.reverse);
        if matches!(self.part, Part::Ranks(..)) {
            return ranks;
        }
        // A negative offset skips all, as in Redis.
        let offset = usize::try_from(self.offset)
            .unwrap_or(usize::MAX)
            .min(ranks.len());
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let count = limit.min(ranks.len() - offset);
        match self.reverse {
            false => ranks.start + offset..ranks.start + offset + count,
            true => ranks.end - offset - count..ranks.end - offset,
        }
    }
}
