//! ZUNION, ZINTER, ZDIFF, and what stores or counts their result
//! (`zunionInterDiffGenericCommand`).

use indexmap::IndexMap;

use super::operands::{Operand, counted_keys};
use super::range::store_entries;
use super::{begin_members, reply_entry};
use crate::command::{CommandError, Context, Result, integer};
use crate::objects::Element;
use crate::resp::{Args, parse_integer};
use crate::util::double;

const NO_WEIGHT: CommandError = CommandError::new("ERR weight value is not a float");
const NEGATIVE_LIMIT: CommandError = CommandError::new("ERR LIMIT can't be negative");

/// Which members are in the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the result. Each form of the commands has other options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Reply,
    Store,
    Count,
}

/// How the scores of a member become one.
type Aggregate = fn(f64, f64) -> f64;

/// Plus and minus infinity are 0 together, because they would be no number.
fn sum(left: f64, right: f64) -> f64 {
    let sum = left + right;
    if sum.is_nan() { 0.0 } else { sum }
}

fn least(left: f64, right: f64) -> f64 {
    if right < left { right } else { left }
}

fn most(left: f64, right: f64) -> f64 {
    if right > left { right } else { left }
}

/// `ZUNION numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`
pub fn zunion(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply(ctx, args, "zunion", Operation::Union)
}

/// `ZINTER numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]`
pub fn zinter(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply(ctx, args, "zinter", Operation::Inter)
}

/// `ZDIFF numkeys key [key …] [WITHSCORES]`
pub fn zdiff(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply(ctx, args, "zdiff", Operation::Diff)
}

fn reply(ctx: &mut Context<'_>, args: Args<'_>, name: &str, operation: Operation) -> Result {
    let query = Query::parse(ctx, args.skip(1), name, operation, Form::Reply)?;
    let mut entries = query.entries();
    entries.sort_unstable_by(|a, b| {
        let by_score = a.1.partial_cmp(&b.1);
        by_score
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| a.0.cmp(&b.0))
    });
    begin_members(&mut ctx.reply, entries.len(), query.with_scores);
    for (member, score) in &entries {
        let entry = (Element::Text(member), *score);
        reply_entry(&mut ctx.reply, entry, query.with_scores);
    }
    Ok(())
}

/// `ZUNIONSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]`
pub fn zunionstore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    store(ctx, args, "zunionstore", Operation::Union)
}

/// `ZINTERSTORE destination numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM | MIN | MAX]`
pub fn zinterstore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    store(ctx, args, "zinterstore", Operation::Inter)
}

/// `ZDIFFSTORE destination numkeys key [key …]`
pub fn zdiffstore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    store(ctx, args, "zdiffstore", Operation::Diff)
}

fn store(ctx: &mut Context<'_>, args: Args<'_>, name: &str, operation: Operation) -> Result {
    let query = Query::parse(ctx, args.skip(2), name, operation, Form::Store)?;
    let entries = query.entries();
    drop(query);
    store_entries(ctx, &args[1], entries)
}

/// `ZINTERCARD numkeys key [key …] [LIMIT limit]`: how many members are in all of them, or `limit`
/// if there are more.
pub fn zintercard(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (operation, form) = (Operation::Inter, Form::Count);
    let query = Query::parse(ctx, args.skip(1), "zintercard", operation, form)?;
    let limit = match query.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let count = query.intersection().take(limit).count();
    ctx.reply.integer(count as i64);
    Ok(())
}

/// The operands, and how they are combined.
struct Query {
    /// From the smallest to the largest, unless the operation is [`Operation::Diff`].
    operands: Vec<Operand>,
    operation: Operation,
    aggregate: Aggregate,
    with_scores: bool,
    /// For [`Form::Count`]; 0 is none.
    limit: usize,
}

impl Query {
    fn parse(
        ctx: &mut Context<'_>,
        args: Args<'_>,
        name: &str,
        operation: Operation,
        form: Form,
    ) -> Result<Self> {
        let count = integer(&args[0])?;
        if count < 1 {
            let before = "ERR at least 1 input key is needed for '";
            return Err(CommandError::quoting(before, name.as_bytes(), "' command"));
        }
        let (keys, options) = counted_keys(args.skip(1), count)?;
        let mut query = Self {
            operands: Operand::find_all(ctx, keys)?,
            operation,
            aggregate: sum,
            with_scores: false,
            limit: 0,
        };
        query.read_options(options, form)?;
        if operation != Operation::Diff {
            query.operands.sort_by_key(Operand::len);
        }
        Ok(query)
    }

