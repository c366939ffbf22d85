//! [`Jsonl`]: one JSON object per event, one per line.

use crate::json;
use jobmon_core::{Batch, ExportError, Exporter};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Appends one JSON object per event to a file, one per line. The schema is documented in `docs/jsonl.md`.
///
/// Each batch is written with one call, so that a reader never waits long and a crash cuts at most the last line.
/// Calls that sampling leaves out are not written; facts always are.
///
/// ```no_run
/// use jobmon_export::{Jsonl, Monitor};
/// let _guard = Monitor::builder().exporter(Jsonl::open("jobmon.jsonl")?).install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Jsonl {
    path: PathBuf,
    file: File,
    /// Reused from batch to batch.
    buffer: Vec<u8>,
}

impl Jsonl {
    /// Opens a file for appending; makes it where it does not exist.
    ///
    /// # Errors
    /// When it cannot be opened for writing. The message names the path.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file =
            file.map_err(|e| io::Error::new(e.kind(), format!("cannot write {}: {e}", path.display())))?;
        Ok(Self { path, file, buffer: Vec::new() })
    }
}

impl Exporter for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        self.buffer.clear();
        for event in batch.events.iter().filter(|event| event.is_sampled()) {
            if serde_json::to_writer(&mut self.buffer, &json::event::write(&batch.resource, event)).is_ok() {
                self.buffer.push(b'\n');
            }
        }
        let before = self.file.metadata().map(|file| file.len());
        self.file.write_all(&self.buffer).map_err(|error| {
            // All or none: the batch is offered again, and must not leave half of itself behind.
            if let Ok(length) = before {
                let _ = self.file.set_len(length);
            }
            let reason = format!("cannot write {}: {error}", self.path.display());
            ExportError::Busy { after: Duration::from_secs(1), reason }
        })
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.file.flush().map_err(|error| ExportError::Refused { reason: error.to_string() })
    }
}
