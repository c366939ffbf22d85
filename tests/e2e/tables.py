#!/usr/bin/env python3
"""Do DuckDB and Polars read what `jobmon history export` writes, and come to the same figures?

    tests/e2e/tables.py [--example-bin FILE] [--cli-bin FILE]
"""

import json
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import peers  # noqa: E402
from harness import Checks, arguments, run, title  # noqa: E402

READ = """
import json, sys
import duckdb, polars
folder = sys.argv[1]
out = {}
for ending, read in (("parquet", polars.read_parquet), ("csv", polars.read_csv)):
    name = f"{folder}/calls.{ending}"
    one = duckdb.sql(f'''SELECT count(*), sum(input_tokens), sum(cost_nanodollars), count(*) FILTER ("end" = 'error'),
        count(DISTINCT trace_id), min(start), max(start), sum(duration_nanos) FROM '{name}' ''').fetchall()[0]
    frame = read(name)
    out[ending] = {
        "duckdb": [str(value) for value in one],
        "polars": [len(frame), frame["input_tokens"].sum(), frame["cost_nanodollars"].sum(), (frame["end"] == "error").sum()],
        "types": {str(name): str(kind) for name, kind in frame.schema.items()} if ending == "parquet" else {},
    }
    name = f"{folder}/facts.{ending}"
    out[ending]["facts"] = dict(duckdb.sql(f"SELECT type, count(*) FROM '{name}' GROUP BY type").fetchall())
print(json.dumps(out))
"""


def main():
    options = arguments(__doc__)
    checks = Checks()
    title("Tables for other programs")
    with tempfile.TemporaryDirectory(prefix="jobmon-tables-") as folder:
        folder = Path(folder)
        db = folder / "h.db"
        done = run([options.example_bin, "--quiet", "--db", db])
        assert done.code == 0, done
        for rows in ("calls", "facts"):
            for ending in ("parquet", "csv"):
                done = run([options.cli_bin, "history", "export", "--db", db, "--rows", rows, "--output", folder / f"{rows}.{ending}"])
                checks.that(done.code == 0, f"{rows} as {ending}: {done.out.strip().split(' to ')[0]}", done)
        done = run([peers.python("tables"), "-c", READ, folder])
        if not checks.that(done.code == 0, "both are read by DuckDB and Polars", done.err[-2000:]):
            return checks.finish()
        found = json.loads(done.out)
        measures = "calls,input_tokens,cost,errors,scores,outcomes,feedback,searches"
        row = json.loads(run([options.cli_bin, "query", "--db", db, "--measures", measures, "--format", "json"]).out)[0]
        wanted = [row["calls"], row["input_tokens"], row["cost"]["nanodollars"], row["errors"]]
        for ending, tables in found.items():
            told = [int(float(value)) for value in tables["duckdb"][:4]]
            checks.that(told == wanted, f"{ending}: calls, tokens, money and errors in DuckDB are ours", (told, wanted))
            checks.that(tables["polars"] == wanted, f"{ending}: and in Polars", (tables["polars"], wanted))
            facts = tables["facts"]
            same = [facts["score"], facts["outcome"], facts["feedback"], facts["search"]]
            wanted_facts = [row["scores"], row["outcomes"], row["feedback"], row["searches"]]
            checks.that(same == wanted_facts, f"{ending}: facts are ours", (same, wanted_facts))
        types = found["parquet"]["types"]
        right = types["start"].startswith("Datetime") and types["cost_nanodollars"] == "Int64" and types["usage_missing"] == "Boolean"
        checks.that(right, "moments, whole numbers and flags have their types", types)
        same = found["parquet"]["duckdb"][4] == found["csv"]["duckdb"][4] and found["parquet"]["duckdb"][7] == found["csv"]["duckdb"][7]
        checks.that(same, "both forms say the same", found)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
