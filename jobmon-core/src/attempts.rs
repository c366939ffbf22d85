//! [`Attempts`]: numbered as they begin, recorded as they end.

use crate::event::{Attempt, CallRecord};
use crate::failure::Failure;
use std::time::{Duration, Instant};

/// Attempts kept for one call: enough for any honest function, and a bound for a runaway loop.
const MOST: usize = 1_024;

/// The attempts of one call.
///
/// Retries may be nested: a function that is retried calls a client that retries each request. Then the innermost
/// attempts are the attempts, as they are what was sent; those around them add only why they failed.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    begun: u32,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    number: u32,
    began: Instant,
    /// The last attempt begun inside this one.
    inner: Option<u32>,
}

impl Attempts {
    /// The attempt that something belongs to which happens outside of any: the last one.
    pub(crate) fn last(&self) -> u32 {
        self.begun.max(1)
    }

    /// Begins an attempt, maybe inside another one (0 is none), and gives its number. The first one inside another
    /// has its number.
    pub(crate) fn begin(&mut self, outer: u32) -> u32 {
        let next = self.begun.saturating_add(1);
        let outer = self.open.iter_mut().rev().find(|open| open.number == outer);
        let number = match outer {
            Some(Open { number, inner: inner @ None, .. }) => *inner.insert(*number),
            Some(Open { inner: Some(inner), .. }) => {
                *inner = next;
                next
            }
            None => next,
        };
        self.begun = self.begun.max(number);
        self.open.push(Open { number, began: Instant::now(), inner: None });
        number
    }

    /// Ends an attempt at a moment, given when its call began; false when there was no room to record it.
    pub(crate) fn end(
        &mut self,
        record: &mut CallRecord,
        (call_began, now): (Instant, Instant),
        number: u32,
        failure: Option<Failure>,
    ) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open.number == number) else { return true };
        let open = self.open.remove(at);
        if let Some(inner) = open.inner {
            let inner = record.attempts.iter_mut().find(|attempt| attempt.number == inner);
            if let Some(inner) = inner {
                inner.failure = inner.failure.take().or(failure);
            }
            return true;
        }
        let room = record.attempts.len() < MOST;
        if room {
            let after = open.began.saturating_duration_since(call_began);
            let took = now.saturating_duration_since(open.began);
            record.attempts.push(Attempt::new(number, after, took, failure));
        }
        room
    }

    /// Ends what is still open because its call ends, innermost first; then puts all in order and tells how long each
    /// was waited for.
    pub(crate) fn finish(
        &mut self,
        record: &mut CallRecord,
        times: (Instant, Instant),
        failure: Option<&Failure>,
    ) {
        while let Some(number) = self.open.last().map(|open| open.number) {
            self.end(record, times, number, failure.cloned());
        }
        record.attempts.sort_by_key(|attempt| attempt.number);
        let mut ended = None;
        for attempt in &mut record.attempts {
            // The first is not waited for; what overlaps is not, either.
            let waited = ended.map_or(Duration::ZERO, |ended| attempt.after.saturating_sub(ended));
            attempt.backoff = waited;
            ended = ended.max(Some(attempt.after.saturating_add(attempt.duration)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallId, ErrorCategory, Operation, SpanId, Text, Timestamp, TraceId};

    fn record() -> CallRecord {
        let id = CallId { trace: TraceId::random(), span: SpanId::random() };
        CallRecord::new(id, Text::literal("ask"), Operation::Chat, Timestamp::now())
    }

    fn numbers(record: &CallRecord) -> Vec<(u32, Option<ErrorCategory>)> {
        let category = |attempt: &Attempt| attempt.failure.as_ref().map(|failure| failure.category);
        record.attempts.iter().map(|attempt| (attempt.number, category(attempt))).collect()
    }

    #[test]
    fn attempts_inside_an_attempt_are_the_attempts() {
        let (mut attempts, mut record) = (Attempts::default(), record());
        let began = (Instant::now(), Instant::now());
        let rate_limit = || Some(Failure::new(ErrorCategory::RateLimit));
        let outer = attempts.begin(0);
        let first = attempts.begin(outer);
        attempts.end(&mut record, began, first, rate_limit());
        let second = attempts.begin(outer);
        attempts.end(&mut record, began, second, None);
        // The answer came and could not be read.
        attempts.end(&mut record, began, outer, Some(Failure::new(ErrorCategory::Parsing)));
        let last = attempts.begin(0);
        attempts.end(&mut record, began, last, None);
        attempts.finish(&mut record, began, None);
        let expected = [(1, Some(ErrorCategory::RateLimit)), (2, Some(ErrorCategory::Parsing)), (3, None)];
        assert_eq!(numbers(&record), expected);
    }

    #[test]
    fn what_is_open_ends_with_its_call() {
        let (mut attempts, mut record) = (Attempts::default(), record());
        let began = (Instant::now(), Instant::now());
        let outer = attempts.begin(0);
        let _inner = attempts.begin(outer);
        attempts.finish(&mut record, began, Some(&Failure::new(ErrorCategory::Cancelled)));
        assert_eq!(numbers(&record), [(1, Some(ErrorCategory::Cancelled))]);
    }

    #[test]
    fn waiting_is_told_apart_from_working() {
        let (mut attempts, mut record) = (Attempts::default(), record());
        let seconds = Duration::from_secs;
        for (number, after, duration) in [(2, 5, 1), (1, 0, 2), (3, 5, 4), (4, 10, 1)] {
            record.attempts.push(Attempt::new(number, seconds(after), seconds(duration), None));
        }
        attempts.finish(&mut record, (Instant::now(), Instant::now()), None);
        let waited: Vec<_> = record.attempts.iter().map(|attempt| attempt.backoff.as_secs()).collect();
        assert_eq!(waited, [0, 3, 0, 1]);
        assert_eq!(record.backoff(), seconds(4));
    }
}
