//! Spans of client crates become calls, and nothing counts twice.

use jobmon_core::testing::{Collect, Collecting};
use jobmon_core::{CallRecord, End, ErrorCategory, Operation, Usage, instrument_llm};
use jobmon_export::GenAiLayer;
use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_subscriber::layer::SubscriberExt;

/// A monitor, and a subscriber with the layer, for this thread.
fn listening() -> (Collect, Collecting, impl Sized) {
    let (collect, monitor) = Collect::install();
    let subscriber = tracing_subscriber::registry().with(GenAiLayer::new());
    (collect, monitor, tracing::subscriber::set_default(subscriber))
}

fn chat() -> Span {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o-mini",
        gen_ai.request.temperature = 0.5,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        gen_ai.usage.reasoning_tokens = Empty,
        gen_ai.input.messages = Empty,
        error.type = Empty,
        otel.status_code = Empty,
        server.address = "api.openai.com",
        server.port = 443,
    )
}

fn answered(span: &Span) {
    span.record("gen_ai.response.id", "chatcmpl-7");
    span.record("gen_ai.usage.input_tokens", 1_000);
    span.record("gen_ai.usage.output_tokens", 50);
}

fn named<'c>(calls: &'c [CallRecord], name: &str) -> &'c CallRecord {
    calls.iter().find(|call| call.name == *name).unwrap_or_else(|| panic!("no call `{name}` in {calls:#?}"))
}

