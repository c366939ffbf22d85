#!/usr/bin/env python3
"""A month of synthetic traffic with a known answer: is every figure of the monthly report an independent sum?

    tests/e2e/month.py [--synthetic-bin FILE] [--cli-bin FILE] [--keep FOLDER]

Describes two months of calls and what came of them (features and calls without one, several models, two without a price,
retries that cost money, sessions, strategies, outcomes with and without a value), has them priced and written by
`synthetic`, and computes every figure of `jobmon report monthly` from the JSON lines alone: exactly for money and counts,
quantiles of latency within 1 %. Likewise for the report as of the middle of the month, with its forecast, for a week and
a day, and for all formats: CSV and HTML must say what JSON says.
"""

import csv
import datetime
import io
import json
import math
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

sys.dont_write_bytecode = True
from harness import Checks, arguments, environment, run, title  # noqa: E402
from totals import (  # noqa: E402
    DAY,
    HOUR,
    NANOS,
    SECTIONS,
    SESSIONS,
    AtMost,
    Cost,
    Rounded,
    agree,
    compare_rows,
    dollars,
    items_of,
    measures_of,
    moment_of,
    read_figure,
    section,
    sessions_of,
)

# ---- Traffic --------------------------------------------------------------------------------------------------


def at(*date):
    return int(datetime.datetime(*date, tzinfo=datetime.timezone.utc).timestamp()) * NANOS


# March has days that February has not.
BEFORE, START, END = at(2025, 2, 1), at(2025, 3, 1), at(2025, 4, 1)
MIDDLE = at(2025, 3, 20, 15, 30)
LATE_IN_MARCH = at(2025, 3, 30, 12)
# Weekends are quiet, the 3rd of March is a launch, the 9th is a day off.
WEEKDAYS = [90, 95, 100, 95, 85, 20, 15]

MODELS = {
    "analysis": ("gcp.gemini", "gemini-2.0-flash"),
    "documents": ("anthropic", "claude-3-5-sonnet-20241022"),
    "search": ("openai", "gpt-4o-mini"),
    "house": ("llama.cpp", "house-model-7b"),
    "new": ("openai", "gpt-nobody-has-priced-yet"),
}
HOSTILE = "=1+1,\"</style><script>alert(1)</script>\u202e\x07"
FEATURES = [
    ("job_analysis", "analyze", "analysis", 50),
    ("documents", "write_documents", "documents", 15),
    ("job_search", "search", "search", 15),
    (None, "experiment", "search", 8),
    ("chat", "answer", "house", 4),
    (HOSTILE, "probe", "new", 3),
]
STRATEGIES = ["broad", "core_skills", "referral"]


