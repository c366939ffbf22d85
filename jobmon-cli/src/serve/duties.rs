//! What a server does by itself: looks at alerts, makes reports, deletes what is old.

use super::schedule::Schedule;
use crate::commands::Message;
use crate::history::actor;
use crate::place::Place;
use jobmon_core::{Retention, Timestamp};
use jobmon_export::{HistoryAlerts, Sqlite};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks for what is old.
const PRUNE: Duration = Duration::from_secs(3_600);
/// Between two looks at all.
const TICK: Duration = Duration::from_secs(1);

/// The thread that does it, until it is ended.
pub(super) struct Duties {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Duties {
    pub(super) fn start(
        alerts: Option<HistoryAlerts>,
        schedule: Schedule,
        retention: Retention,
        place: &Place,
    ) -> Result<Option<Self>, Message> {
        let keeps_all = retention.limits().next().is_none();
        if alerts.is_none() && schedule.is_empty() && keeps_all {
            return Ok(None);
        }
        // A ClickHouse deletes by itself.
        let pruned = match place {
            Place::File(path) if !keeps_all => Some((retention, path.clone())),
            _ => None,
        };
        let (end, ended) = channel();
        let work = move || run(alerts, schedule, pruned.as_ref(), &ended);
        let thread = std::thread::Builder::new().name("jobmon-duties".to_owned()).spawn(work);
        Ok(Some(Self { end, thread: thread.map_err(|error| error.to_string())? }))
    }

    /// Ends it, when what it does just now is done.
    pub(super) fn end(self) {
        drop(self.end);
        let _ = self.thread.join();
    }
}

fn run(
    mut alerts: Option<HistoryAlerts>,
    mut schedule: Schedule,
    pruned: Option<&(Retention, PathBuf)>,
    ended: &Receiver<()>,
) {
    let mut prune = Instant::now();
    loop {
        let wait = alerts.as_mut().map_or(TICK, HistoryAlerts::look).min(TICK);
        schedule.look(Timestamp::now());
        if let Some((retention, db)) = pruned.filter(|_| prune <= Instant::now()) {
            prune = Instant::now() + PRUNE;
            if let Err(error) = Sqlite::prune(db, *retention, &actor()) {
                // Standard error may be closed.
                let _ = writeln!(std::io::stderr(), "jobmon: what is old stays for now: {error}");
            }
        }
        match ended.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => break,
        }
    }
    if let Some(alerts) = alerts {
        alerts.end();
    }
}
