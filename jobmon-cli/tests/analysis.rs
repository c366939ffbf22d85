//! `jobmon quality`, `errors`, `experience` and `insights` over a history that an annotated program has written.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon::{Monitor, Sqlite, Usage, Verdict, instrument_llm};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::task::{Context, Waker};

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "analysis", cache_key = job, fields(remote = job.is_multiple_of(2)))]
fn analyze(job: u32) -> Result<Usage, String> {
    if job == 5 {
        return Err(format!("HTTP 429 for <job>-{job}"));
    }
    jobmon::score("match", f64::from(job * 10));
    jobmon::prediction("match", job > 2).key(format!("job-{job}"));
    Ok(Usage::new(100, 10))
}

#[instrument_llm(feature = "search")]
async fn search() {
    for job in [0, 1, 2, 3, 4, 5, 4] {
        // Its failure is in the report.
        let _ = analyze(job);
    }
    jobmon::search("=rust\u{7}").results(7).relevant(2);
    jobmon::outcome(None, "application", None);
    jobmon::feedback(None, Verdict::Positive);
}

fn history(folder: &Path) {
    let run = |work: &dyn Fn()| {
        let sqlite = Sqlite::open(folder.join("jobmon.db")).unwrap();
        let guard = Monitor::builder().without_config().exporter(sqlite).install_local().unwrap();
        work();
        assert!(guard.shutdown().is_complete());
    };
    run(&|| {
        // It waits for nothing.
        let one = std::pin::pin!(jobmon::session("one", search()));
        assert!(one.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
    // Later, by somebody else.
    run(&|| {
        for (job, is_match) in [(0, false), (1, true), (3, false), (4, true)] {
            jobmon::truth("match", is_match).key(format!("job-{job}"));
        }
    });
}

fn jobmon(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobmon"))
        .current_dir(folder)
        .env_remove("JOBMON_SQLITE_PATH")
        .env_remove("JOBMON_CONFIG")
        .args(args)
        .output()
        .unwrap()
}

fn text(folder: &Path, args: &[&str]) -> String {
    let output = jobmon(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn sections(folder: &Path, args: &[&str]) -> Value {
    let answer: Value = serde_json::from_str(&text(folder, &[args, &["--format", "json"]].concat())).unwrap();
    answer["sections"].clone()
}

#[test]
fn each_answers_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    history(folder);
    let quality = sections(folder, &["quality"]);
    let predicted = &quality["predictions"][0];
    let counts = ["true_positives", "false_positives", "true_negatives", "false_negatives"];
    assert_eq!(counts.map(|name| predicted[name].as_u64().unwrap()), [1, 1, 1, 1]);
    assert_eq!(predicted["false_positive_rate"], 0.5);
    assert_eq!(quality["predictions_by_model"][0]["model"], "gpt-4o-mini");
    assert_eq!(quality["searches"][0]["outcomes"], 1);
    assert_eq!(quality["consistency"].as_array().unwrap().len(), 2);
    let errors = sections(folder, &["errors"]);
    assert_eq!(errors["patterns"][0]["pattern"], "HTTP # for <job>#");
    assert_eq!(errors["impact"][0]["errors"], 1);
    let experience = sections(folder, &["experience"]);
    assert_eq!(experience["end_to_end"][0]["name"], "search");
    assert_eq!(experience["parameters"][0]["parameter"], "remote");
    assert_eq!(experience["sessions"][0]["converted_sessions"], 1);

    for command in ["quality", "errors", "experience"] {
        for format in ["terminal", "markdown", "csv", "html"] {
            let text = text(folder, &[command, "--format", format]);
            assert!(text.len() > 300 && !text.contains('\u{7}'), "{command} {format}: {text}");
            assert!(format != "html" || !text.contains("<job>"), "{text}");
        }
        let none = sections(folder, &[command, "--until", "2020-01-01", "--since", "2019-01-01"]);
        assert_eq!(none, json!({}), "{command}");
        let of_others = sections(folder, &[command, "--filter", "project=another"]);
        assert_eq!(of_others, json!({}), "{command}");
    }
    assert!(text(folder, &["quality", "--format", "csv"]).contains(",'=rust"));
}

#[test]
fn insights_say_when_there_is_not_enough_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    history(folder);
    let answer: Value = serde_json::from_str(&text(folder, &["insights", "--format", "json"])).unwrap();
    assert_eq!(answer["insights"], json!([]));
    assert_eq!(answer["not_enough_data"][0]["kind"], "cache");
    assert_eq!(
        answer["not_enough_data"][0]["reason"],
        "calls that would be saved or cheaper: 1, of 30 needed"
    );
    assert!(text(folder, &["insights"]).contains("Not enough data\n  cache: name=analyze"));
    assert!(text(folder, &["insights", "--format", "markdown"]).starts_with("# LLM insights"));
    for (args, part) in [
        (["--lifetime", "0s"], "expected a time such as `15m`"),
        (["--margin", "many"], "expected per cent, 0 to 100"),
        (["--filter", "colour=red"], "unknown dimension `colour`"),
        (["--prices", "missing.json"], "missing.json"),
    ] {
        let output = jobmon(folder, &[&["insights"], &args[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(part), "{args:?}: {said}");
    }
}
