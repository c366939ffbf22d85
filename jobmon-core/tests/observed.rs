//! Streams that are read inside a call tell it their chunks and their usage.

use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt, stream};
use jobmon_core::testing::Collect;
use jobmon_core::{
    CallRecord, End, LlmResponse, Text, Usage, attempt, instrument_llm, observe_at_end, observe_stream,
};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// A part of an answer.
#[derive(Clone, Debug, LlmResponse)]
#[llm(crate = ::jobmon_core)]
struct Chunk {
    text: &'static str,
    #[llm(usage)]
    usage: Option<Usage>,
    #[llm(model)]
    model: Option<&'static str>,
    #[llm(finish_reason)]
    finish: Option<&'static str>,
}

const fn text(text: &'static str) -> Chunk {
    Chunk { text, usage: None, model: Some("gpt-4o-mini"), finish: None }
}

const fn usage(input: u64, output: u64) -> Chunk {
    Chunk { text: "", usage: Some(Usage::new(input, output)), model: None, finish: Some("stop") }
}

type Told = Result<Chunk, io::Error>;

async fn read(chunks: impl Stream<Item = Told>) -> Result<String, io::Error> {
    let mut chunks = pin!(chunks);
    let mut whole = String::new();
    while let Some(chunk) = chunks.next().await {
        whole.push_str(chunk?.text);
    }
    Ok(whole)
}

/// Gives no response, so that all usage is from the stream.
#[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
async fn ask(chunks: Vec<Told>) -> Result<String, io::Error> {
    read(observe_stream(stream::iter(chunks))).await
}

/// The usage of each answer.
fn used(call: &CallRecord) -> Vec<Option<Usage>> {
    call.answers.iter().map(|answer| answer.answer.usage).collect()
}

fn chunks(call: &CallRecord) -> u64 {
    call.chunks.as_ref().map_or(0, |chunks| chunks.count)
}

#[test]
fn a_stream_that_is_read_to_its_end_is_one_answer() {
    let (collect, _guard) = Collect::install();
    let whole = block_on(ask(vec![Ok(text("Dear ")), Ok(text("team")), Ok(usage(12, 2))])).unwrap();
    assert_eq!(whole, "Dear team");
    let call = collect.only_call();
    assert_eq!((call.end, used(&call), chunks(&call)), (End::Ok, vec![Some(Usage::new(12, 2))], 3));
    let answer = &call.answers[0].answer;
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(answer.finish_reasons, ["stop"]);
    assert!(call.first_token.is_some() && !call.usage_missing);
}

#[test]
fn of_counts_that_grow_the_latest_are_the_usage() {
    let (collect, _guard) = Collect::install();
    block_on(ask(vec![Ok(usage(12, 1)), Ok(usage(12, 20)), Ok(text("end"))])).unwrap();
    assert_eq!(used(&collect.only_call()), [Some(Usage::new(12, 20))]);
}

#[test]
fn a_stream_that_fails_tells_what_came_before_and_its_error_is_no_chunk() {
    let (collect, _guard) = Collect::install();
    let broken = io::ErrorKind::ConnectionReset.into();
    block_on(ask(vec![Ok(usage(12, 1)), Err(broken), Ok(usage(12, 9))])).unwrap_err();
    let call = collect.only_call();
    assert_eq!((call.end, used(&call), chunks(&call)), (End::Error, vec![Some(Usage::new(12, 1))], 1));
}

#[test]
fn a_stream_that_is_left_or_whose_call_is_dropped_tells_what_it_used_so_far() {
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    async fn first(chunks: impl Stream<Item = Chunk> + Unpin) -> Option<&'static str> {
        let mut chunks = observe_stream(chunks);
        chunks.next().await.map(|chunk| chunk.text)
    }
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    async fn all(chunks: impl Stream<Item = Chunk> + Unpin) -> usize {
        observe_stream(chunks).count().await
    }

    let (collect, _guard) = Collect::install();
    assert!(block_on(first(stream::iter([usage(12, 1), usage(12, 9)]))).is_some());
    let stuck = stream::iter([usage(12, 1), usage(12, 5)]).chain(stream::pending());
    assert!(all(stuck).now_or_never().is_none());
    let calls = collect.calls();
    assert_eq!((calls[0].end, used(&calls[0])), (End::Ok, vec![Some(Usage::new(12, 1))]));
    assert_eq!((calls[1].end, used(&calls[1])), (End::Cancelled, vec![Some(Usage::new(12, 5))]));
    assert_eq!(collect.guard().delivery().late, 0);
}

