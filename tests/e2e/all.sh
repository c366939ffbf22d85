#!/usr/bin/env bash
# Every end-to-end check that needs no network and no model: totals, a month of reports, thirty days
# of quality, errors, experience, insights and alerts, budgets, kills, bad input.
#
#     tests/e2e/all.sh
#
# Needs python3 (3.11 or newer). Without building it takes about four minutes. See real_model.sh for the rest.
set -uo pipefail
cd "$(dirname "$0")/../.."

pid= beside=
lines=$(mktemp)
trap 'kill $pid $beside 2>/dev/null; wait; rm -f "$lines"; exit 143' INT TERM
trap 'rm -f "$lines"' EXIT

failed=()
# Takes as long as all others: beside them.
timeout 1800 python3 tests/e2e/simulation.py "$@" >"$lines" 2>&1 &
beside=$!
for script in totals month budgets killed bad_input; do
    printf '\n== %s\n' "$script"
    # In the background and waited for, so that a signal to this script is obeyed at once.
    timeout 1800 python3 "tests/e2e/$script.py" "$@" &
    pid=$!
    wait "$pid" || failed+=("$script")
    pid=
done
wait "$beside" || failed+=(simulation)
printf '\n== simulation\n'
cat "$lines"
if ((${#failed[@]})); then
    printf '\nfailed: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nall passed\n'
