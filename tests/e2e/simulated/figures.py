"""Every figure of `jobmon quality`, `errors` and `experience`, computed from what the simulation put in: no event that jobmon
wrote is looked at. The definitions are those of `docs/analysis.md`.

Each section is a dictionary from the values of its groups to its figures. Money is whole nanodollars, times are seconds."""

import math
import re
from collections import Counter, defaultdict
from itertools import groupby
from statistics import NormalDist

from simulated.traffic import DAY, END, NANOS, PRICES, START

normal = NormalDist()


def nanos_of(answer, key, prices=PRICES):
    """What an answer costs: nanodollars for a token are dollars for a million, times a thousand."""
    input, output, cached = (round(price * 1000) for price in prices[key])
    read = answer.get("cache_read") or 0
    return (answer["input"] - read) * input + read * cached + answer["output"] * output


def cost_of(call):
    key = (call.get("provider"), call.get("model"))
    return sum(nanos_of(answer, key) for answer in call["answers"])


def failures(call):
    """Categories of the attempts that failed, in order."""
    if call.get("attempts"):
        return [category for category in call["attempts"] if category]
    return [call["category"]] if call["end"] == "error" else []


def failed(call):
    return call["end"] in ("error", "panicked")


def wasted(call):
    key = (call.get("provider"), call.get("model"))
    bad = {number for number, category in enumerate(call.get("attempts", []), 1) if category}
    return sum(nanos_of(answer, key) for answer in call["answers"] if call["end"] != "ok" or answer["attempt"] in bad)


def ratio(part, whole):
    return part / whole if whole else None


