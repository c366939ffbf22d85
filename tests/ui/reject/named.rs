//! `prompt(..)`, `api_url` and `price_context(..)`.

use jobmon::instrument_llm;

#[instrument_llm(prompt)]
fn alone() {}

#[instrument_llm(prompt(version = "v3"))]
fn without_name() {}

#[instrument_llm(prompt(name = "match", vresion = "v3"))]
fn misspelt() {}

#[instrument_llm(prompt(name = 3))]
fn number() {}

#[instrument_llm(price_context(processing))]
fn without_value() {}

#[instrument_llm(price_context(processing = "batch", processing = "online"))]
fn twice() {}

#[instrument_llm(price_context("processing" = "batch"))]
fn quoted() {}

#[instrument_llm(api_url)]
fn no_url() {}

fn main() {}
