//! The pipeline: what happens to events when exporters are slow, away, broken, or the queue is full.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::testing::Collect;
use jobmon_core::{
    Batch, Event, ExportError, Exporter, Pipeline, Prices, Settings, StartError, Text, Usd, Verdict,
    Warnings, feedback, score,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Settings whose warnings are kept, and without prices to decode.
fn settings() -> (Settings, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&said);
    let mut settings = Settings::default();
    settings.prices = Prices::none();
    settings.flush_interval = Duration::from_millis(5);
    settings.warnings = Warnings::to(move |text| keep.lock().unwrap().push(text.to_owned()));
    (settings, said)
}

/// Does what a function says with each batch.
struct Scripted<F>(F);

impl<F: FnMut(&Batch) -> Result<(), ExportError> + Send + 'static> Exporter for Scripted<F> {
    fn name(&self) -> &'static str {
        "scripted"
    }
    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        (self.0)(batch)
    }
}

/// Waits in its first export until it is let go.
fn blocked() -> (Box<dyn Exporter>, Receiver<()>, Sender<()>) {
    let (entered, has_entered) = channel();
    let (let_go, gate) = channel::<()>();
    let exporter = Scripted(move |_: &Batch| {
        let _ = entered.send(());
        let _ = gate.recv();
        Ok(())
    });
    (exporter.into(), has_entered, let_go)
}

#[test]
fn everything_reaches_every_exporter_in_order() {
    let (settings, _) = settings();
    let (first, second) = (Collect::default(), Collect::default());
    let pipeline = Pipeline::start(settings, vec![first.clone().into(), second.clone().into()]).unwrap();
    let guard = pipeline.install_local();
    (0..1_000).for_each(|n| score("n", f64::from(n)));
    assert!(guard.flush(Duration::from_secs(10)));
    let delivery = guard.shutdown();
    assert!(delivery.is_complete(), "{delivery}");
    assert_eq!(delivery.events, 1_000);
    for collect in [first, second] {
        let scores: Vec<_> = collect
            .events()
            .into_iter()
            .map(|event| match event {
                Event::Score(score) => score.value,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(scores, (0..1_000).map(f64::from).collect::<Vec<_>>());
    }
}

#[test]
fn a_full_queue_drops_the_newest_counts_them_and_never_waits() {
    let (mut settings, _) = settings();
    settings.queue_capacity = 10;
    settings.shutdown_timeout = Duration::ZERO;
    let (exporter, entered, let_go) = blocked();
    let other = Collect::default();
    let guard = Pipeline::start(settings, vec![exporter, other.clone().into()]).unwrap().install_local();
    score("first", 0.0);
    entered.recv().unwrap();
    // The exporter hangs in its first batch; whatever comes now has only the bounded queues to wait in.
    (0..1_000).for_each(|n| score("n", f64::from(n)));
    let delivery = guard.delivery();
    assert_eq!(delivery.events, 1_001);
    drop(let_go);
    let delivery = guard.shutdown();
    let [slow, fast] = &delivery.exporters[..] else { panic!("two exporters") };
    let accounted = delivery.dropped + slow.exported + slow.dropped + slow.pending;
    assert_eq!(
        accounted, 1_001,
        "every event is exported, dropped and counted, or known to be pending: {delivery}"
    );
    assert_eq!(delivery.dropped + fast.exported + fast.dropped + fast.pending, 1_001);
    assert!(!delivery.is_complete());
}

#[test]
fn a_batch_is_offered_again_until_it_is_taken() {
    let (settings, said) = settings();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let exporter = Scripted(move |_: &Batch| {
        if count.fetch_add(1, SeqCst) < 3 {
            return Err(ExportError::Busy { after: Duration::from_millis(1), reason: "away".to_owned() });
        }
        Ok(())
    });
    let guard = Pipeline::start(settings, vec![exporter.into()]).unwrap().install_local();
    feedback(None, Verdict::Positive);
    assert!(guard.flush(Duration::from_secs(10)));
    assert_eq!(guard.delivery().exporters[0].exported, 1);
    assert_eq!(tries.load(SeqCst), 4);
    drop(guard);
    assert_eq!(said.lock().unwrap().len(), 1, "one line for the trouble, not one for each try");
}

#[test]
fn what_is_refused_is_lost_and_said_once() {
    let (settings, said) = settings();
    let exporter = Scripted(|_: &Batch| Err(ExportError::Refused { reason: "too large".to_owned() }));
    let guard = Pipeline::start(settings, vec![exporter.into()]).unwrap().install_local();
    for _ in 0..3 {
        score("n", 1.0);
        assert!(guard.flush(Duration::from_secs(10)));
    }
    assert_eq!(guard.delivery().exporters[0].dropped, 3);
    drop(guard);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "once when it happens, once at the end: {said:?}");
    assert!(said[0].contains("`scripted`") && said[0].contains("too large"), "{said:?}");
    assert!(said[1].contains("3 lost"), "{said:?}");
}

#[test]
fn a_panicking_exporter_harms_nobody_else() {
    let (settings, _) = settings();
    let collect = Collect::default();
    let exporter = Scripted(|_: &Batch| panic!("a bug in an exporter"));
    let guard =
        Pipeline::start(settings, vec![exporter.into(), collect.clone().into()]).unwrap().install_local();
    for _ in 0..2 {
        score("n", 1.0);
        assert!(guard.flush(Duration::from_secs(10)));
    }
    let delivery = guard.shutdown();
    assert_eq!((delivery.exporters[0].exported, delivery.exporters[0].dropped), (0, 2));
    assert_eq!(collect.events().len(), 2);
}

#[test]
fn dropping_the_guard_waits_no_longer_than_the_deadline_and_says_what_was_lost() {
    let (mut settings, said) = settings();
    settings.shutdown_timeout = Duration::from_millis(50);
    let (exporter, entered, let_go) = blocked();
    let guard = Pipeline::start(settings, vec![exporter]).unwrap().install_local();
    score("n", 1.0);
    entered.recv().unwrap();
    drop(guard);
    let said = said.lock().unwrap();
    assert!(said.iter().any(|text| text.contains("1 not delivered in time")), "{said:?}");
    drop(let_go);
}

#[test]
fn an_exporter_does_not_feed_itself() {
    let (settings, _) = settings();
    let collect = Collect::default();
    let exporter = Scripted(|_: &Batch| {
        score("from an exporter", 1.0);
        Ok(())
    });
    let guard =
        Pipeline::start(settings, vec![exporter.into(), collect.clone().into()]).unwrap().install_local();
    score("from the program", 1.0);
    for _ in 0..3 {
        assert!(guard.flush(Duration::from_secs(10)));
    }
    assert_eq!(guard.shutdown().events, 1);
}

#[test]
fn one_global_monitor_at_a_time() {
    let (settings, _) = settings();
    let start = || Pipeline::start(settings.clone(), vec![Collect::default().into()]).unwrap();
    let guard = start().install().unwrap();
    assert!(matches!(start().install(), Err(StartError::AlreadyInstalled)));
    // Other threads report to it, and a local monitor goes before it.
    std::thread::spawn(|| score("elsewhere", 1.0)).join().unwrap();
    let (collect, local) = Collect::install();
    score("here", 1.0);
    assert_eq!(collect.events().len(), 1);
    drop((collect, local));
    assert_eq!(guard.shutdown().events, 1);
    let again = start().install().expect("the first one is gone");
    drop(again);
}

#[test]
fn impossible_settings_are_refused_by_name() {
    for (change, name) in [
        ((|s: &mut Settings| s.sampling_rate = 1.5) as fn(&mut Settings), "sampling_rate"),
        (|s| s.sampling_rate = f64::NAN, "sampling_rate"),
        (|s| s.queue_capacity = 0, "queue_capacity"),
        (|s| s.flush_interval = Duration::ZERO, "flush_interval"),
    ] {
        let (mut settings, _) = settings();
        change(&mut settings);
        let error = Pipeline::start(settings, Vec::new()).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("expected"), "{error}");
    }
}

