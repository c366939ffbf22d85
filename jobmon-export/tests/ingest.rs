//! Spans of other programs: names of any convention, each figure once.

use jobmon_core::{
    CallRecord, Cost, End, ErrorCategory, Operation, Part, Role, SpanId, Timestamp, TraceId, Usage,
    UsageUnit, Usd,
};
use jobmon_export::{KnownCall, LogData, SpanData, SpanEventData, calls_of_spans, event_of_log};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000_000;

#[expect(clippy::needless_pass_by_value, reason = "reads better at `json!`")]
fn object(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn span(name: &str, attributes: Value) -> SpanData {
    SpanData {
        trace: TraceId::from_bytes([7; 16]).expect("not zero"),
        span: SpanId::random(),
        parent: None,
        name: name.to_owned(),
        start: Timestamp::from_nanos(1_795_000_000 * SECOND),
        end: Timestamp::from_nanos(1_795_000_002 * SECOND),
        failed: false,
        message: String::new(),
        attributes: object(attributes),
        events: Vec::new(),
    }
}

fn inside(outer: &SpanData, mut span: SpanData) -> SpanData {
    span.parent = Some(outer.span);
    span
}

fn calls(spans: &[SpanData]) -> Vec<CallRecord> {
    calls_of_spans(spans, &mut |_| Vec::new())
}

fn one(attributes: Value) -> CallRecord {
    let mut calls = calls(&[span("span", attributes)]);
    assert_eq!(calls.len(), 1);
    calls.remove(0)
}

#[test]
fn the_same_request_in_each_convention_is_the_same_call() {
    let wanted = Usage::new(120, 30).with_cache_read(100).with_reasoning(8);
    let dialects = [
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30,
            "gen_ai.usage.cache_read.input_tokens": 100, "gen_ai.usage.reasoning.output_tokens": 8,
            "gen_ai.conversation.id": "s1", "user.id": "anna",
        }),
        // The conventions of 2024, and OpenLLMetry's additions.
        json!({
            "llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.usage.prompt_tokens": 120, "gen_ai.usage.completion_tokens": 30, "llm.usage.total_tokens": 150,
            "gen_ai.usage.cache_read_input_tokens": 100, "gen_ai.usage.reasoning_tokens": 8,
            "traceloop.association.properties.session_id": "s1",
            "traceloop.association.properties.user_id": "anna",
        }),
        // OpenInference.
        json!({
            "openinference.span.kind": "LLM", "llm.provider": "openai", "llm.system": "openai",
            "llm.model_name": "gpt-4o-mini", "llm.token_count.prompt": 120, "llm.token_count.completion": 30,
            "llm.token_count.total": 150, "llm.token_count.prompt_details.cache_read": 100,
            "llm.token_count.completion_details.reasoning": 8, "session.id": "s1", "user.id": "anna",
        }),
        // Langfuse's SDK: what was read from a cache is beside the input.
        json!({
            "langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o-mini",
            "gen_ai.system": "openai",
            "langfuse.observation.usage_details":
                "{\"input\":20,\"output\":30,\"input_cached_tokens\":100,\"output_reasoning_tokens\":8,\"total\":150}",
            "langfuse.session.id": "s1", "langfuse.user.id": "anna",
        }),
        // The AI SDK of Vercel.
        json!({
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": "openai.chat",
            "ai.model.id": "gpt-4o-mini", "ai.usage.promptTokens": 120, "ai.usage.completionTokens": 30,
            "ai.usage.cachedInputTokens": 100, "ai.usage.reasoningTokens": 8,
            "ai.telemetry.metadata.sessionId": "s1", "ai.telemetry.metadata.userId": "anna",
        }),
    ];
    for attributes in dialects {
        let call = one(attributes.clone());
        assert_eq!(call.operation, Operation::Chat, "{attributes}");
        assert_eq!(call.provider.as_deref(), Some("openai"), "{attributes}");
        assert_eq!(
            call.model_name().map(ToString::to_string).as_deref(),
            Some("gpt-4o-mini"),
            "{attributes}"
        );
        assert_eq!(call.usage(), Some(wanted), "{attributes}");
        assert_eq!(call.scope.session.as_deref(), Some("s1"), "{attributes}");
        assert_eq!(call.scope.user.as_deref(), Some("anna"), "{attributes}");
        assert_eq!(call.attributes, [], "{attributes}");
        assert!(!call.usage_missing && call.cost.is_none());
    }
}

