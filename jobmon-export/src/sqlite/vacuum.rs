//! Gives back the space of what was deleted.

use super::{HistoryError, Sqlite, schema};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

impl Sqlite {
    /// Writes the file of a history anew without what is empty in it, and empties its log. Gives the bytes of both before and after.
    ///
    /// ```
    /// use jobmon_export::{Monitor, Sqlite};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("jobmon.db");
    /// drop(Monitor::builder().exporter(Sqlite::open(&path)?).install_local()?);
    /// let (before, after) = Sqlite::vacuum(&path)?;
    /// assert!(after <= before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is no history, or an agent holds it for long. Nothing is changed then.
    ///
    /// # Cost
    /// Needs as much space as the file has, for a while. Agents that write meanwhile wait.
    pub fn vacuum(path: impl AsRef<Path>) -> Result<(u64, u64), HistoryError> {
        let path = path.as_ref();
        let connection = schema::connect(path)?;
        let before = size(path);
        run(&connection).map_err(HistoryError::sqlite(path))?;
        Ok((before, size(path)))
    }
}

pub(super) fn run(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("VACUUM")?;
    // Readers may hold the log: then it is emptied by who comes after them.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Bytes of the file and its log.
fn size(path: &Path) -> u64 {
    let of = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(PathBuf::from(name)).map_or(0, |file| file.len())
    };
    of("") + of("-wal")
}
