"""What must be told of the incidents of the simulation, and when."""

import json
from collections import defaultdict
from datetime import datetime, timezone

from harness import run, title
from simulated.traffic import DAY, DECLINE, END, HOUR, INJECTED, LEAK, MINUTE, NANOS, SILENCE, SLOW, SPIKE, START, STORM

# Name: condition and keys, its window, the incident that it is about, and in which group it is told.
ALERTS = {
    "storm": ('error_rate > 25%', 'window = "30m"\nby = ["feature"]\nmin_calls = 25\nno_data = "keep"', 30 * MINUTE, STORM, "analysis"),
    "injection": ("injection_markers > 0", 'window = "5m"', 5 * MINUTE, INJECTED, None),
    "spent": ('cost{feature="documents"} > $1.50', 'window = "1h"', HOUR, SPIKE, None),
    "unusual": ("anomaly(cost) > 8", 'window = "1h"', 2 * HOUR, SPIKE, None),
    "leak": ("redacted_keys > 0", 'window = "5m"', 5 * MINUTE, LEAK, None),
    "slow": ('p95_latency{name="plan_query"} > 8s', 'window = "1h"', HOUR, SLOW, None),
    "silence": ("calls == 0", 'window = "75m"\nno_data = "fire"', 75 * MINUTE, SILENCE, None),
    "decline": ('mean_score{score="match"} < 30', 'window = "2h"\nmin_calls = 60\nno_data = "keep"', 2 * HOUR, DECLINE, None),
    "never": ("panics > 20 or abandoned > 0", 'window = "1h"', HOUR, None, None),
}


def stamp(nanos):
    return datetime.fromtimestamp(nanos // NANOS, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def replay(cli, db, folder):
    """When the alerts would have fired. The first day is past for those that need one."""
    config = folder / "alerts.toml"
    config.write_text(
        "\n".join(f"[[alerts]]\nname = {name!r}\ncondition = {condition!r}\n{keys}\n" for name, (condition, keys, *_) in ALERTS.items())
    )
    time = ["--since", stamp(START + DAY), "--until", stamp(END)]
    return run([cli, "alerts", "test", "--db", db, "--config", config, *time, "--format", "json"], seconds=900)


def check(checks, done):
    title("jobmon alerts test")
    if not checks.that(done.code == 0, f"29 days of {len(ALERTS)} alerts are replayed in {done.seconds:.0f} s", done):
        return
    fired = defaultdict(list)
    for notice in json.loads(done.out):
        at = int(datetime.fromisoformat(notice["at"]).timestamp() * NANOS)
        fired[notice["alert"]].append((notice["state"], at, next(iter(notice["group"].values()), None)))
    for name, (_, _, window, incident, group) in ALERTS.items():
        told = [one for one in fired.pop(name, []) if one[0] != "repeated"]
        if incident is None:
            checks.that(not told, f"{name}: never", told)
            continue
        begins, ends = ([at for state, at, _ in told if state == which] for which in ("firing", "resolved"))
        good = 1 <= len(begins) == len(ends) <= 2 and incident[0] < begins[0] <= incident[0] + window
        # It is over when the window has left the incident, at the latest; on the way out a rate may cross its limit twice.
        good = good and begins[0] < ends[0] and ends[-1] <= incident[1] + window + 2 * MINUTE
        groups = {group for *_, group in told}
        seen = [f"{state} {stamp(at)} {group}" for state, at, group in told]
        checks.that(good and groups == {group}, f"{name}: told once, within its window, and resolved", "\n".join(seen[:12]))
    checks.that(not fired, "nothing else is told", dict(fired))
