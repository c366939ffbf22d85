//! [`Alerts`]: looks at alerts while the program runs, and tells channels.

#[cfg(feature = "alertmanager")]
mod alertmanager;
mod channel;
mod console;
#[cfg(feature = "email")]
mod email;
#[cfg(all(feature = "config", feature = "sqlite"))]
mod history;
#[cfg(any(feature = "clickhouse", feature = "sqlite"))]
pub(crate) mod kept;
mod message;
mod outbox;
#[cfg(any(feature = "alertmanager", feature = "slack", feature = "webhook"))]
mod post;
#[cfg(feature = "slack")]
mod slack;
#[cfg(feature = "webhook")]
mod webhook;

use jobmon_core::report::Once;
use jobmon_core::{
    Alert, AlertError, AlertMemory, AlertState, AlertWatch, Batch, ExportError, Exporter, Health, Notice,
    NoticeKind, Recent, Resource, Settings, Text, Timestamp,
};
use outbox::{GivenUp, Outbox};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "alertmanager")]
pub use alertmanager::Alertmanager;
pub use channel::{Channel, Document};
pub use console::ConsoleChannel;
#[cfg(feature = "email")]
pub use email::Email;
#[cfg(all(feature = "config", feature = "sqlite"))]
pub use history::HistoryAlerts;
#[cfg(feature = "slack")]
pub use slack::Slack;
#[cfg(feature = "webhook")]
pub use webhook::Webhook;

/// Opens what is looked at.
type OpenEngine = dyn FnMut() -> Result<Box<dyn jobmon_core::Engine>, String> + Send;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(10);

/// Looks at alerts each ten seconds, on what happens in the program and, where an exporter has a memory, happened before; and
/// tells channels.
///
/// Made by a monitor that has alerts (`MonitorBuilder::alert`, `[[alerts]]` in `jobmon.toml`). Without any channel, each
/// notice is a line on standard error.
pub(crate) struct Alerts {
    watch: AlertWatch,
    recent: Recent,
    outboxes: Vec<Outbox>,
    memory: Option<Box<dyn AlertMemory>>,
    /// What the memory has.
    kept: Vec<AlertState>,
    /// What is looked at instead of what happens in the program.
    engine: Option<Box<OpenEngine>>,
    /// When the program started: what happened before is in the memory.
    started: Option<Timestamp>,
    resource: Arc<Resource>,
    health: Health,
    next: Instant,
}

impl Alerts {
    /// Watches alerts.
    ///
    /// # Errors
    /// When an alert cannot work, or names a channel that is not there.
    pub(crate) fn new(
        alerts: Vec<Alert>,
        mut channels: Vec<Box<dyn Channel>>,
        memory: Option<Box<dyn AlertMemory>>,
    ) -> Result<Self, AlertError> {
        if channels.is_empty() {
            channels.push(ConsoleChannel::default().into());
        }
        let names: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
        for alert in &alerts {
            let unknown = alert.channel_names().iter().find(|name| !names.contains(&name.as_str()));
            if let Some(unknown) = unknown {
                let problem =
                    format!("tells channel `{unknown}`, which is not there; there are: {}", names.join(", "));
                return Err(AlertError::new(alert.name().clone(), "channels", problem));
            }
        }
        let watch = AlertWatch::new(alerts)?;
        Ok(Self {
            recent: watch.recent(),
            watch,
            outboxes: channels.into_iter().map(Outbox::new).collect(),
            memory,
            kept: Vec::new(),
            engine: None,
            started: None,
            resource: Arc::default(),
            health: Health::alone("alerts"),
            next: Instant::now() + INTERVAL,
        })
    }

    /// Goes on from what the memory has, once.
    fn begin(&mut self) {
        let (Some(memory), Some(started)) = (&mut self.memory, self.started.take()) else { return };
        if let Err(error) = memory.remember(&mut self.recent, &self.resource, started) {
            self.health.warn("past", &format!("alerts know what happens from now on only: {error}"));
        }
        match memory.states(&self.resource) {
            Ok(states) => {
                self.kept.clone_from(&states);
                self.watch.resume(states);
            }
            Err(error) => {
                self.health.warn("states", &format!("what fired before may be told anew: {error}"));
            }
        }
    }

