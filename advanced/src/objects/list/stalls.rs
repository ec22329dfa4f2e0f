//! How long the slowest write to a long list takes, and how long a read from its middle. By hand:
//! `cargo test --release -p advanced --lib -- --ignored --nocapture lists_slowest`.

use std::any::Any;
use std::hint::black_box;
use std::time::Instant;

use super::*;
use crate::objects::stalls::slowest;

const LEN: usize = 4_000_000;

fn text(number: usize) -> String {
    format!("element:{number}")
}

/// A write as the store does it: what a snapshot shares is copied first.
fn change(list: &mut Arc<dyn Object>, change: impl FnOnce(&mut List)) {
    if Arc::get_mut(list).is_none() {
        *list = list.copy();
    }
    let object = Arc::get_mut(list).map(|object| object as &mut dyn Any);
    if let Some(list) = object.and_then(<dyn Any>::downcast_mut) {
        change(list);
    }
}

#[test]
#[ignore = "takes a minute, and measures"]
fn lists_slowest_write() {
    let shape = Shape::DEFAULT;
    let push = |list: &mut List, number| list.push(Side::Right, text(number).as_bytes(), shape);
    let mut long = List::default();
    (0..LEN).for_each(|number| push(&mut long, number));
    let long: Arc<dyn Object> = Arc::new(long);
    let far = |number: usize| number * 7919 % LEN;
    for (name, write) in [
        (
            "RPUSH",
            (|list, number| list.push(Side::Right, text(number).as_bytes(), Shape::DEFAULT))
                as fn(&mut List, usize),
        ),
        ("LPOP", |list, _| {
            _ = list.pop(Side::Left, Shape::DEFAULT, |_| ())
        }),
        ("LSET", |list, number| {
            list.set(number, text(number).as_bytes(), Shape::DEFAULT)
        }),
    ] {
        let run =
            |list: &mut Arc<dyn Object>, number| change(list, |list| write(list, far(number)));
        let alone = slowest(10_000, || long.copy(), run);
        let shared = slowest(10_000, || Arc::clone(&long), run);
        println!("{name} on {LEN} elements: {alone:?}; in a snapshot: {shared:?}");
    }
    let started = Instant::now();
    if let Some(list) = (&*long as &dyn Any).downcast_ref::<List>() {
        for number in 0..100_000 {
            list.get(far(number), |element| _ = black_box(element));
        }
    }
    println!("LINDEX anywhere: {:?}", started.elapsed() / 100_000);
    let growing = slowest(LEN, List::default, push);
    println!("growing to {LEN} elements: {growing:?}");
}
