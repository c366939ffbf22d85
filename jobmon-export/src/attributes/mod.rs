//! What a call is in OpenTelemetry's words: its span's name, kind, status and attributes, for whoever makes the span.

mod content;
mod dialect;
mod request;

pub(crate) use content::Limit;
pub use dialect::Profile;

use crate::semconv::{COMMON_USAGE, USAGE, key, own};
use jobmon_core::{Answer, Attempt, CallRecord, Cost, End, ErrorCategory, Failure, Operation, Usd, Value};
use std::borrow::Cow;
use std::fmt::Write;

/// Attributes a span has at most; as many of the user's own are left out.
const MOST: usize = 128;

/// Where attributes go, one by one.
pub(crate) trait Attributes {
    fn text(&mut self, key: &str, value: &str);
    fn int(&mut self, key: &str, value: i64);
    fn double(&mut self, key: &str, value: f64);
    fn bool(&mut self, key: &str, value: bool);
    fn texts(&mut self, key: &str, values: &[&str]);

    fn some_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn some_count(&mut self, key: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.int(key, i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    fn some_double(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.double(key, value);
        }
    }
}

/// What of content goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Whether content that was captured stands on spans.
    pub(crate) content: bool,
    /// Bytes of one attribute of it.
    pub(crate) limit: Limit,
}

/// Money as the double nearest to it: only here, where a protocol has nothing else.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
pub(crate) fn dollars(usd: Usd) -> f64 {
    usd.nanos() as f64 / 1e9
}

/// A cost as far as it is known; an unknown one is none.
pub(crate) fn known(cost: Option<Cost>) -> Option<Usd> {
    match cost? {
        Cost::Known(usd) | Cost::AtLeast(usd) => Some(usd),
        Cost::Unpriced => None,
    }
}

/// Whether its span is of kind CLIENT: it leaves the process for a model or a store; all else is INTERNAL.
pub(crate) const fn is_client(operation: Operation) -> bool {
    operation.is_model_call() || matches!(operation, Operation::Retrieval)
}

/// Writes the name of its span: the operation, and what it is done with.
pub(crate) fn span_name(call: &CallRecord, name: &mut String) {
    name.clear();
    name.push_str(call.operation.name());
    let of = match call.operation {
        Operation::InvokeAgent | Operation::InvokeWorkflow | Operation::ExecuteTool => {
            Some(call.name.as_str())
        }
        Operation::Plan => call.agent.as_deref(),
        Operation::Retrieval => told(call, key::DATA_SOURCE).and_then(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }),
        _ => call.model.as_deref(),
    };
    if let Some(of) = of {
        let _ = write!(name, " {of}");
    }
}

/// Whether its span has failed. A stream that nobody read to its end has not.
pub(crate) const fn has_failed(call: &CallRecord) -> bool {
    matches!(call.end, End::Error | End::Cancelled | End::Panicked)
}

/// Why it failed, in few words: the status of the provider's answer where there was one, as providers' codes are what the
/// conventions ask for first; else our category.
pub(crate) fn error_type(failure: Option<&Failure>) -> Cow<'static, str> {
    match failure {
        Some(Failure { http_status: Some(status), .. }) => Cow::Owned(status.to_string()),
        Some(failure) if failure.category != ErrorCategory::Other => Cow::Borrowed(failure.category.name()),
        _ => Cow::Borrowed("_OTHER"),
    }
}

/// What its status says, where it failed.
pub(crate) fn status_message(call: &CallRecord) -> &str {
    let message = call.failure.as_ref().and_then(|failure| failure.message.as_deref());
    message.unwrap_or(call.end.name())
}

/// An attribute that the program recorded.
fn told<'c>(call: &'c CallRecord, key: &str) -> Option<&'c Value> {
    call.attributes.iter().find(|(known, _)| *known == *key).map(|(_, value)| value)
}

/// What is known when its span begins, and what samplers may look at.
pub(crate) fn at_start(call: &CallRecord, to: &mut impl Attributes) {
    to.text(key::OPERATION, call.operation.name());
    let provider = call.provider.as_deref();
    match call.operation {
        // The conventions want a provider on these, and know none for "unknown".
        operation if operation.is_model_call() => to.text(key::PROVIDER, provider.unwrap_or("_OTHER")),
        Operation::Retrieval => to.some_text(key::PROVIDER, provider),
        _ => {}
    }
    match call.operation {
        Operation::InvokeAgent | Operation::Plan | Operation::ExecuteTool => {
            to.some_text(key::AGENT_NAME, call.agent.as_deref());
        }
        Operation::InvokeWorkflow => to.text(key::WORKFLOW_NAME, &call.name),
        _ => {}
    }
    if call.operation == Operation::ExecuteTool {
        to.text(key::TOOL_NAME, &call.name);
        if told(call, key::TOOL_TYPE).is_none() {
            to.text(key::TOOL_TYPE, "function");
        }
    }
    if call.operation != Operation::ExecuteTool {
        to.some_text(key::REQUEST_MODEL, call.model.as_deref());
    }
    if is_client(call.operation)
        && let Some((host, port)) = call.pricing.api_url.as_deref().and_then(server)
    {
        to.text(key::SERVER_ADDRESS, host);
        to.int(key::SERVER_PORT, i64::from(port));
    }
}

/// Host and port of an address.
pub(crate) fn server(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let default = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => default,
    };
    (!host.is_empty()).then_some((host, port))
}

