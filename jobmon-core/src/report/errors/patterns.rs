//! Failures that look alike.

use crate::event::CallRecord;
use crate::failure::Failure;
use crate::id::CallId;
use crate::measure::Quantity;
use crate::query::Range;
use crate::report::Section;
use crate::report::quality::cut;
use crate::text::Text;
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Failures by category, call and pattern of the message.
pub(super) struct Patterns {
    range: Range,
    found: BTreeMap<[Option<Text>; 4], Seen>,
}

struct Seen {
    calls: u64,
    /// When each failure was, by the start of its call.
    at: Vec<Timestamp>,
    example: CallId,
}

impl Patterns {
    pub(super) const fn new(range: Range) -> Self {
        Self { range, found: BTreeMap::new() }
    }

    /// Calls come in order of time.
    pub(super) fn add(&mut self, call: &CallRecord) {
        if self.range.since == Timestamp::MIN {
            self.range.since = call.start;
        }
        for failure in call.failures() {
            let of = [
                Some(Text::literal(failure.category.name())),
                Some(call.name.clone()),
                call.model_name().cloned(),
                Some(pattern(failure)),
            ];
            let seen = self.found.entry(of).or_insert(Seen { calls: 0, at: Vec::new(), example: call.id });
            if seen.at.is_empty() || seen.example != call.id {
                seen.calls += 1;
            }
            seen.at.push(call.start);
            seen.example = call.id;
        }
    }

    pub(super) fn section(self) -> Section {
        let groups = ["category", "name", "model", "pattern", "first", "last", "example"];
        let mut section =
            Section::new("patterns", "Failures that look alike", groups, ["failures", "calls", "change"]);
        let until = self.range.until.min(Timestamp::now());
        let passed = until.nanos().saturating_sub(self.range.since.nanos()).unsigned_abs();
        let middle = self.range.since.plus(std::time::Duration::from_nanos(passed / 2));
        let mut found: Vec<_> = self.found.into_iter().collect();
        found.sort_by(|(one, a), (other, b)| {
            Reverse(a.at.len()).cmp(&Reverse(b.at.len())).then(one.cmp(other))
        });
        for (of, seen) in found {
            let moment = |at: Option<&Timestamp>| at.map(|at| Text::from(at.to_string()));
            let mut group = of.to_vec();
            group.extend([moment(seen.at.first()), moment(seen.at.last())]);
            group.push(Some(Text::from(seen.example.to_string())));
            let early = seen.at.iter().filter(|at| **at < middle).count();
            let late = seen.at.len() - early;
            #[expect(clippy::cast_precision_loss, reason = "a change is a rounded figure")]
            let change = (early > 0).then(|| Quantity::Change((late as f64 - early as f64) / early as f64));
            let counts = [seen.at.len() as u64, seen.calls].map(|count| Some(Quantity::Count(count)));
            section.push(group, counts.into_iter().chain([change]).collect());
        }
        cut(&mut section, "patterns");
        section
    }
}

/// The message of a failure without what differs from one to the next: runs of letters, digits, `_` and `-` that have a
/// digit become `#`.
fn pattern(failure: &Failure) -> Text {
    let Some(message) = &failure.message else { return Text::literal("(no message)") };
    let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut pattern = String::with_capacity(message.len());
    let mut rest = message.as_str();
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| of_word(c) != of_word(first)).unwrap_or(rest.len());
        let (this, after) = rest.split_at(run);
        let varies = of_word(first) && this.chars().any(char::is_numeric);
        pattern.push_str(if varies { "#" } else { this });
        rest = after;
    }
    Text::from(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCategory;

    #[test]
    fn numbers_and_ids_make_no_difference() {
        let of = |message: &'static str| {
            let mut failure = Failure::new(ErrorCategory::Other);
            failure.message = (!message.is_empty()).then(|| Text::literal(message));
            pattern(&failure).to_string()
        };
        assert_eq!(of("HTTP 429: try again in 1.5s (req_8aF-x)"), "HTTP #: try again in #.# (#)");
        assert_eq!(of("job job-17, 3 of 4"), "job #, # of #");
        assert_eq!(of("expected `,` or `}` at line 3 column 12"), "expected `,` or `}` at line # column #");
        assert_eq!(of("Über-lang"), "Über-lang");
        assert_eq!(of(""), "(no message)");
    }
}
