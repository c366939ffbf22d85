#!/usr/bin/env python3
"""Do the rules that `jobmon generate prometheus-rules` writes fire at the same minutes as jobmon itself?

    tests/e2e/rules.py [--cli-bin FILE] [--synthetic-bin FILE]

Ten hours of calls with known incidents, and the hours around each incident of the simulation (`simulated/traffic.py`), go into a
history, where `jobmon alerts test` replays the alerts, and, as the counters that our exporters would have shown, into `promtool
test rules`. Both must agree at every minute, apart from those beside a change (Prometheus extrapolates, and looks more often).
Both must find each incident within its window."""

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True
import harness  # noqa: E402
import peers  # noqa: E402
from simulated import alerts as of_simulation  # noqa: E402
from simulated.traffic import HOUR, MINUTE, NANOS, traffic  # noqa: E402

STEP = 10 * NANOS

# ---- Ten hours ------------------------------------------------------------------------------------------------

START = int(datetime(2026, 11, 2, tzinfo=timezone.utc).timestamp()) * NANOS
MINUTES = 600
# Before that the first windows are not full.
FROM = 58
MODEL = "gpt-4o-mini"

ALERTS = {
    # name: condition, further keys, and when it is to begin and to end (minutes), in which group.
    "errors": ("error_rate > 30%", 'window = "5m"\nby = ["feature"]\nfor = "2m"\nmin_calls = 10', [(64, 83, "analysis"), (154, 163, "search"), (362, 363, "analysis"), (362, 363, "search")]),
    "both": ("error_rate{feature=\"search\"} > 50% and calls >= 30", 'window = "5m"', [(154, 162, None), (361, 363, None)]),
    # After the silence there is more than in it, too.
    "spike": ("change(cost) > 100%", 'window = "30m"', [(202, 239, None), (406, 425, None)]),
    "spent": ("cost > $0.10", 'window = "10m"', [(201, 239, None)]),
    "silence": ("calls == 0", 'window = "5m"\nno_data = "fire"', [(365, 380, None)]),
    # It fires when everything goes silent, and goes on: nothing says that it is over.
    "kept": ("error_rate > 5%", 'window = "5m"\nno_data = "keep"', [(60, 85, None), (150, 165, None), (358, 380, None)]),
    "rate or silence": ("success_rate < 90%", 'window = "5m"\nmin_calls = 10\nno_data = "fire"', [(62, 83, None), (152, 163, None), (359, 381, None)]),
    "slow": ("p95_latency > 3s or panics > 0", 'window = "10m"', [(416, 439, None)]),
    "never": ("panics > 0 or abandoned > 3", 'window = "5m"', []),
    "few": ("error_rate > 10%", 'window = "5m"\nmin_calls = 1000', []),
}


def ten_hours():
    for n in range(MINUTES * MINUTE // STEP):
        at = n * STEP + 5 * NANOS
        minute = at / MINUTE
        if 360 <= minute < 380:
            continue
        for feature in ("search", "analysis"):
            # Two of three fail, so that nothing is at a threshold; before the silence all do.
            broken = (feature == "analysis" and 60 <= minute < 80) or (feature == "search" and 150 <= minute < 160)
            end = "error" if (broken and n % 3) or 358 <= minute < 360 else "ok"
            tokens = 40_000 if 200 <= minute < 230 else 2_000
            took = 6.0 if 415 <= minute < 430 else 0.7
            answers = [] if end == "error" else [{"attempt": 1, "model": MODEL, "input": tokens, "output": 10, "cache_read": None}]
            number = 2 * n + (feature == "search") + 1
            yield {
                "type": "call", "id": f"{number:032x}-{number:016x}", "category": "server", "at": START + at, "name": "ask",
                "operation": "chat", "provider": "openai", "model": MODEL, "feature": feature, "duration_nanos": int(took * NANOS),
                "end": end, "attempts": ["server"] if end == "error" else [], "http_status": 500, "answers": answers,
            }  # fmt: skip


# ---- The simulation -------------------------------------------------------------------------------------------

# Hours before an incident, in which windows are filled and looked at, and after it.
BEFORE, AFTER = 3, 3
# What Prometheus cannot know by name, it knows by model.
SIMULATED = {name: told[:2] + told[3:] for name, told in of_simulation.ALERTS.items() if name != "unusual"}
SIMULATED["slow"] = ('p95_latency{model="gpt-4o-mini"} > 10.24s', *SIMULATED["slow"][1:])


def around(incident):
    """The first and the last hour around it."""
    return incident[0] // HOUR * HOUR - BEFORE * HOUR, -(-incident[1] // HOUR) * HOUR + AFTER * HOUR


def simulated():
    made = traffic()
    spans = [around(incident) for *_, incident, _ in SIMULATED.values() if incident]
    events = [event for event in made.calls + made.facts if any(since <= event["at"] < until for since, until in spans)]
    return sorted(events, key=lambda event: event["at"])


# ---- Histories, and series of counters ------------------------------------------------------------------------


def history(folder, synthetic, events):
    """A history, and the events as they are recorded."""
    folder.mkdir()
    command = [synthetic, folder / "history.db", folder / "lines.jsonl"]
    described = "".join(f"{json.dumps(event)}\n" for event in events)
    done = subprocess.run([str(word) for word in command], input=described, text=True, capture_output=True, timeout=300)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [json.loads(line) for line in (folder / "lines.jsonl").read_text(encoding="utf-8").splitlines()]


BOUNDS = [0.01 * 2**k for k in range(14)]
LATENCY = "gen_ai_client_inference_duration_seconds"


def series_name(metric, labels):
    told = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if value)
    return f"{metric}{{{told}}}"


