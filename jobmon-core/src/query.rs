//! [`Query`]: measures × dimensions × time, asked of any [`Engine`].

use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::event::Event;
use crate::exporter::Resource;
use crate::measure::{Measure, Quantity};
use crate::report::Sessions;
use crate::text::Text;
use crate::time::Timestamp;
use crate::words::UnknownWord;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A span of time: from `since`, up to and without `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a range has two ends")]
pub struct Range {
    /// Its start.
    pub since: Timestamp,
    /// Its end, which does not belong to it.
    pub until: Timestamp,
}

impl Range {
    /// All of time.
    pub const ALL: Self = Self { since: Timestamp::MIN, until: Timestamp::MAX };

    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.since <= at && at < self.until
    }
}

/// Slices of time that a query answers one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bucket {
    /// Hours, in UTC.
    Hour,
    /// Days, in UTC.
    Day,
}

impl Bucket {
    /// The start of the slice that a moment lies in.
    pub const fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Hour => at.hour(),
            Self::Day => at.day(),
        }
    }
}

/// Keeps events of which a dimension has, or has not, one of some values.
///
/// ```
/// use jobmon_core::{Dimension, Filter};
///
/// let filter: Filter = "model!=gpt-4o,gpt-4o-mini".parse()?;
/// assert_eq!((filter.dimension, filter.negated, filter.values.len()), (Dimension::Model, true, 2));
/// let unattributed: Filter = "feature=".parse()?;
/// assert_eq!(unattributed.values, [None]);
/// # Ok::<(), jobmon_core::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by callers")]
pub struct Filter {
    /// What is looked at.
    pub dimension: Dimension,
    /// Whether the values are the unwanted ones.
    pub negated: bool,
    /// The values; `None` stands for events without one.
    pub values: Vec<Option<Text>>,
}

impl Filter {
    /// Whether it keeps events of a key.
    pub fn keeps(&self, key: &Key) -> bool {
        let value = key.get(self.dimension);
        // What belongs to facts of one kind says nothing about calls and other facts: they stay.
        if self.dimension.is_of_facts() && value.is_none() {
            return true;
        }
        self.values.iter().any(|wanted| wanted.as_ref() == value) != self.negated
    }
}

impl FromStr for Filter {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Self, QueryError> {
        let (left, right) = text.split_once('=').ok_or_else(|| {
            QueryError(format!(
                "`{text}` is no filter; expected `dimension=value`, `dimension!=value` or `dimension=value,value`"
            ))
        })?;
        let (name, negated) = left.strip_suffix('!').map_or((left, false), |name| (name, true));
        let dimension = name.trim().parse().map_err(|e: UnknownWord| QueryError(e.to_string()))?;
        let value = |value: &str| Some(value.trim()).filter(|value| !value.is_empty()).map(Text::copied);
        Ok(Self { dimension, negated, values: right.split(',').map(value).collect() })
    }
}

/// A question: which measures, grouped by what, over which time, of which events.
///
/// A filter or grouping by `score`, `outcome` or `label` picks among facts of that kind and leaves calls as they are, so
/// that `cost_per_outcome` by `outcome` divides the whole cost by the outcomes of each kind.
///
/// ```
/// use jobmon_core::{Dimension, Measure, Memory, Query, Range};
///
/// let query = Query::new([Measure::named("cost")?, Measure::named("p95_latency")?])
///     .by([Dimension::Feature])
///     .range(Range::ALL);
/// assert_eq!(query.run(&Memory::default()).unwrap(), []);
/// # Ok::<(), jobmon_core::UnknownWord>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// What to compute.
    pub measures: Vec<&'static Measure>,
    /// What to group by.
    pub by: Vec<Dimension>,
    /// Over which time.
    pub range: Range,
    /// In which slices, if any.
    pub bucket: Option<Bucket>,
    /// Of which events; all filters must agree.
    pub filters: Vec<Filter>,
}

/// Sums by slice of time, where there are slices, and group.
type Groups = BTreeMap<(Option<Timestamp>, Key), Aggregate>;

/// One line of an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The slice of time, where the query asked for slices.
    pub bucket: Option<Timestamp>,
    /// The group: one value for each dimension asked for.
    pub group: Vec<Option<Text>>,
    /// One figure for each measure asked for; `None` where there is nothing to compute it from.
    pub figures: Vec<Option<Quantity>>,
}

