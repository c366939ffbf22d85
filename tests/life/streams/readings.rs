//! Each way to read a stream, and each way not to open one, of each shape.

use super::Step::{Error, Panic, Stops, Text as T, Usage as U, Waits};
use super::{Can, Local, Opening, SHAPES, Script, Step, poll_next};
use crate::{block_on, poll_once};
use jobmon::testing::Collect;
use jobmon::{End, ErrorCategory, Settings, Usage, Warnings, instrument_llm};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// How a stream is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// Dropped after so many polls.
    Polls(usize),
    ToTheEnd,
    /// And asked again afterwards.
    BeyondTheEnd,
}
use Read::{BeyondTheEnd, Polls, ToTheEnd};

impl Read {
    fn read(self, mut stream: Local) {
        let mut ended = 0;
        let polls = if let Polls(polls) = self { polls } else { usize::MAX };
        let ends = if let BeyondTheEnd = self { 3 } else { 1 };
        for _ in 0..polls {
            ended += usize::from(matches!(poll_next(stream.as_mut()), Poll::Ready(None)));
            if ended == ends {
                break;
            }
        }
    }
}

/// What is recorded of a stream.
#[derive(Debug, PartialEq)]
struct Recorded {
    end: End,
    category: Option<ErrorCategory>,
    usage: Option<Usage>,
    chunks: u64,
}

const fn recorded(end: End, usage: Option<(u64, u64)>, chunks: u64) -> Recorded {
    let category = match end {
        End::Error => Some(ErrorCategory::Timeout),
        End::Panicked => Some(ErrorCategory::Panic),
        End::Cancelled => Some(ErrorCategory::Cancelled),
        _ => None,
    };
    let usage = match usage {
        Some((input, output)) => Some(Usage::new(input, output)),
        None => None,
    };
    Recorded { end, category, usage, chunks }
}

/// Streams, how they are read, and what comes of it.
const READINGS: [(&str, Script, Read, Recorded); 20] = {
    const fn script(steps: &'static [Step]) -> Script {
        Script { steps, exact: false, opening: Opening::Succeeds }
    }
    const fn exact(steps: &'static [Step]) -> Script {
        Script { exact: true, ..script(steps) }
    }
    [
        ("read to the end", script(&[T, Waits, T, U(9, 2)]), ToTheEnd, recorded(End::Ok, Some((9, 2)), 3)),
        ("asked after the end", script(&[T, T, U(9, 2)]), BeyondTheEnd, recorded(End::Ok, Some((9, 2)), 3)),
        ("empty", script(&[]), ToTheEnd, recorded(End::Ok, None, 0)),
        (
            "the last usage counts",
            script(&[U(9, 1), U(9, 5), T]),
            ToTheEnd,
            recorded(End::Ok, Some((9, 5)), 3),
        ),
        ("left after the last, which it tells", exact(&[T, T]), Polls(2), recorded(End::Ok, None, 2)),
        ("left after a finish reason", script(&[T, Stops]), Polls(2), recorded(End::Ok, None, 2)),
        ("left between both", script(&[T, Stops, U(9, 2)]), Polls(2), recorded(End::Ok, None, 2)),
        ("left after both", script(&[T, Stops, U(9, 2)]), Polls(3), recorded(End::Ok, Some((9, 2)), 3)),
        ("left after the usage", script(&[T, T, U(9, 2)]), Polls(3), recorded(End::Ok, Some((9, 2)), 3)),
        ("left in the middle", script(&[T, T, U(9, 2)]), Polls(1), recorded(End::Abandoned, None, 1)),
        ("left in the middle, it tells", exact(&[T, T]), Polls(1), recorded(End::Abandoned, None, 1)),
        (
            "left after some usage",
            script(&[U(9, 1), U(9, 2), T]),
            Polls(2),
            recorded(End::Abandoned, Some((9, 2)), 2),
        ),
        ("left while it waits", script(&[T, Waits, T]), Polls(2), recorded(End::Abandoned, None, 1)),
        ("never polled", script(&[T]), Polls(0), recorded(End::Abandoned, None, 0)),
        (
            "an error comes last",
            script(&[T, U(9, 1), Error]),
            ToTheEnd,
            recorded(End::Error, Some((9, 1)), 2),
        ),
        ("left after an error", script(&[T, Error, T]), Polls(2), recorded(End::Error, None, 1)),
        ("an error and more", script(&[T, Error, U(9, 2)]), ToTheEnd, recorded(End::Ok, Some((9, 2)), 2)),
        (
            "left after an error and more",
            script(&[T, Error, T, T]),
            Polls(3),
            recorded(End::Abandoned, None, 2),
        ),
        ("only errors", script(&[Error, Error]), ToTheEnd, recorded(End::Error, None, 0)),
        ("panics", script(&[U(9, 1), Panic]), ToTheEnd, recorded(End::Panicked, Some((9, 1)), 1)),
    ]
};

