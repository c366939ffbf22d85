//! Alerts and the history: what the alerts of a program know when it starts again, and who silences them.

use jobmon_core::{
    Alert, Answer, Batch, CallId, CallRecord, Context, Cost, Dimension, End, Event, ExportError, Exporter,
    Guard, Notice, Operation, PricedAnswer, Resource, SpanId, Text, Timestamp, TraceId, Usage, Usd,
    instrument_llm,
};
use jobmon_export::{Channel, History, Monitor, Sqlite};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

type Told = Arc<Mutex<Vec<String>>>;

/// Keeps what it is told: `alert kind groups`.
struct Pager(Told);

impl Channel for Pager {
    fn name(&self) -> &'static str {
        "pager"
    }

    fn tell(&mut self, notice: &Notice, _: &Resource) -> Result<(), ExportError> {
        let groups = notice.group.iter().map(|(_, value)| format!(" {}", value.as_deref().unwrap_or("-")));
        let groups: String = groups.collect();
        self.0.lock().expect("whole").push(format!("{} {}{groups}", notice.alert, notice.kind));
        Ok(())
    }
}

#[instrument_llm(provider = "openai", model = "house", feature = "f", track(latency, errors, retries), crate = ::jobmon_core)]
fn ask(works: bool) -> Result<(), std::io::Error> {
    if works { Ok(()) } else { Err(std::io::Error::other("no")) }
}

fn ask_often(good: usize, bad: usize) {
    (0..good + bad).for_each(|n| _ = ask(n < good));
}

struct Place {
    _folder: tempfile::TempDir,
    db: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    Place { db: folder.path().join("jobmon.db"), _folder: folder }
}

/// A program that has these alerts, from its start to its end: what was told, and what jobmon warned of.
fn run(
    db: &Path,
    alerts: impl IntoIterator<Item = Alert>,
    work: impl FnOnce(&Guard),
) -> (Vec<String>, Vec<String>) {
    let (told, warned) = (Told::default(), Told::default());
    let warnings = Arc::clone(&warned);
    let builder = Monitor::builder()
        .without_config()
        .service_name("agent")
        .on_warning(move |text| warnings.lock().expect("whole").push(text.to_owned()))
        .exporter(Sqlite::open(db).expect("opens"))
        .channel(Pager(Arc::clone(&told)));
    let guard = alerts.into_iter().fold(builder, jobmon_export::MonitorBuilder::alert);
    let guard = guard.install_local().expect("starts");
    work(&guard);
    drop(guard);
    let take = |texts: Told| std::mem::take(&mut *texts.lock().expect("whole"));
    (take(told), take(warned))
}

fn told(db: &Path, alerts: impl IntoIterator<Item = Alert>, good: usize, bad: usize) -> Vec<String> {
    let (told, warned) = run(db, alerts, |_| ask_often(good, bad));
    assert_eq!(warned, [""; 0]);
    told
}

fn errors() -> Alert {
    Alert::new("errors", "error_rate > 50%").window(DAY).by([Dimension::Feature])
}

#[test]
fn a_program_that_starts_again_goes_on_from_where_its_alerts_stood() {
    let Place { db, _folder } = place();
    assert_eq!(told(&db, [errors()], 0, 3), ["errors firing f"]);
    // Nobody hears of it twice, and what happened before counts.
    assert_eq!(told(&db, [errors()], 2, 0), [""; 0]);
    assert_eq!(told(&db, [errors()], 0, 0), [""; 0]);
    assert_eq!(told(&db, [errors()], 2, 0), ["errors resolved f"]);
    assert_eq!(told(&db, [errors()], 0, 0), [""; 0]);
    assert_eq!(told(&db, [errors()], 0, 9), ["errors firing f"]);
    // Another service stands somewhere else, though it writes the same history.
    let (told_other, other) = (Told::default(), Resource::default());
    assert_eq!(other.service_name, None);
    let guard = Monitor::builder()
        .without_config()
        .exporter(Sqlite::open(&db).unwrap())
        .channel(Pager(Arc::clone(&told_other)))
        .alert(errors())
        .install_local()
        .unwrap();
    ask_often(1, 0);
    drop(guard);
    assert_eq!(*told_other.lock().unwrap(), [""; 0]);
    assert_eq!(told(&db, [errors()], 20, 0), ["errors resolved f"]);
}

#[test]
fn time_that_a_condition_has_to_hold_goes_on_over_a_restart() {
    let Place { db, _folder } = place();
    let errors = |hold| errors().hold(hold);
    assert_eq!(told(&db, [errors(DAY)], 0, 3), [""; 0]);
    // It has held since the first run; a nanosecond has passed.
    assert_eq!(told(&db, [errors(Duration::from_nanos(1))], 0, 0), ["errors firing f"]);
}

fn resource(service: &str) -> Arc<Resource> {
    let mut resource = Resource::default();
    resource.service_name = Some(Text::copied(service));
    Arc::new(resource)
}

fn call(at: Timestamp, dollars: i64) -> Event {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, Text::literal("ask"), Operation::Chat, at);
    call.end = End::Ok;
    let cost = Cost::Known(Usd::from_dollars(dollars));
    call.answers = vec![PricedAnswer::new(Answer::from(Usage::new(1, 1)), 1, cost)];
    call.cost = Some(cost);
    Event::Call(Box::new(call))
}

