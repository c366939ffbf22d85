//! The derives.

use jobmon::{ErrorCategory, LlmError, LlmResponse, Message, Role, Usage};
use std::borrow::Cow;
use std::time::Duration;

#[derive(LlmResponse)]
struct Counted<'a> {
    #[llm(input)]
    prompt_tokens: u32,
    #[llm(output)]
    completion_tokens: Option<i64>,
    #[llm(cache_read)]
    cached: Option<u64>,
    #[llm(model)]
    model: Cow<'a, str>,
    #[llm(id)]
    id: Option<&'a str>,
    #[llm(finish_reason)]
    reasons: Vec<String>,
    #[llm(content)]
    text: Option<&'a str>,
}

#[derive(LlmResponse)]
struct Wrapper<T> {
    #[llm(model)]
    name: &'static str,
    #[llm(flatten)]
    inner: T,
}
#[derive(LlmResponse)]
struct Newtype(Usage);
#[derive(LlmResponse)]
struct WithUsage {
    #[llm(usage)]
    usage: Option<Usage>,
    #[llm(reasoning)]
    thinking: u8,
}
#[derive(LlmResponse)]
enum Either<'a, T> {
    Counted(Counted<'a>),
    Generic(T),
    Inline {
        #[llm(input)]
        n: u16,
    },
    #[llm(skip)]
    Refused {
        _text: String,
        _n: u8,
    },
    Nothing,
}

#[derive(Debug, LlmError)]
enum AgentError {
    #[llm(category = rate_limit)]
    Busy {
        #[llm(retry_after)]
        after: Option<Duration>,
    },
    #[llm(category = "content_filter")]
    Refused,
    Http {
        #[llm(status)]
        status: u16,
    },
    MaybeHttp(#[llm(status)] Option<u16>, #[llm(source)] std::io::Error),
    Io(#[llm(source)] std::io::Error),
    Nested(#[llm(transparent)] Box<AgentError>),
    Unknown,
}
#[derive(LlmError)]
#[llm(category = parsing)]
struct Unreadable;
#[derive(LlmError)]
struct Generic<E>(#[llm(source)] E);
#[derive(LlmError)]
enum Never {}

fn counted() -> Counted<'static> {
    Counted {
        prompt_tokens: 3,
        completion_tokens: Some(-4),
        cached: None,
        model: "gpt".into(),
        id: Some("id"),
        reasons: vec!["stop".into()],
        text: Some("Yes."),
    }
}

#[test]
fn responses_tell_what_their_fields_hold() {
    let answer = counted().answer();
    assert_eq!(answer.usage, Some(Usage::new(3, 0)));
    assert_eq!((answer.model.as_deref(), answer.id.as_deref()), (Some("gpt"), Some("id")));
    assert_eq!(answer.finish_reasons, ["stop"]);
    assert_eq!(counted().messages(), [Message::text(Role::Assistant, "Yes.")]);
    let wrapped = Wrapper { name: "mine", inner: counted() };
    assert_eq!(wrapped.usage(), Some(Usage::new(3, 0)));
    assert_eq!(wrapped.messages(), counted().messages());
    assert_eq!((wrapped.model().as_deref(), wrapped.response_id().as_deref()), (Some("mine"), Some("id")));
    assert_eq!(Newtype(Usage::new(1, 1)).usage(), Some(Usage::new(1, 1)));
    let usage = WithUsage { usage: Some(Usage::new(1, 2)), thinking: 2 }.usage();
    assert_eq!(usage, Some(Usage::new(1, 2).with_reasoning(2)));
    assert_eq!(WithUsage { usage: None, thinking: 0 }.usage().and_then(|usage| usage.input), None);
}

#[test]
fn enums_forward_to_their_variants() {
    type E = Either<'static, Usage>;
    assert_eq!(E::Counted(counted()).usage(), Some(Usage::new(3, 0)));
    assert_eq!(E::Generic(Usage::new(1, 1)).usage(), Some(Usage::new(1, 1)));
    assert_eq!(E::Inline { n: 5 }.usage().and_then(|usage| usage.input), Some(5));
    assert_eq!(E::Refused { _text: "x".into(), _n: 1 }.usage(), None);
    assert_eq!(E::Nothing.usage(), None);
}

#[test]
fn errors_tell_their_category() {
    let timeout = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let busy = AgentError::Busy { after: Some(Duration::from_secs(1)) };
    assert_eq!(
        (busy.category(), busy.retry_after()),
        (ErrorCategory::RateLimit, Some(Duration::from_secs(1)))
    );
    assert_eq!(AgentError::Refused.category(), ErrorCategory::ContentFilter);
    let http = AgentError::Http { status: 503 };
    assert_eq!((http.category(), http.http_status()), (ErrorCategory::Server, Some(503)));
    assert_eq!(AgentError::MaybeHttp(Some(401), timeout()).category(), ErrorCategory::Authentication);
    assert_eq!(AgentError::Io(timeout()).category(), ErrorCategory::Timeout);
    let nested = AgentError::Nested(Box::new(busy));
    assert_eq!(
        (nested.category(), nested.retry_after()),
        (ErrorCategory::RateLimit, Some(Duration::from_secs(1)))
    );
    assert_eq!(
        (AgentError::Unknown.category(), AgentError::Unknown.http_status()),
        (ErrorCategory::Other, None)
    );
    assert_eq!(Unreadable.category(), ErrorCategory::Parsing);
    assert_eq!(Generic("anything").category(), ErrorCategory::Other);
    let _: fn(&Never) -> ErrorCategory = Never::category;
}
