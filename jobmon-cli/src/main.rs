//! The `jobmon` command: reports and queries over the history that agents write.

mod alerts;
mod analysis;
mod args;
mod commands;
mod csv;
mod export;
mod generate;
mod history;
mod html;
mod import;
mod insights;
mod otlp;
mod place;
mod prices;
mod progress;
mod report;
mod serve;
mod time;
mod top;

use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

/// Wrong input, a history that cannot be read: the user can do something about it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args) {
        Ok(answer) => print(&answer),
        Err(message) => {
            // Standard error may be closed: then nobody wants to know.
            let _ = writeln!(io::stderr(), "jobmon: {message}");
            ExitCode::from(USAGE)
        }
    }
}

/// A reader that has seen enough (`jobmon report | head`) is no error.
fn print(answer: &commands::Answer) -> ExitCode {
    match io::stdout().write_all(answer.text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::from(answer.status),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(answer.status),
        Err(error) => {
            let _ = writeln!(io::stderr(), "jobmon: cannot write the answer: {error}");
            ExitCode::FAILURE
        }
    }
}
