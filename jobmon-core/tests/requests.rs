//! What a function returns may be the answers to several requests: each is recorded and priced on its own.

use jobmon_core::testing::Collect;
use jobmon_core::{Answer, CallRecord, Cost, LlmResponse, Usage, current, instrument_llm, observe};

/// An agent's run. The model costs more beyond 200,000 tokens of input in one request.
struct Run;

const REQUEST: Usage = Usage::new(150_000, 10);

impl LlmResponse for Run {
    fn usage(&self) -> Option<Usage> {
        self.answer().usage
    }

    fn answer(&self) -> Answer {
        Answer::of_requests([REQUEST, REQUEST].map(Answer::from))
    }
}

#[derive(LlmResponse)]
#[llm(crate = ::jobmon_core)]
struct Report {
    #[llm(flatten)]
    run: Run,
}

macro_rules! functions {
    ($($name:ident: $output:ty = $body:expr;)*) => {
        $(#[instrument_llm(crate = ::jobmon_core, provider = "gcp.gemini", model = "gemini-2.5-pro")]
        fn $name() -> $output {
            $body
        })*
    };
}
functions! {
    returned: Result<Run, ()> = Ok(Run);
    derived: Report = Report { run: Run };
    observed: () = { observe(Run); };
    by_handle: () = current().observe(&Run);
    passed_on: () = { observe(Run.answer()); };
    at_once: Usage = Usage::new(300_000, 20);
}

#[test]
fn each_request_is_an_answer_with_a_price_of_its_own() {
    let (collect, _guard) = Collect::install();
    let _ = (returned(), derived().run, observed(), by_handle(), passed_on(), at_once());
    let mut calls = collect.calls();
    let at_once = calls.pop().expect("the last call");
    assert_eq!(at_once.answers.len(), 1);
    let known = |call: &CallRecord| match call.cost {
        Some(Cost::Known(cost)) => cost,
        ref other => panic!("{}: {other:?}", call.name),
    };
    for call in &calls {
        let usages: Vec<_> = call.answers.iter().map(|answer| answer.answer.usage).collect();
        assert_eq!(usages, [Some(REQUEST), Some(REQUEST)], "{}", call.name);
        assert!(known(call) < known(&at_once), "{}: priced as one request", call.name);
    }
    assert_eq!(calls.len(), 5);
}
