//! [`Pipeline`] and [`Guard`]: a running monitor, how it is installed and how it ends.

use crate::budget::{Book, BudgetError, BudgetStatus, Budgets};
use crate::context::{self, Context};
use crate::delivery::{Counts, Delivery, Health, LaneCounts};
use crate::event::Event;
use crate::exporter::{ExportError, Exporter};
use crate::lane::{Lane, Ticket, lock};
use crate::price::PricesError;
use crate::settings::Settings;
use crate::surroundings::Around;
use crate::text::Text;
use crate::time::Timestamp;
use crate::{DISABLED, worker};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Monitors installed in this process, global and local: the only thing a call looks at when there is none.
static INSTALLED: AtomicUsize = AtomicUsize::new(0);
static GLOBAL: RwLock<Option<Arc<Shared>>> = RwLock::new(None);

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) events: Vec<Event>,
    /// What is to be told of the end of calls, and where among the events these are.
    pub(crate) ends: Vec<(usize, Arc<dyn Around>)>,
    pub(crate) flushes: Vec<Arc<Ticket>>,
    pub(crate) stopping: Option<Arc<Ticket>>,
}

/// What calls, the worker and the guard share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) book: Arc<Book>,
    pub(crate) queue: Mutex<Queue>,
    pub(crate) wake: Condvar,
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) counts: Arc<Counts>,
}

impl Shared {
    /// Whether there is no monitor in this process, which most calls of most programs find.
    #[inline]
    pub(crate) fn is_none_installed() -> bool {
        DISABLED || INSTALLED.load(Relaxed) == 0
    }

    /// The monitor that the running code reports to.
    pub(crate) fn current() -> Option<Arc<Self>> {
        if Self::is_none_installed() {
            return None;
        }
        let local =
            Context::peek(|context| if context.suppressed { Err(()) } else { Ok(context.local.clone()) });
        match local {
            Some(Ok(Some(local))) => Some(local),
            Some(Ok(None)) | None => GLOBAL.read().unwrap_or_else(PoisonError::into_inner).clone(),
            Some(Err(())) => None,
        }
    }

    /// Takes an event, or counts it as dropped when the queue is full. Never waits for exporters.
    pub(crate) fn submit(&self, event: Event) {
        self.submit_with(event, None);
    }

    /// Takes a call whose end is to be told when it has its price.
    pub(crate) fn submit_with(&self, event: Event, around: Option<Arc<dyn Around>>) {
        let mut queue = lock(&self.queue);
        if queue.events.len() >= self.settings.queue_capacity || queue.stopping.is_some() {
            drop(queue);
            self.counts.dropped.fetch_add(1, Relaxed);
            if let (Some(around), Event::Call(call)) = (around, &event) {
                around.end(call);
            }
            return;
        }
        if let Some(around) = around {
            let at = queue.events.len();
            queue.ends.push((at, around));
        }
        queue.events.push(event);
        // The worker wakes by itself after each interval; it needs a push only when there is much to do.
        if queue.events.len() == self.many() {
            self.wake.notify_one();
        }
        drop(queue);
        self.counts.accepted.fetch_add(1, Relaxed);
    }

    /// Events that the worker does not wait with: so few are still in the processor's caches, and callers need not grow the
    /// queue.
    pub(crate) fn many(&self) -> usize {
        self.settings.queue_capacity.div_ceil(2).min(1_024)
    }

    /// Whether it has ended, or is about to.
    pub(crate) fn is_stopping(&self) -> bool {
        lock(&self.queue).stopping.is_some()
    }

    fn flush(&self, deadline: Instant) -> bool {
        if DISABLED {
            return true;
        }
        let ticket = Ticket::new(self.lanes.len());
        *lock(&self.counts.deadline) = Some(deadline);
        lock(&self.queue).flushes.push(Arc::clone(&ticket));
        self.wake.notify_one();
        let done = ticket.wait_until(deadline);
        *lock(&self.counts.deadline) = None;
        done
    }

