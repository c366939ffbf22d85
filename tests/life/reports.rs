//! What bodies report: usage, attempts, what is left out.

use super::{Yield, answer, block_on, fail};
use jobmon::testing::Collect;
use jobmon::{Cost, End, ErrorCategory, Settings, Text, Usage, instrument_llm};
use serde_json::Value;
use std::io;

#[test]
fn what_the_body_observes_goes_before_the_return_type_and_is_counted_once() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn observes() -> Value {
        jobmon::observe(answer(100, 20))
    }
    // The model call inside has counted what this function merely hands on.
    #[instrument_llm]
    fn hands_on() -> Value {
        observes()
    }
    #[instrument_llm]
    fn plain() -> Value {
        answer(7, 1)
    }
    let (collect, _guard) = Collect::install();
    hands_on();
    plain();
    let calls = collect.calls();
    assert_eq!(calls[0].usage(), Some(Usage::new(100, 20)));
    assert_eq!(calls[0].answers.len(), 1);
    assert_eq!((calls[1].name.as_str(), calls[1].usage(), calls[1].cost), ("hands_on", None, None));
    assert_eq!(calls[2].usage(), Some(Usage::new(7, 1)), "an agent's own answer is read");
    assert_eq!(calls[2].model_name(), Some(&Text::from("gpt-4o-mini-2024-07-18")));
}

#[test]
fn each_answer_of_a_call_is_priced_on_its_own() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    fn twice() {
        jobmon::observe(answer(1_000, 100));
        jobmon::current().usage(Usage::new(1_000, 100));
    }
    let (collect, _guard) = Collect::install();
    twice();
    let call = collect.only_call();
    // gpt-4o-mini: $0.15 and $0.60 per million.
    assert_eq!(call.cost, Some(Cost::Known(jobmon::Usd::from_nanos(420_000))));
    assert_eq!(call.answers[0].answer.id, Some(Text::from("chatcmpl-1")));
    assert!(call.prices.is_some());
}

#[test]
fn attempts_are_counted_timed_and_paid_for() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
    async fn retries() -> Result<u8, io::Error> {
        for n in 0.. {
            let result = jobmon::attempt(async {
                Yield::default().await;
                match n {
                    0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                    1 => {
                        jobmon::observe(answer(1_000, 100));
                        Err(io::Error::from(io::ErrorKind::InvalidData))
                    }
                    _ => {
                        jobmon::observe(answer(1_000, 100));
                        Ok(7)
                    }
                }
            });
            if let Ok(value) = result.await {
                return Ok(value);
            }
        }
        unreachable!("the loop ends")
    }
    let (collect, _guard) = Collect::install();
    block_on(retries()).unwrap();
    let call = collect.only_call();
    let failures: Vec<_> = call.attempts.iter().map(|a| a.failure.as_ref().map(|f| f.category)).collect();
    assert_eq!(failures, [Some(ErrorCategory::Network), Some(ErrorCategory::Parsing), None]);
    assert_eq!(call.answers.iter().map(|a| a.attempt).collect::<Vec<_>>(), [2, 3]);
    assert!(call.recovered());
    assert_eq!(call.wasted(), jobmon::Usd::from_nanos(210_000));
    // The first attempt may have been billed: nobody knows.
    assert_eq!(call.cost, Some(Cost::AtLeast(jobmon::Usd::from_nanos(420_000))));
    assert!(call.attempts.windows(2).all(|pair| pair[0].after <= pair[1].after));
}

