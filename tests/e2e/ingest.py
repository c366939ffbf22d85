#!/usr/bin/env python3
"""Do agents in Python arrive whole in `jobmon serve`, and does it survive what happens to servers?

    tests/e2e/ingest.py [--cli-bin FILE]

A pydantic-ai agent with Logfire's instrumentation over OTLP/HTTP, and the OpenAI SDK with OpenLLMetry's over gRPC, both against
a real small model: calls, tokens, costs, tools, errors and sessions equal what the sender's own SDK had. Then the server
and agents that write the same history are killed again and again, and nothing that was acknowledged is lost.
"""

import concurrent.futures
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
import peers  # noqa: E402
from harness import Checks, arguments, environment, run, started, title  # noqa: E402

HERE = Path(__file__).parent
KILLS = 50


@contextmanager
def serving(cli, db, http=None, grpc="off", *more):
    """A server that answers; its address."""
    http = http or peers.free_port()
    command = [cli, "serve", "--db", db, "--listen", f"127.0.0.1:{http}", "--grpc", grpc, *more]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(db).parent) as process:
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{http}/healthz"), "the server is not up", 30)
        yield f"http://127.0.0.1:{http}", process


def ended(process):
    process.terminate()
    out, _ = process.communicate(timeout=30)
    return process.returncode, out.decode()


def exported(cli, db, folder):
    path = Path(folder) / "events.jsonl"
    done = run([cli, "history", "export", "--db", db, "--output", path])
    assert done.code == 0, done
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def compare(checks, what, spans, events):
    """What a sender's SDK had against what the history has."""
    calls = {event["span_id"]: event for event in events if event["type"] == "call"}
    sent = {span["span"]: span for span in spans if is_call(span)}
    checks.that(calls.keys() == sent.keys(), f"{what}: {len(sent)} calls", sorted(set(calls) ^ set(sent)))
    problems = []

    def same(span, key, has, told):
        if has != told:
            problems.append(f"{span['name']}: {key} is {has!r}, the sender had {told!r}")

    for id, span in sent.items():
        call, told = calls.get(id), span["attributes"]
        if call is None:
            continue
        operation = told.get("gen_ai.operation.name") or {"chat": "chat"}[told["llm.request.type"]]
        same(span, "operation", call["operation"], operation)
        same(span, "trace", call["trace_id"], span["trace"])
        same(span, "whether it failed", call["end"] == "error", span["failed"])
        usage = call.get("usage", {})
        if operation == "chat":
            same(span, "model", call.get("model"), told.get("gen_ai.request.model"))
            same(span, "input tokens", usage.get("input"), told.get("gen_ai.usage.input_tokens"))
            same(span, "output tokens", usage.get("output"), told.get("gen_ai.usage.output_tokens"))
            if "operation.cost" in told:
                same(span, "cost", call["cost"]["nanodollars"], round(told["operation.cost"] * 1e9))
            if "gen_ai.client.operation.time_to_first_chunk" in told:
                first = told["gen_ai.client.operation.time_to_first_chunk"]
                same(span, "time to first token", round(call["first_token_nanos"] / 1e9, 6), round(first, 6))
        else:
            same(span, "usage", usage, {})
        if operation == "execute_tool":
            same(span, "tool", call["name"], told["gen_ai.tool.name"])
            arguments = json.loads(told["gen_ai.tool.call.arguments"])
            same(span, "arguments", call["content"]["arguments"], arguments)
        same(span, "session", call.get("session"), told.get("gen_ai.conversation.id"))
    checks.none(problems, f"{what}: operations, models, tokens, costs, tools, failures and sessions are those of the sender")
    tokens = sum(span["attributes"].get("gen_ai.usage.input_tokens", 0) for span in sent.values() if is_model(span))
    return tokens


def is_model(span):
    told = span["attributes"]
    return (told.get("gen_ai.operation.name") or told.get("llm.request.type")) == "chat"


def is_call(span):
    return "gen_ai.operation.name" in span["attributes"] or "llm.request.type" in span["attributes"]


