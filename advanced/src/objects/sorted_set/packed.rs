//! A small sorted set: a listpack with member, score, member, score, in order (`zzl…` in Redis).

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::{Bound, Entry};
use crate::objects::{Element, Listpack};
use crate::util::double;

/// The score that an element spells. One that spells none would be that of nobody, and
/// [`is_sound`] has refused it.
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Integer(number) => number as f64,
        Element::Text(text) => double::parse(text).unwrap_or_default(),
    }
}

/// Where each entry is, and the entry.
fn positions(list: &Listpack) -> impl Iterator<Item = (Range<usize>, Entry<'_>)> {
    let mut position = list.start();
    std::iter::from_fn(move || {
        let start = position;
        let (member, middle) = list.at(start)?;
        let (score, end) = list.at(middle)?;
        position = end;
        Some((start..end, (member, score_of(score))))
    })
}

/// All entries.
pub fn entries(list: &Listpack) -> impl Iterator<Item = Entry<'_>> {
    positions(list).map(|(_, entry)| entry)
}

/// Where the entry of `member` is, and its score (`zzlFind`).
pub fn find(list: &Listpack, member: &[u8]) -> Option<(Range<usize>, f64)> {
    let found = list.find(member, 2)?;
    let (score, end) = list.at(found.end)?;
    Some((found.start..end, score_of(score)))
}

/// The rank of `member`.
pub fn rank(list: &Listpack, member: &[u8]) -> Option<usize> {
    list.search(member, 2).map(|(rank, _)| rank)
}

/// A score as a listpack has it: a whole number in all its digits, without the sign of minus 0
/// (`zzlInsertAt`).
pub fn score_text(score: f64) -> Vec<u8> {
    spell(score, &mut itoa::Buffer::new()).into_owned()
}

/// The same. `digits` is where a whole number is spelled out.
fn spell(score: f64, digits: &mut itoa::Buffer) -> Cow<'_, [u8]> {
    // Beyond, Redis does not cast it (`double2ll`).
    const LIMIT: f64 = (i64::MAX / 2) as f64;
    match score.abs() <= LIMIT && (score as i64) as f64 == score {
        true => digits.format(score as i64).as_bytes().into(),
        false => double::to_text(score).into(),
    }
}

/// How many entries are before `bound`.
pub fn count_before(list: &Listpack, bound: &Bound<'_>) -> usize {
    entries(list)
        .take_while(|entry| is_before(*entry, bound))
        .count()
}

fn is_before((member, score): Entry<'_>, bound: &Bound<'_>) -> bool {
    let digits = &mut itoa::Buffer::new();
    bound.is_after(score, || member.bytes(digits))
}

/// Gives `member` this score; `old` is that which it has. Its entry moves to its place
/// (`zzlInsert`).
pub fn set(list: &mut Listpack, member: &[u8], score: f64, old: Option<f64>) {
    let bound = Bound::entry(score, member);
    let next = positions(list).find(|(_, entry)| !is_before(*entry, &bound));
    let place = next.map_or(list.end(), |(at, _)| at.start);
    let digits = &mut itoa::Buffer::new();
    let text = spell(score, digits);
    match old.and_then(|_| list.find(member, 2)) {
        Some(found) => {
            let (_, end) = list
                .at(found.end)
                .unwrap_or((Element::Integer(0), found.end));
            let moved = list.relocate(found.start..end, place);
            let size = found.len();
            list.replace(moved.start + size..moved.end, &text);
        }
        None => {
            list.insert(place, &text);
            list.insert(place, member);
        }
    }
}

/// Removes the entry with this rank, and returns it.
pub fn remove_rank(list: &mut Listpack, rank: usize) -> Option<(Vec<u8>, f64)> {
    let (pair, (member, score)) = positions(list).nth(rank)?;
    let member = member.bytes(&mut itoa::Buffer::new()).to_vec();
    list.remove(pair, 2);
    Some((member, score))
}

/// Whether a listpack from outside is a sorted set: pairs of a member and a score, in order, and no
/// member twice. (Redis looks neither at the scores nor at the order.)
pub fn is_sound(list: &Listpack) -> bool {
    let mut elements = list.iter();
    let mut members = HashSet::new();
    let mut last: Option<(f64, Vec<u8>)> = None;
    while let Some(member) = elements.next() {
        let score = match elements.next() {
            Some(Element::Integer(number)) => Some(number as f64),
            Some(Element::Text(text)) => double::parse(text),
            None => None,
        };
        let Some(score) = score.filter(|_| members.insert(member.number())) else {
            return false;
        };
        let entry = (score, member.bytes(&mut itoa::Buffer::new()).to_vec());
        if last.is_some_and(|last| last > entry) {
            return false;
        }
        last = Some(entry);
    }
    true
}
