//! Uses all that an agent uses, and checks that nothing happens.

#![deny(warnings)]

use futures_core::Stream;
use jobmon::testing::Collect;
use jobmon::{
    Answer, Batch, Bucket, Budget, BudgetExceeded, Budgets, CallId, Console, Context, Cost, Delivery,
    Dimension, ErrorCategory, Event, ExportError, Exporter, Failure, Filter, Guard, History, HistoryError,
    InContext, Jsonl, LlmError, LlmResponse, Measure, Memory, Monitor, Operation, Pipeline, PriceRequest,
    Prices, Query, Range, Settings, SetupError, Sqlite, Text, Timestamp, Usage, Usd, Value, Verdict,
    Warnings, instrument_llm,
};

use std::pin::{Pin, pin};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

#[derive(Debug, LlmResponse)]
struct Completion {
    text: String,
    #[llm(usage)]
    usage: Usage,
    #[llm(model)]
    model: String,
}

#[derive(Debug, LlmError)]
enum AgentError {
    #[llm(category = rate_limit)]
    SlowDown {
        #[llm(retry_after)]
        after: Duration,
    },
    Io(#[llm(source)] std::io::Error),
}

impl std::fmt::Display for AgentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Panics as soon as anything is asked of it.
struct Untouched;

impl Exporter for Untouched {
    fn name(&self) -> &'static str {
        panic!("an exporter was asked for its name")
    }

    fn budgets(&mut self, _: Budgets) {
        panic!("an exporter was given budgets")
    }

    fn start(&mut self) -> Result<(), ExportError> {
        panic!("an exporter was started")
    }

    fn tick(&mut self) -> Option<Duration> {
        panic!("an exporter was called by time")
    }

    fn export(&mut self, _: &Batch) -> Result<(), ExportError> {
        panic!("an exporter got events")
    }
}

#[instrument_llm(provider = "openai", model = model, feature = "job_analysis", fields(job.id = %job, n = prompt.len()))]
async fn analyze(model: &str, job: u32, prompt: &str) -> Result<Completion, AgentError> {
    let answer = jobmon::attempt(ask(model, prompt)).await?;
    jobmon::score("match", 87.0);
    let call = jobmon::current();
    call.usage(Usage::new(1, 1));
    call.observe(&answer);
    call.model("other");
    call.provider("other");
    call.field("job", u64::from(job));
    call.first_token();
    assert_eq!(call.id(), None);
    assert_eq!(call.traceparent(), None);
    jobmon::search("rust").strategy("remote-first").results(40).relevant(12);
    jobmon::feedback(None, Verdict::Positive);
    jobmon::outcome(None, "application", Usd::from_dollars(25));
    Ok(answer)
}

#[instrument_llm(usage = |out| out.usage, error = |_| ErrorCategory::Other, track(tokens, latency), operation = chat)]
async fn ask(model: &str, prompt: &str) -> Result<Completion, AgentError> {
    let text = prompt.to_owned();
    Ok(Completion { text, usage: Usage::new(3, 2), model: model.to_owned() })
}

#[instrument_llm(name = "value", usage = manual)]
fn value() -> serde_json::Value {
    jobmon::observe(serde_json::json!({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}))
}

#[instrument_llm(model = "gpt-4o", disabled)]
fn by_key() {}

#[instrument_llm(model = "gpt-4o", budget = "tokens")]
fn stopped_by_nobody() -> Result<Usage, BudgetExceeded> {
    Ok(Usage::new(100, 0))
}

/// A stream that is over.
struct Over;

