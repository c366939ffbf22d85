//! The life of a call: every way to end it gives exactly one event, with the right end, parent and answers.

use jobmon::testing::Collect;
use jobmon::{
    CallRecord, Cost, End, ErrorCategory, InContext, LlmResponse, Operation, Settings, Text, Usage, Verdict,
    instrument_llm,
};
use serde_json::{Value, json};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn answer(input: u64, output: u64) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    })
}

/// Pending once, then ready.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return output;
        }
    }
}

#[derive(Clone, Copy)]
enum Exit {
    Ok,
    Error,
    Question,
    Return,
    Panic,
}

fn fail() -> Result<Value, io::Error> {
    Err(io::ErrorKind::TimedOut.into())
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
async fn asynchronous(exit: Exit) -> Result<Value, io::Error> {
    Yield::default().await;
    match exit {
        Exit::Ok => {}
        Exit::Error => return fail(),
        Exit::Question => drop(fail()?),
        Exit::Return => return Ok(answer(10, 2)),
        Exit::Panic => panic!("on purpose"),
    }
    Ok(answer(10, 2))
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn synchronous(exit: Exit) -> Result<Value, io::Error> {
    match exit {
        Exit::Ok => {}
        Exit::Error => return fail(),
        Exit::Question => drop(fail()?),
        Exit::Return => return Ok(answer(10, 2)),
        Exit::Panic => panic!("on purpose"),
    }
    Ok(answer(10, 2))
}

struct Agent;

impl Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn method(&mut self, exit: Exit) -> Result<Value, io::Error> {
        asynchronous_body(exit).await
    }
}

async fn asynchronous_body(exit: Exit) -> Result<Value, io::Error> {
    Yield::default().await;
    match exit {
        Exit::Error | Exit::Question => fail(),
        Exit::Panic => panic!("on purpose"),
        Exit::Ok | Exit::Return => Ok(answer(10, 2)),
    }
}

#[async_trait::async_trait]
trait Ask {
    async fn ask(&self, exit: Exit) -> Result<Value, io::Error>;
}

#[async_trait::async_trait]
impl Ask for Agent {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn ask(&self, exit: Exit) -> Result<Value, io::Error> {
        asynchronous_body(exit).await
    }
}

type Shape = fn(Exit) -> Result<Value, io::Error>;

const SHAPES: [(&str, Shape); 4] = [
    ("async", |exit| block_on(asynchronous(exit))),
    ("sync", |exit| synchronous(exit)),
    ("method", |exit| block_on(Agent.method(exit))),
    ("async-trait", |exit| block_on(Agent.ask(exit))),
];

#[instrument_llm]
fn parent(inside: &dyn Fn()) {
    inside();
}

#[test]
fn every_exit_of_every_shape_is_recorded_once() {
    for (shape, run) in SHAPES {
        for (exit, end, category) in [
            (Exit::Ok, End::Ok, None),
            (Exit::Return, End::Ok, None),
            (Exit::Error, End::Error, Some(ErrorCategory::Timeout)),
            (Exit::Question, End::Error, Some(ErrorCategory::Timeout)),
            (Exit::Panic, End::Panicked, Some(ErrorCategory::Panic)),
        ] {
            for with_parent in [false, true] {
                let (collect, _guard) = Collect::install();
                let inside = || drop(catch_unwind(AssertUnwindSafe(|| run(exit))));
                if with_parent {
                    parent(&inside);
                } else {
                    inside();
                }
                let calls = collect.calls();
                let what = format!("{shape}, {end}, parent: {with_parent}");
                assert_eq!(calls.len(), 1 + usize::from(with_parent), "{what}: {calls:#?}");
                let call = &calls[0];
                assert_eq!((call.end, call.failure.as_ref().map(|f| f.category)), (end, category), "{what}");
                let outer = calls.get(1).map(|parent| parent.id);
                assert_eq!(call.parent, outer.map(|outer| outer.span), "{what}");
                assert_eq!(call.root, outer.map_or(call.id.span, |outer| outer.span), "{what}");
                assert!(outer.is_none_or(|outer| outer.trace == call.id.trace), "{what}");
                let usage = (end == End::Ok).then(|| Usage::new(10, 2));
                assert_eq!(call.usage(), usage, "{what}");
                assert!(call.duration.is_some(), "{what}");
            }
        }
    }
}

#[test]
fn a_future_dropped_after_its_first_poll_is_cancelled() {
    let (collect, _guard) = Collect::install();
    let mut future = Box::pin(asynchronous(Exit::Ok));
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    let call = collect.only_call();
    assert_eq!(
        (call.end, call.failure.map(|f| f.category)),
        (End::Cancelled, Some(ErrorCategory::Cancelled))
    );
}

#[test]
fn before_the_first_poll_an_async_fn_has_not_begun_but_a_returned_future_has() {
    let (collect, _guard) = Collect::install();
    drop(asynchronous(Exit::Ok));
    assert_eq!(collect.calls(), []);
    // With async-trait, the call is made when the function is: nobody waits for it, so it is cancelled.
    drop(Agent.ask(Exit::Ok));
    assert_eq!(collect.only_call().end, End::Cancelled);
}

#[test]
fn what_the_body_holds_is_dropped_inside_its_call() {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            jobmon::current().field("dropped", true);
        }
    }
    #[instrument_llm(operation = retrieval)]
    async fn holds() {
        let _inside = Inside;
        Yield::default().await;
    }
    let (collect, _guard) = Collect::install();
    let mut future = Box::pin(holds());
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    block_on(holds());
    for call in collect.calls() {
        assert_eq!(call.attributes, [(Text::from("dropped"), true.into())], "{}", call.end);
    }
}

