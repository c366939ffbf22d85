//! Budgets and the history: what a monitor that starts knows of what was spent, and what it sees of others.

use jobmon_core::{
    Amount, Budget, BudgetExceeded, Context, Dimension, Guard, Prices, Sharing, Usage, instrument_llm,
};
use jobmon_export::{Monitor, Sqlite};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

#[instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "f", budget = "named", crate = ::jobmon_core)]
fn ask(tokens: u64) -> Result<Usage, BudgetExceeded> {
    Ok(Usage::new(tokens, 0))
}

/// As many budgets as there are ways to find out what was spent.
fn budgets() -> Vec<Budget> {
    let monthly = |name: &'static str| Budget::new(name).limit("1M tokens").per_month();
    vec![
        monthly("named"),
        monthly("total").total(),
        monthly("feature").feature("f"),
        monthly("another").feature("g"),
        monthly("models").total().each(Dimension::Model),
        monthly("users").total().each(Dimension::User),
        monthly("money").total().limit("$5"),
        monthly("rolling").total().per(Duration::from_secs(36_000)),
    ]
}

fn monitor(path: &Path, sampling_rate: f64) -> (Guard, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&said);
    let builder = Monitor::builder()
        .without_config()
        .sampling_rate(sampling_rate)
        .flush_interval(Duration::from_millis(5))
        .on_warning(move |text| keep.lock().expect("whole").push(text.to_owned()))
        .exporter(Sqlite::open(path).expect("opens"));
    let guard = budgets().into_iter().fold(builder, jobmon_export::MonitorBuilder::budget);
    (guard.install_local().expect("starts"), said)
}

/// What is spent of each budget, as this process sees it once it has looked.
fn spent(guard: &Guard) -> Vec<String> {
    // What comes before a flush is written by it, and the exporter looks before it takes the next one.
    for _ in 0..2 {
        assert!(guard.flush(PATIENCE));
    }
    let text = |amount: Amount| amount.to_string().replace(" tokens", "");
    let statuses = guard.budgets().into_iter();
    let spent = statuses.filter(|status| status.spent != status.limit).map(|status| {
        assert_eq!(
            status.reserved.to_string().trim_start_matches(['$', '0', '.']).trim_end_matches(" tokens"),
            ""
        );
        let key = status.key.map_or_else(String::new, |key| format!(".{key}"));
        format!("{}{key} {}", status.budget, text(status.spent))
    });
    spent.collect()
}

fn user_asks(user: &'static str, tokens: u64) {
    Context::current().with_user(user).run(|| ask(tokens)).expect("nothing is blocked");
}

#[test]
fn what_was_spent_before_a_restart_still_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobmon.db");
    let (guard, _) = monitor(&path, 1.0);
    user_asks("u", 1_000);
    user_asks("v", 2_000);
    // Without the feature `prices` of the core there are none.
    let money = if Prices::bundled().version() == "none" { "money $0.00" } else { "money $0.00045" };
    let expected = [
        "named 3000",
        "total 3000",
        "feature 3000",
        "another 0",
        "models.gpt-4o-mini 3000",
        "users.u 1000",
        "users.v 2000",
        money,
        "rolling 3000",
    ];
    assert_eq!(spent(&guard), expected);
    drop(guard);
    let (guard, said) = monitor(&path, 1.0);
    assert_eq!(guard.budgets().len(), expected.len(), "known before anything happens");
    assert_eq!(spent(&guard), expected);
    let shared = guard.budgets().iter().all(|status| matches!(status.sharing, Sharing::History { .. }));
    assert!(shared, "{said:?}");
}

#[test]
fn what_a_wrong_clock_dated_ahead_uses_up_no_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobmon.db");
    let (guard, _) = monitor(&path, 1.0);
    user_asks("u", 1_000);
    drop(guard);
    let history = rusqlite::Connection::open(&path).expect("opens");
    for table in ["calls", "hourly", "daily"] {
        let sql = format!("UPDATE {table} SET start = start + 400 * 86400000000000");
        assert!(history.execute(&sql, []).expect("is a history") > 0);
    }
    let (guard, _) = monitor(&path, 1.0);
    assert!(spent(&guard).iter().all(|spent| spent.ends_with(" 0") || spent.ends_with(" $0.00")));
    user_asks("u", 200);
    assert_eq!(spent(&guard)[1], "total 200");
}

/// Tokens to spend, and whom to tell what is known then.
type Order = (u64, Sender<Vec<String>>);

/// Another process: it has a monitor of its own, in a thread of its own.
struct Process {
    orders: Sender<Order>,
}

impl Process {
    fn start(path: &Path) -> Self {
        let (orders, received): (_, Receiver<Order>) = channel();
        let path = path.to_owned();
        let (started, starts) = channel();
        std::thread::spawn(move || {
            let (guard, _) = monitor(&path, 1.0);
            started.send(()).expect("the test waits");
            for (tokens, answer) in received {
                if tokens > 0 {
                    user_asks("u", tokens);
                }
                answer.send(spent(&guard)).expect("the test waits");
            }
        });
        starts.recv_timeout(PATIENCE).expect("it starts");
        Self { orders }
    }

    /// Spends something, and tells what it knows.
    fn ask(&self, tokens: u64) -> Vec<String> {
        let (answer, answered) = channel();
        self.orders.send((tokens, answer)).expect("it runs");
        answered.recv_timeout(PATIENCE).expect("it answers")
    }
}

#[test]
fn processes_with_one_history_see_what_the_others_spend_and_count_it_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobmon.db");
    let (a, b) = (Process::start(&path), Process::start(&path));
    let known = |process: &Process, tokens: u64| process.ask(tokens)[1].clone();
    assert_eq!(known(&a, 1_000), "total 1000");
    assert_eq!(known(&b, 0), "total 1000");
    assert_eq!(known(&b, 200), "total 1200");
    assert_eq!(known(&a, 30), "total 1230");
    assert_eq!(a.ask(0), b.ask(0));
    assert_eq!(a.ask(0).len(), 8);
    // One that comes later knows all.
    let c = Process::start(&path);
    assert_eq!(c.ask(0), a.ask(0));
    // All at the same time.
    let mut answers = Vec::new();
    for round in 0..20 {
        for process in [&a, &b, &c] {
            let (answer, answered) = channel();
            process.orders.send((1 + round, answer)).expect("it runs");
            answers.push(answered);
        }
    }
    answers.into_iter().for_each(|answer| drop(answer.recv_timeout(PATIENCE).expect("it answers")));
    for process in [&a, &b, &c] {
        assert_eq!(known(process, 0), "total 1860");
    }
}

#[test]
fn a_process_that_leaves_calls_out_of_the_history_says_that_it_is_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobmon.db");
    let (guard, said) = monitor(&path, 0.0);
    user_asks("u", 1_000);
    assert!(spent(&guard).contains(&"users.u 1000".to_owned()));
    assert!(guard.budgets().iter().all(|status| status.sharing == Sharing::Local));
    let words = "budgets are not shared with other processes: `sampling_rate` is below 1, so that the history lacks calls";
    assert_eq!(said.lock().expect("whole")[0], words);
    drop(guard);
    // Sums know all that was spent. Who keeps all calls finds that others do not.
    let (guard, said) = monitor(&path, 1.0);
    assert_eq!(spent(&guard)[1], "total 1000");
    assert!(guard.budgets().iter().all(|status| status.sharing == Sharing::Local));
    assert!(said.lock().expect("whole")[0].contains("the history lacks calls: another process"), "{said:?}");
}
