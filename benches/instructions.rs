//! Instructions that a call costs while no monitor is installed, counted by callgrind: exact, and the same on every
//! run.
//!
//! ```text
//! apt-get install valgrind
//! cargo bench -p jobmon-benches --bench instructions
//! ```

use jobmon_benches::{bare, with_jobmon, with_tracing};
use std::hint::black_box;
use std::io::Write;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Waker};

const CALLS: u64 = 10_000;

fn call<F: Future>(times: u64, make: impl Fn(&'static str) -> F) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        let _ = black_box(pin!(make(black_box("senior rust engineer"))).poll(&mut context));
    }
}

/// What runs under valgrind.
fn run(kind: &str, times: u64) {
    match kind {
        "bare" => call(times, bare),
        "jobmon" => call(times, with_jobmon),
        _ => call(times, with_tracing),
    }
}

/// Instructions of one call: what twice as many calls take more.
fn count(kind: &str) -> Result<u64, String> {
    let total = |times: u64| {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let output = valgrind.args(["run", kind, &times.to_string()]).output();
        let output = output.map_err(|error| format!("valgrind does not run ({error}); install it"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        collected.and_then(|(_, count)| count.trim().parse::<u64>().ok()).ok_or(said)
    };
    Ok((total(2 * CALLS)? - total(CALLS)?) / CALLS)
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, run_only, kind, times] = &arguments[..]
        && run_only == "run"
    {
        return run(kind, times.parse().unwrap_or(CALLS));
    }
    let mut out = std::io::stdout();
    match (count("bare"), count("jobmon"), count("tracing")) {
        (Ok(bare), Ok(jobmon), Ok(tracing)) => {
            let _ = writeln!(out, "instructions of one call (bare function: {bare}), net of it:");
            let _ = writeln!(out, "  {:<24} {:>6}", "jobmon, no monitor", jobmon.saturating_sub(bare));
            let _ = writeln!(out, "  {:<24} {:>6}", "tracing, no subscriber", tracing.saturating_sub(bare));
        }
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            let _ = writeln!(out, "{error}");
            std::process::exit(1);
        }
    }
}
