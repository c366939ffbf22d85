//! [`AlertWatch`]: looks at alerts from time to time, and says what has changed.

use super::condition::{Comparison, Function};
use super::figure::{self, Figures as OfGroups, Sums};
use super::rule::{Alert, AlertError, NoData};
use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::measure::Quantity;
use crate::query::{Bucket, Engine, Filter, Query, QueryError, Range};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Nanoseconds.
const HOUR: i64 = 3_600_000_000_000;
/// Groups of one alert that are told apart; further ones are not looked at, and that is told once.
const MOST_GROUPS: usize = 1_000;

/// What has become of one group of an alert.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// The alert.
    pub alert: Text,
    /// What happened.
    pub kind: NoticeKind,
    /// The group: a value for each dimension that the alert looks at.
    pub group: Vec<(Dimension, Option<Text>)>,
    /// When it was found out.
    pub at: Timestamp,
    /// Since when the condition holds, or held.
    pub since: Timestamp,
    /// The condition.
    pub condition: Text,
    /// Each figure that it looked at, by how it is written.
    pub figures: Vec<(Text, Option<Quantity>)>,
    /// What it means, where the alert says so.
    pub summary: Option<Text>,
    /// Who is to be told; nobody in particular is everybody.
    pub channels: Vec<Text>,
    /// Whether it is silenced, so that nobody is told.
    pub silent: bool,
}

/// A group of an alert that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Firing {
    /// The alert.
    pub alert: Text,
    /// The group: a value for each dimension that the alert looks at.
    pub group: Vec<(Dimension, Option<Text>)>,
    /// Since when its condition holds.
    pub since: Timestamp,
}

crate::words::words! {
    /// What happened to a group of an alert.
    enum NoticeKind, "kind of notice" {
        Firing "firing" "The condition holds, and has held for long enough."
        Still "still" "It goes on firing, and it is time to say so once more."
        Resolved "resolved" "The condition holds no longer."
    }
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending { since: Timestamp },
    Firing { since: Timestamp, told: Timestamp },
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

    /// What fires now.
    pub fn firing(&self) -> Vec<Firing> {
        let firing = self.states.iter().filter_map(|((at, key), state)| {
            let State::Firing { since, .. } = state else { return None };
            let alert = &self.alerts[*at];
            Some(Firing { alert: alert.name.clone(), group: group(&alert.by, key), since: *since })
        });
        firing.collect()
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
        for (at, alert) in self.alerts.iter().enumerate() {
            let figures = Figures::of(alert, engine, now)?;
            let known = self.states.keys().filter(|(known, _)| *known == at).map(|(_, key)| key.clone());
            let groups: BTreeSet<Key> = figures.groups.iter().cloned().chain(known).collect();
            for key in groups.into_iter().take(MOST_GROUPS) {
                let place = (at, key);
                let state = self.states.get(&place).copied();
                let (state, news) = step(alert, state, figures.holds(alert, &place.1), now);
                if let Some((kind, since)) = news {
                    notices.push(notice(alert, &figures, &place.1, kind, (now, since)));
                }
                match state {
                    Some(state) => _ = self.states.insert(place, state),
                    None => _ = self.states.remove(&place),
                }
            }
        }
        Ok(notices)
    }
}

fn notice(
    alert: &Alert,
    figures: &Figures<'_>,
    key: &Key,
    kind: NoticeKind,
    (at, since): (Timestamp, Timestamp),
) -> Notice {
    Notice {
        alert: alert.name.clone(),
        kind,
        group: group(&alert.by, key),
        at,
        since,
        condition: alert.condition().map_or(Text::literal(""), |it| Text::from(it.to_string())),
        figures: figures.told(key),
        summary: alert.summary.clone(),
        channels: alert.channels.clone(),
        silent: alert.silent_until.is_some_and(|until| at < until),
    }
}

/// What becomes of a group, and what there is to say of it: since when that was coming.
fn step(
    alert: &Alert,
    state: Option<State>,
    holds: Option<bool>,
    now: Timestamp,
) -> (Option<State>, Option<(NoticeKind, Timestamp)>) {
    let holds = match (holds, alert.no_data) {
        (Some(holds), _) => holds,
        (None, NoData::Ok) => false,
        (None, NoData::Fire) => true,
        (None, NoData::Keep) => state.is_some(),
    };
    match (state, holds) {
        (None | Some(State::Pending { .. }), false) => (None, None),
        (Some(State::Firing { since, .. }), false) => (None, Some((NoticeKind::Resolved, since))),
        (Some(State::Firing { since, told }), true) => {
            if alert.repeat.is_zero() || elapsed(told, now) < alert.repeat {
                return (state, None);
            }
            (Some(State::Firing { since, told: now }), Some((NoticeKind::Still, since)))
        }
        (before, true) => {
            let since = if let Some(State::Pending { since }) = before { since } else { now };
            if elapsed(since, now) < alert.hold {
                return (Some(State::Pending { since }), None);
            }
            (Some(State::Firing { since, told: now }), Some((NoticeKind::Firing, since)))
        }
    }
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(now.nanos().saturating_sub(since.nanos())).unwrap_or(0))
}