/// A call each hour of 28 days, at a dollar or so; the last whole hour has another price.
fn weeks(db: &Path, service: &str, last: i64) {
    let now = Timestamp::now().hour();
    let hours = 28 * 24 + 2;
    let events = (1..=hours).map(|back: u32| {
        let dollars = if back == 1 { last } else { 10 + i64::from(back.is_multiple_of(7)) };
        call(now.minus(HOUR * back).plus(MINUTE), dollars)
    });
    let events: Arc<Vec<Event>> = Arc::new(events.collect());
    let mut sqlite = Sqlite::open(db).expect("opens");
    sqlite.export(&Batch { resource: resource(service), events }).expect("written");
}

#[test]
fn an_anomaly_is_known_from_the_first_minute_on_and_only_by_what_is_ones_own() {
    let spike = || {
        let anomaly = Alert::new("cost", "anomaly(cost) > 4").window(HOUR);
        [anomaly, Alert::new("sum", "cost > $100000").window(2 * DAY)]
    };
    let Place { db, _folder } = place();
    weeks(&db, "agent", 10);
    weeks(&db, "another", 500);
    assert_eq!(told(&db, spike(), 1, 0), [""; 0]);
    let Place { db, _folder } = place();
    weeks(&db, "agent", 500);
    weeks(&db, "another", 10);
    assert_eq!(told(&db, spike(), 1, 0), ["cost firing"]);
    // What the history has is counted once, however often a program starts.
    let sum = |limit: i64| {
        let sum = Alert::new("sum", format!("cost > ${limit}")).window(DAY);
        told(&place_of(500).db, [sum], 3, 0)
    };
    let day: i64 = 500 + (2..=24_u32).map(|back| 10 + i64::from(back.is_multiple_of(7))).sum::<i64>();
    assert_eq!(sum(day - 12), ["sum firing"]);
    assert_eq!(sum(day + 22), [""; 0]);
}

fn place_of(last: i64) -> Place {
    let place = place();
    weeks(&place.db, "agent", last);
    place
}

#[test]
fn sums_tell_the_past_where_single_events_are_not_kept() {
    let Place { db, _folder } = place();
    let busy = || Alert::new("busy", "calls >= 40").window(DAY);
    let guard = Monitor::builder()
        .without_config()
        .service_name("agent")
        .sampling_rate(0.0)
        .exporter(Sqlite::open(&db).unwrap())
        .install_local()
        .unwrap();
    ask_often(30, 0);
    drop(guard);
    let kept = jobmon_core::Query::new([]).aggregate(&History::open(&db).unwrap()).unwrap();
    assert_eq!(kept.values().map(|sum| sum.calls).sum::<u64>(), 30);
    assert_eq!(told(&db, [busy()], 9, 0), [""; 0]);
    assert_eq!(told(&db, [busy()], 1, 0), ["busy firing"]);
}

#[test]
fn a_silence_is_heard_of_by_agents_and_is_in_the_audit_log() {
    let Place { db, _folder } = place();
    assert_eq!(told(&db, [errors()], 1, 0), [""; 0]);
    assert_eq!(
        History::open(&db).unwrap().alert_names().unwrap().into_iter().collect::<Vec<_>>(),
        ["errors"]
    );
    let until = Timestamp::now().plus(DAY);
    assert_eq!(Sqlite::silence(&db, "errors", Some(until), "anna").unwrap(), None);
    assert_eq!(told(&db, [errors()], 0, 9), [""; 0]);
    assert_eq!(told(&db, [errors()], 0, 9), [""; 0]);
    assert_eq!(Sqlite::silence(&db, "errors", None, "bert").unwrap(), Some(until));
    assert_eq!(Sqlite::silence(&db, "errors", None, "bert").unwrap(), None);
    // It still fires, and nobody has heard of it.
    assert_eq!(told(&db, [errors()], 0, 0), ["errors firing f"]);
    let history = History::open(&db).unwrap();
    assert!(history.silences().unwrap().is_empty());
    let account: Vec<_> =
        history.audit().unwrap().into_iter().filter(|entry| entry.action == "silence").collect();
    let texts: Vec<_> =
        account.iter().map(|entry| (entry.actor.as_str(), entry.detail["until"].as_str())).collect();
    let moment = until.to_string();
    assert_eq!(texts, [("anna", Some(moment.as_str())), ("bert", None), ("bert", None)]);
    assert!(history.verify_audit(None).unwrap().is_ok());
    assert!(Sqlite::silence(db.with_file_name("none.db"), "errors", None, "anna").is_err());
}

#[test]
fn unusual_use_of_one_user_is_seen_and_forgotten_with_the_user() {
    let Place { db, _folder } = place();
    let heavy = || Alert::new("heavy use", "calls > 10").window(DAY).by([Dimension::User]);
    let session = || Alert::new("long session", "calls{session=\"s-1\"} >= 12").window(DAY);
    let (told, warned) = run(&db, [heavy(), session()], |_| {
        for (user, calls) in [("anna-7f3a", 12), ("bert-7f3a", 9)] {
            let context = Context::current().with_user(user).with_session("s-1");
            context.run(|| ask_often(calls, 0));
        }
    });
    assert_eq!(
        (told, warned),
        (vec!["heavy use firing anna-7f3a".to_owned(), "long session firing".to_owned()], vec![])
    );
    // Two more in another run: together it is too much.
    let (told, _) =
        run(&db, [heavy()], |_| Context::current().with_user("bert-7f3a").run(|| ask_often(2, 0)));
    assert_eq!(told, ["heavy use firing bert-7f3a"]);
    let erased = Sqlite::erase_user(&db, "anna-7f3a", None, "cli").unwrap();
    assert_eq!((erased.calls, erased.gone), (12, Some(true)));
    // Who stays is not told anew.
    let (told, _) = run(&db, [heavy()], |_| ());
    assert_eq!(told, [""; 0]);
}
