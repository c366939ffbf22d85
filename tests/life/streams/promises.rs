//! What else streams promise.

use super::Step::{Error, Stops, Text as T, Usage as U, Waits};
use super::{Item, Local, Opening, SHAPES, Script, alias, called_inside, plain, poll_next};
use crate::block_on;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use jobmon::testing::Collect;
use jobmon::{Chunks, Cost, End, ErrorCategory, Usage, instrument_llm};
use std::io;
use std::task::Poll;
use std::time::Duration;

#[test]
fn items_and_size_hints_pass_through_as_they_are() {
    const SCRIPT: Script =
        Script { steps: &[T, U(9, 1), Error, Stops], exact: true, opening: Opening::Succeeds };
    fn shown<S: Stream<Item = Item>>(stream: S) -> Vec<String> {
        let mut stream = Box::pin(stream);
        let mut shown = vec![format!("{:?}", stream.size_hint())];
        while let Poll::Ready(Some(item)) = poll_next(stream.as_mut()) {
            shown.push(format!("{item:?} and {:?}", stream.size_hint()));
        }
        shown
    }
    let bare = shown(SCRIPT);
    for monitored in [false, true] {
        let installed = monitored.then(Collect::install);
        for (shape, _, open) in SHAPES {
            assert_eq!(shown(block_on(open(SCRIPT)).expect("it opens")), bare, "{shape}");
        }
        drop(installed);
    }
}

#[test]
fn usage_that_comes_once_is_the_last_thing_that_a_stream_tells() {
    // Items of which only one tells anything at all.
    #[instrument_llm(model = "gpt-4o-mini")]
    fn texts() -> BoxStream<'static, (&'static str, Option<Usage>)> {
        let items = [("a", None), ("b", None), ("", Some(Usage::new(9, 2)))];
        // It does not tell how many are left.
        stream::iter(items).flat_map(|item| stream::once(std::future::ready(item))).boxed()
    }
    for (polls, end) in [(2, End::Abandoned), (3, End::Ok)] {
        let (collect, _guard) = Collect::install();
        let mut stream = texts();
        for _ in 0..polls {
            assert!(poll_next(stream.as_mut()).is_ready());
        }
        drop(stream);
        assert_eq!(collect.only_call().end, end, "after {polls} of 3");
    }
}

#[test]
fn what_an_abandoned_stream_used_is_paid_for() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn ask(script: Script) -> impl Stream<Item = Item> {
        script
    }
    let (collect, _guard) = Collect::install();
    let mut stream =
        Box::pin(ask(Script { steps: &[U(1_000, 10), T, T], exact: true, opening: Opening::Succeeds }));
    assert!(poll_next(stream.as_mut()).is_ready());
    drop(stream);
    let call = collect.calls().pop().expect("the call");
    assert_eq!((call.end, call.usage()), (End::Abandoned, Some(Usage::new(1_000, 10))));
    // gpt-4o-mini: $0.15 and $0.60 per million.
    assert_eq!(call.cost, Some(Cost::Known(jobmon::Usd::from_nanos(156_000))));
}

#[test]
fn usage_of_items_is_read_as_that_of_values_is() {
    #[instrument_llm(model = "gpt-4o-mini", usage = |text| Usage::new(text.len() as u64, 0), error = |_| ErrorCategory::Quota)]
    fn told(fails: bool) -> BoxStream<'static, Result<&'static str, String>> {
        stream::iter([Ok("abc"), Ok("abcd"), Err("no".to_owned())]).take(if fails { 3 } else { 2 }).boxed()
    }
    #[instrument_llm(model = "gpt-4o-mini", usage = manual)]
    fn manual() -> BoxStream<'static, Usage> {
        stream::iter([Usage::new(1, 1); 3]).inspect(|_| _ = jobmon::observe(Usage::new(5, 1))).boxed()
    }
    #[instrument_llm(model = "gpt-4o-mini", usage = required)]
    fn required() -> BoxStream<'static, Usage> {
        stream::iter([Usage::new(1, 1), Usage::new(1, 7)]).boxed()
    }
    #[instrument_llm]
    fn around() -> impl Stream<Item = Usage> {
        required()
    }
    let (collect, _guard) = Collect::install();
    block_on(told(false).count());
    block_on(told(true).count());
    block_on(manual().count());
    block_on(around().count());
    let calls = collect.calls();
    let told: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.usage(), call.end)).collect();
    let expected = [
        ("told", Some(Usage::new(4, 0)), End::Ok),
        ("told", Some(Usage::new(4, 0)), End::Error),
        ("manual", Some(Usage::new(15, 3)), End::Ok),
        ("required", Some(Usage::new(1, 7)), End::Ok),
        ("around", None, End::Ok),
    ];
    assert_eq!(told, expected);
    assert_eq!(calls[1].failure.as_ref().map(|failure| failure.category), Some(ErrorCategory::Quota));
    assert_eq!(calls[3].parent, Some(calls[4].id.span));
}

