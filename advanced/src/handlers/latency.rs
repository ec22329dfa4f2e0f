//! SLOWLOG and LATENCY (`slowlog.c` and `latency.c` in Redis).

use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, Result, help, integer, note_delays,
};
use crate::resp::Args;
use crate::timing::Calls;
use crate::timing::latency::Event;

const FLAGS: &[Flag] = &[Admin, Noscript, Loading, Stale];

pub const COMMANDS: &[Command] = &[
    Command::container("slowlog", SLOWLOG),
    Command::container("latency", LATENCY),
];

const SLOWLOG: &[Command] = &[
    Command::new("slowlog|get", -2, &[Admin, Loading, Stale], slowlog_get),
    Command::new("slowlog|len", 2, &[Admin, Loading, Stale], slowlog_len),
    Command::new("slowlog|reset", 2, &[Admin, Loading, Stale], slowlog_reset),
    Command::new("slowlog|help", 2, &[Loading, Stale], help),
];

const LATENCY: &[Command] = &[
    Command::new("latency|doctor", 2, FLAGS, doctor),
    Command::new("latency|graph", 3, FLAGS, graph),
    Command::new("latency|help", 2, &[Loading, Stale], help),
    Command::new("latency|histogram", -2, FLAGS, histogram),
    Command::new("latency|history", 3, FLAGS, history),
    Command::new("latency|latest", 2, FLAGS, latest),
    Command::new("latency|reset", -2, FLAGS, reset),
];

/// How many entries SLOWLOG GET shows unless told.
const SHOWN: i64 = 10;

/// `SLOWLOG GET [count]`: the newest first; -1 is all.
fn slowlog_get(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    const WRONG: CommandError =
        CommandError::new("ERR count should be greater than or equal to -1");
    let count = match args.get(2) {
        _ if args.len() > 3 => return Err(CommandError::SYNTAX),
        Some(count) => integer(count).map_err(|_| WRONG)?,
        None => SHOWN,
    };
    let entries = &ctx.state.life.timing.slowlog.entries;
    let count = match count {
        -1 => entries.len(),
        _ => usize::try_from(count)
            .map_err(|_| WRONG)?
            .min(entries.len()),
    };
    ctx.reply.array(count);
    for entry in entries.iter().take(count) {
        ctx.reply.array(6);
        ctx.reply.integer(entry.id);
        ctx.reply.integer(entry.time as i64);
        ctx.reply.integer(entry.taken.as_micros() as i64);
        let args: Vec<&[u8]> = entry.args.iter().map(Vec::as_slice).collect();
        ctx.reply.bulks(&args);
        ctx.reply.bulk(entry.address.as_bytes());
        ctx.reply.bulk(entry.client.as_bytes());
    }
    Ok(())
}

