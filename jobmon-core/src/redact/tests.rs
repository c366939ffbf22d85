use super::*;
use proptest::prelude::*;

#[test]
fn requests_and_answers_that_errors_quote_are_left_out() {
    let genai = "Error while generating a ChatResponse. (for Model: 'm')\nRequest Payload:\n{\"messages\": \"my CV\"}";
    assert_eq!(message(genai), "Error while generating a ChatResponse. (for Model: 'm')…");
    let async_openai =
        "agent: failed to deserialize api response: error:missing field `id` content:{\"my\": 1}";
    assert_eq!(message(async_openai), "agent: failed to deserialize api response: error:missing field `id`…");
    assert_eq!(message("unknown content: x"), "unknown content: x");
}

#[test]
fn secrets_are_removed() {
    for (text, expected) in [
        ("https://x/y?key=AIzaSyD-1234567890", "https://x/y?…"),
        (
            "error sending request for url (https://x/y?key=a&b=c)",
            "error sending request for url (https://x/y?…)",
        ),
        ("error for url (https://x/y)", "error for url (https://x/y)"),
        ("see https://user:pa55@host:8080/p#frag, then", "see https://host:8080/p#…, then"),
        ("postgres://me:secret@db/jobs down", "postgres://db/jobs down"),
        ("https://hooks.slack.com/services/T0/B0/abcdef", "https://hooks.slack.com/…"),
        ("https://api.telegram.org/bot12:AAH/sendMessage", "https://api.telegram.org/[redacted]/sendMessage"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("authorization: Digest username=me, response=x", "authorization: [redacted]"),
        (
            "header \"Authorization\": \"Basic dXNlcjpwYXNz\" sent",
            "header \"Authorization\": \"Basic [redacted]\" sent",
        ),
        ("Bearer token is missing", "Bearer token is missing"),
        ("basic authentication failed", "basic authentication failed"),
        ("api_key=abc", "api_key=[redacted]"),
        ("api-key: abc, more", "api-key: [redacted], more"),
        ("apikey abcd12345", "apikey [redacted]"),
        ("API key abcd12345 is wrong", "API key [redacted] is wrong"),
        ("OPENAI_API_KEY=abc next", "OPENAI_API_KEY=[redacted] next"),
        ("x-goog-api-key: abc", "x-goog-api-key: [redacted]"),
        ("{\"api_key\": \"abc\", \"n\": 1}", "{\"api_key\": \"[redacted]\", \"n\": 1}"),
        ("password=hunter2&x=1", "password=[redacted]&x=1"),
        ("?key=abc", "?key=[redacted]"),
        ("Incorrect API key provided: sk-abc1***wxyz.", "Incorrect API key provided: [redacted]."),
        ("sk-ant-api03-abcdefgh", "[redacted]"),
        ("'AIzaSyD-12345' AKIAIOSFODNN7EXAMPLE", "'[redacted]' [redacted]"),
        (
            "ghp_16C7e42F292c6912E7 xoxb-123-456 hf_abcdefgh gsk_abcdefgh",
            "[redacted] [redacted] [redacted] [redacted]",
        ),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIx.SflKxw_x-y end", "jwt [redacted] end"),
        ("-----BEGIN PRIVATE KEY----- MIIE", "[redacted]"),
        (r#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ"}"#, r#"{"private_key": "[redacted]"#),
        ("private_key: -----BEGIN RSA PRIVATE KEY----- MIIE", "private_key: [redacted]"),
        (
            r#"{"accessToken":"abc","clientSecret":"def"}"#,
            r#"{"accessToken":"[redacted]","clientSecret":"[redacted]"}"#,
        ),
        ("AccountKey=abc;x", "AccountKey=[redacted];x"),
        ("Incorrect API key provided: 'abcdef123'", "Incorrect API key provided: '[redacted]'"),
        (r#"password="two words" and more"#, r#"password="[redacted]" and more"#),
        ("Cookie: a=b; c=d", "Cookie: [redacted]"),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn what_helps_stays() {
    for text in [
        "Rate limit reached for gpt-4o-mini in organization org-abc on requests per min (RPM): Limit 3",
        "This model's maximum context length is 8192 tokens. However, you requested 10000 tokens",
        "missing field `choices` at line 1 column 2",
        "task-force sk-learn risk-adjusted 429 Too Many Requests",
        "invalid type: null, expected u64, key: value",
        "You didn't provide an API key. You need to provide your API key in an Authorization header",
        "max_tokens: 5, prompt_tokens=7",
        "错误：模型过载 🦀",
    ] {
        assert_eq!(message(text), text);
    }
}

#[test]
fn control_characters_go_and_white_space_is_one_space() {
    assert_eq!(message("a\r\n\t b\u{0}c\u{1b}[31m\u{202e}d "), "a bc[31md");
}

#[test]
fn a_cut_keeps_whole_characters() {
    for length in [0, 1, 298, 299, 300, 301, 5_000] {
        let text = message(&"é".repeat(length));
        assert_eq!(text.chars().count(), length.min(LONGEST), "{length}");
        assert_eq!(text.ends_with('…'), length > LONGEST, "{length}");
    }
    let text = message(&format!("https://x/y?{}", "k=v&".repeat(10_000)));
    assert_eq!(text, "https://x/y?……", "more was there than was looked at");
}

#[test]
fn a_megabyte_takes_no_time() {
    let began = std::time::Instant::now();
    for pattern in ["a", "sk-", "api_key", "https://", "Bearer ", "\"", "eyJ.", "é"] {
        message(&pattern.repeat(1_000_000 / pattern.len()));
    }
    assert!(began.elapsed().as_secs() < 5);
}

proptest! {
    #[test]
    fn any_text_is_short_and_clean(text in "\\PC{0,80}|(?s:.){0,400}|((https?://|[?@:/# =\"']|api_key|Bearer|sk-|eyJ|\\PC){0,60})") {
        let clean = message(&text);
        prop_assert!(clean.chars().count() <= LONGEST);
        prop_assert!(!clean.chars().any(char::is_control));
    }

    #[test]
    fn a_secret_never_shows(
        before in "[ a-z.,:(\"]{0,20}",
        frame in prop::sample::select(vec![
            ("", ""), ("https://api.x/v1?key=", "&a=b"), ("Bearer ", ""), ("api_key=", " "), ("\"x-api-key\": \"", "\""),
            ("password: ", ","), ("https://u:", "@host/p"), ("access_token=", "&x"),
        ]),
        prefix in prop::sample::select(vec!["sk-", "AIza", "ghp_", "xoxb-", "hf_", "gsk_", "AKIA", "eyJ"]),
        secret in "[A-Z0-9]{16,40}",
        after in "[ a-z.,:)\"]{0,20}",
    ) {
        let (open, close) = frame;
        let clean = message(&format!("{before} {open}{prefix}{secret}{close} {after}"));
        prop_assert!(!clean.contains(&secret), "{clean}");
    }
}
