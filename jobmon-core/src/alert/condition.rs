//! [`Condition`]: when somebody must know, as a text such as `error_rate > 5% and calls >= 20`.

use super::parse;
use crate::measure::{Measure, Quantity};
use crate::money::{Cost, Usd};
use crate::query::Filter;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When an alert fires: comparisons of measures, joined by `and` and `or`.
///
/// ```
/// use jobmon_core::Condition;
///
/// let condition: Condition = "p95_latency{feature=\"job_analysis\"} > 3s and calls >= 20".parse()?;
/// assert_eq!(condition.to_string(), "p95_latency{feature=\"job_analysis\"} > 3s and calls >= 20");
/// let error = "eror_rate > 5%".parse::<Condition>().unwrap_err();
/// assert!(error.to_string().starts_with("unknown measure `eror_rate`, did you mean `error_rate`?"));
/// # Ok::<(), jobmon_core::ConditionError>(())
/// ```
///
/// | part | written | meaning |
/// |---|---|---|
/// | measure | `error_rate`, `p95_latency`, `cost`, .. | any of [`Measure::ALL`], over the window of the alert |
/// | which events | `{feature="search", model!="gpt-4o"}` | as a [`Filter`] |
/// | function | `anomaly(cost)` | how far the last whole hours, as many as the window has, are from the same hours of each of the 28 days before, in robust standard deviations, either way |
/// | | `change(cost)` | by how much it differs from the window before: `0.5` or `50%` is half as much again |
/// | | `forecast(cost)` | what this month (UTC) will have, if it goes on as it did so far |
/// | comparison | `>`, `>=`, `<`, `<=`, `==`, `!=` | |
/// | number | `0.05`, `5%`, `$5`, `3s`, `500ms`, `2m`, `20`, `10k` | in the unit of the measure: money with `$`, times with a unit |
///
/// `and` binds more closely than `or`; parentheses group.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(pub(super) Node);

/// One step of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare(Comparison),
}

/// One comparison of a [`Condition`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// What is done with the measure.
    pub function: Function,
    /// The measure.
    pub measure: &'static Measure,
    /// Of which events.
    pub filters: Vec<Filter>,
    /// How it is compared.
    pub comparator: Comparator,
    /// With what.
    pub threshold: Threshold,
}

/// What a comparison does with its measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Function {
    /// Nothing: its value in the window.
    Value,
    /// Its distance from its own past.
    Anomaly,
    /// Its change since the window before.
    Change,
    /// What the month will have of it.
    Forecast,
}

impl Function {
    /// Those that are written as a function.
    pub(super) const NAMED: [(&str, Self); 3] =
        [("anomaly", Self::Anomaly), ("change", Self::Change), ("forecast", Self::Forecast)];

    fn name(self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(_, function)| *function == self).map(|(name, _)| *name)
    }
}

/// How two figures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparator {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Comparator {
    /// Longer ones first, so that they are found first.
    pub(super) const ALL: [(&str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    /// What holds where this does not.
    const fn negated(self) -> Self {
        match self {
            Self::Above => Self::AtMost,
            Self::AtLeast => Self::Below,
            Self::Below => Self::AtLeast,
            Self::AtMost => Self::Above,
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
        }
    }

    /// As it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }

    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Below => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}

/// What a measure is compared with, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Threshold {
    /// A count, a score, a share, or so many times.
    Number(f64),
    /// Money.
    Money(Usd),
    /// A time.
    Time(Duration),
}

impl Threshold {
    /// As a plain number: dollars and seconds.
    pub fn number(self) -> f64 {
        match self {
            Self::Number(number) => number,
            #[expect(clippy::cast_precision_loss, reason = "for other tools, which know no exact money")]
            Self::Money(usd) => usd.nanos() as f64 / 1e9,
            Self::Time(time) => time.as_secs_f64(),
        }
    }
}

