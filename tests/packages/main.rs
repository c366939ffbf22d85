//! Packages whose `Cargo.toml` is the test. Each is a workspace of its own beside this folder, since the features it
//! turns on would change jobmon for every other test; it is built here as a user would build it.

mod check_models;
mod disabled;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of the packages, for one test at a time: they share its files.
struct Package {
    _turn: MutexGuard<'static, ()>,
    folder: PathBuf,
    target: PathBuf,
}

impl Package {
    /// The package in `tests/<name>`. It is built with the versions of the workspace, and so without a network.
    fn new(name: &str) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("tests").join(name);
        let lock = folder.join("Cargo.lock");
        std::fs::copy(root.join("Cargo.lock"), lock).expect("the workspace has a lock file");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages").join(name);
        Self { _turn: turn, folder, target }
    }

    /// Runs a cargo command in it.
    fn cargo(&self, arguments: &[&str]) -> Output {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).current_dir(&self.folder);
        cargo.env("CARGO_TARGET_DIR", &self.target).env("CARGO_NET_OFFLINE", "true").env_remove("RUSTFLAGS");
        cargo.output().expect("cargo runs")
    }

    /// What a cargo command prints, which must succeed.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.cargo(arguments);
        assert!(output.status.success(), "cargo {arguments:?}:\n{}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
