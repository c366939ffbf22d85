//! `jobmon prices`.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

fn jobmon(folder: &Path, args: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jobmon"))
        .current_dir(folder)
        .env_remove("JOBMON_PRICES_FILE")
        .env_remove("JOBMON_CONFIG")
        .arg("prices")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
}

fn cost(folder: &Path, request: &Value) -> Value {
    serde_json::from_str(&jobmon(folder, &["cost"], &format!("{request}\n")).out).unwrap()
}

#[test]
fn requests_are_priced_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let request = |change: Value| {
        let mut request = json!({
            "provider": "google", "model": "gemini-2.5-pro", "at": "2026-11-24T09:00:00Z",
            "usage": {"input_tokens": 200_001, "output_tokens": 1_000},
        });
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        request
    };
    let answer = cost(folder.path(), &request(json!({})));
    assert_eq!((&answer["nanodollars"], &answer["grade"]), (&json!(515_002_500), &json!("known")));
    let rule = &answer["rule"];
    assert_eq!(rule["rates"], json!({"input_mtok": 2.5, "output_mtok": 15.0}));
    assert_eq!(
        (&rule["provider"], &rule["model"], &rule["own"]),
        (&json!("google"), &json!("gemini-2.5-pro"), &json!(false))
    );
    let batch = cost(folder.path(), &request(json!({"context": {"processing": "batch"}})));
    assert_eq!(batch["nanodollars"], 257_501_250);
    let by_url =
        request(json!({"provider": null, "api_url": "https://generativelanguage.googleapis.com/v1beta"}));
    assert_eq!(cost(folder.path(), &by_url)["nanodollars"], 515_002_500);
    let unknown = cost(
        folder.path(),
        &request(json!({"usage": {"input_tokens": 10, "output_tokens": 0, "thoughts": 3}})),
    );
    assert_eq!(
        (&unknown["grade"], &unknown["warnings"]),
        (&json!("at_least"), &json!(["unknown units of usage: thoughts"]))
    );
    let none = cost(folder.path(), &request(json!({"model": "no-such-model"})));
    assert_eq!(none, json!({"nanodollars": null, "grade": "unpriced", "rule": null}));

    let lines = "\n{\"model\": \"gpt-4o\", \"usage\": {\"input_tokens\": 1.5}}\n[]\n{\"usage\": {}}\n{\"model\": \"m\"}\n{\"modell\": 1}\n\
                 {\"model\": \"m\", \"usage\": {}, \"at\": \"noon\"}\n";
    let said = jobmon(folder.path(), &["cost"], lines);
    assert_eq!(said.code, Some(2));
    let answers: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors: Vec<_> = answers
        .iter()
        .map(|answer| (answer["line"].as_u64().unwrap(), answer["error"].as_str().unwrap()))
        .collect();
    for ((line, error), (expected, part)) in errors.iter().zip([
        (2, "expected a whole number"),
        (3, "expected a JSON object"),
        (4, "`model` is missing"),
        (5, "`usage` is missing"),
        (6, "unknown key `modell`; expected any of: provider"),
        (7, "`at` is \"noon\""),
    ]) {
        assert!(*line == expected && error.contains(part), "{line}: {error}");
    }
    assert_eq!(errors.len(), 6);
    assert!(said.error.contains("6 lines are no requests"), "{}", said.error);
}

#[test]
fn prices_of_ones_own_are_taken_from_the_folder_and_mistakes_point_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(folder.path().join("jobmon.toml"), text).unwrap();
    write(
        "[[prices.models]]\nmodel = \"house-*\"\ninput_mtok = { base = 0.2, tiers = [{ start = 1000, price = 0.4 }] }\n",
    );
    let request = json!({"model": "house-70b", "usage": {"input_tokens": 2_000}});
    let answer = cost(folder.path(), &request);
    assert_eq!((&answer["nanodollars"], &answer["rule"]["own"]), (&json!(800_000), &json!(true)));
    assert_eq!(answer["rule"]["rates"], json!({"input_mtok": 0.4}));
    let shown = jobmon(folder.path(), &["show", "house-70b"], "").out;
    assert!(
        shown.contains("house-* of any provider (your own price)")
            && shown.contains("above 1000 input tokens"),
        "{shown}"
    );
    assert!(jobmon(folder.path(), &["check"], "").out.contains(" + own "));

    write("[[prices.models]]\nmodel = \"house-*\"\ninput_mtok = -0.2\n");
    for command in [&["check"][..], &["cost"], &["list"], &["show", "gpt-4o"]] {
        let said = jobmon(folder.path(), command, "");
        assert_eq!(said.code, Some(2), "{command:?}");
        assert!(said.error.contains("jobmon.toml:3:14: a price cannot be negative"), "{}", said.error);
        assert!(said.error.contains("  | input_mtok = -0.2\n  |              ^"), "{}", said.error);
    }
}