fn group(by: &[Dimension], key: &Key) -> Vec<(Dimension, Option<Text>)> {
    by.iter().map(|dimension| (*dimension, key.get(*dimension).cloned())).collect()
}

/// The figures of one alert at one moment.
struct Figures<'a> {
    comparisons: Vec<(&'a Comparison, OfGroups)>,
    /// What a group without any event has.
    nothing: Vec<Option<Quantity>>,
    calls: BTreeMap<Key, u64>,
    groups: BTreeSet<Key>,
}

impl<'a> Figures<'a> {
    fn of(alert: &'a Alert, engine: &dyn Engine, now: Timestamp) -> Result<Self, QueryError> {
        let window = nanos(alert.window);
        let query = |range: Range, filters: &[Filter]| {
            let mut query = Query::new([]).by(alert.by.iter().copied()).range(range);
            query.filters = filters.to_vec();
            query
        };
        let ask = |range: Range, filters: &[Filter]| {
            let sums = query(range, filters).aggregate(engine)?;
            Ok::<_, QueryError>(sums.into_iter().map(|((_, key), sum)| (key, sum)).collect::<Sums>())
        };
        let last = |end: i64| Range {
            since: Timestamp::from_nanos(end.saturating_sub(window)),
            until: Timestamp::from_nanos(end),
        };
        let all = ask(last(now.nanos()), &[])?;
        let mut comparisons = Vec::new();
        for comparison in alert.condition().into_iter().flat_map(|condition| condition.comparisons()) {
            let filters = &comparison.filters;
            let past = |end: i64| ask(last(end), filters);
            let figures = match comparison.function {
                Function::Value => figure::values(comparison.measure, &past(now.nanos())?),
                Function::Change => figure::changes(
                    comparison.measure,
                    &past(now.nanos())?,
                    &past(now.nanos().saturating_sub(window))?,
                ),
                Function::Anomaly => {
                    // Whole hours: sums of the past are kept by these.
                    let hours = window.saturating_add(HOUR - 1).div_euclid(HOUR).saturating_mul(HOUR);
                    let mut hours_before = |end: i64| {
                        let since = Timestamp::from_nanos(end.saturating_sub(hours));
                        ask(Range { since, until: Timestamp::from_nanos(end) }, filters)
                    };
                    figure::anomalies(comparison.measure, now.hour(), &mut hours_before)?
                }
                Function::Forecast => {
                    let month = figure::month(now);
                    let so_far = ask(Range { since: month.since, until: now }, filters)?;
                    let days =
                        query(figure::days_before(now), filters).bucket(Bucket::Day).aggregate(engine)?;
                    figure::forecasts(comparison.measure, &so_far, &days, month, now)
                }
            };
            comparisons.push((comparison, figures));
        }
        let mut groups: BTreeSet<Key> = all.keys().cloned().collect();
        if alert.by.is_empty() {
            groups.insert(Key::default());
        }
        let nothing = comparisons.iter().map(|(comparison, _)| match comparison.function {
            Function::Value => comparison.measure.of(&Aggregate::default()),
            _ => None,
        });
        let nothing = nothing.collect();
        let calls = all.iter().map(|(key, sum)| (key.clone(), sum.calls)).collect();
        Ok(Self { comparisons, nothing, calls, groups })
    }

    fn figure(&self, at: usize, key: &Key) -> Option<Quantity> {
        self.comparisons[at].1.get(key).copied().unwrap_or(self.nothing[at])
    }

    /// Whether the condition holds for a group; `None` where that cannot be told.
    fn holds(&self, alert: &Alert, key: &Key) -> Option<bool> {
        if self.calls.get(key).copied().unwrap_or(0) < alert.min_calls {
            return None;
        }
        let mut at = 0;
        let condition = alert.condition().ok()?;
        condition.holds(&mut |comparison| {
            let figure = self.figure(at, key);
            at += 1;
            comparison.holds(figure)
        })
    }

    fn told(&self, key: &Key) -> Vec<(Text, Option<Quantity>)> {
        let told = self.comparisons.iter().enumerate();
        told.map(|(at, (comparison, _))| (Text::from(comparison.subject()), self.figure(at, key))).collect()
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Recent;
    use crate::{
        Answer, CallId, CallRecord, Cost, End, Event, Operation, PricedAnswer, Resource, SpanId, TraceId,
        Usage, Usd,
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
        assert_eq!(watch.firing().len(), 1);
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
