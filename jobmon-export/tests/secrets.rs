//! Secrets that a program lets slip, in every place that takes a text: none of them is in anything that jobmon writes,
//! sends or says.

use jobmon_core::report::Report;
use jobmon_core::{
    Alert, Dimension, ErrorCategory, ExportError, Failure, InsightOptions, Insights, Notice, Prices, Range,
    Resource, current, instrument_llm,
};
use jobmon_export::{
    Channel, Console, ContentPlacement, History, Jsonl, Monitor, Otlp, Profile, Prometheus, Sqlite,
    event_to_json,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Kind, text, and what must not be left of it.
const SECRETS: &str = include_str!("../../jobmon-core/tests/data/secrets.tsv");

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn hear(&self, bytes: &[u8]) {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
    }

    fn all(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hear(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Channel for Heard {
    fn name(&self) -> &'static str {
        "heard"
    }

    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError> {
        self.hear(format!("{notice:?} {from:?}").as_bytes());
        Ok(())
    }
}

/// A backend that takes everything and keeps it.
fn backend(heard: &Heard) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let heard = heard.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                loop {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte)?;
                        head.push(byte[0]);
                    }
                    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
                    stream.read_exact(&mut body)?;
                    heard.hear(head.as_bytes());
                    heard.hear(&body);
                    stream.write_all(
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
                    )?;
                }
            });
        }
    });
    url
}

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[instrument_llm(
    model = "gpt-4o-mini", feature = "search", capture(input(body), output),
    fields(note = %text, debug = ?text, plain = text), crate = ::jobmon_core
)]
async fn ask(text: &str, body: &serde_json::Value) -> Result<String, std::io::Error> {
    current().field("later", text.to_owned());
    current().request(body);
    tool(text).await;
    Ok(text.to_owned())
}

#[instrument_llm(operation = execute_tool, capture(input(text), output), crate = ::jobmon_core)]
async fn tool(text: &str) -> String {
    format!("found {text}")
}

#[instrument_llm(
    model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("1ms")), error = |_| ErrorCategory::Server,
    crate = ::jobmon_core
)]
async fn fail(text: &str) -> Result<String, Failure> {
    Err(Failure::from_message(text))
}

#[instrument_llm(model = "gpt-4o-mini", crate = ::jobmon_core)]
async fn ends(text: &str) -> jobmon_core::Current {
    current().inspect(text);
    current()
}

async fn slip(text: &str) {
    let body = serde_json::json!({"temperature": 0.1, "stop": [], "messages": [
        {"role": "system", "content": text},
        {"role": "user", "content": [{"type": "text", "text": text}]},
        {"role": "assistant", "content": text, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": serde_json::json!({"q": text}).to_string()}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": text},
    ], "tools": [{"type": "function", "function": {"name": "f", "description": text, "parameters": {"const": text}}}]});
    let _ = ask(text, &body).await;
    let _ = fail(text).await;
    ends(text).await.field("too_late", text.to_owned());
    jobmon_core::search(text.to_owned()).results(3);
    jobmon_core::prediction("match", true).key(text.to_owned());
    jobmon_core::truth("match", false).key(text.to_owned());
    jobmon_core::score("match", 0.5);
    jobmon_core::feedback(None, jobmon_core::Verdict::Positive);
}

/// What a spool holds: its records are compressed.
fn unpacked(bytes: &[u8]) -> String {
    let starts = bytes.windows(3).enumerate().filter(|(_, window)| *window == b"\x1f\x8b\x08");
    let mut text = Vec::new();
    for (at, _) in starts {
        let _ = flate2::bufread::GzDecoder::new(&bytes[at..]).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// All files under a folder, with what is in them.
fn files(folder: &Path, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, into);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            let path = path.display().to_string();
            let is_spool = path.contains("spool-");
            let text = if is_spool { unpacked(&bytes) } else { String::from_utf8_lossy(&bytes).into_owned() };
            into.insert(path, text);
        }
    }
}

