//! How providers and models are called: by callers and by OpenTelemetry on one side, by the price list on the other.
//!
//! A crate of its own, since two ask: `jobmon-core` when it prices a call, `jobmon-macros` when it checks a model that
//! is written down.

/// A provider and a model in the words of the price list.
///
/// ```
/// use jobmon_names::Named;
///
/// let named = Named::new(Some("gcp.gemini"), "models/gemini-2.5-flash");
/// assert_eq!(named, Named { provider: Some("google"), model: "gemini-2.5-flash" });
/// assert_eq!(Named::new(Some(" "), "gpt-4o").provider, None, "an empty name is no name");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a model has a name and a provider")]
pub struct Named<'a> {
    /// The list's id of the provider, or the caller's name where the list has no other; `None` where none is given.
    pub provider: Option<&'a str>,
    /// The model.
    pub model: &'a str,
}

impl<'a> Named<'a> {
    /// Translates a caller's words.
    pub fn new(provider: Option<&'a str>, model: &'a str) -> Self {
        let provider = provider.map(str::trim).filter(|name| !name.is_empty()).map(list_name);
        // Gemini's API calls its models `models/..`, Vertex AI `publishers/google/models/..`; the list does not.
        let model = model.trim();
        let model = match provider {
            Some("google") | None => model.rsplit_once("models/").map_or(model, |(_, model)| model),
            _ => model,
        };
        Self { provider, model }
    }
}

/// Whether a name is a way to write a provider's id.
///
/// The list takes any name that contains a known one for that provider; a proxy's price is not the provider's.
///
/// ```
/// use jobmon_names::is_name_of;
///
/// assert!(is_name_of("mistral_ai", "mistral") && is_name_of("Together AI", "together"));
/// assert!(!is_name_of("my-openai-proxy", "openai"));
/// ```
pub fn is_name_of(name: &str, id: &str) -> bool {
    let written = |name: &str, all: bool| -> String {
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| all || !word.eq_ignore_ascii_case("ai")).collect::<String>().to_ascii_lowercase()
    };
    [true, false].into_iter().any(|all| written(name, all) == written(id, all))
}

/// The price list's id of a provider.
///
/// The list matches many names by itself (`aws.bedrock`, `gcp.gemini`, `mistral_ai`, ..). These are the names of
/// the OpenTelemetry registry and of Rust clients that it does not know or takes for another provider's:
/// `azure.ai.openai` contains `openai`.
///
/// ```
/// assert_eq!(jobmon_names::list_name("azure.ai.openai"), "azure");
/// assert_eq!(jobmon_names::list_name("anthropic"), "anthropic");
/// ```
pub fn list_name(provider: &str) -> &str {
    let is = |names: &[&str]| names.iter().any(|name| provider.eq_ignore_ascii_case(name));
    let starts = |prefix: &str| provider.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
    if is(&["azure.ai.openai", "azure.ai.inference", "az.ai.openai", "az.ai.inference"])
        || is(&["azure", "azure_openai", "azure-openai", "azureopenai"])
    {
        "azure"
    } else if starts("gcp.")
        || is(&["gemini", "google", "google_vertex", "google-vertex", "vertex_ai", "vertexai"])
    {
        "google"
    } else if is(&[
        "aws.bedrock",
        "aws_bedrock",
        "aws-bedrock",
        "bedrock",
        "amazon-bedrock",
        "amazon_bedrock",
    ]) {
        "aws"
    } else if is(&["x_ai", "x-ai", "xai"]) {
        "x-ai"
    } else if is(&["together", "together_ai", "together-ai", "togetherai"]) {
        "together"
    } else if is(&["github.copilot", "github_copilot"]) {
        "github-copilot"
    } else if is(&["z_ai", "z.ai"]) {
        "zai"
    } else {
        provider
    }
}