#[test]
fn a_span_of_a_client_is_a_call_with_all_that_it_says() {
    let (collect, _monitor, _subscriber) = listening();
    let span = chat();
    answered(&span);
    span.record("gen_ai.response.model", "gpt-4o-mini-2024-07-18");
    span.record("gen_ai.response.finish_reasons", r#"["stop"]"#);
    span.record("gen_ai.usage.cache_creation.input_tokens", 100_u64);
    span.record("gen_ai.usage.reasoning_tokens", 20);
    span.record("gen_ai.input.messages", "what nobody asked to keep");
    drop(span);
    let [call] = &collect.calls()[..] else { panic!("one call") };
    assert_eq!((call.operation, call.end, call.name.as_str()), (Operation::Chat, End::Ok, "chat"));
    assert_eq!((call.provider.as_deref(), call.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert_eq!(call.usage(), Some(Usage::new(1_000, 50).with_cache_write(100).with_reasoning(20)));
    assert!(call.cost.is_some_and(|cost| cost.floor().nanos() > 0), "{:?}", call.cost);
    let answer = &call.answers[0].answer;
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    assert_eq!(answer.finish_reasons.len(), 1);
    assert_eq!(call.pricing.api_url.as_deref(), Some("https://api.openai.com:443"));
    let attributes: Vec<_> = call.attributes.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    assert_eq!(attributes, ["gen_ai.request.temperature = 0.5"]);
}

#[test]
fn spans_of_others_and_spans_without_a_monitor_are_left_alone() {
    let subscriber = tracing_subscriber::registry().with(GenAiLayer::new());
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let before = chat();
    let (collect, _monitor) = Collect::install();
    drop(info_span!("request", http.method = "GET"));
    answered(&before);
    drop(before);
    assert!(collect.calls().is_empty());
}

#[test]
fn failures_are_told_or_seen() {
    let (collect, _monitor, _subscriber) = listening();
    let told = chat();
    told.record("error.type", "429");
    told.record("otel.status_code", "ERROR");
    drop(told);
    drop(chat());
    let calls = collect.calls();
    let categories: Vec<_> = calls.iter().map(|call| call.failure.as_ref().map(|f| f.category)).collect();
    assert_eq!(categories, [Some(ErrorCategory::RateLimit), Some(ErrorCategory::Other)]);
    assert!(calls.iter().all(|call| call.end == End::Error));
}

#[test]
fn agents_tools_and_requests_are_a_tree_and_what_an_agent_adds_up_counts_once() {
    #[instrument_llm(operation = execute_tool, crate = ::jobmon_core)]
    fn find_jobs() {}

    let (collect, _monitor, _subscriber) = listening();
    let agent = info_span!(
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "scout",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    );
    agent.in_scope(|| {
        let request = chat();
        answered(&request);
        drop(request);
        let tool =
            info_span!("execute_tool", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = Empty);
        tool.record("gen_ai.tool.name", "find_jobs_of_rig");
        tool.in_scope(find_jobs);
    });
    agent.record("gen_ai.usage.input_tokens", 1_000);
    agent.record("gen_ai.usage.output_tokens", 50);
    drop(agent);

    let calls = collect.calls();
    let (scout, request) = (named(&calls, "scout"), named(&calls, "chat"));
    let (tool, function) = (named(&calls, "find_jobs_of_rig"), named(&calls, "find_jobs"));
    assert_eq!((scout.parent, scout.usage()), (None, None));
    assert_eq!((request.parent, request.usage()), (Some(scout.id.span), Some(Usage::new(1_000, 50))));
    assert_eq!((tool.parent, function.parent), (Some(scout.id.span), Some(tool.id.span)));
    assert_eq!(request.agent.as_deref(), Some("scout"));
    assert_eq!(scout.rollup.as_ref().map(|rollup| rollup.model_calls), Some(1));
}

#[test]
fn an_agent_without_requests_inside_counts_what_it_says() {
    let (collect, _monitor, _subscriber) = listening();
    let agent = info_span!(
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "remote",
        gen_ai.request.model = "gpt-4o-mini",
        gen_ai.usage.input_tokens = 10,
        gen_ai.usage.output_tokens = 2,
    );
    drop(agent);
    assert_eq!(collect.calls()[0].usage(), Some(Usage::new(10, 2)));
}

fn body(input: u64) -> Value {
    json!({
        "id": "chatcmpl-9", "object": "chat.completion", "model": "gpt-4o-mini",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
        "usage": {"prompt_tokens": input, "completion_tokens": 1, "total_tokens": input + 1},
    })
}

#[test]
fn a_request_inside_an_annotated_call_to_a_model_is_that_call() {
    #[instrument_llm(model = "gpt-4o-mini", crate = ::jobmon_core)]
    fn tells_itself() -> Value {
        answered(&chat());
        body(7)
    }
    #[instrument_llm(model = "gpt-4o-mini", crate = ::jobmon_core)]
    fn tells_nothing() {
        answered(&chat());
    }
    let (collect, _monitor, _subscriber) = listening();
    tells_itself();
    tells_nothing();
    let calls = collect.calls();
    let told: Vec<_> = calls.iter().map(|call| (call.name.to_string(), call.usage())).collect();
    let expected = [("tells_itself", Usage::new(7, 1)), ("tells_nothing", Usage::new(1_000, 50))];
    assert_eq!(told, expected.map(|(name, usage)| (name.to_owned(), Some(usage))));
}

#[test]
fn a_request_inside_an_annotated_agent_is_a_call_of_its_own_and_the_agent_does_not_count_it_again() {
    #[instrument_llm(crate = ::jobmon_core)]
    fn agent() -> Value {
        answered(&chat());
        body(1_000)
    }
    let (collect, _monitor, _subscriber) = listening();
    agent();
    let calls = collect.calls();
    assert_eq!(named(&calls, "agent").usage(), None);
    assert_eq!(named(&calls, "chat").usage(), Some(Usage::new(1_000, 50)));
}

#[test]
fn a_span_that_several_threads_are_in_harms_nothing() {
    let (collect, _monitor, _subscriber) = listening();
    let span = chat();
    let entered = span.enter();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tracing::dispatcher::with_default(&dispatch, || span.in_scope(|| span.in_scope(|| ())));
        });
    });
    span.in_scope(|| ());
    drop(entered);
    answered(&span);
    drop(span);
    assert_eq!(collect.calls().len(), 1);
    assert_eq!(jobmon_core::current().id(), None);
}
