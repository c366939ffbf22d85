//! The command over a history that an annotated program has written.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon::{CallId, Jsonl, Monitor, Sqlite, Usd, Verdict, instrument_llm};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn answer(input: u64, output: u64) -> Value {
    json!({
        "id": format!("chatcmpl-{input}"), "model": "gpt-4o-mini",
        "choices": [{"finish_reason": "stop"}],
        "usage": {"prompt_tokens": input, "completion_tokens": output},
    })
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "analysis")]
fn analyze(n: u64) -> Result<(Option<CallId>, Value), std::io::Error> {
    if n.is_multiple_of(5) {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    #[expect(clippy::cast_precision_loss, reason = "small")]
    jobmon::score("match", n as f64);
    Ok((jobmon::current().id(), answer(100 + n, n)))
}

#[instrument_llm(provider = "openai", model = "nobody-knows-this-model")]
fn experiment() -> Value {
    json!({"usage": {"prompt_tokens": 10, "completion_tokens": 1}})
}

#[instrument_llm]
fn agent() {
    for n in 0..20 {
        if let Ok((id, _)) = analyze(n) {
            jobmon::outcome(id, "application", (n > 10).then_some(Usd::from_dollars(1)));
        }
    }
    experiment();
    jobmon::feedback(None, Verdict::Negative);
    jobmon::search("rust").strategy("broad").results(8).relevant(2);
}

/// Runs the agent once, into a history and JSON lines.
fn run_agent(folder: &Path) {
    let guard = Monitor::builder()
        .without_config()
        .service_name("cli-test")
        .exporter(Sqlite::open(folder.join("jobmon.db")).unwrap())
        .exporter(Jsonl::open(folder.join("calls.jsonl")).unwrap())
        .install_local()
        .unwrap();
    agent();
    let delivery = guard.shutdown();
    assert!(delivery.is_complete(), "{delivery}");
}

fn jobmon(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobmon"))
        .current_dir(folder)
        .env_remove("JOBMON_SQLITE_PATH")
        .args(args)
        .output()
        .unwrap()
}

fn answer_of(folder: &Path, args: &[&str]) -> Value {
    let output = jobmon(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn report_query_and_json_lines_agree() {
    let folder = tempfile::tempdir().unwrap();
    run_agent(folder.path());
    let text = std::fs::read_to_string(folder.path().join("calls.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls: Vec<_> = lines.iter().filter(|line| line["type"] == "call").collect();
    let sum = |path: &str| calls.iter().filter_map(|call| call.pointer(path)?.as_i64()).sum::<i64>();

    let report = answer_of(folder.path(), &["report", "--format", "json"]);
    let summary = &report["sections"]["summary"][0];
    assert_eq!(summary["calls"], calls.len());
    assert_eq!(summary["input_tokens"], sum("/usage/input"));
    assert_eq!(summary["output_tokens"], sum("/usage/output"));
    // Refused connections may have been billed and one model has no price: the sum is a lower bound.
    assert_eq!(summary["cost"], json!({"nanodollars": sum("/cost/nanodollars"), "grade": "at_least"}));
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!(summary["outcomes"], count("outcome"));
    assert_eq!(report["sections"]["scores"][0]["scores"], count("score"));
    assert_eq!(summary["outcome_value"]["nanodollars"], 8_000_000_000_i64);
    assert_eq!(report["sections"]["unpriced"][0]["model"], "nobody-knows-this-model");
    assert_eq!(
        report["sections"]["errors"][0],
        json!({
            "category": "network", "failed_attempts": 4, "recovered_attempts": 0, "attempt_recovery_rate": 0.0,
            "wasted_cost": {"nanodollars": 0},
        })
    );

    let measures = "calls,input_tokens,output_tokens,cost,error_rate,outcomes,p95_latency";
    let rows = answer_of(folder.path(), &["query", "--measures", measures, "--format", "json"]);
    for measure in ["calls", "input_tokens", "output_tokens", "cost", "outcomes", "p95_latency"] {
        assert_eq!(rows[0][measure], summary[measure], "{measure}");
    }
    let by =
        answer_of(folder.path(), &["query", "--measures", "cost", "--by", "feature", "--format", "json"]);
    let features = report["sections"]["features"].as_array().unwrap();
    for row in features {
        let same = by.as_array().unwrap().iter().find(|other| other["feature"] == row["feature"]).unwrap();
        assert_eq!(same["cost"], row["cost"]);
    }
    assert!(features.iter().any(|row| row["feature"].is_null()), "what nobody pays for is shown");
}

#[test]
fn every_format_prints() {
    let folder = tempfile::tempdir().unwrap();
    run_agent(folder.path());
    for (args, part) in [
        (&["report"][..], "Costs by feature"),
        (&["report", "daily"], "analysis"),
        (&["report", "monthly", "--format", "csv"], "features,analysis,"),
        (&["report", "weekly", "--format", "json"], "\"kind\": \"weekly\""),
        (&["report", "--format", "markdown"], "## Models"),
        (&["query", "--measures", "calls,cost", "--by", "name"], "analyze"),
        (
            &["query", "--measures", "calls,cost", "--by", "name", "--format", "csv"],
            "name,calls,cost,cost_grade",
        ),
        (&["query", "--measures", "calls", "--bucket", "hour", "--since", "1h"], "time"),
        (&["query", "--measures", "calls", "--filter", "feature="], "2"),
        (&["history", "check"], "agree"),
        (&["completions", "bash"], "_jobmon"),
        (&["query", "--help"], "recovery_rate"),
    ] {
        let output = jobmon(folder.path(), args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(part), "{args:?}: {text}");
    }
}

#[test]
fn values_of_outcomes_are_the_callers_then_the_files_then_the_command_lines() {
    let folder = tempfile::tempdir().unwrap();
    run_agent(folder.path());
    // Of 16 applications 8 were reported with a value of $1.
    let value = |words: &[&str]| {
        let report = answer_of(folder.path(), &[&["report", "daily", "--format", "json"], words].concat());
        let summary = report["sections"]["summary"][0]["outcome_value"]["nanodollars"].as_i64().unwrap();
        (summary, report["sections"]["values"][0]["source"].clone())
    };
    assert_eq!(value(&[]), (8_000_000_000, Value::Null));
    std::fs::write(folder.path().join("jobmon.toml"), "[outcomes]\napplication = '$0.25'\n").unwrap();
    assert_eq!(value(&[]), (10_000_000_000, json!("configuration")));
    assert_eq!(value(&["--value", "application=25"]), (400_000_000_000, json!("command line")));
    assert_eq!(value(&["--value", "interview=25"]), (10_000_000_000, json!("command line")));
}

#[test]
fn a_report_goes_to_a_file_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    run_agent(folder.path());
    let words = ["report", "weekly", "--format", "json", "--output", "week.json"];
    let output = jobmon(folder.path(), &words);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let text = std::fs::read_to_string(folder.path().join("week.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["period"]["over"], false);
}

#[test]
fn wrong_input_is_explained_in_one_paragraph_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    run_agent(folder.path());
    std::fs::write(folder.path().join("notes.txt"), "no history ".repeat(100)).unwrap();
    let newer = folder.path().join("newer.db");
    std::fs::copy(folder.path().join("jobmon.db"), &newer).unwrap();
    set_schema(&newer, 99);
    let listing = || {
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|path| (std::fs::read(&path).unwrap(), path)).collect();
        files.sort_by(|a, b| a.1.cmp(&b.1));
        files
    };
    let before = listing();
    for (args, parts) in [
        (&["report", "--db", "missing.db"][..], &["missing.db", "--db"][..]),
        (&["report", "--db", "notes.txt"], &["notes.txt", "not a jobmon history"]),
        (&["report", "--db", "newer.db"], &["newer.db", "schema 99", "install"]),
        (&["query", "--measures", "price"], &["`price`", "expected one of", "cost"]),
        (&["query", "--measures", "cost", "--by", "colour"], &["`colour`", "expected one of", "feature"]),
        (&["query", "--measures", "cost", "--filter", "feature"], &["`feature`", "dimension=value"]),
        (&["query", "--measures", "cost", "--by", "score,outcome"], &["`score`, `outcome` and `label`"]),
        (&["query", "--measures", "cost", "--by", "model,feature,model"], &["`model`", "twice"]),
        (&["report", "--db", "."], &["cannot read the history ."]),
        (&["report", "--since", "1h", "--until", "2h"], &["--since", "earlier"]),
        (&["report", "--since", "yesteryear"], &["yesteryear", "24h", "2026-11-01"]),
        (&["report", "--format", "pdf"], &["pdf", "markdown"]),
    ] {
        let output = jobmon(folder.path(), args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert_eq!(output.stdout, b"", "{args:?}");
        for part in parts {
            assert!(text.contains(part), "{args:?}: `{part}` is missing in: {text}");
        }
    }
    let after = listing();
    let names =
        |files: &[(Vec<u8>, std::path::PathBuf)]| files.iter().map(|f| f.1.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert!(before == after, "a file was changed");
}

/// Sets `PRAGMA user_version` (four bytes at offset 60 of an SQLite file).
fn set_schema(path: &Path, version: u32) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[60..64].copy_from_slice(&version.to_be_bytes());
    std::fs::write(path, bytes).unwrap();
}
