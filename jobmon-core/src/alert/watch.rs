//! [`AlertWatch`]: looks at alerts from time to time, and says what has changed.

use super::look::{self, Look};
use super::notice::{AlertState, Notice, NoticeKind};
use super::recent::Recent;
use super::rule::{Alert, AlertError, NoData};
use crate::dimension::{Dimension, Key};
use crate::query::{Engine, QueryError};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Groups of one alert that are told apart; further ones are not looked at.
const MOST_GROUPS: usize = 1_000;

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending { since: Timestamp },
    Firing { since: Timestamp, told: Timestamp, heard: bool },
}

/// Looks at alerts, and remembers which of them fire.
///
/// ```
/// use jobmon_core::{Alert, AlertWatch, Memory, Timestamp};
///
/// let mut watch = AlertWatch::new([Alert::new("errors", "error_rate > 5%")])?;
/// assert_eq!(watch.look(&Memory::default(), Timestamp::now()).unwrap(), []);
/// # Ok::<(), jobmon_core::AlertError>(())
/// ```
#[derive(Debug, Default)]
pub struct AlertWatch {
    alerts: Vec<Alert>,
    states: BTreeMap<(usize, Key), State>,
    silenced: BTreeMap<Text, Timestamp>,
    crowded: BTreeSet<usize>,
}

impl AlertWatch {
    /// Watches alerts.
    ///
    /// # Errors
    /// When one cannot work, or two have the same name.
    pub fn new(alerts: impl IntoIterator<Item = Alert>) -> Result<Self, AlertError> {
        let mut watch = Self::default();
        for alert in alerts {
            alert.check()?;
            if watch.alerts.iter().any(|known| known.name == alert.name) {
                let problem = "is there twice; give each a name of its own".to_owned();
                return Err(AlertError { alert: alert.name, key: "name", problem });
            }
            watch.alerts.push(alert);
        }
        Ok(watch)
    }

    /// The alerts.
    pub fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// How far back they look: what happened before need not be known.
    pub fn past(&self) -> Duration {
        self.alerts.iter().map(look::past).max().unwrap_or_default()
    }

    /// Sums that are kept for as long and told apart by as much as these alerts need.
    pub fn recent(&self) -> Recent {
        let asked = self.alerts.iter().flat_map(look::dimensions);
        Recent::keeping(self.past(), asked.filter(|dimension| !Dimension::ROLLUP.contains(dimension)))
    }

    /// Where they stand: each group whose condition holds.
    pub fn states(&self) -> Vec<AlertState> {
        let state = |((at, key), state): (&(usize, Key), &State)| {
            let alert = &self.alerts[*at];
            let (since, told, heard) = match *state {
                State::Pending { since } => (since, None, false),
                State::Firing { since, told, heard } => (since, Some(told), heard),
            };
            AlertState { alert: alert.name.clone(), group: group(&alert.by, key), since, told, heard }
        };
        self.states.iter().map(state).collect()
    }

    /// Goes on from where they stood before. What is no group of an alert of this name any more is left out.
    pub fn resume(&mut self, states: impl IntoIterator<Item = AlertState>) {
        for AlertState { alert, group, since, told, heard } in states {
            let Some(at) = self.alerts.iter().position(|known| known.name == alert) else { continue };
            if !group.iter().map(|(dimension, _)| dimension).eq(&self.alerts[at].by) {
                continue;
            }
            let mut key = Key::default();
            group.into_iter().for_each(|(dimension, value)| key.set(dimension, value));
            let state = match told {
                Some(told) => State::Firing { since, told, heard },
                None => State::Pending { since },
            };
            self.states.insert((at, key), state);
        }
    }

    /// Silences alerts, by their names, up to a moment each, beside those that are by themselves; instead of what this was
    /// called with before.
    pub fn silence(&mut self, until: BTreeMap<Text, Timestamp>) {
        self.silenced = until;
    }

    /// Alerts that had more groups than can be looked at: those beyond a thousand, in the order of their values, were not.
    pub fn crowded(&self) -> impl Iterator<Item = &Text> {
        self.crowded.iter().map(|at| &self.alerts[*at].name)
    }

