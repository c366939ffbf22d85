#!/usr/bin/env python3
"""Is what `jobmon generate` prints what those it is for accept?

    tests/e2e/generated.py [--cli-bin FILE]

The dashboard against the types of Grafana's own schema package, its queries against promtool; the Collector's configuration as
YAML whose pipelines name what is there.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import peers  # noqa: E402
from harness import Checks, arguments, run, title  # noqa: E402

GRAFANA = ("@grafana/schema@13.2.3", "typescript@5.9.3")
YAML = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"


def schema():
    """The folder with Grafana's types and a compiler."""
    folder = peers.PEERS / "grafana"
    done = folder / "done"
    with peers._alone():
        if not done.exists() or done.read_text() != " ".join(GRAFANA):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "package.json").write_text('{"private": true}')
            peers._must(["npm", "install", "--silent", "--no-audit", "--no-fund", *GRAFANA], cwd=folder)
            done.write_text(" ".join(GRAFANA))
    return folder


def grafana(checks, cli, folder, *data):
    done = run([cli, "generate", "grafana", *data])
    dashboard = json.loads(done.out)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    checks.that(done.code == 0 and len(panels) >= 16, f"{' '.join(data)} a dashboard of {len(panels)} panels", done)
    typed = schema()
    source = folder / "dashboard.ts"
    source.write_text(f"import type {{ Dashboard }} from '@grafana/schema';\nexport const dashboard: Dashboard = {done.out};\n")
    (typed / "check").mkdir(exist_ok=True)
    checked = shutil.copy(source, typed / "check" / "dashboard.ts")
    tsc = [typed / "node_modules" / ".bin" / "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
           "--moduleResolution", "nodenext", "--target", "es2022", checked]
    compiled = run(tsc, cwd=typed)
    checks.that(compiled.code == 0, "has the types of Grafana's schema package", compiled.out[-3000:])
    wrong = Path(checked).read_text().replace('"schemaVersion": 41', '"schemaVersion": "41"')
    (typed / "check" / "wrong.ts").write_text(wrong)
    refused = run([*tsc[:-1], typed / "check" / "wrong.ts"], cwd=typed)
    checks.that(refused.code != 0, "which would refuse a wrong one")

    if data:
        return
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = {"groups": [{"name": "all", "rules": [
        {"record": f"q:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$__range", "1h")}
        for number, query in enumerate(queries)
    ]}]}
    (folder / "rules.yml").write_text(json.dumps(rules))
    promtool = peers.debian("prometheus", "usr/bin/promtool")
    checked = run([promtool, "check", "rules", folder / "rules.yml"])
    checks.that(checked.code == 0, f"promtool takes its {len(queries)} queries", checked)


def collector(checks, cli):
    python = peers.python("judge")
    for words in ([], ["--token", "--only-genai"], ["--jobmon", "off", "--clickhouse", "tcp://127.0.0.1:9000"]):
        done = run([cli, "generate", "otel-collector", *words])
        parsed = subprocess.run([str(python), "-c", YAML], input=done.out, capture_output=True, text=True)
        if not checks.that(done.code == 0 and parsed.returncode == 0, f"otel-collector {' '.join(words)}: is YAML", (done, parsed.stderr)):
            continue
        config = json.loads(parsed.stdout)
        missing = [
            f"{pipeline}: {name}"
            for pipeline, parts in config["service"]["pipelines"].items()
            for kind, names in parts.items()
            for name in names
            if name not in config[kind]
        ]
        unused = [
            name for kind in ("receivers", "processors", "exporters") for name in config[kind]
            if all(name not in parts[kind] for parts in config["service"]["pipelines"].values())
        ]
        checks.none(missing + unused, f"otel-collector {' '.join(words)}: its pipelines name what is there, and all of it")
    done = run([cli, "generate", "otel-collector", "--jobmon", "off"])
    checks.that(done.code == 2 and "would send nothing on" in done.err, "one without a destination is refused", done)


def main():
    options = arguments(__doc__, needed=("cli_bin",))
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="jobmon-generated-") as folder:
        title("Grafana")
        grafana(checks, options.cli_bin, Path(folder))
        # What its queries answer, `clickhouse.py` asks.
        grafana(checks, options.cli_bin, Path(folder), "--data", "clickhouse")
        title("OpenTelemetry Collector")
        collector(checks, options.cli_bin)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
