//! Feature `disabled` removes everything.

use crate::Package;
use std::collections::BTreeSet;

#[test]
fn a_program_that_uses_all_of_jobmon_compiles_without_warnings_and_nothing_happens() {
    let package = Package::new("disabled");
    package.succeeds(&["run", "--quiet"]);
}

#[test]
fn a_function_compiles_to_what_it_is_without_the_attribute() {
    let package = Package::new("disabled");
    let compiled = |features: &str| {
        let path = package.target.join(format!("{features}.mir"));
        let emit = format!("--emit=mir={}", path.display());
        package.succeeds(&["rustc", "--quiet", "--lib", "--features", features, "--", &emit]);
        without_numbers(&std::fs::read_to_string(path).expect("the compiler wrote it"))
    };
    let bare = compiled("default");
    assert!(bare.contains("fn ask(") && bare.contains("fn <impl"), "{bare}");
    assert_eq!(compiled("annotated"), bare);
}

/// The code without the numbers of its constants, which the compiler gives in the order it happens to meet them.
fn without_numbers(mir: &str) -> String {
    let mut parts = mir.split("alloc");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("alloc")
}

#[test]
fn what_the_pipeline_depends_on_is_not_built() {
    let package = Package::new("disabled");
    let tree = package.succeeds(&["tree", "-e", "normal,build", "--prefix", "none", "-f", "{lib}"]);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for unwanted in ["genai_prices", "toml", "rusqlite", "libsqlite3_sys", "fancy_regex", "regex_automata"] {
        assert!(!crates.contains(unwanted), "{unwanted}");
    }
    // Itself, four of jobmon, what the macros are made of, JSON, since `Value` is an `LlmResponse`, and the trait of
    // streams.
    assert!(crates.contains("jobmon_core") && crates.len() <= 16, "{} crates: {crates:#?}", crates.len());
}
