//! Insights as text, as Markdown and as JSON.

use super::{Insight, Insights, Undecided};
use crate::measure::Quantity;
use crate::money::Cost;
use crate::report::figure_to_json;
use crate::table::printable;
use crate::text::Text;
use serde_json::{Map, Value, json};

/// Version of the form of [`Insights::to_json`].
const SCHEMA: u32 = 1;

type Subject = [(&'static str, Option<Text>)];

impl Insights {
    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("LLM insights, {} to {}\n", self.range.since, self.range.until);
        if self.found.is_empty() {
            text.push_str("\nNothing was found that would save money.\n");
        }
        for (number, insight) in (1..).zip(&self.found) {
            text.push_str(&format!(
                "\n{number}. {} {}\n   {} a month, {} confidence\n   {}\n   prices: {}\n",
                insight.kind.meaning(),
                subject(&insight.subject),
                saves(insight),
                insight.confidence,
                printable(&insight.arithmetic),
                insight.prices,
            ));
        }
        for (heading, undecided) in self.undecided() {
            text.push_str(&format!("\n{heading}\n"));
            for one in undecided {
                text.push_str(&format!("  {}\n", line(one)));
            }
        }
        text
    }

    /// For a document.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# LLM insights\n\n{} to {}\n", self.range.since, self.range.until);
        if self.found.is_empty() {
            text.push_str("\nNothing was found that would save money.\n");
        }
        for insight in &self.found {
            text.push_str(&format!(
                "\n## {}\n\n{}\n\n- **{}** a month, {} confidence\n- {}\n- prices: {}\n",
                insight.kind.meaning(),
                escaped(&subject(&insight.subject)),
                saves(insight),
                insight.confidence,
                escaped(&printable(&insight.arithmetic)),
                escaped(&insight.prices),
            ));
        }
        for (heading, undecided) in self.undecided() {
            text.push_str(&format!("\n## {heading}\n\n"));
            undecided.iter().for_each(|one| text.push_str(&format!("- {}\n", escaped(&line(one)))));
        }
        text
    }

    fn undecided(&self) -> impl Iterator<Item = (&'static str, &[Undecided])> {
        let all = [("Ruled out", &self.ruled_out[..]), ("Not enough data", &self.not_enough[..])];
        all.into_iter().filter(|(_, undecided)| !undecided.is_empty())
    }

    /// For machines: `{"schema", "since", "until", "insights": [{"kind", "subject", "calls", "affected_calls", "saving",
    /// "saving_per_month", "confidence", "arithmetic", "prices"}], "ruled_out": [{"kind", "subject", "reason"}],
    /// "not_enough_data": ..}`. Money is whole nanodollars.
    pub fn to_json(&self) -> Value {
        let insight = |insight: &Insight| {
            json!({
                "kind": insight.kind.name(),
                "subject": object(&insight.subject),
                "calls": insight.calls,
                "affected_calls": insight.affected,
                "saving": figure_to_json(Quantity::Cost(insight.saving)),
                "saving_per_month": {
                    "nanodollars": insight.month.usd.nanos(),
                    "low": insight.month.low.nanos(),
                    "high": insight.month.high.nanos(),
                },
                "confidence": insight.confidence.name(),
                "arithmetic": insight.arithmetic,
                "prices": insight.prices.as_str(),
            })
        };
        let undecided = |all: &[Undecided]| {
            let one = |one: &Undecided| json!({ "kind": one.kind.name(), "subject": object(&one.subject), "reason": one.reason });
            all.iter().map(one).collect::<Vec<_>>()
        };
        json!({
            "schema": SCHEMA,
            "since": self.range.since.to_string(),
            "until": self.range.until.to_string(),
            "insights": self.found.iter().map(insight).collect::<Vec<_>>(),
            "ruled_out": undecided(&self.ruled_out),
            "not_enough_data": undecided(&self.not_enough),
        })
    }
}

fn saves(insight: &Insight) -> String {
    let usd = insight.month.usd;
    let cost = if let Cost::Known(_) = insight.saving { Cost::Known(usd) } else { Cost::AtLeast(usd) };
    Quantity::Estimate(cost).to_string()
}

fn object(subject: &Subject) -> Map<String, Value> {
    subject.iter().map(|(name, value)| ((*name).to_owned(), json!(value.as_deref()))).collect()
}

fn subject(subject: &Subject) -> String {
    let told =
        subject.iter().filter_map(|(name, value)| Some(format!("{name}={}", printable(value.as_ref()?))));
    told.collect::<Vec<_>>().join(", ")
}

fn line(one: &Undecided) -> String {
    format!("{}: {}: {}", one.kind, subject(&one.subject), printable(&one.reason))
}

/// Text that Markdown takes for nothing but text.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "\\`*_{}[]<>#|".contains(c).then_some('\\').into_iter().chain([c])).collect()
}
