#!/usr/bin/env python3
"""A history in ClickHouse answers as one in a file does: the engine of chDB behind ClickHouse's HTTP protocol.

    tests/e2e/clickhouse.py [--example-bin FILE] [--cli-bin FILE]

The same run of the example goes to both: every command and every page must say the same. Then what servers do (OTLP, alerts,
silences, retention), and the table of spans that an OpenTelemetry Collector writes.
"""

import difflib
import json
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
import harness  # noqa: E402
import peers  # noqa: E402
from harness import ROOT, Checks, arguments, environment, run, started, title  # noqa: E402

HERE = Path(__file__).parent
EXAMPLE = ["--example", "job_search", "--features", "sqlite,jsonl,clickhouse"]
# After all that is written: what is compared with what was before does not depend on the moment.
UNTIL = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3_600))
COMMANDS = [
    ["report", "--format", "json"],
    ["report", "monthly", "--format", "json"],
    ["quality", "--format", "json"],
    ["errors", "--since", "2d", "--format", "json"],
    ["experience", "--format", "json"],
    ["insights", "--since", "1d", "--format", "json"],
    ["query", "--measures", "calls,cost,p95_latency,input_tokens,success_rate", "--by", "model,feature", "--format", "json"],
    ["query", "--measures", "calls,cost", "--by", "session", "--bucket", "hour", "--format", "json"],
    ["query", "--measures", "mean_score,feedback,outcomes", "--by", "user", "--format", "json"],
    ["query", "--measures", "calls", "--filter", "category=rate_limit,timeout", "--format", "json"],
]
PAGES = ["/", "/models", "/features", "/quality", "/errors", "/sessions", "/calls", "/calls?end=error", "/calls?model=gpt-4o-mini"]
# As the `clickhouse` exporter of the OpenTelemetry Collector makes it.
SPANS = """CREATE TABLE otel.otel_traces (Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String, SpanId String, ParentSpanId String,
    TraceState String, SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String), ScopeName String, ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String), Duration UInt64, StatusCode LowCardinality(String), StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)))
    ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"""


def ask(address, statement):
    request = urllib.request.Request(f"http://{address}/", statement.encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{statement}: {error.read().decode()}") from error


@contextmanager
def clickhouse(folder):
    """A ClickHouse: gives its address without a scheme."""
    port = peers.free_port()
    command = [peers.python("clickhouse"), HERE / "chdb_server.py", port, Path(folder) / "data"]
    with open(Path(folder) / "clickhouse.log", "wb") as log, started(command, stdout=log, stderr=log):
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{port}/ping"), "ClickHouse is not up", 120)
        yield f"127.0.0.1:{port}"


@contextmanager
def serving(cli, where, folder, *more):
    port = peers.free_port()
    command = [cli, "serve", *where, "--listen", f"127.0.0.1:{port}", "--grpc", "off", *more]
    with open(Path(folder) / "serve.log", "ab") as log, started(command, cwd=folder, stdout=log, stderr=log):
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{port}/healthz"), "the server is not up", 60)
        yield f"http://127.0.0.1:{port}"


def fetch(url, body=None):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read().decode()


def said(done):
    """Without the moment when it was asked."""
    return re.sub(r'"(as_of|at|since|until)": "[^"]*"', "", done.out)


def same(one, other):
    return said(one) == said(other)


def differing(one, other):
    return "\n".join([*difflib.unified_diff(said(one).splitlines(), said(other).splitlines(), lineterm=""), one.err, other.err])


def difference(one, other):
    """The sections that differ."""
    return "\n".join(f"{key}:\n{one.get(key)}\n{other.get(key)}" for key in {*one, *other} if one.get(key) != other.get(key))


def of_page(base, page):
    return json.loads(fetch(f"{base}{page}{'&' if '?' in page else '?'}since=2026-01-01&until={UNTIL}&format=json"))


def commands(checks, cli, folder, address):
    title("Commands: a file and ClickHouse")
    url = f"clickhouse://{address}/agent"
    example = harness.built(EXAMPLE)
    for at in range(3):
        done = run([example, "--quiet", "--db", folder / "h.db", "--clickhouse", url, "--user", f"candidate-{at}", "--capture"], cwd=folder, seconds=300)
        checks.that(done.code == 0, f"the example writes both, run {at + 1}", done.err[-2000:])
    # What walks through time must walk the same way for both; from a moment after the last call.
    time.sleep(1)
    before, moment = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago)) for ago in (86_400, 0))
    walk = ["alerts", "test", "--condition", "error_rate > 1%", "--since", before, "--until", moment, "--format", "json"]
    for words in [*COMMANDS, walk]:
        of_file = run([cli, *words, "--db", folder / "h.db"], cwd=folder)
        of_server = run([cli, *words, "--history", url], cwd=folder)
        checks.that(of_file.code == of_server.code and len(of_file.out) > 3 and same(of_file, of_server), " ".join(words), differing(of_file, of_server))
    for rows in ["calls", "facts"]:
        for where, name in [(["--db", folder / "h.db"], "file"), (["--history", url], "server")]:
            run([cli, "history", "export", *where, "--rows", rows, "--output", folder / f"{name}.csv"], cwd=folder)
        of_file, of_server = ((folder / f"{name}.csv").read_text().splitlines() for name in ("file", "server"))
        checks.that(len(of_file) > 10 and sorted(of_file) == sorted(of_server), f"history export: {rows}, {len(of_file) - 1} rows")
    done = run([cli, "top", "--once", "--window", "1d", "--history", url], cwd=folder)
    checks.that(done.code == 0 and "analyze" in done.out, "top --once", done.out + done.err)
    for words, text in [(["history", "vacuum"], "history vacuum` is for a history in a file"), (["compliance"], "is for a history in a file")]:
        done = run([cli, *words, "--history", url], cwd=folder)
        checks.that(done.code != 0 and text in done.err, f"{' '.join(words)} is refused with the reason", done.err)
    for bad, text in [("clickhouse://127.0.0.1:1/x", "ClickHouse cannot be used"), ("ftp://x", "unknown scheme `ftp`"), (f"clickhouse://{address}/a/b/c", "`b/c` is no name of a table"), (f"clickhouse://{address}/agent/events", "is no table of spans")]:
        done = run([cli, "report", "--history", bad], cwd=folder)
        checks.that(done.code != 0 and text in done.err, f"{bad.replace(address, 'HOST')}: refused with the reason", done.err)


