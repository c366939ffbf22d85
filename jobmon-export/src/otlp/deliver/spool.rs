//! [`Spool`]: requests on disk, until the backend is back or another process takes them over.
//!
//! A folder holds segments, each written by one process, which holds a lock on it. A segment is a sequence of records:
//! a header of 24 bytes (magic, version, events, length, checksum) and the body, compressed. Beside it, `.pos` says how
//! much of it is delivered. Both are handed to the operating system with each record, so that they outlive the process,
//! and not forced to the disk: what a power failure takes is not promised.

use super::{Request, Signal};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jobmon_core::{Health, SpanId, Timestamp};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 4] = *b"JMSP";
const VERSION: u32 = 1;
const HEADER: usize = 24;
/// A new segment is begun beyond this size.
const SEGMENT: u64 = 8 << 20;
/// Bytes of a record, and of what it unpacks to: more than any request has.
const LARGEST: u64 = 256 << 20;

/// Why a request was not kept; with the request.
pub(super) enum Refusal {
    /// The spool has as much as it may.
    Full(Request),
    /// The disk does not take it.
    Failed(Request),
}

/// A request read back.
pub(super) struct Stored {
    pub(super) body: Vec<u8>,
    pub(super) events: u64,
    /// Whether this process wrote it.
    pub(super) own: bool,
}

pub(super) struct Spool {
    folder: PathBuf,
    signal: Signal,
    limit: u64,
    health: Health,
    /// Oldest first.
    segments: VecDeque<Segment>,
    /// Events of this process that are in it.
    own_events: u64,
}

struct Segment {
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    size: u64,
    /// Where the oldest record that is not delivered begins, and how long it is once it has been read.
    position: u64,
    next: Option<u64>,
    own: bool,
    /// Events in it, of a segment of our own.
    events: u64,
}

impl Spool {
    /// Opens the folder, and takes over what processes that are gone have left.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(super) fn open(folder: &Path, signal: Signal, limit: u64, health: Health) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("spool {} cannot be used: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(cannot)?;
        let end = format!(".{}.spool", signal.name());
        let mut left: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(cannot)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&end)))
            .collect();
        // Their names begin with the time.
        left.sort_unstable();
        let segments = left.into_iter().filter_map(Segment::adopt).collect();
        Ok(Self { folder: folder.to_owned(), signal, limit, health, segments, own_events: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.iter().all(|segment| segment.position >= segment.size)
    }

    /// Bytes on disk that are not delivered.
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size - segment.position.min(segment.size)).sum()
    }

    /// Keeps a request, behind all others.
    pub(super) fn push(&mut self, request: Request) -> Result<(), Refusal> {
        let Ok(record) = record(&request) else { return Err(Refusal::Failed(request)) };
        if self.bytes() + record.len() as u64 > self.limit {
            return Err(Refusal::Full(request));
        }
        let fits = self.segments.back().is_some_and(|segment| segment.own && segment.size < SEGMENT);
        let written =
            if fits { Ok(()) } else { self.begin() }.and_then(|()| match self.segments.back_mut() {
                Some(segment) => segment.append(&record, request.events),
                None => Err(io::ErrorKind::NotFound.into()),
            });
        if let Err(error) = written {
            self.health.warn(
                "spool",
                &format!("spool {} cannot be written, so memory is used: {error}", self.folder.display()),
            );
            return Err(Refusal::Failed(request));
        }
        self.own_events += request.events;
        self.health.spooled(self.own_events);
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let name =
            format!("{:020}-{}.{}.spool", Timestamp::now().nanos(), SpanId::random(), self.signal.name());
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        file.try_lock()?;
        self.segments.push_back(Segment {
            path,
            file,
            size: 0,
            position: 0,
            next: None,
            own: true,
            events: 0,
        });
        Ok(())
    }

    /// The oldest request; `None` where what is left is damaged, or nothing is.
    pub(super) fn oldest(&mut self) -> Option<Stored> {
        while let Some(segment) = self.segments.front_mut() {
            if segment.position < segment.size {
                match segment.read() {
                    Ok(stored) => return Some(stored),
                    Err(error) => {
                        let lost = segment.events;
                        let path = segment.path.display().to_string();
                        self.own_events = self.own_events.saturating_sub(lost);
                        self.health.dropped(lost);
                        self.health.spooled(self.own_events);
                        self.health
                            .warn("damaged", &format!("{path} is damaged, and the rest of it lost: {error}"));
                    }
                }
            } else if self.segments.len() == 1 && self.segments[0].own && self.segments[0].size < SEGMENT {
                // It is still written to.
                return None;
            }
            if let Some(segment) = self.segments.pop_front() {
                segment.remove();
            }
        }
        None
    }

    /// The oldest request, which [`oldest`](Self::oldest) gave, is settled.
    pub(super) fn remove_oldest(&mut self) {
        let Some(segment) = self.segments.front_mut() else { return };
        let Some(events) = segment.advance() else { return };
        if segment.own {
            self.own_events = self.own_events.saturating_sub(events);
            self.health.spooled(self.own_events);
        }
        if segment.position >= segment.size
            && let Some(segment) = self.segments.pop_front()
        {
            segment.remove();
        }
    }
}

