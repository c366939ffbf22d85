//! Exporters of jobmon, and how a program sets it up. Users depend on `jobmon`, which re-exports this crate.
//!
//! | feature | what it adds |
//! |---|---|
//! | `config` | `jobmon.toml` and `JOBMON_*` variables |
//! | `console` | [`Console`]: a line per call on standard error, a summary at the end |
//! | `jsonl` | [`Jsonl`]: one JSON object per event, one per line |
//! | `sqlite` | [`Sqlite`] and [`History`]: the history in one file |

mod builder;
mod config;
#[cfg(feature = "console")]
mod console;
#[cfg(any(feature = "jsonl", feature = "sqlite"))]
mod json;
#[cfg(feature = "jsonl")]
mod jsonl;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use builder::{Monitor, MonitorBuilder, SetupError};
pub use config::ConfigError;
#[cfg(feature = "console")]
pub use console::Console;
#[cfg(feature = "jsonl")]
pub use jsonl::Jsonl;
#[cfg(feature = "sqlite")]
pub use sqlite::{Difference, History, HistoryError, Sqlite};
