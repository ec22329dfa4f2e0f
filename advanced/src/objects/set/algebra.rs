//! What two and more sets have in common, together, or not in common (`sinterGenericCommand` and
//! `sunionDiffGenericCommand` in Redis's `t_set.c`). A key that does not exist is an empty set.

use std::cmp::Reverse;
use std::collections::HashSet;

use ahash::RandomState;

use super::Set;
use crate::objects::{Element, Object};

/// Members of several sets, each of them once. None is copied.
type Members<'a> = HashSet<Element<'a>, RandomState>;

/// A member of a table that is a number is spelled out there, and one in an intset is not.
fn members(set: &Set) -> impl Iterator<Item = Element<'_>> {
    set.iter().map(Element::number)
}

/// Calls `visit` with each member that all sets have, until that returns false.
///
/// The smallest set is gone through, and the others are asked for each of its members. So it
/// takes as long as the smallest is large.
pub fn intersect<'a>(sets: &[Option<&'a Set>], mut visit: impl FnMut(Element<'a>) -> bool) {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<&Set>>>() else {
        return;
    };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    for member in smallest.iter() {
        if others.iter().all(|set| set.has(member)) && !visit(member) {
            return;
        }
    }
}

/// The members that at least one of the sets has.
pub fn unite<'a>(sets: &[Option<&'a Set>]) -> Vec<Element<'a>> {
    if let [Some(only)] = sets {
        return only.iter().collect();
    }
    let all: Members<'_> = sets.iter().flatten().flat_map(|it| members(it)).collect();
    all.into_iter().collect()
}

/// The members of the first set that no other has.
///
/// There are two ways, and the sizes say which takes less work: to ask all others for each member
/// of the first, which is fast for a small first set; or to take the members of all others away
/// from the first, which looks at each member of each set once.
pub fn subtract<'a>(sets: &[Option<&'a Set>]) -> Vec<Element<'a>> {
    let Some((Some(first), others)) = sets.split_first() else {
        return Vec::new();
    };
    let mut others: Vec<&Set> = others.iter().copied().flatten().collect();
    if reduced(sets).is_none() {
        // The largest is most likely to have a member.
        others.sort_by_key(|set| Reverse(set.len()));
        let is_only_there = |member: &Element<'_>| !others.iter().any(|set| set.has(*member));
        return first.iter().filter(is_only_there).collect();
    }
    let mut left: Members<'_> = members(first).collect();
    for member in others.into_iter().flat_map(members) {
        left.remove(&member);
        if left.is_empty() {
            break;
        }
    }
    left.into_iter().collect()
}

/// The first set, if the difference is made by the second way: then a result that is stored has
/// the form of the whole first set, because members that are taken away do not change it.
pub fn reduced<'a>(sets: &[Option<&'a Set>]) -> Option<&'a Set> {
    let (first, _) = sets.split_first()?;
    let first = (*first)?;
    let there = || sets.iter().flatten();
    let asked = first.len() * there().count();
    let looked_at: usize = there().map(|set| set.len()).sum();
    // To ask is faster than to look, so it may take twice as many.
    (asked / 2 > looked_at).then_some(first)
}
