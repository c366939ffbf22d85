//! Messages as providers and libraries really write them.

use super::*;
use ErrorCategory::{
    Authentication, Cancelled, ContentFilter, ContextLength, InvalidRequest, Network, Other, Panic, Parsing,
    Quota, RateLimit, Server, Timeout,
};
use proptest::prelude::*;
use std::io;

const MESSAGES: &[(ErrorCategory, &str)] = &[
    // OpenAI, its API and its SDKs.
    (
        RateLimit,
        "Rate limit reached for gpt-4o in organization org-abc on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s. Visit https://platform.openai.com/account/rate-limits to learn more.",
    ),
    (
        RateLimit,
        "Rate limit reached for gpt-4o on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.",
    ),
    (
        RateLimit,
        r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
    ),
    (
        Quota,
        "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    ),
    (
        Quota,
        r#"HTTP 429: {"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
    ),
    (
        Quota,
        r#"{"error":{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,"code":"billing_hard_limit_reached"}}"#,
    ),
    (
        ContextLength,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens. Please reduce the length of the messages.",
    ),
    (
        ContextLength,
        r#"status: 400 Bad Request, body: {"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}"#,
    ),
    (
        Authentication,
        "Incorrect API key provided: sk-abc***wxyz. You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
    (
        Authentication,
        r#"{"error":{"message":"You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)","type":"invalid_request_error","param":null,"code":null}}"#,
    ),
    (
        InvalidRequest,
        r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
    ),
    (
        InvalidRequest,
        r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
    ),
    (
        InvalidRequest,
        r#"{"error":{"message":"Invalid value: 'developer'. Supported values are: 'system' and 'user'.","type":"invalid_request_error","code":"invalid_value"}}"#,
    ),
    (Other, "Invalid value: 'developer'. Supported values are: 'system' and 'user'."),
    (Parsing, "invalid value: integer `300`, expected u8 at line 1 column 3"),
    (Server, "The server had an error while processing your request. Sorry about that!"),
    (
        Server,
        "That model is currently overloaded with other requests. You can retry your request, or contact us",
    ),
    (
        ContentFilter,
        r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"image_generation_user_error","code":"content_policy_violation"}}"#,
    ),
    (ContentFilter, "Your request was rejected as a result of our safety system."),
    (
        ContentFilter,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
    ),
    (ContentFilter, "finish_reason was content_filter"),
    // Anthropic.
    (
        RateLimit,
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit of 50 requests per minute"}}"#,
    ),
    (Server, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
    (Server, "HTTP status 529: Overloaded"),
    (Server, r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#),
    (
        Authentication,
        r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
    ),
    (
        Authentication,
        r#"{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}}"#,
    ),
    (
        ContextLength,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 215000 tokens > 200000 maximum"}}"#,
    ),
    (
        ContextLength,
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again",
    ),
    (
        ContextLength,
        r#"413 {"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}} (status code 413)"#,
    ),
    (
        Quota,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}"#,
    ),
    (
        ContentFilter,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
    ),
    (InvalidRequest, r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}"#),
    (
        InvalidRequest,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one message is required"}}"#,
    ),
    // Gemini and Vertex AI.
    (
        RateLimit,
        r#"{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}"#,
    ),
    (
        RateLimit,
        r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 15\nPlease retry in 22.4s.","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"22s"}]}}"#,
    ),
    (
        Quota,
        r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"},{"retryDelay":"22s"}]}}"#,
    ),
    (
        RateLimit,
        "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model with base model: gemini-pro.",
    ),
    (
        Authentication,
        r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
    ),
    (
        Authentication,
        r#"{"error":{"code":403,"message":"Method doesn't allow unregistered callers","status":"PERMISSION_DENIED"}}"#,
    ),
    (
        Server,
        r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
    ),
    (
        Server,
        r#"{"error":{"code":500,"message":"An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting","status":"INTERNAL"}}"#,
    ),
    (
        Timeout,
        r#"{"error":{"code":504,"message":"Deadline expired before operation could complete.","status":"DEADLINE_EXCEEDED"}}"#,
    ),
    (
        ContextLength,
        r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
    ),
    (
        InvalidRequest,
        r#"{"error":{"code":400,"message":"Invalid value at 'contents[0].role'","status":"INVALID_ARGUMENT"}}"#,
    ),
    (
        InvalidRequest,
        r#"{"error":{"code":404,"message":"models/gemini-9 is not found for API version v1beta","status":"NOT_FOUND"}}"#,
    ),
    (ContentFilter, r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#),
    (ContentFilter, "candidate stopped with finishReason SAFETY"),
    // DeepSeek, OpenRouter, Bedrock.
    (Quota, r#"402 Payment Required: {"error":{"message":"Insufficient Balance","type":"unknown_error"}}"#),
    (Quota, r#"{"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens."}}"#),
    (RateLimit, "ThrottlingException: Too many tokens, please wait before trying again."),
    (ContextLength, "ValidationException: Input is too long for requested model."),
    // llama.cpp.
    (
        ContextLength,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}"#,
    ),
    (Server, r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#),
    (Authentication, r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#),
    // reqwest.
    (
        RateLimit,
        "HTTP status client error (429 Too Many Requests) for url (https://api.openai.com/v1/chat/completions)",
    ),
    (Server, "HTTP status server error (503 Service Unavailable) for url (http://127.0.0.1:8404/v1)"),
    (Authentication, "HTTP status client error (401 Unauthorized) for url (https://api.example/v1)"),
    (
        InvalidRequest,
        "HTTP status client error (404 Not Found) for url (https://api.example/v1/safety/blocked)",
    ),
    (Network, "error sending request for url (https://api.openai.com/v1/chat/completions)"),
    (
        Network,
        "error sending request for url (http://127.0.0.1:1/): client error (Connect): tcp connect error: Connection refused (os error 111)",
    ),
    (Timeout, "error sending request for url (http://127.0.0.1:1/): operation timed out"),
    (Parsing, "error decoding response body"),
    (Parsing, "error decoding response body: missing field `choices` at line 1 column 20"),
    (
        Network,
        "error decoding response body: error reading a body from connection: end of file before message length reached",
    ),
    // hyper, rustls, resolvers.
    (Network, "connection closed before message completed"),
    (
        Network,
        "error trying to connect: dns error: failed to lookup address information: Name or service not known",
    ),
    (Network, "client error (Connect): invalid peer certificate: UnknownIssuer"),
    (Network, "http2 error: connection error received: GOAWAY"),
    // tokio.
    (Timeout, "deadline has elapsed"),
    (Panic, "task 12 panicked with message \"index out of bounds\""),
    (Cancelled, "task 12 was cancelled"),
    // serde_json and std.
    (Parsing, "expected value at line 1 column 1"),
    (Parsing, "EOF while parsing a value at line 1 column 0"),
    (Parsing, "missing field `content_filter` at line 3 column 2"),
    (Parsing, "unknown variant `rate_limit`, expected `a` or `b` at line 1 column 14"),
    (Parsing, "invalid type: null, expected a string at line 1 column 9"),
    (Parsing, "failed to deserialize api response: missing field `id` at line 1 column 2"),
    (Parsing, "invalid digit found in string"),
    (Parsing, "model answered with invalid JSON: I think the answer is 429"),
    // What must not be taken for something else.
    (Other, "job 429 was not found"),
    (Other, "the answer has 503 words and costs 0.429 dollars"),
    (Other, "the salary must be between 400 and 500 thousand"),
    (Other, "gpt-4-0429 is not allowed here"),
    (Other, "no candidate left"),
    (Other, "connect to http://safety.example/blocked/rate_limit"),
    (Other, "the safety of our employees comes first"),
    (Other, ""),
];

#[test]
fn real_messages() {
    assert!(MESSAGES.len() >= 60);
    let mut wrong = Vec::new();
    for (expected, message) in MESSAGES {
        let found = Failure::from_message(message).category;
        if found != *expected {
            wrong.push(format!("{found}, not {expected}: {message}"));
        }
        assert_eq!(classify(&Plain((*message).to_owned())), found, "{message}");
        assert_eq!(message.category(), found);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn statuses() {
    for (message, status) in [
        ("status: 503", Some(503)),
        ("status code 429", Some(429)),
        ("StatusCode(418)", Some(418)),
        ("HTTP 429", Some(429)),
        ("HTTP/1.1 502 Bad Gateway", Some(502)),
        ("429 Too Many Requests", Some(429)),
        ("{\"error\":{\"code\": 404}}", Some(404)),
        ("status: 200", None),
        ("status 4290", None),
        ("status 42", None),
        ("exit code: 101", None),
        ("429 jobs", None),
        ("http://host:503/", None),
    ] {
        assert_eq!(Failure::from_message(message).http_status, status, "{message}");
    }
}

#[derive(Debug)]
struct Plain(String);
impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl Error for Plain {}

#[derive(Debug)]
struct Wrapped(&'static str, Box<dyn Error + Send + Sync>);
impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.1)
    }
}

#[test]
fn types_and_their_sources() {
    let json = || serde_json::from_str::<u8>("x").unwrap_err();
    let io = |kind: io::ErrorKind| io::Error::from(kind);
    let cases: Vec<(ErrorCategory, Box<dyn Error + Send + Sync>)> = vec![
        (Timeout, io(io::ErrorKind::TimedOut).into()),
        (Network, io(io::ErrorKind::ConnectionReset).into()),
        (Network, io(io::ErrorKind::UnexpectedEof).into()),
        (Parsing, io(io::ErrorKind::InvalidData).into()),
        (Other, io(io::ErrorKind::PermissionDenied).into()),
        (Timeout, io::Error::from_raw_os_error(11).into()),
        (Parsing, json().into()),
        (Parsing, io::Error::other(json()).into()),
        (RateLimit, io::Error::other("429 Too Many Requests").into()),
        (Network, Wrapped("agent failed", io(io::ErrorKind::BrokenPipe).into()).into()),
        (Network, io::Error::other(Wrapped("x", io(io::ErrorKind::ConnectionAborted).into())).into()),
        (Parsing, "x".parse::<u8>().unwrap_err().into()),
        (Parsing, "x".parse::<f32>().unwrap_err().into()),
        (Parsing, String::from_utf8(vec![0xff]).unwrap_err().into()),
        (Timeout, std::sync::mpsc::RecvTimeoutError::Timeout.into()),
        (Quota, Wrapped("agent failed", Failure::new(Quota).into()).into()),
        (ContextLength, Wrapped("agent failed", "prompt is too long".into()).into()),
        (Other, "no idea".into()),
    ];
    for (expected, error) in cases {
        assert_eq!(classify(&*error), expected, "{error:?}");
        assert_eq!(error.category(), expected, "{error:?}");
    }
    // Only its type tells of what an `io::Error` wraps: a box that may borrow has but words.
    let wraps = io::Error::new(io::ErrorKind::TimedOut, Failure::new(Quota));
    assert_eq!(classify(&wraps), Quota);
}

#[test]
fn a_failure_in_the_chain_is_believed() {
    let mut inner = Failure::new(RateLimit).with_type_name("X");
    (inner.http_status, inner.retry_after) = (Some(429), Some(Duration::from_secs(3)));
    let error: Box<dyn Error> = Wrapped("agent failed", inner.into()).into();
    let failure = Failure::of(&*error);
    assert_eq!((failure.http_status, failure.retry_after), (Some(429), Some(Duration::from_secs(3))));
    assert_eq!(failure.message.as_deref(), Some("agent failed: rate_limit"));
    assert_eq!(Failure::from_llm_error(&error, None), failure.clone().without_message());
}

impl Failure {
    fn without_message(self) -> Self {
        Self { message: None, ..self }
    }
}

#[test]
fn messages_are_redacted_and_tell_the_sources_once() {
    let error =
        Wrapped("call failed: api_key=abc", Wrapped("call failed", "connection refused".into()).into());
    let failure = Failure::of(&error).with_category(Network);
    assert_eq!(failure.message.as_deref(), Some("call failed: api_key=[redacted] connection refused"));
}

#[test]
fn endless_and_broken_errors() {
    #[derive(Debug)]
    struct Endless;
    impl fmt::Display for Endless {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Self)
        }
    }
    assert_eq!(Failure::of(&Endless), Failure::new(Other));
    assert_eq!(Failure::from_message(&"é".repeat(1_000_000)).category, Other);
}

#[cfg(feature = "reqwest")]
#[test]
fn reqwest_errors() {
    let error = reqwest::Client::new().get("no address").build().unwrap_err();
    assert_eq!(classify(&error), InvalidRequest);
    assert_eq!((error.http_status(), error.retry_after()), (None, None));
}

proptest! {
    #[test]
    fn no_message_panics(message in "(?s:.){0,200}|((status|http|code|[0-9]{1,4}|[ :.=(]|://|é){0,40})") {
        let failure = Failure::from_message(&message);
        prop_assert!(failure.http_status.is_none_or(|status| (400..=599).contains(&status)));
    }
}
