//! How long the slowest write to a large sorted set takes. By hand, with numbers:
//! `cargo test --release -p advanced --lib -- --ignored --nocapture slowest_zadd`.

use std::any::Any;

use super::*;
use crate::objects::stalls::slowest;

/// Members come in an order that has nothing to do with their scores.
fn add(set: &mut SortedSet, number: usize) {
    let score = (number * 7919 % 1_000_003) as f64;
    let member = format!("member:{number}");
    let old = set.score(member.as_bytes());
    set.set(member.as_bytes(), score, old, Limits::DEFAULT);
}

/// A member gets another score. What a snapshot shares is copied first, as the store does it.
fn change(shared: &mut Arc<dyn Object>, number: usize) {
    if Arc::get_mut(shared).is_none() {
        *shared = shared.copy();
    }
    let object = Arc::get_mut(shared).map(|object| object as &mut dyn Any);
    if let Some(set) = object.and_then(<dyn Any>::downcast_mut::<SortedSet>) {
        let member = format!("member:{number}");
        let old = set.score(member.as_bytes());
        let score = (number * 31 % 1_000_003) as f64;
        set.set(member.as_bytes(), score, old, Limits::DEFAULT);
    }
}

#[test]
#[ignore = "takes minutes, and measures"]
fn the_slowest_zadd() {
    let mut large = SortedSet::default();
    (0..1_000_000).for_each(|number| add(&mut large, number));
    let large: Arc<dyn Object> = Arc::new(large);
    // Each number is far from the one before.
    let far = |number: usize| number * 7919 % 1_000_000;
    let alone = slowest(
        10_000,
        || large.copy(),
        |set, number| change(set, far(number)),
    );
    let shared = slowest(
        10_000,
        || Arc::clone(&large),
        |set, number| change(set, far(number)),
    );
    let growing = slowest(4_000_000, SortedSet::default, add);
    println!("growing to 4,000,000 members: {growing:?}");
    println!("1,000,000 members, in a snapshot: {shared:?}; copied before: {alone:?}");
}
