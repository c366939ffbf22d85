//! Whether the price list knows a model. What jobmon has a price for when a call ends, it knows here too.

use crate::models::{Doubt, Provider};
use crate::retired::{LIST, RETIRED};
use crate::words;
use genai_prices::{Calculator, PriceCalculation, PriceRequest, Usage};
use jobmon_names::{Named, is_name_of};

/// How to keep a name that the list does not have.
const OFF: &str = "if the name is right, write `model_check = off`";

/// What is doubtful about a model, with the words to say so.
///
/// The list is decoded when it is first asked, once for each run of the compiler.
pub(crate) fn doubt(provider: Provider<'_>, model: &str) -> Option<Doubt> {
    let list = Calculator::bundled();
    let Provider::Named(name) = provider else {
        let found = find(list, None, model);
        let retired = found.as_ref().filter(|_| matches!(provider, Provider::Unsaid)).and_then(retired);
        return match retired {
            Some(doubt) => Some(doubt),
            None if found.is_some() || is_anywhere(list, model) => None,
            None => Some(unknown_model(list, None, model)),
        };
    };
    if let Some(found) = find(list, Some(name), model) {
        return retired(&found);
    }
    if is_prefixed(list, model) {
        return None;
    }
    let id = provider_id(list, name);
    match id {
        None if Named::new(Some(name), model).provider.is_none() => doubt(Provider::Unsaid, model),
        None => Some(unknown_provider(list, name)),
        Some(id) if is_listed(list, Some(id), model) => None,
        Some(id) => Some(unknown_model(list, Some(id), model)),
    }
}

/// The price of nothing: there is one for each model that the list knows.
fn find(list: &Calculator, provider: Option<&str>, model: &str) -> Option<PriceCalculation> {
    let named = Named::new(provider, model);
    let nothing = Usage::new();
    let mut request = PriceRequest::new(named.model, &nothing);
    request.provider_id = named.provider;
    let found = list.calculate(&request).ok()?;
    // LiteLLM hands on to the provider that the model's name begins with.
    let is_its = |name: &str| is_name_of(name, &found.provider_id) || name.eq_ignore_ascii_case("litellm");
    named.provider.is_none_or(is_its).then_some(found)
}

/// The list's id of a provider, where it has one of this very name.
fn provider_id<'a>(list: &'a Calculator, name: &str) -> Option<&'a str> {
    let name = Named::new(Some(name), "").provider?;
    let found = list.find_provider(Some(name), None).ok()??;
    is_name_of(name, found.id()).then_some(found.id())
}

/// Whether any provider has such a model.
fn is_anywhere(list: &Calculator, model: &str) -> bool {
    is_prefixed(list, model)
        || is_listed(list, None, model)
        || list.providers().any(|provider| find(list, Some(provider.id()), model).is_some())
}

/// Whether it is `openai/gpt-4o`, as gateways call the models of others.
fn is_prefixed(list: &Calculator, model: &str) -> bool {
    model.split_once('/').is_some_and(|(provider, model)| find(list, Some(provider), model).is_some())
}

/// The names in the list: of a provider, or of all.
fn names<'a>(list: &'a Calculator, provider: Option<&str>) -> impl Iterator<Item = &'a str> {
    let providers = list.providers().filter(move |known| provider.is_none_or(|id| known.id() == id));
    providers.flat_map(|provider| provider.models().map(genai_prices::ModelInfo::id))
}

/// Whether the list has this very name, though it may find no model by it (Bedrock's regional variants).
fn is_listed(list: &Calculator, provider: Option<&str>, model: &str) -> bool {
    names(list, provider).any(|name| name.eq_ignore_ascii_case(model))
}

fn unknown_model(list: &Calculator, provider: Option<&str>, model: &str) -> Doubt {
    let of = provider.map(|id| format!(" of {id}")).unwrap_or_default();
    let names: Vec<&str> = names(list, provider).collect();
    let guess = words::guess(model, &names);
    Doubt::UnknownModel(format!(
        "unknown model `{model}`{guess} the price list ({LIST}) has no such model{of}, so its cost would not be known; {OFF}"
    ))
}

fn unknown_provider(list: &Calculator, name: &str) -> Doubt {
    let ids: Vec<&str> = list.providers().map(genai_prices::ProviderInfo::id).collect();
    let guess = words::guess(name, &ids);
    Doubt::UnknownProvider(format!(
        "unknown provider `{name}`{guess} the price list ({LIST}) does not have it, so the cost would not be known; {OFF}"
    ))
}

