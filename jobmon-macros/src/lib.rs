//! Attribute and derive macros of [jobmon](https://docs.rs/jobmon), which re-exports and documents them.
//!
//! Generated code holds no logic: it calls a few functions of `jobmon::__private`.

mod args;
mod bindings;
mod body;
mod capture;
mod drops;
mod error;
mod expand;
mod fields;
mod func;
mod llm;
mod look;
mod methods;
mod mistakes;
mod models;
mod named;
mod nested;
mod own_self;
#[cfg(any(test, feature = "check-models"))]
mod price_list;
mod response;
#[cfg(any(test, feature = "check-models"))]
mod retired;
mod retry;
mod shape;
mod site;
#[cfg(test)]
mod tests;
mod values;
mod words;

use proc_macro::TokenStream;

/// Makes a function a monitored call.
///
/// The function keeps its signature, its attributes and its behaviour; each run becomes one event with its
/// duration, its outcome and, where they can be read, its tokens and cost. It may be async or not, a method, a
/// function that returns a future or a stream, generic, anything but `const`. On an `impl` block it takes each async
/// method.
///
/// ```
/// use jobmon::{Usage, instrument_llm};
/// # struct Request { model: String }
/// # struct Job { id: u32 }
///
/// #[instrument_llm(provider = "openai", model = request.model, feature = "job_analysis", fields(job.id = %job.id))]
/// async fn analyze(request: &Request, job: &Job) -> Result<Usage, std::io::Error> {
///     // .. ask the model ..
///     Ok(Usage::new(1_200, 40))
/// }
/// # drop(analyze(&Request { model: "gpt-4o".into() }, &Job { id: 1 }));
/// ```
///
/// # Keys
///
/// | key | value |
/// |---|---|
/// | `operation` | `chat`, `generate_content`, `text_completion`, `embeddings`, `retrieval`, `execute_tool`, `invoke_agent`, `invoke_workflow` or `plan`. By default `chat` where a `model` or `provider` is given, else `invoke_agent` |
/// | `provider`, `model`, `feature` | a string, or an expression over the arguments that gives one (`AsRef<str>`) |
/// | `name` | a string, instead of the function's name |
/// | `fields(..)` | what to record: `job_id`, `n = items.len()`, `job.id = %job.id` (`Display`), `who = ?user` (`Debug`). No argument is recorded unless it is named here |
/// | `track(..)` | which of `tokens`, `latency`, `errors` and `retries` are recorded; all by default |
/// | `usage` | `required`: it is a compile error when the return type tells no usage; `manual`: the body reports it; `\|out\| ..`: read it from the success value |
/// | `error` | `\|e\| ..`: the `ErrorCategory` of an error |
/// | `retry(..)` | the body runs again when it fails, see below; also `retry = policy`, a `jobmon::Retry` |
/// | `timeout` | how long an attempt may take: `"30s"`, or an expression that gives a `Duration`. The error must be `From<jobmon::TimedOut>` |
/// | `budget` | no value: budgets that block may stop the call before its body runs; or the name of one that counts it, a string or an expression that gives one (`AsRef<str>`). The error must be `From<jobmon::BudgetExceeded>` |
/// | `prompt(name = .., version = ..)` | the prompt that is used, so that its versions can be compared; strings or expressions over the arguments |
/// | `cache_key` | what the answer depends on, anything that can be displayed: calls with the same key could have been answered from a cache. A digest of it is kept |
/// | `api_url` | the address of the API, a string or an expression: it tells the provider's prices where no provider is given |
/// | `price_context(processing = .., ..)` | what else decides on the price and answers do not tell, in the words of the price list: `processing = "batch"`, `service_tier = "flex"`, `search_type = "fast"` |
/// | `boxed` | no value: the body's future is boxed, so that its size does not add up in the futures around it |
/// | `model_check` | `warn` (default), `error` or `off`: what the compiler says about a `model` that the price list does not know. Needs the feature `check-models` |
/// | `disabled` | no value: this function is left as it is |
/// | `crate` | absolute path of `jobmon`, where it is only seen through another crate |
///
/// Expressions are evaluated once, by reference, before the body, and only when a monitor is installed.
///
/// # Usage
///
/// Usage is read from what the function returns if that is an `LlmResponse`, or a tuple with one in any of up to four
/// places, also inside `Result`, `Option`, `Box`, `Rc` and `Arc`. (Around a tuple these must be spelled in the return
/// type, but for a `Result`; of several answers in a tuple the first is read.) `usage = required` accepts the same. A
/// function that returns its own type reports it with `jobmon::observe(..)` in its body; so does one that returns a
/// `Vec`, since these are several answers, each with a price of its own.
///
/// # Models that are written down
///
/// With the feature `check-models` the compiler warns about a literal `model` that the price list does not know, or
/// calls deprecated or retired, where it is written and with the name that was probably meant. The warning is the lint
/// `deprecated`: `#![allow(deprecated)]` and `#![deny(deprecated)]` set it for a crate, `model_check` for a function.
/// Models of your own are meant by `model_check = off`. A model without a provider, or with one that is computed, is
/// known if any provider has it. Costs about 0.2 s for each crate with such a literal, to decode the list.
///
/// # Functions that return futures
///
/// A function whose return type is spelled `impl Future`, `Pin<Box<dyn Future>>`, `Box<dyn Future>`, `BoxFuture`
/// or `LocalBoxFuture` (methods under `#[async_trait]`, too) is monitored until its future is ready. What it does
/// before it returns the future belongs to the call, too, whose clock starts with the future. An alias of your own
/// hides the future, or the stream, from the attribute: spell the type.
///
/// # Functions that return streams
///
/// A function whose return type is spelled `impl Stream`, `Pin<Box<dyn Stream>>`, `Box<dyn Stream>`, `BoxStream` or
/// `LocalBoxStream`, or a `Result` with one of these, is monitored until its stream ends or is dropped. Usage is that of
/// the last item that carries it. A stream that is dropped in the middle is abandoned and reports what it used; one
/// that is dropped after its last item has ended, as far as that can be known: when its model has given a finish
/// reason, when usage has come after items without it, or when `size_hint` says that nothing is left. Memory does not
/// grow with the stream.
///
/// # Retries
///
/// ```
/// use jobmon::{ErrorCategory, LlmError, TimedOut, Usage, instrument_llm};
/// # struct Client;
/// # impl Client { async fn send(&self, _: String) -> Result<Usage, AgentError> { Ok(Usage::new(1, 1)) } }
///
/// #[derive(Debug, LlmError)]
/// enum AgentError {
///     #[llm(category = rate_limit)]
///     SlowDown,
///     TimedOut(#[llm(source)] TimedOut),
/// }
/// # impl From<TimedOut> for AgentError { fn from(error: TimedOut) -> Self { Self::TimedOut(error) } }
///
/// #[instrument_llm(
///     provider = "openai", model = "gpt-4o-mini",
///     retry(attempts = 4, backoff = exponential("200ms", max = "5s"), jitter, on(RateLimit, Network, Timeout)),
///     timeout = "30s",
/// )]
/// async fn ask(client: &Client, prompt: String) -> Result<Usage, AgentError> {
///     client.send(prompt).await
/// }
/// # drop(ask(&Client, String::new()));
/// ```
///
/// | key of `retry` | value |
/// |---|---|
/// | `attempts` | in total, at least 2; 3 by default |
/// | `backoff` | `fixed("1s")`, `exponential("200ms", max = "5s", factor = 2)`, or a function `fn(u32) -> Duration` of the number of the attempt that failed. By default `exponential("500ms", max = "30s")` |
/// | `max` | the longest back-off |
/// | `jitter` | no value: a random part of the back-off |
/// | `on(..)` | the categories that are retried; by default `RateLimit`, `Network`, `Timeout` and `Server` |
/// | `when` | `\|e\| ..` or a function: whether an error is retried, instead of `on` |
/// | `max_retry_after` | the longest `Retry-After` that is waited for; 60 s by default |
///
/// It is one call with several attempts, each with its own duration, outcome and usage; waiting is apart. What a
/// provider asks to wait (`Retry-After`) is waited for. The timeout is that of each attempt; it is not part of the
/// back-off. Each attempt has clones of what was given by value; what is borrowed, `&mut` too, is lent to one after the
/// other. A body that retries by itself wraps each try in `jobmon::attempt(future)`; attempts inside an attempt are
/// the attempts. A function that is not async blocks its thread while it waits. With a stream it is opening it that is
/// tried again. Retries happen with and without a monitor.
///
/// A future that the function returns is made by each attempt, the first time when it is first polled.
///
/// # Budgets
///
/// ```
/// use jobmon::{BudgetExceeded, Usage, instrument_llm};
/// # async fn send(_: &str) -> Usage { Usage::new(1_200, 40) }
///
/// #[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis")]
/// async fn ask(prompt: &str) -> Result<Usage, BudgetExceeded> {
///     Ok(send(prompt).await)
/// }
/// # drop(ask(""));
/// ```
///
/// The call, and the model calls inside it, count for the budget of that name (`jobmon::Budget`). With the key, named or
/// not, any blocking budget that counts the call may stop it: then the body does not run, and the function returns its
/// own error, made from `jobmon::BudgetExceeded`. Each attempt is asked for apart. Of a function that returns a future,
/// it is the future that does not run. Without a monitor, and without a budget of that name, nothing is stopped.
///
/// # On an `impl` block
///
/// ```
/// use jobmon::{Usage, instrument_llm};
/// struct Agent;
///
/// #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
/// impl Agent {
///     async fn analyze(&self) -> Usage { Usage::new(1_200, 40) }
///
///     #[instrument_llm(model = "gpt-4o", feature = "documents")] // goes before what the block says
///     async fn write(&self) -> Usage { Usage::new(900, 600) }
///
///     #[instrument_llm(skip)]
///     async fn wait(&self) {}
///
///     fn plain(&self) {} // is not async: put the attribute on it to monitor it
/// }
/// # drop((Agent.analyze(), Agent.write(), Agent.wait(), Agent.plain()));
/// ```
///
/// # Switched off
///
/// The key `disabled`, or the feature `disabled` for all, leaves the function token for token as it is. Mistakes in the
/// arguments stay mistakes, but what they name is not looked at: a parameter that only `fields(..)` mentions is unused
/// then, and the compiler says so unless its name begins with `_`. What the attribute does is gone with it, retries,
/// timeouts and budgets too.
#[proc_macro_attribute]
pub fn instrument_llm(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::instrument(args.into(), item.into()).into()
}

