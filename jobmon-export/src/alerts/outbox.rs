//! [`Outbox`]: one channel, what it is still to be told, and how that went.

use super::channel::Channel;
use super::message;
use jobmon_core::{ExportError, Health, Notice, Resource};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Notices that wait for one channel; beyond it the oldest are given up.
const MOST_WAITING: usize = 100;
/// How often a notice is offered.
const MOST_TRIES: u32 = 6;
/// Notices that a channel is told of in a minute; further ones wait.
const MOST_A_MINUTE: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A channel and what waits for it.
#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) channel: Box<dyn Channel>,
    waiting: VecDeque<Waiting>,
    tries: u32,
    /// Whether the last notice could not be told.
    dead: bool,
    /// Not before.
    next: Option<Instant>,
    /// When the last ones were told.
    told: VecDeque<Instant>,
}

/// A notice that is still to be told.
#[derive(Debug)]
struct Waiting {
    notice: Notice,
    /// Told instead of a channel that could not be: that must not come back to it.
    instead: bool,
}

/// What could not be told.
#[derive(Debug, PartialEq)]
pub(super) struct GivenUp {
    pub(super) notice: Notice,
    pub(super) reason: String,
    /// Whether the channel could be told until now.
    pub(super) is_first: bool,
    /// Whether it was told instead of another channel.
    pub(super) was_instead: bool,
}

fn reason_of(error: ExportError) -> String {
    match error {
        ExportError::Busy { reason, .. } | ExportError::Refused { reason } => reason,
        other => other.to_string(),
    }
}

impl Outbox {
    pub(super) const fn new(channel: Box<dyn Channel>) -> Self {
        Self { channel, waiting: VecDeque::new(), tries: 0, dead: false, next: None, told: VecDeque::new() }
    }

    pub(super) fn name(&self) -> &str {
        self.channel.name()
    }

    /// Queues a notice; gives back the oldest where there is no room.
    pub(super) fn put(&mut self, notice: Notice, instead: bool) -> Option<GivenUp> {
        self.waiting.push_back(Waiting { notice, instead });
        if self.waiting.len() > MOST_WAITING { self.give_up("too many wait".to_owned()) } else { None }
    }

    fn give_up(&mut self, reason: String) -> Option<GivenUp> {
        let Waiting { notice, instead } = self.waiting.pop_front()?;
        (self.tries, self.next) = (0, None);
        let is_first = !std::mem::replace(&mut self.dead, true);
        Some(GivenUp { notice, reason, is_first, was_instead: instead })
    }

    /// Tells what can be told now. Gives what was given up.
    pub(super) fn deliver(&mut self, now: Instant, from: &Resource, health: &Health) -> Vec<GivenUp> {
        let mut given_up = Vec::new();
        while self.next.is_none_or(|next| next <= now) && self.may_tell(now) {
            let Some(notice) = self.waiting.front() else { break };
            match self.channel.tell(&notice.notice, from) {
                Ok(()) => {
                    self.dead = false;
                    self.waiting.pop_front();
                    self.told.push_back(now);
                    (self.tries, self.next) = (0, None);
                }
                Err(ExportError::Busy { after, reason }) if self.tries + 1 < MOST_TRIES => {
                    self.tries += 1;
                    let doubled = FIRST_WAIT * 2_u32.saturating_pow(self.tries - 1);
                    self.next = Some(now + after.max(doubled).min(LONGEST_WAIT));
                    let name = self.channel.name();
                    health.warn(name, &format!("channel `{name}` is tried again: {reason}"));
                }
                Err(error) => {
                    given_up.extend(self.give_up(reason_of(error)));
                }
            }
        }
        given_up
    }

    /// What is left when there is no more time: each is offered once more.
    pub(super) fn end(&mut self, from: &Resource, health: &Health) {
        let channel = &mut self.channel;
        for Waiting { notice, .. } in self.waiting.drain(..) {
            if let Err(reason) = channel.tell(&notice, from).map_err(reason_of) {
                let name = channel.name();
                health.warn(
                    &format!("{name} at the end"),
                    &format!("channel `{name}` was not told that {}: {reason}", message::line(&notice)),
                );
            }
        }
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        while self.told.front().is_some_and(|told| now.saturating_duration_since(*told) >= MINUTE) {
            self.told.pop_front();
        }
        self.told.len() < MOST_A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::super::Alerts;
    use super::*;
    use jobmon_core::{Alert, AlertWatch, Recent, Timestamp};
    use std::sync::{Arc, Mutex};

    /// Answers as its script says, the last line again and again, and keeps what it was told.
    #[derive(Clone)]
    struct Scripted {
        name: &'static str,
        script: Arc<Mutex<VecDeque<Result<(), ExportError>>>>,
        told: Arc<Mutex<Vec<Notice>>>,
    }

    fn busy() -> Result<(), ExportError> {
        Err(ExportError::Busy { after: Duration::ZERO, reason: "is away".to_owned() })
    }

    impl Scripted {
        fn new(name: &'static str, script: impl IntoIterator<Item = Result<(), ExportError>>) -> Self {
            Self { name, script: Arc::new(Mutex::new(script.into_iter().collect())), told: Arc::default() }
        }

        fn told(&self) -> Vec<String> {
            let told = self.told.lock().expect("no panic");
            told.iter()
                .map(|notice| {
                    format!("{} {}", message::line(notice), notice.summary.as_deref().unwrap_or(""))
                })
                .collect()
        }
    }

    impl Channel for Scripted {
        fn name(&self) -> &'static str {
            self.name
        }
        fn tell(&mut self, notice: &Notice, _: &Resource) -> Result<(), ExportError> {
            let mut script = self.script.lock().expect("no panic");
            let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
            let answer = answer.unwrap_or(Ok(()));
            if answer.is_ok() {
                self.told.lock().expect("no panic").push(notice.clone());
            }
            answer
        }
    }