class Traffic:
    def __init__(self):
        self.random = random.Random(20250301)
        self.events = []

    def id(self):
        return f"{self.random.getrandbits(128) | 1:032x}-{self.random.getrandbits(64) | 1:016x}"

    def day(self, start, launched):
        date = datetime.datetime.fromtimestamp(start // NANOS, datetime.timezone.utc)
        if (date.month, date.day) == (3, 9):
            return
        count = WEEKDAYS[date.weekday()] * (3 if (date.month, date.day) == (3, 3) else 1)
        sessions = [f"{date:%m-%d}-{n}" for n in range(max(count // 12, 1))]
        features = FEATURES + ([("salary_check", "check_salary", "search", 12)] if launched else [("interview_prep", "prepare", "analysis", 10)])
        for _ in range(count):
            moment = start + self.random.randrange(DAY)
            [(feature, name, model, _)] = self.random.choices(features, [weight for *_, weight in features])
            scope = {
                "feature": feature,
                "session": self.random.choice(sessions) if self.random.random() < 0.9 else None,
                "user": self.random.choice(["ann", "bob", None]),
                "strategy": self.random.choice(STRATEGIES) if feature in ("job_analysis", "documents") else None,
            }
            self.call(moment, {key: value for key, value in scope.items() if value}, name, model)

    def call(self, moment, scope, name, model):
        provider, model = MODELS[model]
        call = {
            "type": "call", "id": self.id(), "at": moment, "name": name, "operation": "chat", "provider": provider,
            "model": model, "duration_nanos": int(self.random.lognormvariate(20.5, 0.6)), "end": "ok", "answers": [], **scope,
        }  # fmt: skip
        answer = lambda attempt: {
            "attempt": attempt, "model": model, "input": self.random.randrange(200, 9000),
            "output": self.random.randrange(20, 1200), "cache_read": self.random.choice([0, 0, 150]),
        }  # fmt: skip
        kind = self.random.random()
        # The strategy `referral` never loses an answer, so that its return is known exactly.
        if kind < 0.06:
            # An answer that could not be read is paid for; the next one is, too.
            call |= {"attempts": ["parsing", None], "answers": [answer(1), answer(2)]}
        elif kind < 0.10:
            call |= {"attempts": ["rate_limit", "rate_limit", None], "http_status": 429, "answers": [answer(3)]}
        elif kind < 0.12 and scope.get("strategy") != "referral":
            call |= {"attempts": ["timeout", None], "answers": [answer(2)]}
        elif kind < 0.14:
            call |= {"end": "error", "category": "content_filter", "answers": [answer(1)]}
        elif kind < 0.15:
            call |= {"end": "error", "category": "server", "http_status": 503, "attempts": ["server", "server"]}
        elif kind < 0.155 and scope.get("strategy") != "referral":
            pass
        elif kind < 0.16:
            call |= {"end": "cancelled", "answers": [answer(1)]}
        else:
            call["answers"] = [answer(1)]
        self.events.append(call)
        about = {"call": call["id"]}
        later = moment + self.random.randrange(3 * DAY)
        if name == "analyze" and call["end"] == "ok":
            self.add("score", moment + 1, {"name": "match", "value": self.random.randrange(101), **about})
            if self.random.random() < 0.3:
                self.add("outcome", moment + 2, {"kind": "match", **about})
            if self.random.random() < 0.1:
                value = self.random.choice([None, None, 30 * NANOS, 12_345_678_901])
                self.add("outcome", later, {"kind": "application", "value_nanodollars": value, **about})
            if self.random.random() < 0.02:
                self.add("outcome", later, {"kind": "interview", "value_nanodollars": 200 * NANOS, **about})
            if self.random.random() < 0.1:
                self.add("feedback", later, {"verdict": self.random.choice(["positive", "positive", "negative"]), **about})
        if name == "search":
            results = self.random.randrange(40)
            strategy = self.random.choice(STRATEGIES)
            relevant = self.random.choice([None, self.random.randrange(results + 1)])
            self.add("search", moment, {"query": "rust", "strategy": strategy, "results": results, "relevant": relevant})
        if self.random.random() < 0.005 and call["end"] == "ok":
            late = {"call_name": name, "operation": "chat", "provider": provider, "model": model, "answer": answer(1)}
            self.add("late", moment + HOUR // 2, {**late, **scope, **about})

    def add(self, kind, moment, more):
        self.events.append({"type": kind, "at": moment, **{key: value for key, value in more.items() if value is not None}})


def traffic():
    made = Traffic()
    # Of January's last days there is nothing: nobody was looking.
    for start in range(BEFORE, at(2025, 4, 3), DAY):
        made.day(start, start >= START)
    calls = [event for event in made.events if event["type"] == "call"]
    facts = [event for event in made.events if event["type"] != "call"]
    return calls + facts


# ---- The figures that only a period has -----------------------------------------------------------------------

COMPARED = (
    "cost wasted_cost cost_per_call calls model_calls success_rate errors retried_calls input_tokens output_tokens "
    "p95_latency outcomes outcome_value cost_per_outcome roi"
).split()


class AboutChange(float):
    """A change between two figures that a sketch may miss by a little."""


def inside(items, since, until):
    return [item for item in items if since <= item.at < until]


def amount(figure):
    if isinstance(figure, Cost):
        return None if figure.grade == "unpriced" else figure.nanos
    return None if isinstance(figure, AtMost) else figure


SHARES = {"success_rate", "roi"}


def change(name, now, before):
    now, before = amount(now), amount(before)
    if name in SHARES or now is None or not before or before < 0:
        return None
    return (now - before) / before


def compared(now, same, whole):
    rows = {}
    for name in COMPARED:
        figures = {"value": now[name], "previous": same[name], "change": change(name, now[name], same[name])}
        if whole is not None:
            figures["all_of_previous"] = whole[name]
        # An amount of exactly nothing, and nothing at all, say nothing.
        if any(figure is not None and (figure != 0 or name in SHARES) for key, figure in figures.items() if key != "change"):
            rows[name] = figures
    return rows


def t_quantile(share, freedom):
    """Of Student's t, by integrating its density: nothing here knows a table."""
    weight = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda t: weight * (1 + t * t / freedom) ** (-(freedom + 1) / 2)

    def below(x, steps=2000):
        width = x / steps
        inner = sum((4 if n % 2 else 2) * density(n * width) for n in range(1, steps))
        return 0.5 + (density(0) + inner + density(x)) * width / 3

    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return low


def forecast_of(items, now, end, spent):
    today = now // DAY * DAY
    seen = inside(items, today - 28 * DAY, today)
    if not seen:
        return None
    first = min(item.at for item in seen) // DAY * DAY
    days = [measures_of(inside(seen, day, day + DAY))["cost"] or Cost(0, "known") for day in range(first, today, DAY)]
    n, r = len(days), (end - now) / DAY
    if n < 3:
        return None
    mean = sum(day.nanos for day in days) / n
    deviation = math.sqrt(sum((day.nanos - mean) ** 2 for day in days) / (n - 1))
    margin = t_quantile(0.9, n - 1) * deviation * math.sqrt(r + r * r / n)
    sure = all(day.grade == "known" for day in [*days, spent])
    grade = "known" if sure else "at_least"
    more = lambda rest: (spent.nanos + max(rest, 0), grade)
    return {
        "spent": spent,
        "forecast": more(mean * r),
        "forecast_low": more(mean * r - margin),
        "forecast_high": more(mean * r + margin),
        "mean_per_day": (mean, grade),
        "days_observed": n,
        "days_remaining": r,
    }


# ---- Comparing ------------------------------------------------------------------------------------------------


class Month:
    """A period, the one before it, and the moment at which it is looked at."""

    def __init__(self, words, name, start, end, previous, as_of=None, step=DAY):
        self.words, self.name, self.start, self.end = words, name, start, end
        self.previous, self.as_of, self.step = previous, as_of or end, step
        self.over = self.as_of == end
        passed = min(previous + (self.as_of - start), start)
        self.same = (previous, start if self.over else passed)


MONTHS = [
    Month(["monthly", "--for", "2025-03"], "March", START, END, BEFORE),
    Month(["--for", "2025-03", "--until", moment_of(MIDDLE)], "March as of the 20th", START, END, BEFORE, MIDDLE),
    Month(["--for", "2025-03", "--until", moment_of(LATE_IN_MARCH)], "March as of the 30th", START, END, BEFORE, LATE_IN_MARCH),
    Month(["monthly", "--for", "2025-02"], "February, the first month", BEFORE, START, at(2025, 1, 1)),
    Month(["weekly", "--for", "2025-W10"], "a week", at(2025, 3, 3), at(2025, 3, 10), at(2025, 2, 24)),
    Month(["weekly", "--until", moment_of(MIDDLE)], "a week so far", at(2025, 3, 17), at(2025, 3, 24), at(2025, 3, 10), MIDDLE),
    Month(["daily", "--for", "2025-03-04"], "a day", at(2025, 3, 4), at(2025, 3, 5), at(2025, 3, 3), step=HOUR),
    Month(["daily", "--until", moment_of(MIDDLE)], "a day so far", at(2025, 3, 20), at(2025, 3, 21), at(2025, 3, 19), MIDDLE, HOUR),
    Month(["monthly", "--until", "2025-04-01"], "the month before a moment", START, END, BEFORE),
]


def check_period(checks, cli, db, items, month, where=None, words=()):
    where = where or month.name
    done = run([cli, "report", "--db", db, "--format", "json", *month.words, *words])
    if not checks.that(done.code == 0 and not done.err, f"{where}: the report", done):
        return None
    report = json.loads(done.out)
    sections = report["sections"]
    now = inside(items, month.start, month.as_of)
    same, whole = inside(items, *month.same), inside(items, month.previous, month.start)

    period = report["period"]
    times = [moment_of(nanos)[:23] for nanos in (month.start, month.end, month.as_of)]
    said = [period[key][:23] for key in ("start", "end", "as_of")]
    checks.that(said == times and period["over"] == month.over, f"{where}: from when to when", period)

    for id_ in SECTIONS:
        by, names, groups = section(now, id_)
        if id_ == "features":
            before = section(same, id_)[2]
            for group in before.keys() - groups.keys():
                groups[group] = measures_of([]) | {"share": None}
            for group, figures in groups.items():
                figures["previous_cost"] = before[group]["cost"] if group in before else None
                figures["change"] = change("cost", figures["cost"], figures["previous_cost"])
            names = [*names, "previous_cost", "change"]
        rows = sections.get(id_, [])
        checks.none(compare_rows(rows, groups, by, names), f"{where}: {id_}, {len(names) * len(groups)} figures in {len(groups)} rows")
    rows = sections["features"]
    checks.that(rows[-1]["feature"] is None, f"{where}: the last line of the features is nobody's", rows)
    costs = sum(row["cost"]["nanodollars"] for row in rows if row["cost"])
    total = sections["summary"][0]["cost"]
    checks.that(costs == total["nanodollars"], f"{where}: the features add up to the total, ${dollars(costs)} {total['grade']}", total)
    wasted = sum((row["wasted_cost"] or {"nanodollars": 0})["nanodollars"] for row in sections["errors"])
    checks.that(
        wasted == sections["summary"][0]["wasted_cost"]["nanodollars"],
        f"{where}: failed and retried attempts add up to the wasted cost, ${dollars(wasted)}",
        sections["errors"],
    )

    wanted = sessions_of(now)
    checks.none(compare_rows(sections.get("sessions", []), {(None, ()): wanted} if wanted else {}, [], SESSIONS), f"{where}: sessions")

    there = measures_of(whole if not month.over else same)
    if whole or (month.over and same):
        figures = compared(measures_of(now), measures_of(same), None if month.over else there)
        check_comparison(checks, where, figures, sections["comparison"])
    else:
        nothing = not sections["comparison"] and "nothing happened" in report["notes"]["comparison"]
        checks.that(nothing, f"{where}: nothing to compare with is said", report["notes"])

    slices = {}
    for start in range(month.start, month.as_of, month.step):
        moment = datetime.datetime.fromtimestamp(start // NANOS, datetime.timezone.utc)
        name = f"{moment:%Y-%m-%d}" if month.step == DAY else f"{moment:%H:%M}"
        slices[None, (name,)] = measures_of(inside(now, start, min(start + month.step, month.as_of)))
    id_ = "days" if month.step == DAY else "hours"
    problems = compare_rows(sections[id_], slices, [id_[:-1]], ["cost", "wasted_cost", "model_calls"])
    checks.none(problems, f"{where}: {id_}, {len(slices)} of them")

    if month.over:
        checks.that("forecast" not in sections, f"{where}: what is over has no forecast", sections.get("forecast"))
    else:
        check_forecast(checks, where, forecast_of(items, month.as_of, month.end, measures_of(now)["cost"]), report)
    known = {*SECTIONS, "sessions", "comparison", "days", "hours", "forecast", "values"}
    checks.that(set(sections) <= known, f"{where}: no section that was not looked at", set(sections) - known)
    return report


def check_comparison(checks, where, wanted, rows):
    found = {row["compared"]: row for row in rows}
    problems = [f"{name} is only on one side" for name in wanted.keys() ^ found.keys()]
    for name in wanted.keys() & found.keys():
        for key, figure in wanted[name].items():
            got = read_figure(key, found[name][key])
            if name == "p95_latency" and key == "change":
                sound = abs(got - figure) < 0.025
            elif name in ("wasted_cost", "outcome_value") and key != "change":
                sound = got == figure
            else:
                sound = agree(figure, got)
            if not sound:
                problems.append(f"{name}: {key} is {got!r}, not {figure!r}")
    checks.none(problems, f"{where}: compared with the period before, {len(wanted)} rows")


def check_forecast(checks, where, wanted, report):
    rows = report["sections"]["forecast"]
    if wanted is None:
        checks.that(not rows and "not enough data" in report["notes"]["forecast"], f"{where}: too few days for a forecast", rows)
        return
    problems = []
    for name, figure in wanted.items():
        found = rows[0][name]
        if isinstance(figure, tuple):
            nanos, grade = figure
            sound = found["estimate"] is True and found["grade"] == grade
            sound = sound and math.isclose(found["nanodollars"], nanos, rel_tol=2e-6, abs_tol=1)
        elif isinstance(figure, Cost):
            sound = read_figure(name, found) == figure
        else:
            sound = math.isclose(found, figure, rel_tol=1e-9)
        if not sound:
            problems.append(f"{name} is {found}, not {figure}")
    low, middle, high = (wanted[name][0] / NANOS for name in ("forecast_low", "forecast", "forecast_high"))
    checks.none(problems, f"{where}: forecast ${middle:.2f}, ${low:.2f} to ${high:.2f}, from {wanted['days_observed']} days")


# ---- Other formats --------------------------------------------------------------------------------------------


def seen(text):
    """Without what could steer a terminal or hide text."""
    hidden = lambda c: ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u200b"
    return "".join("\ufffd" if hidden(c) else c for c in text)


def check_csv(checks, cli, db, month, report):
    done = run([cli, "report", "--db", db, "--format", "csv", *month.words])
    heads, *lines = list(csv.reader(io.StringIO(done.out)))
    found = defaultdict(list)
    for line in lines:
        cell = dict(zip(heads, line))
        group = tuple(cell[head] for head in heads[1:-4] if cell[head])
        found[cell["section"], group, cell["measure"]].append((cell["value"], cell["unit"], cell["grade"]))
    nothing = {"features": "(unattributed)", "models": "(not given)", "errors": "(calls that ended without an error)", "unpriced": "(not given)"}
    problems, figures = [], 0
    dimensions = set(heads[1:-4])
    for id_, rows in report["sections"].items():
        for row in rows:
            text = lambda value: nothing.get(id_, "-") if value is None else ("'" * value.startswith(("=", "+", "-", "@"))) + seen(value)
            group = tuple(text(row[head]) for head in heads[1:-4] if head in row)
            for name, figure in row.items():
                if name in dimensions or figure is None:
                    continue
                figures += 1
                got = found.pop((id_, group, name), [])
                if len(got) != 1 or not same_figure(figure, *got[0]):
                    problems.append(f"{id_} {group} {name}: {got}, in JSON {figure}")
    rest = [key for key in found if key[0] != "report" and key[2] != "note"]
    problems += [f"{key} is not in JSON" for key in rest]
    checks.none(problems, f"{month.name}: the CSV says what JSON says, {figures} figures")
    formulas = [line for line in lines for cell in line if cell[:1] in ("=", "+", "@") or re.match(r"-[^0-9]", cell)]
    checks.none([str(line) for line in formulas if "-" not in line], f"{month.name}: no cell of the CSV is a formula")


def same_figure(figure, value, unit, grade):
    if isinstance(figure, dict):
        if "at_most" in figure:
            return float(value) == figure["at_most"] and grade == "at_most"
        wanted = figure.get("grade", "known")
        if figure.get("estimate"):
            wanted = {"known": "estimate", "at_least": "estimate_at_least"}[wanted]
        amount = "" if wanted == "unpriced" else Decimal(figure["nanodollars"]) / NANOS
        return unit == "usd" and grade == wanted and (value == "" if amount == "" else Decimal(value) == amount)
    return unit in ("count", "ratio", "seconds", "number") and float(value) == figure


class Page(HTMLParser):
    """The tables of a page, and whether it has anything that could run or be fetched."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.tables, self.stack, self.cell = Counter(), set(), {}, [], None

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes |= {(tag, name) for name, _ in attributes}
        attributes = dict(attributes)
        if tag == "section":
            self.stack = self.tables.setdefault(attributes["id"], [])
        if tag == "tr":
            self.stack.append([])
        if tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.stack[-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def check_html(checks, cli, db, month, report, folder):
    path = folder / "report.html"
    done = run([cli, "report", "--db", db, "--format", "html", "--output", path, *month.words])
    checks.that(done.code == 0 and not done.out and not done.err, f"{month.name}: the HTML is written to a file", done)
    page = Page()
    text = path.read_text(encoding="utf-8")
    page.feed(text)
    unwanted = {"script", "img", "link", "iframe", "object", "a", "form", "base"} & set(page.tags)
    handlers = {name for _, name in page.attributes if name.startswith("on") or name in ("src", "href", "style")}
    checks.that(not unwanted and not handlers, f"{month.name}: nothing in the HTML runs or is fetched", (unwanted, handlers))
    checks.that("\u202e" not in text and "\x07" not in text, f"{month.name}: nothing in the HTML is hidden")
    checks.that(set(page.tables) == set(report["sections"]), f"{month.name}: the HTML has every section", set(page.tables))
    rows = page.tables["features"][1:]
    wanted = [[seen(row["feature"]) if row["feature"] else "(unattributed)", f"{row['model_calls']:,}"] for row in report["sections"]["features"]]
    place = page.tables["features"][0].index("model calls")
    checks.that([[row[0], row[place]] for row in rows] == wanted, f"{month.name}: the HTML has every feature", rows)


def check_known_prices(checks, items):
    """A few answers by hand: what providers asked for a million tokens in March 2025."""
    prices = {"gpt-4o-mini": (150, 600), "claude-3-5-sonnet-20241022": (3000, 15000)}
    looked_at, problems = Counter(), []
    for item in items:
        for answer in item.line.get("answers", []) if item.kind == "call" else []:
            usage, model = answer["usage"], item.line["model"]
            if model in prices and not usage.get("cache_read"):
                looked_at[model] += 1
                nanos = usage["input"] * prices[model][0] + usage["output"] * prices[model][1]
                if answer["cost"] != {"nanodollars": nanos, "grade": "known"}:
                    problems.append(f"{model}: {answer}")
    checks.none(problems, f"the prices are those of the providers, {dict(looked_at)} answers by hand")


# ---- Values of outcomes ---------------------------------------------------------------------------------------

CONFIG = """
project_id = "jobsearch-ai"
[outcomes]
application = "$7.5"
match = 0.000000001
"""
CONFIGURED = {"application": 7_500_000_000, "match": 1}
GIVEN = {"application": 25 * NANOS, "interview": 199_990_000_000}


def valued(lines, given, configured):
    """The lines as they would be if outcomes had these values."""
    for line in lines:
        if line["type"] == "outcome":
            value = given.get(line["kind"], line.get("value_nanodollars", configured.get(line["kind"])))
            line = line | ({} if value is None else {"value_nanodollars": value})
        yield line


def check_values(checks, options, cli, db, lines, events, folder):
    (folder / "values.toml").write_text(CONFIG)
    words = [word for kind, nanos in GIVEN.items() for word in ("--value", f"{kind}=${dollars(nanos)}")]
    config = ["--config", folder / "values.toml"]
    for where, words, given, configured in (
        ("values of the command line", words, GIVEN, {}),
        ("values of the configuration", config, {}, CONFIGURED),
        ("values of both", [*config, *words], GIVEN, CONFIGURED),
    ):
        for month in MONTHS[:2]:
            items = list(items_of(list(valued(lines, given, configured))))
            report = check_period(checks, cli, db, items, month, f"{where}, {month.name}", words)
            rows = [(row["outcome"], row["source"], row["value"]["nanodollars"]) for row in report["sections"]["values"]]
            wanted = [(kind, "command line", nanos) for kind, nanos in given.items()]
            wanted += [(kind, "configuration", nanos) for kind, nanos in configured.items() if kind not in given]
            checks.that(sorted(rows) == sorted(wanted), f"{where}: the report says which they are", rows)

    done, valued_lines = write(options, folder, "valued", events, "values.toml")
    checks.that(done.returncode == 0, "an agent with values in its configuration", done)
    key = lambda line: (line.get("call", ""), line["kind"], line["at_unix_nanos"], line.get("value_nanodollars") or -1)
    of = lambda lines: sorted(key(line) for line in lines if line["type"] == "outcome")
    wanted = of(valued(lines, {}, CONFIGURED))
    checks.that(of(valued_lines) == wanted, f"its {len(wanted)} outcomes have those values, where they had none")


def write(options, folder, name, events, *config):
    """Has events priced and written; gives back their lines."""
    command = [options.synthetic_bin.resolve(), f"{name}.db", f"{name}.jsonl", *config]
    described = "".join(f"{json.dumps(event)}\n" for event in events).encode()
    done = subprocess.run(command, cwd=folder, input=described, env=environment(), capture_output=True, timeout=120)
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8") if done.returncode == 0 else ""
    return done, [json.loads(line) for line in lines.splitlines()]


def main():
    options = arguments(__doc__, ("cli_bin", "synthetic_bin"), keep="a folder for the history and the reports, to look at")
    checks = Checks()
    cli = options.cli_bin.resolve()
    with tempfile.TemporaryDirectory(prefix="jobmon-month-") as folder:
        folder = options.keep or Path(folder)
        folder.mkdir(exist_ok=True)
        events = traffic()
        title("Two months of traffic")
        done, lines = write(options, folder, "month", events)
        if not checks.that(done.returncode == 0 and len(lines) == len(events), f"{len(events)} events are written", done):
            return checks.finish()
        db = folder / "month.db"
        items = list(items_of(lines))
        check_known_prices(checks, items)
        done = run([cli, "history", "check", "--db", db])
        checks.that(done.code == 0, "the sums of hours, days and sessions agree with the events", done)

        for month in MONTHS:
            title(f"{month.name}: jobmon report {' '.join(month.words)}")
            report = check_period(checks, cli, db, items, month)
            if report and month in (MONTHS[0], MONTHS[1], MONTHS[6]):
                check_csv(checks, cli, db, month, report)
                check_html(checks, cli, db, month, report, folder)
        title("Values of outcomes")
        check_values(checks, options, cli, db, lines, events, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
