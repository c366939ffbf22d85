//! `jobmon serve`: what agents send is what it has, what must not come in does not.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon::{CallId, Context, ErrorCategory, Monitor, Otlp, Sqlite, Usd, Verdict, instrument_llm};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Server {
    child: Child,
    http: String,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobmon"));
        command
            .current_dir(folder)
            .args(["serve", "--db", "h.db", "--listen", "127.0.0.1:0", "--grpc", "off"])
            .args(args);
        for name in ["JOBMON_CONFIG", "JOBMON_SQLITE_PATH", "JOBMON_SERVE_TOKEN"] {
            command.env_remove(name);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let http = line
            .split("http://")
            .nth(1)
            .unwrap_or_else(|| panic!("{line}"))
            .split([';', ',', '\n'])
            .next()
            .unwrap();
        Self { http: http.to_owned(), child }
    }

    /// One request as it is written; its status, its head and its body.
    fn raw(&self, request: &[u8]) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The server may answer, and close, before it has read all.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let host = if headers.to_ascii_lowercase().contains("host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.http)
        };
        self.raw(format!("GET {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").as_bytes())
    }

    fn post(&self, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.http,
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// Ends it as the system does, and gives what it says at last.
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        let mut told = String::new();
        self.child.stdout.as_mut().unwrap().read_to_string(&mut told).unwrap();
        assert!(self.child.wait().unwrap().success());
        told
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[instrument_llm(
    provider = "openai",
    model = "gpt-4o-mini",
    feature = "f",
    prompt(name = "p", version = "2"),
    fields(n)
)]
fn ask(n: u64) -> Result<(Option<CallId>, Value), std::io::Error> {
    if n.is_multiple_of(4) {
        return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("request {n} timed out")));
    }
    #[expect(clippy::cast_precision_loss, reason = "small")]
    jobmon::score("match", n as f64 / 3.0);
    let answer = json!({"id": n.to_string(), "model": "gpt-4o-mini-2024-07-18",
        "usage": {"prompt_tokens": 100 + n, "completion_tokens": n, "prompt_tokens_details": {"cached_tokens": n}},
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "fits"}}]});
    Ok((jobmon::current().id(), answer))
}

#[instrument_llm(operation = "invoke_agent")]
fn whole(n: u64) -> Option<CallId> {
    ask(n).ok().and_then(|(id, _)| id)
}

