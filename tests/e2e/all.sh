#!/usr/bin/env bash
# Every end-to-end check that needs no network, no model and little time: totals, a month of reports, budgets, kills, bad input.
#
#     tests/e2e/all.sh
#
# Needs python3 (3.11 or newer). Without building it takes a minute and a half. `simulation.py`, which takes two minutes, and
# those that need others' programs are run by themselves, as `.ci/run` does.
set -uo pipefail
cd "$(dirname "$0")/../.."

pid=
trap 'if [[ -n $pid ]]; then kill "$pid" 2>/dev/null; wait "$pid"; fi; exit 143' INT TERM

failed=()
for script in totals month budgets killed bad_input; do
    printf '\n== %s\n' "$script"
    # In the background and waited for, so that a signal to this script is obeyed at once.
    timeout 1800 python3 "tests/e2e/$script.py" "$@" &
    pid=$!
    wait "$pid" || failed+=("$script")
    pid=
done
if ((${#failed[@]})); then
    printf '\nfailed: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nall passed\n'
