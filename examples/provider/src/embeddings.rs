//! The wire format of OpenAI's embeddings: `POST /v1/embeddings`.

use crate::faults::Dice;
use crate::tokens::tokens;
use crate::wire::{Failure, Question, Tokens};
use serde_json::{Value, json};

/// Numbers of a vector, unless the request says how many. Real ones have a thousand and more.
const DIMENSIONS: u64 = 64;

pub(crate) fn read(body: &Value) -> Result<Question, Failure> {
    let model = body.get("model").and_then(Value::as_str);
    let model = model.ok_or(Failure::Malformed("you must provide a model parameter"))?;
    let inputs: Vec<String> = match body.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => {
            texts.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    if inputs.is_empty() {
        return Err(Failure::Malformed("Missing required parameter: 'input'."));
    }
    let user = inputs.join("\n");
    let max_tokens = body.get("dimensions").and_then(Value::as_u64);
    let (system, model) = (String::new(), model.to_owned());
    Ok(Question { model, system, user, max_tokens, schema: None, stream: false, stream_usage: false, inputs })
}

pub(crate) fn write(question: &Question, tokens: Tokens) -> Value {
    let dimensions = question.max_tokens.unwrap_or(DIMENSIONS).clamp(1, 4096);
    let data: Vec<Value> = (0..)
        .zip(&question.inputs)
        .map(|(index, text): (u64, _)| {
            json!({ "object": "embedding", "index": index, "embedding": vector(text, dimensions) })
        })
        .collect();
    let usage = json!({ "prompt_tokens": tokens.input, "total_tokens": tokens.input });
    json!({ "object": "list", "data": data, "model": question.model, "usage": usage })
}

/// A unit vector: texts that share words point the same way.
fn vector(text: &str, dimensions: u64) -> Vec<f64> {
    let mut sums = vec![0.0_f64; usize::try_from(dimensions).unwrap_or(1)];
    for token in tokens(&text.to_lowercase()) {
        let at = Dice::new(0).with(token).throw(dimensions);
        if let Some(sum) = usize::try_from(at).ok().and_then(|at| sums.get_mut(at)) {
            *sum += 1.0;
        }
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    sums.iter().map(|sum| sum / length).collect()
}