fn retired(found: &PriceCalculation) -> Option<Doubt> {
    let (provider, model) = (found.provider_id.as_str(), found.model_id.as_str());
    let is_retired = RETIRED.contains(&(provider, model));
    is_retired.then(|| {
        Doubt::RetiredModel(format!(
            "model `{model}` of {provider} is deprecated or retired, according to the price list ({LIST}); to stay with it, write \
             `model_check = off`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(provider: Provider<'_>, model: &str) -> Option<String> {
        match doubt(provider, model) {
            Some(Doubt::UnknownModel(text) | Doubt::UnknownProvider(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn every_model_of_the_list_is_known_with_its_provider_and_without() {
        for provider in Calculator::bundled().providers() {
            for model in provider.models() {
                for said in [Provider::Named(provider.id()), Provider::Unsaid, Provider::Computed] {
                    assert_eq!(unknown(said, model.id()), None, "{} {}", provider.id(), model.id());
                }
            }
        }
    }

    #[test]
    fn what_has_a_price_at_run_time_is_known() {
        for (provider, model) in [
            ("gcp.gemini", "models/gemini-2.5-flash"),
            ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash"),
            ("gcp.vertex_ai", "claude-sonnet-4@20250514"),
            ("openai", "gpt-4o-2024-08-06"),
            ("OpenAI", "GPT-4o"),
            ("openai", "openai/gpt-4o"),
            ("openrouter", "openai/gpt-4o"),
            ("litellm", "anthropic/claude-sonnet-4-5"),
            ("azure.ai.openai", "gpt-4o-mini"),
            ("aws.bedrock", "amazon.nova-lite-v1:0"),
            ("mistral_ai", "mistral-large-latest"),
            ("anthropic", "claude-sonnet-4-0"),
            (" ", "gpt-4o"),
        ] {
            assert_eq!(doubt(Provider::Named(provider), model), None, "{provider} {model}");
            assert_eq!(unknown(Provider::Unsaid, model), None, "{model}");
            assert_eq!(unknown(Provider::Computed, model), None, "{model}");
        }
    }

    #[test]
    fn the_nearest_name_is_guessed_first_among_those_of_the_provider() {
        for (provider, model, guess) in [
            (Provider::Named("openai"), "gpt-4o-mni", "did you mean `gpt-4o-mini`?"),
            (Provider::Unsaid, "gpt-4o-mni", "did you mean `gpt-4o-mini`?"),
            (Provider::Computed, "gpt-4o-mni", "did you mean `gpt-4o-mini`?"),
            (Provider::Named("gcp.gemini"), "gemini-2.5-flahs", "did you mean `gemini-2.5-flash`?"),
            (Provider::Named("anthropic"), "gpt-4o-mini", "unknown model `gpt-4o-mini`: "),
            (Provider::Named("openai"), "our-own", "unknown model `our-own`: "),
            (Provider::Named("opnai"), "gpt-4o", "unknown provider `opnai`, did you mean `openai`?"),
            (Provider::Named("my-openai-proxy"), "gpt-4o", "unknown provider `my-openai-proxy`: "),
            (Provider::Named("llama.cpp"), "qwen3", "unknown provider `llama.cpp`: "),
            (Provider::Unsaid, "", "unknown model ``: "),
            (Provider::Named("openai"), "openai/gpt-4o-mni", "unknown model `openai/gpt-4o-mni`"),
        ] {
            let text = unknown(provider, model).expect(model);
            assert!(text.contains(guess) && text.contains("model_check = off"), "{model}: {text}");
        }
    }

    #[test]
    fn retired_models_are_told_where_their_provider_is_known() {
        let is_retired = |said| matches!(doubt(said, "gemini-2.0-flash"), Some(Doubt::RetiredModel(_)));
        assert!(is_retired(Provider::Named("gcp.gemini")) && is_retired(Provider::Unsaid));
        assert!(!is_retired(Provider::Computed));
    }

    /// The data of `genai-prices`, from its sources.
    fn data() -> Option<serde_json::Value> {
        let run = |program: &str, arguments: &[&str]| {
            let mut command = std::process::Command::new(program);
            let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
            String::from_utf8(output.stdout).ok()
        };
        let version = run("rustc", &["-vV"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
        let metadata = run(env!("CARGO"), &["metadata", "--format-version", "1", "--filter-platform", host])?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).ok()?;
        let packages = metadata["packages"].as_array()?;
        let package = packages.iter().find(|package| package["name"] == "genai-prices")?;
        assert_eq!(LIST, format!("genai-prices {}", package["version"].as_str()?), "update `retired.rs`");
        let folder = std::path::Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();
        serde_json::from_slice(&std::fs::read(folder.join("data/prices.json")).ok()?).ok()
    }

    #[test]
    fn the_retired_models_are_those_of_the_data() {
        let data = data().expect("the sources of the dependency are here, since it was compiled");
        let mut retired = Vec::new();
        for provider in data.as_array().expect("a list") {
            for model in provider["models"].as_array().expect("a list") {
                if model["deprecated"] == true {
                    retired
                        .push((provider["id"].as_str().expect("text"), model["id"].as_str().expect("text")));
                }
            }
        }
        let lines: String = retired.iter().map(|pair| format!("    {pair:?},\n")).collect();
        assert_eq!(RETIRED, retired, "what `retired.rs` should hold:\n{lines}");
    }
}