#[test]
fn what_is_newest_goes_before_other_names() {
    let both = json!({
        "gen_ai.operation.name": "chat", "gen_ai.system": "google", "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.input_tokens": 2,
        "gen_ai.conversation.id": "conversation", "session.id": "session",
    });
    let call = one(both);
    assert_eq!(call.provider.as_deref(), Some("gcp.vertex_ai"));
    assert_eq!(call.usage().and_then(|usage| usage.input), Some(2));
    assert_eq!(call.scope.session.as_deref(), Some("session"));
}

#[test]
fn spans_that_are_none_of_a_model_are_left_out_and_looked_through() {
    let agent = span(
        "invoke_agent bot",
        json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "bot", "session.id": "s"}),
    );
    let http = inside(&agent, span("POST", json!({"http.request.method": "POST"})));
    let chat =
        inside(&http, span("chat m", json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})));
    let tool = inside(&agent, span("running tool", json!({"gen_ai.tool.name": "search"})));
    let calls = calls(&[chat.clone(), http, tool.clone(), agent.clone()]);
    let names: Vec<_> = calls.iter().map(|call| (call.name.to_string(), call.operation)).collect();
    let wanted = [
        ("chat".to_owned(), Operation::Chat),
        ("search".to_owned(), Operation::ExecuteTool),
        ("bot".to_owned(), Operation::InvokeAgent),
    ];
    assert_eq!(names, wanted);
    assert_eq!(calls[0].parent, Some(agent.span), "what was between is looked through");
    assert!(calls.iter().all(|call| call.root == agent.span));
    assert_eq!(calls[0].scope.session.as_deref(), Some("s"), "what is true of the agent is true inside");
    assert_eq!(calls[1].parent, Some(agent.span));
}

#[test]
fn no_usage_counts_twice() {
    let usage = |input: u64| json!({"gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": 1});
    let mut agent = span("invoke_agent bot", usage(300));
    agent.attributes.insert("gen_ai.operation.name".to_owned(), json!("invoke_agent"));
    let chat = |input: u64| {
        let mut chat = span("chat m", usage(input));
        chat.attributes.insert("gen_ai.operation.name".to_owned(), json!("chat"));
        inside(&agent, chat)
    };
    let (first, second) = (chat(100), chat(200));
    let sum = |calls: &[CallRecord]| {
        calls.iter().filter_map(CallRecord::usage).filter_map(|usage| usage.input).sum::<u64>()
    };

    // All at once.
    let all = calls(&[first.clone(), second.clone(), agent.clone()]);
    assert_eq!(sum(&all), 300);
    assert_eq!(all[2].rollup.as_ref().and_then(|rollup| rollup.usage.input), Some(300));
    // The agent ends later, and is sent alone.
    let known = [first.span, second.span].map(|span| KnownCall {
        span,
        parent: Some(agent.span),
        is_model_call: true,
    });
    let later = calls_of_spans(std::slice::from_ref(&agent), &mut |_| known.to_vec());
    assert_eq!((later[0].usage(), later[0].answers.len()), (None, 0));
    // Nobody else tells.
    let alone = calls(std::slice::from_ref(&agent));
    assert_eq!(sum(&alone), 300);

    // A library's span around its client's: the request counts, once.
    let mut request = span("chat m", usage(100));
    request.attributes.insert("gen_ai.operation.name".to_owned(), json!("chat"));
    let request = inside(&first, request);
    let nested = calls(&[request, first]);
    assert_eq!(sum(&nested), 100);
    assert_eq!(nested.iter().filter(|call| call.operation.is_model_call()).count(), 1);
}