def grafana(checks, cli, folder, address):
    title("The dashboard for Grafana")
    now = int(time.time())
    macros = {"$__fromTime": f"toDateTime({now - 86_400})", "$__toTime": f"toDateTime({now})", "$__interval_s": "60"}
    dashboard = json.loads(run([cli, "generate", "grafana", "--data", "clickhouse", "--database", "agent"]).out)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    empty = []
    for panel in panels:
        [target] = panel["targets"]
        query = target["rawSql"]
        for macro, value in macros.items():
            query = query.replace(macro, value)
        rows = [json.loads(line) for line in ask(address, f"{query} FORMAT JSONEachRow").splitlines()]
        empty += [] if rows else [panel["title"]]
        if panel["type"] == "stat":
            [(name, figure)] = rows[0].items()
            words = ["query", "--measures", name.replace(" ", "_"), "--since", "1d", "--format", "json", "--history", f"clickhouse://{address}/agent"]
            told = next(iter(json.loads(run([cli, *words], cwd=folder).out)[0].values()))
            if isinstance(told, dict):
                told = told["nanodollars"] / 1e9 if "nanodollars" in told else told["nanos"] / 1e9
            checks.that(abs(float(figure) - told) <= abs(told) * 1e-6, f"{name}: {told}", figure)
    # The run has no predictions.
    checks.that(set(empty) <= {"False-positive rate"}, f"its {len(panels)} queries have answers", empty)


def imports(checks, cli, folder, address):
    title("Imports")
    url = f"clickhouse://{address}/imported"
    run([cli, "history", "export", "--db", folder / "h.db", "--output", folder / "all.jsonl"], cwd=folder)
    lines = len((folder / "all.jsonl").read_text().splitlines())
    first = run([cli, "import", "--history", url, folder / "all.jsonl"], cwd=folder, seconds=300)
    again = run([cli, "import", "--history", url, folder / "all.jsonl"], cwd=folder, seconds=300)
    checks.that(f"{lines} events written, 0 were there" in first.out, f"{lines} events are written", first.out + first.err)
    checks.that(f"0 events written, {lines} were there" in again.out, "and known when they come again", again.out + again.err)
    words = ["query", "--measures", "calls,cost,outcomes,mean_score,wasted_cost", "--by", "feature", "--format", "json"]
    both = [run([cli, *words, *where], cwd=folder).out for where in (["--db", folder / "h.db"], ["--history", url])]
    checks.that(both[0] == both[1], "they add up to the same", "\n--\n".join(both))