def counted(event):
    """What an event adds to which series, as `docs/prometheus.md` says."""
    if event["type"] == "score":
        labels = {"gen_ai_evaluation_name": event["name"], "jobmon_feature": event.get("feature")}
        yield series_name("jobmon_score_sum", labels), event["value"]
        yield series_name("jobmon_score_count", labels), 1
    if event["type"] != "call":
        return
    request = {
        "gen_ai_operation_name": event["operation"], "gen_ai_provider_name": event.get("provider"),
        "gen_ai_request_model": event.get("model"),
    }  # fmt: skip
    house = request | {"jobmon_name": event["name"], "jobmon_feature": event.get("feature")}
    yield series_name("jobmon_calls_total", house | {"jobmon_end": event["end"]}), 1
    yield series_name("jobmon_cost_usd_total", house), event.get("cost", {}).get("nanodollars", 0) / NANOS
    yield series_name("jobmon_injection_markers_total", house), event.get("injection_markers", 0)
    for kind, times in event.get("redactions", {}).items():
        yield series_name("jobmon_redactions_total", house | {"jobmon_redaction_kind": kind}), times
    if event["operation"] == "chat":
        took = event["duration_nanos"] / NANOS
        for bound in [*BOUNDS, float("inf")]:
            le = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield series_name(f"{LATENCY}_bucket", request | {"le": le}), took <= bound
        yield series_name(f"{LATENCY}_count", request), 1
        yield series_name(f"{LATENCY}_sum", request), took


