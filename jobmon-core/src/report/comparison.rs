//! A period beside the one before it, and day by day.

use super::period::{Period, PeriodKind};
use super::{Section, total};
use crate::aggregate::Aggregate;
use crate::measure::{Measure, Quantity};
use crate::money::Cost;
use crate::query::{Bucket, Engine, Query, QueryError};
use crate::text::Text;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

const MEASURES: [&str; 15] = [
    "cost",
    "wasted_cost",
    "cost_per_call",
    "calls",
    "model_calls",
    "success_rate",
    "errors",
    "retried_calls",
    "input_tokens",
    "output_tokens",
    "p95_latency",
    "outcomes",
    "outcome_value",
    "cost_per_outcome",
    "roi",
];

/// The main figures of a period beside those of as much of the one before, and of all of that.
pub(super) fn section(engine: &dyn Engine, period: &Period, now: &Aggregate) -> Result<Section, QueryError> {
    let same = total(engine, period.same_part_of_previous())?;
    let mut columns = vec!["value", "previous", "change"];
    let whole = if period.is_over() {
        None
    } else {
        columns.push("all_of_previous");
        Some(total(engine, period.previous().range())?)
    };
    let mut section = Section::new("comparison", "Against the period before", ["compared"], columns);
    let previous = period.previous().title();
    if *whole.as_ref().unwrap_or(&same) == Aggregate::default() {
        section.note = Some(format!("nothing happened in {previous}"));
        return Ok(section);
    }
    for name in MEASURES {
        let measure = Measure::named(name)?;
        let (value, previous) = (measure.of(now), measure.of(&same));
        let whole = whole.as_ref().map(|whole| measure.of(whole));
        let something = [value, previous, whole.flatten()].into_iter().any(super::section::is_something);
        if something {
            let figures = [value, previous, change(value, previous)].into_iter().chain(whole);
            section.push(vec![Some(Text::literal(measure.name))], figures.collect());
        }
    }
    let sure = |aggregate: &Aggregate| matches!(aggregate.cost.cost(), None | Some(Cost::Known(_)));
    section.note = (!section.rows.is_empty()).then(|| {
        let part = if period.is_over() {
            previous.clone()
        } else {
            format!("as much of {previous} as has passed of this one")
        };
        let bounds =
            if sure(now) && sure(&same) { "" } else { ". Changes of money compare what is known of both" };
        format!("Previous is {part}{bounds}.")
    });
    Ok(section)
}

/// By how much a figure has changed, as a share of what it was; of costs what is known of them. `None` for shares, which
/// have no such change, and where there was nothing before.
pub(super) fn change(now: Option<Quantity>, before: Option<Quantity>) -> Option<Quantity> {
    let (now, before) = (amount(now?)?, amount(before?)?);
    (before > 0.0).then(|| Quantity::Change((now - before) / before))
}

#[expect(clippy::cast_precision_loss, reason = "a change is a rounded figure")]
fn amount(figure: Quantity) -> Option<f64> {
    match figure {
        Quantity::Count(count) => Some(count as f64),
        Quantity::Usd(usd) => Some(usd.nanos() as f64),
        Quantity::Cost(Cost::Unpriced) => None,
        Quantity::Cost(cost) => Some(cost.floor().nanos() as f64),
        Quantity::Duration(duration) => Some(duration.as_secs_f64()),
        _ => None,
    }
}

/// What was spent in each day of a period, or hour of a day, up to the moment at which it is looked at.
pub(super) fn by_time(engine: &dyn Engine, period: &Period) -> Result<Section, QueryError> {
    let (id, title, group, bucket, step) = match period.kind() {
        PeriodKind::Daily => ("hours", "Costs by hour", "hour", Bucket::Hour, 3_600),
        PeriodKind::Weekly | PeriodKind::Monthly => ("days", "Costs by day", "day", Bucket::Day, 86_400),
    };
    let columns = ["cost", "wasted_cost", "model_calls"];
    let mut section = Section::new(id, title, [group], columns);
    let measures = columns.map(Measure::named).into_iter().collect::<Result<Vec<_>, _>>()?;
    let sums = Query::new(measures.iter().copied()).range(period.range()).bucket(bucket).aggregate(engine)?;
    let sums: BTreeMap<_, _> = sums.into_iter().map(|((at, _), aggregate)| (at, aggregate)).collect();
    if sums.is_empty() {
        return Ok(section);
    }
    let mut at = period.start();
    while at < period.as_of() {
        let aggregate = sums.get(&Some(at)).cloned().unwrap_or_default();
        let figures = measures.iter().map(|measure| measure.of(&aggregate)).collect();
        section.push(vec![Some(name_of(at, bucket))], figures);
        at = at.plus(Duration::from_secs(step));
    }
    Ok(section)
}

/// `2026-10-14`, or `05:00`.
fn name_of(at: Timestamp, bucket: Bucket) -> Text {
    let ((year, month, day), (hour, ..)) = (at.date(), at.time_of_day());
    Text::from(match bucket {
        Bucket::Hour => format!("{hour:02}:00"),
        Bucket::Day => format!("{year:04}-{month:02}-{day:02}"),
    })
}
