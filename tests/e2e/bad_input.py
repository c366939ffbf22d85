#!/usr/bin/env python3
"""Wrong settings, wrong histories, wrong arguments: is each answered in one paragraph, and nothing touched?

    tests/e2e/bad_input.py [--example-bin FILE] [--cli-bin FILE]

Each case says what the message must name: the place, the problem, what is accepted. The exit code must be 2 from the
command (not 0 from an agent), standard output empty, and the folder afterwards what it was before, file for file.
"""

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.dont_write_bytecode = True
from harness import Checks, arguments, changes, contents, environment, run, started, title  # noqa: E402

QUERY = ["query", "--measures", "calls"]
HISTORY_COMMANDS = (["report"], QUERY, ["history", "check"])
# Where clap closes its messages with a pointer of its own.
CLAP_ENDS = ("For more information, try '--help'.", "Usage:", "tip:")


def paragraphs(text):
    """Of a message, without the pointers at its end."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text.strip())]
    return [part for part in parts if part and not part.startswith(CLAP_ENDS)]


def is_told(done, codes, words):
    """What is wrong with an answer to bad input."""
    problems = []
    if done.code not in codes:
        problems.append(f"exit code {done.code}, not {' or '.join(map(str, codes))}")
    if done.out:
        problems.append("standard output is not empty")
    if len(paragraphs(done.err)) != 1:
        problems.append(f"{len(paragraphs(done.err))} paragraphs on standard error, not 1")
    if "panicked" in done.err or "RUST_BACKTRACE" in done.err:
        problems.append("it panicked")
    missing = [word for word in words if word not in done.err]
    if missing:
        problems.append(f"the message does not name {missing}")
    return problems


class Case:
    def __init__(self, checks, folder):
        self.checks, self.folder = checks, folder

    def refuses(self, name, command, words, *, codes=(2,), env=None):
        """Runs a command in the folder; it must refuse, say why, and leave everything as it is."""
        before = contents(self.folder)
        done = run(command, cwd=self.folder, env=environment(**(env or {})), seconds=30)
        touched = changes(before, contents(self.folder))
        problems = is_told(done, codes, words)
        self.checks.none(problems + ([str(done)] if problems else []), f"{name}: refused with what to do")
        self.checks.none(touched, f"{name}: nothing written")


def fresh(folder, name):
    """An empty folder for one case."""
    path = folder / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


# ---- Histories that are none ----------------------------------------------------------------------------------


def foreign(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.execute("INSERT INTO notes VALUES ('mine')")


def foreign_wal(path):
    """A file of somebody else's that is in WAL mode: opening it alone could change it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (text TEXT)")


def copy_with(change):
    def make(path, good):
        shutil.copyfile(good, path)
        change(path)

    return make