#[test]
fn an_answer_belongs_to_the_attempt_that_reads_it() {
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    async fn ask_twice() -> Result<String, io::Error> {
        let broken = || Err(io::ErrorKind::ConnectionReset.into());
        let tried = vec![Ok(usage(12, 1)), broken()];
        let _ = attempt(read(observe_stream(stream::iter(tried)))).await;
        attempt(read(observe_stream(stream::iter([Ok(usage(12, 9))])))).await
    }

    let (collect, _guard) = Collect::install();
    block_on(ask_twice()).unwrap();
    let call = collect.only_call();
    let attempts: Vec<_> = call.answers.iter().map(|answer| answer.attempt).collect();
    assert_eq!((attempts, used(&call).len(), call.attempt_count()), (vec![1, 2], 2, 2));
}

#[test]
fn the_call_is_told_that_polls_first_and_only_once() {
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    async fn ask(mut chunks: Pin<&mut (impl Stream<Item = Chunk> + Sized)>) {
        while chunks.next().await.is_some() {}
        assert!(chunks.next().await.is_none());
    }

    let (collect, _guard) = Collect::install();
    block_on(ask(pin!(observe_stream(stream::iter([usage(12, 2)]).fuse()))));
    assert_eq!(used(&collect.only_call()), [Some(Usage::new(12, 2))]);
}

#[test]
fn chunks_of_a_stream_that_is_made_of_another_are_counted_once() {
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    fn letters(chunks: Vec<Chunk>) -> impl Stream<Item = char> {
        observe_stream(stream::iter(chunks)).flat_map(|chunk| stream::iter(chunk.text.chars()))
    }

    let (collect, _guard) = Collect::install();
    assert_eq!(block_on(letters(vec![text("Hi"), usage(12, 2)]).collect::<String>()), "Hi");
    let call = collect.only_call();
    assert_eq!((call.end, used(&call), chunks(&call)), (End::Ok, vec![Some(Usage::new(12, 2))], 2));
}

/// A stream that is the answer once it has been read.
struct Completion {
    left: u32,
    panics: bool,
}

impl Stream for Completion {
    type Item = &'static str;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<&'static str>> {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        Poll::Ready(left.map(|_| "word"))
    }
}

impl LlmResponse for Completion {
    fn usage(&self) -> Option<Usage> {
        assert!(!self.panics);
        (self.left == 0).then_some(Usage::new(12, 2))
    }

    fn model(&self) -> Option<Text> {
        Some(Text::literal("gpt-4o-mini"))
    }
}

#[test]
fn a_stream_that_is_an_answer_is_read_at_its_end() {
    #[instrument_llm(crate = ::jobmon_core, provider = "openai", model = "gpt-4o-mini")]
    async fn ask(mut completion: Completion, most: usize) -> u32 {
        let read = observe_at_end(&mut completion).take(most).count().await;
        assert!(read <= most);
        completion.left
    }

    let (collect, _guard) = Collect::install();
    assert_eq!(block_on(ask(Completion { left: 2, panics: false }, 9)), 0);
    assert_eq!(block_on(ask(Completion { left: 2, panics: false }, 1)), 1);
    // Reading it panics: the function does not.
    assert_eq!(block_on(ask(Completion { left: 2, panics: true }, 9)), 0);
    let calls = collect.calls();
    assert_eq!((used(&calls[0]), chunks(&calls[0])), (vec![Some(Usage::new(12, 2))], 2));
    assert_eq!((used(&calls[1]), chunks(&calls[1])), (vec![None], 1), "an answer whose usage is not known");
    assert_eq!((calls[2].end, used(&calls[2]), chunks(&calls[2])), (End::Ok, vec![], 2));
}

#[test]
fn outside_of_any_call_a_stream_passes_through_and_its_usage_is_counted() {
    let pass = || {
        block_on(async {
            let chunks: Vec<_> = observe_stream(stream::iter([text("Hi"), usage(12, 2)])).collect().await;
            let words = observe_at_end(Completion { left: 3, panics: false }).count().await;
            (chunks.len(), words)
        })
    };
    assert_eq!(pass(), (2, 3));
    let (collect, _guard) = Collect::install();
    assert_eq!(pass(), (2, 3));
    assert!(collect.events().is_empty());
    assert_eq!(collect.guard().delivery().unattached, 2);
}

#[test]
fn what_is_left_is_what_the_stream_says() {
    assert_eq!(observe_stream(stream::iter([text("Hi"), usage(12, 2)])).size_hint(), (2, Some(2)));
}
