//! `jobmon top`: one frame of what happened in the last minutes.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

fn jobmon(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobmon"));
    command.current_dir(folder).args(args).env_remove("JOBMON_CONFIG").env_remove("JOBMON_SQLITE_PATH");
    command.output().unwrap()
}

/// A call so many seconds ago.
fn span(number: u64, ago: u64, seconds: u64, failed: bool) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let start = now - u128::from(ago) * 1_000_000_000;
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let number_of = |key: &str, value: u64| json!({"key": key, "value": {"intValue": value.to_string()}});
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-4o-mini"),
        text("jobmon.feature", if number.is_multiple_of(2) { "even" } else { "odd" }),
    ];
    if failed {
        attributes.push(text("error.type", "429"));
    } else {
        attributes.extend([
            number_of("gen_ai.usage.input_tokens", 1_000),
            number_of("gen_ai.usage.output_tokens", 100),
        ]);
    }
    json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": format!("{:016x}", number + 1), "name": "chat gpt-4o-mini",
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + u128::from(seconds) * 1_000_000_000).to_string(),
        "status": {"code": if failed { 2 } else { 0 }}, "attributes": attributes,
    })
}

#[test]
fn a_frame_has_what_happened_in_the_window_and_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut spans: Vec<Value> = (0..10).map(|n| span(n, 20 + n, 1 + n, n == 3)).collect();
    spans.push(span(90, 4_000, 50, false));
    let document = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    std::fs::write(folder.join("spans.json"), document.to_string()).unwrap();
    let told = jobmon(folder, &["import", "--db", "h.db", "spans.json"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(
        told.stderr.is_empty(),
        "no progress where nobody looks: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    std::fs::write(
        folder.join("jobmon.toml"),
        "[[budgets]]\nname = 'all'\ntotal = true\nlimit = '$1'\nper = 'day'",
    )
    .unwrap();
    let output = jobmon(folder, &["top", "--db", "h.db"]);
    let frame = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "2.0 calls/min",
        "errors 10.0 %",
        "p95 10.00 s",
        "even",
        "odd",
        "rate_limit",
        "gpt-4o-mini",
        "9,900 tokens",
        "all: $",
    ] {
        assert!(frame.contains(part), "{part} is not in\n{frame}");
    }
    let by_model =
        String::from_utf8(jobmon(folder, &["top", "--db", "h.db", "--by", "model", "--once"]).stdout)
            .unwrap();
    assert!(by_model.contains("By model (1)"), "{by_model}");
    let wrong = jobmon(folder, &["top", "--db", "h.db", "--window", "2s"]);
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("from `10s` to `1d`"));
}
