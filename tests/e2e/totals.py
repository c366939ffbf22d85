#!/usr/bin/env python3
"""Do the figures of `jobmon report` and `jobmon query` equal an independent sum over the JSONL of the same runs?

    tests/e2e/totals.py [--example-bin FILE] [--cli-bin FILE]

Runs the example twice into one history, each run with a JSONL file of its own, and computes every measure of every
section from those lines alone: nothing here asks the history. Counts and money must be equal to the last
nanodollar, the longest latency to the nanosecond; quantiles, which the history keeps in a sketch, within 1 % of the
nearest rank. The same is asked of `query` in its three formats, over all of time and since the second run.
"""

import csv
import datetime
import io
import json
import math
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

sys.dont_write_bytecode = True
from harness import Checks, arguments, run, title  # noqa: E402

NANOS = 10**9
HOUR = 3600 * NANOS
DAY = 24 * HOUR
WITHIN = 0.01

# ---- What happened, from the lines of JSON --------------------------------------------------------------------

SCOPE = ("project", "service", "environment", "feature", "strategy", "session", "user")
FACTS = ("score", "outcome", "label")
KINDS = {"call", "score", "feedback", "outcome", "search", "prediction", "truth"}
# What is reported of a call after its end: not every run has some.
LATE = "late"


class Item:
    """Something that counts: a call, a failed attempt of one, or a fact; with a value for each dimension it has."""

    def __init__(self, kind, at, key, line):
        self.kind, self.at, self.line = kind, at, line
        self.key = {dimension: value for dimension, value in key.items() if value}


def items_of(lines):
    calls = {line["id"]: line for line in lines if line["type"] == "call"}
    for line in lines:
        key = {dimension: line.get(dimension) for dimension in SCOPE}
        if line["type"] == "call":
            key |= subject(line, line["name"])
            failure = line.get("error")
            failed = [attempt["error"] for attempt in line.get("attempts", []) if "error" in attempt]
            if not line.get("attempts") and failure:
                failed = [failure]
            for error in failed:
                yield Item("attempt", line["start_unix_nanos"], key | {"category": error["category"]}, line)
            if failure:
                key["category"] = failure["category"]
            yield Item("call", line["start_unix_nanos"], key, line)
        else:
            if "operation" in line:
                key |= subject(line, line.get("call_name"))
            elif about := calls.get(line.get("call")):
                # Reported after its call had ended: it belongs where that call does.
                key |= subject(about, about["name"])
                key = {name: value or about.get(name) for name, value in key.items()}
            if line["type"] == "score":
                key["score"] = line["name"]
            if line["type"] == "outcome":
                key["outcome"] = line["kind"]
            if line["type"] in ("prediction", "truth"):
                key["label"] = line["name"]
            if line["type"] == LATE:
                key["category"] = line.get("category")
            yield Item(line["type"], line["at_unix_nanos"], key, line)


def subject(line, name):
    answered = [answer.get("model") for answer in line.get("answers", []) if answer.get("model")]
    model = line.get("model") or (answered[-1] if answered else None)
    return {"operation": line.get("operation"), "name": name, "provider": line.get("provider"), "model": model}


# ---- Measures -------------------------------------------------------------------------------------------------


