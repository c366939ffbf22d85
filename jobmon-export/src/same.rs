//! Whether an event is one that is there already.

use jobmon_core::Event;

/// Whether two facts of one moment are one: a history knows more of the call that a fact is about than who told it.
pub(crate) fn says_the_same(known: &Event, event: &Event) -> bool {
    let call = |event: &Event| event.fact().and_then(|fact| fact.call);
    if call(known) != call(event) {
        return false;
    }
    match (known, event) {
        (Event::Score(a), Event::Score(b)) => a.name == b.name && a.value.to_bits() == b.value.to_bits(),
        (Event::Feedback(a), Event::Feedback(b)) => a.verdict == b.verdict,
        (Event::Outcome(a), Event::Outcome(b)) => a.kind == b.kind && a.value == b.value,
        (Event::Search(a), Event::Search(b)) => a.query == b.query && a.results == b.results,
        (Event::Label(a), Event::Label(b)) => {
            (a.side, &a.name, &a.key, a.value) == (b.side, &b.name, &b.key, b.value)
        }
        (Event::Late(a), Event::Late(b)) => a.answer == b.answer,
        _ => false,
    }
}