def otlp_call(trace, span, at, **more):
    values = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
              "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 300, **more}
    def value(value):
        return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
    attributes = [{"key": key, "value": value(one)} for key, one in values.items()]
    return {"traceId": trace, "spanId": span, "name": "chat gpt-4o-mini", "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 2_000_000_000), "attributes": attributes, "status": {}}


def request_of(spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "other"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}


def serve(checks, cli, folder, address):
    title("Serve: pages over a file and over ClickHouse")
    url = f"clickhouse://{address}/agent"
    with serving(cli, ["--db", folder / "h.db"], folder) as file, serving(cli, ["--history", url], folder) as server:
        for page in PAGES:
            of_file, of_server = of_page(file, page), of_page(server, page)
            checks.that(bool(of_file) and of_file == of_server, page, difference(of_file, of_server))
        calls = of_page(server, "/calls")["calls"]
        trace = (calls[0] if isinstance(calls, list) else calls["rows"][0])["trace"]
        pages = [fetch(f"{base}/traces/{trace}") for base in (file, server)]
        checks.that(len(pages[0]) > 2_000 and pages[0] == pages[1], "a trace, with its content")
        pages = [fetch(f"{base}/insights?since=all") for base in (file, server)]
        checks.that("Not enough data" in pages[0] and pages[0] == pages[1], "/insights")
        title("Serve: OTLP into ClickHouse")
        at = time.time_ns() - 60_000_000_000
        spans = [otlp_call(f"{n:032x}", f"{n:016x}", at + n) for n in range(1, 51)]
        after = int(fetch(f"{server}/live").split('data-after="')[1].split('"')[0])
        for _ in range(2):
            fetch(f"{server}/v1/traces", json.dumps(request_of(spans)).encode())
        words = ["query", "--measures", "calls,input_tokens,cost", "--filter", "service=other", "--format", "json", "--history", url]
        row = json.loads(run([cli, *words], cwd=folder).out)[0]
        checks.that((row["calls"], row["input_tokens"]) == (50, 60_000), "50 calls that came twice are there once", row)
        # 1,200 × $0.15 + 300 × $0.60, by the million.
        checks.that(row["cost"]["nanodollars"] == 18_000_000, "with their price", row)
        time.sleep(1.5)
        live = json.loads(fetch(f"{server}/live/calls?after={after}"))
        checks.that(len(live["rows"]) == 50 and live["after"] > after, "the live tail has them", live["after"])
    title("Serve: alerts over ClickHouse")
    config = folder / "alerts.toml"
    config.write_text("[[alerts]]\nname = 'Many calls'\ncondition = 'calls > 10'\nwindow = '1h'\n[channels.console]\n")
    with serving(cli, ["--history", url], folder, "--config", config) as server:
        peers.until(lambda: "Many calls" in ask(address, "SELECT states FROM agent.alert_states FINAL FORMAT TSV"), "no alert fires", 40)
        page = fetch(f"{server}/alerts?since=all")
        checks.that(page.count("Many calls") >= 3 and "firing" in page, "it fires, and the page says so")
    changes = ask(address, "SELECT count() FROM agent.alert_changes FORMAT TSV").strip()
    with serving(cli, ["--history", url], folder, "--config", config):
        time.sleep(12)
    checks.that(ask(address, "SELECT count() FROM agent.alert_changes FORMAT TSV").strip() == changes == "1", "a restart tells nothing anew", changes)
    done = run([cli, "alerts", "silence", "Many calls", "--for", "1h", "--config", config, "--history", url], cwd=folder)
    checks.that("silent until" in done.out, "it is silenced", done.out + done.err)
    done = run([cli, "alerts", "silence", "--history", url], cwd=folder)
    checks.that("Many calls: silent until" in done.out, "which is shown", done.out + done.err)


def retention(checks, folder, address):
    title("Retention")
    url = f"clickhouse://{address}/kept"
    example = harness.built(EXAMPLE)
    env = environment(JOBMON_RETENTION="content=7d,users=30d,calls=90d,facts=180d,hours=400d,days=3650d")
    for _ in range(2):
        run([example, "--quiet", "--db", folder / "kept.db", "--clickhouse", url, "--capture"], cwd=folder, env=env, seconds=300)
    events = ask(address, "SHOW CREATE TABLE kept.events FORMAT TSVRaw")
    day = 86_400
    for text in [f"`content` String TTL toDateTime(at) + toIntervalSecond({7 * day})", f"`user` String TTL toDateTime(at) + toIntervalSecond({30 * day})",
                 f"toDateTime(at) + toIntervalSecond({90 * day}) WHERE kind = 'call'", f"toDateTime(at) + toIntervalSecond({180 * day}) WHERE kind = 'fact'"]:
        checks.that(text in events, f"events: {text}", events)
    checks.that(f"toIntervalSecond({400 * day})" in ask(address, "SHOW CREATE TABLE kept.hourly FORMAT TSVRaw"), "sums of hours")
    checks.that(f"toIntervalSecond({3650 * day})" in ask(address, "SHOW CREATE TABLE kept.daily FORMAT TSVRaw"), "sums of days")
    ask(address, f"INSERT INTO kept.events (at, kind, user, content, event) SELECT now64(9) - INTERVAL 10 DAY, 'call', 'old', '{{}}', '{{}}'")
    ask(address, f"INSERT INTO kept.events (at, kind, user, event) SELECT now64(9) - INTERVAL 100 DAY, 'call', 'older', '{{}}'")
    ask(address, "OPTIMIZE TABLE kept.events FINAL")
    left = ask(address, "SELECT user, content FROM kept.events WHERE event = '{}' FORMAT TSV").strip("\n")
    checks.that(left == "old\t", "what is old is deleted: content first, then the call", left)


def upkeep(checks, cli, folder, address):
    title("Upkeep")
    url = f"clickhouse://{address}/imported"
    done = run([cli, "history", "check", "--history", url], cwd=folder)
    checks.that(done.code == 0 and "agree with the events" in done.out, "sums and events agree", done.out + done.err)
    count = "query", "--measures", "calls", "--filter", "user=candidate-1", "--format", "json", "--history", url
    calls = json.loads(run([cli, *count], cwd=folder).out)[0]["calls"]
    done = run([cli, "history", "erase", "--user", "candidate-1", "--history", url], cwd=folder)
    checks.that(f"{calls} calls and" in done.out and "nowhere in the table" in done.out, f"a user is erased: {calls} calls", done.out + done.err)
    checks.that(calls > 50 and "candidate-1" not in ask(address, "SELECT * FROM imported.events FORMAT JSONEachRow"), "and nowhere any more")
    done = run([cli, "history", "check", "--history", url], cwd=folder)
    checks.that(done.code != 0 and "differ in" in done.err, "which the check tells from sums that have them", done.out + done.err)
    config = folder / "retention.toml"
    config.write_text("[retention]\ncalls = '30d'\nhours = '400d'\n")
    ask(address, "INSERT INTO imported.events (at, kind, event) SELECT now64(9) - INTERVAL 31 DAY, 'call', '{}'")
    done = run([cli, "history", "prune", "--config", config, "--history", url], cwd=folder)
    checks.that("calls: 1 rows deleted" in done.out, "what is old is pruned", done.out + done.err)


def spans(checks, cli, folder, address):
    title("Spans of an OpenTelemetry Collector")
    ask(address, "CREATE DATABASE otel")
    ask(address, SPANS)
    at = time.time_ns() // 1_000_000_000 * 1_000_000_000 - 3_600_000_000_000
    told = []
    for n in range(1, 41):
        trace = f"{n:032x}"
        agent = otlp_call(trace, f"{n:015x}a", at + n * 1_000_000_000, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "scout", "gen_ai.conversation.id": str(n % 4 + 100), "user.id": "7"})
        del agent["attributes"][2:5]
        agent["name"] = "invoke_agent scout"
        more = {} if n % 5 else {"error.type": "timeout"}
        call = otlp_call(trace, f"{n:015x}b", at + n * 1_000_000_000 + 5_000_000, **{"gen_ai.usage.input_tokens": 100 * n, "gen_ai.response.model": "gpt-4o-mini-2024-07-18", **more})
        call["parentSpanId"] = agent["spanId"]
        if not n % 5:
            call["status"] = {"code": 2, "message": "it took too long"}
        told += [agent, call]
    # What an application does beside models is none of ours.
    told.append({"traceId": f"{1:032x}", "spanId": "f" * 16, "name": "GET /", "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 5), "attributes": [], "status": {}})
    rows = []
    for span in told:
        attributes = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
        rows.append({
            "Timestamp": int(span["startTimeUnixNano"]) / 1e9, "TraceId": span["traceId"], "SpanId": span["spanId"], "ParentSpanId": span.get("parentSpanId", ""),
            "SpanName": span["name"], "ServiceName": "other", "ResourceAttributes": {"service.name": "other"}, "SpanAttributes": attributes,
            "Duration": int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]), "StatusCode": ["Unset", "Ok", "Error"][span["status"].get("code", 0)], "StatusMessage": span["status"].get("message", ""),
        })
    for row, span in zip(rows, told, strict=True):
        nanos = int(span["startTimeUnixNano"])
        row["Timestamp"] = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(nanos // 1_000_000_000))}.{nanos % 1_000_000_000:09d}"
    body = "\n".join(map(json.dumps, rows)).encode()
    query = urllib.parse.quote("INSERT INTO otel.otel_traces FORMAT JSONEachRow")
    urllib.request.urlopen(urllib.request.Request(f"http://{address}/?query={query}", body), timeout=60).read()
    (folder / "spans.json").write_text(json.dumps(request_of(told)))
    done = run([cli, "import", "--db", folder / "spans.db", folder / "spans.json"], cwd=folder)
    checks.that("80 events written" in done.out, "the same spans are imported into a file", done.out + done.err)
    url = f"clickhouse://{address}/otel/otel_traces"
    for words in [COMMANDS[0], *COMMANDS[3:8], ["query", "--measures", "calls,input_tokens,cost,error_rate", "--by", "service,session,user", "--format", "json"]]:
        of_file, of_spans = (run([cli, *words, *where], cwd=folder) for where in (["--db", folder / "spans.db"], ["--history", url]))
        checks.that(len(of_file.out) > 3 and same(of_file, of_spans), " ".join(words), differing(of_file, of_spans))
    with serving(cli, ["--db", folder / "spans.db"], folder) as file, serving(cli, ["--history", url], folder) as server:
        for page in ["/", "/models", "/sessions", "/calls"]:
            of_file, of_server = of_page(file, page), of_page(server, page)
            checks.that(bool(of_file) and of_file == of_server, f"page {page}", difference(of_file, of_server))
        trace = f"{5:032x}"
        pages = [fetch(f"{base}/traces/{trace}") for base in (file, server)]
        checks.that("scout" in pages[0] and pages[0] == pages[1], "a trace")
    done = run([cli, "import", "--history", url, folder / "spans.json"], cwd=folder)
    checks.that(done.code != 0 and "only read" in done.err, "it is only read", done.out + done.err)


def main():
    options = arguments(__doc__, needed=("cli_bin",))
    checks, cli = Checks(), options.cli_bin
    with tempfile.TemporaryDirectory(prefix="jobmon-clickhouse-") as folder, clickhouse(folder) as address:
        folder = Path(folder)
        title("Conformance")
        engines = harness.built(["-p", "jobmon-export", "--features", "clickhouse,sqlite", "--test", "engines"])
        env = environment(E2E_CLICKHOUSE=f"clickhouse://{address}/conformance")
        done = run([engines], cwd=ROOT, env=env, seconds=900)
        checks.that(done.code == 0, "240 queries have the same answers in SQLite, ClickHouse, live windows, memory and over raw events", done.out[-3000:] + done.err[-2000:])
        commands(checks, cli, folder, address)
        grafana(checks, cli, folder, address)
        imports(checks, cli, folder, address)
        serve(checks, cli, folder, address)
        retention(checks, folder, address)
        upkeep(checks, cli, folder, address)
        spans(checks, cli, folder, address)
    return checks.finish()


if __name__ == "__main__":
    os.environ.setdefault("CARGO_INCREMENTAL", "0")
    sys.exit(main())