#[test]
fn failures_have_categories_and_say_how_they_ended() {
    let failed = |attributes: Value, message: &str, event: Option<Value>| {
        let mut span = span("chat m", attributes);
        (span.failed, span.message) = (true, message.to_owned());
        let at = span.start;
        span.events.extend(event.map(|event| SpanEventData {
            at,
            name: "exception".to_owned(),
            attributes: object(event),
        }));
        calls(&[span]).remove(0)
    };
    let chat = || json!({"gen_ai.operation.name": "chat"});
    let with = |name: &str, value: Value| {
        let mut chat = chat();
        chat[name] = value;
        chat
    };
    let limited = failed(with("error.type", json!("429")), "slow down", None);
    let failure = limited.failure.expect("a failure");
    assert_eq!(
        (limited.end, failure.category, failure.http_status),
        (End::Error, ErrorCategory::RateLimit, Some(429))
    );
    // pydantic-ai tells by its status alone, OpenTelemetry's Python API by an event.
    let told = failed(chat(), "ModelTimeoutError: Request timed out.", None);
    assert_eq!(told.failure.map(|failure| failure.category), Some(ErrorCategory::Timeout));
    let event =
        json!({"exception.type": "openai.RateLimitError", "exception.message": "Error code: 429 - quota"});
    let told = failed(chat(), "", Some(event));
    assert_eq!(told.failure.and_then(|failure| failure.http_status), Some(429));
    let cancelled = failed(chat(), "", Some(json!({"exception.type": "asyncio.exceptions.CancelledError"})));
    assert_eq!(cancelled.end, End::Cancelled);
    let ours = failed(with("error.type", json!("content_filter")), "refused", None);
    assert_eq!(ours.failure.map(|failure| failure.category), Some(ErrorCategory::ContentFilter));
}

#[test]
fn a_price_that_came_with_the_span_stays() {
    for (name, value) in [
        ("operation.cost", json!(6.3e-6)),
        ("llm.cost.total", json!(6.3e-6)),
        ("gen_ai.usage.cost", json!(6.3e-6)),
        ("langfuse.observation.cost_details", json!("{\"input\":1e-6,\"total\":0.0000063}")),
    ] {
        let mut attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12});
        attributes[name] = value;
        let call = one(attributes);
        assert_eq!(call.cost, Some(Cost::Known(Usd::from_nanos(6_300))), "{name}");
        assert_eq!(call.prices.as_deref(), Some("sender"));
    }
    let unknown = one(json!({
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12, "operation.cost": -1.0,
    }));
    assert_eq!(unknown.cost, None, "to be priced here");
}

#[test]
fn parameters_and_times_have_their_places() {
    let call = one(json!({
        "gen_ai.operation.name": "chat", "gen_ai.request.temperature": 0, "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 7, "gen_ai.request.stop_sequences": ["END"], "gen_ai.request.stream": true,
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.client.operation.time_to_first_chunk": 0.25,
        "gen_ai.prompt.name": "rank", "gen_ai.prompt.version": "v3", "server.address": "api.openai.com",
        "server.port": 443, "my.own": "kept", "logfire.msg": "left out",
    }));
    let request = call.request.expect("parameters");
    assert_eq!((request.temperature, request.max_tokens, request.seed), (Some(0.0), Some(64), Some(7)));
    assert_eq!(request.stop_sequences, ["END"]);
    assert_eq!(call.first_token.map(|first| first.as_millis()), Some(250));
    assert_eq!(call.duration.map(|time| time.as_secs()), Some(2));
    assert_eq!(
        call.prompt.map(|prompt| (prompt.name.to_string(), prompt.version.unwrap().to_string())),
        Some(("rank".to_owned(), "v3".to_owned()))
    );
    assert_eq!(call.pricing.api_url.as_deref(), Some("https://api.openai.com:443"));
    assert_eq!(call.attributes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["my.own"]);
    let oi = one(json!({
        "openinference.span.kind": "LLM", "llm.invocation_parameters": "{\"temperature\": 0.5, \"max_tokens\": 9}",
    }));
    let request = oi.request.expect("parameters");
    assert_eq!((request.temperature, request.max_tokens), (Some(0.5), Some(9)));
}

