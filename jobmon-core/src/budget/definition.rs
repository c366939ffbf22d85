//! [`Budget`]: what may be spent, on what, and what happens then.

use super::amount::Amount;
use super::window::Window;
use crate::dimension::Dimension;
use crate::text::Text;
use std::fmt;
use std::time::Duration;

/// What may be spent, in money or tokens, on some calls in some time.
///
/// ```
/// use jobmon_core::{Budget, Dimension};
///
/// // Stops calls of functions that say `budget = "analysis"` when they have spent $5 today.
/// let analysis = Budget::new("analysis").limit("$5").per_day().block();
/// // Warns when a user has used 80 % of two million tokens in the last five hours.
/// let five_hours = std::time::Duration::from_secs(18_000);
/// let users = Budget::new("users").total().each(Dimension::User).limit("2M tokens").per(five_hours);
/// # for budget in [&analysis, &users] { budget.check().expect("complete") }
/// ```
///
/// # Which calls
///
/// By default those of functions that name it, `#[instrument_llm(budget = "analysis")]`, and the model calls inside
/// them. With [`total`](Self::total) it counts every model call instead; with [`feature`](Self::feature),
/// [`model`](Self::model), [`user`](Self::user) and [`session`](Self::session) the model calls that have all that these
/// say. [`each`](Self::each) counts apart by one of them.
///
/// # Stopping calls
///
/// Only a function with the key `budget` can be stopped, alone (`budget`) or with a name: what it returns must be able
/// to say so, its error is `From<`[`BudgetExceeded`](crate::BudgetExceeded)`>`. Any blocking budget that counts its
/// calls may stop it. Calls of other functions are counted all the same.
///
/// Before its body runs, and before each attempt of it, such a call reserves what calls of this function cost so far,
/// with those inside: the 95th percentile (p95) of the last 128 that cost something. While few are seen (n) and the
/// [estimate](Self::estimate) is higher, it is more:
///
/// ```text
/// reservation = p95 + max(0, estimate − p95) × 4 / (n + 4)
/// ```
///
/// The call is stopped when what is spent and reserved leaves less than that below the limit. What model calls inside
/// cost is taken from the reservation first; a call inside that has the key itself borrows from it and reserves only
/// what is missing. When the call ends, or is dropped, its cost is charged and the rest given back. (So a monitor with a
/// budget in money decodes the price list when it starts, in tens of milliseconds, and not aside as others do.)
///
/// So the money that is spent is at most the limit, and what calls in flight cost beyond their reservations:
///
/// ```text
/// spent ≤ limit + Σ over calls in flight of max(0, cost − reservation)
/// ```
///
/// and the money that calls are stopped for although nobody spends it is at most one reservation and what is reserved in
/// flight. Model calls of functions without the key are in no reservation: all they cost can be beyond the limit.
///
/// # Time
///
/// Windows of the calendar are those of UTC. A call counts in the window in which it ends; what it reserves stays
/// reserved when a window ends. What was spent before a monitor started counts, from sums, in the window in which its
/// calls began. A rolling window forgets in steps of a 60th, so that a call counts for the whole window
/// and at most a 60th longer.
///
/// A clock that is set back gives nothing back: what was spent stays for the window that it comes to, and one longer at
/// most. What a history has of times after the current window was dated by a wrong clock, and does not count when a
/// monitor starts.
///
/// # Several processes, and restarts
///
/// With the exporter `sqlite` the history tells, when a monitor starts, what was spent before, and from then on what
/// other processes that write the same file spend: it is seen when they have written it (their flush interval) and this
/// process looks (with each batch it writes, and each second); meanwhile all of them may spend what one may. What is
/// reserved is in memory alone: a process that is killed leaves no reservation behind, and what it had spent and not
/// written yet counts nowhere. Without a history, or with a `sampling_rate` below 1, which leaves calls out of it, a
/// budget is this process' own: [`BudgetStatus::sharing`](crate::BudgetStatus) says so. Budgets are not shared between
/// machines.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a budget does nothing until a monitor has it"]
pub struct Budget {
    name: Text,
    limit: Option<Result<Amount, String>>,
    window: Option<Window>,
    total: bool,
    only: Only,
    each: Option<Dimension>,
    warn_at: f64,
    blocks: bool,
    estimate: Option<Result<Amount, String>>,
    unpriced: Unpriced,
}

/// What calls have that a budget counts; all that is set must agree.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Only {
    pub(super) feature: Option<Text>,
    pub(super) model: Option<Text>,
    pub(super) user: Option<Text>,
    pub(super) session: Option<Text>,
}

/// What a budget in money does about calls whose cost is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "they count, or they do not")]
pub enum Unpriced {
    /// They count nothing. That there are such calls is warned about, once.
    #[default]
    Allow,
    /// They count what was reserved for them, or the estimate.
    Block,
}

