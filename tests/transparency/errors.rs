//! What the compiler refuses in an annotated function it refuses with the same code on the same line, by the same
//! names.

use crate::harness::{EDITIONS, Pair, Said};
use std::collections::BTreeSet;

/// Whose error is another one, or more than one.
const NOT_YET: [(&str, &[u64]); 3] = [
    // An unknown type in the result (16), `break` in a closure (42).
    ("names.rs", &[16, 42]),
    // The lifetime of a result (28, 30, 83, 85), an argument that is not `mut` (75, 80), a borrowing future (100).
    ("borrows.rs", &[28, 30, 75, 80, 83, 85, 100]),
    // A future of another type (108, 109), what is no future (112).
    ("types.rs", &[108, 109, 112]),
];

/// Compares line and code of each error, and gives all of them in each edition: annotated, bare.
fn compare(root: &'static str, at_least: usize) -> Vec<[Vec<Said>; 2]> {
    let pair = Pair::of(root);
    let not_yet: &[u64] = NOT_YET.iter().find(|(known, _)| *known == root).map_or(&[], |(_, lines)| lines);
    let mut all = Vec::new();
    let mut differences = String::new();
    for edition in EDITIONS {
        let mut both = pair.diagnostics("rustc", &["--edition", edition]);
        both.iter_mut()
            .for_each(|said| said.retain(|said| said.level == "error" && !not_yet.contains(&said.at.0)));
        let places = both.each_ref().map(|said| said.iter().map(place).collect::<BTreeSet<_>>());
        assert!(places[1].len() >= at_least, "{places:#?}");
        let only = |one: usize, other: usize| {
            let lines: Vec<_> = places[one].difference(&places[other]).map(String::as_str).collect();
            lines.join("\n    ")
        };
        if places[0] != places[1] {
            let (more, less) = (only(0, 1), only(1, 0));
            differences += &format!("edition {edition}\n  more:\n    {more}\n  less:\n    {less}\n");
        }
        all.push(both);
    }
    assert!(differences.is_empty(), "{root}: {differences}");
    all
}

fn place(said: &Said) -> String {
    format!("{}: {}", said.at.0, if said.code.is_empty() { &said.text } else { &said.code })
}

#[test]
fn names_that_are_not_there() {
    compare("names.rs", 6);
}

#[test]
fn types_that_do_not_fit() {
    compare("types.rs", 20);
}

#[test]
fn borrows_that_do_not_last() {
    compare("borrows.rs", 10);
}
