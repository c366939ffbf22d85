//! What is removed and what stays: a corpus of secrets, each in a text, and one of what looks like some; and what calls
//! record, through the whole pipeline.

#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "what was missed is shown")]

use futures::FutureExt;
use jobmon_core::testing::Collect;
use jobmon_core::{
    Budget, BudgetExceeded, CallRecord, Dimension, Event, Part, Redacted, Redaction, Redactions, Sensitive,
    Settings, instrument_llm,
};
use proptest::prelude::*;
use serde_json::json;

/// Kind, text, and what must not be left of it.
const SECRETS: &str = include_str!("data/secrets.tsv");
/// What must stay as it is.
const LOOK_ALIKES: &str = include_str!("data/look_alikes.txt");

/// What is recorded of texts that go into calls, and what was removed.
fn recorded(texts: &[&str]) -> Vec<(String, Redactions)> {
    #[instrument_llm(capture(input(text)), crate = ::jobmon_core)]
    fn ask(text: &str) {}

    let (collect, _guard) = Collect::install();
    texts.iter().for_each(|text| ask(text));
    let text = |call: &CallRecord| {
        // Of nothing, nothing is captured.
        let Some(content) = &call.content else { return String::new() };
        let arguments = content.arguments.as_ref().and_then(|value| value.as_str().map(str::to_owned));
        arguments.unwrap_or_else(|| match &content.input[0].parts[0] {
            Part::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        })
    };
    let calls = collect.events().into_iter().map(|event| match event {
        Event::Call(call) => (text(&call), call.redactions),
        other => panic!("{other:?}"),
    });
    calls.collect()
}

#[test]
fn of_a_corpus_nearly_all_secrets_go_and_nearly_all_else_stays() {
    let secrets: Vec<Vec<&str>> = SECRETS.lines().map(|line| line.split('\t').collect()).collect();
    let texts: Vec<&str> = secrets.iter().map(|line| line[1]).collect();
    let mut missed = Vec::new();
    let mut other_kind = 0;
    for (line, (text, redactions)) in secrets.iter().zip(recorded(&texts)) {
        if text.contains(line[2]) {
            missed.push(line[1]);
        }
        let kind: Redacted = line[0].parse().expect("a kind");
        other_kind += usize::from(redactions.of(kind) == 0);
    }
    let look_alikes: Vec<&str> = LOOK_ALIKES.lines().collect();
    let wrong: Vec<_> = look_alikes
        .iter()
        .zip(recorded(&look_alikes))
        .filter(|(line, (text, _))| **line != text)
        .map(|(line, (text, _))| format!("{line}  →  {text}"))
        .collect();
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    let found = secrets.len() - missed.len();
    let (recall, precision) = (share(found, secrets.len()), share(found, found + wrong.len()));
    println!("recall {recall:.4} of {} secrets, missed: {missed:#?}", secrets.len());
    println!("precision {precision:.4}, of {} look-alikes taken: {wrong:#?}", look_alikes.len());
    println!("{other_kind} found as another kind");
    assert!(secrets.len() >= 300 && look_alikes.len() >= 300);
    assert!(recall >= 0.99 && precision >= 0.95, "recall {recall:.4}, precision {precision:.4}");
}

fn with(redaction: Redaction) -> (Collect, impl Sized) {
    let mut settings = Settings::default();
    settings.redaction = redaction;
    Collect::install_with(settings)
}

