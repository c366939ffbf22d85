//! What is too old is deleted, a user can be erased, and the account of it shows what was changed.

use super::whole::full_call;
use super::{DAY, batch, call_at, fact, write};
use jobmon_core::{
    Batch, CallRecord, Dimension, Event, Exporter, Measure, Query, Range, Redaction, Retention, Score,
    Settings, Stored, Text, Timestamp, UserKey,
};
use jobmon_export::{Action, AuditBroken, History, Monitor, Sqlite};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const HOURS: Duration = Duration::from_secs(3_600);

/// A call so many hours ago, with content.
fn hours_ago(hours: u32, user: &str, session: &str) -> CallRecord {
    let mut call = call_at(Timestamp::now().minus(HOURS * hours).nanos());
    call.content = full_call().content;
    call.scope.user = Some(Text::copied(user));
    call.scope.session = Some(Text::copied(session));
    call
}

fn count(path: &Path, what: &str) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

fn calls(path: &Path) -> String {
    let query = Query::new([Measure::named("calls").unwrap()]);
    query.run(&History::open(path).unwrap()).unwrap()[0].figures[0].unwrap().to_string()
}

#[test]
fn each_kind_of_data_is_kept_for_as_long_as_it_is_told_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let mut events = Vec::new();
    for hours in [1, 30, 100, 3_000] {
        events.push(Event::Call(Box::new(hours_ago(hours, "anna-7f3a", "s1"))));
        let at = Timestamp::now().minus(HOURS * hours).nanos();
        events.push(Event::Score(Score::new(fact(at), Text::from("match"), 1.0)));
    }
    write(&path, events);
    let day = HOURS * 24;
    let retention = Retention::default()
        .keep(Stored::Content, day)
        .keep(Stored::Users, day * 3)
        .keep(Stored::Calls, day * 7)
        .keep(Stored::Facts, day * 30)
        .keep(Stored::Hours, day * 7);
    let pruned = Sqlite::prune(&path, retention, "test").unwrap();
    assert_eq!(
        pruned.deleted.into_iter().collect::<Vec<_>>(),
        [("calls", 1), ("content", 3), ("facts", 1), ("hours", 2), ("users", 2)]
    );
    assert!(pruned.left.is_empty());
    assert_eq!((count(&path, "calls"), count(&path, "facts"), count(&path, "daily")), (3, 3, 8));
    assert_eq!(count(&path, "calls WHERE user != ''"), 2);
    let mut kept = 0;
    jobmon_core::Engine::events(&History::open(&path).unwrap(), Range::ALL, &mut |_, event| {
        kept += i32::from(matches!(event, Event::Call(call) if call.content.is_some()));
    })
    .unwrap();
    assert_eq!(kept, 1);
    assert_eq!(calls(&path), "4", "sums of days know all of them");
    assert!(Sqlite::prune(&path, retention, "test").unwrap().deleted.is_empty());
    let audit = History::open(&path).unwrap().audit().unwrap();
    assert_eq!((audit.len(), audit[0].action.as_str()), (1, "retention"));
    assert_eq!(audit[0].detail["deleted"]["calls"], 1);
}

#[test]
fn what_was_deleted_takes_no_space_after_a_vacuum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let old = (0..3_000).map(|_| Event::Call(Box::new(hours_ago(100, "anna-7f3a", "s1"))));
    write(&path, old.chain([Event::Call(Box::new(hours_ago(1, "anna-7f3a", "s1")))]).collect());
    let retention = Retention::default().keep(Stored::Calls, HOURS * 24);
    assert_eq!(Sqlite::prune(&path, retention, "test").unwrap().deleted["calls"], 3_000);
    let reader = History::open(&path).unwrap();
    let (before, after) = Sqlite::vacuum(&path).unwrap();
    assert!(after < before / 4 && after < std::fs::metadata(&path).unwrap().len() * 2, "{before} {after}");
    assert_eq!((count(&path, "calls"), calls(&path).as_str()), (1, "3,001"));
    drop(reader);
    assert!(Sqlite::vacuum(folder.path().join("none.db")).is_err());
}

