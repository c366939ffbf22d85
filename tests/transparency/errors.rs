//! What the compiler refuses in an annotated function it refuses with the same code on the same line, by the same
//! names.

use crate::harness::{EDITIONS, Pair, Said};
use std::collections::BTreeSet;

/// Compares line and code of each error, and gives all of them in each edition: annotated, bare.
fn compare(root: &'static str, at_least: usize) -> Vec<[Vec<Said>; 2]> {
    let pair = Pair::of(root);
    let mut all = Vec::new();
    let mut differences = String::new();
    for edition in EDITIONS {
        let mut both = pair.diagnostics("rustc", &["--edition", edition]);
        both.iter_mut().for_each(|said| said.retain(|said| said.level == "error"));
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
#[test]
fn variables_keep_their_names_in_messages() {
    for ([annotated, bare], edition) in compare("borrows.rs", 10).into_iter().zip(EDITIONS) {
        // A message without the variable's name is of little help.
        let named = |said: &Said| said.text.contains('`');
        let nameless = |said: &&Said| {
            !named(said) && bare.iter().any(|known| place(known) == place(said) && named(known))
        };
        assert_eq!(
            annotated.iter().filter(nameless).collect::<Vec<_>>(),
            Vec::<&Said>::new(),
            "edition {edition}"
        );
    }
}
