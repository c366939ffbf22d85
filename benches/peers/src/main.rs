//! What a call costs that is sent to an OpenTelemetry backend: jobmon beside the crates people use today, with the same
//! attributes, to the same sink on the loopback, in one run.
//!
//! ```text
//! apt-get install valgrind
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! Each measurement is a process of its own (subscribers and providers are globals), taken in turns, so that a slow moment
//! of the machine hits all; the best round counts. The bare function is subtracted. The peers make spans, or spans and
//! three metrics; jobmon makes spans, costs and all its metrics.

mod child;
mod library;
mod sink;
mod work;

use library::NAMES;
use std::error::Error;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

/// Shorter than the SDK's batch of 512, so that its thread sleeps meanwhile.
const BURST: usize = 400;
const ROUNDS: usize = 3;
/// Calls a second that every library can follow, and more than that; 0 is as fast as they go.
const STEADY: &str = "20000";
const MUCH: [&str; 2] = ["200000", "0"];
const SECONDS: u64 = 3;

/// What a process said of errors, the numbers that it printed, and the spans and bytes that arrived from it.
type Measured = (String, Vec<f64>, u64, u64);

/// Runs this program again, in front of a sink of its own.
fn measure(before: &[&str], arguments: &[&str]) -> Result<Measured, Box<dyn Error>> {
    let (address, arrived) = sink::start()?;
    let program = std::env::current_exe()?;
    let mut command = match before {
        [] => Command::new(&program),
        [tool, options @ ..] => {
            let mut command = Command::new(tool);
            command.args(options).arg(&program);
            command
        }
    };
    let output = command.args(arguments).env("SINK", address).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("{arguments:?}: {said}").into());
    }
    let numbers = String::from_utf8_lossy(&output.stdout);
    let numbers =
        numbers.lines().next().unwrap_or_default().split(' ').filter_map(|n| n.parse().ok()).collect();
    Ok((said, numbers, arrived.spans.load(Relaxed), arrived.bytes.load(Relaxed)))
}

/// Instructions of a call on its own thread.
fn instructions(name: &str) -> Result<f64, Box<dyn Error>> {
    let count = |times: &str| -> Result<f64, Box<dyn Error>> {
        let tool = [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*timed_burst*",
        ];
        let (said, ..) = measure(&tool, &["bursts", name, times])?;
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        Ok(collected.and_then(|(_, count)| count.trim().parse().ok()).ok_or(said)?)
    };
    Ok((count("12")? - count("2")?) / (10 * BURST) as f64)
}

/// What one library costs and loses.
#[derive(Clone, Copy)]
struct Row {
    nanos: f64,
    instructions: f64,
    allocations: f64,
    /// Seconds of processor time for one call, sent.
    processor: f64,
    bytes: f64,
    /// Calls a second, and the share of them that is lost.
    overload: [(f64, f64); 2],
}

impl Row {
    fn new(name: &str) -> Result<Self, Box<dyn Error>> {
        let instructions = instructions(name)?;
        let (nanos, processor) = (f64::MAX, f64::MAX);
        Ok(Self { nanos, instructions, allocations: 0.0, processor, bytes: 0.0, overload: [(0.0, 0.0); 2] })
    }

    /// Another round; the best one counts.
    fn measure(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        let (_, numbers, ..) = measure(&[], &["burst", name])?;
        self.nanos = self.nanos.min(numbers[0]);
        self.allocations = numbers[1];
        let (_, numbers, spans, bytes) = measure(&[], &["pace", name, STEADY])?;
        self.processor = self.processor.min(numbers[0] / numbers[1]);
        self.bytes = bytes as f64 / spans.max(1) as f64;
        if name != "bare" && (spans as f64) < numbers[1] {
            return Err(
                format!("{name} lost spans at {STEADY} a second: {spans} of {} arrived", numbers[1]).into()
            );
        }
        for (rate, overload) in MUCH.iter().zip(&mut self.overload) {
            let (_, numbers, spans, _) = measure(&[], &["pace", name, rate])?;
            let lost = (1.0 - spans as f64 / numbers[1]).max(0.0);
            if overload.0 == 0.0 || lost < overload.1 {
                *overload = (numbers[1] / SECONDS as f64, lost);
            }
        }
        Ok(())
    }

    fn net(self, bare: Self) -> Self {
        Self {
            nanos: self.nanos - bare.nanos,
            instructions: self.instructions - bare.instructions,
            allocations: self.allocations - bare.allocations,
            processor: self.processor - bare.processor,
            ..self
        }
    }
}

fn table(names: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut rows = names.iter().map(|name| Row::new(name)).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..ROUNDS {
        for (name, row) in names.iter().zip(&mut rows) {
            row.measure(name)?;
        }
    }
    let (bare, ours) = (rows[0], rows[1].net(rows[0]));
    let mut out = std::io::stdout();
    writeln!(out, "one call, net of the bare function; in brackets, how many times as much as jobmon")?;
    for (name, row) in names.iter().zip(&rows).skip(1) {
        let row = row.net(bare);
        writeln!(out, "{name}")?;
        let times = |theirs: f64, ours: f64| format!("({:.2})", theirs / ours);
        writeln!(out, "  caller's thread     {:>9.0} ns {}", row.nanos, times(row.nanos, ours.nanos))?;
        let instructions = times(row.instructions, ours.instructions);
        writeln!(out, "                      {:>9.0} instructions {instructions}", row.instructions)?;
        let allocations = times(row.allocations, ours.allocations);
        writeln!(out, "                      {:>9.1} allocations {allocations}", row.allocations)?;
        let spans = times(ours.processor, row.processor);
        writeln!(
            out,
            "  sent                {:>9.0} spans for a second of processor time {spans}",
            1.0 / row.processor
        )?;
        writeln!(out, "                      {:>9.0} bytes a span", row.bytes)?;
        for (made, lost) in row.overload {
            writeln!(out, "  at {made:>9.0} a second {:>6.1} % lost", lost * 100.0)?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = std::env::var("SINK").unwrap_or_default();
    match arguments[..] {
        [] => table(&NAMES),
        ["burst", name] => child::burst(name, &address),
        ["bursts", name, times] => child::bursts(name, &address, times.parse()?),
        ["pace", name, rate] => child::pace(name, &address, rate.parse()?),
        ["only", ..] => {
            let wanted = |name: &&str| *name == "bare" || *name == "jobmon" || arguments.contains(name);
            table(&NAMES.into_iter().filter(wanted).collect::<Vec<_>>())
        }
        _ => Err("no arguments, or `only` and names of libraries".into()),
    }
}
