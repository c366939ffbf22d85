#!/usr/bin/env python3
"""Compares what jobmon wrote down with what the server itself reported, request by request.

    compare.py RECORD.jsonl JOBMON.jsonl [--query QUERY.json] [--at-least N]

RECORD is recording_proxy.py's, JOBMON the file of jobmon's `jsonl` exporter, QUERY the output of
`jobmon query --measures input_tokens,output_tokens,calls --format json` over the history of the same run.
Exit code 0 when every number agrees, else 1 with each difference on a line of its own.
"""

import argparse
import json
import sys
from collections import Counter


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def jobmon_answers(line):
    """Yields (response id, input, output, cached) for each answer of a provider in a line of jobmon's."""
    if line.get("type") == "call":
        for answer in line.get("answers") or []:
            if usage := answer.get("usage"):
                yield answer.get("id"), usage.get("input"), usage.get("output"), usage.get("cache_read") or 0


def server_answers(line):
    """The same of a line of the proxy's record; nothing for an answer without usage."""
    usage = line.get("usage")
    if line["status"] == 200 and usage:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        yield line["id"], usage["prompt_tokens"], usage["completion_tokens"], cached


def by_id(answers, source, problems):
    for response_id, count in Counter(answer[0] for answer in answers).items():
        if count > 1 or not response_id:
            problems.append(f"{source}: id {response_id} occurs {count} times")
    return {answer[0]: answer[1:] for answer in answers}


def compare_answers(server, ours, at_least, problems):
    if len(server) < at_least:
        problems.append(f"only {len(server)} answers, {at_least} are needed")
    expected = by_id(server, "record", problems)
    found = by_id(ours, "jobmon", problems)
    for response_id in expected.keys() - found.keys():
        problems.append(f"{response_id}: the server answered, jobmon has nothing")
    for response_id in found.keys() - expected.keys():
        problems.append(f"{response_id}: jobmon has it, the server never answered so")
    for response_id in expected.keys() & found.keys():
        names = ("input", "output", "cached")
        for name, theirs, own in zip(names, expected[response_id], found[response_id]):
            if theirs != own:
                problems.append(f"{response_id}: {name} is {theirs} for the server, {own} for jobmon")


def find_row(value):
    """The one row of a query's answer: an object with the measures as keys, wherever it stands."""
    if isinstance(value, dict):
        if "input_tokens" in value:
            return value
        return next((row for row in map(find_row, value.values()) if row), None)
    if isinstance(value, list):
        return next((row for row in map(find_row, value) if row), None)
    return None


def compare_totals(server, calls, path, problems):
    with open(path, encoding="utf-8") as file:
        row = find_row(json.load(file))
    if row is None:
        problems.append(f"{path}: no row with input_tokens")
        return
    expected = {
        "input_tokens": sum(answer[1] for answer in server),
        "output_tokens": sum(answer[2] for answer in server),
        "calls": calls,
    }
    for measure, value in expected.items():
        if row.get(measure) != value:
            problems.append(f"query: {measure} is {row.get(measure)}, the sum is {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("record")
    parser.add_argument("jobmon")
    parser.add_argument("--query")
    parser.add_argument("--at-least", type=int, default=30)
    options = parser.parse_args()

    problems = []
    server = [answer for line in lines(options.record) for answer in server_answers(line)]
    events = lines(options.jobmon)
    ours = [answer for line in events for answer in jobmon_answers(line)]
    compare_answers(server, ours, options.at_least, problems)
    if options.query:
        # Against our own count of call lines: an agent's call that asks no model is a call as well.
        calls = sum(line.get("type") == "call" for line in events)
        compare_totals(server, calls, options.query, problems)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"{len(problems)} differences between the server and jobmon")
    total = [sum(answer[n] for answer in server) for n in (1, 2, 3)]
    print(
        f"{len(server)} answers agree request by request: "
        f"{total[0]} tokens in ({total[2]} cached), {total[1]} out"
    )


if __name__ == "__main__":
    main()
