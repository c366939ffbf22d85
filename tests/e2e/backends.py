#!/usr/bin/env python3
"""The example's run in real backends: Phoenix, MLflow and the collector rotel get it, over HTTP and gRPC, and what they
show by their own APIs is what jobmon's JSON lines say: spans, parents, tokens, costs, models, messages."""

import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import harness
import peers

POSTINGS = "12"


def run(example, folder, name, *options):
    """One run of the example: its calls, as the JSON lines have them."""
    lines = Path(folder) / f"{name}.jsonl"
    command = [example, "--quiet", "--postings", POSTINGS, "--db", Path(folder) / f"{name}.db", "--jsonl", lines]
    done = harness.run([*command, *options])
    events = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    return done, events


def calls(events):
    return {event["span_id"]: event for event in events if event["type"] == "call"}


def delivered(done):
    found = re.search(r"otlp: (\d+) exported([^;\n]*)", done.out)
    return (int(found[1]), found[2]) if found else (None, done)


def tokens(call):
    usage = call.get("usage", {})
    return usage.get("input"), usage.get("output")


def dollars(call):
    nanos = call.get("cost", {}).get("nanodollars")
    return None if nanos is None else nanos / 1e9


def parents(found):
    return {span: parent for span, parent in found}


def phoenix(checks, example, folder):
    harness.title("Arize Phoenix")
    with peers.phoenix(folder) as (http, grpc):
        for name, address, options in (
            ("http", http, []), ("grpc", grpc, ["--grpc"]), ("openinference", http, ["--profile", "phoenix"]),
        ):
            # It takes traces only, and the example sends all: what it refuses must not harm them.
            done, events = run(example, folder, f"phoenix-{name}", "--otlp", address, "--capture", *options)
            ours = calls(events)
            trace = next(iter(ours.values()))["trace_id"]
            url = f"{http}/v1/projects/default/spans?limit=1000&trace_id={trace}"

            def all_there():
                found = peers.get(url)["data"]
                return found if len(found) >= len(ours) else None

            spans = peers.until(all_there, "Phoenix has not all spans", 60)
            theirs = {span["context"]["span_id"]: span for span in spans}
            checks.that(done.code == 0 and theirs.keys() == ours.keys(), f"{name}: every call is one span", done)
            wrong = [
                f"{call['name']}: {theirs[span]['parent_id']}" for span, call in ours.items()
                if theirs[span]["parent_id"] != call.get("parent_span_id")
            ]
            checks.none(wrong, f"{name}: parents are the same")
            kinds = {"chat": "LLM", "invoke_agent": "AGENT", "execute_tool": "TOOL"}
            wrong, shown = [], 0
            for span, call in ours.items():
                attributes = theirs[span]["attributes"]
                if call["operation"] in kinds and theirs[span]["span_kind"] != kinds[call["operation"]]:
                    wrong.append(f"{call['name']}: kind {theirs[span]['span_kind']}")
                if call["operation"] != "chat":
                    continue
                counts = (attributes.get("llm.token_count.prompt"), attributes.get("llm.token_count.completion"))
                if counts != tokens(call):
                    wrong.append(f"{call['name']}: {counts} tokens, not {tokens(call)}")
                if attributes.get("llm.model_name") not in (call["model"], call["answers"][-1].get("model") if call.get("answers") else None):
                    wrong.append(f"{call['name']}: model {attributes.get('llm.model_name')}")
                cost = attributes.get("jobmon.cost.usd")
                if cost != dollars(call):
                    wrong.append(f"{call['name']}: costs {cost}, not {dollars(call)}")
                ok = call["end"] == "ok"
                if (theirs[span]["status_code"] == "ERROR") == ok:
                    wrong.append(f"{call['name']}: status {theirs[span]['status_code']}")
                shown += any(key.startswith("llm.input_messages") for key in attributes) and any(
                    key.startswith("llm.output_messages") for key in attributes
                )
            checks.none(wrong, f"{name}: kinds, models, tokens, costs and failures are the same")
            answered = sum(call["operation"] == "chat" and call["end"] == "ok" for call in ours.values())
            checks.that(shown >= answered, f"{name}: messages are shown", f"{shown} of {answered}")


