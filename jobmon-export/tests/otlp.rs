//! Delivery to backends that behave in every way, over real sockets.

use jobmon_core::{Guard, instrument_llm};
use jobmon_export::{Monitor, Otlp};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a backend answers to one request.
#[derive(Clone, Debug)]
enum Answer {
    Status(u16, &'static str, &'static str, &'static [u8]),
    /// Closes the connection instead.
    Reset,
    /// Sends a byte now and then, for ever.
    Endless,
}

const OK: Answer = Answer::Status(200, "application/x-protobuf", "", b"");

/// A backend that gives the answers of a script, then the last one again and again.
struct Backend {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    script: Arc<Mutex<VecDeque<Answer>>>,
    open: Arc<AtomicUsize>,
}

impl Backend {
    fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::on("127.0.0.1:0".parse().expect("an address"), script)
    }

    fn on(address: SocketAddr, script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let backend = Self {
            address: listener.local_addr().expect("an address"),
            requests: Arc::default(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            open: Arc::default(),
        };
        let (requests, script) = (Arc::clone(&backend.requests), Arc::clone(&backend.script));
        let open = Arc::clone(&backend.open);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, script, open) =
                    (Arc::clone(&requests), Arc::clone(&script), Arc::clone(&open));
                std::thread::spawn(move || {
                    open.fetch_add(1, Relaxed);
                    let _ = serve(stream, &requests, &script);
                    open.fetch_sub(1, Relaxed);
                });
            }
        });
        backend
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(
    mut stream: TcpStream,
    requests: &Mutex<Vec<Vec<u8>>>,
    script: &Mutex<VecDeque<Answer>>,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let answer = {
            let mut script = script.lock().expect("no panic");
            if script.len() > 1 { script.pop_front() } else { script.front().cloned() }.unwrap_or(OK)
        };
        match answer {
            Answer::Status(status, kind, more, text) => {
                if status == 200 && kind == "application/x-protobuf" {
                    requests.lock().expect("no panic").push(body);
                }
                let length = text.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\n\r\n"
                )?;
                stream.write_all(text)?;
            }
            Answer::Reset => return Ok(()),
            Answer::Endless => {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000000\r\n\r\n"
                )?;
                loop {
                    stream.write_all(b"x")?;
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }
}

#[instrument_llm(operation = execute_tool, crate = ::jobmon_core)]
fn tool() {}

type Said = Arc<Mutex<Vec<String>>>;