/// All that is known when it has ended and has its price; with [`at_start`] it is all that there is.
pub(crate) fn at_end(call: &CallRecord, profile: Profile, shown: Shown, to: &mut impl Attributes) {
    let scope = &call.scope;
    to.some_text(key::CONVERSATION, scope.session.as_deref().filter(|_| has_conversation(call.operation)));
    to.some_text(key::SESSION, scope.session.as_deref());
    to.some_text(key::USER, scope.user.as_deref());
    to.text(own::NAME, &call.name);
    to.some_text(own::FEATURE, scope.feature.as_deref());
    to.some_text(own::STRATEGY, scope.strategy.as_deref());
    to.text(own::END, call.end.name());
    if has_failed(call) {
        to.text(key::ERROR_TYPE, &error_type(call.failure.as_ref()));
    }
    if !call.location.module.is_empty() {
        to.text(own::MODULE, &call.location.module);
        to.int(key::CODE_LINE, i64::from(call.location.line));
    }
    if call.attempts.len() > 1 {
        to.some_count(own::ATTEMPTS, Some(call.attempt_count()));
    }
    if call.sample_rate < 1.0 {
        to.double(own::SAMPLE_RATE, call.sample_rate);
    }
    if call.usage_missing {
        to.bool(own::USAGE_MISSING, true);
    }
    if let Some(prompt) = call.prompt.as_ref().filter(|_| call.operation.is_model_call()) {
        to.text(key::PROMPT_NAME, &prompt.name);
        to.some_text(key::PROMPT_VERSION, prompt.version.as_deref());
    }
    request::parameters(call, to);
    answer(call, profile, to);
    money(call, to);
    if let Some(content) = call.content.as_deref().filter(|_| shown.content) {
        content::write(content, call, shown.limit, to);
    }
    dialect::write(call, profile, shown, to);
    for (key, value) in call.attributes.iter().take(MOST) {
        request::attribute(key, value, to);
    }
}

/// What is known of one of several attempts.
pub(crate) fn attempt(attempt: &Attempt, to: &mut impl Attributes) {
    to.int(own::ATTEMPT_NUMBER, i64::from(attempt.number));
    to.double(own::ATTEMPT_DURATION, attempt.duration.as_secs_f64());
    if !attempt.backoff.is_zero() {
        to.double(own::ATTEMPT_BACKOFF, attempt.backoff.as_secs_f64());
    }
    if attempt.failure.is_some() {
        to.text(key::ERROR_TYPE, &error_type(attempt.failure.as_ref()));
    }
}

/// Operations whose spans have the id of a conversation.
const fn has_conversation(operation: Operation) -> bool {
    !matches!(operation, Operation::Embeddings | Operation::Retrieval | Operation::Plan)
}

/// The last answer that tells something.
fn last<'c, T>(call: &'c CallRecord, what: impl Fn(&'c Answer) -> Option<T>) -> Option<T> {
    call.answers.iter().rev().find_map(|answer| what(&answer.answer))
}

/// What its model answered, and used. Usage stands on the span of the call that made the request, and nowhere else.
fn answer(call: &CallRecord, profile: Profile, to: &mut impl Attributes) {
    if !call.is_model_call() {
        return;
    }
    to.some_text(key::RESPONSE_MODEL, last(call, |answer| answer.model.as_deref()));
    if call.operation != Operation::Embeddings {
        to.some_text(key::RESPONSE_ID, last(call, |answer| answer.id.as_deref()));
        let reasons = last(call, |answer| Some(&answer.finish_reasons).filter(|reasons| !reasons.is_empty()));
        if let Some(reasons) = reasons {
            let reasons: Vec<&str> = reasons.iter().map(jobmon_core::Text::as_str).collect();
            to.texts(key::RESPONSE_FINISH_REASONS, &reasons);
        }
        if let Some(first) = call.first_token.filter(|_| call.streams || call.chunks.is_some()) {
            to.double(key::RESPONSE_TIME_TO_FIRST_CHUNK, first.as_secs_f64());
        }
    }
    if call.provider.as_deref() == Some("openai") {
        to.some_text(key::OPENAI_RESPONSE_TIER, last(call, |answer| answer.service_tier.as_deref()));
    }
    let Some(usage) = call.usage() else { return };
    to.some_count(key::USAGE_INPUT, usage.input);
    if call.operation == Operation::Embeddings {
        return;
    }
    to.some_count(key::USAGE_OUTPUT, usage.output);
    to.some_count(key::USAGE_CACHE_READ, usage.cache_read);
    to.some_count(profile.cache_write(), usage.cache_write);
    to.some_count(key::USAGE_REASONING, usage.reasoning);
    if profile == Profile::Langfuse {
        // It takes every key of usage for one more kind of token, and adds them up.
        return;
    }
    for (name, unit) in USAGE.into_iter().skip(COMMON_USAGE) {
        to.some_count(name, usage.get(unit));
    }
}

/// What it cost; of calls around others, what those cost stands under names of its own, so that nobody counts it twice.
fn money(call: &CallRecord, to: &mut impl Attributes) {
    if let Some(cost) = call.cost {
        to.text(own::COST_GRADE, cost.grade());
        to.some_double(own::COST, known(call.cost).map(dollars));
    }
    if let Some(rollup) = &call.rollup {
        to.some_count(own::ROLLUP_CALLS, Some(rollup.model_calls));
        to.some_count(own::ROLLUP_INPUT, rollup.usage.input);
        to.some_count(own::ROLLUP_OUTPUT, rollup.usage.output);
        to.some_double(own::ROLLUP_COST, known(rollup.cost.cost()).map(dollars));
    }
}