def set_version(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version=99")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def truncated(size):
    return copy_with(lambda path: os.truncate(path, size if size > 1 else int(path.stat().st_size * size)))


def scribbled(path):
    """A history whose header is whole and whose pages are not."""
    noise = random.Random(1)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(noise.randbytes(path.stat().st_size - 4096))


HISTORIES = {
    "a folder": (lambda path, _: path.mkdir(), ["bad.db"]),
    "a text file": (lambda path, _: path.write_text("calls: 3\n" * 40), ["bad.db", "not a jobmon history"]),
    "a short text file": (lambda path, _: path.write_text("x"), ["bad.db", "not a jobmon history"]),
    "random bytes": (lambda path, _: path.write_bytes(random.Random(2).randbytes(9000)), ["bad.db", "not a jobmon history"]),
    "a foreign SQLite file": (lambda path, _: foreign(path), ["bad.db", "not a jobmon history"]),
    "a foreign SQLite file in WAL mode": (lambda path, _: foreign_wal(path), ["bad.db", "not a jobmon history"]),
    "a history of a newer schema": (copy_with(set_version), ["bad.db", "later version", "schema 99", "up to "]),
    "a history cut within its header": (truncated(50), ["bad.db", "not a jobmon history"]),
    "a history cut after its header": (truncated(100), ["bad.db"]),
    "a history cut after a page": (truncated(4096), ["bad.db"]),
    "half a history": (truncated(0.5), ["bad.db"]),
    "a history with overwritten pages": (copy_with(scribbled), ["bad.db"]),
}


def check_histories(checks, options, folder, good):
    for name, (make, words) in HISTORIES.items():
        place = fresh(folder, "histories")
        make(place / "bad.db", good)
        case = Case(checks, place)
        for command in HISTORY_COMMANDS:
            case.refuses(f"{name}: {command[0]}", [options.cli_bin, *command, "--db", "bad.db"], words)
        agent = [options.example_bin, "--db", "bad.db", "--postings", "1", "--quiet"]
        case.refuses(f"{name}: an agent", agent, words, codes=(1, 2))

    case = Case(checks, fresh(folder, "histories"))
    missing = ["no history", "`--db`", "JOBMON_SQLITE_PATH"]
    for command in HISTORY_COMMANDS:
        where = f"no history: {command[0]}"
        case.refuses(where, [options.cli_bin, *command, "--db", "none.db"], ["none.db", *missing])
    case.refuses("no history: the default", [options.cli_bin, "report"], ["jobmon.db", *missing])
    env = {"JOBMON_SQLITE_PATH": "elsewhere.db"}
    case.refuses("no history: a variable", [options.cli_bin, "report"], ["elsewhere.db", *missing], env=env)
    case.refuses("no folder", [options.cli_bin, "report", "--db", "no/such.db"], ["no/such.db", *missing])
    agent = [options.example_bin, "--db", "no/such.db", "--postings", "1", "--quiet"]
    case.refuses("no folder: an agent", agent, ["no/such.db"], codes=(1, 2))
    if os.geteuid() != 0:
        shutil.copyfile(good, case.folder / "locked.db")
        (case.folder / "locked.db").chmod(0)
        done = run([options.cli_bin, "report", "--db", "locked.db"], cwd=case.folder)
        checks.none(is_told(done, (2,), ["locked.db"]), "a history that may not be read: refused with what to do")


# ---- Settings -------------------------------------------------------------------------------------------------

KEYS = ["expected any of", "project_id", "sampling_rate", "flush_interval", "exporters"]
FILES = {
    "an unknown key": ("project_id = 'x'\nprojekt = 'y'\n", ["jobmon.toml:2:1", "`projekt`", *KEYS]),
    "a syntax error": ("project_id = \n", ["jobmon.toml:1:"]),
    "a broken table": ("[exporters\n", ["jobmon.toml:1:"]),
    "a key twice": ("project_id = 'x'\nproject_id = 'y'\n", ["jobmon.toml:2:"]),
    "a number for text": ("project_id = 5\n", ["jobmon.toml:1:14", "text in quotes"]),
    "text for a number": ("sampling_rate = 'half'\n", ["jobmon.toml:1:17", "a number from 0 to 1"]),
    "too large a number": ("sampling_rate = 1.5\n", ["jobmon.toml:1:17", "a number from 0 to 1"]),
    "text for a flag": ("track_tokens = 'yes'\n", ["jobmon.toml:1:16", "`true` or `false`"]),
    "a number for a time": ("flush_interval = 5\n", ["jobmon.toml:1:18", "`200ms`"]),
    "a negative count": ("queue_capacity = -1\n", ["jobmon.toml:1:18", "at least 1"]),
    "an unknown exporter": ("[exporters.sqlight]\n", ["jobmon.toml:1:12", "`sqlight`", "console, jsonl, otlp, prometheus, sqlite"]),
    "an unknown key of one": ("[exporters.sqlite]\nfile = 'x'\n", ["jobmon.toml:2:1", "`file`", "path"]),
    "a value that is no money": ("[outcomes]\nhired = '25 EUR'\n", ["jobmon.toml:2:9", "US dollars", "`\"$25\"`"]),
    "exporters as a list": ("exporters = ['console']\n", ["jobmon.toml:1:13", "[exporters.sqlite]"]),
    "bytes that are no text": (b"project_id = '\xff'\n", ["jobmon.toml"]),
}
VARIABLES = {
    "an unknown variable": ({"JOBMON_PROJEKT": "x"}, ["JOBMON_PROJEKT", "expected any of", "JOBMON_PROJECT_ID"]),
    "a share that is none": ({"JOBMON_SAMPLING_RATE": "50%"}, ["JOBMON_SAMPLING_RATE", "`50%`", "0 to 1"]),
    "a flag that is none": ({"JOBMON_TRACK_TOKENS": "yes"}, ["JOBMON_TRACK_TOKENS", "`yes`", "true or false"]),
    "a time without a unit": ({"JOBMON_FLUSH_INTERVAL": "5"}, ["JOBMON_FLUSH_INTERVAL", "`5`", "`200ms`"]),
    "a count of none": ({"JOBMON_QUEUE_CAPACITY": "0"}, ["JOBMON_QUEUE_CAPACITY", "`0`", "at least 1"]),
    "a value that is no money": ({"JOBMON_OUTCOMES": "hired=many"}, ["JOBMON_OUTCOMES", "`hired=many`", "`application=25`"]),
    "an unknown exporter": ({"JOBMON_EXPORTERS": "sqlight"}, ["JOBMON_EXPORTERS", "`sqlight`", "console, jsonl, otlp, prometheus, sqlite"]),
    "a file that is not there": ({"JOBMON_CONFIG": "none.toml"}, ["none.toml", "cannot be read"]),
}


def check_settings(checks, options, folder):
    agent = [options.example_bin, "--db", "new.db", "--jsonl", "new.jsonl", "--postings", "1", "--quiet"]
    for name, (text, words) in FILES.items():
        place = fresh(folder, "settings")
        (place / "jobmon.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        Case(checks, place).refuses(f"jobmon.toml with {name}", agent, words, codes=(1, 2))
    for name, (env, words) in VARIABLES.items():
        place = fresh(folder, "settings")
        Case(checks, place).refuses(f"{name} in the environment", agent, words, codes=(1, 2), env=env)
    place = fresh(folder, "settings")
    (place / "jobmon.toml").mkdir()
    Case(checks, place).refuses("jobmon.toml is a folder", agent, ["jobmon.toml", "cannot be read"], codes=(1, 2))

    # And what is right is taken.
    place = fresh(folder, "settings")
    (place / "jobmon.toml").write_text("environment = 'from-file'\nflush_interval = '50ms'\n")
    done = run(agent, cwd=place, env=environment(JOBMON_TRACK_LATENCY="true"))
    checks.that(done.code == 0, "correct settings: the agent runs", done)


# ---- Arguments ------------------------------------------------------------------------------------------------

# After a near word the list begins a sentence.
MEASURES = ["xpected one of", "calls", "cost", "p95_latency", "outcomes_per_search"]
DIMENSIONS = ["xpected one of", "project", "feature", "model", "outcome", "session"]
TIMES = ["`24h`", "`2026-11-01`", "`2026-11-01T12:00:00Z`"]
ARGUMENTS = {
    "an unknown measure": (["query", "--measures", "costs"], ["`costs`", *MEASURES]),
    "one unknown among known": (["query", "--measures", "calls,costs"], ["`costs`", *MEASURES]),
    "an empty measure": (["query", "--measures", "calls,"], MEASURES),
    "no measure": (["query"], ["--measures"]),
    "an unknown dimension": ([*QUERY, "--by", "colour"], ["`colour`", *DIMENSIONS]),
    "an empty dimension": ([*QUERY, "--by", ""], DIMENSIONS),
    "score and outcome": ([*QUERY, "--by", "score,outcome"], ["`score`", "`outcome`", "one of"]),
    "a filter without a value": ([*QUERY, "--filter", "feature"], ["`feature`", "dimension=value"]),
    "a filter of nothing": ([*QUERY, "--filter", "=x"], DIMENSIONS),
    "a filter by a measure": ([*QUERY, "--filter", "cost=1"], ["`cost`", *DIMENSIONS]),
    "an unknown slice": ([*QUERY, "--bucket", "week"], ["--bucket", "hour, day"]),
    "an unknown format of a query": ([*QUERY, "--format", "xml"], ["--format", "table, json, csv"]),
    "an unknown format of a report": (["report", "--format", "pdf"], ["--format", "terminal, markdown, html, json, csv"]),
    "an unknown period": (["report", "yearly"], ["PERIOD", "daily, weekly, monthly"]),
    "a period and a time": (["report", "weekly", "--since", "1h"], ["PERIOD", "--since"]),
    "a month that is not": (["report", "--for", "2026-13"], ["--for", "`2026-13`", "`2026-10`", "`2026-W47`", "`2026-11-23`"]),
    "a month for a week": (["report", "weekly", "--for", "2020-10"], ["--for", "`2020-10`", "weekly", "-W"]),
    "a month to come": (["report", "--for", "2199-10"], ["--for", "`2199-10`", "has not begun"]),
    "a month before its beginning": (["report", "--for", "2020-10", "--until", "2020-09-30"], ["--for", "has not begun"]),
    "the last of nothing": (["report", "--previous"], ["PERIOD"]),
    "a value without a kind": (["report", "--value", "25"], ["--value", "`application=25`"]),
    "a value that is no money": (["report", "--value", "hired=many"], ["--value", "`many`", "US dollars"]),
    "a value twice": (["report", "--value", "a=1", "--value", "a=2"], ["--value", "`a`", "twice"]),
    "a configuration that is not there": (["report", "--config", "none.toml"], ["none.toml", "cannot be read"]),
    "a folder that is not there": (["report", "--output", "no/such.html"], ["no/such.html", "cannot write"]),
    "since after until": (["report", "--since", "1h", "--until", "2h"], ["--since", "--until", "earlier"]),
    "since equal to until": ([*QUERY, "--since", "2026-11-01", "--until", "2026-11-01"], ["--since", "--until", "earlier"]),
    "a month that is none": (["report", "--since", "2026-13-01"], ["--since", "2026-13-01", *TIMES]),
    "a day that is none": ([*QUERY, "--until", "2026-02-30"], ["--until", "2026-02-30", *TIMES]),
    "no time at all": (["report", "--since", "yesterday"], ["--since", "yesterday", *TIMES]),
    "an age without a unit": (["report", "--since", "7"], ["--since", *TIMES]),
    "an age beyond all time": (["report", "--since", "99999999999999999999w"], ["--since", *TIMES]),
    "an empty time": (["report", "--since", ""], ["--since", *TIMES]),
    "an unknown option": (["report", "--colour"], ["--colour"]),
    "an unknown command": (["repport"], ["repport"]),
    "an unknown shell": (["completions", "tcsh"], ["tcsh", "bash", "zsh", "fish"]),
}


def check_arguments(checks, options, folder, good):
    place = fresh(folder, "arguments")
    shutil.copyfile(good, place / "jobmon.db")
    case = Case(checks, place)
    for name, (words, named) in ARGUMENTS.items():
        case.refuses(name, [options.cli_bin, *words], named)
    # Arguments are looked at before the history is.
    for name in ("an unknown measure", "since after until", "score and outcome"):
        words, named = ARGUMENTS[name]
        case.refuses(f"{name}, and no history", [options.cli_bin, *words, "--db", "none.db"], [])
    case = Case(checks, fresh(folder, "arguments"))
    for words in (["--postings", "many"], ["--postings", "-1"], ["--max-tokens"], ["--colour"]):
        # It adds its usage, so there is more than a paragraph.
        before = contents(case.folder)
        done = run([options.example_bin, *words], cwd=case.folder, seconds=30)
        sound = done.code == 2 and not done.out and words[0] in done.err.splitlines()[0]
        problems = changes(before, contents(case.folder)) + ([] if sound else [str(done)])
        checks.none(problems, f"the example with {' '.join(words)}: refused, nothing written")


# ---- What is right --------------------------------------------------------------------------------------------


def check_readers(checks, options, folder, good):
    """Readers answer and leave no trace, also of the write-ahead log."""
    place = fresh(folder, "readers")
    shutil.copyfile(good, place / "jobmon.db")
    before = contents(place)
    formats = [["report", "--format", name] for name in ("terminal", "markdown", "html", "json", "csv")]
    formats += [[*QUERY, "--by", "session", "--format", name] for name in ("table", "json", "csv")]
    for words in [*formats, ["history", "check"], ["report", "monthly"], ["report", "weekly", "--previous"], ["report", "--since", "2000-01-01", "--until", "2000-01-02"]]:
        done = run([options.cli_bin, *words], cwd=place)
        touched = changes(before, contents(place))
        sound = done.code == 0 and done.out and not done.err
        checks.none(touched + ([] if sound else [str(done)]), f"{' '.join(words)}: answers, nothing written")

    for words in (["report"], [*QUERY, "--by", "session"], ["--help"]):
        with started(
            [options.cli_bin, *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        ) as process:
            process.stdout.read(1)
            process.stdout.close()
            err = process.stderr.read()
            code = process.wait(timeout=30)
        checks.that(code == 0 and not err, f"{' '.join(words)} to a reader that has seen enough", (code, err))
    # Nobody reads at all: the pipe is closed before the first byte.
    reading, writing = os.pipe()
    os.close(reading)
    with started([options.cli_bin, "report"], cwd=place, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        err, code = process.stderr.read(), process.wait(timeout=30)
    checks.that(code == 0 and not err, "report to nobody", (code, err))
    done = run(["bash", "-c", f'set -o pipefail; "{options.cli_bin}" report | head -1'], cwd=place)
    checks.that(done.code == 0 and done.out.startswith("LLM report") and not done.err, "report | head -1", done)
    if Path("/dev/full").exists():
        with open("/dev/full", "wb") as full, started(
            [options.cli_bin, "report"], cwd=place, stdout=full, stderr=subprocess.PIPE
        ) as process:
            err, code = process.stderr.read().decode(), process.wait(timeout=30)
        checks.that(code != 0 and err.count("\n") == 1, "report to a full disk: an error", (code, err))
    checks.none(changes(before, contents(place)), "readers that were cut short: nothing written")

    empty = fresh(folder, "readers")
    (empty / "jobmon.db").touch()
    before = contents(empty)
    done = run([options.cli_bin, "report"], cwd=empty)
    sound = (done.code == 0 and "Nothing happened" in done.out) or not is_told(done, (2,), ["jobmon.db"])
    checks.none(changes(before, contents(empty)) + ([] if sound else [str(done)]), "an empty file: answered, nothing written")


def check_help(checks, options):
    cli = options.cli_bin
    for words in ([], ["report"], ["query"], ["history"], ["history", "check"], ["completions"]):
        for flag in ("--help", "-h"):
            done = run([cli, *words, flag])
            sound = done.code == 0 and "Usage:" in done.out and not done.err
            checks.that(sound, f"jobmon {' '.join([*words, flag])}", done)
    done = run([cli, "--version"])
    checks.that(done.code == 0 and re.fullmatch(r"jobmon \d+\.\d+\.\d+\S*\n", done.out), "jobmon --version", done)
    done = run([options.example_bin, "--help"])
    checks.that(done.code == 0 and "--db" in done.out and not done.err, "job_search --help", done)
    for shell in ("bash", "zsh", "fish"):
        done = run([cli, "completions", shell])
        checks.that(done.code == 0 and "jobmon" in done.out and not done.err, f"completions {shell}", done)
        found = shutil.which(shell)
        if not found:
            print(f"        ({shell} is not installed: its script is not parsed)")
            continue
        with tempfile.NamedTemporaryFile("w", suffix=f".{shell}") as script:
            script.write(done.out)
            script.flush()
            parsed = run([found, "-n", script.name])
        checks.that(parsed.code == 0 and not parsed.err, f"completions {shell}: {shell} -n parses them", parsed)


def main():
    options = arguments(__doc__)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-bad-input-") as folder:
        folder = Path(folder)
        good = folder / "good.db"
        done = run([options.example_bin, "--db", good, "--postings", "4", "--quiet"])
        left = sorted(path.name for path in folder.iterdir())
        if not checks.that(done.code == 0 and left == ["good.db"], "a history to start from, in one file", f"{done}\n{left}"):
            return checks.finish()
        title("Histories")
        check_histories(checks, options, folder, good)
        title("Settings")
        check_settings(checks, options, folder)
        title("Arguments")
        check_arguments(checks, options, folder, good)
        title("Readers")
        check_readers(checks, options, folder, good)
        title("Help and completions")
        check_help(checks, options)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