def mlflow(checks, example, folder):
    harness.title("MLflow")
    with peers.mlflow(folder) as base:
        header = ["--header", "x-mlflow-experiment-id=0"]
        done, events = run(example, folder, "mlflow-run", "--otlp", base, *header)
        ours = calls(events)
        if not checks.that(ours, "the example ran", done):
            return
        trace = next(iter(ours.values()))["trace_id"]

        def stored():
            try:
                found = peers.get(f"{base}/api/3.0/mlflow/traces/get?trace_id=tr-{trace}")["trace"]
            except OSError:
                return None
            return found if len(found.get("spans", [])) >= len(ours) else None

        found = peers.until(stored, "MLflow has not all spans", 60)
        checks.that(len(found["spans"]) == len(ours), "every call is one span", done)
        metadata = found["trace_info"].get("trace_metadata", {})
        usage = json.loads(metadata.get("mlflow.trace.tokenUsage", "{}"))
        chats = [call for call in ours.values() if call["operation"] == "chat"]
        expected = [sum(tokens(call)[side] or 0 for call in chats) for side in (0, 1)]
        checks.that(
            [usage.get("input_tokens"), usage.get("output_tokens")] == expected, "the same tokens", (usage, expected)
        )
        cost = json.loads(metadata.get("mlflow.trace.cost", "{}")).get("total_cost")
        known = sum(dollars(call) or 0 for call in chats)
        # It prices by tables of its own, and each span as one request.
        several = any(len(call.get("answers", [])) > 1 for call in chats)
        close = cost is not None and abs(cost - known) <= (0.2 if several else 0.001) * known
        checks.that(close, "its own computation of costs agrees", (cost, known))
        checks.that(metadata.get("mlflow.trace.session", "").startswith("search-"), "the session", metadata)


def rotel(checks, example, folder):
    harness.title("rotel")
    with peers.rotel(folder) as (http, grpc, log):
        for name, address, options in (("http", http, []), ("grpc", grpc, ["--grpc"])):
            before = log.stat().st_size
            done, events = run(example, folder, f"rotel-{name}", "--otlp", address, *options)
            ours = calls(events)
            count, rest = delivered(done)
            checks.that((count, rest) == (len(events), ""), f"{name}: everything is delivered", done)
            time.sleep(1)
            with open(log, errors="replace") as file:
                file.seek(before)
                text = file.read()
            spans = re.findall(r"Span #\d+\n\s+Trace ID\s+: \w+\n\s+Parent ID\s+: (\w*)\n\s+ID\s+: (\w+)", text)
            theirs = {span: parent for parent, span in spans}
            expected = {span: call.get("parent_span_id", "") for span, call in ours.items()}
            checks.that(theirs == expected, f"{name}: every call is one span, with its parent",
                        f"{len(theirs)} of {len(expected)}")
            counted = sum(int(count) for count in re.findall(r"gen_ai.usage.input_tokens: Int\((\d+)\)", text))
            checks.that(counted == sum(tokens(call)[0] or 0 for call in ours.values()), f"{name}: the same tokens")
            wanted = Counter(event["type"] for event in events)
            names = Counter(re.findall(r"EventName: (\S+)|Event name\s*: (\S+)", text))
            for metric in ("gen_ai.client.inference.duration", "jobmon.cost", "jobmon.exporter.events"):
                checks.that(f": {metric}\n" in text, f"{name}: metric {metric} arrives")
            checks.that(text.count("gen_ai.evaluation.name") >= wanted["score"] + wanted["feedback"],
                        f"{name}: scores and feedback arrive", names)


def main():
    checks = harness.Checks()
    example = harness.built(["--example", "job_search", "--features", "sqlite,jsonl,otlp-grpc,prometheus"])
    for part in (mlflow, phoenix, rotel):
        with tempfile.TemporaryDirectory() as folder:
            part(checks, example, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
