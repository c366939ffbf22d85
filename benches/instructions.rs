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

/// Small functions, in which the call itself is nearly all.
mod small {
    use jobmon::instrument_llm;

    #[inline(never)]
    pub(super) fn bare(x: &str) -> usize {
        x.len()
    }
    #[inline(never)]
    #[instrument_llm(model = "m")]
    pub(super) fn with_jobmon(x: &str) -> usize {
        x.len()
    }
    #[inline(never)]
    #[tracing::instrument(skip_all)]
    pub(super) fn with_tracing(x: &str) -> usize {
        x.len()
    }
    pub(super) async fn bare_async(x: &str) -> usize {
        std::future::ready(()).await;
        x.len()
    }
    #[instrument_llm(model = "m")]
    pub(super) async fn with_jobmon_async(x: &str) -> usize {
        std::future::ready(()).await;
        x.len()
    }
    #[tracing::instrument(skip_all)]
    pub(super) async fn with_tracing_async(x: &str) -> usize {
        std::future::ready(()).await;
        x.len()
    }
}

fn call_sync(times: u64, call: impl Fn(&'static str) -> usize) {
    for _ in 0..times {
        black_box(call(black_box("senior rust engineer")));
    }
}

/// Name, and what runs under valgrind: the bare function, with jobmon, with `tracing`.
type Kind = (&'static str, [fn(u64); 3]);

const KINDS: [Kind; 3] = [
    (
        "small function",
        [
            |times| call_sync(times, small::bare),
            |times| call_sync(times, small::with_jobmon),
            |times| call_sync(times, small::with_tracing),
        ],
    ),
    (
        "small async function",
        [
            |times| call(times, small::bare_async),
            |times| call(times, small::with_jobmon_async),
            |times| call(times, small::with_tracing_async),
        ],
    ),
    (
        "agent function",
        [|times| call(times, bare), |times| call(times, with_jobmon), |times| call(times, with_tracing)],
    ),
];

/// Instructions of one call: what twice as many calls take more.
fn count(kind: usize, variant: usize) -> Result<i64, String> {
    let total = |times: u64| {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        let output = valgrind.args(["run", &format!("{kind} {variant} {times}")]).output();
        let output = output.map_err(|error| format!("valgrind does not run ({error}); install it"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let collected = said.lines().find_map(|line| line.split_once("Collected : "));
        collected.and_then(|(_, count)| count.trim().parse::<i64>().ok()).ok_or(said)
    };
    Ok((total(2 * CALLS)? - total(CALLS)?) / CALLS.cast_signed())
}

fn table() -> Result<String, String> {
    let mut table = format!("instructions of one call  {:>6} {:>8} {:>8}\n", "bare", "+jobmon", "+tracing");
    for (kind, (name, _)) in KINDS.iter().enumerate() {
        let bare = count(kind, 0)?;
        let (jobmon, tracing) = (count(kind, 1)? - bare, count(kind, 2)? - bare);
        table += &format!("  {name:<22}  {bare:>6} {jobmon:>8} {tracing:>8}\n");
    }
    Ok(table)
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(what) = arguments.iter().skip_while(|argument| *argument != "run").nth(1) {
        let numbers: Vec<usize> = what.split(' ').filter_map(|number| number.parse().ok()).collect();
        return KINDS[numbers[0]].1[numbers[1]](numbers[2] as u64);
    }
    let mut out = std::io::stdout();
    match table() {
        Ok(table) => _ = write!(out, "{table}"),
        Err(error) => {
            let _ = writeln!(out, "{error}");
            std::process::exit(1);
        }
    }
}
