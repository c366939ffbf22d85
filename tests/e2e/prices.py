#!/usr/bin/env python3
"""Does `jobmon prices cost` price as the genai-prices package from PyPI does?

    tests/e2e/prices.py [--cli-bin FILE] [--requests N] [--seed N]

Takes the package in the version of the crate (Cargo.lock), so that both have the same data, and prices at least 20,000
random requests with both: every priced model, usage with cache, audio, images, searches, seconds and pages, input around
each tier's threshold, moments around each date and time of day at which a price changes, and every price context. No
difference may be larger than one nanodollar; where the two answers differ in kind, the reason is one of those listed at
the end, with how often it occurred.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

sys.dont_write_bytecode = True
from harness import ROOT, Checks, built, title  # noqa: E402

NANO = Decimal(10) ** 9
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
END = datetime(2027, 6, 1, tzinfo=timezone.utc)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cli-bin", type=Path, help="the command jobmon")
    parser.add_argument("--requests", type=int, default=24_000, help="how many at least")
    parser.add_argument("--seed", type=int, default=1, help="of the random requests")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def package_version():
    lock = (ROOT / "Cargo.lock").read_text()
    return re.search(r'name = "genai-prices"\nversion = "([^"]+)"', lock)[1]


def in_environment(folder):
    """The package, in an environment of its own: runs this script again inside."""
    python = Path(folder) / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    package = f"genai-prices=={package_version()}"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package],
                   check=True, timeout=600)
    return subprocess.run([python, *sys.argv, "--inside"], timeout=1500).returncode


# ---- Random requests --------------------------------------------------------------------------------------------


def conditional(model):
    """The prices of a model with their constraints, variants too."""
    prices = model.prices if isinstance(model.prices, list) else None
    for entry in prices or []:
        yield entry.constraint, entry.prices, None
    if prices is None:
        yield None, model.prices, None
    for variant in model.price_variants or []:
        yield variant.constraint, variant.prices, variant.when


def keys_of(prices):
    return {key: value for key, value in vars(prices).items() if value is not None and not key.startswith("_")}


class Facts:
    """What there is to try about a model."""

    def __init__(self, model, registry):
        self.thresholds, self.units, self.contexts = set(), set(), [{}]
        self.moments = []
        for constraint, prices, when in conditional(model):
            for key, value in keys_of(prices).items():
                unit = registry.get(key)
                if unit:
                    self.units.add(unit)
                for tier in getattr(value, "tiers", None) or []:
                    self.thresholds.add(int(tier.start))
            if when:
                self.contexts.append(dict(when))
            if start := getattr(constraint, "start_date", None):
                self.moments.append(datetime(start.year, start.month, start.day, tzinfo=timezone.utc))
            if day := getattr(constraint, "start_time", None):
                for moment in (day, constraint.end_time):
                    at = START + timedelta(days=900)
                    self.moments.append(at.replace(hour=moment.hour, minute=moment.minute, second=moment.second))


def moment(facts, chance):
    if facts.moments and chance.random() < 0.5:
        edge = chance.choice(facts.moments)
        return edge + timedelta(seconds=chance.choice([-86_400, -1, 0, 1, 3_600, 86_400]))
    return START + (END - START) * chance.random()


def count(chance):
    return chance.choice([0, 1, 7, chance.randrange(1_000), chance.randrange(100_000), chance.randrange(2_000_000)])


def usage(facts, chance):
    """Consistent usage: parts within their wholes. Some of it for units that the model has no price for."""
    used = {}
    if facts.units & {"input_tokens", "output_tokens"} or chance.random() < 0.1:
        total = count(chance)
        if facts.thresholds and chance.random() < 0.6:
            total = chance.choice(sorted(facts.thresholds)) + chance.choice([-1, 0, 1, 1_000])
        used["input_tokens"] = max(total, 0)
        if chance.random() < 0.9:
            used["output_tokens"] = count(chance)
    left, out = used.get("input_tokens", 0), used.get("output_tokens", 0)

    def part(unit, room, likely):
        wanted = likely if unit in facts.units else likely / 10
        if room > 0 and chance.random() < wanted:
            used[unit] = chance.choice([1, room, chance.randrange(room + 1)])
            return room - used[unit]
        return room

    # Parts that do not overlap: what is left is shared out one after another.
    left = part("cache_read_tokens", left, 0.5)
    before = left
    left = part("cache_write_tokens", left, 0.5)
    if before > left:
        part("cache_write_1h_tokens", before - left, 0.5)
    left = part("input_audio_tokens", left, 0.5)
    left = part("input_image_tokens", left, 0.5)
    left = part("input_video_tokens", left, 0.5)
    if (read := used.get("cache_read_tokens", 0)) and "cache_audio_read_tokens" in facts.units and chance.random() < 0.5:
        cached = chance.randrange(read + 1)
        used["cache_audio_read_tokens"] = cached
        used["input_audio_tokens"] = used.get("input_audio_tokens", 0) + cached
    out = part("output_reasoning_tokens", out, 0.5)
    out = part("output_audio_tokens", out, 0.5)
    out = part("output_image_tokens", out, 0.5)
    out = part("output_video_tokens", out, 0.5)
    part("output_citation_tokens", out, 0.5)
    for unit in ("web_searches", "storage_searches", "input_characters", "input_text_messages"):
        part(unit, 5_000, 0.5)
    part("input_document_pages", 500, 0.7)
    if pages := used.get("input_document_pages"):
        part("input_annotated_document_pages", pages, 0.5)
    if {"audio_seconds", "input_audio_seconds"} & facts.units or chance.random() < 0.02:
        used["audio_seconds"] = used["input_audio_seconds"] = round(chance.random() * 10 ** chance.randrange(1, 5), 3)
    return used or {"input_tokens": 0, "output_tokens": 0}


def requests_of(providers, registry, chance, wanted):
    models = [(provider, model, Facts(model, registry)) for provider in providers for model in provider.models]
    rounds = -(-wanted // len(models))
    for provider, model, facts in models:
        extra = 4 * (len(facts.thresholds) + len(facts.moments) + len(facts.contexts) - 1)
        for _ in range(rounds + min(extra, 40)):
            context = dict(chance.choice(facts.contexts)) if chance.random() < 0.7 else {}
            if chance.random() < 0.03:
                context["service_tier"] = chance.choice(["default", "flex", "scale"])
            yield {
                "provider": provider.id, "model": model.id, "at": moment(facts, chance).isoformat(),
                "usage": usage(facts, chance), **({"context": context} if context else {}),
            }, facts


# ---- Both answers -----------------------------------------------------------------------------------------------


def reference(snapshot, types, request):
    """Nanodollars, exactly; or why the package refuses."""
    try:
        price = snapshot.calc(
            types.Usage(**request["usage"]), request["model"], request["provider"], None,
            datetime.fromisoformat(request["at"]), request.get("context"))
    except (LookupError, ValueError) as error:
        return None, f"{type(error).__name__}"
    return price, None


def run(arguments):
    from genai_prices import data, data_snapshot, types

    checks = Checks()
    cli = arguments.cli_bin.resolve() if arguments.cli_bin else built(["-p", "jobmon-cli", "--bin", "jobmon"])
    chance = random.Random(arguments.seed)
    snapshot = data_snapshot.get_snapshot()
    registry = price_keys()
    made = list(requests_of(data.providers, registry, chance, arguments.requests))
    lines = "".join(json.dumps(request) + "\n" for request, _ in made)
    title(f"genai-prices {package_version()} from PyPI, and ours")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([cli, "prices", "cost"], input=lines, capture_output=True, text=True, cwd=folder, timeout=1200)
    ours = [json.loads(line) for line in done.stdout.splitlines()]
    took = time.monotonic() - began
    checks.that(done.returncode == 0, "every request is one", done.stderr)
    checks.that(len(ours) == len(made) >= 20_000, f"{len(made)} requests, each answered", f"{len(ours)} answers")

    wrong, reasons, grades, largest, models = [], Counter(), Counter(), Decimal(0), set()
    for (request, facts), answer in zip(made, ours):
        price, refused = reference(snapshot, types, request)
        grades[answer.get("grade", "error")] += 1
        shown = f"{json.dumps(request)}\n    {json.dumps(answer)}"
        if refused:
            # What the package refuses is no certainty.
            reasons[f"the package refuses it ({refused}); ours is a lower bound or unpriced"] += 1
            if answer["grade"] == "known":
                wrong.append(f"refused by the package ({refused}), known to us: {shown}")
            continue
        exact = price.total_price * NANO
        if answer["nanodollars"] is None:
            if not facts.units:
                reasons["the list has no price for the model; the package says $0"] += 1
            elif exact == 0 and not price_of(price):
                reasons["no unit that was used has a price at that time; the package says $0"] += 1
            elif exact == 0 and not any(has_price(price, unit) for unit, count in request["usage"].items() if count):
                reasons["only units without a price were used; the package says $0"] += 1
            elif price.provider.id != request["provider"]:
                reasons["the model is another provider's; the package prices it all the same"] += 1
            else:
                wrong.append(f"{exact} nanodollars by the package, unpriced by us: {shown}")
            continue
        models.add((request["provider"], request["model"]))
        difference = abs(exact - answer["nanodollars"])
        largest = max(largest, difference)
        if difference > 1:
            wrong.append(f"{exact} nanodollars by the package: {shown}")
    checks.none(wrong, "no difference beyond one nanodollar")
    priced = {(provider.id, model.id) for provider in data.providers for model in provider.models
              if Facts(model, registry).units}
    missing = sorted(" ".join(model) for model in priced - models)
    reasons_of_missing = [name for name in missing if not unmatchable(snapshot, name)]
    checks.none(reasons_of_missing, f"every priced model was compared ({len(models)} of {len(priced)})")
    print(f"  {len(made)} requests in {took:.1f} s, largest difference {largest:.3f} nanodollars, "
          + ", ".join(f"{count} {grade}" for grade, count in sorted(grades.items())))
    for reason, number in sorted(reasons.items()):
        print(f"  {number:6} × {reason}")
    return checks.finish()


def price_of(price):
    """Whether the model has any price at that time."""
    return keys_of(price.model_price)


def has_price(price, unit):
    """Whether a unit, or one that it is a part of, has a price."""
    from genai_prices.data_units import unit_data

    part = unit_data[unit]["dimensions"].items()
    wholes = [facts["price_key"] for facts in unit_data.values() if facts["dimensions"].items() <= part]
    return any(key in price_of(price) for key in wholes)


def unmatchable(snapshot, name):
    """Labels of the list that are no names which its own rules match."""
    provider, model = name.split(" ", 1)
    try:
        found = snapshot.find_provider_model(model, None, provider, None)
    except LookupError:
        return True
    return found[1].id != model


def price_keys():
    """Which unit a price is for, by the package's own registry."""
    from genai_prices.data_units import unit_data

    return {facts["price_key"]: unit for unit, facts in unit_data.items()}


if __name__ == "__main__":
    given = options()
    if given.inside:
        sys.exit(run(given))
    with tempfile.TemporaryDirectory() as environment:
        sys.exit(in_environment(environment))