impl Query {
    /// A query over all events and all of time, in one row.
    pub fn new(measures: impl IntoIterator<Item = &'static Measure>) -> Self {
        Self {
            measures: measures.into_iter().collect(),
            by: Vec::new(),
            range: Range::ALL,
            bucket: None,
            filters: Vec::new(),
        }
    }

    /// Groups by dimensions.
    #[must_use]
    pub fn by(mut self, dimensions: impl IntoIterator<Item = Dimension>) -> Self {
        self.by = dimensions.into_iter().collect();
        self
    }

    /// Limits it to a time.
    #[must_use]
    pub const fn range(mut self, range: Range) -> Self {
        self.range = range;
        self
    }

    /// Slices time.
    #[must_use]
    pub const fn bucket(mut self, bucket: Bucket) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// Limits it to some events.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Whether only single events can answer it, because a dimension has too many values to keep sums by.
    pub fn needs_events(&self) -> bool {
        let kept = |dimension: &Dimension| Dimension::ROLLUP.contains(dimension);
        !self.by.iter().chain(self.filters.iter().map(|filter| &filter.dimension)).all(kept)
    }

    /// Which of [`Aggregate::SKETCHES`] its measures are computed from: those that it asks for. Without measures it asks for
    /// everything.
    ///
    /// ```
    /// use jobmon_core::{Aggregate, Measure, Query};
    ///
    /// assert_eq!(Aggregate::SKETCHES[0], "latency");
    /// let query = Query::new([Measure::named("cost")?, Measure::named("p95_latency")?]);
    /// assert_eq!(query.distributions(), [true, false, false, false]);
    /// assert_eq!(Query::new([]).distributions(), [true; 4]);
    /// # Ok::<(), jobmon_core::UnknownWord>(())
    /// ```
    pub fn distributions(&self) -> [bool; Aggregate::SKETCHES.len()] {
        let asked = |place| self.measures.iter().any(|measure| measure.distribution == Some(place));
        std::array::from_fn(|place| self.measures.is_empty() || asked(place))
    }

    /// Sums up what the engine has, by slice and group, without computing measures. Distributions that no measure of it is
    /// computed from may be missing.
    ///
    /// # Errors
    /// When the engine cannot answer, or the query contradicts itself.
    pub fn aggregate(&self, engine: &dyn Engine) -> Result<Groups, QueryError> {
        let facts: Vec<_> = self.by.iter().copied().filter(|dimension| dimension.is_of_facts()).collect();
        if facts.len() > 1 {
            return Err(QueryError(
                "group by one of `score`, `outcome` and `label`: no event has two of them".to_owned(),
            ));
        }
        let mut groups = self.groups(engine)?;
        if let [dimension] = facts[..] {
            share(&mut groups, dimension);
        }
        Ok(groups)
    }

    /// As [`Query::aggregate`], with what belongs to no group of facts apart.
    pub(crate) fn groups(&self, engine: &dyn Engine) -> Result<Groups, EngineError> {
        let mut groups = Groups::new();
        engine.scan(self, &mut |at, key, aggregate| {
            if self.filters.iter().all(|filter| filter.keeps(key)) {
                let slice = self.bucket.map(|bucket| bucket.start(at));
                groups.entry((slice, key.only(&self.by))).or_default().merge(aggregate);
            }
        })?;
        Ok(groups)
    }

    /// Answers it: one row for each slice and group that has events, ordered by slice and group.
    ///
    /// Without grouping and slices there is one row whenever there is any event.
    ///
    /// # Errors
    /// When the engine cannot answer, or the query contradicts itself.
    pub fn run(&self, engine: &dyn Engine) -> Result<Vec<Row>, QueryError> {
        let rows = self.aggregate(engine)?.into_iter().map(|((bucket, key), aggregate)| Row {
            bucket,
            group: self.by.iter().map(|dimension| key.get(*dimension).cloned()).collect(),
            figures: self.measures.iter().map(|measure| measure.of(&aggregate)).collect(),
        });
        Ok(rows.collect())
    }
}

