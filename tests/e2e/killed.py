#!/usr/bin/env python3
"""Is the history sound after SIGKILL, and does it hold what was finished before?

    tests/e2e/killed.py [--example-bin FILE] [--cli-bin FILE]

Kills the example at different moments of its life, always over the same history, while a reader asks that history
for reports in a loop. After each kill: sums and events agree, SQLite finds the file sound, and every call whose line
the console had printed more than a second before is there. Then kills it while it makes a new history, and lets an
agent start on what is left.
"""

import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True
from harness import Checks, arguments, run, started, title  # noqa: E402

# After how many lines, and how much later (s): at once, so that the last batch is under way, or in the quiet between.
MOMENTS = ((1, 0), (5, 0.05), (15, 0), (15, 1.3), (30, 0.1), (30, 2), (50, 0), (50, 0.3))
# While the process starts, opens the file, makes its tables, makes its first calls.
EARLY = tuple(ms / 1000 for ms in (2, 5, 8, 12, 16, 20, 25, 30, 40, 60, 100, 200))
# A flush interval is 200 ms; the rest is for a machine under load.
SURELY_STORED = 1.0
LINE = re.compile(r"(?P<time>\d\d:\d\d:\d\d) \S (?P<operation>\S+) (?P<name>\S+)(?P<rest>.*)")
TOKENS = re.compile(r"  ([\d,]+)(?: \([\d,]+ cached\))? → ([\d,]+) tokens")


def call_of(line):
    """What a printed line tells of a call, so that it can be found in the history."""
    found = LINE.match(line)
    if not found:
        return None
    tokens = TOKENS.match(re.sub(r"^  \S+(?=  )", "", found["rest"], count=1))
    tokens = tuple(int(n.replace(",", "")) for n in tokens.groups()) if tokens else None
    return found["time"], found["operation"], found["name"], tokens


def stored_calls(db, since):
    """The same of the calls in the history."""
    query = """SELECT strftime('%H:%M:%S', start / 1000000000, 'unixepoch'), operation, name,
                      input_tokens, output_tokens FROM calls WHERE start >= ?"""
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute(query, (since,)).fetchall()
    return Counter((*row[:3], None if row[3] is None else row[3:]) for row in rows)


def integrity(db):
    with closing(sqlite3.connect(db, timeout=10)) as connection:
        return [row[0] for row in connection.execute("PRAGMA integrity_check")]


class Reader(threading.Thread):
    """Asks for reports, again and again, as somebody at another terminal would."""

    def __init__(self, cli, db):
        super().__init__(daemon=True)
        self.command, self.problems = [cli, "report", "--db", db, "--format", "json"], []
        self.reports, self.calls = 0, 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            done = run(self.command, seconds=30)
            try:
                summary = json.loads(done.out)["sections"].get("summary", [{"calls": 0}])
                # What was once there stays.
                sound = done.code == 0 and not done.err and summary[0]["calls"] >= self.calls
                self.calls = summary[0]["calls"]
            except (ValueError, KeyError):
                sound = False
            self.reports += 1
            if not sound:
                self.problems.append(str(done))
            self.over.wait(0.02)

    def stop(self):
        self.over.set()
        self.join(60)


