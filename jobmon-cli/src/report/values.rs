//! What outcomes are worth, where the report is told.

use crate::commands::{Message, message};
use jobmon_core::report::{Section, Sessions};
use jobmon_core::{
    Aggregate, Dimension, Engine, EngineError, Key, Quantity, Query, Range, Text, Timestamp, Usd,
};
use std::collections::BTreeMap;

/// A history whose outcomes have other values.
pub(super) struct Valued<'a> {
    history: &'a dyn Engine,
    /// Whatever was reported, outcomes of these kinds are worth this.
    replaced: BTreeMap<Text, Usd>,
    /// Outcomes of these kinds are worth this where no value was reported.
    configured: BTreeMap<Text, Usd>,
    /// Each of them.
    unvalued: Vec<(Timestamp, Key, Usd)>,
}

/// `application=25`, `application=$25`.
pub(super) fn parse(text: &str) -> Result<(Text, Usd), String> {
    let (kind, amount) =
        text.split_once('=').ok_or("expected a kind and US dollars such as `application=25`")?;
    let usd = amount.parse().map_err(|error: jobmon_core::ParseUsdError| error.to_string())?;
    Ok((Text::copied(kind.trim()), usd))
}

impl<'a> Valued<'a> {
    /// Values for outcomes of a range: from the command line, and from the configuration.
    pub(super) fn new(
        history: &'a dyn Engine,
        given: &[(Text, Usd)],
        mut configured: BTreeMap<Text, Usd>,
        range: Range,
    ) -> Result<Self, Message> {
        let mut replaced = BTreeMap::new();
        for (kind, usd) in given {
            if replaced.insert(kind.clone(), *usd).is_some() {
                return Err(format!("--value: `{kind}` is given twice; give it once"));
            }
        }
        configured.retain(|kind, _| !replaced.contains_key(kind));
        let mut unvalued = Vec::new();
        if !configured.is_empty() {
            let mut add = |resource: &_, event: &jobmon_core::Event| {
                let key = Key::of(resource, event);
                let value = key.get(Dimension::Outcome).and_then(|kind| configured.get(kind)).copied();
                unvalued.extend(value.map(|usd| (event.at(), key, usd)));
            };
            history.outcomes_without_value(range, &mut add).map_err(message)?;
        }
        Ok(Self { history, replaced, configured, unvalued })
    }

    /// Says which values are not those that were reported; `None` where all are.
    pub(super) fn section(&self) -> Option<Section> {
        let mut section = Section::new(
            "values",
            "Values of outcomes that were not reported",
            ["outcome", "source"],
            ["value"],
        );
        for (values, source) in [(&self.replaced, "command line"), (&self.configured, "configuration")] {
            for (kind, usd) in values {
                section.push(
                    vec![Some(kind.clone()), Some(Text::literal(source))],
                    vec![Some(Quantity::Usd(*usd))],
                );
            }
        }
        let note = "Those of the command line are for every outcome of the kind, whatever was reported; those of the \
                    configuration for outcomes that were reported without a value.";
        section.note = Some(note.to_owned());
        (!section.rows.is_empty()).then_some(section)
    }
}

impl Engine for Valued<'_> {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        self.history.scan(query, &mut |at, key, aggregate| match key
            .get(Dimension::Outcome)
            .and_then(|kind| self.replaced.get(kind))
        {
            Some(usd) => {
                let mut valued = aggregate.clone();
                let count = i64::try_from(valued.outcomes).unwrap_or(i64::MAX);
                valued.outcome_value = Usd::from_nanos(usd.nanos().saturating_mul(count));
                visit(at, key, &valued);
            }
            None => visit(at, key, aggregate),
        })?;
        for (at, key, usd) in self.unvalued.iter().filter(|(at, ..)| query.range.contains(*at)) {
            // The outcome itself is counted already.
            let mut value = Aggregate::default();
            value.outcome_value = *usd;
            visit(*at, key, &value);
        }
        Ok(())
    }

    fn sessions(&self, range: Range) -> Result<Option<Sessions>, EngineError> {
        self.history.sessions(range)
    }
}
