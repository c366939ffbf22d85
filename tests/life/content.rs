//! What is captured: only what is named, without secrets, however a call ends.

use crate::block_on;
use futures::{Stream, StreamExt, stream};
use jobmon::testing::{Collect, Collecting};
use jobmon::{CallRecord, Content, LlmResponse, Message, Part, Role, Settings, Text, Usage, instrument_llm};
use serde_json::{Value, json};

fn chat(content: &str) -> Value {
    json!({
        "id": "c-1", "model": "gpt-4o-mini",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    })
}

#[instrument_llm(model = "gpt-4o-mini", capture(input(prompt), output))]
fn asks(prompt: &str) -> Value {
    chat(&format!("you said {prompt}"))
}

fn content(call: &CallRecord) -> &Content {
    call.content.as_deref().expect("content")
}

fn texts(messages: &[Message]) -> Vec<(Role, &str)> {
    let text = |message: &'_ Message| match &message.parts[..] {
        [Part::Text(_)] => message.role,
        parts => panic!("{parts:?}"),
    };
    messages
        .iter()
        .map(|message| {
            let Part::Text(said) = &message.parts[0] else { panic!("no text") };
            (text(message), said.as_str())
        })
        .collect()
}

#[test]
fn what_is_named_is_kept_without_secrets() {
    let (collect, _guard) = Collect::install();
    asks("hi, my key is sk-abcdefghijklmnop1234");
    let call = collect.only_call();
    assert_eq!(texts(&content(&call).input), [(Role::User, "hi, my key is [redacted]")]);
    assert_eq!(texts(&content(&call).output), [(Role::Assistant, "you said hi, my key is [redacted]")]);
    assert_eq!(content(&call).output[0].finish_reason, Some(Text::from("stop")));
}

#[test]
fn what_is_not_named_or_not_allowed_is_not_kept() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn silent() -> Value {
        jobmon::current()
            .request(&json!({"messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}));
        jobmon::observe(chat("secret"))
    }
    let (collect, _guard) = Collect::install();
    silent();
    let call = collect.only_call();
    assert_eq!(call.content, None);
    assert_eq!(call.request.and_then(|request| request.temperature), Some(0.5));

    let mut settings = Settings::default();
    settings.capture_content = false;
    let (collect, _guard): (Collect, Collecting) = Collect::install_with(settings);
    asks("hi");
    assert_eq!(collect.only_call().content, None);
}

#[test]
fn the_last_attempt_is_what_was_said_and_requests_are_read() {
    #[instrument_llm(capture(input, output), operation = chat, retry(attempts = 2, backoff = fixed("1ms")))]
    async fn ask(tries: &std::cell::Cell<u32>) -> Result<u32, std::io::Error> {
        tries.set(tries.get() + 1);
        jobmon::current().request(&json!({
            "model": "claude-sonnet-4-5", "system": "Be brief.", "max_tokens": 64, "top_k": 5,
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "find"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "find", "input": {"n": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "none"}]},
            ],
            "tools": [{"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}],
        }));
        jobmon::observe(chat(if tries.get() == 1 { "{broken" } else { "{}" }));
        if tries.get() == 1 { Err(std::io::ErrorKind::ConnectionReset.into()) } else { Ok(7) }
    }
    let (collect, _guard) = Collect::install();
    block_on(ask(&std::cell::Cell::new(0))).expect("the second attempt succeeds");
    let call = collect.only_call();
    assert_eq!(call.model.as_deref(), Some("claude-sonnet-4-5"));
    let request = call.request.as_deref().expect("a request");
    assert_eq!((request.max_tokens, request.top_k), (Some(64), Some(5)));
    let content = content(&call);
    assert_eq!(texts(&content.output), [(Role::Assistant, "{}")]);
    assert_eq!(content.system, [Part::Text(Text::from("Be brief."))]);
    let find = Part::ToolCall {
        id: Some(Text::from("t1")),
        name: Text::from("find"),
        arguments: Some(json!({"n": 1})),
    };
    assert_eq!(content.input[1].parts, [find]);
    let none = Part::ToolResponse { id: Some(Text::from("t1")), response: json!("none") };
    assert_eq!(content.input[2].parts, [none]);
    assert_eq!(content.tools[0].name, Text::from("find"));
}

#[test]
fn tools_have_arguments_and_a_result_and_streams_their_text() {
    #[instrument_llm(operation = execute_tool, capture(input(query, limit.to_string()), output))]
    fn find(query: &str, limit: u32) -> Vec<Value> {
        let _ = (query, limit);
        Vec::new()
    }
    #[instrument_llm(operation = execute_tool, capture(input(json!({"q": query})), output))]
    fn look(query: &str) -> Result<Value, std::io::Error> {
        Ok(json!([query]))
    }
    #[instrument_llm(model = "gpt-4o-mini", capture(output))]
    fn streams() -> impl Stream<Item = Value> {
        let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
        stream::iter([chunk("Hel"), chunk("lo")])
    }
    let (collect, _guard) = Collect::install();
    find("rust", 3);
    look("rust").expect("found");
    block_on(streams().collect::<Vec<_>>());
    let calls = collect.calls();
    assert_eq!(content(&calls[0]).arguments, Some(json!(["rust", "3"])));
    // A list of a type that cannot be captured says nothing.
    assert_eq!(content(&calls[0]).result, None);
    assert_eq!(content(&calls[1]).arguments, Some(json!({"q": "rust"})));
    assert_eq!(content(&calls[1]).result, Some(json!(["rust"])));
    assert_eq!(texts(&content(&calls[2]).output), [(Role::Assistant, "Hello")]);
}

#[test]
fn types_of_the_program_say_what_their_model_said() {
    #[derive(LlmResponse)]
    struct Own {
        #[llm(usage)]
        usage: Usage,
        #[llm(content)]
        texts: Vec<String>,
    }
    #[derive(LlmResponse)]
    struct Wire(Value);
    #[derive(LlmResponse)]
    enum Either {
        Named {
            #[llm(model)]
            name: &'static str,
            #[llm(flatten)]
            answer: Box<Own>,
        },
        #[llm(skip)]
        Nothing,
    }
    #[instrument_llm(capture(output), operation = chat)]
    fn answers<T>(answer: T) -> T
    where
        T: jobmon::ReportsUsage,
    {
        answer
    }
    let own = |texts: &[&str]| {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        Own { usage: Usage::new(1, 1), texts }
    };
    let (collect, _guard) = Collect::install();
    answers(own(&["a", "b"]));
    answers(Wire(chat("c")));
    answers(Some(Either::Named { name: "m", answer: own(&["d"]).into() }));
    let _ = answers((Ok::<_, String>(Either::Named { name: "m", answer: own(&["e"]).into() }), 7));
    answers(Either::Nothing);
    let calls = collect.calls();
    let said = |call: &CallRecord| {
        let output = call.content.as_ref().map(|content| content.output.clone()).unwrap_or_default();
        texts(&output).into_iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
    };
    let said: Vec<_> = calls.iter().map(said).collect();
    assert_eq!(said, [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e"], vec![]]);
}
