//! Budgets: what calls reserve and cost, how they are stopped, and that nothing stays reserved.

use super::{Yield, answer, block_on, poll_once};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use jobmon::testing::{Collect, Collecting};
use jobmon::{
    Amount, Budget, BudgetExceeded, BudgetStatus, Context, Cost, Dimension, End, ErrorCategory, LlmError,
    Settings, Usage, Usd, instrument_llm,
};
use serde_json::Value;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex};

type Said = Arc<Mutex<Vec<String>>>;

/// A monitor with budgets, and what it says.
fn monitor(budgets: impl IntoIterator<Item = Budget>) -> (Collect, Collecting, Said) {
    let said = Said::default();
    let keep = Arc::clone(&said);
    let mut settings = Settings::default();
    settings.budgets = budgets.into_iter().collect();
    settings.warnings = jobmon::Warnings::to(move |text| keep.lock().expect("whole").push(text.to_owned()));
    let (collect, guard) = Collect::install_with(settings);
    (collect, guard, said)
}

fn analysis(limit: &str) -> Budget {
    Budget::new("analysis").limit(limit).per_month().block()
}

fn status(collect: &Collect) -> BudgetStatus {
    collect.guard().budgets().remove(0)
}

fn tokens(collect: &Collect) -> (u64, u64) {
    match status(collect) {
        BudgetStatus { spent: Amount::Tokens(spent), reserved: Amount::Tokens(reserved), .. } => {
            (spent, reserved)
        }
        other => panic!("in tokens: {other:?}"),
    }
}

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis")]
async fn ask(input: u64) -> Result<Value, BudgetExceeded> {
    Yield::default().await;
    Ok(answer(input, 0))
}

/// A model call whose function knows nothing of budgets.
#[instrument_llm(provider = "openai", model = "gpt-4o-mini")]
fn leaf(input: u64) -> Value {
    answer(input, 0)
}

/// A cheap generator of numbers (Marsaglia, "Xorshift RNGs").
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn sixty_four_calls_at_a_time_spend_no_more_than_the_limit_and_what_they_cost_beyond_their_reservations() {
    const CALLS: u64 = 64;
    let (least, most) = (500_u64, 2_000_u64);
    // gpt-4o-mini: $0.15 per million input tokens, so a token costs 150 nanodollars.
    let cost = |tokens: u64| i64::try_from(tokens * 150).unwrap();
    let limit = cost(1_000 * most);
    let (collect, _guard, _) =
        monitor([analysis("$1").limit(Usd::from_nanos(limit)).estimate(Usd::from_nanos(cost(most)))]);
    // No reservation is below what the cheapest call costs.
    let bound = limit + i64::try_from(CALLS).unwrap() * cost(most - least);
    let (begin, spent, over) = (Barrier::new(65), AtomicU64::new(0), AtomicBool::new(false));
    let context = Context::current();
    std::thread::scope(|scope| {
        for seed in 1..=CALLS {
            let (begin, spent, context) = (&begin, &spent, context.clone());
            scope.spawn(move || {
                begin.wait();
                let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                context.run(|| {
                    loop {
                        let input = least + random(&mut state) % (most - least);
                        if block_on(ask(input)).is_err() {
                            break;
                        }
                        spent.fetch_add(input, Relaxed);
                    }
                });
            });
        }
        scope.spawn(|| {
            begin.wait();
            while !over.load(Relaxed) {
                let Amount::Usd(spent) = status(&collect).spent else { panic!("in money") };
                assert!(spent.nanos() <= bound, "{spent} of {bound}");
                over.store(spent.nanos() + cost(most) > limit, Relaxed);
            }
        });
    });
    let now = status(&collect);
    let Amount::Usd(sum) = now.spent else { panic!("in money") };
    assert_eq!((sum.nanos(), now.reserved), (cost(spent.load(Relaxed)), Amount::Usd(Usd::ZERO)));
    // Neither too much, nor too little: what is left is less than one reservation.
    assert!(sum.nanos() <= bound && sum.nanos() + cost(most) > limit, "{sum} of {limit}");
    let calls = collect.calls();
    let recorded: Usd = calls.iter().filter_map(|call| call.cost).map(Cost::floor).sum();
    assert_eq!(recorded, sum);
}

