//! Costs by feature.

use super::Section;
use super::comparison::change;
use super::period::Period;
use crate::aggregate::Aggregate;
use crate::dimension::{Dimension, Key};
use crate::measure::{Measure, Quantity};
use crate::money::Cost;
use crate::query::{Engine, Query, QueryError, Range};
use crate::text::Text;
use std::cmp::Reverse;
use std::collections::BTreeMap;

type Features = BTreeMap<Option<Text>, Aggregate>;

const COLUMNS: [&str; 7] =
    ["cost", "share", "wasted_cost", "model_calls", "cost_per_call", "success_rate", "p95_latency"];

/// Most expensive first; the last row is what no feature pays for, also where that is nothing.
pub(super) fn section(
    engine: &dyn Engine,
    range: Range,
    period: Option<&Period>,
) -> Result<Section, QueryError> {
    let mut now = of(engine, range)?;
    let before = match period {
        Some(period) => of(engine, period.same_part_of_previous())?,
        None => Features::new(),
    };
    now.entry(None).or_default();
    before.keys().for_each(|feature| {
        now.entry(feature.clone()).or_default();
    });
    let compared = period.map_or(&[][..], |_| &["previous_cost", "change"][..]);
    let columns = COLUMNS.iter().chain(compared).copied();
    let mut section = Section::new("features", "Costs by feature", [Dimension::Feature.name()], columns);
    section.nothing = "(unattributed)";
    section.always = true;
    let whole: i64 = now.values().map(|aggregate| aggregate.cost.usd.nanos()).fold(0, i64::saturating_add);
    for (feature, aggregate) in &now {
        let mut figures = Vec::new();
        for name in COLUMNS {
            figures.push(if name == "share" {
                share(aggregate, whole)
            } else {
                Measure::named(name)?.of(aggregate)
            });
        }
        if period.is_some() {
            let cost = Measure::named("cost")?;
            let previous = before.get(feature).and_then(|aggregate| cost.of(aggregate));
            figures.extend([previous, change(cost.of(aggregate), previous)]);
        }
        section.push(vec![feature.clone()], figures);
    }
    let spent = |feature: &Option<Text>| now.get(feature).map_or(0, |aggregate| aggregate.cost.usd.nanos());
    let calls = |feature: &Option<Text>| now.get(feature).map_or(0, |aggregate| aggregate.model_calls);
    section.rows.sort_by_cached_key(|row| {
        let feature = &row.group[0];
        (feature.is_none(), Reverse(spent(feature)), Reverse(calls(feature)), feature.clone())
    });
    Ok(section)
}

/// Features that made model calls or cost something; `None` is what no feature pays for.
fn of(engine: &dyn Engine, range: Range) -> Result<Features, QueryError> {
    let all = Query::new([]).by([Dimension::Feature]).range(range).aggregate(engine)?;
    let pays = |aggregate: &Aggregate| aggregate.model_calls > 0 || aggregate.cost.cost().is_some();
    let feature = |key: Key| key.get(Dimension::Feature).cloned();
    Ok(all.into_iter().filter(|(_, a)| pays(a)).map(|((_, key), a)| (feature(key), a)).collect())
}

/// The share of what is known of the sum; `None` where nothing is known of it.
#[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
fn share(aggregate: &Aggregate, whole: i64) -> Option<Quantity> {
    let cost = aggregate.cost.cost().filter(|cost| *cost != Cost::Unpriced && whole > 0)?;
    Some(Quantity::Ratio(cost.floor().nanos() as f64 / whole as f64))
}