#[test]
fn concurrent_calls_keep_their_own_parents() {
    #[instrument_llm(operation = retrieval, fields(n))]
    async fn child(n: u64) {
        Yield::default().await;
        jobmon::current().field("seen", n);
    }
    #[instrument_llm(fields(n))]
    async fn agent(n: u64) {
        Yield::default().await;
        child(n).await;
    }
    let (collect, _guard) = Collect::install();
    let (mut a, mut b) = (Box::pin(agent(1)), Box::pin(agent(2)));
    let (mut a_done, mut b_done) = (false, false);
    while !(a_done && b_done) {
        a_done = a_done || poll_once(a.as_mut()).is_ready();
        b_done = b_done || poll_once(b.as_mut()).is_ready();
    }
    let calls = collect.calls();
    let field = |call: &CallRecord, key: &str| {
        call.attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value.to_string())
    };
    for agent in calls.iter().filter(|call| call.name == "agent") {
        let child = calls.iter().find(|call| call.parent == Some(agent.id.span)).expect("its child");
        assert_eq!(field(child, "n"), field(agent, "n"));
        assert_eq!(field(child, "n"), field(child, "seen"));
    }
    assert_eq!(calls.len(), 4);
    assert_eq!(jobmon::current().id(), None, "nothing is current outside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_tasks_are_children_when_the_context_goes_along() {
    #[instrument_llm(operation = retrieval)]
    async fn child() {}
    #[instrument_llm]
    async fn agent() {
        let with = tokio::spawn(child().in_current_context());
        let session =
            tokio::spawn(async { jobmon::Context::current().session().cloned() }.in_current_context());
        with.await.unwrap();
        assert_eq!(session.await.unwrap(), Some(Text::from("s-1")));
    }
    let (collect, _guard) = Collect::install();
    // `#[tokio::test]` runs this block on the thread of the test, where the monitor is.
    jobmon::session("s-1", jobmon::user("u-1", agent())).await;
    let calls = collect.calls();
    let agent = calls.iter().find(|call| call.name == "agent").expect("the agent");
    let child = calls.iter().find(|call| call.name == "child").expect("its child");
    assert_eq!(child.parent, Some(agent.id.span));
    let scope = &child.scope;
    assert_eq!((&scope.session, &scope.user), (&Some(Text::from("s-1")), &Some(Text::from("u-1"))));
}

#[test]
fn scopes_reach_every_call_inside_and_the_attribute_wins_for_its_own() {
    #[instrument_llm(operation = retrieval)]
    fn inner() {}
    #[instrument_llm(feature = "own")]
    fn outer() {
        inner();
    }
    let (collect, _guard) = Collect::install();
    let around = jobmon::Context::current().with_session("s").with_user("u").with_feature("around");
    around.with_strategy("broad").run(|| {
        inner();
        outer();
    });
    let features: Vec<_> = collect.calls().iter().map(|call| call.scope.feature.clone().unwrap()).collect();
    assert_eq!(features, ["around", "own", "own"].map(Text::from));
    for call in collect.calls() {
        assert_eq!(call.scope.session, Some(Text::from("s")));
        assert_eq!(call.scope.user, Some(Text::from("u")));
        assert_eq!(call.scope.strategy, Some(Text::from("broad")));
    }
}

