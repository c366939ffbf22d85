//! [`Exporter`]: where finished events go.

use crate::alert::AlertMemory;
use crate::budget::Budgets;
use crate::delivery::Health;
use crate::event::Event;
use crate::settings::Settings;
use crate::text::Text;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who produces the events: constant for a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resource {
    /// The project, across services (`project_id`).
    pub project_id: Option<Text>,
    /// This service (`service_name`).
    pub service_name: Option<Text>,
    /// Where it runs: `production`, `staging`, .. (`environment`).
    pub environment: Option<Text>,
}

/// Events that are exported together. Cheap to clone: all exporters share one copy.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Who produced them.
    pub resource: Arc<Resource>,
    /// The events, in the order in which they ended. Never empty.
    pub events: Arc<Vec<Event>>,
}

/// Where finished events go: a file, a database, a backend.
///
/// Each exporter has a thread and a bounded queue of its own, so it may block, and a slow one delays nobody but
/// itself. Calls that it makes on that thread are not recorded.
///
/// ```
/// use jobmon_core::{Batch, Exporter, ExportError};
///
/// #[derive(Debug, Default)]
/// struct Counter(usize);
///
/// impl Exporter for Counter {
///     fn name(&self) -> &'static str {
///         "counter"
///     }
///     fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
///         self.0 += batch.events.len();
///         Ok(())
///     }
/// }
/// ```
pub trait Exporter: Send + 'static {
    /// A short name for messages and counters, such as `sqlite`: of several exporters, each should have its own.
    fn name(&self) -> &str;

    /// Called first: for exporters that tell how delivery goes, or [defer](Self::defers).
    fn health(&mut self, health: Health) {
        drop(health);
    }

    /// Whether events that [`export`](Self::export) took arrive later, and the exporter itself tells [`Health`] what
    /// became of each: `exported` or `dropped`. By default those that it took have arrived.
    fn defers(&self) -> bool {
        false
    }

    /// Called before [`start`](Self::start): for exporters that depend on how the monitor works.
    fn settings(&mut self, settings: &Settings) {
        let _ = settings;
    }

    /// Called before [`start`](Self::start) where there are budgets: for exporters whose destination tells what was
    /// spent before, and what other processes spend.
    fn budgets(&mut self, budgets: Budgets) {
        drop(budgets);
    }

    /// For exporters whose destination keeps where alerts stand while nothing runs. Asked before [`start`](Self::start), used
    /// after it.
    fn alert_memory(&self) -> Option<Box<dyn AlertMemory>> {
        None
    }

    /// Called once, when a monitor starts, on the thread that starts it: the place to make files and to connect.
    /// When an exporter is opened, it may be that no monitor will ever start, so it should change nothing yet.
    ///
    /// # Errors
    /// The monitor does not start.
    fn start(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Takes the events of one batch, all or none.
    ///
    /// Must return within a bounded time. A panic is caught, counted, and ends this exporter only.
    ///
    /// # Errors
    /// [`ExportError::Busy`]: the same batch is offered again later. [`ExportError::Refused`]: it is counted as
    /// lost and never offered again.
    fn export(&mut self, batch: &Batch) -> Result<(), ExportError>;

    /// Called on the exporter's thread before it waits for something to do: at first, after each batch and each flush,
    /// and when the time that this gave last, at most 30 s, has passed without any. By default it does nothing, and waits
    /// for as long as nothing comes.
    fn tick(&mut self) -> Option<Duration> {
        None
    }

    /// Hands on what the exporter itself holds back. Called by `Guard::flush`, and before `shutdown`.
    ///
    /// # Errors
    /// Are reported as a warning.
    fn flush(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Called once, after the last batch.
    ///
    /// # Errors
    /// Are reported as a warning.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
fn _is_dyn_compatible(_: &dyn Exporter) {}

impl fmt::Debug for dyn Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exporter").field(&self.name()).finish()
    }
}

impl<E: Exporter> From<E> for Box<dyn Exporter> {
    fn from(exporter: E) -> Self {
        Box::new(exporter)
    }
}

/// Why a batch was not taken. Never contains a secret: the text goes to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The destination is away or asks to slow down; the batch is kept and offered again.
    Busy {
        /// When to try again.
        after: Duration,
        /// What went wrong.
        reason: String,
    },
    /// The destination cannot take the batch; offering it again cannot help.
    Refused {
        /// What went wrong.
        reason: String,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy { after, reason } => write!(f, "{reason}; trying again in {after:?}"),
            Self::Refused { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for ExportError {}
