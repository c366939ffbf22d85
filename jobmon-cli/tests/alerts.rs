//! `jobmon alerts` over a history.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::{
    Batch, CallId, CallRecord, End, Event, Exporter, Operation, Resource, SpanId, Text, Timestamp, TraceId,
};
use jobmon_export::Sqlite;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

fn call(at: Timestamp, feature: &'static str, end: End) -> Event {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, Text::from("ask"), Operation::Chat, at);
    call.scope.feature = Some(Text::from(feature));
    call.end = end;
    Event::Call(Box::new(call))
}

/// Two features with a call a minute for three hours; one of them fails from `failing` minutes ago on, for half an hour.
fn history(folder: &Path, failing: u64) {
    let now = Timestamp::now();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let calls = (0..180).flat_map(|ago| {
        let at = now.minus(minutes(ago));
        let broken = (failing.saturating_sub(30)..=failing).contains(&ago);
        [call(at, "search", End::Ok), call(at, "analysis", if broken { End::Error } else { End::Ok })]
    });
    let batch = Batch { resource: Arc::new(Resource::default()), events: Arc::new(calls.collect()) };
    Sqlite::open(folder.join("jobmon.db")).unwrap().export(&batch).unwrap();
}

fn jobmon(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmon"));
    command.current_dir(folder).args(args).env_remove("JOBMON_CONFIG").env_remove("JOBMON_SQLITE_PATH");
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const CONFIG: &str = r#"
[[alerts]]
name = "failing"
condition = "error_rate > 50%"
window = "5m"
by = ["feature"]
for = "2m"
min_calls = 3
[[alerts]]
name = "never"
condition = "panics > 0"
"#;

#[test]
fn what_fires_now_is_told_and_decides_the_status() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("jobmon.toml"), CONFIG).unwrap();
    history(folder.path(), 20);
    let checked = jobmon(folder.path(), &["alerts", "check"]);
    assert_eq!(checked.status.code(), Some(1), "{}", err(&checked));
    let text = out(&checked);
    assert!(
        text.contains("failing") && text.contains("feature=analysis") && text.contains("error_rate 100.0 %"),
        "{text}"
    );
    assert!(!text.contains("feature=search") && !text.contains("never"), "{text}");
    let quiet = jobmon(folder.path(), &["alerts", "check", "never"]);
    assert_eq!((quiet.status.code(), out(&quiet).as_str()), (Some(0), "No alert fires.\n"));
    let listed = out(&jobmon(folder.path(), &["alerts", "list"]));
    assert!(listed.contains("error_rate > 0.5") && listed.contains("5 min 0 s"), "{listed}");
}

