//! What a call costs on the caller's thread, net of the bare function, against `tracing` in the same run.
//!
//! ```text
//! cargo bench -p jobmon-benches
//! ```

use jobmon::Monitor;
use jobmon_benches::{Nowhere, bare, with_jobmon, with_tracing};
use std::hint::black_box;
use std::io::Write;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Identity, SubscriberExt};

const BURST: u32 = 400;
const BURSTS: u32 = 400;

/// Nanoseconds of one call: the median of many short bursts, with pauses in which background work can be done.
fn measure<F: Future>(make: impl Fn() -> F) -> f64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut bursts: Vec<Duration> = (0..BURSTS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BURST {
                let _ = black_box(pin!(make()).poll(&mut context));
            }
            let time = start.elapsed();
            std::thread::sleep(Duration::from_millis(1));
            time
        })
        .collect();
    bursts.sort_unstable();
    bursts[bursts.len() / 2].as_secs_f64() * 1e9 / f64::from(BURST)
}

fn main() {
    let job = black_box("senior rust engineer, remote");
    let function = measure(|| bare(job));
    let silent_jobmon = measure(|| with_jobmon(job)) - function;
    let silent_tracing = measure(|| with_tracing(job)) - function;
    let subscriber = Registry::default().with(Identity::new());
    let tracing = tracing::subscriber::with_default(subscriber, || measure(|| with_tracing(job))) - function;
    let guard =
        Monitor::builder().without_config().exporter(Nowhere).install().expect("nothing else is installed");
    let jobmon = measure(|| with_jobmon(job)) - function;
    let delivery = guard.shutdown();

    let mut out = std::io::stdout();
    let _ = writeln!(out, "caller's thread, net of the bare function ({function:.0} ns):");
    let _ = writeln!(out, "  {:<42} {silent_jobmon:>7.1} ns", "jobmon, no monitor");
    let _ = writeln!(out, "  {:<42} {silent_tracing:>7.1} ns", "tracing, no subscriber");
    let _ = writeln!(out, "  {:<42} {tracing:>7.1} ns", "tracing, registry (keeps no values)");
    let _ = writeln!(out, "  {:<42} {jobmon:>7.1} ns", "jobmon, whole record delivered");
    let _ = writeln!(out, "  ratio to tracing with a registry: {:.2}", jobmon / tracing);
    let _ = writeln!(out, "  {delivery}");
}