/// Derives `LlmResponse` from fields.
///
/// ```
/// use jobmon::{LlmResponse, Usage};
///
/// #[derive(LlmResponse)]
/// struct Completion {
///     text: String,
///     #[llm(model)]
///     model: String,
///     #[llm(input)]
///     prompt_tokens: u64,
///     #[llm(output)]
///     completion_tokens: u64,
///     #[llm(reasoning)]
///     thinking_tokens: Option<u64>,
/// }
///
/// let completion = Completion {
///     text: "87".into(),
///     model: "gpt-4o-mini".into(),
///     prompt_tokens: 1_200,
///     completion_tokens: 40,
///     thinking_tokens: None,
/// };
/// assert_eq!(completion.usage(), Some(Usage::new(1_200, 40)));
/// # let _ = completion.text;
/// ```
///
/// | on a field | of type | tells |
/// |---|---|---|
/// | `usage` | `Usage`, any `LlmResponse`, or an `Option` of these | the tokens |
/// | `input`, `output`, `cache_read`, `cache_write`, `reasoning`, `input_audio`, `output_audio` | an integer or an `Option` of one | one count |
/// | `model`, `id`, `finish_reason` | `String`, `&str`, an `Option` or (`finish_reason`) a `Vec` of these | the text |
/// | `content` | as `finish_reason`: one text for each choice | what the model said, for `capture(output)` |
/// | `flatten` | any `LlmResponse` | whatever this type does not tell itself |
///
/// A type with one unnamed field, and such a variant of an enum, forwards to it. `#[llm(skip)]` marks a variant
/// that has no usage, `#[llm(crate = ::path)]` on the type says where `jobmon` is.
#[proc_macro_derive(LlmResponse, attributes(llm))]
pub fn derive_llm_response(item: TokenStream) -> TokenStream {
    response::derive(item.into()).into()
}