#[test]
fn a_model_call_without_usage_is_counted_and_warned_about_once() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn silent() -> String {
        "an answer".to_owned()
    }
    #[instrument_llm(model = "gpt-4o-mini", track(latency, errors, retries))]
    fn not_tracked() -> String {
        silent_text()
    }
    fn silent_text() -> String {
        String::new()
    }
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&said);
    let mut settings = Settings::default();
    settings.warnings = jobmon::Warnings::to(move |text| keep.lock().unwrap().push(text.to_owned()));
    let (collect, _guard) = Collect::install_with(settings);
    silent();
    silent();
    not_tracked();
    let calls = collect.calls();
    assert_eq!(calls.iter().map(|call| call.usage_missing).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(calls[0].cost, Some(Cost::Unpriced));
    assert_eq!(collect.guard().delivery().calls_without_usage, 2);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("`silent`") && said[0].contains("jobmon::observe"), "{said:?}");
}

#[test]
fn what_is_reported_twice_is_kept_and_counted() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn repeats() {
        let call = jobmon::current();
        call.field("tries", 1_u8);
        call.field("tries", 2_u8);
        let first = jobmon::observe(answer(3, 1));
        call.observe(&first);
        jobmon::observe(answer(5, 1));
    }
    let mut settings = Settings::default();
    settings.warnings = jobmon::Warnings::to(|_| {});
    let (collect, _guard) = Collect::install_with(settings);
    repeats();
    let call = collect.only_call();
    assert_eq!(call.usage(), Some(Usage::new(11, 3)));
    assert_eq!(call.attributes, [(Text::literal("tries"), 2_u8.into())]);
    assert_eq!(collect.guard().delivery().repeated, 2);
}

#[test]
fn a_monitor_says_in_the_end_what_was_not_reported_as_it_should_be_and_is_quiet_else() {
    #[instrument_llm(model = "gpt-4o-mini")]
    fn silent() {}
    #[instrument_llm(model = "gpt-4o-mini")]
    fn ends() -> jobmon::Current {
        jobmon::current().usage(Usage::new(1, 1));
        jobmon::current()
    }
    let last_words = |run: fn()| {
        let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = std::sync::Arc::clone(&said);
        let mut settings = Settings::default();
        settings.warnings = jobmon::Warnings::to(move |text| keep.lock().unwrap().push(text.to_owned()));
        let guard = jobmon::Pipeline::start(settings, Vec::new()).unwrap().install_local();
        run();
        drop(guard);
        said.lock().unwrap().pop()
    };
    let said = last_words(|| {
        silent();
        silent();
        ends().usage(Usage::new(1, 1));
    });
    let wanted = "in all there were 2 model calls without usage, 1 reports after the end of their call";
    assert_eq!(said.as_deref(), Some(wanted));
    assert_eq!(last_words(|| drop(ends())), None);
}

#[test]
fn switches_leave_out_what_they_say() {
    #[instrument_llm(model = "gpt-4o-mini", track(retries))]
    fn little() -> Result<Value, io::Error> {
        fail()
    }
    #[instrument_llm(model = "gpt-4o-mini")]
    fn all() -> Value {
        answer(1, 1)
    }
    let (collect, _guard) = Collect::install();
    let _ = little();
    let call = collect.only_call();
    assert_eq!((call.end, call.failure, call.duration, call.cost), (End::Error, None, None, None));

    let mut settings = Settings::default();
    settings.track.tokens = false;
    settings.track.latency = false;
    let (collect, _guard) = Collect::install_with(settings);
    all();
    let call = collect.only_call();
    assert_eq!((call.usage(), call.cost, call.duration, call.usage_missing), (None, None, None, false));
}

#[test]
fn secrets_stay_out() {
    #[instrument_llm(model = "gpt-4o-mini", fields(job.id = %id))]
    fn ask(id: u8, secret: &str) -> Result<Value, io::Error> {
        Err(io::Error::other(format!("GET https://api.example/v1?key={secret}: 401, Bearer {secret}")))
    }
    let (collect, _guard) = Collect::install();
    let _ = ask(3, "AIzaSyA-not-a-real-key-000000000000000");
    let call = collect.only_call();
    assert!(!format!("{call:?}").contains("not-a-real-key"), "{call:?}");
    assert_eq!(call.attributes, [(Text::from("job.id"), "3".into())]);
}