#[tokio::test]
async fn nothing_that_is_written_sent_or_said_has_a_secret_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let heard = Heard::default();
    let mut builder = Monitor::builder()
        .without_config()
        .service_name("test")
        .exporter(Console::to(heard.clone()))
        .exporter(Jsonl::open(at("calls.jsonl")).expect("a file"))
        .exporter(Sqlite::open(at("jobmon.db")).expect("a file"))
        .exporter(Prometheus::file(at("jobmon.prom")))
        .channel(heard.clone())
        .alert(Alert::new("errors", "errors > 0").window(Duration::from_secs(300)))
        .alert(Alert::new("by_user", "calls > 0").window(Duration::from_secs(300)).by([Dimension::Name]));
    let warnings = heard.clone();
    builder = builder.on_warning(move |text| warnings.hear(text.as_bytes()));
    for profile in Profile::ALL {
        let to = |url: String| {
            Otlp::to(url).profile(profile).gzip(false).content(ContentPlacement::SpansAndEvents)
        };
        builder = builder.exporter(to(backend(&heard)).name(format!("{profile:?}")));
        // What cannot be sent is kept on disk.
        let spool = at(&format!("spool-{profile:?}"));
        builder = builder.exporter(to(nobody()).name(format!("dead {profile:?}")).spool(spool));
    }
    let guard = builder.shutdown_timeout(Duration::from_secs(20)).install_local().expect("a monitor");

    let secrets: Vec<Vec<&str>> = SECRETS.lines().map(|line| line.split('\t').collect()).collect();
    for line in &secrets {
        let text = line[1].to_owned();
        let inside = jobmon_core::session(text.clone(), slip(line[1]));
        jobmon_core::user(text, inside).await;
    }
    assert!(guard.flush(Duration::from_secs(60)), "the exporters are stuck");
    guard.shutdown();

    let mut all = BTreeMap::new();
    all.insert("what was sent and said".to_owned(), heard.all());
    let history = History::open(at("jobmon.db")).expect("a history");
    let options = InsightOptions::new(Prices::bundled());
    let reports = [
        Report::of(&history, Range::ALL).expect("a report"),
        Report::quality(&history, Range::ALL).expect("a report"),
        Report::errors(&history, Range::ALL).expect("a report"),
        Report::experience(&history, Range::ALL).expect("a report"),
        history.compliance(jobmon_core::Retention::default()).expect("a report"),
    ];
    let mut shown = String::new();
    for report in &reports {
        shown += &format!("{}\n{}\n{}\n", report.to_text(), report.to_markdown(), report.to_json());
    }
    shown += &format!("{:?}", Insights::of(&history, Range::ALL, &options).expect("insights"));
    let mut events = 0;
    jobmon_core::Engine::events(&history, Range::ALL, &mut |resource, event| {
        shown += &event_to_json(resource, event).to_string();
        events += 1;
    })
    .expect("events");
    all.insert("reports".to_owned(), shown);
    files(folder.path(), &mut all);

    // It is there at all, so that its absence means something.
    assert!(events >= secrets.len() * 9, "{events} events");
    for (place, least) in [("calls.jsonl", 1_000_000), ("jobmon.db", 1_000_000), ("jobmon.prom", 1_000)] {
        let found = all.iter().find(|(name, _)| name.ends_with(place)).expect("a file");
        assert!(found.1.len() > least && found.1.contains("ask"), "{place}: {}", found.1.len());
    }
    let spooled: usize =
        all.iter().filter(|(name, _)| name.contains("spool-")).map(|(_, file)| file.len()).sum();
    assert!(spooled > 1_000_000, "{spooled} bytes in spools");
    assert!(heard.all().contains("[redacted email]"), "backends were told");

    let mut found = Vec::new();
    for line in &secrets {
        // Short ones are in any number of places by chance, such as in ids.
        let is_hex = line[2].bytes().all(|byte| byte.is_ascii_hexdigit());
        if line[2].len() < if is_hex { 10 } else { 6 } {
            continue;
        }
        for (place, text) in &all {
            if text.contains(line[2]) {
                found.push(format!("{} of `{}` in {place}", line[2], line[1]));
            }
        }
    }
    assert!(found.is_empty(), "{} leaks: {:#?}", found.len(), &found[..found.len().min(40)]);
}