def rank(values, share):
    """The nearest rank."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


class Simulated:
    """What happened, in a form that can be asked."""

    def __init__(self, traffic):
        self.calls = sorted(traffic.calls, key=lambda call: call["at"])
        self.by_id = {call["id"]: call for call in self.calls}
        self.facts = sorted(traffic.facts, key=lambda fact: fact["at"])
        self.truths = traffic.truths
        self.roots = [call for call in self.calls if "root" not in call]
        for fact in self.facts:
            # What a fact is about tells its name and model.
            fact["of"] = self.by_id.get(fact.get("call"))

    def of(self, kind):
        return [fact for fact in self.facts if fact["type"] == kind]

    # ---- Quality ----

    def scores(self):
        found = defaultdict(list)
        for score in self.of("score"):
            found[score["name"],].append(score["value"])
        quantiles = {"p10_score": 0.1, "p50_score": 0.5, "p90_score": 0.9}
        return {
            group: {"scores": len(values), "mean_score": sum(values) / len(values), "min_score": min(values), "max_score": max(values)}
            | {name: Roughly(rank(values, share)) for name, share in quantiles.items()}
            for group, values in found.items()
        }

    def score_ranges(self):
        rows = {}
        found = defaultdict(list)
        for score in self.of("score"):
            found[score["name"]].append(round(score["value"] * 10))
        for name, tenths in found.items():
            least, most = min(tenths), max(tenths)
            width = next(w * 10**e for e in range(6) for w in (1, 2, 5) if w * 10**e * 10 >= most - least)
            first = least // width * width
            last = (most - 1) // width * width
            counted = Counter(min(value // width * width, last) for value in tenths)
            for low in range(first, last + 1, width):
                title = f"{low / 10:g} to {(low + width) / 10:g}"
                if counted[low]:
                    rows[name, title] = {"scores": counted[low], "share": counted[low] / len(tenths)}
        return rows

    def judged(self):
        """Predictions, and how those fared of which the truth became known: which group, predicted, true."""
        predicted = [(fact, fact["of"]) for fact in self.of("prediction")]
        last, told = {}, defaultdict(list)
        for fact, _ in predicted:
            told[fact["key"]].append(fact)
        for truth in self.truths:
            # The truth judges the latest prediction that was told before it.
            before = [fact for fact in told[truth["key"]] if fact["at"] <= truth["at"]]
            yield before[-1]["of"], before[-1]["value"], truth["value"]

    def predictions(self, group=lambda call: ("match",)):
        counts = defaultdict(Counter)
        for fact in self.of("prediction"):
            counts[group(fact["of"])]["predictions"] += 1
        for call, said, true in self.judged():
            counts[group(call)][said, true] += 1
        rows = {}
        for key, count in counts.items():
            tp, fp, tn, fn = (count[pair] for pair in ((True, True), (True, False), (False, False), (False, True)))
            rows[key] = {
                "predictions": count["predictions"], "judged_predictions": tp + fp + tn + fn, "true_positives": tp,
                "false_positives": fp, "true_negatives": tn, "false_negatives": fn,
                "accuracy": ratio(tp + tn, tp + fp + tn + fn), "precision": ratio(tp, tp + fp), "recall": ratio(tp, tp + fn),
                "false_positive_rate": ratio(fp, fp + tn),
            }  # fmt: skip
        return rows

    def predictions_by_model(self):
        return self.predictions(lambda call: ("match", call["provider"], call["model"]))

    def searches(self):
        rows = defaultdict(Counter)
        last = defaultdict(list)
        for search in self.of("search"):
            row = rows[search["query"],]
            row["searches"] += 1
            row["results"] += search["results"]
            if "relevant" in search:
                row["judged"] += search["results"]
                row["relevant"] += search["relevant"]
            last[search["session"]].append(search)
        for outcome in self.of("outcome"):
            before = [search for search in last[outcome["session"]] if search["at"] <= outcome["at"]]
            if before:
                row = rows[before[-1]["query"],]
                row["outcomes"] += 1
                row["value"] += outcome.get("value_nanodollars", 0)
        shown = {
            group: {
                "searches": row["searches"], "results": row["results"], "relevance": ratio(row["relevant"], row["judged"]),
                "outcomes": row["outcomes"], "outcomes_per_search": row["outcomes"] / row["searches"], "outcome_value": row["value"],
            }
            for group, row in rows.items()
        }  # fmt: skip
        best = sorted(shown.items(), key=lambda row: (-row[1]["outcomes_per_search"], -row[1]["relevance"], -row[1]["searches"]))
        return dict(best[:20])

    def consistency(self):
        rows = {}
        scores, labels = defaultdict(lambda: defaultdict(list)), defaultdict(lambda: defaultdict(list))
        for fact in self.of("score") + self.of("prediction"):
            call = fact["of"]
            if "cache_key" in call:
                into = scores if fact["type"] == "score" else labels
                into[call["name"], call["provider"], call["model"]][call["cache_key"]].append(fact["value"])
        for about, inputs in scores.items():
            repeated = [values for values in inputs.values() if len(values) > 1]
            squares = sum(sum((value - sum(values) / len(values)) ** 2 for value in values) for values in repeated)
            free = sum(len(values) - 1 for values in repeated)
            rows[(*about, "score", "match")] = {
                "inputs": len(repeated), "repeats": sum(map(len, repeated)), "score_deviation": math.sqrt(squares / free),
                "largest_spread": max(max(values) - min(values) for values in repeated), "agreement": None,
            }  # fmt: skip
        for about, inputs in labels.items():
            repeated = [values for values in inputs.values() if len(values) > 1]
            pairs = [(a, b) for values in repeated for n, a in enumerate(values) for b in values[:n]]
            rows[(*about, "label", "match")] = {
                "inputs": len(repeated), "repeats": sum(map(len, repeated)), "score_deviation": None, "largest_spread": None,
                "agreement": ratio(sum(a == b for a, b in pairs), len(pairs)),
            }  # fmt: skip
        return rows

    def feedback(self):
        counts = defaultdict(Counter)
        for fact in self.of("feedback"):
            counts[fact["feature"], fact["of"]["name"]][fact["verdict"]] += 1
        return {
            group: {"feedback": count.total(), "positive_feedback": count["positive"], "negative_feedback": count["negative"],
                    "feedback_rate": ratio(count["positive"], count.total())}  # fmt: skip
            for group, count in counts.items()
        }

    def drift(self):
        found = defaultdict(lambda: ([], []))
        border = END - 7 * DAY
        for score in self.of("score"):
            found[score["name"], score["of"]["name"]][score["at"] >= border].append(score["value"])
        rows = {}
        for group, (before, now) in found.items():
            means = [sum(values) / len(values) for values in (before, now)]
            superiority, p = mann_whitney(before, now)
            rows[group] = {
                "scores_before": len(before), "scores": len(now), "mean_before": means[0], "mean_score": means[1],
                "change": means[1] / means[0] - 1, "superiority": Roughly(superiority, 0.005), "p_value": PValue(p),
            }  # fmt: skip
        return rows

    # ---- Errors ----

    def categories(self):
        attempts, recovered, errors, money = Counter(), Counter(), Counter(), Counter()
        for call in self.calls:
            for category in failures(call):
                attempts[category] += 1
                recovered[category] += call["end"] == "ok"
            if failed(call):
                errors[category_of(call)] += 1
            # What succeeded in the end, and panics, have no category.
            money[category_of(call)] += wasted(call)
        return {
            (category,): {
                "failed_attempts": attempts[category], "share": ratio(attempts[category], attempts.total()),
                "recovered_attempts": recovered[category], "attempt_recovery_rate": ratio(recovered[category], attempts[category]),
                "errors": errors[category],
                # Of what no call ended with, nothing is known.
                "wasted_cost": money[category] if errors[category] else None,
            }
            for category in attempts.keys() | errors.keys()
        }  # fmt: skip

    def patterns(self):
        rows = defaultdict(list)
        for call in self.calls:
            for category in failures(call):
                pattern = re.sub(r"(?=[\w-]*\d)[\w-]+", "#", call["message"], flags=re.ASCII)
                rows[category, call["name"], call.get("model"), pattern].append(call)
        middle = (START + END) // 2
        shown = {}
        for group, calls in sorted(rows.items(), key=lambda row: -len(row[1])):
            first, second = (sum((call["at"] >= middle) == half for call in calls) for half in (False, True))
            shown[group] = {
                "failures": len(calls), "calls": len({call["id"] for call in calls}),
                "change": second / first - 1 if first else None,
                "first": min(call["at"] for call in calls), "last": max(call["at"] for call in calls), "example": calls[-1]["id"],
            }  # fmt: skip
        return shown

    def recovery(self):
        rows = defaultdict(Counter)
        for call in self.calls:
            after = Counter(category for category in call.get("attempts", [])[:-1] if category)
            for category, retries in after.items():
                rows[category,] += Counter(retried_calls=1, recovered_calls=call["end"] == "ok", retries=retries)
        return {
            group: {"retried_calls": row["retried_calls"], "recovered_calls": row["recovered_calls"], "retries": row["retries"],
                    "recovery_rate": ratio(row["recovered_calls"], row["retried_calls"]), "backoff_time": 0}  # fmt: skip
            for group, row in rows.items()
        }

    def impact(self):
        bad = [call for call in self.calls if failed(call)]
        outcomes = defaultdict(list)
        for outcome in self.of("outcome"):
            outcomes[outcome["session"]].append(outcome)
        every = {call["session"] for call in self.calls if "session" in call} | outcomes.keys()
        values = [outcome.get("value_nanodollars", 0) for told in outcomes.values() for outcome in told]
        touched = {call["session"] for call in bad if "session" in call}
        usual = sum(len(outcomes[session]) for session in every - touched) / len(every - touched)
        rows = {}
        for category in {None, *map(category_of, bad)}:
            of = [call for call in bad if category in (None, category_of(call))]
            sessions = {call["session"] for call in of if "session" in call}
            enough = len(sessions) >= 20
            lost = max(usual * len(sessions) - sum(len(outcomes[session]) for session in sessions), 0) if enough else None
            rows[category,] = {
                "errors": len(of), "sessions": len(sessions), "users": len({call["user"] for call in of if "user" in call}),
                "wasted_cost": sum(map(wasted, of)), "lost_outcomes": lost,
                "lost_value": Roughly(lost * sum(values) / len(values), 1e-6) if enough else None,
            }  # fmt: skip
        return rows

    # ---- Experience ----

    def end_to_end(self):
        return {
            group: {"calls": len(calls), "sessions": sessions(calls), "success_rate": successes(calls)}
            | {name: rank([call["duration_nanos"] for call in calls], share) / NANOS for name, share in LATENCIES.items()}
            for group, calls in grouped(self.roots, lambda call: (call.get("feature"), call["name"])).items()
        }

    def features(self):
        return {
            group: {"calls": len(calls), "share": len(calls) / len(self.roots), "sessions": sessions(calls),
                    "users": len({call["user"] for call in calls if "user" in call})}  # fmt: skip
            for group, calls in grouped(self.roots, lambda call: (call.get("feature"),)).items()
        }

    def parameters(self):
        found = defaultdict(lambda: defaultdict(list))
        for call in self.calls:
            for key, value in call.get("attributes", {}).items():
                found[call["name"], key][str(value).lower() if isinstance(value, bool) else str(value)].append(call)
        return {
            (*about, setting): {"calls": len(calls), "share": len(calls) / sum(map(len, settings.values())),
                                "sessions": sessions(calls), "success_rate": successes(calls)}  # fmt: skip
            for about, settings in found.items()
            if len(settings) <= 20
            for setting, calls in settings.items()
        }

    def in_sessions(self):
        return grouped([call for call in self.calls if "session" in call], lambda call: call["session"])

    def sessions(self):
        calls = self.in_sessions()
        searches = Counter(search["session"] for search in self.of("search"))
        outcomes = Counter(outcome["session"] for outcome in self.of("outcome"))
        steps = {session: [call for call in of if "root" not in call] for session, of in calls.items()}
        times = [(max(call["at"] + call["duration_nanos"] for call in of) - of[0]["at"]) / NANOS for of in calls.values()]
        converted = sum(outcomes[session] > 0 for session in calls)
        abandoned = sum(outcomes[session] == 0 and of[-1]["end"] != "ok" for session, of in steps.items())
        return {
            (): {
                "sessions": len(calls), "steps_per_session": sum(map(len, steps.values())) / len(calls),
                "p50_session_time": rank(times, 0.5), "p95_session_time": rank(times, 0.95),
                "one_step_sessions": sum(len(of) == 1 for of in steps.values()), "converted_sessions": converted,
                "conversion_rate": converted / len(calls), "searches_per_session": searches.total() / len(calls),
                "outcomes_per_search": outcomes.total() / searches.total(), "abandoned_sessions": abandoned,
                "abandonment_rate": abandoned / len(calls),
            }
        }  # fmt: skip

    def conversions(self):
        sessions, searches = self.in_sessions(), len(self.of("search"))
        return {
            (kind,): {
                "outcomes": len(of), "sessions": len({outcome["session"] for outcome in of}),
                "conversion_rate": len({outcome["session"] for outcome in of}) / len(sessions),
                "outcomes_per_search": len(of) / searches,
                "outcome_value": sum(outcome.get("value_nanodollars", 0) for outcome in of),
            }
            for kind, of in grouped(self.of("outcome"), lambda outcome: outcome["kind"]).items()
        }  # fmt: skip


REPORTS = {
    "quality": "scores score_ranges predictions predictions_by_model searches consistency feedback drift".split(),
    "errors": "categories patterns recovery impact".split(),
    "experience": "end_to_end features parameters sessions conversions".split(),
}
LATENCIES = {"p50_latency": 0.5, "p95_latency": 0.95, "max_latency": 1.0}


class Roughly(float):
    """A figure that may differ by a share of it."""

    def __new__(cls, value, by=0.011):
        made = super().__new__(cls, value)
        made.by = by
        return made


class PValue(float):
    """A probability of which the deviation that it stands for must agree."""


def category_of(call):
    return call.get("category")


def grouped(items, key):
    rows = defaultdict(list)
    for item in items:
        rows[key(item)].append(item)
    return rows


def sessions(calls):
    return len({call["session"] for call in calls if "session" in call})


def successes(calls):
    return sum(call["end"] == "ok" for call in calls) / len(calls)


def mann_whitney(before, now):
    """How probable it is that one of `now` is above one of `before`, and the p-value, two-sided, with ties corrected."""
    ranked = sorted([(value, 0) for value in before] + [(value, 1) for value in now])
    total, rank_sum, ties = 0, 0.0, 0
    for _, tied in groupby(ranked, key=lambda pair: pair[0]):
        tied = list(tied)
        rank_sum += sum(which for _, which in tied) * (total + (len(tied) + 1) / 2)
        ties += len(tied) ** 3 - len(tied)
        total += len(tied)
    n, m = len(before), len(now)
    u = rank_sum - m * (m + 1) / 2
    deviation = math.sqrt(n * m / 12 * ((total + 1) - ties / (total * (total - 1))))
    return u / (n * m), 2 * normal.cdf(-abs(u - n * m / 2) / deviation)


def agrees(told, wanted):
    """Whether a figure as jobmon tells it is the one that we know."""
    if isinstance(told, dict):
        told = told["nanodollars"]
    if told is None or wanted is None:
        return told is None and wanted is None
    if isinstance(wanted, PValue):
        z = [normal.inv_cdf(min(max(p / 2, 1e-300), 0.5)) for p in (told, wanted)]
        return abs(z[0] - z[1]) <= 0.05 + 0.02 * abs(z[1])
    if isinstance(wanted, Roughly):
        return abs(told - wanted) <= abs(wanted) * wanted.by + 1e-6
    return abs(told - wanted) <= 1e-9 * max(abs(wanted), 1)