    fn stop(&self, deadline: Instant) -> bool {
        // The worker is one more party: it can be late too.
        let ticket = Ticket::new(self.lanes.len() + 1);
        *lock(&self.counts.deadline) = Some(deadline);
        let mut queue = lock(&self.queue);
        if queue.stopping.is_none() {
            queue.stopping = Some(Arc::clone(&ticket));
        }
        drop(queue);
        self.wake.notify_one();
        ticket.wait_until(deadline)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A monitor could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Another global monitor is installed in this process; its guard is alive.
    AlreadyInstalled,
    /// A setting has an impossible value.
    Setting {
        /// Which one.
        name: &'static str,
        /// What is accepted.
        expected: &'static str,
        /// What was given.
        given: String,
    },
    /// A budget cannot work.
    Budget(BudgetError),
    /// An exporter could not start.
    Exporter {
        /// Which one.
        name: Text,
        /// Why not.
        source: ExportError,
    },
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInstalled => f.write_str(
                "a monitor is already installed in this process; install one in `main` and keep its guard, \
                 or use `install_local` in tests",
            ),
            Self::Setting { name, expected, given } => write!(f, "`{name}` is {given}; expected {expected}"),
            Self::Budget(error) => fmt::Display::fmt(error, f),
            Self::Exporter { name, source } => write!(f, "exporter `{name}`: {source}"),
            Self::Thread(_) => f.write_str("a background thread could not be started"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}

/// A running monitor that is not installed yet: one worker, and a thread for each exporter.
#[derive(Debug)]
#[must_use = "a pipeline does nothing until it is installed"]
pub struct Pipeline {
    shared: Arc<Shared>,
}

impl Pipeline {
    /// Starts the worker and the exporters; neither with feature `disabled`.
    ///
    /// # Errors
    /// When a setting is impossible, or an exporter or a thread cannot be started.
    pub fn start(mut settings: Settings, mut exporters: Vec<Box<dyn Exporter>>) -> Result<Self, StartError> {
        if DISABLED {
            exporters.clear();
            settings.budgets.clear();
        } else {
            settings.check()?;
        }
        let book = Arc::new(Book::new(&settings, Timestamp::now()).map_err(StartError::Budget)?);
        if book.counts_money() {
            // Calls are charged when they end: would they wait for prices, more of them could begin. So this waits for
            // the list, which is decoded on a thread of ours.
            let decoded = std::thread::scope(|scope| {
                let decode = std::thread::Builder::new().name("jobmon-prices".to_owned());
                decode.spawn_scoped(scope, || settings.prices.warm_up()).map(|_| ())
            });
            decoded.map_err(StartError::Thread)?;
        }
        let lanes = exporters.iter().map(|exporter| LaneCounts::new(exporter.name())).collect();
        let makes_spans =
            settings.surroundings.as_ref().is_some_and(|surroundings| surroundings.makes_spans());
        let counts = Arc::new(Counts { lanes, spans_are_made: makes_spans, ..Counts::default() });
        for (own, exporter) in exporters.iter_mut().enumerate() {
            let name = counts.lanes[own].name.clone();
            let started = catch_unwind(AssertUnwindSafe(|| {
                exporter.health(Health::new(Arc::clone(&counts), own, settings.warnings.clone()));
                exporter.settings(&settings);
                if let Some(budgets) = Budgets::of(&book) {
                    exporter.budgets(budgets);
                }
                exporter.start()
            }));
            let panicked = |_| Err(ExportError::Refused { reason: "it panicked".to_owned() });
            started.unwrap_or_else(panicked).map_err(|source| StartError::Exporter { name, source })?;
        }
        let mut lanes = Vec::new();
        for (own, exporter) in exporters.into_iter().enumerate() {
            let counts = (Arc::clone(&counts), own);
            let lane = Lane::start(exporter, counts, settings.queue_capacity, settings.warnings.clone());
            lanes.push(lane.map_err(StartError::Thread)?.0);
        }
        let shared =
            Arc::new(Shared { settings, book, queue: Mutex::default(), wake: Condvar::new(), lanes, counts });
        let pipeline = Self { shared };
        if !DISABLED {
            worker::start(Arc::clone(&pipeline.shared)).map_err(StartError::Thread)?;
        }
        Ok(pipeline)
    }

    /// Installs it for the whole process.
    ///
    /// # Errors
    /// [`StartError::AlreadyInstalled`].
    pub fn install(self) -> Result<Guard, StartError> {
        if DISABLED {
            return Ok(Guard { shared: self.shared, place: None });
        }
        let mut global = GLOBAL.write().unwrap_or_else(PoisonError::into_inner);
        if global.is_some() {
            drop(global);
            self.shared.stop(Instant::now());
            return Err(StartError::AlreadyInstalled);
        }
        *global = Some(Arc::clone(&self.shared));
        drop(global);
        INSTALLED.fetch_add(1, Relaxed);
        Ok(Guard { shared: self.shared, place: Some(Place::Global) })
    }

    /// Installs it for this thread, and for what carries this thread's [`Context`]: for tests, which then run
    /// side by side. Goes before the global one.
    pub fn install_local(self) -> Guard {
        if DISABLED {
            return Guard { shared: self.shared, place: None };
        }
        let before = context::set_local(Some(Arc::clone(&self.shared)));
        INSTALLED.fetch_add(1, Relaxed);
        Guard { shared: self.shared, place: Some(Place::Local(before)) }
    }
}

/// In some time; a time that no clock can show is a year.
fn deadline(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(31_536_000))
}

#[derive(Debug)]
enum Place {
    Global,
    Local(Option<Arc<Shared>>),
}

/// Keeps a monitor installed. Dropping it uninstalls the monitor, delivers what is queued within
/// [`Settings::shutdown_timeout`], and says on standard error what was lost, and how much was reported in the wrong place
/// or not at all, if anything was.
#[derive(Debug)]
#[must_use = "dropping the guard ends monitoring: `let _guard = ..` keeps it until the end of the block"]
pub struct Guard {
    shared: Arc<Shared>,
    place: Option<Place>,
}

impl Guard {
    /// Waits until every exporter has dealt with what happened so far; false when the time was too short.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.shared.flush(deadline(timeout))
    }