impl Comparison {
    /// Whether it holds for a figure; `None` where that cannot be told: there is no figure, or of money only a part is
    /// known and the rest would decide.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    pub fn holds(&self, figure: Option<Quantity>) -> Option<bool> {
        let comparator = self.comparator;
        match (figure?, self.threshold) {
            (Quantity::Cost(cost) | Quantity::Estimate(cost), Threshold::Money(limit)) => {
                cost_holds(comparator, cost, limit)
            }
            (Quantity::Usd(usd), Threshold::Money(limit)) => Some(comparator.holds(&usd, &limit)),
            (Quantity::Duration(time), Threshold::Time(limit)) => Some(comparator.holds(&time, &limit)),
            (Quantity::Count(count), Threshold::Number(limit)) => {
                Some(comparator.holds(&(count as f64), &limit))
            }
            (Quantity::AtMost(ratio), Threshold::Number(limit)) => {
                let holds = comparator.holds(&ratio, &limit);
                // The true figure is at most this.
                match comparator {
                    Comparator::Below | Comparator::AtMost if holds => Some(true),
                    Comparator::Above | Comparator::AtLeast if !holds => Some(false),
                    _ => None,
                }
            }
            (
                Quantity::Ratio(number) | Quantity::Change(number) | Quantity::Number(number),
                Threshold::Number(limit),
            ) => number.is_finite().then(|| comparator.holds(&number, &limit)),
            _ => None,
        }
    }
}

fn cost_holds(comparator: Comparator, cost: Cost, limit: Usd) -> Option<bool> {
    match cost {
        Cost::Known(usd) => Some(comparator.holds(&usd, &limit)),
        Cost::AtLeast(usd) => {
            let holds = comparator.holds(&usd, &limit);
            match comparator {
                Comparator::Above | Comparator::AtLeast if holds => Some(true),
                Comparator::Below | Comparator::AtMost if !holds => Some(false),
                Comparator::Equal if usd > limit => Some(false),
                Comparator::Unequal if usd > limit => Some(true),
                _ => None,
            }
        }
        Cost::Unpriced => None,
    }
}

impl Condition {
    /// Every comparison in it, in the order in which they are written.
    pub fn comparisons(&self) -> Vec<&Comparison> {
        let mut found = Vec::new();
        self.0.visit(&mut |comparison| found.push(comparison));
        found
    }

    /// As it is written, with each comparison in other words: for other languages, in which `and`, `or` and parentheses mean
    /// the same.
    ///
    /// ```
    /// let condition: jobmon_core::Condition = "(errors > 3 or panics > 0) and calls > 20".parse()?;
    /// let text = condition.written(&mut |comparison| comparison.measure.name.to_uppercase());
    /// assert_eq!(text, "(ERRORS or PANICS) and CALLS");
    /// # Ok::<(), jobmon_core::ConditionError>(())
    /// ```
    pub fn written(&self, each: &mut dyn FnMut(&Comparison) -> String) -> String {
        self.0.written(false, each)
    }

    /// What holds where this can be told and does not hold: as it, where something cannot be told, neither does.
    ///
    /// ```
    /// let condition: jobmon_core::Condition = "(errors > 3 or panics > 0) and calls >= 20".parse()?;
    /// assert_eq!(condition.negated().to_string(), "errors <= 3 and panics <= 0 or calls < 20");
    /// # Ok::<(), jobmon_core::ConditionError>(())
    /// ```
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(self.0.negated())
    }

    /// Whether it holds, given whether each of its comparisons does; `None` where what cannot be told would decide.
    ///
    /// ```
    /// use jobmon_core::{Comparison, Condition, Quantity};
    ///
    /// let condition: Condition = "errors > 3 or error_rate > 5%".parse()?;
    /// let figures = |comparison: &Comparison| match comparison.measure.name {
    ///     "errors" => Some(Quantity::Count(4)),
    ///     _ => None,
    /// };
    /// assert_eq!(condition.holds(&mut |comparison| comparison.holds(figures(comparison))), Some(true));
    /// # Ok::<(), jobmon_core::ConditionError>(())
    /// ```
    pub fn holds(&self, each: &mut dyn FnMut(&Comparison) -> Option<bool>) -> Option<bool> {
        self.0.holds(each)
    }
}