/// What a budget is made of, once it is found to be complete.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Text,
    pub(super) limit: Amount,
    pub(super) window: Window,
    pub(super) total: bool,
    pub(super) only: Only,
    pub(super) each: Option<Dimension>,
    /// What is spent when it warns.
    pub(super) warn_from: i64,
    pub(super) blocks: bool,
    pub(super) estimate: i64,
    pub(super) unpriced: Unpriced,
}

impl Budget {
    /// A budget that still needs a limit and a time. Warns at 80 % and at the limit, and stops nothing.
    pub fn new(name: impl Into<Text>) -> Self {
        Self {
            name: name.into(),
            limit: None,
            window: None,
            total: false,
            only: Only::default(),
            each: None,
            warn_at: 0.8,
            blocks: false,
            estimate: None,
            unpriced: Unpriced::Allow,
        }
    }

    /// What may be spent: a text such as `"$5"` or `"2M tokens"`, an [`Amount`] or [`Usd`](crate::Usd). A text that is
    /// no amount is reported when the monitor starts.
    pub fn limit<A>(mut self, limit: A) -> Self
    where
        A: TryInto<Amount>,
        A::Error: fmt::Display,
    {
        self.limit = Some(limit.try_into().map_err(|error| error.to_string()));
        self
    }

    /// In each hour, UTC.
    pub const fn per_hour(self) -> Self {
        self.in_each(Window::Hour)
    }

    /// In each day, UTC.
    pub const fn per_day(self) -> Self {
        self.in_each(Window::Day)
    }

    /// In each week from Monday to Sunday, UTC.
    pub const fn per_week(self) -> Self {
        self.in_each(Window::Week)
    }

    /// In each month, UTC.
    pub const fn per_month(self) -> Self {
        self.in_each(Window::Month)
    }

    /// In the time just passed, at least a second: a rolling window.
    pub const fn per(self, window: Duration) -> Self {
        self.in_each(Window::Rolling(window))
    }

