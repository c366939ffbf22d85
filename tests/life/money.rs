//! To whom the cost of a call belongs, and what it is priced by.

use super::answer;
use jobmon::testing::Collect;
use jobmon::{
    CallRecord, Context, Cost, Dimension, Event, InContext, Key, Prompt, Resource, Text, Usage, Usd,
    instrument_llm,
};
use serde_json::Value;

const VERSION: &str = "v3";

#[instrument_llm(
    provider = "openai",
    model = "gpt-4o-mini",
    feature = "analysis",
    prompt(name = "match-job", version = VERSION),
    price_context(processing = if batch { "batch" } else { "" })
)]
async fn ask(batch: bool) -> Value {
    answer(1_000_000, 0)
}

#[instrument_llm(model = "gpt-4o-mini", api_url = url.trim(), prompt(name = name))]
fn by_address(url: &str, name: &str) -> Value {
    answer(1_000_000, 0)
}

#[instrument_llm(feature = "agents")]
async fn agent() {
    ask(false).await;
    // Elsewhere, and still on behalf of the same.
    let task = tokio::spawn(async { ask(true).await }.in_current_context());
    task.await.expect("it runs");
}

#[instrument_llm]
async fn workflow() {
    agent().await;
    ask(false).await;
}

fn known(dollars: f64) -> Option<Cost> {
    Usd::from_price(dollars).map(Cost::Known)
}

fn named<'a>(calls: &'a [CallRecord], name: &str) -> Vec<&'a CallRecord> {
    calls.iter().filter(|call| call.name.as_str() == name).collect()
}

#[tokio::test]
async fn costs_belong_to_all_that_is_true_around_a_call_and_add_up_under_a_name_of_their_own() {
    let (collect, _guard) = Collect::install();
    let context = Context::current().with_session("s-1").with_user("u-1").with_strategy("broad");
    jobmon::with(context, workflow()).await;
    let calls = collect.calls();
    let asked = named(&calls, "ask");
    assert_eq!(
        asked.iter().map(|call| call.cost).collect::<Vec<_>>(),
        [known(0.15), known(0.075), known(0.15)]
    );
    for call in asked {
        assert_eq!(call.prompt, Some(Prompt::new(Text::literal("match-job"), Some(Text::literal("v3")))));
        let key = Key::of(&Resource::default(), &Event::Call(Box::new(call.clone())));
        for (dimension, value) in [
            (Dimension::Session, "s-1"),
            (Dimension::User, "u-1"),
            (Dimension::Strategy, "broad"),
            (Dimension::Feature, "analysis"),
            (Dimension::Prompt, "match-job"),
            (Dimension::PromptVersion, "v3"),
            (Dimension::Provider, "openai"),
        ] {
            assert_eq!(key.get(dimension).map(Text::as_str), Some(value), "{dimension}");
        }
        assert_eq!(call.rollup, None);
    }
    for (name, inside, dollars) in [("agent", 2, 0.225), ("workflow", 3, 0.375)] {
        let call = named(&calls, name)[0];
        let rollup = call.rollup.as_deref().expect("something was inside");
        assert_eq!((call.cost, call.usage()), (None, None), "what is inside counts there");
        assert_eq!((rollup.model_calls, rollup.cost.cost()), (inside, known(dollars)), "{name}");
        assert_eq!(rollup.usage, Usage::new(inside * 1_000_000, 0));
    }
}

#[test]
fn the_address_of_the_api_tells_whose_prices_hold() {
    let (collect, _guard) = Collect::install();
    by_address(" https://api.openai.com/v1 ", "p");
    by_address("http://127.0.0.1:8080", "p");
    let calls = collect.calls();
    assert_eq!(calls[0].cost, known(0.15));
    assert_eq!(calls[0].pricing.api_url.as_deref(), Some("https://api.openai.com/v1"));
    assert_eq!(calls[0].prompt.as_ref().expect("a prompt").version, None);
    assert_eq!(calls[1].cost, Some(Cost::Unpriced), "who runs it decides what it costs");
}