/// What of an event has to come through unchanged.
fn essence(line: &Value) -> String {
    let keys = [
        "type",
        "id",
        "parent_span_id",
        "root_span_id",
        "name",
        "operation",
        "provider",
        "model",
        "prompt",
        "prompt_version",
        "start_unix_nanos",
        "duration_nanos",
        "end",
        "usage",
        "cost",
        "session",
        "user",
        "feature",
        "strategy",
        "service",
        "environment",
        "project",
        "at_unix_nanos",
        "call",
        "value",
        "verdict",
        "kind",
        "value_nanodollars",
        "query",
        "results",
        "relevant",
        "judged",
        "key",
        "attributes",
        "location",
    ];
    let mut kept = serde_json::Map::new();
    for key in keys {
        if let Some(value) = line.get(key) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(error) = line.get("error") {
        kept.insert("category".to_owned(), error["category"].clone());
    }
    Value::Object(kept).to_string()
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<_> = text.lines().map(|line| essence(&serde_json::from_str(line).unwrap())).collect();
    lines.sort();
    lines
}

fn jobmon(folder: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_jobmon")).current_dir(folder).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_our_exporter_sends_is_what_it_has_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder, &[]);
    let guard = Monitor::builder()
        .without_config()
        .service_name("agent")
        .environment("test")
        .project_id("jobs")
        .exporter(Sqlite::open(folder.join("own.db")).unwrap())
        .exporter(Otlp::to(format!("http://{}", server.http)))
        .install_local()
        .unwrap();
    let context = Context::current().with_session("s-1").with_user("u-1").with_strategy("broad");
    context.run(|| {
        jobmon::search("rust berlin").results(9).relevant(4);
        for n in 1..30 {
            let Some(id) = whole(n) else { continue };
            jobmon::feedback(id, if n % 2 == 0 { Verdict::Positive } else { Verdict::Negative });
            jobmon::outcome(id, "application", n.is_multiple_of(3).then(|| Usd::from_dollars(25)));
            jobmon::prediction("match", n > 10).key(format!("job-{n}"));
        }
    });
    let delivery = guard.shutdown();
    assert!(delivery.is_complete(), "{delivery}");
    let told = server.end();
    jobmon(folder, &["history", "export", "--db", "own.db", "--output", "own.jsonl"]);
    let own = lines(&folder.join("own.jsonl"));
    assert!(own.len() > 130, "{}", own.len());
    assert!(
        told.starts_with(&format!("{} events written, 0 were there already, 0 requests refused", own.len())),
        "{told}"
    );
    jobmon(folder, &["history", "export", "--db", "h.db", "--output", "all.jsonl"]);
    let has = lines(&folder.join("all.jsonl"));
    for (own, has) in own.iter().zip(&has) {
        assert_eq!(own, has);
    }
    assert_eq!(own.len(), has.len());
    jobmon(folder, &["history", "check", "--db", "h.db"]);
    assert!(has.iter().any(|line| line.contains(ErrorCategory::Timeout.name())));
}

const CHAT: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7",
    "name":"<script>alert(1)</script>","startTimeUnixNano":"1795777532944099937","endTimeUnixNano":"1795777533944099937","attributes":[
    {"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"<img src=x onerror=alert(1)>"}}]}]}]}]}"#;
const JSON: &str = "Content-Type: application/json\r\n";
const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";

#[test]
fn bodies_are_bounded_and_damaged_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let status = |headers: &str, body: &[u8]| server.post("/v1/traces", headers, body).0;
    assert_eq!(status(JSON, CHAT.as_bytes()), 200);
    assert_eq!(status(PROTOBUF, b""), 200, "an empty request is one");
    assert_eq!(status(JSON, b""), 400);
    assert_eq!(status(JSON, b"[]"), 400);
    assert_eq!(status(JSON, &CHAT.as_bytes()[..200]), 400, "truncated");
    assert_eq!(status(PROTOBUF, b"\xff\xff\xff\xffnot protobuf"), 400);
    assert_eq!(status("Content-Type: text/plain\r\n", CHAT.as_bytes()), 415);
    assert_eq!(status("", CHAT.as_bytes()), 415);
    assert_eq!(status(&format!("{JSON}Content-Encoding: br\r\n"), CHAT.as_bytes()), 415);
    assert_eq!(status(&format!("{JSON}Content-Encoding: gzip\r\n"), CHAT.as_bytes()), 400, "no gzip");
    assert_eq!(status(JSON, &vec![b' '; 9 * 1024 * 1024]), 413);
    // Deeper than anybody means it.
    let deep = format!("{{\"resourceSpans\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(status(JSON, deep.as_bytes()), 400);
    let mut nested = Vec::new();
    for _ in 0..400 {
        // An array (5) of a value (1), again and again, within a length that fits.
        let length = nested.len();
        let mut outer = vec![0x0a];
        write_length(&mut outer, length);
        outer.extend(nested);
        nested = outer;
    }
    assert!(matches!(status(PROTOBUF, &nested), 200 | 400));
    // Kilobytes that would be 64 megabytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 128 * 1024);
    assert_eq!(status(&format!("{JSON}Content-Encoding: gzip\r\n"), &bomb), 413);
    assert_eq!(server.get("/v1/traces", "").0, 405);
    assert_eq!(server.post("/v1/metrics", JSON, b"{\"resourceMetrics\":[]}").0, 200);
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    if let Some(peak) = peak {
        assert!(peak < 400_000, "{peak} kB at most");
    }
    // What is not whole is answered as far as it goes.
    let (status, _, body) =
        server.post("/v1/traces", JSON, br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#);
    assert_eq!(status, 200);
    assert!(body.contains("\"rejectedSpans\":\"1\""), "{body}");
    let told = server.end();
    assert!(told.starts_with("1 events written"), "{told}");
}

fn write_length(into: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        into.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    into.push(u8::try_from(length).unwrap());
}

#[test]
fn requests_of_other_sites_are_refused_and_hostile_text_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.post("/v1/traces", JSON, CHAT.as_bytes()).0, 200);
    for path in ["/", "/calls?since=all", "/models?since=all", "/traces/0af7651916cd43dd8448eb211c80319c"] {
        let (status, head, body) = server.get(path, "");
        assert_eq!(status, 200, "{path}");
        assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
        assert!(!body.contains("<script>alert") && !body.contains("<img src=x"), "{path}");
        assert!(!body.contains(" style="), "{path} has a style that the policy forbids");
    }
    for headers in ["Host: evil.example\r\n", "Host: 127.0.0.1.evil.example\r\n", "Host: \r\n"] {
        assert!(matches!(server.get("/", headers).0, 400 | 403), "{headers}");
    }
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        assert_eq!(
            server.post("/v1/traces", &format!("{JSON}Origin: {origin}\r\n"), CHAT.as_bytes()).0,
            403,
            "{origin}"
        );
        assert_eq!(
            server.get("/api/query?measures=cost", &format!("Origin: {origin}\r\n")).0,
            403,
            "{origin}"
        );
    }
    let own = format!("Origin: http://{}\r\n", server.http);
    assert_eq!(server.get("/", &own).0, 200);
    let dashboard = "do=save&text=%5B%5Bpanels%5D%5D%0Ameasures+%3D+%5B%27cost%27%5D";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(
        server
            .post(
                "/dashboards/x/edit",
                &format!("{form}Origin: https://evil.example\r\n"),
                dashboard.as_bytes()
            )
            .0,
        403
    );
    assert_eq!(server.post("/dashboards/x/edit", &format!("{form}{own}"), dashboard.as_bytes()).0, 303);
    assert_eq!(server.get("/dashboards/x", "").0, 200);
    for path in ["/dashboards/..%2Fx", "/dashboards/..%2F..%2Fetc%2Fpasswd/edit", "/traces/x", "/nothing"] {
        assert!(matches!(server.get(path, "").0, 400 | 404), "{path}");
    }
}

#[test]
fn without_the_token_nothing_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let token = "0123456789abcdef";
    let server = Server::start(folder.path(), &["--token", token]);
    assert_eq!(server.post("/v1/traces", JSON, CHAT.as_bytes()).0, 401);
    assert_eq!(
        server.post("/v1/traces", &format!("{JSON}Authorization: Bearer {token}x\r\n"), CHAT.as_bytes()).0,
        401
    );
    assert_eq!(
        server.post("/v1/traces", &format!("{JSON}Authorization: Bearer {token}\r\n"), CHAT.as_bytes()).0,
        200
    );
    assert_eq!(server.get("/api/query?measures=cost", "").0, 401);
    let (status, head, _) = server.get("/calls", "");
    assert!(status == 303 && head.contains("location: /login"), "{head}");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(server.post("/login", form, b"token=wrong").0, 401);
    let (status, head, _) = server.post("/login", form, format!("token={token}").as_bytes());
    assert!(status == 303 && head.contains("httponly; samesite=strict"), "{head}");
    assert_eq!(server.get("/calls", &format!("Cookie: a=b; jobmon-token={token}\r\n")).0, 200);

    let from_variable = Command::new(env!("CARGO_BIN_EXE_jobmon"))
        .current_dir(folder.path())
        .env("JOBMON_SERVE_TOKEN", "short")
        .arg("serve")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&from_variable.stderr).into_owned();
    assert!(said.contains("at least 16 visible ASCII characters"), "the variable is read: {said}");
    let ends = Command::new(env!("CARGO_BIN_EXE_jobmon"))
        .current_dir(folder.path())
        .env("JOBMON_SERVE_TOKEN", token)
        .args(["serve", "--listen", &server.http, "--grpc", "off"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ends.stderr).into_owned();
    assert!(said.contains("cannot listen on"), "a good one is no unknown setting: {said}");
    let beyond = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobmon"));
        let output = command
            .current_dir(folder.path())
            .env_remove("JOBMON_SERVE_TOKEN")
            .arg("serve")
            .args(args)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for args in
        [&["--listen", "0.0.0.0:0"][..], &["--grpc", "0.0.0.0:0"], &["--listen", "[::]:0", "--token", ""]]
    {
        let (code, said) = beyond(args);
        assert!(code == Some(2) && said.contains("can be reached from other machines"), "{args:?}: {said}");
    }
    let (code, said) = beyond(&["--token", "short"]);
    assert!(code == Some(2) && said.contains("at least 16 visible ASCII characters"), "{said}");
    let (code, said) = beyond(&["--listen", &server.http]);
    assert!(code == Some(2) && said.contains("choose another with --listen"), "{said}");
}

#[test]
fn addresses_hold_what_is_looked_at_and_mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.post("/v1/traces", JSON, CHAT.as_bytes()).0, 200);
    let (status, _, body) = server.get("/api/query?measures=model_calls&by=model&since=all", "");
    assert_eq!(status, 200);
    let rows: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(rows, json!([{"model": "<img src=x onerror=alert(1)>", "model_calls": 1}]));
    let (_, head, body) = server.get("/models?since=all&section=models&format=csv", "");
    assert!(head.contains("text/csv") && body.starts_with("provider,model,model_calls"), "{body}");
    for (path, problem) in [
        ("/models?modle=x", "`modle` is nothing that this page knows"),
        ("/models?since=tomorrow", "expected an age"),
        ("/models?section=modles&format=csv", "is not on this page now; there are:"),
        ("/calls?end=odd", "end of a call"),
        ("/api/query?measures=costs", "unknown measure `costs`"),
        ("/api/query?measures=cost&by=score,label", "group by one of"),
    ] {
        let (status, _, body) = server.get(path, "");
        assert!(matches!(status, 400 | 500) && body.contains(problem), "{path}: {status} {body}");
    }
}
