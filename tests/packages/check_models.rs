//! Feature `check-models` warns about models that the price list does not know.

use crate::{Package, text};
use serde_json::Value;

/// One thing that the compiler, or clippy, says.
#[derive(Debug)]
struct Remark {
    level: String,
    lint: String,
    /// What is underlined.
    at: String,
    message: String,
}

impl Remark {
    fn of(diagnostic: &Value) -> Option<Self> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // Those without a place only count the others.
        let span = diagnostic["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
        let column = |name: &str| usize::try_from(span[name].as_u64().unwrap_or(1)).unwrap_or(1) - 1;
        let line = word(&span["text"][0]["text"]);
        Some(Self {
            level: word(&diagnostic["level"]),
            lint: word(&diagnostic["code"]["code"]),
            at: line.get(column("column_start")..column("column_end")).unwrap_or_default().to_owned(),
            message: word(&diagnostic["message"]),
        })
    }

    fn is(&self, level: &str, lint: &str, at: &str, message: &str) -> bool {
        (self.level.as_str(), self.lint.as_str(), self.at.as_str()) == (level, lint, at)
            && self.message.contains(message)
    }
}

/// What is said about an example, in order.
fn remarks(command: &str, example: &str, more: &[&str]) -> Vec<Remark> {
    let package = Package::new("check-models");
    let output =
        package.cargo(&[&[command, "--message-format", "json", "--example", example], more].concat());
    let lines = text(&output.stdout);
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a message a line"));
    let about = messages.filter(|message| message["target"]["name"] == example).collect::<Vec<_>>();
    assert!(!about.is_empty(), "{}", text(&output.stderr));
    about.iter().filter_map(|message| Remark::of(&message["message"])).collect()
}

#[test]
fn known_models_are_silent_and_so_is_what_was_switched_off() {
    for example in ["known", "allowed"] {
        let remarks = remarks("check", example, &[]);
        assert!(remarks.is_empty(), "{example}: {remarks:#?}");
    }
}

#[test]
fn doubts_are_told_once_each_where_the_word_is_written() {
    let remarks = remarks("check", "worded", &[]);
    let expected = [
        ("\"gpt-4o-mni\"", "unknown model `gpt-4o-mni`, did you mean `gpt-4o-mini`?"),
        ("\"opnai\"", "unknown provider `opnai`, did you mean `openai`?"),
        (
            "\"gemini-2.0-flash\"",
            "`gemini-2.0-flash` of google is deprecated or retired, according to the price list",
        ),
        ("\"our-own-model\"", "unknown model `our-own-model`: the price list"),
    ];
    assert_eq!(remarks.len(), expected.len(), "{remarks:#?}");
    for (remark, (at, message)) in remarks.iter().zip(expected) {
        assert!(remark.is("warning", "deprecated", at, message), "{remark:#?}");
        assert!(remark.message.contains("write `model_check = off`"), "{remark:#?}");
    }
}

#[test]
fn a_doubt_is_an_error_for_one_function_by_its_key_and_for_a_crate_by_the_lint() {
    for (example, lint) in [("error", ""), ("denied", "deprecated")] {
        let remarks = remarks("check", example, &[]);
        let [remark] = &remarks[..] else { panic!("one error expected: {remarks:#?}") };
        assert!(remark.is("error", lint, "\"gpt-4o-mni\"", "did you mean `gpt-4o-mini`?"), "{remark:#?}");
    }
}

#[test]
fn every_position_gets_one_warning_and_no_other_lint_of_rustc_or_clippy() {
    let groups =
        ["all", "pedantic", "nursery", "restriction", "cargo"].map(|group| format!("-Wclippy::{group}"));
    let more = |features: &'static str| {
        let lints =
            groups.iter().map(String::as_str).chain(["-Wmissing_docs", "-Wunused", "-Wfuture_incompatible"]);
        ["--features", features, "--"].into_iter().chain(lints).collect::<Vec<_>>()
    };
    let (warned, others): (Vec<_>, Vec<_>) = remarks("clippy", "positions", &more("default"))
        .into_iter()
        .partition(|remark| remark.lint == "deprecated");
    let models: Vec<String> = warned.iter().map(|remark| remark.at.clone()).collect();
    let expected: Vec<String> = (1..=10).map(|i| format!("\"no-such-{i}\"")).collect();
    assert_eq!(models, expected);
    // By name: the two attributes stand on lines of their own.
    let names = |remarks: Vec<Remark>| {
        let mut names: Vec<_> = remarks.into_iter().map(|remark| remark.lint).collect();
        names.sort();
        names
    };
    assert_eq!(names(others), names(remarks("clippy", "positions", &more("off"))));
}