    /// Looks for new prices now, where they come from a file or another [`Watch`](crate::Watch); tells whether there
    /// were any. Answers that are priced from now on take them.
    ///
    /// # Errors
    /// When they are wrong. Those in force stay in force.
    ///
    /// # Cost
    /// Tens of milliseconds on the calling thread.
    pub fn reload_prices(&self) -> Result<bool, PricesError> {
        self.shared.settings.prices.reload()
    }

    /// What became of the events so far.
    pub fn delivery(&self) -> Delivery {
        self.shared.counts.delivery()
    }

    /// How much of each budget is left, in the order in which they were configured; where one counts
    /// [`each`](crate::Budget::each) apart, in the order of the keys seen so far.
    pub fn budgets(&self) -> Vec<BudgetStatus> {
        self.shared.book.statuses(Timestamp::now())
    }

    /// Ends monitoring now, as dropping does, and tells what became of the events.
    pub fn shutdown(mut self) -> Delivery {
        self.end();
        self.shared.counts.delivery()
    }

    fn end(&mut self) {
        match self.place.take() {
            None => return,
            Some(Place::Global) => *GLOBAL.write().unwrap_or_else(PoisonError::into_inner) = None,
            Some(Place::Local(before)) => context::leave_local(&self.shared, before),
        }
        INSTALLED.fetch_sub(1, Relaxed);
        self.shared.stop(deadline(self.shared.settings.shutdown_timeout));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.place.is_none() {
            return;
        }
        self.end();
        let delivery = self.shared.counts.delivery();
        if !delivery.is_complete() {
            self.shared.settings.warnings.say(&format!("not everything was delivered: {delivery}"));
        } else if let Some(mistakes) = delivery.mistakes() {
            self.shared.settings.warnings.say(&format!("in all there were {mistakes}"));
        }
    }
}
