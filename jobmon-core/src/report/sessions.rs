//! What sessions cost.

use super::Section;
use crate::measure::Quantity;
use crate::money::{Cost, CostSum, Usd};
use crate::query::{Engine, QueryError, Range};
use crate::time::Timestamp;

/// What each session cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sessions {
    /// What each session cost that made a call or was charged for one, in any order.
    pub costs: Vec<CostSum>,
    /// Calls that were looked at, those without a session included.
    pub calls: u64,
    /// Days (UTC) that were counted whole although only a part of them was asked for, since not all of their calls are
    /// kept one by one.
    pub whole_days: Vec<Timestamp>,
}

impl Sessions {
    /// No session, of no call.
    pub const fn new() -> Self {
        Self { costs: Vec::new(), calls: 0, whole_days: Vec::new() }
    }
}

/// The cost of sessions; `calls` is how many calls there were.
pub(super) fn section(engine: &dyn Engine, range: Range, calls: u64) -> Result<Option<Section>, QueryError> {
    let Some(sessions) = engine.sessions(range)? else { return Ok(None) };
    let mut section = Section::upright(
        "sessions",
        "Sessions",
        &[
            "sessions",
            "session_cost",
            "mean_session_cost",
            "p50_session_cost",
            "p95_session_cost",
            "max_session_cost",
        ],
    );
    section.note = note(&sessions, calls);
    if !sessions.costs.is_empty() {
        section.push(Vec::new(), figures(sessions.costs));
    }
    Ok((!section.rows.is_empty() || section.note.is_some()).then_some(section))
}

/// What the figures are about, where that is not exactly what was asked for.
fn note(sessions: &Sessions, calls: u64) -> Option<String> {
    let mut parts = Vec::new();
    if sessions.calls < calls {
        parts.push(format!(
            "from {} of {calls} calls: the sessions of the others are not kept",
            sessions.calls
        ));
    }
    if !sessions.whole_days.is_empty() {
        let day = |at: &Timestamp| {
            let (year, month, day) = at.date();
            format!("{year:04}-{month:02}-{day:02}")
        };
        let days: Vec<_> = sessions.whole_days.iter().map(day).collect();
        parts.push(format!("with all of {}: not every call of it is kept one by one", days.join(" and of ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Count, sum, mean, and quantiles by nearest rank, which are exact.
fn figures(mut costs: Vec<CostSum>) -> Vec<Option<Quantity>> {
    let mut sum = CostSum::default();
    costs.iter().for_each(|cost| sum.merge(cost));
    let sure = matches!(sum.cost(), None | Some(Cost::Known(_)));
    let grade = |usd: Usd| Some(Quantity::Cost(if sure { Cost::Known(usd) } else { Cost::AtLeast(usd) }));
    // Per mille, so that ranks are whole numbers.
    let mut quantile = |share: usize| {
        let rank = (share * costs.len()).div_ceil(1_000).max(1);
        let place = rank.min(costs.len()).checked_sub(1)?;
        grade(costs.select_nth_unstable_by_key(place, |cost| cost.usd).1.usd)
    };
    let quantiles = [500, 950, 1_000].map(&mut quantile);
    let count = costs.len() as u64;
    vec![
        Some(Quantity::Count(count)),
        grade(sum.usd),
        grade(sum.usd.shared(count)),
        quantiles[0],
        quantiles[1],
        quantiles[2],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks_and_one_unpriced_session_makes_them_lower_bounds() {
        let dollars = |n: i64| CostSum::from(Cost::Known(Usd::from_dollars(n)));
        let known = |n: i64| Some(Quantity::Cost(Cost::Known(Usd::from_dollars(n))));
        let mut costs: Vec<_> = (1..=20).rev().map(dollars).collect();
        let mean = Some(Quantity::Cost(Cost::Known(Usd::from_nanos(10_500_000_000))));
        let wanted = vec![Some(Quantity::Count(20)), known(210), mean, known(10), known(19), known(20)];
        assert_eq!(figures(costs.clone()), wanted);
        costs.push(CostSum::from(Cost::Unpriced));
        let least = |n: i64| Some(Quantity::Cost(Cost::AtLeast(Usd::from_dollars(n))));
        let mean = least(10);
        assert_eq!(
            figures(costs),
            vec![Some(Quantity::Count(21)), least(210), mean, least(10), least(19), least(20)]
        );
        assert_eq!(figures(vec![CostSum::default()])[3], known(0));
    }
}
