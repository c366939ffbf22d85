//! What it costs, on jobmon's own thread, to look through content for what must not leave the process; against `regex` with
//! patterns for a tenth of it, in the same run.
//!
//! ```text
//! cargo bench -p jobmon-benches --bench redaction
//! ```

use jobmon::{
    CallId, CallRecord, Content, Event, Guard, Message, Monitor, Operation, Role, SpanId, Text, Timestamp,
    TraceId, testing,
};
use jobmon_benches::Nowhere;
use regex::Regex;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

const CALLS: u32 = 2_000;

/// What six rules of ours are, as people write them.
const PATTERNS: [&str; 6] = [
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    r"\b(?:\d[ -]?){13,19}\b",
    r"\+\d{1,3}[ .-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){2,4}",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"\b(?:sk|pk|ghp|xox[bp]|AKIA)[-_A-Za-z0-9]{16,}\b",
    r"(?i)\b(?:password|api[_-]?key|secret|token)\b\s*[:=]\s*\S+",
];

fn call(text: Option<&str>) -> Event {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, Timestamp::now());
    call.content = text.map(|text| {
        let mut content = Content::default();
        content.input.push(Message::text(Role::User, Text::copied(text)));
        Box::new(content)
    });
    Event::Call(Box::new(call))
}

/// Nanoseconds of one call, the median of some runs, on the way from its end to the exporters.
fn measure(guard: &Guard, text: Option<&str>) -> f64 {
    median(|| {
        let calls: Vec<_> = (0..CALLS).map(|_| call(text)).collect();
        let start = Instant::now();
        calls.into_iter().for_each(testing::submit);
        assert!(guard.flush(Duration::from_secs(60)));
        start.elapsed()
    })
}

fn median(mut run: impl FnMut() -> Duration) -> f64 {
    let mut runs: Vec<f64> = (0..7).map(|_| run().as_secs_f64() * 1e9 / f64::from(CALLS)).collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = Monitor::builder().without_config().exporter(Nowhere).install_local()?;
    let patterns = PATTERNS.map(Regex::new).into_iter().collect::<Result<Vec<_>, _>>()?;
    let sentence =
        "We look for an engineer with 5 years of Rust; the team of 12 works from Wien and remote. ";
    let json =
        r#"{"title": "Rust engineer", "salary": 85000, "skills": ["tokio", "serde"], "id": "a81f-22"}, "#;
    let secrets = "Write to anna@example.com or +43 660 1234567; api_key=sk-4f9d2c7b8a1e6f3d5c0b9a8e. ";
    let bare = measure(&guard, None);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "a call without content: {bare:.0} ns; 4 KiB of content more, and its ratio to {} regexes:",
        PATTERNS.len()
    )?;
    for (name, piece) in [("prose", sentence), ("JSON", json), ("full of secrets", secrets)] {
        let text: String = piece.chars().cycle().take(4_096).collect();
        let ours = measure(&guard, Some(&text)) - bare;
        let theirs = median(|| {
            let start = Instant::now();
            for _ in 0..CALLS {
                let mut left = text.clone();
                for pattern in &patterns {
                    left = pattern.replace_all(&left, "[removed]").into_owned();
                }
                black_box(left);
            }
            start.elapsed()
        });
        writeln!(out, "  {name:<16} {ours:>8.0} ns {theirs:>8.0} ns  {:.2}", ours / theirs)?;
    }
    Ok(())
}