    fn read_options(&mut self, mut options: Args<'_>, form: Form) -> Result {
        let has_weights = self.operation != Operation::Diff && form != Form::Count;
        while let Some(option) = options.get(0) {
            let values = options.skip(1);
            let used = match option.to_ascii_lowercase().as_slice() {
                b"weights" if has_weights && values.len() >= self.operands.len() => {
                    for (operand, weight) in self.operands.iter_mut().zip(values.iter()) {
                        operand.weight = double::parse(weight).ok_or(NO_WEIGHT)?;
                    }
                    self.operands.len()
                }
                b"aggregate" if has_weights && !values.is_empty() => {
                    self.aggregate = match values[0].to_ascii_lowercase().as_slice() {
                        b"sum" => sum,
                        b"min" => least,
                        b"max" => most,
                        _ => return Err(CommandError::SYNTAX),
                    };
                    1
                }
                b"withscores" if form == Form::Reply => {
                    self.with_scores = true;
                    0
                }
                b"limit" if form == Form::Count && !values.is_empty() => {
                    let limit = parse_integer(&values[0]).and_then(|it| it.try_into().ok());
                    self.limit = limit.ok_or(NEGATIVE_LIMIT)?;
                    1
                }
                _ => return Err(CommandError::SYNTAX),
            };
            options = options.skip(1 + used);
        }
        Ok(())
    }

    /// The members of the result and their scores, in any order.
    fn entries(&self) -> Vec<(Vec<u8>, f64)> {
        match self.operation {
            Operation::Union => self.union(),
            Operation::Inter => self.intersection().collect(),
            Operation::Diff => self.difference(),
        }
    }

    fn union(&self) -> Vec<(Vec<u8>, f64)> {
        let mut scores: IndexMap<Vec<u8>, f64, ahash::RandomState> = IndexMap::default();
        for operand in &self.operands {
            for (member, score) in operand.iter() {
                let score = weighted(score, operand);
                let digits = &mut itoa::Buffer::new();
                let member = member.bytes(digits);
                match scores.get_mut(member) {
                    Some(old) => *old = (self.aggregate)(*old, score),
                    None => drop(scores.insert(member.to_vec(), score)),
                }
            }
        }
        scores.into_iter().collect()
    }

    /// The members of the smallest operand that are in all others.
    fn intersection(&self) -> impl Iterator<Item = (Vec<u8>, f64)> {
        let first = self.operands.first();
        let entries = first
            .into_iter()
            .flat_map(|it| it.iter().map(move |e| (it, e)));
        entries.filter_map(|(operand, (member, score))| {
            let digits = &mut itoa::Buffer::new();
            let member = member.bytes(digits);
            let mut total = weighted(score, operand);
            for other in &self.operands[1..] {
                // As in Redis, only the first score is looked at for being no number.
                let score = other.score(member)? * other.weight;
                total = (self.aggregate)(total, score);
            }
            Some((member.to_vec(), total))
        })
    }

    /// The members of the first operand that are in no other. (Redis has a second way for many
    /// operands that are small.)
    fn difference(&self) -> Vec<(Vec<u8>, f64)> {
        let Some((first, others)) = self.operands.split_first() else {
            return Vec::new();
        };
        if others.iter().any(|it| it.is(first)) {
            return Vec::new();
        }
        let entries = first.iter().map(|(member, score)| {
            let member = member.bytes(&mut itoa::Buffer::new()).to_vec();
            (member, score)
        });
        entries
            .filter(|(member, _)| others.iter().all(|it| it.score(member).is_none()))
            .collect()
    }
}

/// The score of a member of an operand. Infinity times 0 is 0.
fn weighted(score: f64, operand: &Operand) -> f64 {
    let score = score * operand.weight;
    if score.is_nan() { 0.0 } else { score }
}
