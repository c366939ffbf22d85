//! For tests: a monitor for one thread that keeps what it gets.

use crate::event::{CallRecord, Event};
use crate::exporter::{Batch, ExportError, Exporter};
use crate::lane::lock;
use crate::monitor::{Guard, Pipeline, Shared};
use crate::settings::Settings;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps every event in memory. Clones share it.
///
/// ```
/// use jobmon_core::testing::Collect;
///
/// let (collect, _guard) = Collect::install();
/// jobmon_core::score("match", 87.0);
/// assert_eq!(collect.events().len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Collect {
    events: Arc<Mutex<Vec<Event>>>,
    flush: Option<Arc<Guard>>,
}

/// Hands an event to the monitor of this thread, as if it had just happened: it is priced and exported as every other.
///
/// For histories with a known content, of any time. Without a monitor nothing happens; a full queue drops the event.
///
/// ```
/// use jobmon_core::{CallId, CallRecord, Event, Operation, SpanId, Text, Timestamp, TraceId, testing};
///
/// let (collect, _guard) = testing::Collect::install();
/// let id = CallId { trace: TraceId::random(), span: SpanId::random() };
/// let at = Timestamp::from_date(2026, 10, 1).unwrap();
/// testing::submit(Event::Call(Box::new(CallRecord::new(id, Text::from("ask"), Operation::Chat, at))));
/// assert_eq!(collect.only_call().start, at);
/// ```
pub fn submit(event: Event) {
    if let Some(monitor) = Shared::current() {
        monitor.submit(event);
    }
}

/// Keeps the monitor of [`Collect::install`] alive.
#[derive(Debug)]
#[must_use = "dropping it ends the monitor"]
pub struct Collecting(#[expect(dead_code, reason = "held for its destructor")] Arc<Guard>);

impl Collect {
    /// A monitor for this thread, and for what carries its context. Tests with it run side by side.
    ///
    /// # Panics
    /// When its threads cannot be started.
    pub fn install() -> (Self, Collecting) {
        Self::install_with(Settings::default())
    }

    /// As [`Collect::install`], with settings.
    ///
    /// # Panics
    /// When the settings are impossible or threads cannot be started.
    pub fn install_with(settings: Settings) -> (Self, Collecting) {
        let mut collect = Self::default();
        let pipeline = Pipeline::start(settings, vec![Box::new(collect.clone())]);
        let guard = Arc::new(pipeline.expect("the settings of a test are possible").install_local());
        collect.flush = Some(Arc::clone(&guard));
        (collect, Collecting(guard))
    }

    /// The monitor's guard.
    ///
    /// # Panics
    /// When it was not made by [`Collect::install`].
    pub fn guard(&self) -> &Guard {
        self.flush.as_deref().expect("made by `install`")
    }

    /// Everything that happened so far, in order.
    ///
    /// # Panics
    /// When the events do not arrive within ten seconds.
    pub fn events(&self) -> Vec<Event> {
        if let Some(guard) = &self.flush {
            assert!(guard.flush(Duration::from_secs(10)), "the pipeline is stuck");
        }
        lock(&self.events).clone()
    }

    /// The calls that ended so far, in order.
    ///
    /// # Panics
    /// As [`Collect::events`].
    pub fn calls(&self) -> Vec<CallRecord> {
        let call = |event| if let Event::Call(call) = event { Some(*call) } else { None };
        self.events().into_iter().filter_map(call).collect()
    }

    /// The only call that ended so far.
    ///
    /// # Panics
    /// When there is none or more than one.
    pub fn only_call(&self) -> CallRecord {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "exactly one call expected: {calls:#?}");
        calls.remove(0)
    }
}

impl Exporter for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        lock(&self.events).extend(batch.events.iter().cloned());
        Ok(())
    }
}
