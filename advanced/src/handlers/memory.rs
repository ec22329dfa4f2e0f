//! MEMORY USAGE: how much memory a key takes (`object.c` in Redis).

use crate::command::{Command, CommandError, Context, Flag::*, Keys, Result, help, integer};
use crate::resp::Args;
use crate::store::Value;
use crate::util::allocation::allocated;

pub const COMMANDS: &[Command] = &[Command::container("memory", MEMORY)];

const MEMORY: &[Command] = &[
    Command::with_keys("memory|usage", -3, &[Readonly], Keys::at(2, 2, 1), usage),
    Command::new("memory|help", 2, &[Loading, Stale], help),
];

/// What an entry of the store takes, whatever is in it: itself, its slot, and the room that a
/// table has to grow.
const ENTRY: usize = 75;

/// How many elements of a large collection are measured; the others are as large on average.
const SAMPLES: i64 = 5;

/// `MEMORY USAGE key [SAMPLES count]`: bytes, about; with 0 samples all elements are measured.
fn usage(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let mut samples = SAMPLES;
    let mut options = args.skip(3).iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or(CommandError::SYNTAX)?;
        if !option.eq_ignore_ascii_case(b"SAMPLES") {
            return Err(CommandError::SYNTAX);
        }
        samples = integer(value)?;
        if samples < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    let samples = match samples {
        0 => usize::MAX,
        some => some as usize,
    };
    match ctx.state.store.peek(&args[2]) {
        Some(value) => {
            let size = ENTRY + outside(args[2].len()) + size_of_value(value, samples);
            ctx.reply.integer(size as i64);
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// A short string lies in the entry.
fn outside(length: usize) -> usize {
    const INSIDE: usize = 16;
    if length > INSIDE {
        allocated(length)
    } else {
        0
    }
}

fn size_of_value(value: &Value, samples: usize) -> usize {
    /// What an `Arc` has in front of what it holds.
    const COUNTS: usize = 2 * size_of::<usize>();
    match value {
        Value::Integer(_) => 0,
        Value::Short(bytes) => outside(bytes.len()),
        Value::Long(bytes) => allocated(COUNTS + bytes.len()),
        Value::Growable(bytes) => {
            allocated(COUNTS + size_of::<Vec<u8>>()) + allocated(bytes.capacity())
        }
        _ => value.as_object().map_or(0, |object| object.size(samples)),
    }
}