/// A monitor with one exporter, and what jobmon says about it.
fn monitor(otlp: Otlp) -> (Guard, Said) {
    let said = Said::default();
    let heard = Arc::clone(&said);
    let otlp = otlp.batch_delay(Duration::from_millis(20)).signals(true, false, false);
    let monitor = Monitor::builder()
        .without_config()
        .on_warning(move |text| heard.lock().expect("no panic").push(text.to_owned()))
        .exporter(otlp);
    (monitor.install_local().expect("a monitor"), said)
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How often a name stands in the requests: spans that arrived.
fn spans(backend: &Backend) -> usize {
    let name = b"execute_tool tool";
    let requests = backend.requests.lock().expect("no panic");
    requests.iter().map(|body| body.windows(name.len()).filter(|window| window == name).count()).sum()
}

#[test]
fn what_is_refused_for_good_is_counted_and_told_once() {
    for (answer, words) in [
        (
            Answer::Status(401, "text/plain", "", b"no such token"),
            "401: no such token (are the headers right?)",
        ),
        (
            Answer::Status(404, "text/html", "", b"<html>"),
            "404: it answered with a page of HTML (is this the right",
        ),
        (Answer::Status(413, "text/plain", "", b""), "(a smaller `max_request_bytes` may help)"),
        (
            Answer::Status(200, "text/html; charset=utf-8", "", b"<html>"),
            "answered 200 with `text/html`, not OTLP",
        ),
        (Answer::Status(400, "application/x-protobuf", "", b"\x12\x08bad data"), "400: bad data"),
        (Answer::Status(302, "text/plain", "location: /login\r\n", b""), "302"),
    ] {
        let backend = Backend::start([answer.clone()]);
        let (guard, said) = monitor(Otlp::to(backend.url()).header("authorization", "Bearer top-secret"));
        for round in 1..=3 {
            tool();
            until("it is settled", || guard.delivery().exporters[0].dropped == round);
        }
        drop(guard);
        let said = said.lock().expect("no panic").clone();
        let about: Vec<_> = said.iter().filter(|text| text.contains("refuses traces")).collect();
        assert_eq!(about.len(), 1, "{answer:?}: {said:?}");
        assert!(about[0].contains(words), "{answer:?}: {about:?}");
        assert!(!said.iter().any(|text| text.contains("top-secret")), "{said:?}");
    }
}

#[test]
fn what_is_away_for_a_while_loses_nothing_and_is_told_once() {
    for answer in [
        Answer::Status(503, "text/plain", "retry-after: 0\r\n", b"later"),
        Answer::Status(429, "text/plain", "retry-after: 0\r\n", b"slow down"),
        Answer::Reset,
    ] {
        let backend = Backend::start([answer.clone(), answer.clone(), OK]);
        let (guard, said) = monitor(Otlp::to(backend.url()));
        (0..50).for_each(|_| tool());
        until("all have arrived", || guard.delivery().exporters[0].exported == 50);
        let delivery = guard.shutdown();
        assert_eq!((spans(&backend), delivery.exporters[0].dropped), (50, 0), "{answer:?}");
        assert!(delivery.exporters[0].retried >= 50, "{delivery}");
        let said = said.lock().expect("no panic").clone();
        assert_eq!(said.iter().filter(|text| text.contains("does not take traces")).count(), 1, "{said:?}");
    }
}

#[test]
fn rejected_items_are_lost_and_the_others_are_not() {
    let backend = Backend::start([Answer::Status(
        200,
        "application/x-protobuf",
        "",
        b"\x0a\x0b\x08\x03\x12\x07too old",
    )]);
    let (guard, said) = monitor(Otlp::to(backend.url()));
    (0..10).for_each(|_| tool());
    assert!(guard.flush(Duration::from_secs(30)));
    let delivery = guard.shutdown();
    assert_eq!((delivery.exporters[0].exported, delivery.exporters[0].dropped), (7, 3), "{delivery}");
    assert!(
        said.lock().expect("no panic").iter().any(|text| text.contains("rejected 3 of the traces: too old"))
    );
}

#[test]
fn an_endless_answer_ends_with_the_time_for_it() {
    let backend = Backend::start([Answer::Endless, OK]);
    let (guard, said) = monitor(Otlp::to(backend.url()).timeout(Duration::from_millis(300)));
    tool();
    until("it arrives at last", || guard.delivery().exporters[0].exported == 1);
    assert!(said.lock().expect("no panic").iter().any(|text| text.contains("does not take traces")));
    drop(guard);
    until("the connection is closed", || backend.open.load(Relaxed) == 0);
}

#[test]
fn a_backend_that_never_answers_holds_up_neither_calls_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let said = Said::default();
    let heard = Arc::clone(&said);
    let guard = Monitor::builder()
        .without_config()
        .shutdown_timeout(Duration::from_millis(500))
        .on_warning(move |text| heard.lock().expect("no panic").push(text.to_owned()))
        .exporter(Otlp::to(url).signals(true, false, false).timeout(Duration::from_secs(600)))
        .install_local()
        .expect("a monitor");
    (0..1_000).for_each(|_| tool());
    let began = Instant::now();
    drop(guard);
    assert!(began.elapsed() < Duration::from_secs(30), "the end waits for its time and no longer");
    let said = said.lock().expect("no panic").clone();
    assert!(said.iter().any(|text| text.contains("not everything was delivered")), "{said:?}");
}

#[test]
fn memory_is_bounded_while_a_backend_is_away() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (guard, said) = monitor(Otlp::to(format!("http://{nobody}")).memory_limit(20_000));
    for _ in 0..20 {
        (0..20).for_each(|_| tool());
        std::thread::sleep(Duration::from_millis(30));
    }
    until("something is dropped", || guard.delivery().exporters[0].dropped > 0);
    let delivery = guard.shutdown();
    assert_eq!(delivery.exporters[0].exported + delivery.exporters[0].dropped, 400, "{delivery}");
    let said = said.lock().expect("no panic").clone();
    assert!(said.iter().any(|text| text.contains("nothing listens there")), "{said:?}");
    assert_eq!(said.iter().filter(|text| text.contains("`memory_limit`")).count(), 1, "{said:?}");
}

#[test]
fn guards_end_on_every_kind_of_runtime() {
    let backend = Backend::start([OK]);
    let run = || {
        let (guard, _) = monitor(Otlp::to(backend.url()));
        tool();
        assert!(guard.shutdown().is_complete());
    };
    run();
    let single = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    single.block_on(async { run() });
    let several = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    several.block_on(async { run() });
    several.block_on(async { tokio::task::spawn(async {}).await }).expect("no panic");
    assert_eq!(spans(&backend), 3);
}