    fn notice(name: &str) -> Notice {
        let alert = Alert::new(jobmon_core::Text::copied(name), "calls == 0");
        let mut watch = AlertWatch::new([alert]).expect("complete");
        watch.look(&Recent::default(), Timestamp::now()).expect("answers").remove(0)
    }

    #[test]
    fn a_channel_that_is_away_is_tried_again_later_and_later() {
        let channel = Scripted::new("a", [busy(), busy(), Ok(())]);
        let mut outbox = Outbox::new(Box::new(channel.clone()));
        let (start, from, health) = (Instant::now(), Resource::default(), Health::alone("alerts"));
        assert_eq!(outbox.put(notice("x"), false), None);
        let at = |millis: u64| start + Duration::from_millis(millis);
        for (millis, told) in [(0, 0), (900, 0), (1_000, 0), (2_900, 0), (3_000, 1), (9_000, 1)] {
            assert_eq!(outbox.deliver(at(millis), &from, &health), []);
            assert_eq!(channel.told().len(), told, "after {millis} ms");
        }
    }

    #[test]
    fn a_channel_that_stays_away_is_given_up_and_no_channel_is_flooded() {
        let mut outbox = Outbox::new(Box::new(Scripted::new("a", [busy()])));
        let (start, from, health) = (Instant::now(), Resource::default(), Health::alone("alerts"));
        for name in ["x", "y"] {
            assert_eq!(outbox.put(notice(name), false), None);
        }
        let minutes =
            (0..40).flat_map(|n| outbox.deliver(start + Duration::from_secs(30 * n), &from, &health));
        let given_up: Vec<_> =
            minutes.map(|up| (up.notice.alert.to_string(), up.reason, up.is_first)).collect();
        let expected =
            [("x", true), ("y", false)].map(|(name, first)| (name.to_owned(), "is away".to_owned(), first));
        assert_eq!(given_up, expected);

        let channel = Scripted::new("b", [Ok(())]);
        let mut outbox = Outbox::new(Box::new(channel.clone()));
        let dropped = (0..150).filter_map(|n| outbox.put(notice(&n.to_string()), false)).count();
        assert_eq!(dropped, 50);
        outbox.deliver(start, &from, &health);
        assert_eq!(channel.told().len(), MOST_A_MINUTE);
        outbox.deliver(start + Duration::from_secs(59), &from, &health);
        assert_eq!(channel.told().len(), MOST_A_MINUTE);
        outbox.deliver(start + MINUTE, &from, &health);
        assert_eq!(channel.told().len(), 2 * MOST_A_MINUTE);
        outbox.end(&from, &health);
        assert_eq!(channel.told().len(), 100);
    }

    #[test]
    fn a_dead_channel_is_told_of_by_the_others_once() {
        let refused = || Err(ExportError::Refused { reason: "404".to_owned() });
        let (dead, other) = (Scripted::new("dead", [refused()]), Scripted::new("other", [Ok(())]));
        let alert = |name: &'static str| Alert::new(name, "calls == 0").channels(["dead"]);
        let channels: Vec<Box<dyn Channel>> = vec![Box::new(dead), Box::new(other.clone())];
        let mut alerts =
            Alerts::new(vec![alert("x"), Alert::new("y", "calls == 0")], channels, None).expect("complete");
        alerts.look();
        alerts.deliver();
        alerts.deliver();
        let told = other.told();
        assert_eq!(
            told,
            [
                "y fires: calls 0 ",
                "Dead channel dead fires: calls 0 Channel `dead` was not told that x fires: calls 0: 404"
            ],
            "`y` was told to both, so it is not told again"
        );

        // Two that are dead do not send each other round in circles.
        let both: Vec<Box<dyn Channel>> =
            vec![Box::new(Scripted::new("a", [refused()])), Box::new(Scripted::new("b", [refused()]))];
        let mut alerts =
            Alerts::new(vec![Alert::new("x", "calls == 0").channels(["a"])], both, None).expect("complete");
        alerts.look();
        (0..5).for_each(|_| alerts.deliver());
        assert!(alerts.outboxes.iter().all(|outbox| outbox.waiting.is_empty()));
    }

    #[test]
    fn channels_that_are_not_there_are_told() {
        let alert = Alert::new("x", "calls == 0").channels(["slak"]);
        let channels: Vec<Box<dyn Channel>> = vec![Box::new(Scripted::new("slack", []))];
        let error = Alerts::new(vec![alert], channels, None).err().expect("unknown").to_string();
        assert_eq!(error, "alert `x` tells channel `slak`, which is not there; there are: slack");
    }
}
