//! ZADD and ZINCRBY (`zaddGenericCommand`).

use super::reply_score_or_null;
use crate::command::{CommandError, Context, Result};
use crate::objects::SortedSet;
use crate::resp::Args;
use crate::util::double;

const NOT_A_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");
const NOT_A_NUMBER: CommandError = CommandError::new("ERR resulting score is not a number (NaN)");
const XX_AND_NX: CommandError =
    CommandError::new("ERR XX and NX options at the same time are not compatible");
const GT_AND_LT: CommandError =
    CommandError::new("ERR GT, LT, and/or NX options at the same time are not compatible");
const ONE_INCREMENT: CommandError =
    CommandError::new("ERR INCR option supports a single increment-element pair");

/// Which members get a new score, and what the reply says.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    /// Only those that are not there.
    nx: bool,
    /// Only those that are there.
    xx: bool,
    /// Only if the new score is greater, or less.
    gt: bool,
    lt: bool,
    /// The reply counts changes, too.
    ch: bool,
    /// The score is added to the old one.
    incr: bool,
}

/// What became of one member.
enum Outcome {
    Added(f64),
    Updated(f64),
    /// It had that score.
    Same(f64),
    /// The options did not allow it.
    Refused,
}

impl Options {
    /// Reads the options, and returns them with the arguments that follow.
    fn parse(mut args: Args<'_>) -> Result<(Self, Args<'_>)> {
        let mut options = Self::default();
        while let Some(option) = args.get(0) {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            match () {
                () if is(b"nx") => options.nx = true,
                () if is(b"xx") => options.xx = true,
                () if is(b"gt") => options.gt = true,
                () if is(b"lt") => options.lt = true,
                () if is(b"ch") => options.ch = true,
                () if is(b"incr") => options.incr = true,
                () => break,
            }
            args = args.skip(1);
        }
        options.check(args.len())?;
        Ok((options, args))
    }

    fn check(self, args: usize) -> Result {
        if args == 0 || !args.is_multiple_of(2) {
            return Err(CommandError::SYNTAX);
        }
        if self.nx && self.xx {
            return Err(XX_AND_NX);
        }
        if (self.nx && (self.gt || self.lt)) || (self.gt && self.lt) {
            return Err(GT_AND_LT);
        }
        if self.incr && args > 2 {
            return Err(ONE_INCREMENT);
        }
        Ok(())
    }

    /// What the score of a member becomes (`zsetAdd`).
    fn decide(self, old: Option<f64>, given: f64) -> Result<Outcome> {
        let Some(old) = old else {
            return Ok(if self.xx {
                Outcome::Refused
            } else {
                Outcome::Added(given)
            });
        };
        if self.nx {
            return Ok(Outcome::Refused);
        }
        let score = if self.incr { old + given } else { given };
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        Ok(match () {
            () if (self.lt && score >= old) || (self.gt && score <= old) => Outcome::Refused,
            () if score == old => Outcome::Same(score),
            () => Outcome::Updated(score),
        })
    }
}

/// `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …]`
pub fn zadd(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (options, pairs) = Options::parse(args.skip(2))?;
    add(ctx, &args[1], pairs, options)
}

/// `ZINCRBY key increment member`
pub fn zincrby(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let options = Options {
        incr: true,
        ..Options::default()
    };
    add(ctx, &args[1], args.skip(2), options)
}

fn add(ctx: &mut Context<'_>, key: &[u8], pairs: Args<'_>, options: Options) -> Result {
    let limits = ctx.state.config.limits.sorted_set;
    let scores = pairs.iter().step_by(2).map(double::parse);
    // All of them are read before anything is changed.
    let scores: Option<smallvec::SmallVec<[f64; 8]>> = scores.collect();
    let scores = scores.ok_or(NOT_A_FLOAT)?;
    let members = pairs.skip(1).iter().step_by(2);
    ctx.state.store.events.name = Some(if options.incr { "zincr" } else { "zadd" });
    let (added, updated, last) = ctx.state.store.change(key, |set: &mut SortedSet| {
        let (mut added, mut updated, mut last) = (0, 0, Ok(None));
        for (given, member) in scores.iter().zip(members) {
            let old = set.score(member);
            last = options.decide(old, *given).map(|outcome| match outcome {
                Outcome::Added(score) | Outcome::Updated(score) => {
                    set.set(member, score, old, limits);
                    match old {
                        None => added += 1,
                        Some(_) => updated += 1,
                    }
                    Some(score)
                }
                Outcome::Same(score) => Some(score),
                Outcome::Refused => None,
            });
        }
        ((added, updated, last), (added + updated) as u64)
    })?;
    let score = last?;
    match options.incr {
        true => reply_score_or_null(&mut ctx.reply, score),
        false if options.ch => ctx.reply.integer(added + updated),
        false => ctx.reply.integer(added),
    }
    Ok(())
}
