//! Spans of calls that the program's own SDK makes.

use super::{Program, agent, span};
use jobmon_core::{Usage, instrument_llm};
use jobmon_export::Spans;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Array, Value, global};
use opentelemetry_sdk::trace::SpanData;
use tracing::{Instrument, info_span};

fn attribute<'s>(span: &'s SpanData, key: &str) -> Option<&'s Value> {
    // The last one of a key counts.
    span.attributes.iter().rev().find(|pair| pair.key.as_str() == key).map(|pair| &pair.value)
}

/// The one test of this file: the global provider is one for the process.
#[tokio::test]
async fn calls_are_spans_of_the_sdk_with_all_that_is_known_and_no_exporter_makes_them_again() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", retry(attempts = 2, backoff = fixed("1ms")), crate = ::jobmon_core)]
    async fn ask(tries: &std::cell::Cell<u32>) -> Result<serde_json::Value, std::io::Error> {
        tries.set(tries.get() + 1);
        if tries.get() == 1 {
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(serde_json::json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        }))
    }
    #[instrument_llm(operation = execute_tool, crate = ::jobmon_core)]
    fn fails() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("no such tool"))
    }
    let program = Program::start(Spans::OpenTelemetry);
    global::set_tracer_provider(program.provider.clone());
    let around = async {
        agent().await;
        let _ = ask(&std::cell::Cell::new(0)).await;
        let _ = fails();
        jobmon_core::current().usage(Usage::new(1, 1));
    };
    around.instrument(info_span!("GET /search")).await;
    let (spans, calls) = program.ended();

    // `GET /search`, `rank results`, and one for each of four calls.
    assert_eq!((spans.len(), calls.len()), (6, 4));
    for call in &calls {
        let same =
            spans.iter().filter(|span| span.span_context.span_id().to_string() == call.id.span.to_string());
        assert_eq!(same.count(), 1, "{}", call.name);
    }
    let (request, agent) = (span(&spans, "GET /search"), span(&spans, "invoke_agent agent"));
    let (rank, tool) = (span(&spans, "rank results"), span(&spans, "execute_tool tool"));
    for (child, parent) in [(agent, request), (rank, agent), (tool, rank)] {
        assert_eq!(child.parent_span_id, parent.span_context.span_id(), "{}", child.name);
    }
    let chat = span(&spans, "chat gpt-4o-mini");
    assert_eq!(chat.span_kind, SpanKind::Client);
    assert_eq!(attribute(chat, "gen_ai.usage.input_tokens"), Some(&Value::I64(1_000)));
    assert_eq!(
        attribute(chat, "gen_ai.response.finish_reasons"),
        Some(&Value::Array(Array::String(vec!["stop".into()])))
    );
    assert_eq!(attribute(chat, "jobmon.cost.usd"), Some(&Value::F64(0.000_21)));
    let attempts: Vec<_> = chat.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(attempts, ["jobmon.attempt", "jobmon.attempt"]);
    let failed = span(&spans, "execute_tool fails");
    assert_eq!(failed.status, Status::error("no such tool"));
    assert_eq!(attribute(failed, "error.type"), Some(&Value::String("_OTHER".into())));
    let took =
        |span: &SpanData| span.end_time.duration_since(span.start_time).expect("it ends after it began");
    let call = calls.iter().find(|call| call.name == *"ask").expect("it was called");
    assert_eq!(Some(took(chat)), call.duration);
}
