//! What is true around a call: parents, scopes, sampling, facts.

use super::{Yield, answer, poll_once};
use jobmon::testing::Collect;
use jobmon::{CallRecord, InContext, Operation, Settings, Text, Verdict, instrument_llm};
use serde_json::Value;

#[test]
fn concurrent_calls_keep_their_own_parents() {
    #[instrument_llm(operation = retrieval, fields(n))]
    async fn child(n: u64) {
        Yield::default().await;
        jobmon::current().field("seen", n);
    }
    #[instrument_llm(fields(n))]
    async fn agent(n: u64) {
        Yield::default().await;
        child(n).await;
    }
    let (collect, _guard) = Collect::install();
    let (mut a, mut b) = (Box::pin(agent(1)), Box::pin(agent(2)));
    let (mut a_done, mut b_done) = (false, false);
    while !(a_done && b_done) {
        a_done = a_done || poll_once(a.as_mut()).is_ready();
        b_done = b_done || poll_once(b.as_mut()).is_ready();
    }
    let calls = collect.calls();
    let field = |call: &CallRecord, key: &str| {
        call.attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value.to_string())
    };
    for agent in calls.iter().filter(|call| call.name == "agent") {
        let child = calls.iter().find(|call| call.parent == Some(agent.id.span)).expect("its child");
        assert_eq!(field(child, "n"), field(agent, "n"));
        assert_eq!(field(child, "n"), field(child, "seen"));
    }
    assert_eq!(calls.len(), 4);
    assert_eq!(jobmon::current().id(), None, "nothing is current outside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spawned_tasks_are_children_when_the_context_goes_along() {
    #[instrument_llm(operation = retrieval)]
    async fn child() {}
    #[instrument_llm]
    async fn agent() {
        let with = tokio::spawn(child().in_current_context());
        let session =
            tokio::spawn(async { jobmon::Context::current().session().cloned() }.in_current_context());
        with.await.unwrap();
        assert_eq!(session.await.unwrap(), Some(Text::from("s-1")));
    }
    let (collect, _guard) = Collect::install();
    // `#[tokio::test]` runs this block on the thread of the test, where the monitor is.
    jobmon::session("s-1", jobmon::user("u-1", agent())).await;
    let calls = collect.calls();
    let agent = calls.iter().find(|call| call.name == "agent").expect("the agent");
    let child = calls.iter().find(|call| call.name == "child").expect("its child");
    assert_eq!(child.parent, Some(agent.id.span));
    let scope = &child.scope;
    assert_eq!((&scope.session, &scope.user), (&Some(Text::from("s-1")), &Some(Text::from("u-1"))));
}

#[test]
fn scopes_reach_every_call_inside_and_the_attribute_wins_for_its_own() {
    #[instrument_llm(operation = retrieval)]
    fn inner() {}
    #[instrument_llm(feature = "own")]
    fn outer() {
        inner();
    }
    let (collect, _guard) = Collect::install();
    let around = jobmon::Context::current().with_session("s").with_user("u").with_feature("around");
    around.with_strategy("broad").run(|| {
        inner();
        outer();
    });
    let features: Vec<_> = collect.calls().iter().map(|call| call.scope.feature.clone().unwrap()).collect();
    assert_eq!(features, ["around", "own", "own"].map(Text::from));
    for call in collect.calls() {
        assert_eq!(call.scope.session, Some(Text::from("s")));
        assert_eq!(call.scope.user, Some(Text::from("u")));
        assert_eq!(call.scope.strategy, Some(Text::from("broad")));
    }
}

#[test]
fn sampling_marks_whole_traces_and_drops_no_count() {
    #[instrument_llm(operation = retrieval)]
    fn child() {}
    #[instrument_llm]
    fn agent() {
        child();
    }
    let mut settings = Settings::default();
    settings.sampling_rate = 0.5;
    let (collect, _guard) = Collect::install_with(settings);
    (0..500).for_each(|_| agent());
    let calls = collect.calls();
    assert_eq!(calls.len(), 1_000);
    let kept = calls.iter().filter(|call| call.sampled).count();
    assert!((300..700).contains(&kept), "{kept} of 1,000");
    for pair in calls.chunks(2) {
        assert_eq!((pair[0].sampled, pair[0].id.trace), (pair[1].sampled, pair[1].id.trace));
    }
}

#[test]
fn facts_know_the_call_they_are_about() {
    #[instrument_llm(model = "gpt-4o-mini", feature = "analysis")]
    fn analyze() -> (Option<jobmon::CallId>, Value) {
        jobmon::score("match", 87.0);
        (jobmon::current().id(), answer(1, 1))
    }
    let (collect, _guard) = Collect::install();
    let (id, _) = analyze();
    jobmon::feedback(id, Verdict::Positive);
    jobmon::score("not a number", f64::NAN);
    jobmon::search("rust").strategy("broad").results(9).relevant(3);
    let events = collect.events();
    let facts: Vec<_> = events.iter().filter_map(jobmon::Event::fact).collect();
    assert_eq!(facts.iter().map(|fact| fact.call).collect::<Vec<_>>(), [id, id, None]);
    assert_eq!(facts[0].scope.feature, Some(Text::from("analysis")));
    let subject = facts[0].subject.as_ref().expect("its call is known");
    assert_eq!(
        (subject.operation, subject.model.clone()),
        (Operation::Chat, Some(Text::from("gpt-4o-mini")))
    );
    assert_eq!(facts[2].scope.strategy, Some(Text::from("broad")));
}