#[test]
fn a_model_is_shown_with_tiers_contexts_and_dates() {
    let folder = tempfile::tempdir().unwrap();
    let at = ["--at", "2026-11-24"];
    let shown = jobmon(folder.path(), &["show", "o3", "--provider", "openai", at[0], at[1]], "").out;
    for part in [
        "o3 of openai (genai-prices ",
        "with service_tier = flex",
        "with processing = batch",
        "from 2025-06-10",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json: Value = serde_json::from_str(
        &jobmon(folder.path(), &["show", "deepseek-v4-flash", "--json", at[0], at[1]], "").out,
    )
    .unwrap();
    let times: Vec<_> = json["times_of_day"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| &time["from"].as_str().unwrap()[11..16])
        .collect();
    assert_eq!(times, ["01:00", "04:00", "06:00", "10:00"]);
    let said = jobmon(folder.path(), &["show", "gpt-4o-mni"], "");
    assert!(
        said.code == Some(2) && said.error.contains("has no price for model `gpt-4o-mni`"),
        "{}",
        said.error
    );
    let listed =
        jobmon(folder.path(), &["list", "gemini-2.5", "--provider", "google", "--format", "csv"], "").out;
    assert!(listed.contains("google,gemini-2.5-flash,1048576,0.30,2.50,0.03,\n"), "{listed}");
    assert_eq!(jobmon(folder.path(), &["list", "no-such-thing"], "").code, Some(2));
}

const LIST: &str = r#"[{"id": "house", "name": "House", "api_pattern": "house", "models": [
    {"id": "house-70b", "match": {"equals": "house-70b"}, "prices": {"input_mtok": 7}}]}]"#;

/// Serves one answer over HTTP, once.
fn serve(status: &'static str, body: &'static str) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/data.json", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4_096]).unwrap();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    });
    (address, server)
}

#[test]
fn a_newer_list_comes_from_a_file_or_an_address_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let written = || std::fs::read_to_string(folder.path().join("prices.json")).ok();
    std::fs::write(folder.path().join("new.json"), LIST).unwrap();
    let dry = jobmon(folder.path(), &["update", "--from", "new.json", "--dry-run"], "").out;
    assert!(dry.contains("1 models are new, 2267 are gone") && written().is_none(), "{dry}");
    let said = jobmon(folder.path(), &["update", "--from", "new.json"], "");
    assert_eq!((said.code, written().as_deref()), (Some(0), Some(LIST)), "{}", said.error);

    let request = json!({"provider": "house", "model": "house-70b", "usage": {"input_tokens": 1_000_000}});
    let answered = jobmon(folder.path(), &["cost", "--prices", "prices.json"], &format!("{request}\n")).out;
    assert!(answered.contains("\"nanodollars\":7000000000"), "{answered}");
    assert!(answered.contains("\"list\":\"genai-prices data "), "{answered}");

    let (address, server) = serve("200 OK", LIST);
    let said = jobmon(folder.path(), &["update", "--from", &address, "--to", "fetched.json"], "");
    server.join().unwrap();
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_eq!(std::fs::read_to_string(folder.path().join("fetched.json")).unwrap(), LIST);
    for (status, body, error) in
        [("404 Not Found", "", "cannot fetch"), ("200 OK", "<html>", "is no price list")]
    {
        let (address, server) = serve(status, body);
        let said = jobmon(folder.path(), &["update", "--from", &address], "");
        server.join().unwrap();
        assert!(said.code == Some(2) && said.error.contains(error), "{}", said.error);
        assert_eq!(written().as_deref(), Some(LIST), "as it was");
    }
    let said = jobmon(folder.path(), &["update", "--from", "nowhere.json"], "");
    assert!(said.code == Some(2) && said.error.contains("cannot read nowhere.json"), "{}", said.error);
}