    /// Looks at all alerts, and queues what there is to tell.
    fn look(&mut self) {
        self.begin();
        let now = Timestamp::now();
        self.recent.forget(now);
        match self.memory.as_mut().map(|memory| memory.silences()) {
            Some(Ok(silences)) => self.watch.silence(silences),
            Some(Err(error)) => {
                self.health.warn("silences", &format!("silences may be missed: {error}"));
            }
            None => {}
        }
        let looked = match &mut self.engine {
            None => self.watch.look(&self.recent, now).map_err(|error| error.to_string()),
            Some(open) => {
                open().and_then(|engine| {
                    // Alerts have windows in common.
                    self.watch.look(&Once::as_asked(&*engine), now).map_err(|error| error.to_string())
                })
            }
        };
        match looked {
            Ok(notices) => notices.iter().filter(|notice| !notice.silent).for_each(|notice| self.put(notice)),
            Err(error) => self.health.warn("query", &error),
        }
        for alert in self.watch.crowded() {
            let text =
                format!("alert `{alert}` has more than a thousand groups; those beyond are not looked at");
            self.health.warn(alert, &text);
        }
        self.keep();
    }

    /// Keeps where alerts stand, where that has changed.
    fn keep(&mut self) {
        let Some(memory) = &mut self.memory else { return };
        let states = self.watch.states();
        if states == self.kept {
            return;
        }
        match memory.keep(&self.resource, &states) {
            Ok(()) => self.kept = states,
            Err(error) => {
                self.health.warn("states", &format!("after a restart what fires may be told anew: {error}"));
            }
        }
    }

    fn put(&mut self, notice: &Notice) {
        let told = |name: &str| {
            notice.channels.is_empty() || notice.channels.iter().any(|known| known.as_str() == name)
        };
        let mut given_up = Vec::new();
        for outbox in self.outboxes.iter_mut().filter(|outbox| told(outbox.channel.name())) {
            let name = Text::copied(outbox.name());
            given_up.extend(outbox.put(notice.clone(), false).map(|given_up| (name, given_up)));
        }
        given_up.into_iter().for_each(|(channel, given_up)| self.raise(&channel, given_up));
    }

    /// A channel that cannot be told: the others are, where they do not know of it, or not that it is dead.
    fn raise(&mut self, channel: &Text, GivenUp { notice, reason, is_first, was_instead }: GivenUp) {
        let text = format!("channel `{channel}` was not told that {}: {reason}", message::line(&notice));
        self.health.warn(&format!("{channel} {}", notice.alert), &text);
        if was_instead {
            return;
        }
        let knows = |name: &str| {
            notice.channels.is_empty() || notice.channels.iter().any(|known| known.as_str() == name)
        };
        // One of its own: what fired may be over by now, and must not fire again.
        let mut instead = notice.clone();
        instead.alert = Text::from(format!("Dead channel {channel}"));
        (instead.kind, instead.since) = (NoticeKind::Firing, notice.at);
        let about = message::line(&notice);
        instead.summary =
            Some(Text::from(format!("Channel `{channel}` was not told that {about}: {reason}")));
        for outbox in self.outboxes.iter_mut().filter(|outbox| outbox.name() != channel.as_str()) {
            if is_first || !knows(outbox.name()) {
                let _ = outbox.put(instead.clone(), true);
            }
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        let mut given_up = Vec::new();
        for outbox in &mut self.outboxes {
            let failed = outbox.deliver(now, &self.resource, &self.health);
            let name = Text::copied(outbox.name());
            given_up.extend(failed.into_iter().map(|failed| (name.clone(), failed)));
        }
        given_up.into_iter().for_each(|(channel, given_up)| self.raise(&channel, given_up));
    }
}

impl Exporter for Alerts {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn health(&mut self, health: Health) {
        self.health = health;
    }

    fn settings(&mut self, settings: &Settings) {
        self.resource = Arc::new(settings.resource.clone());
    }

    fn start(&mut self) -> Result<(), ExportError> {
        self.started = Some(Timestamp::now());
        if let Some(Err(error)) = self.memory.as_mut().map(|memory| memory.begin()) {
            self.health.warn("past", &format!("alerts know what happens from now on only: {error}"));
        }
        Ok(())
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        batch.events.iter().for_each(|event| self.recent.add(&batch.resource, event));
        Ok(())
    }

    fn tick(&mut self) -> Option<Duration> {
        self.begin();
        let now = Instant::now();
        if self.next <= now {
            self.next = now + INTERVAL;
            self.look();
        }
        self.deliver();
        Some(self.next.saturating_duration_since(now).min(Duration::from_secs(1)))
    }

    /// Looks at once, so that a short run is not silent.
    fn flush(&mut self) -> Result<(), ExportError> {
        self.look();
        self.deliver();
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        self.outboxes.iter_mut().for_each(|outbox| outbox.end(&self.resource, &self.health));
        Ok(())
    }
}
