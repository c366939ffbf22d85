#!/usr/bin/env python3
"""Agents write 2,000 calls a second into one history that `jobmon serve` shows and takes OTLP for: does everybody get on?

    tests/e2e/crowd.py [--cli-bin FILE] [--seconds N] [--release]

Two agents and a sender of OTLP write; pages, queries and reports are asked for meanwhile. Everything answers, nothing is lost, sums
and events agree. Then agents and the server are killed in the middle, again and again. Prints how long writers and readers
waited; what is measured there means something with `--release`, and nothing is asserted of it.
"""

import concurrent.futures
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
import harness  # noqa: E402
import peers  # noqa: E402
from harness import Checks, run, started, title  # noqa: E402

KILLS = 50
# Calls a second: of each agent, and over OTLP.
RATES = (850, 850, 300)
PAGES = ["/", "/models", "/features", "/errors", "/sessions", "/alerts", "/calls", "/live", "/live/calls?after=0",
         "/api/query?measures=calls,cost,p95_latency&by=model"]
# A flush interval is 200 ms, and the agent prints as often; the rest is for a machine under load.
SURELY_STORED = 2.0


@contextmanager
def serving(cli, db, port):
    command = [cli, "serve", "--db", db, "--listen", f"127.0.0.1:{port}", "--grpc", "off"]
    with started(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(db).parent) as process:
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{port}/healthz"), "the server is not up", 30)
        yield process


def request(calls):
    """So many calls as OTLP/JSON, and their ids."""
    now, spans = time.time_ns(), []
    for _ in range(calls):
        values = {"gen_ai.operation.name": {"stringValue": "chat"}, "gen_ai.provider.name": {"stringValue": "openai"},
                  "gen_ai.request.model": {"stringValue": "gpt-4o-mini"}, "gen_ai.usage.input_tokens": {"intValue": "100"}}
        spans.append({"traceId": random.randbytes(16).hex(), "spanId": random.randbytes(8).hex(), "name": "chat", "startTimeUnixNano": str(now),
                      "endTimeUnixNano": str(now + 1_000_000), "attributes": [{"key": key, "value": value} for key, value in values.items()]})
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "sender"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode(), [span["spanId"] for span in spans]


def fetch(url, body=None):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, answer.read()


def count(db, where="1"):
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(f"SELECT count(*) FROM calls WHERE {where}").fetchone()[0]


def sound(checks, cli, db, what):
    with closing(sqlite3.connect(db, timeout=30)) as connection:
        state = connection.execute("PRAGMA integrity_check").fetchone()[0]
    checks.that(state == "ok", f"{what}: SQLite finds the file sound", state)
    done = run([cli, "history", "check", "--db", db], seconds=300)
    checks.that(done.code == 0, f"{what}: sums and events agree", done.out + done.err)


