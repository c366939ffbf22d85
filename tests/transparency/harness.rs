//! Compiles one source twice, as it is and without our attribute, with the compiler itself: a second is enough for
//! one of each, and nothing but the attribute differs.

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

pub(crate) const EDITIONS: [&str; 3] = ["2018", "2021", "2024"];

/// One message of a compiler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    pub(crate) file: String,
    /// Line and column of its first place.
    pub(crate) at: (u64, u64),
    pub(crate) level: String,
    /// Of the lint or the error.
    pub(crate) code: String,
    pub(crate) text: String,
}

/// Sources in two folders: with the attribute and without.
pub(crate) struct Pair {
    folder: TempDir,
    root: &'static str,
}

impl Pair {
    /// Of one file of `source/`.
    pub(crate) fn of(root: &'static str) -> Self {
        Self::of_files(Path::new(file!()).parent().expect("a folder").join("source"), root)
    }

    /// Of all files of a folder, of which `root` is the crate's root.
    pub(crate) fn of_files(from: impl AsRef<Path>, root: &'static str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        let pair = Self::empty(root);
        for entry in fs::read_dir(&from).expect("sources") {
            let path = entry.expect("a file").path();
            if path.extension() == Some(OsStr::new("rs")) {
                let text = fs::read_to_string(&path).expect("text");
                pair.write(path.file_name().expect("a name"), &text);
            }
        }
        pair
    }

    /// Of a source made by a test.
    pub(crate) fn of_text(text: &str) -> Self {
        let pair = Self::empty("made.rs");
        pair.write(OsStr::new(pair.root), text);
        pair
    }

    fn empty(root: &'static str) -> Self {
        let folder = TempDir::new().expect("a folder");
        for kind in ["annotated", "bare"] {
            fs::create_dir(folder.path().join(kind)).expect("a folder");
        }
        Self { folder, root }
    }

    fn write(&self, name: &OsStr, text: &str) {
        fs::write(self.path("annotated").join(name), text).expect("written");
        fs::write(self.path("bare").join(name), bare(text)).expect("written");
    }

    /// Runs a tool on both, with the attribute first.
    pub(crate) fn run(&self, tool: &str, args: &[&str]) -> [Output; 2] {
        ["annotated", "bare"].map(|kind| {
            let mut command = toolchain().command(tool);
            command.args(args).arg(self.root).current_dir(self.folder.path().join(kind));
            command.output().expect("the tool runs")
        })
    }

    /// What a compiler says of both.
    pub(crate) fn diagnostics(&self, tool: &str, args: &[&str]) -> [Vec<Said>; 2] {
        let mut all = vec!["--error-format=json", "--emit=metadata"];
        all.extend(args);
        self.run(tool, &all).map(|output| {
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(text.lines().all(|line| line.starts_with('{')), "the compiler crashed: {text}");
            let mut said: Vec<_> = text.lines().filter_map(said).collect();
            said.sort_unstable();
            said
        })
    }

    pub(crate) fn path(&self, kind: &str) -> PathBuf {
        self.folder.path().join(kind)
    }
}

/// One message of the compiler; `None` for its summaries.
fn said(line: &str) -> Option<Said> {
    let message: Value = serde_json::from_str(line).expect("a message");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spans = message["spans"].as_array()?;
    let first = spans.iter().find(|span| span["is_primary"] == true)?;
    let number = |key| first[key].as_u64().unwrap_or_default();
    Some(Said {
        file: text(&first["file_name"]),
        at: (number("line_start"), number("column_start")),
        level: text(&message["level"]),
        code: text(&message["code"]["code"]),
        text: text(&message["message"]),
    })
}

/// Compiles a library that knows only the crates given, by these names, and gives what the compiler said.
pub(crate) fn compile(name: &str, text: &str, externs: &[(&str, &str)], folder: &Path) -> String {
    let toolchain = toolchain();
    fs::write(folder.join(name).with_extension("rs"), text).expect("written");
    let mut rustc = Command::new(toolchain.sysroot.join("bin/rustc"));
    rustc.args(["--crate-type=lib", "--edition=2024", "-Dwarnings", "--crate-name", name]);
    rustc.arg(format!("{name}.rs")).arg("-L").arg(&toolchain.libraries).arg("-L").arg(folder);
    for (name, file) in externs {
        let built = toolchain.externs.iter().find(|(built, _)| built == file);
        rustc.arg(format!("--extern={name}={}", built.map_or(*file, |(_, file)| file)));
    }
    String::from_utf8(rustc.current_dir(folder).output().expect("rustc runs").stderr).expect("text")
}

