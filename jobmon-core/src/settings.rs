//! [`Settings`]: how a monitor works.

use crate::budget::Budget;
use crate::exporter::Resource;
use crate::money::Usd;
use crate::monitor::StartError;
use crate::price::Prices;
use crate::pseudonym::UserKey;
use crate::redact::Redaction;
use crate::retention::Retention;
use crate::sampling::Keep;
use crate::site::Track;
use crate::surroundings::Surroundings;
use crate::text::Text;
use crate::warning::Warnings;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How a monitor works. Made by the builder of `jobmon`, which also reads files and variables.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Who produces the events.
    pub resource: Resource,
    /// Share of traces of which single calls are kept, 0 to 1. Sums, costs and aggregates are exact whatever
    /// it is.
    pub sampling_rate: f64,
    /// Calls that are kept whatever it is.
    pub keep: Keep,
    /// What is recorded; a function can record less, not more.
    pub track: Track,
    /// Whether what functions name in `capture(..)` is captured.
    pub capture_content: bool,
    /// Events that wait at most, in the pipeline and again for each exporter. Beyond it the newest are dropped
    /// and counted.
    pub queue_capacity: usize,
    /// How long an event waits at most before it is handed to the exporters.
    pub flush_interval: Duration,
    /// How long dropping the guard waits for exporters.
    pub shutdown_timeout: Duration,
    /// What ids of users are hashed with; without it they are recorded as they are given.
    pub user_key: Option<UserKey>,
    /// What an outcome of a kind is worth that is reported without a value.
    pub outcome_values: BTreeMap<Text, Usd>,
    /// The price list.
    pub prices: Prices,
    /// What may be spent.
    pub budgets: Vec<Budget>,
    /// What is removed from what is recorded.
    pub redaction: Redaction,
    /// How long a history keeps what.
    pub retention: Retention,
    /// What was set up, for accounts of it: JSON without secrets.
    pub configuration: Option<Text>,
    /// What else keeps spans in this process.
    pub surroundings: Option<Arc<dyn Surroundings>>,
    /// Where jobmon's own warnings go.
    pub warnings: Warnings,
}

impl Default for Settings {
    /// Everything is recorded and kept (of a share of traces, failed calls are kept too); 65,536 events; 200 ms; 5 s; the bundled prices; no budgets.
    fn default() -> Self {
        Self {
            resource: Resource::default(),
            sampling_rate: 1.0,
            keep: Keep::default(),
            track: Track::ALL,
            capture_content: true,
            queue_capacity: 65_536,
            flush_interval: Duration::from_millis(200),
            shutdown_timeout: Duration::from_secs(5),
            user_key: None,
            outcome_values: BTreeMap::new(),
            prices: Prices::bundled(),
            budgets: Vec::new(),
            redaction: Redaction::default(),
            retention: Retention::default(),
            configuration: None,
            surroundings: None,
            warnings: Warnings::default(),
        }
    }
}

impl Settings {
    /// What is recorded of a user's id: a pseudonym where there is a key, else the id itself, unless something in it is to be
    /// removed.
    pub(crate) fn user(&self, id: &Text) -> Text {
        self.user_key.as_ref().map_or_else(|| self.redaction.id(id), |key| key.pseudonym(id))
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let refuse = |name, expected, given: String| Err(StartError::Setting { name, expected, given });
        if !(0.0..=1.0).contains(&self.sampling_rate) {
            return refuse("sampling_rate", "a number from 0 to 1", self.sampling_rate.to_string());
        }
        if self.queue_capacity == 0 {
            return refuse("queue_capacity", "at least 1", "0".to_owned());
        }
        if self.flush_interval.is_zero() {
            return refuse("flush_interval", "more than 0", "0".to_owned());
        }
        Ok(())
    }
}