    /// Looks at all alerts once, and says what has changed since it looked last.
    ///
    /// # Errors
    /// When the engine cannot answer. What was found until then is lost, and found again next time.
    ///
    /// # Cost
    /// Some queries for each alert; one with `anomaly` asks for each of 28 days.
    pub fn look(&mut self, engine: &dyn Engine, now: Timestamp) -> Result<Vec<Notice>, QueryError> {
        let mut notices = Vec::new();
        let mut states = BTreeMap::new();
        for (at, alert) in self.alerts.iter().enumerate() {
            let look = Look::at(alert, engine, now)?;
            // Those that are known first: what fires must be resolved some day.
            let known = self.states.keys().filter(|(known, _)| *known == at).map(|(_, key)| key);
            let known: BTreeSet<&Key> = known.collect();
            let new = look.groups.iter().filter(|key| !known.contains(key));
            let all = known.len() + new.clone().count();
            if all > MOST_GROUPS {
                self.crowded.insert(at);
            } else {
                self.crowded.remove(&at);
            }
            let silences = [alert.silent_until, self.silenced.get(&alert.name).copied()];
            let silent = silences.into_iter().flatten().any(|until| now < until);
            for key in known.iter().copied().chain(new).take(MOST_GROUPS) {
                let place = (at, key.clone());
                let before = self.states.get(&place).copied();
                let (state, news) = step(alert, before, look.holds(alert, key), (now, silent));
                if let Some((kind, since)) = news {
                    let unheard = matches!(before, Some(State::Firing { heard: false, .. }));
                    let silent = silent || (kind == NoticeKind::Resolved && unheard);
                    let condition =
                        alert.condition().map_or(Text::literal(""), |it| Text::from(it.to_string()));
                    notices.push(Notice {
                        alert: alert.name.clone(),
                        kind,
                        group: group(&alert.by, key),
                        at: now,
                        since,
                        condition,
                        figures: look.told(key),
                        summary: alert.summary.clone(),
                        channels: alert.channels.clone(),
                        silent,
                    });
                }
                if let Some(state) = state {
                    states.insert(place, state);
                }
            }
        }
        self.states = states;
        Ok(notices)
    }
}

/// What becomes of a group, and what there is to say of it: since when that was coming.
fn step(
    alert: &Alert,
    state: Option<State>,
    holds: Option<bool>,
    (now, silent): (Timestamp, bool),
) -> (Option<State>, Option<(NoticeKind, Timestamp)>) {
    let holds = match (holds, alert.no_data) {
        (Some(holds), _) => holds,
        (None, NoData::Ok) => false,
        (None, NoData::Fire) => true,
        (None, NoData::Keep) => state.is_some(),
    };
    let fires = |since, kind, heard| (Some(State::Firing { since, told: now, heard }), Some((kind, since)));
    match (state, holds) {
        (None | Some(State::Pending { .. }), false) => (None, None),
        (Some(State::Firing { since, .. }), false) => (None, Some((NoticeKind::Resolved, since))),
        // It was silent when it began.
        (Some(State::Firing { since, heard: false, .. }), true) if !silent => {
            fires(since, NoticeKind::Firing, true)
        }
        (Some(State::Firing { since, told, heard }), true) => {
            if alert.repeat.is_zero() || elapsed(told, now) < alert.repeat {
                return (state, None);
            }
            fires(since, NoticeKind::Still, heard)
        }
        (before, true) => {
            let since = if let Some(State::Pending { since }) = before { since } else { now };
            if elapsed(since, now) < alert.hold {
                return (Some(State::Pending { since }), None);
            }
            fires(since, NoticeKind::Firing, !silent)
        }
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(now.nanos().saturating_sub(since.nanos())).unwrap_or(0))
}

