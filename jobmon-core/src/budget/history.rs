//! [`Budgets`]: what a history tells the budgets of a monitor.

use super::amount::Amount;
use super::book::{Book, Entry, Spent, Work};
use super::counter::Counter;
use super::definition::{Only, Unpriced};
use super::status::BudgetStatus;
use super::window::Window;
use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::event::Event;
use crate::query::{Engine, Filter, Query, QueryError, Range};
use crate::settings::Settings;
use crate::text::Text;
use crate::time::Timestamp;
use crate::warning::Warnings;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A call that began this long before a window and ended in it still counts when a monitor starts.
const LONGEST_CALL: Duration = Duration::from_secs(3_600);

/// The budgets of a monitor, for an exporter whose history tells what was spent before and what other processes spend.
/// Given by [`Exporter::budgets`](crate::Exporter::budgets).
#[derive(Clone, Debug)]
pub struct Budgets(Arc<Book>);

impl Budgets {
    /// None where there is nothing to tell.
    pub(crate) fn of(book: &Arc<Book>) -> Option<Self> {
        (!book.is_empty()).then(|| Self(Arc::clone(book)))
    }

    /// How much of each budget of some settings is left now, by what a history has; what it does not have is not counted.
    ///
    /// ```
    /// use jobmon_core::{Budget, Budgets, Memory, Settings};
    ///
    /// let mut settings = Settings::default();
    /// settings.budgets = vec![Budget::new("all").total().limit("$5").per_day()];
    /// let left = Budgets::left(&settings, &Memory::default())?;
    /// assert_eq!(left[0].remaining().to_string(), "$5.00");
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// When a budget cannot work, or the history cannot be read.
    pub fn left(settings: &Settings, history: &dyn Engine) -> Result<Vec<BudgetStatus>, String> {
        let now = Timestamp::now();
        let mut settings = settings.clone();
        // What is only looked at warns nobody.
        settings.warnings = Warnings::to(|_| {});
        let budgets = Self(Arc::new(Book::new(&settings, now).map_err(|error| error.to_string())?));
        let events_from = budgets.seed(history).map_err(|error| error.to_string())?;
        if let Some(since) = events_from {
            let range = Range { since, until: Timestamp::MAX };
            let spent = history.events(range, &mut |_, event| budgets.spent_before(event));
            spent.map_err(|error| error.to_string())?;
        }
        Ok(budgets.0.statuses(now))
    }

    /// Whether the exporter that asks is the first: of several histories one tells, so that nothing is counted twice.
    pub fn claim(&self) -> bool {
        !self.0.claimed.swap(true, Relaxed)
    }

    /// Counts what was spent in the current windows before this monitor started, as far as sums tell it: for budgets of
    /// calendar windows in total, by feature or by model. Gives the time from which single events are needed for the
    /// others, to be told by [`Budgets::spent_before`].
    ///
    /// # Errors
    /// When the sums cannot be read.
    pub fn seed(&self, sums: &dyn Engine) -> Result<Option<Timestamp>, QueryError> {
        let now = Timestamp::now();
        let mut events_from: Option<Timestamp> = None;
        for entry in &self.0.entries {
            let (since, until) = (entry.rule.window.since(now), entry.rule.window.until(now));
            if !entry.is_in_sums() {
                let since = since.minus(LONGEST_CALL);
                events_from = Some(events_from.map_or(since, |from| from.min(since)));
                continue;
            }
            let mut query = Query::new([]).by(entry.rule.each).range(Range { since, until });
            let only = &entry.rule.only;
            for (dimension, value) in [(Dimension::Feature, &only.feature), (Dimension::Model, &only.model)] {
                if value.is_some() {
                    query = query.filter(Filter { dimension, negated: false, values: vec![value.clone()] });
                }
            }
            for ((_, key), sums) in query.aggregate(sums)? {
                let slot = entry.slot(&Work::of_key(&key), now);
                slot.counter.settle(0, entry.amount_in(&sums), Counter::NOW);
            }
        }
        Ok(events_from)
    }

    /// Counts an event of before this monitor started, for the budgets that sums do not tell of.
    pub fn spent_before(&self, event: &Event) {
        let now = Timestamp::now();
        self.charge(event, |entry, at| !entry.is_in_sums() && at < entry.rule.window.until(now));
    }

    /// Counts an event of another process, which has just been seen.
    pub fn spent_elsewhere(&self, event: &Event) {
        self.charge(event, |_, _| true);
    }

    fn charge(&self, event: &Event, wanted: impl Fn(&Entry, Timestamp) -> bool) {
        let (work, spent, at) = match event {
            Event::Call(call) if call.is_model_call() => {
                let end = call.start.plus(call.duration.unwrap_or_default());
                (Work::of(call), Spent::by(call), end)
            }
            Event::Late(late) if late.answer.is_some() => {
                (Work::of_late(late), Spent::late(late), late.fact.at)
            }
            _ => return,
        };
        let now = Timestamp::now();
        for entry in self.0.counting(&work).filter(|entry| wanted(entry, at)) {
            self.0.charge(entry, &work, spent, at, now);
        }
    }

    /// Whether the history has every call of this process: not with a `sampling_rate` below 1.
    pub fn keeps_all_calls(&self) -> bool {
        self.0.keeps_all
    }

    /// From now on this process looks at least this often for what others have spent.
    pub fn share(&self, look: Duration) {
        let staleness = self.0.flush_interval.saturating_add(look);
        let nanos = u64::try_from(staleness.as_nanos()).unwrap_or(u64::MAX);
        self.0.staleness.store(nanos.max(1), Relaxed);
    }

    /// From now on what others spend is not known, or not all of it; says why, once.
    pub fn keep_local(&self, why: &str) {
        self.0.staleness.store(0, Relaxed);
        self.0.warnings.once(why, &format!("budgets are not shared with other processes: {why}"));
    }
}

impl Entry {
    /// Whether the sums of a history tell what was spent of it.
    fn is_in_sums(&self) -> bool {
        let Only { feature, model, user, session } = &self.rule.only;
        let counts = self.rule.total || feature.is_some() || model.is_some();
        let by_few = user.is_none() && session.is_none();
        let each = matches!(self.rule.each, None | Some(Dimension::Feature | Dimension::Model));
        counts && by_few && each && !matches!(self.rule.window, Window::Rolling(_))
    }

    fn amount_in(&self, sums: &Aggregate) -> i64 {
        match self.rule.limit {
            Amount::Usd(_) => {
                let unpriced = i64::try_from(sums.cost.unpriced).unwrap_or(i64::MAX);
                let unpriced = if self.rule.unpriced == Unpriced::Block { unpriced } else { 0 };
                sums.cost.usd.nanos().saturating_add(unpriced.saturating_mul(self.rule.estimate))
            }
            Amount::Tokens(_) => {
                i64::try_from(sums.input_tokens.saturating_add(sums.output_tokens)).unwrap_or(i64::MAX)
            }
        }
    }
}

impl Work {
    fn of_key(key: &Key) -> Self {
        let value = |dimension| key.get(dimension).cloned();
        let mut work = Self { model: value(Dimension::Model), ..Self::default() };
        let feature: Option<Text> = value(Dimension::Feature);
        work.scope.feature = feature;
        work
    }
}
