//! Every lint of rustc and clippy says of an annotated function what it says of the bare one.

use crate::harness::{EDITIONS, Pair, Said, difference};
use std::collections::BTreeSet;
use std::process::Command;

/// All that rustc does not say by default.
fn quiet_lints() -> Vec<String> {
    let help = Command::new("rustc").args(["-W", "help"]).output().expect("rustc runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        (words.next()? == "allow").then(|| format!("-W{}", name.replace('-', "_")))
    };
    let lints: Vec<_> = help.lines().filter_map(name).collect();
    assert!(lints.len() > 30, "{lints:?}");
    lints
}

/// All of rustc's lints and these groups of clippy's.
fn wall(groups: &[&str]) -> Vec<String> {
    let mut args: Vec<_> =
        ["--cap-lints=warn", "-Wunused", "-Wnonstandard_style"].map(str::to_owned).to_vec();
    args.extend(quiet_lints());
    // What concerns the set of crates and not the function.
    args.push("-Aunused_crate_dependencies".to_owned());
    args.extend(groups.iter().map(|group| format!("-Wclippy::{group}")));
    args.push("-Aclippy::blanket_clippy_restriction_lints".to_owned());
    args
}

/// Some that ours must not silence.
const MUST_FIRE: [&str; 12] = [
    "clippy::async_yields_async",
    "clippy::let_and_return",
    "dead_code",
    "deprecated",
    "non_snake_case",
    "unreachable_code",
    "unused_assignments",
    "unused_braces",
    "unused_must_use",
    "unused_mut",
    "unused_parens",
    "unused_variables",
];

/// Lints that are not said any more, and why that is right.
const NO_LONGER_TRUE: [(&str, &str); 3] = [
    ("clippy::missing_const_for_fn", "what is monitored cannot be `const`"),
    ("clippy::unused_async", "a monitored future waits"),
    ("clippy::manual_async_fn", "with `async fn` the call would begin later"),
];

/// Differences that are known: `+` is said more often, `-` less.
const KNOWN: [(&str, &str); 10] = [
    ("+clippy::implicit_return", "a body around variables of ours ends in a `match`"),
    ("-clippy::implicit_return", "which is told instead of what is inside"),
    ("+clippy::result_large_err", "of the function and, on the same line, of the closure that is its body"),
    ("-clippy::elidable_lifetime_names", "the lifetime is named in the body, too"),
    ("-clippy::needless_lifetimes", "as before"),
    ("-clippy::needless_pass_by_value", "an argument is moved into the body"),
    ("-clippy::unnecessary_wraps", "the body is a closure, whose result is handed on"),
    ("-clippy::unused_self", "attempts are made by a future"),
    ("-clippy::unused_unit", "in edition 2024, where it looks at the body"),
    ("-unused_assignments", "of the first value of a `mut` argument; the second is told"),
];

/// Whether a line of a difference is known.
fn is_known(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(count), Some(_), Some(lint)) = (words.next(), words.next(), words.next()) else { return false };
    let (sign, lint) = (&count[..1], lint.trim_end_matches(':'));
    KNOWN.iter().any(|(known, _)| known[..1] == *sign && known[1..] == *lint)
}

/// Compares what lints say in every edition, and gives what they said of the bare source.
fn compare(pair: &Pair, lints: &[String], apart_from: &[&str]) -> Vec<Said> {
    let mut of_bare = Vec::new();
    for edition in EDITIONS {
        let mut args = vec!["--edition", edition];
        args.extend(lints.iter().map(String::as_str));
        let [mut annotated, mut bare] = pair.diagnostics("clippy-driver", &args);
        assert!(bare.iter().all(|said| said.level == "warning"), "{bare:#?}");
        of_bare.clone_from(&bare);
        bare.retain(|said| {
            annotated.contains(said) || NO_LONGER_TRUE.iter().all(|(lint, _)| *lint != said.code)
        });
        for said in [&mut annotated, &mut bare] {
            said.retain(|said| !apart_from.contains(&said.code.as_str()));
        }
        let difference = difference(&annotated, &bare);
        let unknown: Vec<_> = difference.lines().filter(|line| !is_known(line)).collect();
        assert_eq!(unknown, Vec::<&str>::new(), "edition {edition}");
    }
    of_bare
}

#[test]
fn every_lint_says_the_same_of_functions_with_something_to_complain_about() {
    let groups = ["all", "pedantic", "nursery", "restriction"];
    let said = compare(&Pair::of("lints.rs"), &wall(&groups), &[]);
    let lints: BTreeSet<_> = said.iter().map(|said| said.code.as_str()).collect();
    for lint in MUST_FIRE {
        assert!(lints.contains(lint), "{lint} is not among {lints:#?}");
    }
}

#[test]
fn rustc_and_clippy_say_the_same_of_retries_timeouts_boxes_streams_and_methods_of_a_block() {
    let said = compare(&Pair::of("modes.rs"), &wall(&["all"]), &["unused_import_braces"]);
    let lints: BTreeSet<_> = said.iter().map(|said| said.code.as_str()).collect();
    for lint in
        ["dead_code", "ungated_async_fn_track_caller", "unused_must_use", "unused_mut", "unused_variables"]
    {
        assert!(lints.contains(lint), "{lint} is not among {lints:#?}");
    }
}

#[test]
fn rustc_and_pedantic_clippy_say_the_same_of_every_shape() {
    let mut lints = wall(&["all", "pedantic"]);
    lints.push("--cfg=test".to_owned());
    // Imports that only attributes use, and functions whose attribute is on the same line.
    let apart_from = ["unused_imports", "unused_import_braces", "dead_code"];
    compare(&Pair::of_files("tests/shapes", "lib.rs"), &lints, &apart_from);
}