/// What one call recorded, as text, and the call.
fn one(call: impl FnOnce()) -> (String, Box<CallRecord>) {
    let (collect, _guard) = Collect::install();
    call();
    match collect.events().remove(0) {
        Event::Call(call) => (format!("{call:?}"), call),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_that_a_call_records_is_cleaned() {
    #[instrument_llm(
        model = "gpt-4o-mini",
        capture(input(body), output),
        fields(contact = "write to anna@example.com", password = "plain words", note = %note),
        crate = ::jobmon_core
    )]
    fn ask(body: &serde_json::Value, note: &str) -> Result<String, String> {
        jobmon_core::current().field("api_key", "abc");
        Err("refused anna@example.com with key sk-abcdefghijklmnop1234".to_owned())
    }

    let body = json!({
        "messages": [
            {"role": "system", "content": "The admin is root@example.com."},
            {"role": "user", "content": [{"type": "text", "text": "card 4111 1111 1111 1111"}]},
            {"role": "assistant", "content": null, "tool_calls": [{
                "id": "1", "type": "function",
                "function": {"name": "login", "arguments": "{\"password\": \"blue sky\", \"n\": 1}"},
            }]},
            {"role": "tool", "tool_call_id": "1", "content": "token: abcdef1234567890"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "login", "description": "of anna@example.com",
            "parameters": {"properties": {"password": {"type": "string", "description": "ask anna@example.com"}}},
        }}],
    });
    let (text, call) = one(|| drop(ask(&body, "DE89 3704 0044 0532 0130 00")));
    for secret in
        ["example.com", "4111", "plain words", "blue sky", "abcdef12345", "\"abc\"", "sk-abc", "3704"]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for kept in ["The admin is", "login", "refused", "\"n\": Number(1)"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    let found: Vec<_> = call.redactions.iter().collect();
    let expected = [
        (Redacted::Email, 5),
        (Redacted::Card, 1),
        (Redacted::Iban, 1),
        (Redacted::Key, 1),
        (Redacted::Field, 4),
    ];
    assert_eq!(found, expected, "{text}");
}

#[test]
fn searches_keys_and_sessions_are_cleaned_and_still_find_each_other() {
    let (collect, _guard) = Collect::install();
    jobmon_core::search("rust jobs for anna@example.com").results(3);
    jobmon_core::prediction("match", true).key("anna@example.com/job-1");
    jobmon_core::truth("match", false).key("anna@example.com/job-1");
    jobmon_core::truth("match", true).key("ben@example.com/job-1");
    let events = collect.events();
    assert!(!format!("{events:?}").contains("example.com"), "{events:?}");
    let Event::Search(search) = &events[0] else { panic!("{events:?}") };
    assert_eq!(
        (search.query.as_str(), search.fact.redactions.total()),
        ("rust jobs for [redacted email]", 1)
    );
    let judged: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Label(label) = event { Some(label.judged()) } else { None })
        .collect();
    assert_eq!(judged, [None, Some(jobmon_core::Judged::FalsePositive), None]);
}

#[test]
fn what_is_kept_stays_and_names_of_the_users_go() {
    #[instrument_llm(capture(input(text)), fields(salary = 65_000, age = 31), crate = ::jobmon_core)]
    fn ask(text: &str) {}

    let redaction = Redaction::default().keep(Redacted::Phone).keep(Redacted::Key).name("salary");
    let (collect, _guard) = with(redaction);
    ask("+49 30 901820, a@example.com, Annual-Salary: 65,000 EUR; key sk-abcdefghijklmnop1234");
    let text = format!("{:?}", collect.events());
    for kept in
        ["+49 30 901820", "[redacted email]", "Annual-Salary: [redacted];", "key [redacted]", "Int(31)"]
    {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert!(!text.contains("65,") && !text.contains("65000"), "{text}");
}

#[cfg(feature = "redact-patterns")]
#[test]
fn patterns_of_the_users_go() {
    #[instrument_llm(capture(input(text)), crate = ::jobmon_core)]
    fn ask(text: &str) {}

    let redaction = Redaction::default().pattern("employee", r"EMP-\d+").expect("correct");
    let (collect, _guard) = with(redaction);
    ask("EMP-17 and EMP-18 wrote to a@example.com");
    let Event::Call(call) = collect.events().remove(0) else { panic!("a call") };
    assert!(
        format!("{call:?}").contains("[redacted employee] and [redacted employee] wrote to [redacted email]")
    );
    assert_eq!(call.redactions.of(Redacted::Pattern), 2);
    for (regex, problem) in
        [("(", "unclosed group"), ("x*", "finds the empty text"), ("(a{1000}){1000}", "size limit")]
    {
        let error = Redaction::default().pattern("mine", regex).expect_err(regex).to_string();
        assert!(error.starts_with("pattern `mine` cannot be used: ") && error.contains(problem), "{error}");
    }
}

#[test]
fn what_is_sensitive_is_never_shown() {
    #[instrument_llm(
        capture(input(resume), output), fields(a = %resume, b = ?salary, c = salary), crate = ::jobmon_core
    )]
    fn ask(resume: &Sensitive<String>, salary: Sensitive<u32>) -> Result<String, String> {
        Err(format!("{resume} {salary:?}"))
    }

    let (text, call) = one(|| drop(ask(&Sensitive::new("Anna Schmidt".to_owned()), Sensitive::new(65_123))));
    assert!(!text.contains("Anna") && !text.contains("65123"), "{text}");
    assert_eq!(call.redactions.of(Redacted::Field), 4);
}