/// What only one of two lists has, one on a line: `+` is new.
pub(crate) fn difference(annotated: &[Said], bare: &[Said]) -> String {
    let mut counts: BTreeMap<&Said, i32> = BTreeMap::new();
    annotated.iter().for_each(|said| *counts.entry(said).or_default() += 1);
    bare.iter().for_each(|said| *counts.entry(said).or_default() -= 1);
    counts.retain(|_, more| *more != 0);
    let line = |(said, more): (&Said, &i32)| {
        let Said { file, at: (line, column), code, text, .. } = said;
        format!("{more:+} {file}:{line}:{column} {code}: {text}\n")
    };
    counts.iter().map(|(said, more)| line((said, more))).collect()
}

/// A source without our attribute, every other line at its place.
fn bare(text: &str) -> String {
    let mut bare = text
        .replace(", instrument_llm", "")
        .replace("instrument_llm, ", "")
        .replace("use jobmon::instrument_llm;", "");
    for start in ["#[instrument_llm", "#[jobmon::instrument_llm", "#[::jobmon::instrument_llm"] {
        while let Some(at) = bare.find(start) {
            let rest = &bare[at..];
            let mut depth = 0;
            let end = rest.find(|c| {
                depth += i32::from(c == '[') - i32::from(c == ']');
                depth == 0 && c == ']'
            });
            let end = at + end.expect("the attribute ends");
            // A comment, since an empty line after another attribute is a matter of its own.
            bare.replace_range(end..=end, "*/");
            bare.replace_range(at..at + 2, "/*");
        }
    }
    bare
}

/// The compiler and the built libraries.
struct Toolchain {
    sysroot: PathBuf,
    libraries: PathBuf,
    /// Names and files.
    externs: Vec<(String, String)>,
}

impl Toolchain {
    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(self.sysroot.join("bin").join(tool));
        command.args(["--crate-type=lib", "--crate-name=source"]);
        command.arg("-L").arg(&self.libraries);
        for (name, file) in &self.externs {
            command.arg(format!("--extern={name}={file}"));
        }
        command.env("CLIPPY_CONF_DIR", env!("CARGO_MANIFEST_DIR"));
        // For the listing that coverage is read from; lints and errors are those of the stable compiler all the same.
        command.env("RUSTC_BOOTSTRAP", "1");
        command
    }
}

/// Built by one run of cargo: the libraries that the crate `shapes` uses.
fn toolchain() -> &'static Toolchain {
    static TOOLCHAIN: OnceLock<Toolchain> = OnceLock::new();
    TOOLCHAIN.get_or_init(|| {
        let output = |command: &mut Command| {
            let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the tool runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).expect("text")
        };
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]));
        let mut build = Command::new(env!("CARGO"));
        let built = output(build.args("build --offline --locked -p shapes --message-format=json".split(' ')));
        let mut externs = Vec::new();
        let mut libraries = PathBuf::new();
        for line in built.lines() {
            let message: Value = serde_json::from_str(line).expect("a message of cargo");
            let name = message["target"]["name"].as_str().unwrap_or_default();
            if let ("jobmon" | "async_trait" | "futures_core" | "serde_json", Some(file)) =
                (name, message["filenames"][0].as_str())
            {
                externs.push((name.to_owned(), file.to_owned()));
                libraries = Path::new(file).with_file_name("");
            }
        }
        assert_eq!(externs.len(), 4, "{built}");
        Toolchain { sysroot: sysroot.trim().into(), libraries, externs }
    })
}

#[test]
fn only_the_attribute_is_taken_away() {
    let source =
        "use jobmon::{Usage, instrument_llm};\n#[instrument_llm(\n    fields(a[0]),\n)]\nfn f() {}\n";
    let expected = "use jobmon::{Usage};\n/*instrument_llm(\n    fields(a[0]),\n)*/\nfn f() {}\n";
    assert_eq!(bare(source), expected);
}
