#!/usr/bin/env python3
"""A real Prometheus reads the example's run: what its API answers is what jobmon's JSON lines say, to the token and to the
nanodollar; exemplars point to calls."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import harness
import peers

STRICT = """
import sys
from prometheus_client.openmetrics import parser
print(sum(len(family.samples) for family in parser.text_string_to_metric_families(sys.stdin.read())))
"""


def page(address, accept):
    request = urllib.request.Request(f"http://{address}/metrics", headers={"accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["content-type"], answer.read().decode()


def status(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    checks = harness.Checks()
    example = harness.built(["--example", "job_search", "--features", "sqlite,jsonl,prometheus"])
    port = peers.free_port()
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, peers.prometheus(folder, address) as prometheus:
        lines = Path(folder) / "run.jsonl"
        command = [example, "--quiet", "--db", Path(folder) / "run.db", "--jsonl", lines, "--prometheus", address]
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=harness.environment(),
        )
        try:
            # It stays when its run is over.
            process.stderr.readline()
            time.sleep(2.5)
            events = [json.loads(line) for line in lines.read_text().splitlines()]
            calls = [event for event in events if event["type"] == "call"]

            kind, text = page(address, "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
            strict = subprocess.run(
                [peers.python("judge"), "-c", STRICT], input=text, capture_output=True, text=True, timeout=60
            )
            checks.that(kind.startswith("application/openmetrics-text; version=1.0.0"), "OpenMetrics where it is taken", kind)
            checks.that(strict.returncode == 0 and int(strict.stdout) > 100, "a strict parser takes it", strict.stderr[-800:])
            kind, text = page(address, "text/plain;version=0.0.4")
            checks.that(kind.startswith("text/plain; version=0.0.4"), "the classic format where that is", kind)
            tool = peers.debian("prometheus", "usr/bin/promtool")
            lint = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
            checks.that(lint.returncode == 0, "promtool has nothing to say", lint.stdout + lint.stderr)

            def value(query):
                found = peers.get(f"{prometheus}/api/v1/query?query={urllib.request.quote(query)}")["data"]["result"]
                return float(found[0]["value"][1]) if found else None

            requests = [call for call in calls if call["operation"] == "chat"]
            tokens = lambda side: sum(call.get("usage", {}).get(side, 0) for call in requests)
            nanos = lambda key: sum(call.get(key, 0) for call in calls)
            cost = sum(call.get("cost", {}).get("nanodollars", 0) for call in calls)
            ends = Counter(call["end"] for call in calls)
            for query, expected in (
                ("sum(gen_ai_client_inference_usage_input_tokens_total)", tokens("input")),
                ("sum(gen_ai_client_inference_usage_output_tokens_total)", tokens("output")),
                ("sum(gen_ai_client_inference_usage_cache_read_input_tokens_total)", tokens("cache_read")),
                ("sum(gen_ai_client_inference_duration_seconds_count)", len(requests)),
                ("sum(jobmon_calls_total)", len(calls)),
                ('sum(jobmon_calls_total{jobmon_end="error"})', ends["error"] or None),
                ("sum(jobmon_attempts_total)", sum(call["attempt_count"] for call in calls)),
                ("round(sum(jobmon_cost_usd_total) * 1e9)", cost),
                ("round(sum(jobmon_wasted_cost_usd_total) * 1e9)", nanos("wasted_nanodollars")),
                ("sum(jobmon_searches_total)", sum(event["type"] == "search" for event in events)),
                ("sum(jobmon_outcomes_total)", sum(event["type"] == "outcome" for event in events)),
                ('jobmon_exporter_events_total{jobmon_exporter="jsonl",jobmon_fate="exported"}', len(events)),
                ("target_info{service_name='job-search'}", 1),
            ):
                found = value(query)
                checks.that(found == expected, query, (found, expected))
            now = time.time()
            exemplars = peers.get(
                f"{prometheus}/api/v1/query_exemplars?query=gen_ai_client_inference_duration_seconds_bucket"
                f"&start={now - 600}&end={now + 60}"
            )["data"]
            found = {exemplar["labels"]["span_id"] for series in exemplars for exemplar in series["exemplars"]}
            ours = {call["span_id"] for call in requests}
            checks.that(found and found <= ours, "exemplars point to calls", (len(found), len(ours)))

            checks.that(status(f"http://{address}/other") == 404, "other pages are not found")
            post = urllib.request.Request(f"http://{address}/metrics", data=b"x", method="POST")
            checks.that(status(post) == 405, "only reading is allowed")
            second = harness.run([example, "--quiet", "--db", Path(folder) / "second.db", "--prometheus", address])
            told = f"cannot listen at {address}"
            checks.that(second.code == 1 and told in second.err, "a port in use is told", second)
            process.stdin.close()
            checks.that(process.wait(timeout=60) == 0, "it ends when it is told to")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