#[test]
fn a_replay_says_when_an_alert_would_have_fired_and_when_it_was_over() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path(), 90);
    let args = [
        "alerts",
        "test",
        "--condition",
        "error_rate > 50%",
        "--by",
        "feature",
        "--for",
        "2m",
        "--since",
        "150m",
        "--format",
        "json",
    ];
    let tested = jobmon(folder.path(), &args);
    assert!(tested.status.success(), "{}", err(&tested));
    let notices: Value = serde_json::from_str(&out(&tested)).unwrap();
    let states: Vec<_> =
        notices.as_array().unwrap().iter().map(|notice| notice["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["firing", "resolved"], "{notices}");
    assert_eq!(notices[0]["group"]["feature"], "analysis");
    assert!(notices[0]["figures"]["error_rate"].as_f64().unwrap() > 0.5, "{notices}");

    let usual =
        jobmon(folder.path(), &["alerts", "test", "--condition", "error_rate > 50%", "--since", "50m"]);
    assert!(out(&usual).starts_with("No alert would have fired from "), "{}", out(&usual));
}

#[test]
fn a_silenced_alert_does_not_decide_the_status_and_the_audit_log_says_who_did_it() {
    let folder = tempfile::tempdir().unwrap();
    let jobmon = |args: &[&str]| {
        let output = jobmon(folder.path(), args);
        (output.status.code(), out(&output) + &err(&output))
    };
    std::fs::write(folder.path().join("jobmon.toml"), CONFIG).unwrap();
    history(folder.path(), 20);
    assert_eq!(jobmon(&["alerts", "silence"]), (Some(0), "No alert is silenced.\n".to_owned()));
    assert_eq!(jobmon(&["alerts", "check"]).0, Some(1));
    let (status, text) = jobmon(&["alerts", "silence", "failing", "--for", "2h"]);
    assert!(status == Some(0) && text.starts_with("failing: silent until 2"), "{text}");
    let (status, checked) = jobmon(&["alerts", "check"]);
    assert!(status == Some(0) && checked.contains("firing (silent)"), "{checked}");
    assert_eq!(jobmon(&["alerts", "silence"]), (Some(0), text));
    let (status, text) = jobmon(&["alerts", "silence", "failing", "--until", "2200-01-01"]);
    assert_eq!((status, text.as_str()), (Some(0), "failing: silent until 2200-01-01T00:00:00.000Z\n"));
    let (_, listed) = jobmon(&["audit", "list"]);
    assert!(listed.contains("silence") && listed.contains("2200-01-01T00:00:00.000Z"), "{listed}");
    let (_, text) = jobmon(&["alerts", "silence", "failing", "--end"]);
    assert_eq!(text, "failing: not silent any more; it was until 2200-01-01T00:00:00.000Z\n");
    assert_eq!(jobmon(&["alerts", "silence", "failing", "--end"]).1, "failing: was not silent\n");
    assert_eq!(jobmon(&["alerts", "check"]).0, Some(1));
    for (args, words) in [
        (&["alerts", "silence", "faling", "--for", "2h"][..], "no alert is named `faling`"),
        (&["alerts", "silence", "faling", "--for", "2h"], "there are: failing, never"),
        (&["alerts", "silence", "failing"], "--for <TIME>|--until <TIME>|--end"),
        (&["alerts", "silence", "failing", "--for", "2h", "--end"], "cannot be used with"),
        (&["alerts", "silence", "failing", "--for", "two"], "expected a duration such as `30s`"),
        (&["alerts", "silence", "failing", "--until", "2h"], "expected a moment such as"),
        (&["alerts", "silence", "failing", "--until", "2020-01-01"], "over already"),
        (
            &["alerts", "silence", "failing", "--for", "2h", "--db", "none.db"],
            "there is no history at none.db",
        ),
        (&["alerts", "silence", "--for", "2h"], "<NAME>"),
    ] {
        let (status, text) = jobmon(args);
        assert!(status.is_some_and(|status| status != 0) && text.contains(words), "{args:?}: {text}");
    }
    assert_eq!(jobmon(&["alerts", "silence"]).1, "No alert is silenced.\n");
}

#[test]
fn mistakes_are_told_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    history(folder.path(), 20);
    for (args, words) in [
        (&["alerts", "test", "--condition", "eror_rate > 5%"][..], "did you mean `error_rate`?"),
        (&["alerts", "test", "--condition", "calls > x"], "  | calls > x\n  |         ^"),
        (&["alerts", "test", "--condition", "calls > 1", "--window", "5s"], "ten seconds to 31 days"),
        (
            &["alerts", "test", "--condition", "calls > 1", "--window", "5"],
            "expected a duration such as `30s`",
        ),
        (&["alerts", "test", "--condition", "calls > 1", "--by", "featur"], "did you mean `feature`?"),
        (&["alerts", "check"], "no alerts are configured; write `[[alerts]]`"),
        (&["alerts", "check", "--config", "none.toml"], "none.toml: cannot be read"),
    ] {
        let output = jobmon(folder.path(), args);
        assert!(
            output.status.code() == Some(2) && err(&output).contains(words),
            "{args:?}: {}",
            err(&output)
        );
    }
    std::fs::write(folder.path().join("jobmon.toml"), CONFIG).unwrap();
    let unknown = jobmon(folder.path(), &["alerts", "check", "faling"]);
    assert!(
        err(&unknown).contains("no alert is named `faling`; there are: failing, never"),
        "{}",
        err(&unknown)
    );
    std::fs::write(folder.path().join("jobmon.toml"), "[[alerts]]\nname = 'a'\ncondition = 'cost > 5'")
        .unwrap();
    let wrong = err(&jobmon(folder.path(), &["alerts", "list"]));
    assert!(wrong.contains("jobmon.toml:3:21: `cost` is money; expected money, such as `$5`"), "{wrong}");
}