/// The record of a request.
fn record(request: &Request) -> io::Result<Vec<u8>> {
    let mut record = vec![0; HEADER];
    let mut encoder = GzEncoder::new(&mut record, Compression::fast());
    encoder.write_all(&request.body)?;
    encoder.finish()?;
    let length = (record.len() - HEADER) as u64;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&VERSION.to_le_bytes());
    let events = u32::try_from(request.events).unwrap_or(u32::MAX);
    header[8..12].copy_from_slice(&events.to_le_bytes());
    header[12..20].copy_from_slice(&length.to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&header[..20]);
    sum.update(&record[HEADER..]);
    header[20..].copy_from_slice(&sum.finalize().to_le_bytes());
    record[..HEADER].copy_from_slice(&header);
    Ok(record)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

impl Segment {
    /// Takes over a segment that nobody holds; `None` for one that is in use, or cannot be read now.
    fn adopt(path: PathBuf) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        file.try_lock().ok()?;
        // Another process may have finished it before it was locked.
        if !path.exists() {
            return None;
        }
        let size = file.metadata().ok()?.len();
        let position = std::fs::read(path.with_extension("pos")).ok();
        let position = position.map_or(0, |bytes| u64::from_le_bytes(number(&bytes, 0)));
        let segment = Self { path, file, size, position, next: None, own: false, events: 0 };
        if segment.position >= segment.size {
            segment.remove();
            return None;
        }
        Some(segment)
    }

    fn append(&mut self, record: &[u8], events: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.size))?;
        if let Err(error) = self.file.write_all(record) {
            // What was written of it must not stand before the next one.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += record.len() as u64;
        self.events += events;
        Ok(())
    }

    fn read(&mut self) -> Result<Stored, String> {
        let failed = |error: io::Error| error.to_string();
        self.file.seek(SeekFrom::Start(self.position)).map_err(failed)?;
        let mut header = [0; HEADER];
        self.file.read_exact(&mut header).map_err(|_| "a record is cut off".to_owned())?;
        let version = u32::from_le_bytes(number(&header, 4));
        if header[..4] != MAGIC || version != VERSION {
            return Err("what should be a record is none".to_owned());
        }
        let events = u64::from(u32::from_le_bytes(number(&header, 8)));
        let length = u64::from_le_bytes(number(&header, 12));
        if length > LARGEST || self.position + HEADER as u64 + length > self.size {
            return Err("a record is cut off".to_owned());
        }
        let mut packed = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut packed).map_err(failed)?;
        let mut sum = crc32fast::Hasher::new();
        sum.update(&header[..20]);
        sum.update(&packed);
        if sum.finalize() != u32::from_le_bytes(number(&header, 20)) {
            return Err("the checksum of a record is wrong".to_owned());
        }
        let mut body = Vec::new();
        GzDecoder::new(&packed[..]).take(LARGEST).read_to_end(&mut body).map_err(failed)?;
        self.next = Some(self.position + HEADER as u64 + length);
        Ok(Stored { body, events, own: self.own })
    }

    /// Goes on behind the record that was read, and says how many events it had.
    fn advance(&mut self) -> Option<u64> {
        let next = self.next.take()?;
        self.file.seek(SeekFrom::Start(self.position + 8)).ok()?;
        let mut events = [0; 4];
        let read = self.file.read_exact(&mut events);
        self.position = next;
        // Should it fail, a later process sends one request twice.
        let _ = std::fs::write(self.path.with_extension("pos"), self.position.to_le_bytes());
        let events = read.map_or(0, |()| u64::from(u32::from_le_bytes(events)));
        self.events = self.events.saturating_sub(events);
        Some(events)
    }

    fn remove(self) {
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_file(self.path.with_extension("pos"));
    }
}
