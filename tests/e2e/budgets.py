#!/usr/bin/env python3
"""Do budgets hold where real processes spend, end, start again, work at the same time and are killed?

    tests/e2e/budgets.py [--example-bin FILE] [--cli-bin FILE]

Runs the example with blocking budgets, one process after the other and four at a time over one history, and asks that
history, by SQL and by `jobmon query`, what was spent. What may be spent beyond a limit is what `Budget` says:

    spent ≤ limit + Σ over calls in flight of max(0, cost − reservation)

What a call had reserved is written nowhere; it is computed here from the calls that had ended before. Calls in flight
are those that had not ended when the last one began. With several processes, what others spent counts from the moment
it is surely seen (STALENESS); so what each of them knew when it began a call must have left something of the limit.

The clock stays what it is: another day begins where the history is made a day older. Takes half a minute.
"""

import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

sys.dont_write_bytecode = True
from harness import RUN_SECONDS, Checks, Done, arguments, changes, contents, run, started, title  # noqa: E402

NANOS = 10**9
CENT = NANOS // 100
DAY = 86_400 * NANOS
# Without another estimate, a call of a function that was not seen yet reserves this part of the limit.
ESTIMATE = 100
# Until others see what was spent: a flush interval and a look. The rest is for a machine under load.
STALENESS = 1_200_000_000 + NANOS
# From the moment in which a call is said to have ended until it is charged.
CHARGED = 50_000_000
ENDED = re.compile(
    r"^The search ended early: budget `(?P<name>[^`]+)`(?: of `(?P<key>[^`]+)`)? is used up: of (?P<limit>.+?), "
    r"(?P<spent>.+?) is spent and (?P<reserved>.+?) reserved, and this call needs (?P<needed>.+?); "
    r"it begins anew at (?P<anew>\S+)\.$",
    re.MULTILINE,
)


def usd(nanos):
    """As the programs print it."""
    digits = f"{nanos % NANOS:09}".rstrip("0").ljust(2, "0")
    return f"${nanos // NANOS}.{digits}"


class Call:
    """A call to a model, as the history has it."""

    def __init__(self, row):
        self.name, self.start, duration, self.session, self.user, self.category, self.grade, cost = row
        self.end, self.cost = self.start + duration, cost or 0

    @property
    def stopped(self):
        return self.category == "budget"


def rows(db, query):
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(query).fetchall()


def model_calls(db, cost="cost_nanodollars"):
    columns = f"name, start, duration, session, user, category, cost_grade, {cost}"
    return [Call(row) for row in rows(db, f"SELECT {columns} FROM calls WHERE operation = 'chat' ORDER BY start")]


def spent(db):
    """All that was spent, also by answers that came after the end of their call."""
    late = rows(db, "SELECT coalesce(sum(nanodollars), 0) FROM facts WHERE kind = 'late'")[0][0]
    return sum(call.cost for call in model_calls(db)) + late