impl Node {
    fn visit<'n>(&'n self, visit: &mut dyn FnMut(&'n Comparison)) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.visit(visit)),
            Self::Compare(comparison) => visit(comparison),
        }
    }

    /// By the rules of De Morgan.
    fn negated(&self) -> Self {
        let all = |nodes: &[Self]| nodes.iter().map(Self::negated).collect();
        match self {
            Self::All(nodes) => Self::Any(all(nodes)),
            Self::Any(nodes) => Self::All(all(nodes)),
            Self::Compare(comparison) => {
                let comparator = comparison.comparator.negated();
                Self::Compare(Comparison { comparator, ..comparison.clone() })
            }
        }
    }

    fn holds(&self, each: &mut dyn FnMut(&Comparison) -> Option<bool>) -> Option<bool> {
        // Kleene's three values: what is unknown decides nothing where something else does.
        let (nodes, decides) = match self {
            Self::Compare(comparison) => return each(comparison),
            Self::All(nodes) => (nodes, false),
            Self::Any(nodes) => (nodes, true),
        };
        let found: Vec<_> = nodes.iter().map(|node| node.holds(each)).collect();
        if found.contains(&Some(decides)) {
            Some(decides)
        } else if found.contains(&None) {
            None
        } else {
            Some(!decides)
        }
    }

    fn written(&self, inside_all: bool, each: &mut dyn FnMut(&Comparison) -> String) -> String {
        let (nodes, word) = match self {
            Self::Compare(comparison) => return each(comparison),
            Self::All(nodes) => (nodes, " and "),
            Self::Any(nodes) => (nodes, " or "),
        };
        let is_any = matches!(self, Self::Any(_));
        let parts: Vec<_> = nodes.iter().map(|node| node.written(!is_any, each)).collect();
        let text = parts.join(word);
        if is_any && inside_all { format!("({text})") } else { text }
    }
}

impl fmt::Display for Condition {
    /// As it can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(&mut ToString::to_string))
    }
}

impl Comparison {
    /// What is compared, without the comparison: `p95_latency{feature="search"}`.
    pub fn subject(&self) -> String {
        let filters: Vec<_> = self.filters.iter().map(written).collect();
        let filters = if filters.is_empty() { String::new() } else { format!("{{{}}}", filters.join(", ")) };
        let measure = self.measure.name;
        match self.function.name() {
            Some(function) => format!("{function}({measure}{filters})"),
            None => format!("{measure}{filters}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.subject(), self.comparator.symbol(), self.threshold)
    }
}

fn written(filter: &Filter) -> String {
    let values = filter.values.iter().map(|value| value.as_deref().unwrap_or_default());
    let values = values.map(|value| value.replace('\\', "\\\\").replace('"', "\\\"")).collect::<Vec<_>>();
    let comparator = if filter.negated { "!=" } else { "=" };
    format!("{}{comparator}\"{}\"", filter.dimension, values.join(","))
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Money(usd) => write!(f, "{usd}"),
            Self::Time(time) => match time.as_nanos() {
                nanos if nanos % 1_000_000_000 == 0 => write!(f, "{}s", nanos / 1_000_000_000),
                nanos if nanos % 1_000_000 == 0 => write!(f, "{}ms", nanos / 1_000_000),
                nanos => write!(f, "{}us", nanos / 1_000),
            },
        }
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        parse::condition(text)
    }
}

/// A text that is no condition: what is wrong, where, and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    pub(super) condition: String,
    /// In characters.
    pub(super) at: usize,
    pub(super) problem: String,
}

impl ConditionError {
    /// Where the mistake stands: characters from the beginning.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// What is wrong, and what is accepted, without the place.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConditionError {
    /// The problem, the condition, and a caret below the mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, at, problem } = self;
        write!(f, "{problem}\n  | {condition}\n  | {:>width$}", "^", width = at + 1)
    }
}

impl std::error::Error for ConditionError {}
