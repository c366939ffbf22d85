//! How a model was asked, and attributes of the program's own, each with the type that the conventions give it.

use super::{Attributes, told};
use crate::semconv::{key, own};
use jobmon_core::{CallRecord, Operation, Request, Text, Value};

/// Types that the conventions give attributes which programs may set themselves.
const DOUBLES: [&str; 5] = [
    key::REQUEST_TEMPERATURE,
    key::REQUEST_TOP_P,
    key::REQUEST_FREQUENCY_PENALTY,
    key::REQUEST_PRESENCE_PENALTY,
    key::RESPONSE_TIME_TO_FIRST_CHUNK,
];
const INTS: [&str; 7] = [
    key::REQUEST_TOP_K,
    key::REQUEST_MAX_TOKENS,
    key::REQUEST_SEED,
    key::REQUEST_CHOICE_COUNT,
    key::EMBEDDINGS_DIMENSIONS,
    key::RETRIEVAL_TOP_K,
    key::SERVER_PORT,
];
const LISTS: [&str; 3] =
    [key::REQUEST_STOP_SEQUENCES, key::REQUEST_ENCODING_FORMATS, key::RESPONSE_FINISH_REASONS];
/// What we say ourselves wherever it is known: a second value would contradict it.
const OURS: [&str; 15] = [
    key::OPERATION,
    key::PROVIDER,
    key::REQUEST_MODEL,
    key::RESPONSE_TIME_TO_FIRST_CHUNK,
    key::USAGE_INPUT,
    key::USAGE_OUTPUT,
    key::USAGE_CACHE_READ,
    key::USAGE_CACHE_WRITE,
    key::USAGE_REASONING,
    key::CONVERSATION,
    key::AGENT_NAME,
    key::TOOL_NAME,
    key::ERROR_TYPE,
    key::SESSION,
    key::USER,
];

/// What `gen_ai.request.*` say, unless the program said so itself.
pub(super) fn parameters(call: &CallRecord, to: &mut impl Attributes) {
    let asked = call.request.as_deref();
    let streams =
        call.streams || call.chunks.is_some() || asked.is_some_and(|asked| asked.stream == Some(true));
    if streams && is_inference(call.operation) && told(call, key::REQUEST_STREAM).is_none() {
        to.bool(key::REQUEST_STREAM, true);
    }
    let Some(asked) = asked else { return };
    let free = |key: &str| told(call, key).is_none();
    let mut list = |key: &str, values: &[Text]| {
        if !values.is_empty() && free(key) {
            to.texts(key, &values.iter().map(Text::as_str).collect::<Vec<_>>());
        }
    };
    if call.operation == Operation::Embeddings {
        list(key::REQUEST_ENCODING_FORMATS, &asked.encoding_formats);
        if free(key::EMBEDDINGS_DIMENSIONS) {
            to.some_count(key::EMBEDDINGS_DIMENSIONS, asked.dimensions);
        }
        return;
    }
    list(key::REQUEST_STOP_SEQUENCES, &asked.stop_sequences);
    let Request { temperature, top_p, frequency_penalty, presence_penalty, .. } = *asked;
    for (key, value) in [
        (key::REQUEST_TEMPERATURE, temperature),
        (key::REQUEST_TOP_P, top_p),
        (key::REQUEST_FREQUENCY_PENALTY, frequency_penalty),
        (key::REQUEST_PRESENCE_PENALTY, presence_penalty),
    ] {
        if free(key) {
            to.some_double(key, value);
        }
    }
    for (key, value) in [
        (key::REQUEST_TOP_K, asked.top_k),
        (key::REQUEST_MAX_TOKENS, asked.max_tokens),
        // One answer is what is understood.
        (key::REQUEST_CHOICE_COUNT, asked.choices.filter(|choices| *choices != 1)),
    ] {
        if free(key) {
            to.some_count(key, value);
        }
    }
    if let Some(seed) = asked.seed.filter(|_| free(key::REQUEST_SEED)) {
        to.int(key::REQUEST_SEED, seed);
    }
    let tier = asked.service_tier.as_deref().filter(|tier| *tier != "auto");
    for (key, value) in [
        (key::OUTPUT_TYPE, asked.output_type.as_deref()),
        (key::REQUEST_REASONING_LEVEL, asked.reasoning.as_deref()),
        (key::REQUEST_PREVIOUS_RESPONSE, asked.previous_response.as_deref()),
        (key::OPENAI_REQUEST_TIER, tier.filter(|_| call.provider.as_deref() == Some("openai"))),
    ] {
        if free(key) {
            to.some_text(key, value);
        }
    }
}

pub(super) const fn is_inference(operation: Operation) -> bool {
    matches!(operation, Operation::Chat | Operation::GenerateContent | Operation::TextCompletion)
}

/// An attribute that the program recorded: as it is, but of the type that the conventions give it. What does not fit
/// keeps its value under a name of ours.
pub(super) fn attribute(key: &Text, value: &Value, to: &mut impl Attributes) {
    let key = key.as_str();
    if OURS.contains(&key) {
        return misfit(key, value, to);
    }
    if DOUBLES.contains(&key) {
        return match value {
            Value::Float(number) => to.double(key, *number),
            #[expect(clippy::cast_precision_loss, reason = "parameters are small")]
            Value::Int(number) => to.double(key, *number as f64),
            Value::Text(text) => match text.parse() {
                Ok(number) => to.double(key, number),
                Err(_) => misfit(key, value, to),
            },
            _ => misfit(key, value, to),
        };
    }
    if INTS.contains(&key) {
        return match value {
            Value::Int(number) => to.int(key, *number),
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and saturates")]
            Value::Float(number) if number.fract() == 0.0 => to.int(key, *number as i64),
            Value::Text(text) => match text.parse() {
                Ok(number) => to.int(key, number),
                Err(_) => misfit(key, value, to),
            },
            _ => misfit(key, value, to),
        };
    }
    if LISTS.contains(&key) {
        let text = value.to_string();
        let list: Vec<String> = serde_json::from_str(&text).unwrap_or_else(|_| vec![text]);
        return to.texts(key, &list.iter().map(String::as_str).collect::<Vec<_>>());
    }
    if key.starts_with("gen_ai.") && key != key::REQUEST_STREAM {
        // Whatever else the conventions have for programs to set is text.
        return match value {
            Value::Text(text) => to.text(key, text),
            Value::Bool(flag) if key == "gen_ai.conversation.compacted" => to.bool(key, *flag),
            _ => misfit(key, value, to),
        };
    }
    match value {
        Value::Bool(flag) => to.bool(key, *flag),
        Value::Int(number) => to.int(key, *number),
        Value::Float(number) => to.double(key, *number),
        Value::Text(text) => to.text(key, text),
        other => to.text(key, &other.to_string()),
    }
}

fn misfit(key: &str, value: &Value, to: &mut impl Attributes) {
    to.text(&format!("{}{key}", own::FIELD), &value.to_string());
}
