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

/// An attribute as OTLP/JSON has it.
fn pair(key: &str, value: &Value) -> Value {
    let any = match value {
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(_) => json!({"doubleValue": value}),
        _ => json!({"stringValue": value}),
    };
    json!({"key": key, "value": any})
}

fn otlp(spans: &[Value]) -> String {
    let service = pair("service.name", &json!("of-python"));
    let part = json!({"resource": {"attributes": [service]}, "scopeSpans": [{"scope": {}, "spans": spans}]});
    json!({ "resourceSpans": [part] }).to_string()
}

fn otlp_span(span: &str, parent: &str, attributes: &[(&str, Value)]) -> Value {
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": span, "parentSpanId": parent, "name": "chat gpt-4o-mini",
        "startTimeUnixNano": "1795777532944099937", "endTimeUnixNano": "1795777533944099937",
        "attributes": attributes.iter().map(|(key, value)| pair(key, value)).collect::<Vec<_>>(),
    })
}

#[test]
fn spans_of_a_file_become_calls_with_prices_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let chat = [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4o-mini")),
        ("gen_ai.usage.input_tokens", json!(1_000)),
        ("gen_ai.usage.output_tokens", json!(100)),
        ("user.id", json!("anna@example.com")),
    ];
    let agent =
        [("gen_ai.operation.name", json!("invoke_agent")), ("gen_ai.usage.input_tokens", json!(1_000))];
    let first = otlp(&[otlp_span("00f067aa0ba902b7", "00f067aa0ba902b8", &chat)]);
    // The agent's span comes later, in another line, and adds up what was told.
    let second = otlp(&[otlp_span("00f067aa0ba902b8", "", &agent), json!({"name": "no id"})]);
    std::fs::write(folder.join("spans.json"), format!("{first}\n{second}\n")).unwrap();
    let told = out(folder, &["import", "--db", "h.db", "spans.json"]);
    assert_eq!(
        told,
        "spans.json: 2 events written, 0 were there already; 1 spans have no id and were left out\n"
    );
    let again = out(folder, &["import", "--db", "h.db", "spans.json"]);
    assert!(again.starts_with("spans.json: 0 events written, 2 were there already"), "{again}");

    let query = [
        "query",
        "--db",
        "h.db",
        "--measures",
        "model_calls,input_tokens,cost",
        "--by",
        "service",
        "--format",
        "json",
    ];
    let rows: Value = serde_json::from_str(&out(folder, &query)).unwrap();
    let row = &rows[0];
    assert_eq!(
        (&row["service"], &row["model_calls"], &row["input_tokens"]),
        (&json!("of-python"), &json!(1), &json!(1_000))
    );
    // genai-prices: $0.15 and $0.60 for a million.
    assert_eq!(row["cost"]["nanodollars"], json!(210_000), "{row}");
    assert!(!events(folder, "h.db").concat().contains("anna@"), "redacted like what agents record");
    assert_eq!(
        out(folder, &["history", "check", "--db", "h.db"]),
        "The sums of hours, days and sessions agree with the events.\n"
    );
}

