#!/usr/bin/env python3
"""What the attribute costs the compiler: CPU time of checking 200 functions, annotated against bare.

    benches/compile_cost.py [functions] [rounds]

Both crates hold the same functions, half of them async, and are compiled by one rustc each, without code
generation and with the macro as a debug build of cargo makes it. The median of the rounds counts, which take turns.
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ATTRIBUTE = '#[jobmon::instrument_llm(provider = "openai", model = "gpt-4o-mini", feature = "f{i}", fields(job))]'
ASYNC = """{attribute}
pub async fn ask{i}(job: &str) -> Result<Answer, Error> {{
    let prompt = render(job, {i}).await?;
    let answer = send(&prompt).await?;
    if answer.tokens > {i} {{
        return Err(Error(format!("{{}} tokens for {{job}}", answer.tokens)));
    }}
    Ok(Answer {{ tokens: answer.tokens + 1, ..answer }})
}}
"""
SYNC = """{attribute}
pub fn count{i}(job: &str) -> Result<u64, Error> {{
    let words = job.split(' ').filter(|word| word.len() > {i}).count();
    let words = u64::try_from(words).map_err(|error| Error(error.to_string()))?;
    if words == 0 {{
        return Err(Error(job.to_owned()));
    }}
    Ok(words)
}}
"""
COMMON = """
pub struct Answer { pub text: String, pub tokens: u64 }
#[derive(Debug)]
pub struct Error(pub String);
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
}
impl std::error::Error for Error {}
async fn render(job: &str, n: u64) -> Result<String, Error> { Ok(format!("{job} {n}")) }
async fn send(prompt: &str) -> Result<Answer, Error> { Ok(Answer { text: prompt.to_owned(), tokens: 3 }) }
"""


def source(functions, annotated):
    text = COMMON
    for i in range(functions):
        attribute = ATTRIBUTE.format(i=i) if annotated else ""
        text += (ASYNC if i % 2 == 0 else SYNC).format(attribute=attribute, i=i)
    return text


def library():
    """The built jobmon, and the folder of what it needs."""
    command = ["cargo", "build", "--offline", "--locked", "-p", "shapes", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = (json.loads(line) for line in built.splitlines())
    file = next(m["filenames"][0] for m in messages if m.get("target", {}).get("name") == "jobmon")
    return file, os.path.dirname(file)


def cost(path, file, folder):
    """CPU seconds of one rustc."""
    command = ["rustc", "--edition=2024", "--crate-type=lib", "--emit=metadata", "-Cdebuginfo=2",
               "-L", folder, f"--extern=jobmon={file}", path.name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=path.parent, check=True, env=dict(os.environ, RUSTUP_TOOLCHAIN=toolchain()))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def toolchain():
    """The pinned one also outside of this folder."""
    pinned = (ROOT / "rust-toolchain.toml").read_text().split('channel = "')[1]
    return os.environ.get("RUSTUP_TOOLCHAIN", pinned.split('"')[0])


def main():
    functions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    file, folder = library()
    with tempfile.TemporaryDirectory() as temporary:
        times = {"bare": [], "annotated": []}
        for kind in times:
            path = pathlib.Path(temporary) / f"{kind}.rs"
            path.write_text(source(functions, kind == "annotated"))
        for _ in range(rounds):
            for kind, of_kind in times.items():
                of_kind.append(cost(pathlib.Path(temporary) / f"{kind}.rs", file, folder))
    bare, annotated = (statistics.median(times[kind]) for kind in ("bare", "annotated"))
    print(f"{functions} functions: bare {bare:.2f} s, annotated {annotated:.2f} s of CPU: {annotated / bare:.2f} times")


if __name__ == "__main__":
    main()