#[test]
fn a_stopped_call_returns_the_functions_own_error_and_is_a_failed_call_that_cost_nothing() {
    #[derive(Debug)]
    enum Wrong {
        Budget(BudgetExceeded),
    }
    impl From<BudgetExceeded> for Wrong {
        fn from(exceeded: BudgetExceeded) -> Self {
            Self::Budget(exceeded)
        }
    }
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis")]
    async fn runs(ran: &AtomicUsize) -> Result<Value, Wrong> {
        ran.fetch_add(1, Relaxed);
        Ok(answer(1_000, 0))
    }
    let (collect, _guard, said) = monitor([analysis("1k tokens")]);
    let ran = AtomicUsize::new(0);
    block_on(runs(&ran)).unwrap();
    let Err(Wrong::Budget(exceeded)) = block_on(runs(&ran)) else { panic!("it is stopped") };
    let _ = block_on(runs(&ran)).unwrap_err();
    assert_eq!(ran.load(Relaxed), 1);
    assert_eq!((exceeded.status.spent, exceeded.needed), (Amount::Tokens(1_000), Amount::Tokens(1_000)));
    assert!(exceeded.status.resets_at.is_some());
    let text = exceeded.to_string();
    let words = "budget `analysis` is used up: of 1000 tokens, 1000 tokens is spent and 0 tokens reserved, and this call \
                 needs 1000 tokens; it begins anew at ";
    assert!(text.starts_with(words), "{text}");
    assert_eq!(LlmError::category(text.as_str()), ErrorCategory::Budget);
    let stopped = collect.calls().remove(1);
    let category = stopped.failure.as_ref().map(|failure| failure.category);
    assert_eq!((stopped.end, category), (End::Error, Some(ErrorCategory::Budget)));
    assert_eq!(stopped.cost, Some(Cost::Known(Usd::ZERO)));
    assert_eq!(stopped.budgets, ["analysis"]);
    // That it is used up is said once, by whoever finds out first.
    assert_eq!(said.lock().unwrap().len(), 1, "{said:?}");
    assert_eq!(tokens(&collect), (1_000, 0));
}

#[test]
fn every_shape_can_be_stopped_and_says_so_by_its_error() {
    #[instrument_llm(model = "m", budget)]
    fn sync() -> Result<Usage, io::Error> {
        unreachable!("it is stopped")
    }
    #[instrument_llm(model = "m", budget)]
    fn future() -> impl Future<Output = Result<Usage, String>> {
        async { unreachable!("it is stopped") }
    }
    #[instrument_llm(model = "m", budget)]
    fn boxed() -> BoxFuture<'static, Result<Usage, Box<dyn Error>>> {
        Box::pin(async { unreachable!("it is stopped") })
    }
    #[instrument_llm(model = "m", budget, timeout = "1h", boxed)]
    async fn timed() -> Result<Usage, Box<dyn Error + Send + Sync>> {
        unreachable!("it is stopped")
    }
    #[instrument_llm(model = "m", budget)]
    async fn opening() -> Result<BoxStream<'static, Usage>, BudgetExceeded> {
        unreachable!("it is stopped")
    }
    #[instrument_llm(model = "m", budget)]
    fn sync_opening() -> Result<BoxStream<'static, Usage>, BudgetExceeded> {
        unreachable!("it is stopped")
    }
    // By default a call that a budget stopped is not tried again.
    #[instrument_llm(model = "m", budget, retry(attempts = 3, backoff = fixed("1h"), on(Other, Budget, RateLimit)), error = |_| ErrorCategory::RateLimit, track(latency, retries, tokens, errors))]
    async fn retried_on_budget_only_where_asked_for() -> Result<Usage, String> {
        unreachable!("it is stopped")
    }
    #[instrument_llm(model = "m", budget, retry(attempts = 3))]
    async fn retried() -> Result<Usage, io::Error> {
        unreachable!("it is stopped")
    }
    #[instrument_llm(model = "m", budget, retry(attempts = 3))]
    fn sync_retried() -> Result<Usage, io::Error> {
        unreachable!("it is stopped")
    }
    struct Agent;
    #[instrument_llm(model = "m", budget)]
    impl Agent {
        async fn method(&mut self) -> Result<Usage, BudgetExceeded> {
            unreachable!("it is stopped")
        }
    }
    let (collect, _guard, _) = monitor([Budget::new("all").total().limit("1k tokens").per_month().block()]);
    leaf(1_000);
    sync().unwrap_err();
    block_on(future()).unwrap_err();
    block_on(boxed()).unwrap_err();
    block_on(timed()).unwrap_err();
    assert!(block_on(opening()).is_err() && sync_opening().is_err());
    block_on(retried()).unwrap_err();
    sync_retried().unwrap_err();
    block_on(Agent.method()).unwrap_err();
    let waits = retried_on_budget_only_where_asked_for();
    assert!(poll_once(pin!(waits)).is_pending(), "it waits for the next attempt");
    let calls = collect.calls();
    assert_eq!(calls.len(), 11);
    for call in &calls[1..10] {
        let category = call.failure.as_ref().map(|failure| failure.category);
        assert_eq!((call.end, category), (End::Error, Some(ErrorCategory::Budget)), "{call:#?}");
        assert_eq!(call.cost, Some(Cost::Known(Usd::ZERO)));
        assert!(call.attempts.len() <= 1);
    }
    assert_eq!(tokens(&collect), (1_000, 0));
}

