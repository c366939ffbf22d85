//! [`Jsonl`]: one JSON object per event, one per line.

use crate::json;
use jobmon_core::{Batch, ExportError, Exporter};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
    /// None until a monitor starts.
    file: Option<File>,
    /// Reused from batch to batch.
    buffer: Vec<u8>,
}

impl Jsonl {
    /// Opens a file for appending. Where there is none it is made, once a monitor starts.
    ///
    /// # Errors
    /// When there is no such folder, or the file cannot be written. The message names the path.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut jsonl = Self { path: path.as_ref().to_owned(), file: None, buffer: Vec::new() };
        if cfg!(feature = "disabled") {
            return Ok(jsonl);
        }
        if jsonl.path.as_os_str().is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is empty; name a file"));
        }
        let folder = jsonl.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if jsonl.path.exists() {
            jsonl.file = Some(jsonl.append()?);
        } else if folder.is_some_and(|folder| !folder.is_dir()) {
            let path = jsonl.path.display();
            let text = format!("cannot write {path}: its folder does not exist; make it first");
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        Ok(jsonl)
    }

    fn append(&self) -> io::Result<File> {
        let open = || {
            let mut file = OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
            // After a crash the last line may be torn: what comes now begins on a line of its own.
            let mut last = [b'\n'];
            if file.seek(SeekFrom::End(-1)).is_ok() {
                file.read_exact(&mut last)?;
            }
            if last != [b'\n'] {
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write {}: {error}", self.path.display()))
        };
        open().map_err(named)
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match self.file.take() {
            Some(file) => Ok(self.file.insert(file)),
            None => {
                let file = self.append()?;
                Ok(self.file.insert(file))
            }
        }
    }
}

fn busy(error: &io::Error) -> ExportError {
    ExportError::Busy { after: Duration::from_secs(1), reason: error.to_string() }
}

impl Exporter for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn start(&mut self) -> Result<(), ExportError> {
        self.file().map(|_| ()).map_err(|error| ExportError::Refused { reason: error.to_string() })
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for event in batch.events.iter().filter(|event| event.is_sampled()) {
            if serde_json::to_writer(&mut buffer, &json::event_to_json(&batch.resource, event)).is_ok() {
                buffer.push(b'\n');
            }
        }
        let written = self.file().map_err(|error| busy(&error)).and_then(|file| {
            let before = file.metadata().map(|file| file.len());
            file.write_all(&buffer).map_err(|error| {
                // All or none: the batch is offered again, and must not leave half of itself behind.
                if let Ok(length) = before {
                    let _ = file.set_len(length);
                }
                busy(&error)
            })
        });
        self.buffer = buffer;
        written
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().map_err(|error| ExportError::Refused { reason: error.to_string() })
    }
}
