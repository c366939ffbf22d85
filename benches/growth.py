#!/usr/bin/env python3
"""What it costs to ask as calls grow: ours against DuckDB and chDB over the same calls, in the same run.

    benches/growth.py FOLDER [CALLS ..]         default: 1000000 10000000

Needs some gigabytes in FOLDER and, for 10 million calls, about half an hour. Builds what it needs; DuckDB and chDB come from PyPI.
Prints CPU milliseconds, the best of several, and ratios. The overview is asked of `jobmon serve`, whose CPU time is read from /proc.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True
import peers  # noqa: E402

peers.PACKAGES["scans"] = ["duckdb==2.0.1", "chdb-core==26.9.0"]

SCAN = """
import json, os, sys, time
engine, name = sys.argv[1:]
monthly = "SELECT feature, count(*), sum(cost_nanodollars), sum(input_tokens) FROM {table} GROUP BY feature"
percentiles = "SELECT model, count(*), sum(cost_nanodollars), {quantiles} FROM {table} GROUP BY model"
if engine == "duckdb":
    import duckdb
    duckdb.sql("SET threads = 2")
    table = f"'{name}'"
    quantiles = "quantile_disc(duration_nanos, [0.5, 0.95, 0.99])"
    ask = lambda sql: duckdb.sql(sql).fetchall()
else:
    import chdb
    table = f"file('{name}', Parquet)"
    quantiles = "quantiles(0.5, 0.95, 0.99)(duration_nanos)"
    ask = lambda sql: chdb.query(sql, "CSV").bytes()
def cpu():
    spent = os.times()
    return (spent.user + spent.system) * 1e3
for what, sql in (("monthly report", monthly), ("90 days by model", percentiles)):
    sql = sql.format(table=table, quantiles=quantiles)
    best = None
    for _ in range(3):
        before, begun = cpu(), time.monotonic()
        ask(sql)
        took = (cpu() - before, (time.monotonic() - begun) * 1e3)
        best = min(best, took) if best else took
    print(json.dumps({"what": what, "cpu_ms": best[0], "wall_ms": best[1]}))
"""


def lines(command):
    done = subprocess.run([str(word) for word in command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def built():
    command = ["cargo", "build", "--quiet", "--release", "-p", "jobmon-cli", "--message-format=json"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        ["cargo", "bench", "-p", "jobmon-benches", "--bench", "growth", "--no-run", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    made = [json.loads(line) for line in done.stdout.splitlines()]
    bench = [one["executable"] for one in made if one.get("executable") and one["target"]["name"] == "growth"]
    return ROOT / "target" / "release" / "jobmon", bench[0]


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def overview(jobmon, db):
    """CPU and wall time of the first page, the mean of many."""
    port = peers.free_port()
    command = [str(jobmon), "serve", "--db", str(db), "--listen", f"127.0.0.1:{port}", "--grpc", "off"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=db.parent) as process:
        try:
            address = f"http://127.0.0.1:{port}/?since=30d"
            peers.until(lambda: peers.answers(address), "the server is not up", 60)
            before, begun, times = cpu_of(process.pid), time.monotonic(), 20
            for _ in range(times):
                size = len(urllib.request.urlopen(address).read())
            return {
                "what": "overview page, 30 days", "cpu_ms": (cpu_of(process.pid) - before) / times,
                "wall_ms": (time.monotonic() - begun) * 1e3 / times, "bytes": size,
            }
        finally:
            process.terminate()


def main():
    folder = Path(sys.argv[1]).resolve()
    sizes = [int(word) for word in sys.argv[2:]] or [1_000_000, 10_000_000]
    jobmon, bench = built()
    python = peers.python("scans")
    found = {}
    for calls in sizes:
        work = folder / f"growth-{calls}"
        work.mkdir(parents=True, exist_ok=True)
        db, parquet = work / "h.db", work / "calls.parquet"
        if not db.exists():
            (wrote,) = lines([bench, "write", db, calls])
            rate = calls / wrote["cpu_ms"] * 1e3
            print(f"{calls}: written, {rate:,.0f} calls per CPU second, {db.stat().st_size / calls:.0f} bytes each", flush=True)
        if not parquet.exists():
            subprocess.run([str(jobmon), "history", "export", "--db", str(db), "--output", str(parquet)], check=True)
            print(f"{calls}: exported, {parquet.stat().st_size / calls:.0f} bytes each as Parquet", flush=True)
        ours = {line["what"]: line for line in [*lines([bench, "ask", db]), overview(jobmon, db)]}
        theirs = {}
        for engine in ("duckdb", "chdb"):
            theirs[engine] = {line["what"]: line for line in lines([python, "-c", SCAN, engine, parquet])}
        found[calls] = ours
        for what, line in ours.items():
            text = f"{calls}: {what}: {line['cpu_ms']:.1f} CPU ms, {line['wall_ms']:.1f} ms"
            for engine, of in theirs.items():
                if what in of:
                    text += f"; {engine} {of[what]['cpu_ms']:.1f} CPU ms: {line['cpu_ms'] / of[what]['cpu_ms']:.3f} of it"
            print(text, flush=True)
    first, last = found[sizes[0]], found[sizes[-1]]
    for what in first:
        growth = last[what]["cpu_ms"] / first[what]["cpu_ms"]
        print(f"{what}: {growth:.2f} times the CPU time for {sizes[-1] / sizes[0]:.0f} times the calls")


if __name__ == "__main__":
    main()