#[test]
fn what_the_body_observes_goes_before_the_return_type_and_is_counted_once() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn observes() -> Value {
        jobmon::observe(answer(100, 20))
    }
    // The model call inside has counted what this function merely hands on.
    #[instrument_llm]
    fn hands_on() -> Value {
        observes()
    }
    #[instrument_llm]
    fn plain() -> Value {
        answer(7, 1)
    }
    let (collect, _guard) = Collect::install();
    hands_on();
    plain();
    let calls = collect.calls();
    assert_eq!(calls[0].usage(), Some(Usage::new(100, 20)));
    assert_eq!(calls[0].answers.len(), 1);
    assert_eq!((calls[1].name.as_str(), calls[1].usage(), calls[1].cost), ("hands_on", None, None));
    assert_eq!(calls[2].usage(), Some(Usage::new(7, 1)), "an agent's own answer is read");
    assert_eq!(calls[2].model_name(), Some(&Text::from("gpt-4o-mini-2024-07-18")));
}

#[test]
fn each_answer_of_a_call_is_priced_on_its_own() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn twice() {
        jobmon::observe(answer(1_000, 100));
        jobmon::current().usage(Usage::new(1_000, 100));
    }
    let (collect, _guard) = Collect::install();
    twice();
    let call = collect.only_call();
    // gpt-4o-mini: $0.15 and $0.60 per million.
    assert_eq!(call.cost, Some(Cost::Known(jobmon::Usd::from_nanos(420_000))));
    assert_eq!(call.answers[0].answer.id, Some(Text::from("chatcmpl-1")));
    assert!(call.prices.is_some());
}

#[test]
fn attempts_are_counted_timed_and_paid_for() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn retries() -> Result<u8, io::Error> {
        for n in 0.. {
            let result = jobmon::attempt(async {
                Yield::default().await;
                match n {
                    0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                    1 => {
                        jobmon::observe(answer(1_000, 100));
                        Err(io::Error::from(io::ErrorKind::InvalidData))
                    }
                    _ => {
                        jobmon::observe(answer(1_000, 100));
                        Ok(7)
                    }
                }
            });
            if let Ok(value) = result.await {
                return Ok(value);
            }
        }
        unreachable!("the loop ends")
    }
    let (collect, _guard) = Collect::install();
    block_on(retries()).unwrap();
    let call = collect.only_call();
    let failures: Vec<_> = call.attempts.iter().map(|a| a.failure.as_ref().map(|f| f.category)).collect();
    assert_eq!(failures, [Some(ErrorCategory::Network), Some(ErrorCategory::Parsing), None]);
    assert_eq!(call.answers.iter().map(|a| a.attempt).collect::<Vec<_>>(), [2, 3]);
    assert!(call.recovered());
    assert_eq!(call.wasted(), jobmon::Usd::from_nanos(210_000));
    // The first attempt may have been billed: nobody knows.
    assert_eq!(call.cost, Some(Cost::AtLeast(jobmon::Usd::from_nanos(420_000))));
    assert!(call.attempts.windows(2).all(|pair| pair[0].after <= pair[1].after));
}

#[test]
fn a_model_call_without_usage_is_counted_and_warned_about_once() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn silent() -> String {
        "an answer".to_owned()
    }
    #[instrument_llm(model = "gpt-4o-mini", track(latency, errors, retries))]
    fn not_tracked() -> String {
        silent_text()
    }
    fn silent_text() -> String {
        String::new()
    }
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&said);
    let mut settings = Settings::default();
    settings.warnings = jobmon::Warnings::to(move |text| keep.lock().unwrap().push(text.to_owned()));
    let (collect, _guard) = Collect::install_with(settings);
    silent();
    silent();
    not_tracked();
    let calls = collect.calls();
    assert_eq!(calls.iter().map(|call| call.usage_missing).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(calls[0].cost, Some(Cost::Unpriced));
    assert_eq!(collect.guard().delivery().calls_without_usage, 2);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("`silent`") && said[0].contains("jobmon::observe"), "{said:?}");
}

#[test]
fn what_comes_too_late_or_from_nowhere_is_counted() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn leaks() -> jobmon::Current {
        jobmon::current().usage(Usage::new(1, 1));
        jobmon::current()
    }
    let mut settings = Settings::default();
    settings.warnings = jobmon::Warnings::to(|_| {});
    let (collect, _guard) = Collect::install_with(settings);
    let ended = leaks();
    ended.usage(Usage::new(5, 5));
    ended.field("late", 1_u8);
    jobmon::observe(answer(3, 3));
    assert_eq!(collect.only_call().usage(), Some(Usage::new(1, 1)));
    assert_eq!(collect.guard().delivery().unattached, 3);
}

