//! What is written comes back as it was.

use super::{DAY, call_at, fact, late_of, write};
use jobmon_core::{
    Answer, Attempt, CallRecord, Chunks, Content, Cost, DataPlace, End, Engine, ErrorCategory, Event,
    Failure, Feedback, Label, Message, Modality, Operation, Original, Outcome, Part, Prefix, PricedAnswer,
    Prompt, Range, Request, Role, Rollup, Score, Search, Side, SpanId, Subject, Text, Tool, Usage, UsageUnit,
    Usd, Verdict,
};
use jobmon_export::History;
use serde_json::json;
use std::time::Duration;

/// A call with everything that a row has to keep.
pub(crate) fn full_call() -> CallRecord {
    let mut call = call_at(DAY + 5);
    call.parent = Some(SpanId::random());
    call.root = SpanId::random();
    call.location.module = Text::from("job_search::agents");
    call.location.line = 42;
    call.provider = Some(Text::from("gcp.gemini"));
    call.model = Some(Text::from("gemini-2.5-flash"));
    call.scope.session = Some(Text::from("s-1"));
    call.scope.user = Some(Text::from("u-1"));
    call.scope.feature = Some(Text::from("job_analysis"));
    call.scope.strategy = Some(Text::from("broad"));
    call.duration = Some(Duration::from_nanos(1_234_567_891));
    call.first_token = Some(Duration::from_nanos(99));
    call.end = End::Error;
    let mut failure = Failure::new(ErrorCategory::RateLimit);
    failure.message = Some(Text::from("too \"many\" requests 'now'"));
    failure.http_status = Some(429);
    failure.retry_after = Some(Duration::from_millis(1_500));
    call.failure = Some(failure.clone());
    let mut answer = Answer::from(
        Usage::new(1_000, 20)
            .with_cache_read(3)
            .with_cache_write(4)
            .with_reasoning(5)
            .with(UsageUnit::WebSearches, 2)
            .with(UsageUnit::InputImageTokens, 70),
    );
    answer.service_tier = Some(Text::from("flex"));
    answer.id = Some(Text::from("resp-1"));
    answer.model = Some(Text::from("gemini-2.5-flash-001"));
    answer.finish_reasons = vec![Text::from("STOP")];
    call.answers = vec![
        PricedAnswer::new(answer, 1, Cost::Known(Usd::from_nanos(123_456))),
        PricedAnswer::new(Answer::default(), 2, Cost::Unpriced),
    ];
    call.attempts = vec![
        Attempt::new(1, Duration::ZERO, Duration::from_millis(5), Some(failure.clone())),
        Attempt::new(2, Duration::from_millis(9), Duration::from_millis(6), Some(failure)),
    ];
    call.attempts[1].backoff = Duration::from_millis(4);
    let mut chunks = Chunks::first(Duration::from_nanos(99));
    chunks.add(Duration::from_nanos(450));
    call.chunks = Some(chunks);
    call.cost = Some(Cost::AtLeast(Usd::from_nanos(123_456)));
    call.prices = Some(Text::from("list 1"));
    call.original =
        Some(Original::new(Cost::Known(Usd::from_nanos(9)), Usd::from_nanos(4), Some(Text::from("list 0"))));
    call.prompt = Some(Prompt::new(Text::from("match-job"), Some(Text::from("v3"))));
    call.pricing.api_url = Some(Text::from("https://api.example.com/v1"));
    call.pricing.context = vec![(Text::from("processing"), Text::from("batch"))];
    let mut rollup = Rollup::default();
    rollup.model_calls = 3;
    rollup.usage = Usage::new(5, 6);
    rollup.cost.add(Cost::AtLeast(Usd::from_nanos(77)));
    call.rollup = Some(Box::new(rollup));
    call.cache_key = Some(Text::from("2da30e4046f7e1b8"));
    call.usage_missing = true;
    call.request = Some(Box::new(request()));
    call.content = Some(Box::new(content()));
    call.budgets = vec![Text::from("analysis"), Text::from("agents")];
    call.attributes = vec![
        (Text::from("a.text"), "x".into()),
        (Text::from("b.int"), 7_i64.into()),
        (Text::from("c.float"), 1.5.into()),
        (Text::from("d.bool"), true.into()),
    ];
    call
}