/// Streams that are not opened, and which shapes that can happen to.
const NOT_OPENED: [(Opening, &[Can], Recorded); 3] = [
    (Opening::Fails, &[Can::Fail, Can::FailAndWait], recorded(End::Error, None, 0)),
    (
        Opening::Panics,
        &[Can::Nothing, Can::Fail, Can::Wait, Can::FailAndWait],
        recorded(End::Panicked, None, 0),
    ),
    (Opening::Waits, &[Can::Wait, Can::FailAndWait], recorded(End::Cancelled, None, 0)),
];

#[instrument_llm]
fn parent(inside: &dyn Fn()) {
    inside();
}

/// Checks what is recorded of something, with and without a parent, and what is called inside of it.
fn check(what: &str, inside: &dyn Fn(), expected: &Recorded) {
    for with_parent in [false, true] {
        let what = format!("{what}, parent: {with_parent}");
        let mut settings = Settings::default();
        settings.warnings = Warnings::to(|_| {});
        let (collect, _guard) = Collect::install_with(settings);
        let run = || drop(catch_unwind(AssertUnwindSafe(inside)));
        if with_parent {
            parent(&run);
        } else {
            run();
        }
        let mut calls = collect.calls();
        let outer = with_parent.then(|| calls.pop().expect("the parent")).map(|outer| outer.id);
        let call = calls.pop().expect("the call");
        assert!(calls.iter().all(|inner| inner.name.as_str() == "called_inside"), "{what}: {calls:#?}");
        assert!(calls.iter().all(|inner| inner.parent == Some(call.id.span)), "{what}: {calls:#?}");
        let usage = call.usage();
        let category = call.failure.as_ref().map(|failure| failure.category);
        let chunks = call.chunks.as_ref().map_or(0, |chunks| chunks.count);
        assert_eq!(&Recorded { end: call.end, category, usage, chunks }, expected, "{what}");
        assert_eq!(call.first_token, call.chunks.as_ref().map(|chunks| chunks.first), "{what}");
        assert!(call.chunks.as_ref().is_none_or(|chunks| Some(chunks.last) <= call.duration), "{what}");
        assert_eq!(call.parent, outer.map(|outer| outer.span), "{what}");
        assert_eq!(call.root, outer.map_or(call.id.span, |outer| outer.span), "{what}");
        assert_eq!(jobmon::current().id(), None, "{what}: nothing is current afterwards");
    }
}

#[test]
fn every_way_to_read_a_stream_of_every_shape_is_recorded_once() {
    for (shape, _, open) in SHAPES {
        for (reading, script, read, expected) in &READINGS {
            let run = || read.read(block_on(open(*script)).expect("it opens"));
            check(&format!("{shape}, {reading}"), &run, expected);
        }
    }
}

#[test]
fn every_way_not_to_open_a_stream_is_recorded_once() {
    for (shape, can, open) in SHAPES {
        for (opening, shapes, expected) in NOT_OPENED {
            if !shapes.contains(&can) {
                continue;
            }
            let run = || {
                let mut opened = open(Script { steps: &[T], exact: false, opening });
                if opening == Opening::Waits {
                    assert!(poll_once(opened.as_mut()).is_pending());
                } else {
                    assert!(block_on(opened).is_err());
                }
            };
            check(&format!("{shape}, {opening:?}"), &run, &expected);
        }
    }
}