#[test]
fn switches_leave_out_what_they_say() {
    #[instrument_llm(model = "gpt-4o-mini", track(retries))]
    fn little() -> Result<Value, io::Error> {
        fail()
    }
    #[instrument_llm(model = "gpt-4o-mini")]
    fn all() -> Value {
        answer(1, 1)
    }
    let (collect, _guard) = Collect::install();
    let _ = little();
    let call = collect.only_call();
    assert_eq!((call.end, call.failure, call.duration, call.cost), (End::Error, None, None, None));

    let mut settings = Settings::default();
    settings.track.tokens = false;
    settings.track.latency = false;
    let (collect, _guard) = Collect::install_with(settings);
    all();
    let call = collect.only_call();
    assert_eq!((call.usage(), call.cost, call.duration, call.usage_missing), (None, None, None, false));
}

#[test]
fn sampling_marks_whole_traces_and_drops_no_count() {
    #[instrument_llm(operation = retrieval)]
    fn child() {}
    #[instrument_llm]
    fn agent() {
        child();
    }
    let mut settings = Settings::default();
    settings.sampling_rate = 0.5;
    let (collect, _guard) = Collect::install_with(settings);
    (0..500).for_each(|_| agent());
    let calls = collect.calls();
    assert_eq!(calls.len(), 1_000);
    let kept = calls.iter().filter(|call| call.sampled).count();
    assert!((300..700).contains(&kept), "{kept} of 1,000");
    for pair in calls.chunks(2) {
        assert_eq!((pair[0].sampled, pair[0].id.trace), (pair[1].sampled, pair[1].id.trace));
    }
}

#[test]
fn secrets_stay_out() {
    #[instrument_llm(model = "gpt-4o-mini", fields(job.id = %id))]
    fn ask(id: u8, secret: &str) -> Result<Value, io::Error> {
        Err(io::Error::other(format!("GET https://api.example/v1?key={secret}: 401, Bearer {secret}")))
    }
    let (collect, _guard) = Collect::install();
    let _ = ask(3, "AIzaSyA-not-a-real-key-000000000000000");
    let call = collect.only_call();
    assert!(!format!("{call:?}").contains("not-a-real-key"), "{call:?}");
    assert_eq!(call.attributes, [(Text::from("job.id"), "3".into())]);
}

#[test]
fn code_that_only_jobmon_runs_cannot_harm_the_function() {
    #[derive(Debug)]
    struct Unshowable;
    impl std::fmt::Display for Unshowable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    impl std::error::Error for Unshowable {}
    fn explodes() -> u8 {
        panic!("on purpose")
    }
    #[instrument_llm(operation = retrieval, fields(before = 1, n = explodes(), after = 2))]
    fn fails() -> Result<(), Unshowable> {
        Err(Unshowable)
    }
    #[instrument_llm(model = "gpt-4o-mini", usage = |_| -> Usage { panic!("on purpose") })]
    fn succeeds() -> u8 {
        7
    }
    let (collect, _guard) = Collect::install();
    assert!(fails().is_err());
    assert_eq!(succeeds(), 7);
    let calls = collect.calls();
    assert_eq!((calls[0].end, calls[0].attributes.len()), (End::Error, 1));
    assert_eq!((calls[1].end, calls[1].usage_missing), (End::Ok, true));
}

#[test]
fn facts_know_the_call_they_are_about() {
    #[instrument_llm(model = "gpt-4o-mini", feature = "analysis")]
    fn analyze() -> (Option<jobmon::CallId>, Value) {
        jobmon::score("match", 87.0);
        (jobmon::current().id(), answer(1, 1))
    }
    let (collect, _guard) = Collect::install();
    let (id, _) = analyze();
    jobmon::feedback(id, Verdict::Positive);
    jobmon::score("not a number", f64::NAN);
    jobmon::search("rust").strategy("broad").results(9).relevant(3);
    let events = collect.events();
    let facts: Vec<_> = events.iter().filter_map(jobmon::Event::fact).collect();
    assert_eq!(facts.iter().map(|fact| fact.call).collect::<Vec<_>>(), [id, id, None]);
    assert_eq!(facts[0].scope.feature, Some(Text::from("analysis")));
    let subject = facts[0].subject.as_ref().expect("its call is known");
    assert_eq!(
        (subject.operation, subject.model.clone()),
        (Operation::Chat, Some(Text::from("gpt-4o-mini")))
    );
    assert_eq!(facts[2].scope.strategy, Some(Text::from("broad")));
}

#[test]
fn without_a_monitor_everything_runs_as_if_nothing_were_there() {
    assert!(block_on(asynchronous(Exit::Ok)).is_ok());
    assert!(synchronous(Exit::Error).is_err());
    assert_eq!(jobmon::observe(answer(1, 1)).usage(), Some(Usage::new(1, 1)));
    assert_eq!(jobmon::current().traceparent(), None);
    assert_eq!(
        block_on(jobmon::attempt(async { Ok::<_, io::Error>(Duration::ZERO) })).unwrap(),
        Duration::ZERO
    );
}