def senders(checks, cli, folder):
    python = peers.python("senders")
    with peers.llama(folder) as model:
        for name, protocol in (("pydantic_ai", "http"), ("openllmetry", "grpc")):
            db = folder / f"{name}.db"
            grpc = f"127.0.0.1:{peers.free_port()}"
            with serving(cli, db, None, grpc) as (address, process):
                target = address if protocol == "http" else grpc
                report = folder / f"{name}.json"
                command = [python, HERE / "senders" / f"send_{name}.py", target, model, report]
                done = run(command, env=environment(PYTHONDONTWRITEBYTECODE="1"), seconds=180)
                if not checks.that(done.code == 0, f"{name}: runs", done.err[-3000:]):
                    continue
                spans = json.loads(report.read_text())
                code, told = ended(process)
                checks.that(code == 0, f"{name}: the server ends well: {told.strip()}", told)
            tokens = compare(checks, name, spans, exported(cli, db, folder))
            query = [cli, "query", "--db", db, "--measures", "input_tokens,cost,errors", "--by", "service", "--format", "json"]
            rows = json.loads(run(query).out)
            checks.that(rows[0]["input_tokens"] == tokens, f"{name}: {tokens} input tokens in the sums, each once", rows)
            checks.that(rows[0]["cost"]["nanodollars"] > 0, f"{name}: it cost something", rows)
            checks.that(run([cli, "history", "check", "--db", db]).code == 0, f"{name}: sums and events agree")


def request(number, spans):
    """A request of OTLP/JSON with so many chats."""
    def attribute(key, value):
        kind = "intValue" if isinstance(value, int) else "stringValue"
        return {"key": key, "value": {kind: str(value)}}

    made = [
        {
            "traceId": f"{random.getrandbits(128) | 1:032x}", "spanId": f"{random.getrandbits(64) | 1:016x}", "name": "chat m",
            "startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns() + 1_000_000),
            "attributes": [
                attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "gpt-4o-mini"),
                attribute("gen_ai.usage.input_tokens", number), attribute("gen_ai.usage.output_tokens", 7),
            ],
        }
        for _ in range(spans)
    ]
    return {"resourceSpans": [{"resource": {"attributes": [attribute("service.name", "s")]}, "scopeSpans": [{"spans": made}]}]}


def send(address, body):
    data = json.dumps(body).encode()
    sent = urllib.request.Request(f"{address}/v1/traces", data=data, headers={"content-type": "application/json"})
    with urllib.request.urlopen(sent, timeout=30) as answer:
        return answer.status == 200


def ids(body):
    return {span["spanId"] for part in body["resourceSpans"] for scope in part["scopeSpans"] for span in scope["spans"]}


def killed(checks, cli, folder):
    """SIGKILL in the middle, again and again; what is not acknowledged is sent again, as exporters do."""
    db, port = folder / "killed.db", peers.free_port()
    acknowledged, unsure, twice = set(), [], 0
    for _ in range(KILLS):
        with serving(cli, db, port) as (address, process):
            stop = time.monotonic() + random.uniform(0.05, 0.4)
            for body in unsure:
                send(address, body)
                twice += 1
                acknowledged |= ids(body)
            unsure = []
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                def work():
                    while True:
                        body = request(11, 20)
                        try:
                            send(address, body)
                            acknowledged.update(ids(body))
                        except OSError:
                            unsure.append(body)
                            return

                running = [pool.submit(work) for _ in range(4)]
                time.sleep(max(0, stop - time.monotonic()))
                process.kill()
                for one in running:
                    one.result()
    with serving(cli, db, port) as (address, _):
        for body in unsure:
            send(address, body)
            acknowledged |= ids(body)
    with closing(sqlite3.connect(db)) as connection:
        stored = [row[0].hex() for row in connection.execute("SELECT span_id FROM calls")]
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
    checks.that(sound == "ok", f"killed {KILLS} times: SQLite finds the file sound", sound)
    checks.that(len(stored) == len(set(stored)), f"{len(stored)} calls are there once, {twice} requests were sent again")
    checks.that(acknowledged <= set(stored), f"all {len(acknowledged)} acknowledged calls are there", len(acknowledged - set(stored)))
    checks.that(run([cli, "history", "check", "--db", db]).code == 0, "sums and events agree")


def main():
    options = arguments(__doc__, needed=("cli_bin",))
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-ingest-") as folder:
        folder = Path(folder)
        title("Agents in Python")
        senders(checks, options.cli_bin, folder)
        title("Killed in the middle")
        killed(checks, options.cli_bin, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