#[test]
fn content_is_read_in_every_convention() {
    let newest = json!([{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]).to_string();
    let answer =
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}], "finish_reason": "stop"}]);
    for attributes in [
        json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": newest, "gen_ai.output.messages": answer}),
        json!({
            "llm.request.type": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hello",
            "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "Hi",
        }),
        json!({
            "openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "Hello",
            "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Hi",
        }),
        json!({
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": "[{\"role\": \"user\", \"content\": \"Hello\"}]",
            "langfuse.observation.output": "Hi",
        }),
        json!({
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}]}]",
            "ai.response.text": "Hi",
        }),
    ] {
        let content = one(attributes.clone()).content.expect("content");
        let said = |messages: &[jobmon_core::Message]| match messages {
            [message] => (message.role, message.parts.clone()),
            _ => panic!("{messages:?} of {attributes}"),
        };
        assert_eq!(said(&content.input), (Role::User, vec![Part::Text("Hello".into())]), "{attributes}");
        assert_eq!(said(&content.output), (Role::Assistant, vec![Part::Text("Hi".into())]), "{attributes}");
    }
    let tool = one(json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search",
        "gen_ai.tool.call.arguments": "{\"query\":\"rust\"}", "gen_ai.tool.call.result": "3 jobs",
    }));
    let content = tool.content.expect("content");
    assert_eq!((content.arguments, content.result), (Some(json!({"query": "rust"})), Some(json!("3 jobs"))));
}

#[test]
fn log_records_are_facts_about_calls() {
    let about = Some((TraceId::from_bytes([7; 16]).unwrap(), SpanId::from_bytes([3; 8]).unwrap()));
    let log = |name: &str, attributes: Value| {
        let (name, attributes) = (name.to_owned(), object(attributes));
        event_of_log(&LogData { name, at: Timestamp::from_nanos(SECOND), about, attributes })
    };
    let evaluation = "gen_ai.evaluation.result";
    let score = json!({"gen_ai.evaluation.name": "match", "gen_ai.evaluation.score.value": 1});
    let Some(jobmon_core::Event::Score(score)) = log(evaluation, score) else { panic!("a score") };
    assert_eq!((score.name.as_str(), score.value, score.fact.call.is_some()), ("match", 1.0, true));
    let nothing = json!({"gen_ai.evaluation.name": "match", "gen_ai.evaluation.score.label": "good"});
    assert_eq!(log(evaluation, nothing), None, "a label alone is no number");
    let outcome = json!({"jobmon.outcome.kind": "application", "jobmon.outcome.value.usd": 25.0});
    let Some(jobmon_core::Event::Outcome(outcome)) = log("jobmon.outcome", outcome) else {
        panic!("an outcome")
    };
    assert_eq!(outcome.value, Some(Usd::from_nanos(25 * 1_000_000_000)));
    assert_eq!(log("somebody.else", json!({})), None);
}

#[test]
fn counts_that_are_none_are_none() {
    let call = one(json!({
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -5, "gen_ai.usage.output_tokens": "12",
        "gen_ai.usage.audio.input_tokens": 3.0, "gen_ai.usage.total_tokens": 17,
    }));
    let usage = call.usage().expect("usage");
    assert_eq!(
        (usage.input, usage.output, usage.get(UsageUnit::InputAudioTokens)),
        (None, Some(12), Some(3))
    );
    assert_eq!(call.attributes, []);
    let silent = one(json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    assert!(silent.usage_missing, "a request that says nothing of usage is loud");
}

#[test]
fn spans_that_name_each_other_as_parents_end_nowhere() {
    let mut a = span("a", json!({"gen_ai.operation.name": "chat"}));
    let mut b = span("b", json!({"gen_ai.operation.name": "invoke_agent"}));
    let c = inside(&a, span("c", json!({})));
    (a.parent, b.parent) = (Some(c.span), Some(a.span));
    let mut own = span("own", json!({"gen_ai.operation.name": "chat"}));
    own.parent = Some(own.span);
    assert_eq!(calls(&[a, b, c, own]).len(), 4 - 1);
}
