//! What answers depend on, what was predicted, and whether that was right.

use jobmon::testing::Collect;
use jobmon::{CallId, Event, Judged, Label, Side, instrument_llm, prediction, score, truth};
use serde_json::json;

struct Job {
    id: u32,
}

#[instrument_llm(model = "gpt-4o-mini", cache_key = format_args!("{}/{}", job.id, prompt))]
fn analyze(job: &Job, prompt: &str) -> CallId {
    score("match", 87.0);
    prediction("match", true).key(format!("job-{}", job.id));
    jobmon::current().id().expect("a call")
}

fn labels(events: &[Event]) -> Vec<&Label> {
    events
        .iter()
        .filter_map(|event| if let Event::Label(label) = event { Some(label) } else { None })
        .collect()
}

#[test]
fn calls_that_depend_on_the_same_have_the_same_key_and_facts_know_it() {
    #[instrument_llm(model = "gpt-4o-mini", cache_key = job.id)]
    fn displayed(job: &Job) {}
    #[instrument_llm(model = "gpt-4o-mini", cache_key = "always")]
    fn literal() {
        jobmon::current().cache_key(17);
    }
    let (collect, _guard) = Collect::install();
    let [one, two] = [Job { id: 1 }, Job { id: 17 }];
    for (job, prompt) in
        [(&one, "secret instructions"), (&one, "secret instructions"), (&one, "v2"), (&two, "v2")]
    {
        analyze(job, prompt);
    }
    displayed(&two);
    literal();
    let calls = collect.calls();
    let keys: Vec<_> = calls.iter().map(|call| call.cache_key.clone().expect("a key")).collect();
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0] != keys[2] && keys[2] != keys[3]);
    assert_eq!(keys[4], keys[5], "however it is told, by attribute or from inside");
    assert!(!format!("{calls:?}").contains("secret"), "a digest is kept, not the text");
    let events = collect.events();
    for fact in events.iter().filter_map(Event::fact) {
        let call = calls.iter().find(|call| Some(call.id) == fact.call).expect("its call");
        assert_eq!(fact.subject.as_ref().and_then(|subject| subject.cache_key.clone()), call.cache_key);
    }
}

#[test]
fn a_truth_finds_the_prediction_by_key_or_by_call() {
    let (collect, _guard) = Collect::install();
    let id = analyze(&Job { id: 1 }, "v1");
    let other = analyze(&Job { id: 2 }, "v1");
    truth("match", false).key("job-1");
    truth("match", true).call(other);
    // Of another question, and of nothing that was predicted.
    truth("fit", true).call(other);
    truth("match", true).key("job-3");
    let events = collect.events();
    let labels = labels(&events);
    let told: Vec<_> = labels.iter().map(|label| (label.side, label.judged())).collect();
    let predicted = (Side::Prediction, None);
    let truths =
        [Some(Judged::FalsePositive), Some(Judged::TruePositive), None, None].map(|j| (Side::Truth, j));
    assert_eq!(told, [&[predicted, predicted], &truths[..]].concat());
    let subject = labels[2].fact.subject.as_ref().expect("that of the prediction");
    assert_eq!((subject.name.as_str(), labels[2].fact.call), ("analyze", Some(id)));
}

#[test]
fn a_request_tells_what_it_begins_with() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn ask(body: serde_json::Value) {
        jobmon::current().request(&body);
    }
    #[instrument_llm(model = "gpt-4o-mini")]
    fn says(prefix: &str, prompt: &str) {
        jobmon::current().prompt_prefix(prefix, prompt);
        jobmon::current().request(&json!({"temperature": 0.5, "messages": []}));
    }
    let (collect, _guard) = Collect::install();
    let system = json!({"role": "system", "content": "You compare."});
    let user = |text: &str| json!({"role": "user", "content": text});
    ask(json!({"messages": [system, user("one")]}));
    ask(json!({"messages": [system, user("another")]}));
    ask(json!({"tools": [{"name": "search"}], "messages": [system, user("one")]}));
    ask(json!({"system": "You compare.", "messages": [user("one")]}));
    ask(json!({"systemInstruction": {"parts": [{"text": "You compare."}]}, "contents": [user("one")]}));
    ask(json!({"instructions": "You compare.", "input": "one"}));
    ask(json!({"messages": [user("one")]}));
    says("You compare.", "You compare. One with another.");
    let calls = collect.calls();
    let prefixes: Vec<_> =
        calls.iter().map(|call| call.request.as_ref().and_then(|request| request.prefix.clone())).collect();
    let [Some(one), Some(another), Some(tools), rest @ ..] = &prefixes[..] else { panic!("{prefixes:?}") };
    assert_eq!((&one.digest, one.bytes), (&another.digest, another.bytes));
    assert!(another.of_bytes > one.of_bytes && one.of_bytes > one.bytes);
    assert!(tools.digest != one.digest && tools.bytes > one.bytes);
    assert!(rest[..3].iter().all(Option::is_some), "{rest:?}");
    assert_eq!(rest[3], None, "there is nothing before the first words of the user");
    let said = rest[4].as_ref().expect("as it was said");
    assert_eq!((said.bytes, said.of_bytes, said.tokens(300)), (12, 30, 120));
    assert_eq!(calls[7].request.as_ref().and_then(|request| request.temperature), Some(0.5));
}