#[test]
fn an_export_of_langfuse_becomes_calls_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A trace of its API.
    let trace = json!({
        "id": "6c2a1f2e-0000-4000-8000-000000000001", "timestamp": "2026-11-01T12:00:00Z", "name": "job_search",
        "sessionId": "s1", "userId": "u1",
        "observations": [
            {"id": "root", "type": "SPAN", "name": "request", "startTime": "2026-11-01T12:00:00.000Z", "endTime": "2026-11-01T12:00:03Z"},
            {
                "id": "one", "type": "GENERATION", "name": "rank", "parentObservationId": "root", "model": "gpt-4o-mini",
                "startTime": "2026-11-01T12:00:01.000Z", "endTime": "2026-11-01T12:00:02.500Z",
                "completionStartTime": "2026-11-01T12:00:01.250Z", "environment": "production",
                "usageDetails": {"input": 900, "input_cached_tokens": 100, "output": 100, "total": 1_100},
                "costDetails": {"total": 0.0002}, "modelParameters": {"temperature": 0.2},
                "input": [{"role": "user", "content": "rank them"}], "output": "done", "promptName": "rank", "promptVersion": 3,
            },
            {
                "id": "two", "type": "GENERATION", "name": "rank", "parentObservationId": "root", "model": "gpt-4o-mini",
                "startTime": "2026-11-01T12:00:02.500Z", "level": "ERROR", "statusMessage": "Error code: 429 - slow down",
            },
        ],
        "scores": [{"id": "x", "name": "match", "value": 0.75, "dataType": "NUMERIC", "observationId": "one", "timestamp": "2026-11-02T09:00:00Z"}],
    });
    // Lines of its export to files.
    let line = json!({
        "id": "three", "trace_id": "t2", "type": "GENERATION", "start_time": "2026-11-01 13:00:00.000", "end_time": "2026-11-01 13:00:01.000",
        "name": "write", "provided_model_name": "gpt-4o", "usage_details": "{\"input\":10,\"output\":5}", "cost_details": "{}",
    });
    std::fs::write(folder.join("trace.json"), serde_json::to_string_pretty(&trace).unwrap()).unwrap();
    std::fs::write(folder.join("observations.jsonl"), format!("{line}\n")).unwrap();
    let told = out(folder, &["import", "--db", "h.db", "trace.json", "observations.jsonl"]);
    assert!(
        told.contains("trace.json: 3 events written")
            && told.contains("observations.jsonl: 1 events written"),
        "{told}"
    );
    assert!(
        out(folder, &["import", "--db", "h.db", "trace.json"])
            .contains("0 events written, 3 were there already")
    );

    let lines: Vec<Value> =
        events(folder, "h.db").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |name: &str, end: &str| lines.iter().find(|line| line["name"] == name && line["end"] == end).unwrap();
    let rank = of("rank", "ok");
    assert_eq!(rank["usage"], json!({"input": 1_000, "cache_read": 100, "output": 100}));
    assert_eq!(rank["cost"], json!({"grade": "known", "nanodollars": 200_000}));
    assert_eq!(
        (&rank["session"], &rank["user"], &rank["feature"]),
        (&json!("s1"), &json!("u1"), &json!("job_search"))
    );
    assert_eq!(
        (&rank["first_token_nanos"], &rank["duration_nanos"]),
        (&json!(250_000_000), &json!(1_500_000_000))
    );
    assert_eq!((&rank["prompt"], &rank["prompt_version"]), (&json!("rank"), &json!("3")));
    assert_eq!(rank["content"]["input"][0]["parts"][0]["content"], "rank them");
    assert_eq!(of("rank", "error")["error"]["category"], "rate_limit");
    assert_eq!(of("write", "ok")["usage"], json!({"input": 10, "output": 5}));
    let score = lines.iter().find(|line| line["type"] == "score").unwrap();
    assert_eq!((&score["value"], &score["call_name"]), (&json!(0.75), &json!("rank")), "{score}");
}

#[test]
fn files_of_no_known_kind_are_refused_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (text, problem) in [
        ("{\"a\": 1}\n", "x.json:1: not one of: events of jobmon"),
        ("\n\n[1, {}]", "x.json: item 1: not one of"),
        ("{\"resourceSpans\": []}\n{\"type\": \"call\"}\n", "x.json:2: OTLP/JSON has `resourceSpans`"),
        (
            "{\"id\": \"a\", \"type\": \"GENERATION\", \"startTime\": \"2026-11-01T12:00:00Z\"}",
            "x.json:1: an observation of Langfuse needs `traceId`",
        ),
        ("{\"resourceSpans\": [", "x.json:1: no JSON, at column"),
    ] {
        std::fs::write(folder.join("x.json"), text).unwrap();
        let output = jobmon(folder, &["import", "--db", "h.db", "x.json"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}: {error}");
        assert!(error.contains(problem), "{text}: {error}");
        assert!(!folder.join("h.db").exists(), "nothing is written");
    }
}
