//! `jobmon import`: lines of the `jsonl` exporter become the history that the `sqlite` exporter would have made.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon::{CallId, Context, Jsonl, Monitor, Sqlite, Usd, Verdict, instrument_llm};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "f", prompt(name = "p", version = "2"), cache_key = n, capture(input, output), fields(n))]
fn ask(n: u64) -> Result<(Option<CallId>, Value), std::io::Error> {
    if n.is_multiple_of(4) {
        return Err(std::io::Error::other(format!("request {n} was refused")));
    }
    jobmon::current().request(
        &json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "mail anna@example.com"}]}),
    );
    #[expect(clippy::cast_precision_loss, reason = "small")]
    jobmon::score("match", n as f64 / 3.0);
    let answer = json!({"id": n.to_string(), "model": "gpt-4o-mini-2024-07-18", "usage": {"prompt_tokens": 100 + n, "completion_tokens": n},
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "fits"}}]});
    Ok((jobmon::current().id(), answer))
}

#[instrument_llm(operation = "invoke_agent")]
fn whole(n: u64) -> Option<CallId> {
    ask(n).ok().and_then(|(id, _)| id)
}

fn jobmon(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmon"));
    command.current_dir(folder).args(args).env_remove("JOBMON_CONFIG").env_remove("JOBMON_SQLITE_PATH");
    command.output().unwrap()
}

fn out(folder: &Path, args: &[&str]) -> String {
    let output = jobmon(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn work(folder: &Path) {
    let guard = Monitor::builder()
        .without_config()
        .service_name("agent")
        .environment("test")
        .exporter(Sqlite::open(folder.join("own.db")).unwrap())
        .exporter(Jsonl::open(folder.join("own.jsonl")).unwrap())
        .install_local()
        .unwrap();
    let context = Context::current().with_session("s-1").with_user("u-1").with_strategy("broad");
    context.run(|| {
        jobmon::search("rust berlin").results(9).relevant(4);
        for n in 0..30 {
            let Some(id) = whole(n) else { continue };
            jobmon::feedback(id, if n % 2 == 0 { Verdict::Positive } else { Verdict::Negative });
            jobmon::outcome(id, "application", n.is_multiple_of(3).then(|| Usd::from_dollars(25)));
            jobmon::prediction("match", n > 10).key(format!("job-{n}"));
            if n % 3 == 1 {
                jobmon::truth("match", n > 15).key(format!("job-{n}"));
            }
        }
    });
    let delivery = guard.shutdown();
    assert!(delivery.is_complete(), "{delivery}");
}

/// The lines of a history, each without what only it knows.
fn events(folder: &Path, db: &str) -> Vec<String> {
    out(folder, &["history", "export", "--db", db, "--output", "exported.jsonl"]);
    let text = std::fs::read_to_string(folder.join("exported.jsonl")).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_history_made_of_lines_is_the_one_that_was_written_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    work(folder);
    let lines = std::fs::read_to_string(folder.join("own.jsonl")).unwrap().lines().count();
    assert!(lines > 150, "{lines}");
    let told = out(folder, &["import", "own.jsonl", "--db", "new.db"]);
    assert_eq!(told, format!("own.jsonl: {lines} events written, 0 were there already\n"));
    assert_eq!(events(folder, "new.db"), events(folder, "own.db"));
    out(folder, &["history", "check", "--db", "new.db"]);
    let catalogue = jobmon_core_measures();
    for by in ["", "feature", "score", "outcome", "label", "category", "session", "user"] {
        let mut query = vec!["query", "--measures", &catalogue, "--format", "json"];
        if !by.is_empty() {
            query.extend(["--by", by]);
        }
        let of = |db: &str| out(folder, &[&query[..], &["--db", db]].concat());
        assert_eq!(of("new.db"), of("own.db"), "{by}");
    }
    // Again, and into the history that has them all.
    for db in ["new.db", "own.db"] {
        let again = out(folder, &["import", "own.jsonl", "own.jsonl", "--db", db]);
        let line = format!("own.jsonl: 0 events written, {lines} were there already\n");
        assert_eq!(again, line.repeat(2));
    }
    // What a history exports can be imported, too.
    out(folder, &["history", "export", "--db", "own.db", "--output", "all.jsonl"]);
    out(folder, &["import", "all.jsonl", "--db", "third.db"]);
    assert_eq!(events(folder, "third.db"), events(folder, "own.db"));
    let account = out(folder, &["audit", "list", "--db", "new.db"]);
    assert!(account.contains("import") && account.contains("own.jsonl"), "{account}");
}

/// All measures, by name.
fn jobmon_core_measures() -> String {
    let names: Vec<_> = jobmon::Measure::ALL.iter().map(|measure| measure.name).collect();
    names.join(",")
}

#[test]
fn a_mistake_is_told_at_its_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let good = r#"{"type": "outcome", "kind": "application", "at_unix_nanos": 1790000000000000000}"#;
    for (line, problem) in [
        ("{", "lines.jsonl:2: no JSON, at column 1: expected one event on each line"),
        ("[]", "lines.jsonl:2: an event needs a `type`, one of: call, score, feedback"),
        (r#"{"type": "cal"}"#, "unknown type of event `cal`; expected any of: call, score"),
        (r#"{"type": "outcome", "at_unix_nanos": 5}"#, "lines.jsonl:2: a `outcome` needs `kind`: a text"),
        (r#"{"type": "outcome", "kind": "x"}"#, "needs `at_unix_nanos`: nanoseconds since 1970"),
        (r#"{"type": "score", "name": "x", "at_unix_nanos": 5}"#, "needs `value`: a number"),
        (
            r#"{"type": "truth", "name": "x", "at_unix_nanos": 5, "value": 1}"#,
            "needs `value`: `true` or `false`",
        ),
        (
            r#"{"type": "feedback", "at_unix_nanos": 5, "verdict": "ok"}"#,
            "needs `verdict`: `positive` or `negative`",
        ),
        (r#"{"type": "call", "id": "abc"}"#, "needs `id`: two ids in hex, joined by `-`"),
        (
            r#"{"type": "call", "id": "00000000000000000000000000000001-0000000000000001", "operation": "chad"}"#,
            "unknown operation `chad`",
        ),
    ] {
        std::fs::write(folder.join("lines.jsonl"), format!("{good}\n{line}\n")).unwrap();
        let output = jobmon(folder, &["import", "lines.jsonl"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && text.contains(problem), "{line}: {text}");
        assert!(!folder.join("jobmon.db").exists(), "{line}");
    }
    let output = jobmon(folder, &["import", "none.jsonl"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("none.jsonl: cannot be read"));
    // Empty lines are none, and keys that nobody knows are left out.
    std::fs::write(folder.join("lines.jsonl"), format!("\n{good}\n\n{}", good.replace('}', r#", "x": 1}"#)))
        .unwrap();
    let told = out(folder, &["import", "lines.jsonl"]);
    assert_eq!(told, "lines.jsonl: 1 events written, 1 were there already\n");
}