def series(events, since, until):
    """The counters that Prometheus would have scraped each ten seconds."""
    by_step = defaultdict(list)
    names = {}
    for event in events:
        at = event.get("start_unix_nanos", event.get("at_unix_nanos"))
        if since <= at < until:
            for name, more in counted(event):
                names[name] = 0.0
                by_step[(at - since) // STEP + 1].append((name, more))
    samples = defaultdict(list)
    for step in range((until - since) // STEP + 1):
        for name, more in by_step[step]:
            names[name] += more
        for name, sum_ in names.items():
            samples[name].append(repr(round(sum_, 9)))
    return [{"series": name, "values": " ".join(values)} for name, values in samples.items()]


# ---- Both, beside each other ----------------------------------------------------------------------------------


def configured(alerts):
    each = (f"[[alerts]]\nname = {json.dumps(name)}\ncondition = {json.dumps(condition)}\n{keys}" for name, (condition, keys, *_) in alerts.items())
    return "\n".join(each)


def replayed(cli, database, config, since, until):
    """Minutes at which each group of each alert fires, and those in which it changes, by jobmon."""
    moment = of_simulation.stamp
    done = harness.run(
        [cli, "alerts", "test", "--db", database, "--config", config, "--since", moment(since), "--until", moment(until), "--format", "json"]
    )
    if done.code != 0:
        sys.exit(done.err)
    firing, begun, changes = defaultdict(list), {}, defaultdict(set)
    for notice in json.loads(done.out):
        group = notice["alert"], notice["group"].get("feature")
        at = (datetime.fromisoformat(notice["at"]).timestamp() * NANOS - since) / MINUTE
        if notice["state"] == "firing":
            begun[group] = at
        elif notice["state"] == "resolved":
            firing[group].append((begun.pop(group), at))
        if notice["state"] != "still":
            changes[group] |= {int(at), int(at) + 1}
    for group, since_ in begun.items():
        firing[group].append((since_, (until - since) / MINUTE))
    return firing, changes


class Rules:
    """Generated rules, and `promtool` to test them."""

    def __init__(self, checks, cli, folder, alerts, promtool):
        self.alerts, self.promtool, self.folder = alerts, promtool, folder
        self.config = folder / "jobmon.toml"
        self.config.write_text(configured(alerts), encoding="utf-8")
        self.file = folder / "rules.yml"
        done = harness.run([cli, "generate", "prometheus-rules", "--config", self.config])
        self.file.write_text(done.out, encoding="utf-8")
        checked = subprocess.run([promtool, "check", "rules", self.file], capture_output=True, text=True, timeout=60)
        checks.that(done.code == 0 and checked.returncode == 0, "promtool takes the rules", checked.stdout + checked.stderr)
        checks.that("is not here" not in done.out, "every alert is a rule", done.out)
        self.conditions = dict(re.findall(r'- alert: "(.*?)"\n(?:.*\n)*?          condition: (".*")', done.out))

    def test(self, checks, name, samples, firing, changes, skipped, minutes):
        """Whether Prometheus fires when we do; `skipped` minutes are there for windows to fill."""
        tests = []
        for minute in range(2, minutes):
            for alert in self.alerts:
                groups = {group for name, group in firing if name == alert} or {None}
                if any(minute in changes[alert, group] for group in groups):
                    continue
                told = []
                for group in groups:
                    if any(begin <= minute < end for begin, end in firing.get((alert, group), [])):
                        condition = json.loads(self.conditions[alert])
                        labels = {"jobmon_feature": group} if group else {}
                        told.append({"exp_labels": labels, "exp_annotations": {"summary": condition, "condition": condition}})
                tests.append({"eval_time": f"{minute + skipped}m", "alertname": alert, "exp_alerts": told})
        test = {
            "rule_files": [str(self.file)], "evaluation_interval": "10s",
            "tests": [{"interval": f"{STEP // NANOS}s", "input_series": samples, "alert_rule_test": tests}],
        }  # fmt: skip
        # JSON is YAML.
        file = self.folder / "test.yml"
        file.write_text(json.dumps(test), encoding="utf-8")
        tested = subprocess.run([self.promtool, "test", "rules", file], capture_output=True, text=True, timeout=600)
        checks.that(
            tested.returncode == 0, f"{name}: Prometheus fires at the same minutes ({len(tests)} comparisons)",
            (tested.stdout + tested.stderr)[-3000:],
        )  # fmt: skip


def check_ten_hours(checks, cli, synthetic, promtool, folder):
    harness.title("Ten hours")
    events = history(folder, synthetic, ten_hours())
    rules = Rules(checks, cli, folder, ALERTS, promtool)
    until = START + MINUTES * MINUTE
    firing, changes = replayed(cli, folder / "history.db", rules.config, START + FROM * MINUTE, until)
    expected = defaultdict(list)
    for name, (_, _, when) in ALERTS.items():
        for begin, end, group in when:
            expected[name, group].append((begin - FROM, end - FROM))
    checks.that(firing.keys() == expected.keys(), "jobmon: every incident is alerted, and nothing else", dict(firing))
    off = lambda found, wanted: len(found) != len(wanted) or any(abs(a - b) > 1 for pair in zip(found, wanted) for a, b in zip(*pair))
    wrong = [f"{group}: {found}, not {expected[group]}" for group, found in firing.items() if off(found, expected[group])]
    checks.none(wrong, "jobmon: at the minutes that the incidents were made for")
    rules.test(checks, "all", series(events, START, until), firing, changes, FROM, MINUTES - FROM)


def check_simulation(checks, cli, synthetic, promtool, folder):
    harness.title("The simulation")
    events = history(folder, synthetic, simulated())
    rules = Rules(checks, cli, folder, SIMULATED, promtool)
    for name, (_, _, incident, group) in SIMULATED.items():
        if incident is None:
            continue
        since, until = around(incident)
        # The longest window, and the one before.
        filled = since + (BEFORE - 1) * HOUR
        firing, changes = replayed(cli, folder / "history.db", rules.config, filled, until)
        checks.that(set(firing) == {(name, group)}, f"{name}: jobmon fires, and nothing else does", dict(firing))
        rules.test(checks, name, series(events, since, until), firing, changes, (filled - since) // MINUTE, (until - filled) // MINUTE)


def main():
    options = harness.arguments(__doc__, ("cli_bin", "synthetic_bin"))
    checks = harness.Checks()
    cli, synthetic = options.cli_bin, options.synthetic_bin
    promtool = peers.debian("prometheus", "usr/bin/promtool")
    with tempfile.TemporaryDirectory() as folder:
        check_ten_hours(checks, cli, synthetic, promtool, Path(folder) / "ten_hours")
        check_simulation(checks, cli, synthetic, promtool, Path(folder) / "simulation")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