impl Stream for Over {
    type Item = Usage;
    fn poll_next(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<Usage>> {
        Poll::Ready(None)
    }
}

impl LlmResponse for Over {
    fn usage(&self) -> Option<Usage> {
        panic!("a stream was asked for its usage")
    }
}

/// The output of a future that never waits.
fn run<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn monitor() -> Result<Guard, SetupError> {
    Monitor::builder()
        .project_id("p")
        .service_name("s")
        .environment("e")
        .sampling_rate(7.0) // impossible, and of no interest
        .track_tokens(true)
        .track_latency(true)
        .track_errors(true)
        .track_retries(true)
        .queue_capacity(1)
        .flush_interval(Duration::from_millis(1))
        .shutdown_timeout(Duration::from_secs(1))
        .exporter(Untouched)
        .exporter(Console::stderr().with_colour(false).with_lines(true).with_summary(true))
        .exporter(Jsonl::open("no/such/folder/jobmon.jsonl").expect("nothing is opened"))
        .exporter(Sqlite::open("no/such/folder/jobmon.db").expect("nothing is opened"))
        .prices(Prices::bundled())
        .budget(Budget::new("tokens").limit("1 token").per_day().block()) // no amount, and of no interest
        .on_warning(|text| panic!("{text}"))
        .config_file("no/such/folder/jobmon.toml")
        .install()
}

/// Threads of this process, where the system tells.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

fn main() {
    let before = threads();
    let guard = monitor().expect("nothing can go wrong");
    let second = monitor().expect("not even twice");
    let (collect, _collecting) = Collect::install();
    assert_eq!(threads(), before, "a thread was started");

    let work = async {
        assert_eq!(Context::current().session(), None, "scopes only run what is inside");
        analyze("gpt-4o", 17, "hello").await
    };
    let context = Context::current().with_session("s").with_user("u").with_feature("f").with_strategy("t");
    let work = jobmon::with(context.clone(), jobmon::session("s", jobmon::user("u", work)));
    let work = jobmon::feature("f", jobmon::strategy("t", work)).in_current_context();
    let completion = run(work).expect("an answer");
    assert_eq!((completion.text.as_str(), completion.answer().model.as_deref()), ("hello", Some("gpt-4o")));
    context.run(|| assert_eq!(value()["usage"]["prompt_tokens"], 1));
    by_key();
    assert!(stopped_by_nobody().is_ok() && stopped_by_nobody().is_ok() && guard.budgets().is_empty());
    let (mut observed, mut at_end) = (jobmon::observe_stream(Over), jobmon::observe_at_end(Over));
    let next = std::future::poll_fn(|cx| Pin::new(&mut observed).poll_next(cx));
    assert_eq!(run(next), None);
    let next = std::future::poll_fn(|cx| Pin::new(&mut at_end).poll_next(cx));
    assert_eq!(run(next), None);
    let attempt =
        jobmon::attempt_with(async { Err::<u8, _>("no") }, |error: &&str| Failure::from_message(error));
    assert_eq!(run(attempt), Err("no"));

    assert_eq!(collect.events(), []);
    for guard in [guard, second] {
        assert!(guard.flush(Duration::ZERO));
        let delivery: Delivery = guard.shutdown();
        assert_eq!((delivery.events, delivery.unattached, delivery.exporters.len()), (0, 0, 0));
        assert!(delivery.is_complete());
    }
    reading();
    assert_eq!(threads(), before, "a thread was started");
}

/// What does not record works as ever; there is just nothing to read.
fn reading() {
    let Err(HistoryError::Missing(_)) = History::open("jobmon.db") else { panic!("there is no history") };
    let query =
        Query::new([Measure::named("calls").expect("known")]).by([Dimension::Feature]).bucket(Bucket::Hour);
    let filter: Filter = "model=gpt-4o".parse().expect("correct");
    let query = query.filter(filter).range(Range::ALL);
    assert!(query.run(&Memory::default()).expect("answers").is_empty());
    let _ = (Timestamp::now(), Operation::Chat, Text::literal("x"), Value::from(1_u64));
    let usage = Usage::new(1, 1);
    let request = PriceRequest::new(Some("openai"), "gpt-4o", SystemTime::now(), &usage);
    assert_eq!(Prices::bundled().price(&request), Cost::Unpriced);
    assert_eq!(AgentError::SlowDown { after: Duration::from_secs(1) }.category(), ErrorCategory::RateLimit);
    let source = AgentError::Io(std::io::ErrorKind::TimedOut.into());
    assert_eq!(source.category(), ErrorCategory::Timeout);
    let id: Option<CallId> = "00-x".parse().ok();
    assert_eq!(id, None);
    let _: (Answer, fn(&Event) -> bool) = (usage.into(), Event::is_sampled);
    let mut settings = Settings::default();
    settings.warnings = Warnings::to(|text| panic!("{text}"));
    let pipeline = Pipeline::start(settings, vec![Box::new(Untouched)]).expect("starts nothing");
    drop(pipeline.install().expect("installs nothing"));
}