/// Files of a spool that hold something.
fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "spool")).collect();
    files.sort();
    files
}

#[test]
fn what_a_run_leaves_behind_arrives_with_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let to = || Otlp::to(format!("http://{nobody}")).spool(folder.path());
    let (guard, _) = monitor(to());
    (0..100).for_each(|_| tool());
    until("they are on disk", || guard.delivery().exporters[0].spooled == 100);
    let delivery = guard.shutdown();
    assert_eq!((delivery.exporters[0].dropped, delivery.exporters[0].spooled), (0, 100));
    assert!(delivery.to_string().contains("100 kept on disk for later"), "{delivery}");
    assert_eq!(segments(folder.path()).len(), 1);

    let backend = Backend::on(nobody, [OK]);
    let (guard, _) = monitor(to());
    (0..10).for_each(|_| tool());
    until("all have arrived", || guard.delivery().exporters[0].recovered == 100);
    until("the new ones too", || guard.delivery().exporters[0].exported == 10);
    assert!(guard.shutdown().is_complete());
    assert_eq!(spans(&backend), 110);
    assert!(segments(folder.path()).is_empty());
}

#[test]
fn two_processes_share_a_spool() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let to = || Otlp::to(format!("http://{nobody}")).spool(folder.path());
    let run = |calls: u64| {
        let (guard, _) = monitor(to());
        (0..calls).for_each(|_| tool());
        until("they are on disk", || guard.delivery().exporters[0].spooled == calls);
        guard
    };
    // Both run; neither takes the other's.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(20));
        let guard = run(30);
        let other = other.join().expect("no panic");
        assert_eq!(segments(folder.path()).len(), 2);
        drop((guard, other));
    });
    let backend = Backend::on(nobody, [OK]);
    let (guard, _) = monitor(to());
    until("all have arrived", || guard.delivery().exporters[0].recovered == 50);
    drop(guard);
    assert_eq!(spans(&backend), 50);
}

#[test]
fn a_full_spool_drops_the_newest_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (guard, said) = monitor(Otlp::to(format!("http://{nobody}")).spool(folder.path()).spool_limit(2_000));
    for _ in 0..20 {
        tool();
        std::thread::sleep(Duration::from_millis(40));
    }
    until("something is dropped", || guard.delivery().exporters[0].dropped > 0);
    let delivery = guard.shutdown();
    let lane = &delivery.exporters[0];
    assert_eq!(lane.spooled + lane.dropped, 20, "{delivery}");
    assert!(said.lock().expect("no panic").iter().any(|text| text.contains("`spool_limit`")));
}

#[test]
fn damage_costs_what_is_damaged_and_no_more() {
    // What a spool with three requests looks like.
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let to = |folder: &Path| Otlp::to(format!("http://{nobody}")).spool(folder);
    let (guard, _) = monitor(to(folder.path()));
    for round in 1..=3 {
        tool();
        until("it is on disk", || guard.delivery().exporters[0].spooled == round);
    }
    drop(guard);
    let whole = std::fs::read(&segments(folder.path())[0]).expect("a segment");
    let name = segments(folder.path())[0].file_name().expect("a name").to_owned();
    let starts: Vec<_> = (0..whole.len() - 4).filter(|at| &whole[*at..*at + 4] == b"JMSP").collect();
    assert_eq!(starts.len(), 3);

    let backend = Backend::on(nobody, [OK]);
    let mut seed = 7_u32;
    for round in 0..40 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = seed as usize % whole.len();
        let mut damaged = whole.clone();
        if round % 2 == 0 {
            damaged.truncate(at);
        } else {
            damaged[at] ^= 0x55;
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(&name), damaged).expect("written");
        let before = spans(&backend);
        let (guard, _) = monitor(to(folder.path()));
        // What comes now is delivered behind it.
        tool();
        until("the spool is done with", || guard.delivery().exporters[0].exported == 1);
        let recovered = guard.delivery().exporters[0].recovered;
        drop(guard);
        let intact = starts.iter().filter(|start| **start <= at).count().saturating_sub(1);
        assert_eq!(usize::try_from(recovered), Ok(intact), "round {round}, at {at} of {}", whole.len());
        assert_eq!(spans(&backend) - before, intact + 1);
        assert!(segments(folder.path()).is_empty());
    }
}
