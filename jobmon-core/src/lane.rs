//! One exporter with its own bounded queue and thread.

use crate::context;
use crate::delivery::{Counts, LaneCounts};
use crate::exporter::{Batch, ExportError, Exporter};
use crate::warning::Warnings;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest pause between two offers of the same batch, and between two ticks.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Shortest pause between two ticks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Counts the parties that still have to finish something, and lets others wait for zero.
#[derive(Debug)]
pub(crate) struct Ticket {
    open: Mutex<usize>,
    closed: Condvar,
}

impl Ticket {
    pub(crate) fn new(parties: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::new(parties), closed: Condvar::new() })
    }

    pub(crate) fn done(&self) {
        let mut open = lock(&self.open);
        *open = open.saturating_sub(1);
        self.closed.notify_all();
    }

    /// Whether all have finished before the deadline.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let (open, _) = self
            .closed
            .wait_timeout_while(lock(&self.open), left, |open| *open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *open == 0
    }
}

enum Message {
    Batch(Batch),
    Flush(Arc<Ticket>),
    Stop(Arc<Ticket>),
    /// Nothing came for as long as the exporter wanted to wait.
    Nothing,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    events: usize,
    stopping: bool,
}

pub(crate) struct Lane {
    counts: Arc<Counts>,
    own: usize,
    capacity: usize,
    queue: Mutex<Queue>,
    arrived: Condvar,
    warnings: Warnings,
}

/// The lock, whether or not a thread panicked while it held it: all our updates are single steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    pub(crate) fn start(
        exporter: Box<dyn Exporter>,
        (counts, own): (Arc<Counts>, usize),
        capacity: usize,
        warnings: Warnings,
    ) -> std::io::Result<(Arc<Self>, JoinHandle<()>)> {
        let lane = Arc::new(Self {
            counts,
            own,
            capacity,
            queue: Mutex::default(),
            arrived: Condvar::new(),
            warnings,
        });
        let runner = Arc::clone(&lane);
        let thread = std::thread::Builder::new()
            .name(format!("jobmon-{}", lane.counts().name))
            .spawn(move || runner.run(exporter))?;
        Ok((lane, thread))
    }

    fn counts(&self) -> &LaneCounts {
        &self.counts.lanes[self.own]
    }

    /// Queues a batch; drops and counts it when the queue is full.
    pub(crate) fn offer(&self, batch: Batch) {
        let count = batch.events.len();
        let mut queue = lock(&self.queue);
        if queue.events + count > self.capacity {
            drop(queue);
            self.lose(count, "its queue is full");
            return;
        }
        queue.events += count;
        queue.messages.push_back(Message::Batch(batch));
        self.arrived.notify_one();
    }

    pub(crate) fn flush(&self, ticket: Arc<Ticket>) {
        lock(&self.queue).messages.push_back(Message::Flush(ticket));
        self.arrived.notify_one();
    }

    pub(crate) fn stop(&self, ticket: Arc<Ticket>) {
        let mut queue = lock(&self.queue);
        queue.stopping = true;
        queue.messages.push_back(Message::Stop(ticket));
        self.arrived.notify_one();
    }

    fn lose(&self, events: usize, why: &str) {
        let LaneCounts { name, dropped, .. } = self.counts();
        dropped.fetch_add(events as u64, Relaxed);
        self.warnings.once(name, &format!("exporter `{name}` loses events: {why}"));
    }

    fn next(&self, patience: Option<Duration>) -> Message {
        let deadline =
            patience.map(|patience| Instant::now() + patience.clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
        let mut queue = lock(&self.queue);
        loop {
            if let Some(message) = queue.messages.pop_front() {
                return message;
            }
            queue = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Message::Nothing,
                Some(left) => {
                    self.arrived.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        context::suppress_on_this_thread();
        let mut alive = true;
        let mut patience = None;
        loop {
            if alive {
                let ticked = catch_unwind(AssertUnwindSafe(|| exporter.tick()));
                alive = ticked.is_ok();
                patience = ticked.ok().flatten();
            }
            match self.next(patience.filter(|_| alive)) {
                Message::Nothing => {}
                Message::Batch(batch) => {
                    alive = alive && self.export(exporter.as_mut(), &batch);
                    // Counted as queued until it is dealt with, so that a retried batch bounds memory too.
                    let mut queue = lock(&self.queue);
                    queue.events = queue.events.saturating_sub(batch.events.len());
                    drop(queue);
                    if !alive {
                        self.lose(batch.events.len(), "it panicked");
                    }
                }
                Message::Flush(ticket) => {
                    alive = alive && self.guarded(exporter.as_mut(), Exporter::flush);
                    ticket.done();
                }
                Message::Stop(ticket) => {
                    if alive {
                        self.guarded(exporter.as_mut(), |exporter| {
                            exporter.flush().and_then(|()| exporter.shutdown())
                        });
                    }
                    // Files are closed before anybody may think that it is over.
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(exporter)));
                    ticket.done();
                    return;
                }
            }
        }
    }

    /// Offers the batch until it is taken, refused, or time is up. False after a panic.
    fn export(&self, exporter: &mut dyn Exporter, batch: &Batch) -> bool {
        loop {
            match catch_unwind(AssertUnwindSafe(|| exporter.export(batch))) {
                Ok(Ok(())) => {
                    if !exporter.defers() {
                        self.counts().exported.fetch_add(batch.events.len() as u64, Relaxed);
                    }
                    return true;
                }
                Ok(Err(ExportError::Busy { after, reason })) => {
                    let name = &self.counts().name;
                    self.warnings.once(name, &format!("exporter `{name}` waits and tries again: {reason}"));
                    if !self.pause(after.min(LONGEST_PAUSE)) {
                        self.lose(batch.events.len(), &reason);
                        return true;
                    }
                }
                Ok(Err(ExportError::Refused { reason })) => {
                    self.lose(batch.events.len(), &reason);
                    return true;
                }
                Err(_) => return false,
            }
        }
    }

    /// Waits; false when the pipeline stops meanwhile, so that there is no time for another try.
    fn pause(&self, time: Duration) -> bool {
        let (queue, _) = self
            .arrived
            .wait_timeout_while(lock(&self.queue), time, |queue| !queue.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        !queue.stopping
    }

    /// Runs a flush or shutdown. False after a panic.
    fn guarded(
        &self,
        exporter: &mut dyn Exporter,
        run: impl FnOnce(&mut dyn Exporter) -> Result<(), ExportError>,
    ) -> bool {
        let result = catch_unwind(AssertUnwindSafe(|| run(exporter)));
        if let Ok(Err(error)) = &result {
            self.warnings.say(&format!("exporter `{}`: {error}", self.counts().name));
        }
        result.is_ok()
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("name", &self.counts().name).finish_non_exhaustive()
    }
}