fn request() -> Request {
    let mut request = Request::default();
    request.temperature = Some(0.25);
    request.top_k = Some(40);
    request.max_tokens = Some(1_024);
    request.seed = Some(-7);
    request.stop_sequences = vec![Text::from("END"), Text::from("\n")];
    request.output_type = Some(Text::from("json"));
    request.stream = Some(false);
    request.prefix = Some(Prefix::new(Text::from("0123456789abcdef"), 3_000, 4_000));
    request
}

/// One of everything.
fn content() -> Content {
    let data = |place| {
        let mime_type = Some(Text::from("image/png"));
        Part::Data { modality: Modality::Image, mime_type, place }
    };
    let id = || Some(Text::from("call-1"));
    let (name, arguments) = (Text::from("search"), Some(json!({"query": "rust"})));
    let mut content = Content::default();
    content.system = vec![Part::Text(Text::from("Be brief."))];
    content.input = vec![
        Message::text(Role::User, "\"Grüße\"\n"),
        Message::new(
            Role::User,
            vec![data(DataPlace::Inline(77)), data(DataPlace::Uri(Text::from("https://a.b/c")))],
        ),
        Message::new(Role::User, vec![data(DataPlace::File(Text::from("file-1")))]),
        Message::new(Role::Assistant, vec![Part::ToolCall { id: id(), name, arguments }]),
        Message::new(Role::Tool, vec![Part::ToolResponse { id: id(), response: json!([1, null]) }]),
    ];
    let mut said =
        Message::new(Role::Assistant, vec![Part::Reasoning(Text::from("Hm.")), Part::Text(Text::from("42"))]);
    said.finish_reason = Some(Text::from("stop"));
    content.output = vec![said];
    let mut tool = Tool::new(Text::from("search"));
    tool.description = Some(Text::from("Finds jobs."));
    tool.parameters = Some(json!({"type": "object"}));
    content.tools = vec![tool];
    content.arguments = Some(json!(null));
    content.result = Some(json!({"score": 0.5}));
    content.truncated = true;
    content
}

#[test]
fn events_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let mut search = Search::new(fact(DAY + 9), Text::from("rust"));
    search.results = 7;
    search.relevant = Some(3);
    let mut answered = late_of(&full_call(), DAY + 10);
    answered.answer = full_call().answers.into_iter().next();
    answered.prices = Some(Text::from("list 2"));
    let mut described = late_of(&call_at(DAY + 6), DAY + 11);
    described.attributes = full_call().attributes;
    described.budgets = full_call().budgets;
    let mut label = Label::new(fact(DAY + 9), Text::from("match"), Side::Truth, true);
    label.key = Some(Text::from("job-17"));
    label.counterpart = Some(false);
    let mut subject = Subject::new(Text::from("analyze"), Operation::Chat, None, None);
    subject.cache_key = Some(Text::from("2da30e4046f7e1b8"));
    label.fact.subject = Some(subject);
    let events = vec![
        Event::Call(Box::new(full_call())),
        Event::Call(Box::new(call_at(DAY + 6))),
        Event::Score(Score::new(fact(DAY + 6), Text::from("match"), 0.1 + 0.2)),
        Event::Feedback(Feedback::new(fact(DAY + 7), Verdict::Negative)),
        Event::Outcome(Outcome::new(fact(DAY + 8), Text::from("interview"), Some(Usd::from_dollars(20)))),
        Event::Search(search),
        Event::Label(label),
        Event::Late(Box::new(answered)),
        Event::Late(Box::new(described)),
    ];
    write(&path, events.clone());
    let history = History::open(&path).unwrap();
    let mut found = Vec::new();
    history.events(Range::ALL, &mut |_, event| found.push(event.clone())).unwrap();
    assert_eq!(found, events);
    assert_eq!(history.check().unwrap(), []);
}