#[test]
fn the_clock_of_a_stream_runs_from_its_first_poll_to_its_end() {
    const NAP: Duration = Duration::from_millis(5);
    #[instrument_llm(operation = retrieval)]
    fn naps() -> impl Stream<Item = u8> {
        stream::iter([1, 2, 3]).inspect(|_| std::thread::sleep(NAP))
    }
    let (collect, _guard) = Collect::install();
    let made = std::time::Instant::now();
    let mut stream = naps();
    std::thread::sleep(NAP);
    let polled = std::time::Instant::now();
    let before = polled - made;
    assert_eq!(block_on(stream.by_ref().count()), 3);
    let took = polled.elapsed();
    drop(stream);
    let call = collect.only_call();
    let Chunks { first, last, longest_gap, .. } = call.chunks.expect("chunks");
    assert!(
        first >= NAP && last >= first + 2 * NAP && longest_gap >= NAP,
        "{first:?} {last:?} {longest_gap:?}"
    );
    let duration = call.duration.expect("tracked");
    assert!(duration >= last && duration <= took, "{duration:?} of {took:?}, made {before:?} earlier");
}

#[test]
fn what_a_stream_holds_is_dropped_inside_its_call() {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            called_inside();
        }
    }
    #[instrument_llm(operation = retrieval)]
    fn holds() -> impl Stream<Item = u8> {
        let inside = Inside;
        stream::iter([1, 2]).inspect(move |_| _ = &inside)
    }
    let (collect, _guard) = Collect::install();
    let mut stream = Box::pin(holds());
    assert!(poll_next(stream.as_mut()).is_ready());
    drop(stream);
    drop(holds());
    let calls = collect.calls();
    let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["called_inside", "holds"].repeat(2));
    assert_eq!(calls[0].parent, Some(calls[1].id.span));
    assert_eq!(calls[2].parent, Some(calls[3].id.span));
}

#[test]
fn a_stream_read_on_other_threads_is_one_call() {
    let (collect, _guard) = Collect::install();
    let mut stream = alias(Script { steps: &[T, T, U(9, 2)], exact: false, opening: Opening::Succeeds });
    for _ in 0..4 {
        stream = std::thread::spawn(move || {
            assert!(poll_next(stream.as_mut()).is_ready());
            stream
        })
        .join()
        .expect("it reads");
    }
    let calls = collect.calls();
    let call = calls.iter().find(|call| call.name.as_str() == "alias").expect("the call");
    assert_eq!((call.end, call.usage(), calls.len()), (End::Ok, Some(Usage::new(9, 2)), 4));
    assert!(calls.iter().all(|inner| inner.id == call.id || inner.parent == Some(call.id.span)));
}

#[test]
fn side_by_side_each_stream_is_the_parent_of_its_own() {
    let (collect, _guard) = Collect::install();
    let script = Script { steps: &[T, T, T, T], exact: false, opening: Opening::Succeeds };
    let mut both = [Box::pin(plain(script)), Box::pin(plain(script))];
    for _ in 0..5 {
        both.iter_mut().for_each(|stream| assert!(poll_next(stream.as_mut()).is_ready()));
    }
    let calls = collect.calls();
    let ids: Vec<_> =
        calls.iter().filter(|call| call.name.as_str() == "plain").map(|call| call.id.span).collect();
    let of = |id| calls.iter().filter(|call| call.parent == Some(id)).count();
    assert_eq!(ids.iter().map(|id| of(*id)).collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn a_million_chunks_take_no_more_memory_than_ten() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn counts(to: u64) -> impl Stream<Item = Result<Usage, io::Error>> {
        stream::iter(0..to).map(|n| Ok(Usage::new(1, n)))
    }
    let (collect, _guard) = Collect::install();
    let read = |to| {
        let mut stream = Box::pin(counts(to));
        allocation_counter::measure(|| (0..to).for_each(|_| assert!(poll_next(stream.as_mut()).is_ready())))
    };
    let (few, many) = (read(10), read(1_000_000));
    assert_eq!((many.count_total, many.bytes_max), (few.count_total, few.bytes_max));
    let calls = collect.calls();
    assert_eq!(calls[1].usage(), Some(Usage::new(1, 999_999)));
    assert_eq!(calls[1].chunks.as_ref().map(|chunks| chunks.count), Some(1_000_000));
}

#[test]
fn without_a_monitor_a_stream_allocates_what_it_did() {
    const SCRIPT: Script = Script { steps: &[T, U(9, 1), Waits, T], exact: true, opening: Opening::Succeeds };
    let allocations = |make: fn() -> Local| {
        let read = || {
            let mut stream = make();
            while !matches!(poll_next(stream.as_mut()), Poll::Ready(None)) {}
        };
        read();
        allocation_counter::measure(read).count_total
    };
    let bare = allocations(|| Box::pin(SCRIPT));
    assert_eq!(allocations(|| Box::pin(plain(SCRIPT))), bare);
    assert_eq!(allocations(|| Box::pin(alias(SCRIPT))), bare + 1, "the body's box and that of its caller");
}
