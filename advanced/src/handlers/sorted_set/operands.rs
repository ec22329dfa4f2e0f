//! What ZUNION, ZINTER and ZDIFF work on: sorted sets with their weights (`zsetopsrc` in Redis).
//! A set is one whose scores are all 1.

use crate::command::{CommandError, Context, Result};
use crate::objects::set::Set;
use crate::objects::{Element, Object, SortedSet};
use crate::resp::Args;
use crate::store::Value;

/// Divides arguments into so many keys, and what follows them.
pub fn counted_keys<'a>(
    args: Args<'a>,
    count: i64,
) -> Result<(impl Iterator<Item = &'a [u8]>, Args<'a>)> {
    let count = usize::try_from(count).ok().filter(|it| *it <= args.len());
    let count = count.ok_or(CommandError::SYNTAX)?;
    Ok((args.iter().take(count), args.skip(count)))
}

/// One of the keys, and what its scores are multiplied with. It shares the value with the store,
/// which is changed only when all operands are gone.
pub struct Operand {
    /// `None` if there is no such key.
    value: Option<Value>,
    pub weight: f64,
    key: Vec<u8>,
}

impl Operand {
    /// Looks up each key.
    pub fn find_all<'a>(
        ctx: &mut Context<'_>,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Self>> {
        let operands = keys.map(|key| {
            let value = ctx.state.store.get(key).cloned();
            if value.as_ref().is_some_and(|it| !is_operand(it)) {
                return Err(CommandError::WRONG_TYPE);
            }
            Ok(Self {
                value,
                weight: 1.0,
                key: key.to_vec(),
            })
        });
        operands.collect()
    }

    /// The value, if it is of type `T`.
    fn object<T: Object>(&self) -> Option<&T> {
        self.value.as_ref()?.object().ok()
    }

    pub fn len(&self) -> usize {
        let object = self.value.as_ref().and_then(Value::as_object);
        object.map_or(0, Object::len)
    }

    /// Whether both are the same key.
    pub fn is(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.object::<Set>() {
            Some(set) => set.contains(member).then_some(1.0),
            None => self.object::<SortedSet>()?.score(member),
        }
    }

    /// All members and their scores, without the weight.
    pub fn iter(&self) -> impl Iterator<Item = (Element<'_>, f64)> {
        let scored = self.object().into_iter().flat_map(SortedSet::iter);
        let plain = self.object().into_iter().flat_map(Set::iter);
        scored.chain(plain.map(|member| (member, 1.0)))
    }
}

fn is_operand(value: &Value) -> bool {
    value.object::<SortedSet>().is_ok() || value.object::<Set>().is_ok()
}