    const fn in_each(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Counts every model call.
    pub const fn total(mut self) -> Self {
        self.total = true;
        self
    }

    /// Counts the model calls of a feature.
    pub fn feature(mut self, feature: impl Into<Text>) -> Self {
        self.only.feature = Some(feature.into());
        self
    }

    /// Counts the calls to a model, as it was asked for.
    pub fn model(mut self, model: impl Into<Text>) -> Self {
        self.only.model = Some(model.into());
        self
    }

    /// Counts the model calls on behalf of a user.
    pub fn user(mut self, user: impl Into<Text>) -> Self {
        self.only.user = Some(user.into());
        self
    }

    /// Counts the model calls of a session.
    pub fn session(mut self, session: impl Into<Text>) -> Self {
        self.only.session = Some(session.into());
        self
    }

    /// Counts each feature, model, user or session apart, each with the whole limit. Calls without one are counted
    /// together. At most 10,000 are told apart: when there are more, those that have spent nothing in their window are
    /// forgotten, and where there is none of these, further ones share one limit under the key `other`.
    pub const fn each(mut self, dimension: Dimension) -> Self {
        self.each = Some(dimension);
        self
    }

    /// Warns when this share of the limit is spent: more than 0, at most 1; 0.8 by default.
    pub const fn warn_at(mut self, share: f64) -> Self {
        self.warn_at = share;
        self
    }

    /// Stops calls that would spend more, see [above](Self#stopping-calls).
    pub const fn block(mut self) -> Self {
        self.blocks = true;
        self
    }

    /// Warns and stops nothing: the default.
    pub const fn warn(mut self) -> Self {
        self.blocks = false;
        self
    }

    /// What to reserve for a call of a function whose calls were not seen yet, in the unit of the limit; a hundredth of
    /// the limit by default.
    pub fn estimate<A>(mut self, estimate: A) -> Self
    where
        A: TryInto<Amount>,
        A::Error: fmt::Display,
    {
        self.estimate = Some(estimate.try_into().map_err(|error| error.to_string()));
        self
    }

    /// What to do about calls whose cost is not known. A budget in tokens does the same about calls whose usage is not
    /// known.
    pub const fn unpriced(mut self, unpriced: Unpriced) -> Self {
        self.unpriced = unpriced;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &Text {
        &self.name
    }

    /// Checks that it is complete and possible, as a monitor does when it starts.
    ///
    /// # Errors
    /// Names what is missing or wrong, and what is accepted.
    pub fn check(&self) -> Result<(), BudgetError> {
        self.rule().map(|_| ())
    }

    pub(super) fn rule(&self) -> Result<Rule, BudgetError> {
        let wrong = |key, problem: String| BudgetError { budget: self.name.clone(), key, problem };
        if self.name.is_empty() {
            return Err(wrong("name", "has no name; name it".to_owned()));
        }
        let limit = match &self.limit {
            None => {
                return Err(wrong(
                    "limit",
                    "has no limit; give it one, such as `$5` or `2M tokens`".to_owned(),
                ));
            }
            Some(Err(problem)) => return Err(wrong("limit", format!("limit: {problem}"))),
            Some(Ok(limit)) => *limit,
        };
        if limit.number() <= 0 {
            return Err(wrong("limit", "limit: expected more than zero".to_owned()));
        }
        let Some(window) = self.window else {
            let problem = "says of no time; expected an hour, a day, a week, a month or a duration";
            return Err(wrong("per", problem.to_owned()));
        };
        if matches!(window, Window::Rolling(window) if window < Duration::from_secs(1)) {
            return Err(wrong("per", "time: expected at least a second".to_owned()));
        }
        if self.total && self.only != Only::default() {
            let problem = "counts every call (`total`) and only some; say one of both";
            return Err(wrong("total", problem.to_owned()));
        }
        let each = [Dimension::Feature, Dimension::Model, Dimension::User, Dimension::Session];
        if let Some(dimension) = self.each.filter(|dimension| !each.contains(dimension)) {
            let problem = format!("each `{dimension}`: expected feature, model, user or session");
            return Err(wrong("each", problem));
        }
        if !(self.warn_at > 0.0 && self.warn_at <= 1.0) {
            let problem = format!("warns at {}; expected more than 0, and at most 1", self.warn_at);
            return Err(wrong("warn_at", problem));
        }
        let estimate = match &self.estimate {
            None => limit.number() / 100,
            Some(Err(problem)) => return Err(wrong("estimate", format!("estimate: {problem}"))),
            Some(Ok(estimate)) if !estimate.is_like(limit) => {
                return Err(wrong("estimate", format!("estimate: expected the unit of the limit, {limit}")));
            }
            Some(Ok(estimate)) if !(1..=limit.number()).contains(&estimate.number()) => {
                return Err(wrong(
                    "estimate",
                    format!("estimate: expected more than zero, up to the limit of {limit}"),
                ));
            }
            Some(Ok(estimate)) => estimate.number(),
        };
        #[expect(clippy::cast_possible_truncation, reason = "a share of at most 1, in millionths")]
        let millionths = (self.warn_at * 1e6).round() as i128;
        let warn_from = i128::from(limit.number()) * millionths / 1_000_000;
        Ok(Rule {
            name: self.name.clone(),
            limit,
            window,
            total: self.total,
            only: self.only.clone(),
            each: self.each,
            warn_from: i64::try_from(warn_from).unwrap_or(i64::MAX),
            blocks: self.blocks,
            estimate: estimate.max(1),
            unpriced: self.unpriced,
        })
    }
}

/// A budget that cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetError {
    /// Which budget.
    pub budget: Text,
    /// The key of `[[budgets]]` in `jobmon.toml` that is wrong, or missing.
    pub key: &'static str,
    /// What is wrong, and what is accepted.
    pub problem: String,
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "budget `{}` {}", self.budget, self.problem)
    }
}

impl std::error::Error for BudgetError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Usd;

    #[test]
    fn a_budget_that_cannot_work_says_what_is_wrong_and_what_is_accepted() {
        let complete = || Budget::new("a").limit("$5").per_day();
        complete().estimate("$5").warn_at(1.0).check().expect("complete");
        complete().limit(Usd::from_dollars(3)).feature("f").user("u").check().expect("complete");
        for (budget, key, words) in [
            (Budget::new("").limit("$5").per_day(), "name", "has no name"),
            (Budget::new("a").per_day(), "limit", "has no limit; give it one, such as `$5`"),
            (complete().limit("5"), "limit", "`5` is no amount; expected money such as"),
            (complete().limit("$0"), "limit", "expected more than zero"),
            (Budget::new("a").limit("$5"), "per", "says of no time; expected an hour, a day"),
            (complete().per(Duration::ZERO), "per", "at least a second"),
            (complete().total().feature("f"), "total", "say one of both"),
            (
                complete().each(Dimension::Name),
                "each",
                "each `name`: expected feature, model, user or session",
            ),
            (complete().warn_at(0.0), "warn_at", "warns at 0; expected more than 0"),
            (complete().warn_at(f64::NAN), "warn_at", "expected more than 0"),
            (complete().warn_at(80.0), "warn_at", "warns at 80"),
            (complete().estimate("2k tokens"), "estimate", "expected the unit of the limit, $5.00"),
            (complete().estimate("$6"), "estimate", "up to the limit of $5.00"),
            (complete().estimate("x"), "estimate", "`x` is no amount"),
        ] {
            let error = budget.check().expect_err(words);
            assert!(error.key == key && error.to_string().contains(words), "{error}");
        }
    }
}
