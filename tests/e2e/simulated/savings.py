"""Every insight, computed from what the simulation put in, and from prices as the providers say them."""

import math
from collections import defaultdict

from simulated.figures import cost_of, failures, grouped, nanos_of
from simulated.traffic import BATCH, DAY, DAYS, HOUR, MINUTE, NANOS, PRICES, START

ONE_SIDED, TWO_SIDED = 1.6448536269514722, 1.959963984540054


class Saving:
    """So many calls, of which some would have been saved or cheaper, and by how much on each day."""

    def __init__(self):
        self.calls, self.affected, self.days = 0, 0, [0] * DAYS

    def save(self, at, nanos, counts=True):
        self.affected += counts
        self.days[(at - START) // DAY] += nanos

    def nanos(self):
        return sum(self.days)

    def confidence(self):
        mean = self.nanos() / DAYS
        variance = sum((day - mean) ** 2 for day in self.days) / (DAYS - 1)
        share = TWO_SIDED * math.sqrt(variance * DAYS) / self.nanos()
        return "high" if share <= 0.1 else "medium" if share <= 0.3 else "low"


def function(call):
    return call["name"], call.get("provider"), call.get("model")


def savings(simulated):
    """By kind and subject."""
    found = {}
    model_calls = [call for call in simulated.calls if "model" in call]
    for of, calls in grouped(model_calls, function).items():
        subject = dict(zip(("name", "provider", "model"), of))
        keep(found, "cache", subject, cached(calls))
        keep(found, "batch", subject, batched(calls))
        for digest, calls in grouped([call for call in calls if "prefix" in call], lambda call: call["prefix"]["digest"]).items():
            keep(found, "prefix_cache", subject | {"prefix": digest}, prefixed(calls))
    for (name, category), saving in wasted_retries(simulated.calls).items():
        keep(found, "wasted_retries", {"name": name, "category": category}, saving)
    keep(found, *shorter_letters(simulated))
    return found


def keep(found, kind, subject, saving):
    if saving and saving.affected >= 30 and saving.nanos() > 0:
        found[kind, tuple(sorted(subject.items()))] = saving


def cached(calls):
    saving, kept = Saving(), {}
    for call in calls:
        if "cache_key" not in call:
            continue
        saving.calls += 1
        since = kept.get(call["cache_key"])
        if since is not None and since <= call["at"] <= since + 24 * HOUR:
            saving.save(call["at"], cost_of(call))
        elif call["end"] == "ok":
            kept[call["cache_key"]] = call["at"] + call["duration_nanos"]
    return saving


def batched(calls):
    saving, burst = Saving(), []
    saving.calls = len(calls)
    key = function(calls[0])[1:]
    for call in [*calls, None]:
        if burst and (call is None or call["at"] > burst[-1]["at"] + 10 * NANOS):
            if len(burst) >= 20 and key in BATCH:
                for one in burst:
                    saving.save(one["at"], cost_of(one) - sum(nanos_of(answer, key, BATCH) for answer in one["answers"]))
            burst = []
        burst.append(call)
    return saving


def prefixed(calls):
    saving, last = Saving(), None
    saving.calls = len(calls)
    input, _, cached = PRICES[function(calls[0])[1:]]
    for call in calls:
        within = last is not None and call["at"] <= last + 5 * MINUTE
        last = call["at"]
        tokens = [answer["input"] * call["prefix"]["bytes"] // call["prefix"]["of_bytes"] for answer in call["answers"]]
        saved = sum(round((input - cached) * 1000) * count for count in tokens if count >= 1024)
        if within and saved:
            saving.save(call["at"], saved)
    return saving


def wasted_retries(calls):
    rows = defaultdict(lambda: [Saving(), 0])
    for call in calls:
        attempts = call.get("attempts", [])
        for category in {category for category in attempts[:-1] if category}:
            saving, _ = row = rows[call["name"], category]
            saving.calls += 1
            if call["end"] == "ok":
                row[1] += 1
                continue
            # Attempts are counted from 1; the one after number n is n + 1.
            after = {number + 1 for number, failed in enumerate(attempts[:-1], 1) if failed == category}
            key = function(call)[1:]
            saving.save(call["at"], sum(nanos_of(answer, key) for answer in call["answers"] if answer["attempt"] in after))
    return {of: saving for of, (saving, recovered) in rows.items() if wilson_upper(recovered, saving.calls) <= 0.1}


def wilson_upper(part, whole):
    z, p = TWO_SIDED, part / whole
    middle = p + z * z / (2 * whole)
    return (middle + z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))) / (1 + z * z / whole)


def shorter_letters(simulated):
    """The second version of the letter is the shorter one, and as good."""
    calls = grouped([call for call in simulated.calls if call["name"] == "write_letter"], lambda call: call["prompt_version"])
    long, short = calls["1"], calls["2"]
    saving = Saving()
    each = sum(map(cost_of, long)) / len(long) - sum(map(cost_of, short)) / len(short)
    for call in long:
        saving.calls += 1
        saving.save(call["at"], each)
    subject = {"prompt": "cover_letter", "provider": "openai", "model": "gpt-4o", "version": "1", "instead": "2"}
    return "shorter_prompt", subject, saving


def models(simulated):
    """Which cheaper models analyse as well, and which do not: what would be saved, or nothing."""
    calls = grouped([call for call in simulated.calls if call["name"] == "analyze"], function)
    scores = defaultdict(list)
    for score in simulated.of("score"):
        scores[function(score["of"])].append(score["value"])
    per_call = {of: sum(map(cost_of, made)) / len(made) for of, made in calls.items()}
    rows = {}
    for of, made in calls.items():
        for other in calls:
            if per_call[other] >= per_call[of]:
                continue
            pair = {"name": "analyze", "model": " ".join(of[1:]), "instead": " ".join(other[1:])}
            good = not_worse(scores[of], scores[other], 0.02 * abs(mean(scores[of])))
            ok = [[float(call["end"] == "ok") for call in calls[which]] for which in (of, other)]
            good = good and not_worse(*ok, 0.02, rates=True)
            saving = Saving() if good else None
            for call in made if good else []:
                saving.calls += 1
                saving.save(call["at"], cost_of(call) - sum(nanos_of(answer, other[1:]) for answer in call["answers"]))
            rows[tuple(sorted(pair.items()))] = saving
    return rows


def mean(values):
    return sum(values) / len(values)


def not_worse(mine, theirs, margin, rates=False):
    def error(values):
        m, free = mean(values), len(values) - (0 if rates else 1)
        return sum((value - m) ** 2 for value in values) / free / len(values)

    return mean(theirs) - mean(mine) - ONE_SIDED * math.sqrt(error(mine) + error(theirs)) >= -margin
