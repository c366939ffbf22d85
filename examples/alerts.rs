//! An agent whose model fails for a time: its alerts, from `jobmon.toml` in the working directory, fire and are resolved.
//!
//! ```text
//! cargo run --example alerts --features alertmanager,email,slack,webhook -- 20 40
//! ```
//!
//! It fails for 20 seconds, and goes well for 40. Without a file, one alert is said here, and each notice is a line on
//! standard error.

use jobmon::{Alert, Monitor, Usage, instrument_llm};
use std::error::Error;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "analysis")]
fn analyze(fails: bool) -> Result<Usage, io::Error> {
    if fails { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(Usage::new(1_000, 50)) }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut seconds = std::env::args().skip(1).map(|seconds| seconds.parse().map(Duration::from_secs));
    let failing = seconds.next().transpose()?.unwrap_or(Duration::from_secs(20));
    let fine = seconds.next().transpose()?.unwrap_or(Duration::from_secs(40));
    let mut monitor = Monitor::builder().service_name("alerts-example");
    if !Path::new("jobmon.toml").exists() && std::env::var_os("JOBMON_CONFIG").is_none() {
        monitor =
            monitor.alert(Alert::new("High error rate", "error_rate > 5%").window(Duration::from_secs(10)));
    }
    let _guard = monitor.install()?;
    let began = Instant::now();
    while began.elapsed() < failing + fine {
        // What it gives, and why it failed, is in the record.
        let _ = analyze(began.elapsed() < failing);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