def reservation(costs, estimate):
    """What a call reserves after those that cost so much."""
    last = sorted(costs[-128:])
    observed = last[-(-len(last) * 95 // 100) - 1] if last else 0
    return observed + -(-max(0, estimate - observed) * 4 // (len(costs) + 4))


def reserved(call, calls, estimate):
    """What a call had reserved at least. Each run is a process and a session, and knows nothing of what others reserve."""
    same = [one for one in calls if (one.session, one.name) == (call.session, call.name) and one.cost]
    same.sort(key=lambda one: one.end)
    surely, maybe = (sum(one.end < before for one in same) for before in (call.start - CHARGED, call.start))
    return min(reservation([one.cost for one in same[:seen]], estimate) for seen in range(surely, maybe + 1))


def most_spent(calls, limit, estimate=None):
    """The limit, and what calls in flight cost beyond their reservations when the last one began."""
    estimate = estimate or limit // ESTIMATE
    begun = [call for call in calls if not call.stopped]
    in_flight = [call for call in begun if call.end > begun[-1].start - CHARGED]
    return limit + sum(max(0, call.cost - reserved(call, begun, estimate)) for call in in_flight)


def queried(cli, db, *words):
    done = run([cli, "query", "--db", db, "--format", "json", *words])
    return json.loads(done.out) if done.code == 0 else str(done)


def search(example, folder, *words):
    """A run of the example; what it says of the budget that ended it, if one did."""
    done = run([example, "--quiet", "--db", "history.db", *words], cwd=folder)
    return done, ENDED.search(done.out)


def printed(done):
    """The budgets that a run prints in the end: spent and limit by name and key."""
    table = done.out.partition("\nBudgets\n")[2].partition("\n\n")[0].splitlines()[1:]
    cells = [re.split(r"\s{2,}", line.strip()) for line in table if not line.startswith("The search")]
    return {(name, key): (spent, limit) for name, key, spent, limit, *_ in cells}


def configure(folder, *budgets):
    lines = [f"[[budgets]]\n{budget}\nper = 'day'\naction = 'block'\n" for budget in budgets]
    (folder / "jobmon.toml").write_text("\n".join(lines))


def fresh(folder, name):
    path = folder / name
    path.mkdir()
    return path, path / "history.db"


# ---- One process after the other ------------------------------------------------------------------------------


def check_limit(checks, options, folder):
    folder, db = fresh(folder, "limit")
    limit, words = CENT, ("--budget", "$0.01")
    done, ended = search(options.example_bin, folder, *words)
    checks.that(done.code == 0 and ended, "a run that passes its limit ends politely", done)
    checks.that("LLM report" in done.out and "Delivery:" in done.out, "it reports what it did", done)
    told = ended and (ended["name"], ended["limit"], ended["anew"][10:])
    checks.that(told == ("run", "$0.01", "T00:00:00.000Z"), "one line says which budget, and when it begins anew", told)
    calls, total = model_calls(db), spent(db)
    most = most_spent(calls, limit)
    checks.that(limit // 2 < total <= most, f"it has spent {usd(total)} of {usd(limit)}, at most {usd(most)}")
    checks.that(printed(done) == {("run", "-"): (usd(total), usd(limit))}, "it prints just that", printed(done))
    found = queried(options.cli_bin, db, "--measures", "cost")
    checks.that(found[0]["cost"]["nanodollars"] == total, "`jobmon query` says the same", found)
    check_stopped_calls(checks, options.cli_bin, db, calls, done.out)

    # Each start reserves only the estimate for its first call, so that the last bit of a budget is used.
    runs = 0
    while done.code == 0 and runs < 5:
        done, ended = search(options.example_bin, folder, *words)
        runs += 1
    total, calls = spent(db), model_calls(db)
    most = most_spent(calls, limit)
    checks.that(done.code == 3, f"after {runs} more runs over that history nothing can be done: exit code 3", done)
    checks.that(total <= most, f"all runs together have spent {usd(total)}, at most {usd(most)}")
    done, ended = search(options.example_bin, folder, *words)
    checks.that(done.code == 3 and spent(db) == total, "the next one is stopped before it spends anything", done)
    known = ended and (ended["spent"], ended["reserved"])
    checks.that(known == (usd(total), "$0.00"), "it knows to the nanodollar what was spent before", known)

    make_older(db, DAY)
    done = run([options.cli_bin, "history", "check", "--db", db])
    checks.that(done.code == 0, "a history that is made a day older is sound", done)
    done, ended = search(options.example_bin, folder, *words)
    calls = [call for call in model_calls(db) if call.start > calls[-1].start]
    today, most = sum(call.cost for call in calls), most_spent(calls, limit)
    free = done.code == 0 and printed(done) == {("run", "-"): (usd(today), usd(limit))}
    checks.that(free and limit // 2 < today <= most, f"on another day the limit is free again: {usd(today)} spent", done)


def check_stopped_calls(checks, cli, db, calls, report):
    stopped = [call for call in calls if call.stopped]
    free = all((call.cost, call.grade) == (0, "known") for call in stopped)
    checks.that(stopped and free, f"{len(stopped)} stopped calls are in the history, each of them for $0")
    found = queried(cli, db, "--measures", "calls,cost", "--by", "operation", "--filter", "category=budget")
    by_operation = {row["operation"]: (row["calls"], row["cost"]) for row in found}
    expected = (len(stopped), {"grade": "known", "nanodollars": 0})
    checks.that(by_operation.get("chat") == expected, "`jobmon query` finds them by the category `budget`", found)
    # The search itself ends with this error, too.
    line = re.search(rf"^  budget +{len(stopped) + 1} .*\$0\.00$", report, re.MULTILINE)
    checks.that(line, "the report shows them, without wasted cost", report)


def make_older(db, nanos):
    with closing(sqlite3.connect(db, timeout=10)) as connection, connection:
        tables = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        for table, column in connection.execute(tables).fetchall():
            # The audit log cannot be changed.
            if column in ("start", "at") and table != "audit":
                connection.execute(f"UPDATE {table} SET {column} = {column} - {nanos}")


def check_tokens(checks, options, folder):
    folder, db = fresh(folder, "tokens")
    limit = 10_000
    done, ended = search(options.example_bin, folder, "--budget", "10k tokens")
    calls = model_calls(db, "input_tokens + output_tokens")
    used, most = sum(call.cost for call in calls), most_spent(calls, limit)
    checks.that(done.code == 0 and ended, "tokens are a limit, too", done)
    checks.that(limit // 2 < used <= most, f"{used} tokens were used of {limit}, at most {most}")


# ---- Four at a time -------------------------------------------------------------------------------------------


def check_together(checks, options, folder):
    folder, db = fresh(folder, "together")
    limit, processes = 5 * CENT, 4
    command = [options.example_bin, "--quiet", "--db", "history.db", "--budget", "$0.05"]
    with ExitStack() as all_ended:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running = [all_ended.enter_context(started(command, cwd=folder, **pipes)) for _ in range(processes)]
        began = time.monotonic()
        ends = [(process, *process.communicate(timeout=RUN_SECONDS)) for process in running]
    done = [Done(command, process.returncode, out, err, time.monotonic() - began) for process, out, err in ends]
    # One that comes when all is spent can do nothing.
    bad = [str(one) for one in done if one.code not in (0, 3) or not ENDED.search(one.out)]
    checks.none(bad, f"{processes} processes over one history end politely")

    calls = model_calls(db)
    begun, total = [call for call in calls if not call.stopped], spent(db)
    sessions = {call.session for call in begun}
    checks.that(len(sessions) > 1, f"{len(sessions)} of them have made calls", sessions)
    known = {call: known_to(call, begun) for call in begun}
    wrong = [f"{call.session}: {usd(spent)} was spent" for call, spent in known.items() if spent >= limit]
    checks.none(wrong, f"none of {len(begun)} calls began when its process knew of {usd(limit)} spent")
    most = limit + total - known[begun[-1]]
    within = total <= most < processes * limit
    checks.that(within, f"together they have spent {usd(total)} of {usd(limit)}, at most {usd(most)}: the rest was in flight or not yet seen")
    done, ended = search(options.example_bin, folder, "--budget", "$0.05")
    checks.that(done.code == 3 and ended["spent"] == usd(total), "a fifth one knows what they have spent, and is stopped", done)
    done = run([options.cli_bin, "history", "check", "--db", db])
    checks.that(done.code == 0, "sums and events agree", done)


def known_to(call, calls):
    """What was spent, as far as its process had to know it when a call began."""
    own = (one.cost for one in calls if one.session == call.session and one.end < call.start - CHARGED)
    others = (one.cost for one in calls if one.session != call.session and one.end < call.start - STALENESS)
    return sum(own) + sum(others)


# ---- Killed ---------------------------------------------------------------------------------------------------


def check_killed(checks, options, folder):
    folder, db = fresh(folder, "killed")
    # Four calls in flight reserve nearly half of it.
    configure(folder, f"name = 'all'\ntotal = true\nlimit = '{usd(2 * CENT)}'\nestimate = '$0.002'")
    command = [options.example_bin, "--db", "history.db"]
    with started(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        process.stderr.readline()
        # A line is printed before the call is stored, or after.
        while len(model_calls(db)) < 5 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        code = process.wait(timeout=10)
    total = spent(db)
    checks.that(code == -9 and total > 0, f"killed in the middle, when {usd(total)} was in the history", code)

    def next_run(left, needed):
        """With so much left below the limit, and a first call that needs so much of it."""
        budget = f"name = 'all'\ntotal = true\nlimit = '{usd(total + left)}'\nestimate = '{usd(needed)}'"
        configure(folder, budget)
        return search(options.example_bin, folder, "--postings", "1")

    done, ended = next_run(CENT // 10, CENT // 10 + 1)
    stopped = ended and (ended["spent"], ended["reserved"], ended["needed"])
    stopped_for = (usd(total), "$0.00", usd(CENT // 10 + 1))
    checks.that(done.code == 3 and stopped == stopped_for, "the next run is stopped where a nanodollar is missing", done)
    done, _ = next_run(CENT // 10, CENT // 10)
    checks.that(done.code == 0 and spent(db) > total, "and has all that is left: no reservation stays behind", done)


# ---- Each apart -----------------------------------------------------------------------------------------------


def check_each(checks, options, folder):
    limit = CENT // 4
    for each in ("user", "session"):
        place, db = fresh(folder, each)
        configure(place, f"name = 'each'\ntotal = true\neach = '{each}'\nlimit = '{usd(limit)}'")
        # Each run is a session of its own.
        for user in ("anna", "anna", "anna", "anna", "ben"):
            done, ended = search(options.example_bin, place, "--user", user)
            if each == "session" or user == "ben":
                checks.that(done.code == 0 and ended, f"each {each}: {user} is stopped, and has spent something", done)
        by_key = {}
        for call in model_calls(db):
            by_key.setdefault(getattr(call, each), []).append(call)
        if each == "user":
            checks.that(set(by_key) == {"anna", "ben"}, "there are two users", set(by_key))
            done, ended = search(options.example_bin, place, "--user", "anna")
            checks.that(done.code == 3 and ended["key"] == "anna", "each user: anna can do nothing more", done)
        else:
            checks.that(len(by_key) == 5, "each run is a session", set(by_key))
        for key, calls in by_key.items():
            total, most = sum(call.cost for call in calls), most_spent(calls, limit)
            within = limit // 2 < total <= most
            checks.that(within, f"each {each}: {key} has spent {usd(total)} of {usd(limit)}, at most {usd(most)}")


# ---- Mistakes -------------------------------------------------------------------------------------------------

MISTAKES = {
    "a limit that is no amount": ("[[budgets]]\nname = 'a'\nlimit = '5 EUR'\nper = 'day'\n", "3:9", "`5 EUR` is no amount; expected"),
    "a window that is none": ("[[budgets]]\nname = 'a'\nlimit = '$5'\nper = 'dya'\n", "4:7", 'expected "hour", "day"'),
    "no window": ("[[budgets]]\nname = 'a'\nlimit = '$5'\n", "1:1", "says of no time; expected an hour"),
    "an unknown key": ("[[budgets]]\nname = 'a'\nlimt = '$5'\n", "3:1", "`limt`; expected any of: name, limit"),
    "an unknown action": ("[[budgets]]\nname = 'a'\naction = 'stop'\n", "3:10", 'expected "block" or "warn"'),
    "a share beyond all": ("[[budgets]]\nname = 'a'\nwarn_at = 80\n", "3:11", "a number from 0 to 1"),
}


def check_mistakes(checks, options, folder):
    folder, _ = fresh(folder, "mistakes")
    for name, (text, place, words) in MISTAKES.items():
        (folder / "jobmon.toml").write_text(text)
        before = contents(folder)
        done, _ = search(options.example_bin, folder)
        line = text.splitlines()[int(place.split(":")[0]) - 1]
        told = all(part in done.err for part in (f"jobmon.toml:{place}", words, line)) and done.err.rstrip().endswith("^")
        checks.that(done.code == 1 and not done.out and told, f"{name}: told with its line and a caret", done)
        checks.none(changes(before, contents(folder)), f"{name}: nothing written")
    (folder / "jobmon.toml").unlink()
    done, _ = search(options.example_bin, folder, "--budget", "5 EUR")
    told = done.err.startswith("--budget: `5 EUR` is no amount; expected money such as `$5`")
    checks.that(done.code == 2 and told and not contents(folder), "--budget with no amount: told, nothing written", done)


def main():
    options = arguments(__doc__)
    checks = Checks()
    # Budgets of a day must not begin anew meanwhile.
    left = 86_400 - time.time() % 86_400
    if left < 120:
        title(f"Waiting {left:.0f} s for the day to end")
        time.sleep(left + 1)
    with tempfile.TemporaryDirectory(prefix="jobmon-budgets-") as folder:
        for name, check in (
            ("A limit, restarts, and the day after", check_limit),
            ("A limit in tokens", check_tokens),
            ("Four processes at a time", check_together),
            ("Killed in the middle", check_killed),
            ("Each user, each session", check_each),
            ("Mistakes", check_mistakes),
        ):
            title(name)
            check(checks, options, Path(folder))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