def killed_after(example, folder, wanted, pause):
    """Starts the example and kills it some time after that many lines have come; says which came when."""
    arrived, enough = [], threading.Event()

    def read(lines):
        for line in lines:
            if line.endswith(b"\n"):
                arrived.append((time.monotonic(), line.decode("utf-8", "replace").rstrip("\n")))
            if len(arrived) >= wanted:
                enough.set()

    command = [example, "--db", "history.db", "--jsonl", "history.jsonl"]
    with started(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        reading = threading.Thread(target=read, args=(process.stderr,), daemon=True)
        reading.start()
        enough.wait(60)
        time.sleep(pause)
        was_running = process.poll() is None
        process.kill()
        killed = time.monotonic()
        code = process.wait(timeout=10)
        reading.join(10)
    return killed, arrived, was_running and code == -9


def check_history(checks, cli, db, where):
    done = run([cli, "history", "check", "--db", db])
    checks.that(done.code == 0, f"{where}: sums and events agree", done)
    done = run([cli, "report", "--db", db])
    sound = done.code == 0 and done.out.startswith("LLM report") and not done.err
    checks.that(sound, f"{where}: there is a report", done)
    found = integrity(db)
    checks.that(found == ["ok"], f"{where}: SQLite finds the file sound", found)


def read_lines(path):
    """Events of the JSONL file, and lines that are none: a kill may tear the last one, and the next run begins another."""
    events, torn = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            events.append(json.loads(line))
        except ValueError:
            torn.append(f"{path.name}:{number}: {line[:200]!r}")
    return events, torn


def kill_in_the_middle(checks, example, cli, folder):
    db = folder / "history.db"
    reader, sessions = Reader(cli, db), 0
    try:
        for kills, (wanted, pause) in enumerate(MOMENTS, 1):
            began = time.time_ns()
            killed, arrived, by_us = killed_after(example, folder, wanted, pause)
            where = f"killed {pause * 1000:.0f} ms after {wanted} lines"
            checks.that(by_us and len(arrived) >= wanted, f"{where}: it was running", f"{len(arrived)} lines came")
            printed = [(killed - at, call_of(line)) for at, line in arrived]
            unread = [line for (_, call), (_, line) in zip(printed, arrived) if call is None]
            checks.none(unread, f"{where}: each of {len(printed)} lines is a call")
            stored = stored_calls(db, began)
            sessions += bool(stored)
            missing, left = [], stored.copy()
            # The oldest first: the newest of equal calls are those that may be missing.
            for age, call in sorted((one for one in printed if one[1]), key=lambda one: -one[0]):
                if left[call] > 0:
                    left[call] -= 1
                else:
                    missing.append((age, call))
            old = sum(age > SURELY_STORED for age, _ in printed)
            oldest = max((age for age, _ in missing), default=0)
            checks.none(
                [f"{age:.3f} s before: {call}" for age, call in missing if age > SURELY_STORED],
                f"{where}: {old} calls of more than {SURELY_STORED:.0f} s before are all stored; missing are "
                f"{len(missing)}, printed at most {oldest * 1000:.0f} ms before",
            )
            if not reader.is_alive():
                reader.start()
            check_history(checks, cli, db, where)
            _, torn = read_lines(folder / "history.jsonl")
            checks.that(len(torn) <= kills, f"{where}: lines of the JSONL file are whole, but for one torn at each kill", torn)

        done = run([example, "--db", "history.db", "--jsonl", "history.jsonl"], cwd=folder)
        checks.that(done.code == 0, "the next run over that history ends well", done)
        check_history(checks, cli, db, "the next run")
    finally:
        if reader.is_alive():
            reader.stop()
    checks.none(reader.problems, f"a reader meanwhile got {reader.reports} reports without an error")
    lines, _ = read_lines(folder / "history.jsonl")
    session = lines[-1]["session"]
    wanted = sum(line["type"] == "call" and line["session"] == session for line in lines)
    words = ["query", "--db", db, "--measures", "calls", "--by", "session", "--format", "json"]
    found = {row["session"]: row["calls"] for row in json.loads(run([cli, *words]).out)}
    checks.that(len(found) == sessions + 1, f"all {sessions + 1} runs that stored a call are in the history", found)
    checks.that(found.get(session) == wanted > 50, f"the last one with all {wanted} calls", found)
    with closing(sqlite3.connect(db)) as connection:
        stored = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
        twice = connection.execute("SELECT count(*) - count(DISTINCT span_id) FROM calls").fetchone()[0]
    checks.that(sum(found.values()) == stored and twice == 0, "no call is there twice", (found, stored, twice))


def kill_at_the_start(checks, example, cli, folder):
    for number, seconds in enumerate(EARLY):
        db = folder / f"early{number}.db"
        where = f"killed {seconds * 1000:.0f} ms after the start"
        with started([example, "--db", db], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(seconds)
            process.kill()
            process.wait(timeout=10)
        left = db.stat().st_size if db.exists() else None
        done = run([cli, "report", "--db", db])
        one_line = done.code == 2 and not done.out and done.err.count("\n") == 1 and "panicked" not in done.err
        checks.that(done.code == 0 or one_line, f"{where}: a report or a plain answer, the file has {left} bytes", done)
        done = run([example, "--db", db, "--postings", "2"])
        checks.that(done.code == 0, f"{where}: an agent starts on it", done)
        done = run([cli, "history", "check", "--db", db])
        checks.that(done.code == 0 and integrity(db) == ["ok"], f"{where}: then it is sound", done)


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-killed-") as folder:
        folder = Path(folder)
        title("Killed in the middle, again and again over one history, with a reader")
        kill_in_the_middle(checks, options.example_bin, options.cli_bin, folder)
        title("Killed while the history is made")
        kill_at_the_start(checks, options.example_bin, options.cli_bin, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
