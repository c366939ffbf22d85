#!/usr/bin/env python3
"""Three services in one trace: a web service with `tracing-opentelemetry`, an agent with jobmon, a tool server reached by
HTTP. In a backend it is one tree with the right parents, whoever makes the spans of calls."""

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import harness
import peers

FOLDER = harness.ROOT / "tests" / "services"
# Each span under the one it belongs to.
TREE = {
    "GET /search": None,
    "POST /run": "GET /search",
    "invoke_agent job_agent": "POST /run",
    "execute_tool find_postings": "invoke_agent job_agent",
    "POST /postings": "execute_tool find_postings",
    "SELECT postings": "POST /postings",
    "rank": "invoke_agent job_agent",
    "chat gpt-4o-mini": "rank",
}


def built():
    """The services, with the versions of the workspace where it has them."""
    lock = FOLDER / "Cargo.lock"
    if not lock.exists():
        lock.write_bytes((harness.ROOT / "Cargo.lock").read_bytes())
    target = harness.ROOT / "target" / "services"
    command = ["cargo", "build", "--quiet", "--target-dir", target]
    subprocess.run([str(word) for word in command], cwd=FOLDER, check=True, timeout=harness.BUILD_SECONDS)
    return target / "debug" / "services"


@contextmanager
def service(*command):
    """A service and its address; it ends with its standard input."""
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=harness.environment(),
    )
    try:
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    checks = harness.Checks()
    program = built()
    with tempfile.TemporaryDirectory() as folder, peers.phoenix(folder) as (http, _):
        for spans in ("exporter", "opentelemetry"):
            harness.title(f"spans made by: {spans}")
            with (
                service(program, "tools", http) as tools,
                service(program, "agent", http, tools, spans) as agent,
                service(program, "front", http, agent) as front,
            ):
                answer = peers.get(f"{front}/search")
                checks.that(answer.get("answer") == "the best of 1", "the search is answered", answer)
            def stored():
                found = peers.get(f"{http}/v1/projects/default/spans?limit=1000")["data"]
                roots = [span for span in found if span["name"] == "GET /search"]
                if not roots:
                    return None
                newest = max(roots, key=lambda span: span["start_time"])["context"]["trace_id"]
                found = [span for span in found if span["context"]["trace_id"] == newest]
                return found if len(found) >= len(TREE) else None

            try:
                found = peers.until(stored, "not all spans are there", 30)
            except TimeoutError:
                found = peers.get(f"{http}/v1/projects/default/spans?limit=1000")["data"]
            # Late ones would make it too many.
            time.sleep(1)
            names = {span["context"]["span_id"]: span["name"] for span in found}
            tree = {span["name"]: names.get(span["parent_id"]) for span in found}
            checks.that(len(found) == len(TREE), "one span for each step", sorted(names.values()))
            checks.that(tree == TREE, "one tree with the right parents", tree)
            chat = next((span["attributes"] for span in found if span["name"].startswith("chat")), {})
            wanted = {
                "llm.token_count.prompt": 1000, "llm.token_count.completion": 100, "jobmon.cost.usd": 0.00021,
                "gen_ai.response.finish_reasons": ["stop"], "session.id": "search-17",
            }
            wrong = [f"{key}: {chat.get(key)!r}" for key, value in wanted.items() if chat.get(key) != value]
            checks.none(wrong, "the call has its tokens, its cost and its session")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
