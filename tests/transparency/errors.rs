//! What the compiler refuses in an annotated function it refuses with the same code on the same line, by the same
//! names.

use crate::harness::{EDITIONS, Pair, Said};
use std::collections::BTreeSet;

/// What the compiler says of the body of a function, and what it says of the same inside a closure.
const SAME: [(&str, &str); 3] = [
    ("E0268", "E0267"), // `break` outside of a loop
    ("E0384", "E0594"), // an argument that is not `mut` is assigned
    ("E0373", "E0515"), // what is returned borrows what the function owns
];

/// The errors in each edition: of the annotated source, of the bare one.
fn errors(root: &'static str) -> Vec<[Vec<Said>; 2]> {
    let pair = Pair::of(root);
    let of_edition = |edition| {
        let mut both = pair.diagnostics("rustc", &["--edition", edition]);
        both.iter_mut().for_each(|said| said.retain(|said| said.level == "error"));
        both
    };
    EDITIONS.map(of_edition).into()
}

fn compare(root: &'static str, at_least: usize) {
    let mut differences = String::new();
    for (both, edition) in errors(root).into_iter().zip(EDITIONS) {
        // Where a mistake is told, it may be told in more words: a type that does not exist tells nothing, either.
        let lines: BTreeSet<_> = both[1].iter().map(|said| said.at.0).collect();
        let known: BTreeSet<_> = both[1].iter().map(place).collect();
        let counts = |said: &&Said| known.contains(&place(said)) || !lines.contains(&said.at.0);
        let [annotated, bare] =
            [&both[0], &both[1]].map(|said| said.iter().filter(counts).map(place).collect::<BTreeSet<_>>());
        assert!(bare.len() >= at_least, "{bare:#?}");
        let only = |one: &BTreeSet<String>, other| {
            one.difference(other).map(|place| format!("\n    {place}")).collect::<String>()
        };
        if annotated != bare {
            let (more, less) = (only(&annotated, &bare), only(&bare, &annotated));
            differences += &format!("edition {edition}\n  more:{more}\n  less:{less}\n");
        }
    }
    assert!(differences.is_empty(), "{root}: {differences}");
}

/// Line, and code or else text.
fn place(said: &Said) -> String {
    let code = SAME.iter().find(|(_, in_closure)| *in_closure == said.code);
    let code = code.map_or(said.code.as_str(), |(code, _)| code);
    // What does not live as long as a box says it does is told at its type, not at its value.
    let line = if said.text == "lifetime may not live long enough" { 0 } else { said.at.0 };
    format!("{line}: {}", if code.is_empty() { &said.text } else { code })
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
    for ([annotated, bare], edition) in errors("borrows.rs").into_iter().zip(EDITIONS) {
        let named = |said: &Said| said.text.contains('`');
        let nameless = |said: &&Said| {
            !named(said) && bare.iter().any(|known| place(known) == place(said) && named(known))
        };
        assert_eq!(annotated.iter().filter(nameless).collect::<Vec<_>>(), Vec::<&Said>::new(), "{edition}");
    }
}