#[test]
fn hostile_text_takes_linear_time_and_long_text_is_cut_between_words() {
    #[instrument_llm(capture(input(text)), crate = ::jobmon_core)]
    fn ask(text: &str) {}

    for pattern in [
        "a",
        "1",
        "1 ",
        "+1 ",
        "a@",
        "a.",
        "@",
        "sk-",
        "eyJ.",
        "DE89",
        "password",
        "password: ",
        "://",
        "a://b:c@",
        "\"",
        "tel ",
        "ignore ",
        "00 ",
        "-----BEGIN",
        "-----BEGIN PRIVATE KEY",
        "é",
        "\\n",
        "(1) ",
        "1-",
        "=",
        "bearer ",
    ] {
        let (_, call) = one(|| ask(&pattern.repeat(200_000 / pattern.len())));
        let content = call.content.expect("captured");
        let Part::Text(text) = &content.input[0].parts[0] else { panic!("text") };
        assert!(content.truncated && text.len() <= 32 * 1024 + 3, "{pattern}: {}", text.len());
    }
    let (text, _) = one(|| ask(&format!("{} sk-abcdefghijklmnop1234", "x ".repeat(16 * 1024 + 500))));
    assert!(!text.contains("sk-abc"), "a secret beyond the cut");
}

proptest! {
    /// What was cleaned has nothing left to clean, and cleaning does not depend on what is around it.
    #[test]
    fn what_is_clean_stays_clean(
        words in prop::collection::vec(prop_oneof![
            prop::sample::select(SECRETS.lines().map(|line| line.split('\t').nth(1).expect("a text")).collect::<Vec<_>>())
                .prop_map(str::to_owned),
            prop::sample::select(LOOK_ALIKES.lines().collect::<Vec<_>>()).prop_map(str::to_owned),
            "\\PC{0,12}",
        ], 0..6),
    ) {
        let text = words.join("\n");
        let (once, _) = recorded(&[&text]).remove(0);
        let (twice, found) = recorded(&[&once]).remove(0);
        prop_assert_eq!(&once, &twice, "{:?} in {:?}", found, text);
    }
}

#[test]
fn a_user_named_by_an_address_has_a_stand_in_everywhere() {
    #[instrument_llm(model = "gpt-4o-mini", budget, crate = ::jobmon_core)]
    fn ask() -> Result<(), BudgetExceeded> {
        jobmon_core::current().usage(jobmon_core::Usage::new(1_000, 100));
        Ok(())
    }

    let mut settings = Settings::default();
    settings.budgets = vec![Budget::new("each").total().limit("$5").per_day().each(Dimension::User).block()];
    let (collect, _guard) = Collect::install_with(settings);
    for user in ["anna@example.com", "anna-7"] {
        jobmon_core::user(user, async { ask() }).now_or_never().expect("ready").expect("in budget");
    }
    let users: Vec<_> = collect.calls().into_iter().map(|call| call.scope.user).collect();
    assert_eq!(users, [Some(Redaction::stand_in("anna@example.com")), Some("anna-7".into())]);
    let budgets = format!("{:?}", collect.guard().budgets());
    assert!(budgets.contains("anna-7") && !budgets.contains("example.com"), "{budgets}");
}