def together(checks, cli, load, folder, seconds):
    title(f"{sum(RATES)} calls a second for {seconds} s")
    db, port, stop = folder / "crowd.db", peers.free_port(), threading.Event()
    base, sent, waits, problems = f"http://127.0.0.1:{port}", [], {}, []

    def timed(what, ask):
        began = time.monotonic()
        try:
            problem = ask()
        except OSError as error:
            problem = str(error)
        waits.setdefault(what, []).append((time.monotonic() - began) * 1e3)
        problems.extend([f"{what}: {problem}"] if problem else [])

    def read():
        while not stop.is_set():
            page = random.choice(PAGES)
            timed(page.split("?")[0], lambda page=page: None if fetch(base + page)[0] == 200 else "no answer")

    def report():
        while not stop.is_set():
            def ask():
                done = run([cli, "report", "--db", db, "--format", "json"], seconds=60)
                return done.err if done.code else None
            timed("jobmon report", ask)

    def send():
        began, tenth = time.monotonic(), 0
        while not stop.is_set():
            body, ids = request(RATES[2] // 10)
            timed("OTLP", lambda body=body: None if fetch(f"{base}/v1/traces", body)[0] == 200 else "refused")
            sent.extend(ids)
            tenth += 1
            stop.wait(max(0, began + tenth / 10 - time.monotonic()))

    with serving(cli, db, port):
        agents = [subprocess.Popen([load, f"sqlite:{db}", str(rate), str(seconds)], stdout=subprocess.PIPE, text=True) for rate in RATES[:2]]
        try:
            threads = [threading.Thread(target=work, daemon=True) for work in (read, read, report, send)]
            for thread in threads:
                thread.start()
            told = [json.loads(agent.communicate(timeout=seconds + 120)[0].splitlines()[-1]) for agent in agents]
        finally:
            stop.set()
            for agent in agents:
                agent.kill()
        for thread in threads:
            thread.join(60)
    for agent in told:
        print(f"        an agent: {agent['calls']} calls, callers held up p99 {agent['p99_ns'] / 1e3:.1f} µs; {agent['batches']} batches, p50 "
              f"{agent['batch_p50_ns'] / 1e6:.1f} ms, longest {agent['batch_max_ns'] / 1e6:.1f} ms")
    for what, times in sorted(waits.items()):
        times.sort()
        print(f"        {what}: {len(times)} times, p50 {times[len(times) // 2]:.0f} ms, longest {times[-1]:.0f} ms")
    checks.none(problems, f"{sum(map(len, waits.values()))} pages, reports and requests were answered")
    made = sum(agent["calls"] for agent in told)
    checks.that(all(agent["dropped"] == agent["lost"] == 0 for agent in told), "no agent lost a call", told)
    checks.that(count(db, "service = 'load'") == made, f"all {made} calls of agents are there", count(db, "service = 'load'"))
    checks.that(count(db, "service = 'sender'") == len(sent), f"and all {len(sent)} that came over OTLP", count(db, "service = 'sender'"))
    sound(checks, cli, db, "afterwards")


def killed(checks, cli, load, folder):
    title(f"Agents and the server are killed, {KILLS} times")
    db, port = folder / "killed.db", peers.free_port()
    acknowledged, least = [], 0
    for at in range(KILLS):
        with serving(cli, db, port) as server:
            agents = [subprocess.Popen([load, f"sqlite:{db}", "400", "60"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
            lines = [[] for _ in agents]

            def follow(agent, into):
                for line in agent.stdout:
                    into.append((time.monotonic(), int(line)))

            threads = [threading.Thread(target=follow, args=pair, daemon=True) for pair in zip(agents, lines)]
            for thread in threads:
                thread.start()
            end, over = time.monotonic() + random.uniform(0.3, 0.8) + (SURELY_STORED if at % 10 == 0 else 0), []

            def send(end=end, over=over):
                while not over:
                    body, ids = request(20)
                    try:
                        fetch(f"http://127.0.0.1:{port}/v1/traces", body)
                        acknowledged.extend(ids)
                    except OSError:
                        return
                    time.sleep(0.05)

            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                running = [pool.submit(send) for _ in range(2)]
                time.sleep(max(0, end - time.monotonic()))
                victims = [server, *agents]
                random.shuffle(victims)
                now = time.monotonic()
                for victim in victims:
                    victim.kill()
                over.append(True)
                for one in running:
                    one.result()
            for agent, thread in zip(agents, threads):
                agent.wait()
                thread.join()
                agent.stdout.close()
            for of in lines:
                least += max((calls for told, calls in of if told < now - SURELY_STORED), default=0)
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        there = [row[0].hex() for row in connection.execute("SELECT span_id FROM calls WHERE service = 'sender'")]
    checks.that(len(there) == len(set(there)) and set(acknowledged) <= set(there), f"all {len(acknowledged)} acknowledged calls are there, once", len(set(acknowledged) - set(there)))
    stored = count(db, "service = 'load'")
    checks.that(stored >= least > 0, f"and all {least} that agents made {SURELY_STORED:.0f} s before ({stored} in all)", stored)
    sound(checks, cli, db, "after them")


def main():
    seconds, release = 10, "--release" in sys.argv
    if release:
        sys.argv.remove("--release")
    if "--seconds" in sys.argv:
        at = sys.argv.index("--seconds")
        seconds = int(sys.argv[at + 1])
        del sys.argv[at : at + 2]
    checks = Checks()
    if release:
        subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "jobmon-cli", "-p", "load"], cwd=harness.ROOT, check=True)
        cli, load = (harness.ROOT / "target" / "release" / name for name in ("jobmon", "load"))
    else:
        cli, load = harness.arguments(__doc__, needed=("cli_bin",)).cli_bin, harness.built(["-p", "load"])
    with tempfile.TemporaryDirectory(prefix="jobmon-crowd-") as folder:
        together(checks, cli, load, Path(folder), seconds)
        killed(checks, cli, load, Path(folder))
    return checks.finish()


if __name__ == "__main__":
    os.environ.setdefault("CARGO_INCREMENTAL", "0")
    sys.exit(main())
