//! `main` itself, and a crate that forbids what generated code could contain.
#![deny(warnings)]
#![forbid(unsafe_code, unused_qualifications, unreachable_code, clippy::unwrap_used)]

use std::process::ExitCode;

#[jobmon::instrument_llm]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
