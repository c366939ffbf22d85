//! What the price list knows, and what is not checked.

#![deny(warnings)]

use jobmon::instrument_llm;

#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn exact() {}

#[instrument_llm(provider = "openai", model = "gpt-4o-2024-08-06")]
fn dated() {}

#[instrument_llm(provider = "gcp.gemini", model = "models/gemini-2.5-flash")]
fn prefixed() {}

#[instrument_llm(model = "openai/gpt-4o")]
fn gateway() {}

#[instrument_llm(provider = provider, model = "llama-3.3-70b-versatile")]
fn computed_provider(provider: &str) {}

#[instrument_llm(provider = "openai", model = model)]
fn computed_model(model: &str) {}

#[instrument_llm(provider = "acme", model = "private", model_check = off)]
fn off() {}

#[instrument_llm(provider = "openai", model = "gpt-4o-mni", disabled)]
fn disabled() {}

#[instrument_llm(provider = "acme")]
fn provider_alone() {}

#[allow(deprecated)]
#[instrument_llm(provider = "acme", model = "private")]
fn allowed() {}

fn main() {
    exact();
    dated();
    prefixed();
    gateway();
    computed_provider("groq");
    computed_model("x");
    off();
    disabled();
    provider_alone();
    allowed();
}