/// `SLOWLOG LEN`
fn slowlog_len(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply
        .integer(ctx.state.life.timing.slowlog.entries.len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`: the ids go on.
fn slowlog_reset(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.state.life.timing.slowlog.entries.clear();
    ctx.reply.ok();
    Ok(())
}

/// `LATENCY LATEST`: of each event the last sample, and the longest time ever.
fn latest(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    note_delays(ctx.state);
    let events = &ctx.state.life.timing.latency.events;
    ctx.reply.array(events.len());
    for (name, event) in events {
        let last = event.samples.back();
        ctx.reply.array(4);
        ctx.reply.bulk(name.as_bytes());
        ctx.reply.integer(last.map_or(0, |it| it.time as i64));
        ctx.reply.integer(last.map_or(0, |it| it.taken as i64));
        ctx.reply.integer(event.longest as i64);
    }
    Ok(())
}

/// `LATENCY HISTORY event`: its samples, the oldest first.
fn history(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    note_delays(ctx.state);
    let event = find(ctx, &args[2]);
    let samples = event.map_or(Vec::new(), |it| it.samples.iter().copied().collect());
    ctx.reply.array(samples.len());
    for sample in samples {
        ctx.reply.array(2);
        ctx.reply.integer(sample.time as i64);
        ctx.reply.integer(sample.taken as i64);
    }
    Ok(())
}

fn find<'a>(ctx: &'a Context<'_>, name: &[u8]) -> Option<&'a Event> {
    let events = &ctx.state.life.timing.latency.events;
    events.get(str::from_utf8(name).ok()?)
}

/// `LATENCY RESET [event …]`: how many events were forgotten.
fn reset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    note_delays(ctx.state);
    let events = &mut ctx.state.life.timing.latency.events;
    let before = events.len();
    let names = args.skip(2);
    events.retain(|name, _| !names.is_empty() && names.iter().all(|it| it != name.as_bytes()));
    ctx.reply.integer((before - events.len()) as i64);
    Ok(())
}

/// `LATENCY GRAPH event`
fn graph(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    note_delays(ctx.state);
    let before = "ERR No samples available for event '";
    let missing = || CommandError::quoting(before, &args[2], "'");
    let event = find(ctx, &args[2]).ok_or_else(missing)?;
    let graph = event.graph(&String::from_utf8_lossy(&args[2]));
    ctx.reply.verbatim(&graph);
    Ok(())
}

/// `LATENCY DOCTOR`: what the events say, in words.
fn doctor(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    note_delays(ctx.state);
    let latency = &ctx.state.life.timing.latency;
    let mut text = match (latency.threshold, latency.events.is_empty()) {
        (0, true) => "Nothing is watched: latency-monitor-threshold is 0. Set it to the number of \
                      milliseconds from which on a delay matters to you.\n"
            .to_owned(),
        (threshold, true) => format!("Nothing has taken {threshold} ms or more.\n"),
        _ => String::new(),
    };
    for (name, event) in &latency.events {
        let samples = event.samples.len().max(1) as u64;
        let sum: u64 = event.samples.iter().map(|it| it.taken).sum();
        text += &format!(
            "{name}: {samples} times, {} ms on average, {} ms at most. {}\n",
            sum / samples,
            event.longest,
            advice(name)
        );
    }
    ctx.reply.verbatim(&text);
    Ok(())
}

fn advice(event: &str) -> &'static str {
    match event {
        "command" => "SLOWLOG GET names the commands; one that looks at many keys blocks all.",
        "fast-command" => "These take no time by themselves: the machine is busy, or it swaps.",
        "command-unblocking" => "What a waiting client gets is large, or there are many of them.",
        "expire-cycle" => "Many keys expire at the same moment: spread their deadlines.",
        "expire-del" => "A large value expired: lazyfree-lazy-expire has another thread free it.",
        _ => "The disk is slow.",
    }
}

/// `LATENCY HISTOGRAM [command …]`: a container stands for all of its subcommands.
fn histogram(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let names = args.skip(2);
    let all = ctx.state.life.timing.commands();
    let is_named = |it: &&&Calls| {
        let container = it.name.split('|').next().unwrap_or_default();
        let is = |name: &[u8], own: &str| name.eq_ignore_ascii_case(own.as_bytes());
        names.is_empty()
            || names
                .iter()
                .any(|name| is(name, it.name) || is(name, container))
    };
    let shown = all.iter().filter(is_named);
    let shown: Vec<Calls> = shown
        .filter(|it| it.histogram.total() > 0)
        .map(|it| (*it).clone())
        .collect();
    ctx.reply.map(shown.len());
    for command in shown {
        let (calls, steps) = (command.histogram.total(), command.histogram.cumulative());
        ctx.reply.bulk(command.name.as_bytes());
        ctx.reply.map(2);
        ctx.reply.bulk(b"calls");
        ctx.reply.integer(calls as i64);
        ctx.reply.bulk(b"histogram_usec");
        ctx.reply.map(steps.len());
        for (micros, count) in steps {
            ctx.reply.integer(micros as i64);
            ctx.reply.integer(count as i64);
        }
    }
    Ok(())
}