#[test]
fn an_agent_deletes_by_itself_and_tells_what_it_was_set_up_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let old: Vec<_> =
        (0..2_500).map(|n| Event::Call(Box::new(hours_ago(100 + n, "anna-7f3a", "s1")))).collect();
    write(&path, old);
    let run = |sampling_rate: f64| {
        let builder =
            Monitor::builder().without_config().service_name("agent-1").sampling_rate(sampling_rate);
        let builder = builder.retention(Stored::Calls, HOURS * 48).exporter(Sqlite::open(&path).unwrap());
        let guard = builder.install_local().unwrap();
        // It goes on with what is left each time it has nothing to do.
        for _ in 0..500 {
            if count(&path, "calls") == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(guard.shutdown().is_complete());
    };
    run(1.0);
    assert_eq!((count(&path, "calls"), calls(&path).as_str()), (0, "2,500"));
    run(1.0);
    run(0.5);
    let history = History::open(&path).unwrap();
    let audit = history.audit().unwrap();
    let told: Vec<_> = audit.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
    // The second run had the same configuration, and nothing to delete.
    assert_eq!(told, ["configuration", "retention", "configuration"].map(|action| ("agent-1", action)));
    assert_eq!(
        (&audit[0].detail["sampling_rate"], &audit[2].detail["sampling_rate"]),
        (&json!(1.0), &json!(0.5))
    );
    assert_eq!(audit[0].detail["retention_seconds"], json!({"calls": 172_800}));
    assert_eq!(audit[1].detail["deleted"]["calls"], 2_500);
}

#[test]
fn a_user_is_erased_and_nothing_of_the_id_is_left_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let key = UserKey::new("0123456789abcdef").unwrap();
    let pseudonym = key.pseudonym("anna-7f3a");
    let stand_in = Redaction::stand_in("anna-7f3a");
    let mine = ["anna-7f3a", &pseudonym, &stand_in].map(|user| hours_ago(1, user, "session-of-anna"));
    let shared = [hours_ago(3, "anna-7f3a", "shared"), hours_ago(3, "ben-99", "shared")];
    // Of nobody, about a call of the user's.
    let mut about = fact(DAY);
    about.call = Some(mine[0].id);
    let calls_of = mine.into_iter().chain(shared).map(|call| Event::Call(Box::new(call)));
    let events = calls_of.chain([Event::Score(Score::new(about, Text::from("match"), 1.0))]).collect();
    write(&path, events);
    let erased = Sqlite::erase_user(&path, "anna-7f3a", Some(&key), "test").unwrap();
    assert_eq!((erased.calls, erased.facts, erased.sessions, erased.gone), (4, 1, 1, Some(true)));
    for name in ["jobmon.db", "jobmon.db-wal"] {
        let Ok(bytes) = std::fs::read(folder.path().join(name)) else { continue };
        for id in ["anna-7f3a", &pseudonym, &stand_in, "session-of-anna"] {
            assert!(!bytes.windows(id.len()).any(|part| part == id.as_bytes()), "{id} is in {name}");
        }
    }
    assert_eq!((count(&path, "calls"), calls(&path).as_str()), (1, "5"), "sums stay");
    let history = History::open(&path).unwrap();
    let by_user = Query::new([Measure::named("calls").unwrap()]).by([Dimension::User]);
    assert_eq!(by_user.run(&history).unwrap()[0].group[0].as_deref(), Some("ben-99"));
    let entry = &history.audit().unwrap()[0];
    assert_eq!((entry.action.as_str(), &entry.detail["calls"]), ("erasure", &json!(4)));
    assert!(!entry.detail.to_string().contains("anna"));
    // Somebody who is not there, and one whose id says nothing by itself.
    let none = Sqlite::erase_user(&path, "nobody-here", None, "test").unwrap();
    assert_eq!((none.calls, none.gone), (0, Some(true)));
    assert_eq!(Sqlite::erase_user(&path, "b", None, "test").unwrap().gone, None);
    // Named where nobody looks for users.
    let mut attribute = hours_ago(1, "ben-99", "s");
    attribute.attributes = vec![(Text::from("note"), "asked by carla-1234".into())];
    write(&path, vec![Event::Call(Box::new(attribute))]);
    assert_eq!(Sqlite::erase_user(&path, "carla-1234", None, "test").unwrap().gone, Some(false));
}