#[test]
fn however_a_call_ends_what_it_cost_is_charged_and_nothing_stays_reserved() {
    #[instrument_llm(model = "m", budget = "analysis")]
    async fn fails() -> Result<Usage, io::Error> {
        jobmon::observe(Usage::new(7, 0));
        Err(io::ErrorKind::ConnectionReset.into())
    }
    #[instrument_llm(model = "m", budget = "analysis")]
    async fn panics() -> Result<Usage, io::Error> {
        jobmon::observe(Usage::new(7, 0));
        panic!("on purpose")
    }
    #[instrument_llm(model = "m", budget = "analysis")]
    fn sync_panics() -> Result<Usage, io::Error> {
        jobmon::observe(Usage::new(7, 0));
        panic!("on purpose")
    }
    #[instrument_llm(model = "m", budget = "analysis")]
    async fn waits() -> Result<Usage, io::Error> {
        jobmon::observe(Usage::new(7, 0));
        std::future::pending().await
    }
    #[instrument_llm(model = "m", budget = "analysis")]
    async fn streams() -> Result<BoxStream<'static, Usage>, io::Error> {
        Ok(stream::iter([Usage::new(3, 0), Usage::new(7, 0), Usage::new(7, 1)]).boxed())
    }
    #[instrument_llm(model = "m", budget = "analysis", retry(attempts = 2, backoff = fixed("1ms")))]
    async fn twice() -> Result<Usage, io::Error> {
        jobmon::observe(Usage::new(3, 0));
        jobmon::observe(Usage::new(1, 0));
        Err(io::ErrorKind::ConnectionReset.into())
    }
    let (collect, _guard, _) = monitor([analysis("100k tokens").estimate("50 tokens")]);
    let unwound = |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    let runs: [(&str, u64, &dyn Fn()); 8] = [
        ("ok", 9, &|| drop(block_on(ask(9)))),
        ("error", 7, &|| drop(block_on(fails()))),
        ("panic", 7, &|| drop(unwound(&|| drop(block_on(panics()))))),
        ("panic of a sync function", 7, &|| drop(unwound(&|| drop(sync_panics())))),
        ("never polled", 0, &|| drop(ask(9))),
        ("abandoned stream", 7, &|| {
            let mut stream = block_on(streams()).unwrap();
            block_on(async { (stream.next().await, stream.next().await) });
            assert!(tokens(&collect).1 > 0, "a stream under way has something reserved");
        }),
        ("dropped", 7, &|| {
            let mut future = Box::pin(waits());
            assert!(poll_once(future.as_mut()).is_pending());
            assert!(tokens(&collect).1 > 0, "a call under way has something reserved");
        }),
        ("attempts", 8, &|| drop(block_on(twice()))),
    ];
    let mut spent = 0;
    for (name, cost, run) in runs {
        run();
        spent += cost;
        assert_eq!(tokens(&collect), (spent, 0), "{name}");
    }
}

#[test]
fn calls_inside_are_paid_from_what_the_call_around_them_reserved() {
    #[instrument_llm(budget = "analysis")]
    async fn agent(seen: &Mutex<Vec<(u64, u64)>>, collect: &Collect) -> Result<(), BudgetExceeded> {
        let look = || seen.lock().unwrap().push(tokens(collect));
        look();
        leaf(30);
        look();
        // Has the key itself: borrows what is left, and reserves what is missing.
        let mut inner = Box::pin(ask(60));
        assert!(poll_once(inner.as_mut()).is_pending());
        look();
        assert!(poll_once(inner.as_mut()).is_ready());
        drop(inner);
        look();
        leaf(100);
        look();
        Ok(())
    }
    let (collect, _guard, _) = monitor([analysis("10k tokens").estimate("100 tokens")]);
    let seen = Mutex::default();
    block_on(agent(&seen, &collect)).unwrap();
    // Of 100, 30 are spent. The call inside needs 100: 70 borrowed, 30 more. It gives back 40, all borrowed.
    assert_eq!(*seen.lock().unwrap(), [(0, 100), (30, 70), (30, 100), (90, 40), (190, 0)]);
    assert_eq!(tokens(&collect), (190, 0));
    let calls = collect.calls();
    assert!(calls.iter().all(|call| call.budgets == ["analysis"]), "{calls:#?}");
    // The whole of it is what the function is known to cost: half of the way from the estimate, 4/5 of it, remain.
    block_on(agent(&seen, &collect)).unwrap();
    assert_eq!(seen.lock().unwrap()[5], (190, 190));
}