class Cost:
    """Money with a grade; equal when both are."""

    def __init__(self, nanos, grade):
        self.nanos, self.grade = nanos, grade

    def shared(self, things):
        return Cost((self.nanos + things // 2) // things, self.grade) if things else None

    def __eq__(self, other):
        return isinstance(other, Cost) and (self.nanos, self.grade) == (other.nanos, other.grade)

    def __repr__(self):
        return f"{self.nanos} n$ ({self.grade})"


class AtMost(float):
    """An upper bound."""


class About(float):
    """A figure that a sketch may miss by a little."""


class Rounded(float):
    """A time that is given to the nearest nanosecond."""


def total_of(costs):
    """A sum is as sure as the least sure of its parts."""
    if not costs:
        return None
    grades = {cost.grade for cost in costs}
    grade = grades.pop() if len(grades) == 1 else "at_least"
    return Cost(sum(cost.nanos for cost in costs), grade)


def cost_of(line):
    cost = line.get("cost")
    return Cost(cost.get("nanodollars", 0), cost["grade"]) if cost else None


def is_model_call(line):
    return line["operation"] in MODEL_OPERATIONS or bool(line.get("answers"))


MODEL_OPERATIONS = ("chat", "text_completion", "generate_content", "embeddings")


def tokens(line, kind):
    return sum((answer.get("usage") or {}).get(kind, 0) for answer in line.get("answers", []))


def wasted(line):
    failed = {attempt["number"] for attempt in line.get("attempts", []) if "error" in attempt}
    return sum(
        answer["cost"].get("nanodollars", 0)
        for answer in line.get("answers", [])
        if line["end"] != "ok" or answer["attempt"] in failed
    )


def late_as_call(line):
    """What came late counts as an answer of its call does."""
    answers = [line["answer"]] if "answer" in line else []
    return {"answers": answers, "end": "error" if line.get("for_nothing") else "ok"}


def nearest_rank(numbers, share):
    numbers = sorted(numbers)
    return numbers[max(math.ceil(Fraction(share) * len(numbers)), 1) - 1] if numbers else None


def ratio(part, whole):
    return part / whole if whole else None


def measures_of(items):
    """Every measure of the catalogue, by name."""
    of = defaultdict(list)
    for item in items:
        of[item.kind].append(item.line)
    calls = of["call"]
    ends = Counter(line["end"] for line in calls)
    model_calls = [line for line in calls if is_model_call(line)]
    attempts = [max(len(line.get("attempts", [])), 1) for line in calls]
    retried = [line for line in calls if len(line.get("attempts", [])) > 1]
    recovered = [line for line in retried if line["end"] == "ok"]
    recovered_attempts = sum(line["end"] == "ok" for line in of["attempt"])
    late = [late_as_call(line) for line in of[LATE]]
    costs = [cost_of(line) for line in calls if cost_of(line)]
    costs += [cost_of(answer) for line in late for answer in line["answers"]]
    cost = total_of(costs)
    errors = ends["error"] + ends["panicked"]
    durations = [line["duration_nanos"] for line in calls if "duration_nanos" in line]
    firsts = [line["first_token_nanos"] for line in calls if "first_token_nanos" in line]
    chunks = [line["chunks"] for line in calls if "chunks" in line]
    gaps = [(one["last_nanos"] - one["first_nanos"]) // (one["count"] - 1) for one in chunks if one["count"] > 1]
    backoff = sum(attempt.get("backoff_nanos", 0) for line in calls for attempt in line.get("attempts", []))
    scores = [line["value"] for line in of["score"]]
    verdicts = Counter(line["verdict"] for line in of["feedback"])
    outcomes = len(of["outcome"])
    value = sum(line.get("value_nanodollars", 0) for line in of["outcome"])
    searches = of["search"]
    judged = sum(line.get("results", 0) for line in searches if "relevant" in line)
    relevant = sum(line.get("relevant", 0) for line in searches)
    token_sums = {
        name: sum(tokens(line, kind) for line in calls + late)
        for name, kind in (
            ("input_tokens", "input"),
            ("output_tokens", "output"),
            ("cache_read_tokens", "cache_read"),
            ("cache_write_tokens", "cache_write"),
            ("reasoning_tokens", "reasoning"),
            ("input_audio_tokens", "input_audio"),
            ("output_audio_tokens", "output_audio"),
            ("input_image_tokens", "input_image_tokens"),
            ("output_image_tokens", "output_image_tokens"),
            ("web_searches", "web_searches"),
        )
    }
    judged_labels = Counter(line["judged"] for line in of["prediction"] + of["truth"] if "judged" in line)
    right = {name: judged_labels[name[:-1]] for name in ("true_positives", "false_positives", "true_negatives", "false_negatives")}
    tp, fp, tn, fn = right.values()
    removed = {
        f"redacted_{kind}s": sum(item.line.get("redactions", {}).get(kind, 0) for item in items if item.kind != "attempt")
        for kind in ("email", "phone", "card", "iban", "key", "field", "pattern")
    }
    roi = None
    if cost and cost.nanos > 0 and outcomes:
        roi = (float(value) - float(cost.nanos)) / float(cost.nanos)
        roi = roi if cost.grade == "known" else AtMost(roi)
    seconds = sum(durations) / NANOS

    def latency(share, of=durations):
        nanos = nearest_rank(of, share)
        return None if nanos is None else About(nanos / NANOS)

    def score(share):
        found = nearest_rank(scores, share)
        return None if found is None else About(found)

    return token_sums | right | removed | {
        "calls": len(calls),
        "model_calls": len(model_calls),
        "successes": ends["ok"],
        "errors": errors,
        "cancelled": ends["cancelled"],
        "panics": ends["panicked"],
        "abandoned": ends["abandoned"],
        "success_rate": ratio(ends["ok"], len(calls)),
        "error_rate": ratio(errors, len(calls)),
        "attempts": sum(attempts),
        "retried_calls": len(retried),
        "recovered_calls": len(recovered),
        "recovery_rate": ratio(len(recovered), len(retried)),
        "failed_attempts": len(of["attempt"]),
        "recovered_attempts": recovered_attempts,
        "attempt_recovery_rate": ratio(recovered_attempts, len(of["attempt"])),
        "total_tokens": token_sums["input_tokens"] + token_sums["output_tokens"],
        "cost": cost,
        "wasted_cost": sum(map(wasted, calls + late)) if cost else None,
        "cost_per_call": cost and cost.shared(len(model_calls)),
        "unpriced_calls": sum(one.grade == "unpriced" for one in costs),
        "partly_priced_calls": sum(one.grade == "at_least" for one in costs),
        "calls_without_usage": sum(bool(line.get("usage_missing")) for line in calls),
        "late_reports": len(late),
        "mean_latency": Rounded(seconds / len(durations)) if durations else None,
        "p50_latency": latency("0.5"),
        "p90_latency": latency("0.9"),
        "p95_latency": latency("0.95"),
        "p99_latency": latency("0.99"),
        "max_latency": Rounded(max(durations) / NANOS) if durations else None,
        "p50_time_to_first_token": latency("0.5", firsts),
        "p95_time_to_first_token": latency("0.95", firsts),
        "chunks": sum(one["count"] for one in chunks),
        "p50_time_per_output_chunk": latency("0.5", gaps),
        "p95_time_per_output_chunk": latency("0.95", gaps),
        "backoff_time": Rounded(backoff / NANOS) if retried else None,
        "tokens_per_second": ratio(token_sums["output_tokens"], seconds) or None,
        "scores": len(scores),
        "mean_score": ratio(math.fsum(scores), len(scores)),
        "min_score": min(scores, default=None),
        "p10_score": score("0.1"),
        "p50_score": score("0.5"),
        "p90_score": score("0.9"),
        "max_score": max(scores, default=None),
        "feedback": len(of["feedback"]),
        "positive_feedback": verdicts["positive"],
        "negative_feedback": verdicts["negative"],
        "feedback_rate": ratio(verdicts["positive"], len(of["feedback"])),
        "predictions": len(of["prediction"]),
        "judged_predictions": tp + fp + tn + fn,
        "accuracy": ratio(tp + tn, tp + fp + tn + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "false_positive_rate": ratio(fp, fp + tn),
        "redactions": sum(removed.values()),
        "injection_markers": sum(line.get("injection_markers", 0) for line in calls),
        "outcomes": outcomes,
        "outcome_value": value if outcomes else None,
        "cost_per_outcome": cost and cost.shared(outcomes),
        "roi": roi,
        "searches": len(searches),
        "results": sum(line.get("results", 0) for line in searches),
        "relevant_results": relevant,
        "relevance": ratio(relevant, judged),
        "outcomes_per_search": ratio(outcomes, len(searches)),
    }


MONEY = {"cost", "wasted_cost", "cost_per_call", "outcome_value", "cost_per_outcome"}
PLAIN_MONEY = {"wasted_cost", "outcome_value"}
TIMES = {name for name in measures_of([]) if name.endswith(("_latency", "_first_token", "_output_chunk", "backoff_time"))}
SHARES = {name for name in measures_of([]) if name.endswith("_rate")} | {"relevance", "roi", "accuracy", "precision", "recall"}


def groups_of(items, by, bucket=None):
    """Items by slice of time and group. What has no value of a kind of fact counts in every group of it."""
    groups = defaultdict(list)
    for item in items:
        slice_ = item.at // bucket * bucket if bucket else None
        groups[slice_, tuple(item.key.get(dimension) for dimension in by)].append(item)
    for place in [by.index(dimension) for dimension in by if dimension in FACTS]:
        common = {key: groups.pop(key) for key in list(groups) if key[1][place] is None}
        for (slice_, group), members in groups.items():
            rest = group[:place] + (None,) + group[place + 1 :]
            members.extend(common.get((slice_, rest), []))
    return {key: measures_of(members) for key, members in groups.items()}


def kept(items, filters):
    def keeps(item, dimension, negated, values):
        value = item.key.get(dimension)
        return (dimension in FACTS and value is None) or (value in values) != negated

    return [item for item in items if all(keeps(item, *one) for one in filters)]


# ---- Comparing ------------------------------------------------------------------------------------------------


def read_figure(name, value):
    """A figure of the JSON format, in our terms."""
    if isinstance(value, dict):
        if "at_most" in value:
            return AtMost(value["at_most"])
        return Cost(value["nanodollars"], value["grade"]) if "grade" in value else value["nanodollars"]
    return value


def agree(wanted, found):
    if isinstance(wanted, AtMost) or isinstance(found, AtMost):
        return type(wanted) is type(found) and float(wanted) == float(found)
    if isinstance(wanted, About) and found is not None:
        return abs(found - wanted) <= WITHIN * abs(wanted)
    if isinstance(wanted, Rounded) and found is not None:
        return abs(found - wanted) <= 0.51e-9
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return math.isclose(wanted, found, rel_tol=1e-12)
    return wanted == found


def differences(where, wanted, found, names):
    return [
        f"{where}: {name} is {found.get(name)!r}, the sum over the lines is {wanted[name]!r}"
        for name in names
        if name not in found or not agree(wanted[name], found[name])
    ]


def compare_rows(rows, expected, by, names, bucket=None):
    """Rows of the JSON format against our own groups."""
    problems, found = [], {}
    for row in rows:
        time_ = nanos_of(row["time"]) if bucket else None
        group = (time_, tuple(row[dimension] for dimension in by))
        if group in found:
            problems.append(f"{group} occurs twice")
        columns = set(names) | set(by) | ({"time"} if bucket else set())
        if set(row) != columns:
            problems.append(f"{group}: columns {sorted(set(row) ^ columns)} are too many or missing")
        found[group] = {name: read_figure(name, row[name]) for name in names if name in row}
    for group in expected.keys() ^ found.keys():
        problems.append(f"{group} is only {'among the lines' if group in expected else 'in the answer'}")
    for group in expected.keys() & found.keys():
        problems += differences(group, expected[group], found[group], names)
    return problems


def nanos_of(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.timestamp()) * NANOS + moment.microsecond * 1000


def moment_of(nanos):
    seconds, rest = divmod(nanos, NANOS)
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


# ---- How figures are printed ----------------------------------------------------------------------------------


def dollars(nanos):
    whole, rest = divmod(abs(nanos), NANOS)
    return f"{whole}.{f'{rest:09}'.rstrip('0').ljust(2, '0')}"


def printed(name, value):
    if value is None:
        return "-"
    if name in PLAIN_MONEY:
        return f"${dollars(value)}"
    if isinstance(value, Cost):
        return "unpriced" if value.grade == "unpriced" else f"{'≥' * (value.grade == 'at_least')}${dollars(value.nanos)}"
    if name in SHARES:
        bound = "≤" * isinstance(value, AtMost)
        return f"{bound}{value:.0f}×" if value >= 10 else f"{bound}{value * 100:.1f} %"
    if name in TIMES:
        return duration(value)
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


def duration(s):
    if s < 0.001:
        return f"{s * 1e6:.0f} µs"
    if s < 1:
        return f"{s * 1e3:.0f} ms"
    if s < 60:
        return f"{s:.2f} s"
    if s < 3600:
        return f"{s // 60:.0f} min {s % 60:.0f} s"
    return f"{s // 3600:.0f} h {s % 3600 / 60:.0f} min"


def cells(line):
    return re.split(r" {2,}", line.strip())


# ---- The report -----------------------------------------------------------------------------------------------

SECTIONS = {
    "summary": (
        [],
        "calls success_rate errors cancelled model_calls calls_without_usage late_reports cost wasted_cost "
        "input_tokens output_tokens cache_read_tokens p50_latency p95_latency retried_calls recovered_calls recovery_rate searches relevance "
        "outcomes outcome_value roi cost_per_outcome outcomes_per_search feedback feedback_rate",
        "",
    ),
    "features": (
        ["feature"],
        "cost share wasted_cost model_calls cost_per_call success_rate p95_latency",
        "model_calls cost",
    ),
    "models": (
        ["provider", "model"],
        "model_calls success_rate cost cost_per_call input_tokens output_tokens p50_latency p95_latency "
        "tokens_per_second mean_score",
        "model_calls cost",
    ),
    "operations": (
        ["operation", "name"],
        "calls success_rate errors cancelled attempts retried_calls recovered_calls p50_latency p95_latency",
        "calls",
    ),
    "errors": (
        ["category"],
        "failed_attempts recovered_attempts attempt_recovery_rate wasted_cost",
        "failed_attempts wasted_cost",
    ),
    "scores": (["score"], "scores mean_score min_score p10_score p50_score p90_score max_score", "scores"),
    "strategies": (
        ["strategy"],
        "searches results relevance cost outcomes cost_per_outcome outcome_value roi outcomes_per_search",
        "searches model_calls cost",
    ),
    "outcomes": (["outcome"], "outcomes outcome_value cost_per_outcome", "outcomes"),
    "unpriced": (
        ["provider", "model", "name"],
        "unpriced_calls partly_priced_calls calls_without_usage input_tokens output_tokens",
        "unpriced_calls partly_priced_calls",
    ),
}
# They are in every report, whatever happened.
ALWAYS = {"features", "unpriced"}


def section(items, id_):
    by, names, about = SECTIONS[id_]
    groups = groups_of(items, by)
    if id_ == "strategies":
        groups = {key: figures for key, figures in groups.items() if key[1] != (None,)}
    about = about.split()
    keep = lambda figures: not about or any(figures[name] for name in about)
    groups = {key: figures for key, figures in groups.items() if keep(figures)}
    if id_ == "features":
        groups.setdefault((None, (None,)), measures_of([]))
        whole = sum(figures["cost"].nanos for figures in groups.values() if figures["cost"])
        for figures in groups.values():
            priced = figures["cost"] and figures["cost"].grade != "unpriced"
            figures["share"] = figures["cost"].nanos / whole if priced and whole else None
    return by, names.split(), groups


SESSIONS = "sessions session_cost mean_session_cost p50_session_cost p95_session_cost max_session_cost".split()


def sessions_of(items):
    """What sessions cost that made a call, or were charged for one; quantiles are exact here."""
    sessions = defaultdict(list)
    for item in items:
        if session := item.key.get("session"):
            if item.kind == "call":
                sessions[session] += [cost_of(item.line)] if cost_of(item.line) else []
            elif item.kind == LATE and "answer" in item.line:
                sessions[session].append(cost_of(item.line["answer"]))
    if not sessions:
        return None
    every = [cost for costs in sessions.values() for cost in costs]
    grade = "known" if all(cost.grade == "known" for cost in every) else "at_least"
    sums = sorted(sum(cost.nanos for cost in costs) for costs in sessions.values())
    money = [sum(sums), (sum(sums) + len(sums) // 2) // len(sums)]
    money += [nearest_rank(sums, share) for share in ("0.5", "0.95", "1")]
    return dict(zip(SESSIONS, [len(sums)] + [Cost(nanos, grade) for nanos in money]))


def check_report(checks, where, items, report):
    expected = {id_: section(items, id_) for id_ in SECTIONS}
    if sessions := sessions_of(items):
        expected["sessions"] = [], SESSIONS, {(None, ()): sessions}
    there = {id_ for id_, (_, _, groups) in expected.items() if groups} | ALWAYS
    checks.that(set(report["sections"]) == there, f"{where}: its sections", f"{set(report['sections'])}, not {there}")
    for id_ in sorted(there & set(report["sections"])):
        by, names, groups = expected[id_]
        rows = report["sections"][id_]
        figures = len(names) * len(groups)
        checks.none(compare_rows(rows, groups, by, names), f"{where}: {id_}, {figures} figures in {len(groups)} rows")
        if id_ == "features":
            checks.that(rows[-1]["feature"] is None, f"{where}: {id_}, the last row is what no feature pays for", rows[-1])
            rows = rows[:-1]
        if "cost" in names and by:
            money = [row["cost"]["nanodollars"] if row["cost"] else 0 for row in rows]
            checks.that(money == sorted(money, reverse=True), f"{where}: {id_}, most expensive first", money)


# ---- The query ------------------------------------------------------------------------------------------------


class Asker:
    def __init__(self, checks, cli, db, catalogue):
        self.checks, self.cli, self.db, self.catalogue = checks, cli, db, catalogue

    def ask(self, items, by=(), since=None, filters=(), bucket=None):
        """One question in three formats: are its numbers ours?"""
        by = list(by)
        words = ["query", "--db", self.db, "--measures", ",".join(self.catalogue)]
        words += ["--by", ",".join(by)] if by else []
        words += ["--since", moment_of(since)] if since else []
        words += ["--bucket", {HOUR: "hour", DAY: "day"}[bucket]] if bucket else []
        parsed = []
        for text in filters:
            words += ["--filter", text]
            left, right = text.split("=", 1)
            parsed.append((left.removesuffix("!"), left.endswith("!"), [value or None for value in right.split(",")]))
        name = "query" + (" by " + ",".join(by) if by else "")
        name += " since the second run" * bool(since) + "".join(f" where {text}" for text in filters)
        name += f" each {words[words.index('--bucket') + 1]}" if bucket else ""

        inside = [item for item in kept(items, parsed) if not since or item.at >= since]
        expected = groups_of(inside, by, bucket)
        answers = {format_: self.cli_run(words, format_) for format_ in ("json", "csv", "table")}
        bad = [str(answer) for answer in answers.values() if answer.code != 0 or answer.err]
        if not self.checks.none(bad, f"{name}: answers"):
            return
        rows = json.loads(answers["json"].out)
        problems = compare_rows(rows, expected, by, self.catalogue, bucket)
        self.checks.none(problems, f"{name}: {len(rows)} rows of {len(self.catalogue)} figures")
        self.checks.none(self.csv_problems(answers["csv"].out, rows, by, bucket), f"{name}: csv")
        self.checks.none(self.table_problems(answers["table"].out, rows, by, bucket), f"{name}: table")

    def cli_run(self, words, format_):
        return run([self.cli, *words, "--format", format_])

    def csv_problems(self, text, rows, by, bucket):
        lead = ["time"] * bool(bucket) + by
        heads = lead + [head for name in self.catalogue for head in [name] + [f"{name}_grade"] * (name in MONEY)]
        lines = list(csv.reader(io.StringIO(text)))
        if lines[0] != heads:
            return [f"the header is {lines[0]}"]
        if len(lines) != len(rows) + 1:
            return [f"{len(lines) - 1} lines, {len(rows)} rows of JSON"]
        problems = []
        for line, row in zip(lines[1:], rows):
            cell = dict(zip(heads, line))
            if len(line) != len(heads) or any(cell[name] != (row[name] or "") for name in lead):
                problems.append(f"{line}: {len(heads)} cells are expected, and other groups")
            for name in self.catalogue:
                wanted, found = read_figure(name, row[name]), cell[name]
                if name in MONEY:
                    grade = cell[f"{name}_grade"]
                    wanted = Cost(wanted, "known") if isinstance(wanted, int) else wanted
                    nanos = int(Decimal(found) * NANOS) if found else 0
                    figure = Cost(nanos, grade) if grade else None
                elif found == "":
                    figure = None
                elif found.startswith("<="):
                    figure = AtMost(found[2:])
                else:
                    figure = json.loads(found)
                if type(wanted) is not type(figure) or wanted != figure:
                    problems.append(f"{name} is {found!r}, in JSON {row[name]}")
        return problems

    def table_problems(self, text, rows, by, bucket):
        lead = ["time"] * bool(bucket) + by
        lines = text.splitlines()
        if not rows and len(lines) <= 1:
            return []
        wanted = [lead + self.catalogue]
        for row in rows:
            wanted.append([row[name] or "-" for name in lead])
            wanted[-1] += [printed(name, read_figure(name, row[name])) for name in self.catalogue]
        found = [cells(line) for line in lines]
        return [f"{line}\nis expected to be\n{want}" for line, want in zip(found, wanted) if line != want] + (
            [f"{len(found)} lines, {len(wanted)} expected"] if len(found) != len(wanted) else []
        )


# ---- The runs -------------------------------------------------------------------------------------------------


REFUSALS = ("rate_limit", "quota", "authentication", "invalid_request", "context_length", "budget")


def own_costs(lines):
    """The cost of a call is the sum of its answers, as sure as the least sure of them and of its other attempts."""
    problems = []
    for line in (line for line in lines if line["type"] == "call"):
        parts = [cost_of(answer) for answer in line.get("answers", [])]
        answered = {answer["attempt"] for answer in line.get("answers", [])}
        attempts = line.get("attempts") or [{"number": 1} | ({"error": line["error"]} if "error" in line else {})]
        for attempt in attempts:
            if attempt["number"] in answered or (not line.get("attempts") and answered):
                continue
            error = attempt.get("error")
            refused = error and error.get("http_status", 0) >= 400
            ok = not error and line["end"] == "ok"
            grade = "unpriced" if ok else "known" if refused else "at_least"
            # Refusals that name no status are known by their category.
            if error and error["category"] in REFUSALS:
                grade = "known"
            parts.append(Cost(0, grade))
        wanted = total_of(parts) if is_model_call(line) else None
        if cost_of(line) != wanted:
            problems.append(f"{line['id']}: {cost_of(line)}, its answers and attempts say {wanted}")
        if line.get("wasted_nanodollars", 0) != wasted(line):
            problems.append(f"{line['id']}: wasted {line.get('wasted_nanodollars')}, not {wasted(line)}")
        usage = line.get("usage") or {}
        for kind in ("input", "output", "cache_read", "reasoning"):
            if usage.get(kind, 0) != tokens(line, kind):
                problems.append(f"{line['id']}: {kind} is {usage.get(kind)}, its answers say {tokens(line, kind)}")
    return problems


def run_example(checks, example, folder, number):
    jsonl = folder / f"run{number}.jsonl"
    began = time.time_ns()
    done = run([example, "--db", "history.db", "--jsonl", jsonl.name], cwd=folder)
    if not checks.that(done.code == 0, f"run {number} of the example ends well, {done.seconds:.1f} s", done):
        sys.exit(checks.finish())
    lines = [json.loads(line) for line in jsonl.read_text(encoding="utf-8").splitlines()]
    kinds = Counter(line["type"] for line in lines)
    checks.that(set(kinds) - {LATE} == KINDS and kinds["call"] > 50, f"run {number}: {len(lines)} lines of every kind", kinds)
    delivery = re.search(r"^Delivery: (.*)$", done.out, re.MULTILINE)
    wanted = "; ".join([f"{len(lines)} events"] + [f"{name}: {len(lines)} exported" for name in ("console", "sqlite", "jsonl")])
    checks.that(delivery and delivery[1] == wanted, f"run {number}: its delivery counts those lines", delivery)
    printed_ = sum(bool(re.match(r"\d\d:\d\d:\d\d ", line)) for line in done.err.splitlines())
    lines_of_calls = kinds["call"] + kinds[LATE]
    checks.that(printed_ == lines_of_calls, f"run {number}: the console has a line for each call", printed_)
    checks.none(own_costs(lines), f"run {number}: costs, waste and tokens of each call follow from its answers")
    report = done.out.split("\nDelivery: ")[0]
    return began, lines, report


def check_texts(checks, cli, db, run_report, since):
    """The report of the example, and the same in other formats."""
    printed_since = re.match(r"LLM report, since (\S+)\n", run_report)
    checks.that(printed_since, "the example's report says since when", run_report[:200])
    text = run([cli, "report", "--db", db, "--since", printed_since[1]]).out
    checks.that(text == run_report, "the example's report is that of `jobmon report`, to the letter", f"{text}\n{run_report}")
    markdown = run([cli, "report", "--db", db, "--since", printed_since[1], "--format", "markdown"]).out
    plain = [cells(line) for line in text.splitlines() if line.startswith("  ")]
    marked = [line for line in markdown.splitlines() if line.startswith("| ")]
    marked = [re.sub(r"\\(.)", r"\1", line).strip("| ").split(" | ") for line in marked]
    checks.that(plain == marked, "the Markdown report has the same cells", f"{plain}\n{marked}")
    data = json.loads(run([cli, "report", "--db", db, "--since", printed_since[1], "--format", "json"]).out)
    figures = data["sections"]["summary"][0]
    names = SECTIONS["summary"][1].split()
    shown = [[name.replace("_", " "), printed(name, read_figure(name, figures[name]))] for name in names if figures[name] not in (None, 0)]
    checks.that(plain[1 : 1 + len(shown)] == shown, "the terminal report shows the figures of the JSON one", f"{plain}\n{shown}")


def catalogue(checks, cli):
    """Every measure that `query --help` lists; we must know them all."""
    text = run([cli, "query", "--help"]).out
    names = re.findall(r"^  ([a-z0-9_]+) {2,}\S", text.split("\nMeasures:\n")[1].split("\nDimensions:\n")[0], re.MULTILINE)
    known = set(measures_of([]))
    checks.that(set(names) == known, f"the catalogue of {len(names)} measures is the one known here", set(names) ^ known)
    return [name for name in names if name in known]


def main():
    options = arguments(__doc__)
    checks = Checks()
    cli = options.cli_bin
    with tempfile.TemporaryDirectory(prefix="jobmon-totals-") as folder:
        folder = Path(folder)
        db = folder / "history.db"
        title("Two runs into one history")
        _, first, first_report = run_example(checks, options.example_bin, folder, 1)
        single = list(items_of(first))
        report = run([cli, "report", "--db", db])
        sections = lambda text: text.split("\n", 1)[1]
        checks.that(
            sections(report.out) == sections(first_report),
            "after one run `jobmon report` over the whole file is the example's report",
            report,
        )
        second_began, second, second_report = run_example(checks, options.example_bin, folder, 2)
        items = single + list(items_of(second))
        done = run([cli, "history", "check", "--db", db])
        checks.that(done.code == 0, "the sums of hours, days and sessions agree with the events", done)

        title("The report")
        for where, words, since in (
            ("all", [], 0),
            ("since the second run", ["--since", moment_of(second_began)], second_began),
            ("until the second run", ["--until", moment_of(second_began)], -second_began),
        ):
            done = run([cli, "report", "--db", db, "--format", "json", *words])
            if checks.that(done.code == 0, f"{where}: the report", done):
                inside = [item for item in items if item.at >= since] if since >= 0 else single
                check_report(checks, where, inside, json.loads(done.out))
        check_texts(checks, cli, db, second_report, second_began)

        title("The query")
        asker = Asker(checks, cli, db, catalogue(checks, cli))
        groupings = ["", "feature", "provider,model", "category", "operation,name", "strategy", "score", "outcome"]
        groupings += ["label", "feature,outcome", "session", "user,feature", "project,service,environment"]
        for by in groupings:
            asker.ask(items, by=by.split(",") if by else [])
        for by in ["", "feature", "provider,model", "category", "session"]:
            asker.ask(items, by=by.split(",") if by else [], since=second_began)
        session = second[0]["session"]
        for filters in (
            ["feature=job_analysis"],
            ["feature!=job_analysis"],
            ["feature=job_analysis,documents", "strategy!=broad"],
            ["feature="],
            ["outcome=interview"],
            ["category=rate_limit,parsing"],
            [f"session={session}"],
            ["feature=nothing_of_that_name"],
        ):
            asker.ask(items, filters=filters)
        asker.ask(items, by=["name"], filters=["feature=job_analysis"], since=second_began)
        asker.ask(items, bucket=HOUR)
        asker.ask(items, by=["feature"], bucket=HOUR)
        asker.ask(items, by=["feature"], bucket=HOUR, since=second_began)
        asker.ask(items, by=["session"], bucket=DAY)
        asker.ask(items, by=["category"], bucket=DAY)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
