#!/usr/bin/env python3
"""What is sent follows the OpenTelemetry GenAI conventions: every kind of call and fact, good and failing, content on and
off, in every dialect, judged by `tests/semconv/judge.py` against the registry beside it."""

import json
import subprocess
import sys

import harness
import peers

JUDGE = harness.ROOT / "tests" / "semconv" / "judge.py"
REGISTRY = harness.ROOT / "tests" / "semconv" / "registry"
# Names that a dialect adds on purpose; `user-named` ones belong to the program.
VENDORS = {
    "otel": [],
    "logfire": ["logfire.", "operation.cost", "gen_ai.system", "gen_ai.aggregated_usage.",
                "gen_ai.usage.cache_creation.", "gen_ai.client.operation.time_to_first_chunk",
                "gen_ai.client.token.usage", "gen_ai.token.type"],
    "langfuse": ["langfuse.", "gen_ai.usage.cache_creation."],
    "openinference": ["llm.", "openinference.", "input.", "output.", "tool.", "agent.", "embedding."],
    "compat": ["operation.cost", "gen_ai.system", "gen_ai.usage.cache_creation.",
               "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.token.usage", "gen_ai.token.type"],
}
# Recommended attributes that nobody can know here, and why.
UNKNOWN = {
    "gen_ai.response.model": "the request failed, or the answer does not name its model",
    "gen_ai.response.id": "the request failed, or the answer has none",
    "gen_ai.response.finish_reasons": "the request failed or was left, or the answer has none",
    "gen_ai.usage.input_tokens": "the request failed, or its stream was left before usage came",
    "gen_ai.usage.output_tokens": "the request failed, or its stream was left before usage came",
    "gen_ai.embeddings.dimension.count": "the request failed before it said so",
    "gen_ai.request.encoding_formats": "the request failed before it said so",
    "gen_ai.retrieval.top_k": "the program did not say",
    "server.address": "no server: a retrieval in the program itself, or usage that came late",
    "gen_ai.request.model": "an agent of more than one model",
    "gen_ai.evaluation.explanation": "the program gave none",
    "exception.stacktrace": "errors of Rust carry none",
}


def judged(example, profile, *options):
    """The judge's report on one run of the example."""
    port = peers.free_port()
    own = [word for name in ["jobmon.", "otel.metric.overflow", *VENDORS[profile]] for word in ("--own-ns", name)]
    models = [word for name in ("model", "core") for word in ("--model", REGISTRY / name)]
    command = [peers.python("judge"), JUDGE, *models, "--listen", port, "--wait", 4, *own]
    with harness.started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as judge:
        judge.stderr.readline()
        address = f"http://127.0.0.1:{port}"
        done = harness.run([example, address, "--grpc", "--profile", profile, *options])
        out, _ = judge.communicate(timeout=60)
    return done, json.loads(out)


def main():
    checks = harness.Checks()
    example = harness.built(["--example", "every_operation", "--features", "otlp-grpc"])
    runs = [("otel",), ("otel", "--capture"), ("otel", "--capture", "--content", "spans_and_events")]
    runs += [(profile, "--capture") for profile in VENDORS if profile != "otel"]
    for profile, *options in runs:
        name = " ".join([profile, *options])
        harness.title(name)
        done, report = judged(example, profile, *options)
        checks.that(done.code == 0, "the example delivers everything", done)
        seen = report["seen"]
        checks.that(
            seen["spans"] >= 15 and seen["metrics"] >= 20 and seen["events"] >= 6, "all signals arrive", seen
        )
        say = lambda found: f"{found['signal_type']} {found['signal_name']}: {found['message']} ({found['count']} times)"
        # A registry that is of one version only cannot know the metric which Logfire still reads for inference.
        violations = [say(found) for found in report["findings"] if found["level"] == "violation"]
        checks.none(violations, "no violation")
        improvements = [found for found in report["findings"] if found["level"] == "improvement"]
        strange = [say(found) for found in improvements if not any(f"'{key}'" in found["message"] for key in UNKNOWN)]
        if profile == "otel":
            checks.none(strange, "nothing recommended is missing that can be known")
        content = any("messages" in key for span in report["coverage"].values() for key in span["present"])
        on_spans = "--capture" in options
        checks.that(content == on_spans, "content is there where it was asked for, and nowhere else")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