#[test]
fn a_call_inside_can_be_stopped_where_the_call_around_it_could_begin() {
    #[instrument_llm(budget = "analysis")]
    async fn agent() -> Result<usize, BudgetExceeded> {
        let mut asked = 0;
        while asked < 10 && ask(400).await.is_ok() {
            asked += 1;
        }
        Ok(asked)
    }
    let (collect, _guard, _) = monitor([analysis("1k tokens").estimate("100 tokens")]);
    // The first reserves 100, borrowed from the agent. 400 are spent: the next one needs 400, of 600. Then there are 200.
    assert_eq!(block_on(agent()), Ok(2));
    assert_eq!(tokens(&collect), (800, 0));
}

#[test]
fn each_user_has_a_limit_of_their_own_and_calls_without_one_share_one() {
    let each = Budget::new("users").total().each(Dimension::User).limit("100 tokens").per_month().block();
    let (collect, _guard, _) = monitor([each]);
    for (user, inputs) in [("a", &[100, 50][..]), ("b", &[50]), ("", &[70])] {
        for input in inputs {
            let call = ask(*input);
            let _ = if user.is_empty() { block_on(call) } else { block_on(jobmon::user(user, call)) };
        }
    }
    let found: Vec<_> =
        collect.guard().budgets().into_iter().map(|status| (status.key, status.spent)).collect();
    let expected = [(None, 70), (Some("a"), 100), (Some("b"), 50)];
    let expected = expected.map(|(key, spent)| (key.map(jobmon::Text::from), Amount::Tokens(spent)));
    assert_eq!(found, expected);
    let stopped = block_on(jobmon::user("a", ask(1))).unwrap_err();
    assert!(stopped.to_string().starts_with("budget `users` of `a` is used up"), "{stopped}");
}

#[test]
fn what_cannot_be_stopped_is_counted_and_told_once() {
    let (collect, _guard, said) = monitor([
        Budget::new("m").model("gpt-4o-mini").limit("100 tokens").per_month().block(),
        Budget::new("other").model("gpt-4o").limit("100 tokens").per_month().block(),
    ]);
    for _ in 0..3 {
        leaf(100);
    }
    assert_eq!(tokens(&collect), (300, 0));
    assert_eq!(collect.guard().budgets()[1].spent, Amount::Tokens(0));
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("budget `m` counts calls of `leaf` and cannot stop them"), "{said:?}");
    assert!(
        said[1].starts_with("budget `m` is used up: 100 tokens of 100 tokens is spent until "),
        "{said:?}"
    );
}

#[test]
fn a_budget_that_only_warns_stops_nothing() {
    let (collect, _guard, said) =
        monitor([Budget::new("analysis").limit("$0.0003").per(std::time::Duration::from_secs(3_600))]);
    for _ in 0..3 {
        block_on(ask(1_000)).unwrap();
    }
    let now = status(&collect);
    assert_eq!((now.spent.to_string().as_str(), now.remaining()), ("$0.00045", Amount::Usd(Usd::ZERO)));
    assert_eq!((now.resets_at, now.sharing), (None, jobmon::Sharing::Local));
    assert_eq!(
        *said.lock().unwrap(),
        ["budget `analysis` is used up: $0.0003 of $0.0003 is spent; no call is stopped"]
    );
}

#[test]
fn a_budget_that_nobody_configured_is_told_once_and_stops_nothing() {
    let (_collect, _guard, said) = monitor([]);
    for _ in 0..2 {
        block_on(ask(1)).unwrap();
    }
    assert_eq!(*said.lock().unwrap(), ["`ask` names the budget `analysis`, which nobody has configured"]);
}

#[test]
fn a_name_may_be_computed() {
    #[instrument_llm(model = "m", budget = format!("tier-{tier}"))]
    async fn computed(tier: u8) -> Result<Usage, BudgetExceeded> {
        Ok(Usage::new(10, 0))
    }
    let tier = |name: &'static str| Budget::new(name).limit("10 tokens").per_month().block();
    let (collect, _guard, _) = monitor([tier("tier-1"), tier("tier-2")]);
    block_on(computed(1)).unwrap();
    block_on(computed(2)).unwrap();
    block_on(computed(1)).unwrap_err();
    assert_eq!(collect.calls()[1].budgets, ["tier-2"]);
}

#[test]
fn what_comes_late_is_charged_too() {
    #[instrument_llm(provider = "openai", model = "gpt-4o-mini", budget = "analysis")]
    fn ends() -> Result<jobmon::Current, BudgetExceeded> {
        jobmon::observe(Usage::new(10, 0));
        Ok(jobmon::current())
    }
    let (collect, _guard, _) = monitor([analysis("10k tokens")]);
    ends().unwrap().usage(Usage::new(2_000, 0));
    collect.events();
    assert_eq!(tokens(&collect), (2_010, 0));
}

#[test]
fn without_a_monitor_nothing_is_stopped() {
    assert!(block_on(ask(1)).is_ok());
}
