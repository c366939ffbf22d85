//! [`Store`]: what is received goes into the history, in one place, and is acknowledged when it is there.

use crate::commands::{Message, message};
use crate::otlp::{self, Received};
use crate::place::Keep;
use jobmon_core::{Intake, TraceId};
use jobmon_export::{Imported, KnownCall};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Requests that wait at most; those beyond are asked to come again.
const MOST_WAITING: usize = 64;

/// Why something was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too much waits: it is to be sent again.
    Busy,
    /// The history cannot be written now.
    Failed(String),
}

struct Work {
    received: Vec<Received>,
    done: oneshot::Sender<Result<Imported, String>>,
}

/// Hands on what was received to the one thread that writes.
#[derive(Clone, Debug)]
pub(super) struct Store {
    work: mpsc::Sender<Work>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) written: AtomicUsize,
    pub(super) known: AtomicUsize,
    pub(super) refused: AtomicUsize,
}

impl Store {
    /// Starts the thread that writes it until the last store is gone.
    pub(super) fn open(importer: Box<dyn Keep>, intake: Intake) -> Result<(Self, JoinHandle<()>), Message> {
        let (work, queue) = mpsc::channel(MOST_WAITING);
        let store = Self { work, counts: Arc::default() };
        let counts = Arc::clone(&store.counts);
        let writer = Writer { importer, intake, counts };
        let thread = std::thread::Builder::new().name("jobmon-writer".to_owned());
        let thread = thread.spawn(move || writer.run(queue)).map_err(message)?;
        Ok((store, thread))
    }

    /// Writes what was received; it is in the history when this gives how much it was.
    pub(super) async fn take(&self, received: Vec<Received>) -> Result<Imported, Refused> {
        if received.iter().all(|part| part.spans.is_empty() && part.logs.is_empty()) {
            return Ok(Imported::default());
        }
        let (done, answer) = oneshot::channel();
        let refused = |refused| {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            Err(refused)
        };
        if self.work.try_send(Work { received, done }).is_err() {
            return refused(Refused::Busy);
        }
        match answer.await {
            Ok(Ok(imported)) => Ok(imported),
            Ok(Err(problem)) => refused(Refused::Failed(problem)),
            Err(_) => refused(Refused::Busy),
        }
    }

    pub(super) const fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}

struct Writer {
    importer: Box<dyn Keep>,
    intake: Intake,
    counts: Arc<Counts>,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Work>) {
        // Decoding the price list takes tens of milliseconds: here, before the first span needs it.
        self.intake.warm_up();
        while let Some(Work { received, done }) = queue.blocking_recv() {
            let written = self.write(received);
            if let Ok(imported) = &written {
                self.counts.written.fetch_add(imported.written, Ordering::Relaxed);
                self.counts.known.fetch_add(imported.known, Ordering::Relaxed);
            }
            // Who sent it may be gone.
            let _ = done.send(written);
        }
    }

    fn write(&mut self, received: Vec<Received>) -> Result<Imported, String> {
        let mut failed = None;
        let importer = &self.importer;
        let known = &mut |trace: TraceId| -> Vec<KnownCall> {
            importer.known(trace).unwrap_or_else(|error| {
                failed = Some(error);
                Vec::new()
            })
        };
        let parts = otlp::events(received, known);
        failed.map_or(Ok(()), Err)?;
        let mut done = Imported::default();
        for (resource, mut events) in parts {
            events.iter_mut().for_each(|event| self.intake.take(event));
            let part = self.importer.write(resource, events)?;
            done.written += part.written;
            done.known += part.known;
        }
        Ok(done)
    }
}