#[test]
fn code_of_the_host_that_panics_harms_nobody() {
    struct Unstartable;
    impl Exporter for Unstartable {
        fn name(&self) -> &'static str {
            "unstartable"
        }
        fn start(&mut self) -> Result<(), ExportError> {
            panic!("on purpose")
        }
        fn export(&mut self, _: &Batch) -> Result<(), ExportError> {
            Ok(())
        }
    }
    let (mut settings, _) = settings();
    let error = Pipeline::start(settings.clone(), vec![Unstartable.into()]).expect_err("it panics");
    assert!(error.to_string().contains("`unstartable`"), "{error}");

    settings.warnings = Warnings::to(|_| panic!("on purpose"));
    let refuses = Scripted(|_: &Batch| Err(ExportError::Refused { reason: "no".to_owned() }));
    let guard = Pipeline::start(settings, vec![refuses.into()]).unwrap().install_local();
    score("n", 1.0);
    assert!(guard.flush(Duration::MAX), "the exporter's thread lives, and no time is too long");
    assert_eq!(guard.shutdown().exporters[0].dropped, 1);
}

#[test]
fn a_local_monitor_that_ends_late_takes_no_other_away() {
    let (settings, _) = settings();
    let install = |collect: &Collect| {
        Pipeline::start(settings.clone(), vec![collect.clone().into()]).unwrap().install_local()
    };
    let (first, second) = (Collect::default(), Collect::default());
    let one = install(&first);
    let two = install(&second);
    drop(one);
    score("n", 1.0);
    drop(two);
    assert_eq!((first.events().len(), second.events().len()), (0, 1));
    // The first one, long ended, must not come back.
    let third = Collect::default();
    let three = install(&third);
    score("n", 1.0);
    drop(three);
    assert_eq!(third.events().len(), 1);
}

#[test]
fn users_are_recorded_by_pseudonyms_where_there_is_a_key() {
    let mut settings = Settings::default();
    settings.user_key = jobmon_core::UserKey::new("0123456789abcdef");
    let (collect, _guard) = Collect::install_with(settings);
    jobmon_core::Context::current().with_user("anna@example.com").run(|| score("match", 1.0));
    let user = collect.events()[0].scope().user.clone().expect("a user");
    assert!(user.starts_with("u-") && !user.contains("anna"), "{user}");
}

#[test]
fn an_outcome_without_a_value_has_the_one_of_its_kind() {
    let mut settings = Settings::default();
    settings.outcome_values = [(Text::literal("application"), Usd::from_dollars(25))].into();
    let (collect, _guard) = Collect::install_with(settings);
    jobmon_core::outcome(None, "application", None);
    jobmon_core::outcome(None, "application", Usd::from_dollars(3));
    jobmon_core::outcome(None, "interview", None);
    let value = |event: &Event| if let Event::Outcome(outcome) = event { outcome.value } else { None };
    let values: Vec<_> = collect.events().iter().map(value).collect();
    assert_eq!(values, [Some(Usd::from_dollars(25)), Some(Usd::from_dollars(3)), None]);
}
