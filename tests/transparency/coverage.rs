//! Coverage counts the same lines, with the attribute and without.

use crate::harness::{EDITIONS, Pair};
use std::collections::BTreeSet;

/// The lines that code is counted for, from the compiler's own listing.
fn lines(listing: &str) -> BTreeSet<u64> {
    let mut lines = BTreeSet::new();
    for line in listing.lines() {
        // coverage Code { bcb: bcb0 } => covered.rs:2:8: 3:13 (#0);
        let Some((_, place)) = line.trim_start().strip_prefix("coverage ").and_then(|l| l.split_once(" => "))
        else {
            continue;
        };
        let mut numbers = place.split([':', ' ']).filter_map(|word| word.parse::<u64>().ok());
        let (first, last) = (numbers.next().expect("a line"), numbers.nth(1).expect("a line"));
        lines.extend(first..=last);
    }
    lines
}

/// Whether a line that only the annotated source counts is code that runs: an expression in the attribute, or the end
/// of a body of one line that never gets there, which the compiler takes for a part of that line.
fn is_code(line: u64) -> bool {
    let source = include_str!("source/covered.rs");
    let mut before = source.lines().take(usize::try_from(line).expect("a line"));
    let text = before.by_ref().last().unwrap_or_default().trim_start();
    text.starts_with("#[instrument_llm(model = \"m\", fields(")
        || (text == "}"
            && source.lines().nth(usize::try_from(line).expect("a line") - 2) == Some("    todo!()"))
}

#[test]
fn the_same_lines_are_counted() {
    let pair = Pair::of("covered.rs");
    for edition in EDITIONS {
        // Listings of the compiler's inside need its unstable options; what they say is stable for a pinned one.
        let args = ["--edition", edition, "-Cinstrument-coverage", "-Zunpretty=mir"];
        let [annotated, bare] = pair.run("rustc", &args).map(|output| {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            lines(&String::from_utf8_lossy(&output.stdout))
        });
        assert!(bare.len() > 80, "{} lines of the bare source are counted: {bare:?}", bare.len());
        let more: Vec<_> = annotated.difference(&bare).filter(|line| !is_code(**line)).collect();
        let less: Vec<_> = bare.difference(&annotated).collect();
        assert!(more.is_empty() && less.is_empty(), "edition {edition}: more {more:?}, less {less:?}");
    }
}
