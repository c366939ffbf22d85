#!/usr/bin/env python3
"""Thirty days of 100,000 calls with a known answer: is every figure the known one, is each incident told, and nothing else?

    tests/e2e/simulation.py [--synthetic-bin FILE] [--cli-bin FILE] [--keep FOLDER]

`simulated/traffic.py` decides what happens: a known mix of errors, repeats, truths that another process tells days later, a
cheaper model that is as good and one that is not, and seven incidents. `synthetic` writes it into a history, as an agent would.
Every figure of `jobmon quality`, `errors` and `experience` must then equal what `simulated/figures.py` computes from the
description alone, each saving of `jobmon insights` what `simulated/savings.py` does, and the alerts of `simulated/alerts.py`
must fire at the incidents within their windows, and at no other time."""

import csv
import io
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True
from harness import Checks, arguments, environment, run, title  # noqa: E402
from simulated import alerts  # noqa: E402
from simulated.figures import REPORTS, Simulated, agrees  # noqa: E402
from simulated.savings import models, savings  # noqa: E402
from simulated.traffic import CALLS, END, NANOS, START, traffic  # noqa: E402


def date(nanos):
    return datetime.fromtimestamp(nanos // NANOS, timezone.utc).strftime("%Y-%m-%d")


TIME = ["--since", date(START), "--until", date(END)]
SECONDS = 300


def write(options, folder, events, name):
    command = [str(options.synthetic_bin), str(folder / "history.db"), str(folder / f"{name}.jsonl")]
    described = "".join(f"{json.dumps(event)}\n" for event in sorted(events, key=lambda event: event["at"]))
    return subprocess.run(command, input=described.encode(), env=environment(), capture_output=True, timeout=SECONDS)


# ---- Reports --------------------------------------------------------------------------------------------------


def report(checks, cli, db, command, *more):
    done = run([cli, command, "--db", db, *TIME, *more], seconds=SECONDS)
    checks.that(done.code == 0 and done.out and not done.err, f"jobmon {command} {' '.join(more)}", done)
    return done.out


# Groups of a section that are figures here.
FACTS = {"patterns": ["first", "last", "example"]}


def check_section(checks, name, rows, wanted):
    """Each row of a section is one that we know, with every figure of it, and none is missing."""
    problems, left = [], dict(wanted)
    columns = {column for row in wanted.values() for column in row}
    groups = []
    for row in rows:
        row = dict(row)
        for fact in FACTS.get(name, []):
            row[fact] = facts(row.pop(fact))
        found = [known for known in left if all(row.get(group) == value for group, value in zip(group_names(name), known))]
        if not found:
            problems.append(f"not known: {row}")
            continue
        groups.append(found[0])
        known = left.pop(found[0])
        for column, value in known.items():
            told = row.get(column)
            if isinstance(value, str):
                good = told == value
            elif column in ("first", "last"):
                good = abs(told - value) < 1_000_000
            else:
                good = agrees(told, value)
            if not good:
                problems.append(f"{found[0]} {column}: {told}, known is {value}")
        more = set(row) - set(known) - set(group_names(name))
        if more:
            problems.append(f"{found[0]}: {more} are not computed here")
    # Of patterns only the most frequent are shown.
    if name == "patterns":
        least = min(row["failures"] for row in rows)
        left = {group: row for group, row in left.items() if row["failures"] > least}
        if len(rows) != 20:
            problems.append(f"{len(rows)} patterns")
    problems += [f"missing: {group}" for group in left]
    checks.none(problems, f"{name}: {len(rows)} rows of {len(columns)} figures are the known ones")


def facts(text):
    if re.fullmatch(r"\d{4}-.*Z", text):
        moment = datetime.fromisoformat(text)
        return int(moment.timestamp() * 1000) * 1_000_000
    return text


GROUPS = {
    "scores": ["score"], "score_ranges": ["score", "range"], "predictions": ["label"],
    "predictions_by_model": ["label", "provider", "model"], "searches": ["query"],
    "consistency": ["name", "provider", "model", "kind", "what"], "feedback": ["feature", "name"], "drift": ["score", "name"],
    "categories": ["category"], "patterns": ["category", "name", "model", "pattern"], "recovery": ["category"],
    "impact": ["category"], "end_to_end": ["feature", "name"], "features": ["feature"],
    "parameters": ["name", "parameter", "setting"], "sessions": [], "conversions": ["outcome"],
}  # fmt: skip


def group_names(section):
    return GROUPS[section]


def check_csv(checks, command, text, shown):
    """The CSV has every figure of the JSON, and no other."""
    lines = list(csv.DictReader(io.StringIO(text)))
    problems, told = [], 0
    for section, rows in shown["sections"].items():
        of = [line for line in lines if line["section"] == section]
        for row in rows:
            groups = group_names(section)
            mine = [line for line in of if all(spelled(line[group], row[group]) for group in groups)]
            for column in row.keys() - set(groups):
                value = row[column]["nanodollars"] / NANOS if isinstance(row[column], dict) else row[column]
                found = [float(line["value"]) for line in mine if line["measure"] == column]
                told += value is not None
                if found != [] if value is None else len(found) != 1 or abs(found[0] - value) > 1e-9 * max(abs(value), 1):
                    problems.append(f"{section} {[row[group] for group in groups]} {column}: {found}, not {value}")
    checks.none(problems, f"{command}: {told} figures are in the CSV, too")


def spelled(cell, value):
    return value is None and cell.strip("()-") in ("", "none", "all") or cell == value or cell == f"'{value}"


def check_shown(checks, command, text, shown, form):
    missing = [
        f"{section}: {row[group]}"
        for section, rows in shown["sections"].items()
        for row in rows
        for group in group_names(section)
        if row[group] and str(row[group])[:20] not in text.replace("&amp;", "&")
    ]
    checks.none(missing, f"{command} --format {form}: every group is there")


def check_reports(checks, cli, db, simulated):
    for command, sections in REPORTS.items():
        title(f"jobmon {command}")
        shown = json.loads(report(checks, cli, db, command, "--format", "json") or '{"sections": {}}')
        checks.that(list(shown["sections"]) and set(shown["sections"]) == set(sections), "its sections are those of docs/analysis.md", list(shown["sections"]))
        for name in sections:
            check_section(checks, name, shown["sections"].get(name, []), getattr(simulated, name)())
        if command == "quality":
            order = [row["query"] for row in shown["sections"]["searches"]]
            checks.that(order == [query for (query,) in simulated.searches()], "the best searches come first", order)
        if command == "experience":
            check_csv(checks, command, report(checks, cli, db, command, "--format", "csv"), shown)
            check_shown(checks, command, report(checks, cli, db, command, "--format", "markdown"), shown, "markdown")
        if command == "errors":
            check_shown(checks, command, report(checks, cli, db, command, "--format", "html"), shown, "html")


def check_filter(checks, cli, db, simulated):
    title("jobmon errors --filter")
    shown = json.loads(report(checks, cli, db, "errors", "--format", "json", "--filter", "feature=documents"))
    simulated.calls = [call for call in simulated.calls if call.get("feature") == "documents"]
    for name in ("categories", "recovery"):
        check_section(checks, name, shown["sections"][name], getattr(simulated, name)())


# ---- Insights -------------------------------------------------------------------------------------------------


def check_insights(checks, cli, db, simulated):
    title("jobmon insights")
    shown = json.loads(report(checks, cli, db, "insights", "--format", "json") or '{"insights": []}')
    told = {(one["kind"], tuple(sorted(one["subject"].items()))): one for one in shown["insights"]}
    known = savings(simulated)
    by_model = models(simulated)
    # Of several models that would do, the one that saves most is told.
    best = {}
    for subject, saving in by_model.items():
        model = dict(subject)["model"]
        if saving and (model not in best or saving.nanos() > best[model][1].nanos()):
            best[model] = (subject, saving)
    known |= {("cheaper_model", subject): saving for subject, saving in best.values()}
    checks.that(set(told) == set(known), f"{len(known)} insights are the known ones",
                f"not known: {set(told) - set(known)}\nmissing: {set(known) - set(told)}")  # fmt: skip
    for key in sorted(set(told) & set(known), key=str):
        one, saving = told[key], known[key]
        name = f"{key[0]} of {' '.join(str(value) for _, value in key[1])}"
        nanos = one["saving"]["nanodollars"]
        near = abs(nanos - saving.nanos()) <= 0.02 * saving.nanos()
        exact = abs(nanos - saving.nanos()) <= 1e-6 * saving.nanos() + 2
        checks.that(near and exact, f"{name}: ${nanos / NANOS:.4f}", f"known is {saving.nanos()}, told {nanos}")
        month = one["saving_per_month"]
        checks.that(month["nanodollars"] == nanos and month["low"] <= nanos <= month["high"], f"{name}: a month is these 30 days", month)
        counts = (one["calls"], one["affected_calls"], one["confidence"])
        checks.that(counts == (saving.calls, saving.affected, saving.confidence()), f"{name}: calls and confidence", (counts, saving.calls, saving.affected, saving.confidence()))
        checks.that(f"{one['affected_calls']:,}" in one["arithmetic"] and one["prices"], f"{name}: the arithmetic and the prices are told", one)
    out = {tuple(sorted(one["subject"].items())) for one in shown["ruled_out"] if one["kind"] == "cheaper_model"}
    worse = {subject for subject, saving in by_model.items() if saving is None}
    checks.that(out == worse and worse, f"{len(worse)} cheaper models are ruled out, which are worse", (out, worse))
    text = report(checks, cli, db, "insights", "--format", "terminal")
    checks.that(all(str(value) in text for key in known for _, value in key[1]), "all of it is in the text for people")


# ---- All of it ------------------------------------------------------------------------------------------------


def main():
    options = arguments(__doc__, ("cli_bin", "synthetic_bin"), keep="a folder for the history, to look at")
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-simulation-") as folder:
        folder = options.keep or Path(folder)
        folder.mkdir(exist_ok=True)
        db = folder / "history.db"
        db.unlink(missing_ok=True)
        title("Thirty days")
        made = traffic()
        checks.that(len(made.calls) >= CALLS, f"{len(made.calls):,} calls, {len(made.facts):,} facts, {len(made.truths):,} truths")
        for events, name in ((made.calls + made.facts, "agent"), (made.truths, "later")):
            done = write(options, folder, events, name)
            if not checks.that(done.returncode == 0, f"`{name}` writes {len(events):,} events", done.stderr):
                return checks.finish()
        simulated = Simulated(made)
        # Takes long: beside all else.
        beside = ThreadPoolExecutor(1).submit(alerts.replay, options.cli_bin, db, folder)
        check_reports(checks, options.cli_bin, db, simulated)
        check_insights(checks, options.cli_bin, db, simulated)
        check_filter(checks, options.cli_bin, db, simulated)
        alerts.check(checks, beside.result())
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
