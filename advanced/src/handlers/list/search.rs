//! LPOS: where in a list an element is.

use std::ops::ControlFlow;

use super::{positive, read};
use crate::command::{CommandError, Context, Result, integer};
use crate::objects::{List, Object, Side, Wanted};
use crate::resp::Args;

const NO_RANK: CommandError = CommandError::new(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);

/// The options of LPOS.
struct Search {
    rank: i64,
    count: Option<usize>,
    most: usize,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Self> {
        let (mut rank, mut count, mut most) = (1, None, 0);
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(CommandError::SYNTAX)?;
            match word.to_ascii_lowercase().as_slice() {
                b"rank" => rank = Some(integer(value)?).filter(|it| *it != 0).ok_or(NO_RANK)?,
                b"count" => {
                    let error = CommandError::new("ERR COUNT can't be negative");
                    count = Some(positive(value, error)?);
                }
                b"maxlen" => {
                    let error = CommandError::new("ERR MAXLEN can't be negative");
                    most = positive(value, error)?;
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(Self { rank, count, most })
    }

    /// The indexes of the elements that are wanted.
    fn run(&self, list: &List, wanted: Wanted<'_>) -> Vec<i64> {
        let len = list.len();
        let (first, direction) = match self.rank {
            ..0 => (len - 1, Side::Left),
            _ => (0, Side::Right),
        };
        let most = if self.most == 0 {
            len
        } else {
            self.most.min(len)
        };
        let enough = self.count.unwrap_or(1);
        let (mut seen, mut skipped) = (0, self.rank.unsigned_abs() - 1);
        let mut found = Vec::new();
        let _ = list.visit(first, most, direction, |element| {
            seen += 1;
            if wanted.is(element) && skipped > 0 {
                skipped -= 1;
            } else if wanted.is(element) {
                let index = if direction == Side::Left {
                    len - seen
                } else {
                    seen - 1
                };
                found.push(index as i64);
                if found.len() == enough {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        found
    }
}

/// `LPOS key element [RANK rank] [COUNT count] [MAXLEN length]`: the index of the element, or with
/// a count those of so many, or of all if it is 0. A negative rank searches from the end.
pub fn lpos(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let search = Search::parse(args.skip(3))?;
    let list = read(ctx, &args[1])?;
    let found = list.map_or(Vec::new(), |list| search.run(list, Wanted::new(&args[2])));
    match (search.count, found.first()) {
        (Some(_), _) => {
            ctx.reply.array(found.len());
            found.iter().for_each(|index| ctx.reply.integer(*index));
        }
        (None, Some(index)) => ctx.reply.integer(*index),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}