/// Gives what has no value for a dimension of facts to each group that has one.
fn share(groups: &mut Groups, dimension: Dimension) {
    let without = |key: &Key| key.get(dimension).is_none();
    let common: Vec<_> =
        groups.iter().filter(|((_, key), _)| without(key)).map(|(k, a)| (k.clone(), a.clone())).collect();
    groups.retain(|(_, key), _| !without(key));
    for ((slice, key), aggregate) in groups.iter_mut() {
        let mut rest = key.clone();
        rest.set(dimension, None);
        for ((_, _), shared) in common.iter().filter(|((s, k), _)| s == slice && *k == rest) {
            aggregate.merge(shared);
        }
    }
}

/// Something that holds aggregates and can go through them.
pub trait Engine {
    /// Visits aggregates that together make up the query's time range, each with the moment its slice starts and
    /// its key. Filters are applied by the caller; an engine may use them to visit less, and leave out
    /// distributions that the query does not [ask for](Query::distributions).
    ///
    /// # Errors
    /// When the data cannot be read, or is not kept in such detail.
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError>;

    /// What each session cost that made a call in a time, or was charged for one; `None` where sessions are not kept.
    ///
    /// # Errors
    /// When the data cannot be read.
    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        let _ = range;
        Ok(None)
    }

    /// Visits the outcomes of a time that were reported without a value, in order of time. By default it goes through all single
    /// events.
    ///
    /// # Errors
    /// When the data cannot be read, or no single events are kept.
    fn outcomes_without_value(
        &self,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> Result<(), EngineError> {
        self.facts(range, &mut |resource, event| {
            if matches!(event, Event::Outcome(outcome) if outcome.value.is_none()) {
                visit(resource, event);
            }
        })
    }

    /// Visits single events of a time that are no calls, in order of time. By default it goes through all single events.
    ///
    /// # Errors
    /// When the data cannot be read, or no single events are kept.
    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        self.events(range, &mut |resource, event| {
            if !matches!(event, Event::Call(_)) {
                visit(resource, event);
            }
        })
    }

    /// Visits single events of a time: calls in order of their start, then facts in order of time. Those that sampling left
    /// out are not kept.
    ///
    /// # Errors
    /// When the data cannot be read, or no single events are kept.
    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        let _ = (range, visit);
        Err(EngineError("this needs a history with single events".to_owned()))
    }
}

impl<E: Engine + ?Sized> Engine for &E {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        (**self).scan(query, visit)
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        (**self).sessions(range)
    }

    fn outcomes_without_value(
        &self,
        range: Range,
        visit: &mut dyn FnMut(&Resource, &Event),
    ) -> Result<(), EngineError> {
        (**self).outcomes_without_value(range, visit)
    }

    fn facts(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        (**self).facts(range, visit)
    }

    fn events(&self, range: Range, visit: &mut dyn FnMut(&Resource, &Event)) -> Result<(), EngineError> {
        (**self).events(range, visit)
    }
}

/// An engine could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError(pub String);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// A query was wrong or could not be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

impl From<UnknownWord> for QueryError {
    fn from(error: UnknownWord) -> Self {
        Self(error.to_string())
    }
}

impl From<EngineError> for QueryError {
    fn from(error: EngineError) -> Self {
        Self(error.0)
    }
}

/// Hourly aggregates in memory: the engine of the console's summary, and of tests.
///
/// Keeps at most 10,000 keys; events beyond go to a key whose name is `other`.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    hours: BTreeMap<(Timestamp, Key), Aggregate>,
}

impl Memory {
    const MOST_KEYS: usize = 10_000;

    /// Sums up an event.
    pub fn add(&mut self, resource: &Resource, event: &Event) {
        let hour = event.at().hour();
        Aggregate::sum_up(resource, event, &mut |key, add| {
            let mut place = (hour, key.only(Dimension::ROLLUP));
            if self.hours.len() >= Self::MOST_KEYS && !self.hours.contains_key(&place) {
                place.1 = Key::default();
                place.1.set(Dimension::Name, Some(Text::literal("other")));
            }
            add(self.hours.entry(place).or_default());
        });
    }
}

impl Engine for Memory {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        if query.needs_events() {
            let text = "grouping or filtering by `session` or `user` needs a history with single events";
            return Err(EngineError(text.to_owned()));
        }
        let inside = |at: Timestamp| query.range.since.hour() <= at && at < query.range.until;
        self.hours.iter().filter(|((at, _), _)| inside(*at)).for_each(|((at, key), a)| visit(*at, key, a));
        Ok(())
    }
}