#[test]
fn an_audit_log_shows_what_was_changed_removed_and_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    write(&path, vec![Event::Call(Box::new(call_at(DAY)))]);
    let mut heads = Vec::new();
    for n in 1..=5 {
        Sqlite::record_audit(&path, "test", Action::Export, &json!({ "n": n })).unwrap();
        heads.push(History::open(&path).unwrap().verify_audit(None).unwrap().unwrap());
    }
    assert_eq!(heads[4].entries, 5);
    let verify = |head: Option<&str>| History::open(&path).unwrap().verify_audit(head).unwrap();
    // A head of before still belongs to it.
    assert_eq!(verify(Some(&heads[1].hash)), Ok(heads[4].clone()));
    let change = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql);
    let error = change("UPDATE audit SET detail = '{}' WHERE seq = 2").unwrap_err().to_string();
    assert!(error.contains("the audit log is never changed"), "{error}");
    assert!(change("DELETE FROM audit WHERE seq = 5").unwrap_err().to_string().contains("never shortened"));

    // Whoever has the file can do it all the same, and it shows.
    change("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_shortened").unwrap();
    let before = std::fs::read(&path).unwrap();
    let changed = |sql: &str, head: Option<&str>| {
        change(sql).unwrap();
        change("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let found = verify(head).unwrap_err();
        std::fs::write(&path, &before).unwrap();
        found
    };
    let head = Some(heads[4].hash.as_str());
    assert_eq!(
        changed("UPDATE audit SET detail = '{}' WHERE seq = 2", None),
        AuditBroken::Changed { number: 2 }
    );
    assert_eq!(
        changed("UPDATE audit SET at = at + 1 WHERE seq = 1", None),
        AuditBroken::Changed { number: 1 }
    );
    assert_eq!(changed("DELETE FROM audit WHERE seq = 3", None), AuditBroken::Missing { number: 3 });
    assert_eq!(changed("DELETE FROM audit WHERE seq > 3", head), AuditBroken::Head { entries: 3 });
    assert_eq!(
        changed("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", None),
        AuditBroken::Changed { number: 5 }
    );
}

#[test]
fn what_is_stored_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let mut call = full_call();
    call.scope.user = Some(UserKey::new("0123456789abcdef").unwrap().pseudonym("anna"));
    let events = vec![Event::Call(Box::new(call)), Event::Call(Box::new(hours_ago(1, "ben", "s")))];
    let mut sqlite = Sqlite::open(&path).unwrap();
    let mut settings = Settings::default();
    settings.configuration = Some(Text::literal(
        r#"{"exporters": ["otlp", "sqlite"], "capture_content": true, "sampling_rate": 0.5}"#,
    ));
    sqlite.settings(&settings);
    sqlite.start().unwrap();
    sqlite.export(&Batch { ..batch(events) }).unwrap();
    let retention = Retention::default().keep(Stored::Content, HOURS * 36);
    let report = History::open(&path).unwrap().compliance(retention).unwrap().to_json();
    let sections = &report["sections"];
    assert_eq!(
        (&sections["stored"][0]["kind"], &sections["stored"][0]["kept_for"]),
        (&json!("content"), &json!("36 hours"))
    );
    assert_eq!((&sections["stored"][0]["rows"], &sections["stored"][2]["rows"]), (&json!(2), &json!(2)));
    assert_eq!(sections["models"][0]["host"], "api.example.com");
    let users = sections["users"].as_array().unwrap();
    assert_eq!(users.iter().map(|row| row["users"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1]);
    let service = &sections["services"][0];
    assert_eq!((&service["sends_to"], &service["captures_content"]), (&json!("otlp, sqlite"), &json!("yes")));
    assert_eq!(sections["account"][0]["action"], "configuration");
    assert!(
        report["notes"]["account"].as_str().unwrap().starts_with("the audit log is whole: 1 entries, head ")
    );
}