fn group(by: &[Dimension], key: &Key) -> Vec<(Dimension, Option<Text>)> {
    by.iter().map(|dimension| (*dimension, key.get(*dimension).cloned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Recent;
    use crate::{
        Answer, CallId, CallRecord, Cost, End, Event, Operation, PricedAnswer, Quantity, Resource, SpanId,
        TraceId, Usage, Usd,
    };

    const SECOND: i64 = 1_000_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const DAY: i64 = 86_400 * SECOND;
    /// 2026-11-24T00:00:00Z.
    const START: i64 = 1_795_478_400 * SECOND;

    fn call(at: i64, feature: &'static str, end: End, dollars: i64) -> Event {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, Timestamp::from_nanos(at));
        call.scope.feature = Some(Text::literal(feature));
        call.end = end;
        let cost = Cost::Known(Usd::from_dollars(dollars));
        call.answers = vec![PricedAnswer::new(Answer::from(Usage::new(1, 1)), 1, cost)];
        call.cost = Some(cost);
        Event::Call(Box::new(call))
    }

    /// What an alert says while calls come in: at each minute, in words.
    fn told(alert: Alert, minutes: i64, calls: impl Fn(i64) -> Vec<(&'static str, End, i64)>) -> Vec<String> {
        let mut watch = AlertWatch::new([alert]).expect("complete");
        let mut recent = Recent::default();
        let mut told = Vec::new();
        for minute in 0..minutes {
            let at = START + minute * MINUTE;
            for (feature, end, dollars) in calls(minute) {
                recent.add(&Resource::default(), &call(at, feature, end, dollars));
            }
            let notices = watch.look(&recent, Timestamp::from_nanos(at + MINUTE)).expect("answers");
            told.extend(notices.into_iter().map(|notice| {
                let group: Vec<_> = notice.group.iter().filter_map(|(_, value)| value.as_deref()).collect();
                let since = (notice.since.nanos() - START) / MINUTE;
                format!("{} {} {} since {since}", minute + 1, group.join(","), notice.kind)
            }));
        }
        told
    }

    fn minutes(n: u64) -> Duration {
        Duration::from_secs(60 * n)
    }

    #[test]
    fn groups_fire_after_their_time_repeat_and_are_resolved_each_by_itself() {
        let alert = Alert::new("errors", "error_rate > 50%")
            .window(minutes(2))
            .by([Dimension::Feature])
            .hold(minutes(2))
            .repeat(minutes(4));
        // `a` fails from minute 3 to 12, `b` for two minutes, which is too short.
        let calls = |minute| {
            let a = if (3..12).contains(&minute) { End::Error } else { End::Ok };
            let b = if minute == 5 { End::Error } else { End::Ok };
            vec![("a", a, 0), ("b", b, 0)]
        };
        assert_eq!(
            told(alert, 20, calls),
            ["7 a firing since 5", "11 a still since 5", "13 a resolved since 5"]
        );
    }

    #[test]
    fn what_cannot_be_told_is_treated_as_the_alert_says() {
        let quiet = |minute| if (2..6).contains(&minute) { vec![] } else { vec![("a", End::Ok, 0)] };
        let alert = |no_data| Alert::new("rate", "success_rate < 90%").window(minutes(1)).no_data(no_data);
        assert_eq!(told(alert(NoData::Ok), 9, quiet), [""; 0]);
        assert_eq!(told(alert(NoData::Fire), 9, quiet), ["3  firing since 3", "7  resolved since 3"]);
        let failing = |minute| if minute == 1 { vec![("a", End::Error, 0)] } else { vec![] };
        assert_eq!(told(alert(NoData::Keep), 6, failing), ["2  firing since 2"]);
        assert_eq!(told(alert(NoData::Ok), 6, failing), ["2  firing since 2", "3  resolved since 2"]);
        // Without any event there is one group, whose counts are zero.
        let silence = Alert::new("silence", "calls == 0").window(minutes(1));
        assert_eq!(told(silence, 4, |_| vec![]), ["1  firing since 1"]);
    }

    #[test]
    fn few_calls_do_not_count_and_silence_is_marked() {
        let calls = |minute| vec![("a", End::Error, 0); if minute == 2 { 20 } else { 1 }];
        let alert = Alert::new("errors", "error_rate > 5%").window(minutes(1)).min_calls(20);
        assert_eq!(told(alert, 5, calls), ["3  firing since 3", "4  resolved since 3"]);

        let until = Timestamp::from_nanos(START + DAY);
        let alert = Alert::new("calls", "calls > 0").silent_until(until).channels(["slack"]);
        let mut watch = AlertWatch::new([alert]).expect("complete");
        let mut recent = Recent::default();
        recent.add(&Resource::default(), &call(START, "a", End::Ok, 0));
        let notices = watch.look(&recent, Timestamp::from_nanos(START + SECOND)).expect("answers");
        assert!(notices[0].silent && notices[0].channels == ["slack"]);
        assert_eq!(notices[0].figures, [(Text::literal("calls"), Some(Quantity::Count(1)))]);
        assert_eq!(watch.states().len(), 1);
    }

    /// What an alert says at minutes while calls go on as they do, with something done to the watch before one of them.
    fn heard(alert: Alert, minutes: i64, mut between: impl FnMut(i64, &mut AlertWatch)) -> Vec<String> {
        let mut watch = AlertWatch::new([alert]).expect("complete");
        let mut recent = watch.recent();
        let mut heard = Vec::new();
        for minute in 1..=minutes {
            let at = START + minute * MINUTE;
            let end = if minute < 8 { End::Error } else { End::Ok };
            recent.add(&Resource::default(), &call(at - SECOND, "a", end, 0));
            between(minute, &mut watch);
            let notices = watch.look(&recent, Timestamp::from_nanos(at)).expect("answers");
            let notices = notices.into_iter().filter(|notice| !notice.silent);
            heard.extend(notices.map(|notice| {
                format!("{minute} {} since {}", notice.kind, (notice.since.nanos() - START) / MINUTE)
            }));
        }
        heard
    }

    #[test]
    fn what_fires_when_a_silence_ends_is_told_and_what_nobody_heard_of_is_not_resolved() {
        let errors = || Alert::new("errors", "error_rate > 50%").window(minutes(1));
        let until = |minute: i64| {
            BTreeMap::from([(Text::literal("errors"), Timestamp::from_nanos(START + minute * MINUTE))])
        };
        let silence = |end: i64| {
            move |minute, watch: &mut AlertWatch| {
                if minute == 1 {
                    watch.silence(until(end));
                }
            }
        };
        assert_eq!(heard(errors(), 10, |_, _| ()), ["1 firing since 1", "8 resolved since 1"]);
        assert_eq!(heard(errors(), 10, silence(4)), ["4 firing since 1", "8 resolved since 1"]);
        assert_eq!(heard(errors(), 10, silence(20)), [""; 0]);
        // Its end was while it was silent, and comes when it was silent again.
        assert_eq!(heard(errors(), 10, silence(8)), [""; 0]);
        // Silenced when it was known already, and not any more.
        let on_and_off = |minute, watch: &mut AlertWatch| match minute {
            3 => watch.silence(until(20)),
            5 => watch.silence(BTreeMap::new()),
            _ => (),
        };
        assert_eq!(heard(errors(), 10, on_and_off), ["1 firing since 1", "8 resolved since 1"]);
        let other = |_, watch: &mut AlertWatch| {
            watch.silence(BTreeMap::from([(Text::literal("else"), Timestamp::MAX)]));
        };
        assert_eq!(heard(errors(), 2, other), ["1 firing since 1"]);
    }

    #[test]
    fn a_watch_that_goes_on_from_states_says_what_one_says_that_never_ended() {
        let errors = || {
            let errors = Alert::new("errors", "error_rate > 50%").window(minutes(1)).hold(minutes(2));
            errors.by([Dimension::Feature]).repeat(minutes(3))
        };
        let all = heard(errors(), 12, |_, _| ());
        assert_eq!(all, ["3 firing since 1", "6 still since 1", "8 resolved since 1"]);
        for moment in 1..=12 {
            let restart = |minute, watch: &mut AlertWatch| {
                if minute == moment {
                    let states = watch.states();
                    *watch =
                        AlertWatch::new([Alert::new("another", "calls > 1k"), errors()]).expect("complete");
                    watch.resume(states);
                }
            };
            assert_eq!(heard(errors(), 12, restart), all, "a restart before minute {moment}");
        }
        // What is no group of it any more is forgotten.
        let state = AlertState {
            alert: Text::literal("errors"),
            group: vec![],
            since: Timestamp::from_nanos(START),
            told: None,
            heard: false,
        };
        let mut watch = AlertWatch::new([errors()]).expect("complete");
        watch.resume([state.clone(), AlertState { alert: Text::literal("gone"), ..state }]);
        assert_eq!(watch.states(), []);
    }

    #[test]
    fn users_are_looked_at_apart_and_too_many_groups_are_said() {
        let by_user = Alert::new("one user", "calls > 10").window(minutes(10)).by([Dimension::User]);
        let plain = Alert::new("all", "calls > 10k");
        let mut watch = AlertWatch::new([by_user, plain.clone()]).expect("complete");
        let mut recent = watch.recent();
        let mut of_user = |user: String, at: i64| {
            let Event::Call(mut call) = call(START + at * SECOND, "a", End::Ok, 0) else { unreachable!() };
            call.scope.user = Some(Text::from(user));
            recent.add(&Resource::default(), &Event::Call(call));
        };
        (0..300).for_each(|at| of_user(if at % 20 == 0 { "anna".to_owned() } else { format!("u{at}") }, at));
        let now = Timestamp::from_nanos(START + 300 * SECOND);
        let notices = watch.look(&recent, now).expect("answers");
        let groups: Vec<_> = notices.iter().map(|notice| &notice.group[..]).collect();
        assert_eq!(groups, [[(Dimension::User, Some(Text::literal("anna")))]]);
        assert_eq!(watch.crowded().count(), 0);
        let mut of_user = |at: i64| {
            let Event::Call(mut call) = call(START + at / 4 * SECOND, "a", End::Ok, 0) else {
                unreachable!()
            };
            call.scope.user = Some(Text::from(format!("v{at}")));
            recent.add(&Resource::default(), &Event::Call(call));
        };
        (0..1_200).for_each(&mut of_user);
        assert_eq!(watch.look(&recent, now).expect("answers"), []);
        assert_eq!(watch.crowded().collect::<Vec<_>>(), ["one user"]);
        // Who was known is still looked at.
        assert_eq!(watch.states().len(), 1);

        // Where no alert asks for users, none are kept, and asking for them is an error.
        let mut watch = AlertWatch::new([plain]).expect("complete");
        let query = crate::Query::new([]).by([Dimension::User]);
        let error = query.run(&watch.recent()).expect_err("not kept").to_string();
        assert_eq!(error, "`user` is told apart where an alert asks for it");
        assert_eq!(watch.look(&watch.recent(), now).expect("answers"), []);
    }

    /// Ten calls an hour of `a`, each at a dollar; today, from an hour on, at so much.
    fn weeks(today: i64) -> Recent {
        let mut recent = Recent::default();
        for tenth in 0..28 * 240 + 120 {
            let at = START - 28 * DAY + tenth * 6 * MINUTE;
            // A little variation, as in life.
            let usual = 10 + i64::from(tenth % 7 == 0);
            let dollars = if at >= START + 11 * 60 * MINUTE { today } else { usual };
            recent.add(&Resource::default(), &call(at, "a", End::Ok, dollars));
        }
        recent
    }

    #[test]
    fn anomalies_changes_and_forecasts_are_found_and_usual_days_are_none() {
        let now = Timestamp::from_nanos(START + 12 * 60 * MINUTE);
        let hour = minutes(60);
        let fires = |condition: &str, today| {
            let mut watch = AlertWatch::new([Alert::new("a", condition).window(hour)]).expect(condition);
            !watch.look(&weeks(today), now).expect("answers").is_empty()
        };
        for condition in ["anomaly(cost) > 4", "change(cost) > 50%"] {
            assert!(!fires(condition, 10), "{condition}");
            assert!(fires(condition, 30), "{condition}");
        }
        // About $2,440 a day: the month has 30 days.
        assert!(fires("forecast(cost) > $70000", 10) && !fires("forecast(cost) > $76000", 10));
        // No past, no anomaly.
        let mut watch =
            AlertWatch::new([Alert::new("a", "anomaly(cost) > 4").window(hour)]).expect("complete");
        let mut recent = Recent::default();
        recent.add(&Resource::default(), &call(now.nanos() - SECOND, "a", End::Ok, 1_000));
        assert_eq!(watch.look(&recent, now).expect("answers"), []);
    }

    #[test]
    fn alerts_need_names_of_their_own() {
        let twice = [Alert::new("a", "calls > 1"), Alert::new("a", "calls > 2")];
        let error = AlertWatch::new(twice).expect_err("twice").to_string();
        assert_eq!(error, "alert `a` is there twice; give each a name of its own");
    }
}
