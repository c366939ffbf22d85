"""What the end-to-end scripts share: built binaries, bounded processes, one printed line for each check."""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 120
BUILD_SECONDS = 1500


class Checks:
    """Prints a line for each check and knows at the end whether all held."""

    def __init__(self):
        self.passed, self.failures, self.began = 0, [], time.monotonic()

    def that(self, holds, name, detail=""):
        if holds:
            self.passed += 1
            print(f"  ok    {name}", flush=True)
        else:
            self.failures.append(name)
            print(f"  FAIL  {name}{_indented(detail)}", flush=True)
        return bool(holds)

    def none(self, problems, name):
        """Holds when a list of problems is empty; the first few are shown else."""
        shown = "\n".join(problems[:12])
        rest = f"\n.. and {len(problems) - 12} more" if len(problems) > 12 else ""
        return self.that(not problems, name, shown + rest)

    def finish(self):
        seconds = time.monotonic() - self.began
        print(f"{self.passed} checks passed, {len(self.failures)} failed, {seconds:.1f} s")
        for name in self.failures:
            print(f"  failed: {name}")
        return 1 if self.failures else 0


def _indented(detail):
    text = str(detail).rstrip()
    return "".join(f"\n          {line}" for line in text.splitlines()) if text else ""


def title(text):
    print(f"{text}", flush=True)


# Each with what builds it and what it is.
BINARIES = {
    "example_bin": (["--example", "job_search", "--features", "sqlite,jsonl"], "the example job_search, with features sqlite and jsonl"),
    "cli_bin": (["-p", "jobmon-cli", "--bin", "jobmon"], "the command jobmon"),
    "synthetic_bin": (["-p", "synthetic", "--bin", "synthetic"], "the program that writes events"),
}


def arguments(description, needed=("example_bin", "cli_bin"), keep=None):
    """An option for each binary; what is needed and not given is built. `keep` names a folder that may be kept."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    for name, (_, what) in BINARIES.items():
        # All scripts take all of them.
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, help=what if name in needed else "not needed here")
    if keep:
        parser.add_argument("--keep", type=Path, help=keep)
    options = parser.parse_args()
    # A signal must run the `finally` blocks that end our processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in needed:
        given = getattr(options, name)
        setattr(options, name, given.resolve() if given else built(BINARIES[name][0]))
    return options


def built(what):
    """Builds one binary and says where it is. One that is in the folder E2E_BINARIES is ready: nobody waits for another build."""
    option = next(option for option in ("--bin", "--example", "--test", "-p") if option in what)
    ready = Path(os.environ.get("E2E_BINARIES", "")) / what[what.index(option) + 1]
    if "E2E_BINARIES" in os.environ and ready.exists():
        return ready.resolve()
    building = ["test", "--no-run"] if option == "--test" else ["build"]
    command = ["cargo", *building, "--quiet", "--message-format=json-render-diagnostics", *what]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed")
    found = [message["executable"] for message in map(json.loads, done.stdout.splitlines()) if message.get("executable")]
    # A package whose test is built may have programs too.
    found = [path for path in found if option != "--test" or Path(path).name.startswith(f"{what[what.index(option) + 1]}-")]
    if len(found) != 1:
        sys.exit(f"{' '.join(command)} made {len(found)} executables")
    return Path(found[0])


def environment(**more):
    """Ours without anything that would change what the programs do."""
    unwanted = ("JOBMON_", "GEMINI_", "OPENAI_", "RUST_BACKTRACE", "RUST_LOG", "CLICOLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, **more}


class Done:
    """A process that ended."""

    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.out, self.err, self.seconds = command, code, out, err, seconds

    def __str__(self):
        words = " ".join(str(word) for word in self.command)
        return f"{words}\nexit code {self.code}\nstdout: {self.out[:600]!r}\nstderr: {self.err[:600]!r}"


def run(command, *, cwd=None, env=None, seconds=RUN_SECONDS):
    """Runs a command to its end; past its deadline it is killed and has the exit code None."""
    began = time.monotonic()
    with started(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=seconds)
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            (out, err), code = process.communicate(), None
    text = [part.decode("utf-8", "replace") for part in (out, err)]
    return Done(command, code, *text, time.monotonic() - began)


@contextmanager
def started(command, *, cwd=None, env=None, with_children=False, **pipes):
    """A process that is over when the block is; its children too, where it leaves them behind."""
    command = [str(word) for word in command]
    env = environment() if env is None else env
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, start_new_session=with_children, **pipes
    )
    try:
        yield process
    finally:
        if with_children:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)


def contents(folder):
    """Every file below a folder with a hash of what is in it."""
    folder = Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def changes(before, after):
    """What is different between two `contents`, in words."""
    lines = [f"created: {name}" for name in after.keys() - before.keys()]
    lines += [f"removed: {name}" for name in before.keys() - after.keys()]
    lines += [f"changed: {name}" for name in before.keys() & after.keys() if before[name] != after[name]]
    return sorted(lines)
