#!/usr/bin/env python3
"""Do the rules that `jobmon generate prometheus-rules` writes fire at the same minutes as jobmon itself?

    tests/e2e/rules.py [--cli-bin FILE]

Ten hours of calls with known incidents go into a history, where `jobmon alerts test` replays the alerts, and, as the counters
that our exporters would have shown, into `promtool test rules`. Both must agree at every minute, apart from the one in which
an alert changes (Prometheus extrapolates, and looks more often). Both must find each incident within its window."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import harness
import peers

START = datetime(2026, 11, 2, tzinfo=timezone.utc)
MINUTES = 600
STEP = 10
# Before that the first windows are not full.
FROM = 58
MODEL = "gpt-4o-mini"

ALERTS = {
    # name: condition, further keys, and when it is to begin and to end (minutes), in which group.
    "errors": ("error_rate > 30%", 'window = "5m"\nby = ["feature"]\nfor = "2m"\nmin_calls = 10', [(64, 83, "analysis"), (154, 163, "search")]),
    "both": ("error_rate{feature=\"search\"} > 50% and calls >= 30", 'window = "5m"', [(154, 162, None)]),
    # After the silence there is more than in it, too.
    "spike": ("change(cost) > 100%", 'window = "30m"', [(202, 239, None), (407, 425, None)]),
    "spent": ("cost > $0.10", 'window = "10m"', [(201, 239, None)]),
    "silence": ("calls == 0", 'window = "5m"\nno_data = "fire"', [(365, 380, None)]),
    "slow": ("p95_latency > 3s or panics > 0", 'window = "10m"', [(416, 439, None)]),
    "never": ("panics > 0 or abandoned > 3", 'window = "5m"', []),
    "few": ("error_rate > 10%", 'window = "5m"\nmin_calls = 1000', []),
}


def calls():
    """Every call: seconds since the start, feature, end, input tokens, seconds that it took."""
    for n in range(MINUTES * 60 // STEP):
        at = n * STEP + 5
        minute = at / 60
        if 360 <= minute < 380:
            continue
        for feature in ("search", "analysis"):
            broken = (feature == "analysis" and 60 <= minute < 80) or (feature == "search" and 150 <= minute < 160)
            # Two of three fail, so that nothing is at a threshold.
            end = "error" if broken and n % 3 else "ok"
            tokens = 40_000 if 200 <= minute < 230 else 2_000
            took = 6.0 if 415 <= minute < 430 else 0.7
            yield at, feature, end, tokens, took


def history(folder, synthetic):
    base = int(START.timestamp()) * 10**9
    lines = []
    for at, feature, end, tokens, took in calls():
        answers = [] if end == "error" else [{"attempt": 1, "model": MODEL, "input": tokens, "output": 10, "cache_read": None}]
        lines.append(json.dumps({
            "type": "call", "id": f"{len(lines) + 1:032x}-{len(lines) + 1:016x}", "category": "server", "at": base + at * 10**9, "name": "ask", "operation": "chat", "provider": "openai", "model": MODEL,
            "feature": feature, "duration_nanos": int(took * 1e9), "end": end,
            "attempts": ["server"] if end == "error" else [], "http_status": 500, "answers": answers,
        }))
    database = folder / "history.db"
    command = [synthetic, database, folder / "lines.jsonl"]
    done = subprocess.run([str(word) for word in command], input="\n".join(lines), text=True, capture_output=True, timeout=300)
    if done.returncode != 0:
        sys.exit(done.stderr)
    costs = {}
    for line in (folder / "lines.jsonl").read_text().splitlines():
        event = json.loads(line)
        key = (event["start_unix_nanos"] - base) // 10**9, event["feature"]
        costs[key] = event["cost"].get("nanodollars", 0)
    return database, costs


def series(costs):
    """The counters that Prometheus would have scraped, each ten seconds."""
    bounds = [0.01 * 2**k for k in range(14)]
    counts, samples = defaultdict(float), defaultdict(list)
    by_step = defaultdict(list)
    for at, feature, end, _, took in calls():
        by_step[at // STEP + 1].append((at, feature, end, took))
    common = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="%s"' % MODEL
    names = set()
    for feature in ("search", "analysis"):
        for end in ("ok", "error"):
            names.add(f'jobmon_calls_total{{{common},jobmon_name="ask",jobmon_feature="{feature}",jobmon_end="{end}"}}')
        names.add(f'jobmon_cost_usd_total{{{common},jobmon_name="ask",jobmon_feature="{feature}"}}')
    latency = "gen_ai_client_inference_duration_seconds"
    names |= {f'{latency}_bucket{{{common},le="{bound:g}"}}' for bound in bounds}
    names |= {f'{latency}_{what}{{{common}{more}}}' for what, more in (("bucket", ',le="+Inf"'), ("count", ""), ("sum", ""))}
    for step in range(MINUTES * 60 // STEP + 1):
        for at, feature, end, took in by_step[step]:
            counts[f'jobmon_calls_total{{{common},jobmon_name="ask",jobmon_feature="{feature}",jobmon_end="{end}"}}'] += 1
            counts[f'jobmon_cost_usd_total{{{common},jobmon_name="ask",jobmon_feature="{feature}"}}'] += costs[at, feature] / 1e9
            for bound in bounds:
                counts[f'{latency}_bucket{{{common},le="{bound:g}"}}'] += took <= bound
            counts[f'{latency}_bucket{{{common},le="+Inf"}}'] += 1
            counts[f'{latency}_count{{{common}}}'] += 1
            counts[f'{latency}_sum{{{common}}}'] += took
        for name in names:
            samples[name].append(repr(round(counts[name], 9)))
    return samples


def replayed(cli, database, config):
    """Minutes at which each group of each alert fires, and those in which it changes, by jobmon."""
    moment = lambda minute: (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = harness.run([cli, "alerts", "test", "--db", database, "--config", config, "--since", moment(FROM),
                        "--until", moment(MINUTES), "--format", "json"])
    if done.code != 0:
        sys.exit(done.err)
    firing, begun, changes = defaultdict(list), {}, defaultdict(set)
    for notice in json.loads(done.out):
        group = notice["alert"], notice["group"].get("feature")
        at = (datetime.fromisoformat(notice["at"].replace("Z", "+00:00")) - START).total_seconds() / 60
        if notice["state"] == "firing":
            begun[group] = at
        elif notice["state"] == "resolved":
            firing[group].append((begun.pop(group), at))
        if notice["state"] != "still":
            changes[group] |= {int(at), int(at) + 1}
    for group, since in begun.items():
        firing[group].append((since, float(MINUTES)))
    return firing, changes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cli-bin", type=Path, help="the command jobmon")
    options = parser.parse_args()
    checks = harness.Checks()
    cli = options.cli_bin.resolve() if options.cli_bin else harness.built(["-p", "jobmon-cli", "--bin", "jobmon"])
    synthetic = harness.built(["-p", "synthetic"])
    promtool = peers.debian("prometheus", "usr/bin/promtool")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        config = folder / "jobmon.toml"
        config.write_text("\n".join(
            f"[[alerts]]\nname = {json.dumps(name)}\ncondition = {json.dumps(condition)}\n{keys}"
            for name, (condition, keys, _) in ALERTS.items()
        ))
        database, costs = history(folder, synthetic)
        firing, changes = replayed(cli, database, config)
        expected = defaultdict(list)
        for name, (_, _, when) in ALERTS.items():
            for begin, end, group in when:
                expected[name, group].append((begin, end))
        checks.that(firing.keys() == expected.keys(), "jobmon: every incident is alerted, and nothing else", dict(firing))
        off = lambda found, wanted: len(found) != len(wanted) or any(
            abs(a - b) > 1 for pair in zip(found, wanted) for a, b in zip(*pair)
        )
        wrong = [f"{group}: {found}" for group, found in firing.items() if off(found, expected[group])]
        checks.none(wrong, "jobmon: at the minutes that the incidents were made for")

        rules = folder / "rules.yml"
        done = harness.run([cli, "generate", "prometheus-rules", "--config", config])
        rules.write_text(done.out)
        checked = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, timeout=60)
        checks.that(done.code == 0 and checked.returncode == 0, "promtool takes the rules", checked.stdout + checked.stderr)
        checks.that("is not here" not in done.out, "every alert is a rule", done.out)

        notes = dict(re.findall(r'- alert: "(.*?)"\n(?:.*\n)*?          condition: (".*")', done.out))
        tests = []
        for minute in range(FROM + 2, MINUTES):
            for name, (_, _, when) in ALERTS.items():
                groups = {group for _, _, group in when} or {None}
                if any(minute in changes[name, group] for group in groups):
                    continue
                alerts = []
                for group in groups:
                    if any(begin <= minute < end for begin, end in firing[name, group]):
                        condition = json.loads(notes[name])
                        labels = {"jobmon_feature": group} if group else {}
                        alerts.append({"exp_labels": labels, "exp_annotations": {"summary": condition, "condition": condition}})
                tests.append({"eval_time": f"{minute}m", "alertname": name, "exp_alerts": alerts})
        test = {
            "rule_files": [str(rules)], "evaluation_interval": "10s",
            "tests": [{
                "interval": f"{STEP}s",
                "input_series": [{"series": name, "values": " ".join(values)} for name, values in series(costs).items()],
                "alert_rule_test": tests,
            }],
        }
        # JSON is YAML.
        (folder / "test.yml").write_text(json.dumps(test))
        tested = subprocess.run([promtool, "test", "rules", folder / "test.yml"], capture_output=True, text=True, timeout=600)
        checks.that(
            tested.returncode == 0, f"Prometheus fires at the same minutes ({len(tests)} comparisons)",
            (tested.stdout + tested.stderr)[-3000:],
        )
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
