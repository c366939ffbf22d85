//! `load URL CALLS_PER_SECOND SECONDS [--grpc] [--spool FOLDER] [--certificate FILE] [--header N=V] [--plain]`: makes calls
//! at a steady rate, and prints as JSON how long callers were held up, what became of the calls, and the memory used.
//! `--plain` installs no exporter: what the same costs without one. `sqlite:FILE` instead of an address writes a history, and says
//! how long the batches took to write.

use jobmon::{Batch, ExportError, Exporter, Monitor, Otlp, Settings, Sqlite, Usage, instrument_llm};
use serde_json::json;
use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A history whose batches are timed.
struct Timed(Sqlite, Arc<Mutex<Vec<u128>>>);

impl Exporter for Timed {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn settings(&mut self, settings: &Settings) {
        self.0.settings(settings);
    }

    fn start(&mut self) -> Result<(), ExportError> {
        self.0.start()
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let began = Instant::now();
        let written = self.0.export(batch);
        if let Ok(mut took) = self.1.lock() {
            took.push(began.elapsed().as_nanos());
        }
        written
    }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", fields(posting = n))]
fn ask(n: u64) -> Usage {
    Usage::new(1_000 + n % 7, 50)
}

/// Kilobytes in memory now.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("{what} is missing"));
    let place = next("the address")?;
    let mut otlp = Otlp::to(&place).signals(true, true, false);
    let rate: u64 = next("the rate")?.parse()?;
    let seconds: u64 = next("the time")?.parse()?;
    let mut plain = false;
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        otlp = match arg.as_str() {
            "--grpc" => otlp.grpc(),
            "--gzip" => otlp.gzip(true),
            "--spool" => otlp.spool(value()?),
            "--certificate" => otlp.certificate(value()?),
            "--header" => {
                let header = value()?;
                let (name, text) = header.split_once('=').ok_or("a header needs `=`")?;
                otlp.header(name, text)
            }
            "--plain" => {
                plain = true;
                otlp
            }
            _ => return Err(format!("unknown option {arg}").into()),
        };
    }
    let mut monitor = Monitor::builder().without_config().service_name("load");
    monitor = monitor.shutdown_timeout(Duration::from_secs(10));
    let batches: Arc<Mutex<Vec<u128>>> = Arc::default();
    if let Some(path) = place.strip_prefix("sqlite:") {
        monitor = monitor.exporter(Timed(Sqlite::open(path)?, Arc::clone(&batches)));
    } else if !plain {
        monitor = monitor.exporter(otlp);
    }
    let guard = monitor.install()?;
    let (began, memory_before) = (Instant::now(), resident());
    let mut took = Vec::with_capacity(usize::try_from(rate * seconds)?);
    let mut memory = memory_before;
    let (mut out, mut told) = (std::io::stdout(), Instant::now());
    for n in 0..rate * seconds {
        let due = began + Duration::from_nanos(n * 1_000_000_000 / rate);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let call = Instant::now();
        ask(n);
        took.push(call.elapsed());
        if told.elapsed() >= Duration::from_millis(200) {
            told = Instant::now();
            memory = memory.max(resident());
            // For whoever kills this: so many calls had begun.
            writeln!(out, "{}", n + 1)?;
            out.flush()?;
        }
    }
    took.sort_unstable();
    let quantile = |share: usize| took.get(took.len() * share / 1_000).map_or(0, Duration::as_nanos);
    let ending = Instant::now();
    let delivery = guard.shutdown();
    let mut batches = batches.lock().map(|batches| batches.clone()).unwrap_or_default();
    batches.sort_unstable();
    let lane = delivery.exporters.first();
    let summary = json!({
        "calls": took.len(), "p50_ns": quantile(500), "p99_ns": quantile(990), "p999_ns": quantile(999),
        "max_ns": took.last().map_or(0, Duration::as_nanos), "memory_kib": memory - memory_before,
        "dropped": delivery.dropped, "exported": lane.map(|lane| lane.exported),
        "lost": lane.map(|lane| lane.dropped), "retried": lane.map(|lane| lane.retried),
        "spooled": lane.map(|lane| lane.spooled), "recovered": lane.map(|lane| lane.recovered),
        "batches": batches.len(), "batch_p50_ns": batches.get(batches.len() / 2), "batch_max_ns": batches.last(),
        "ending_ms": ending.elapsed().as_millis(),
    });
    writeln!(out, "{summary}")?;
    Ok(())
}