/// Derives `LlmError` from fields and variants.
///
/// ```
/// use jobmon::{ErrorCategory, LlmError};
/// use std::time::Duration;
///
/// #[derive(LlmError)]
/// enum AgentError {
///     #[llm(category = rate_limit)]
///     SlowDown {
///         #[llm(retry_after)]
///         after: Option<Duration>,
///     },
///     Http {
///         #[llm(status)]
///         status: u16,
///     },
///     Io(#[llm(source)] std::io::Error),
///     Unknown,
/// }
///
/// assert_eq!(AgentError::Http { status: 503 }.category(), ErrorCategory::Server);
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// assert_eq!(AgentError::Io(refused).category(), ErrorCategory::Network);
/// assert_eq!(AgentError::Unknown.category(), ErrorCategory::Other);
/// # let _ = AgentError::SlowDown { after: None }.retry_after();
/// ```
///
/// | where | what | tells |
/// |---|---|---|
/// | variant or struct | `category = rate_limit` | the category |
/// | field | `status`: `u16`, `http::StatusCode` or an `Option` of these | the HTTP status, and by it the category |
/// | field | `retry_after`: `Duration` or `Option<Duration>` | how long the provider asked to wait |
/// | field | `source` (or `transparent`): any error | whatever the others do not |
///
/// A variant without any of them is of category `other`. `#[llm(crate = ::path)]` on the type says where `jobmon`
/// is.
#[proc_macro_derive(LlmError, attributes(llm))]
pub fn derive_llm_error(item: TokenStream) -> TokenStream {
    error::derive(item.into()).into()
}
