#!/usr/bin/env python3
"""ClickHouse answers as SQLite, memory and the raw events do: the engine of chDB behind ClickHouse's HTTP protocol.

    tests/e2e/clickhouse.py
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True
import harness  # noqa: E402
import peers  # noqa: E402
from harness import ROOT, Checks, environment, run, started, title  # noqa: E402

HERE = Path(__file__).parent


@contextmanager
def clickhouse(folder):
    """A ClickHouse: gives its address without a scheme."""
    port = peers.free_port()
    command = [peers.python("clickhouse"), HERE / "chdb_server.py", port, Path(folder) / "data"]
    with open(Path(folder) / "clickhouse.log", "wb") as log, started(command, stdout=log, stderr=log):
        peers.until(lambda: peers.answers(f"http://127.0.0.1:{port}/ping"), "ClickHouse is not up", 120)
        yield f"127.0.0.1:{port}"


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-clickhouse-") as folder, clickhouse(folder) as address:
        title("Conformance")
        engines = harness.built(["-p", "jobmon-export", "--features", "clickhouse,sqlite", "--test", "engines"])
        env = environment(E2E_CLICKHOUSE=f"clickhouse://{address}/conformance")
        done = run([engines], cwd=ROOT, env=env, seconds=900)
        checks.that(done.code == 0, "240 queries have the same answers in SQLite, ClickHouse, memory and over raw events", done.out[-3000:] + done.err[-2000:])
        title("Commands")
        checks.that("conformance" in subprocess.run(["curl", "-s", f"http://{address}/?query=SHOW%20DATABASES"], capture_output=True, text=True).stdout, "its tables are in their database")
    return checks.finish()


if __name__ == "__main__":
    os.environ.setdefault("CARGO_INCREMENTAL", "0")
    sys.exit(main())
