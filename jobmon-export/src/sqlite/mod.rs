//! The history: raw events, hourly and daily aggregates, and sums of sessions by day, in one SQLite file.
//!
//! One process writes through [`Sqlite`] while any number read through [`History`]: the file is in WAL mode, so
//! readers never block the writer. Every batch is one transaction over raw rows and aggregates, so that both
//! agree at any moment, also after the process was killed. `budgets.rs` follows what others write.

mod alerts;
mod audit;
mod budgets;
mod calls;
mod check;
mod closed;
mod compliance;
mod erase;
mod import;
mod labels;
mod read;
mod reprice;
mod retention;
mod rows;
mod schema;
mod sessions;
mod vacuum;
mod write;

pub use import::Importer;
pub use read::History;
pub use write::Sqlite;

use std::fmt;
use std::path::{Path, PathBuf};

/// A history cannot be opened or read.
///
/// Its `Debug` text is its message, so that a `main` that returns it tells what is wrong.
#[non_exhaustive]
pub enum HistoryError {
    /// There is no such file.
    Missing(PathBuf),
    /// The folder that the file should be in does not exist, or the path is empty.
    NoFolder(PathBuf),
    /// The file cannot be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is something else.
    NotAHistory(PathBuf),
    /// A later version of jobmon wrote it.
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// SQLite cannot do it: permissions, a damaged file, a full disk, a lock.
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl HistoryError {
    /// Whether another process holds the file, so that it may work later.
    fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
    }

    fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotAHistory(path.clone()),
            _ => Self::Sqlite { path: path.clone(), source },
        }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "there is no history at {}; an agent with the `sqlite` exporter makes one, and `--db` or \
                 JOBMON_SQLITE_PATH say where it is",
                path.display()
            ),
            Self::NoFolder(path) if path.as_os_str().is_empty() => {
                f.write_str("the path of the history is empty; name a file")
            }
            Self::NoFolder(path) => {
                write!(
                    f,
                    "cannot make the history {}: its folder does not exist; make it first",
                    path.display()
                )
            }
            Self::Unreadable { path, source } => {
                write!(f, "cannot read the history {}: {source}", path.display())
            }
            Self::NotAHistory(path) => {
                write!(
                    f,
                    "{} is not a jobmon history (an SQLite file made by the `sqlite` exporter)",
                    path.display()
                )
            }
            Self::Newer { path, found } => write!(
                f,
                "{} was written by a later version of jobmon (schema {found}; this one knows up to {}); install \
                 that version, nothing was changed",
                path.display(),
                schema::VERSION
            ),
            Self::Sqlite { path, source } => {
                write!(f, "cannot use the history {}: {source}", path.display())?;
                f.write_str(advice(source))
            }
        }
    }
}

impl fmt::Debug for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite { source, .. } => Some(source),
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What to do about an error of SQLite, where there is something.
fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            "; it is damaged: restore it from a copy, or move it away and agents begin a new one"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            "; another process holds it: try again"
        }
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
            "; SQLite needs to write beside the file, also to read it: copy it to a folder where you may"
        }
        Some(rusqlite::ErrorCode::DiskFull) => "; free some space",
        _ => "",
    }
}
