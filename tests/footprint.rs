//! How much an agent that uses jobmon has to build.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that a package needs in a user's build, itself included.
fn crates(package: &str, features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            package,
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "-f",
            "{p}",
        ])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    let name = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    text.lines().filter(|line| !line.is_empty()).map(name).collect()
}

#[test]
fn the_default_build_stays_light() {
    let default = crates("jobmon", &[]);
    assert!(default.len() <= 35, "{} crates: {default:#?}", default.len());
    let without_prices = crates("jobmon", &["--no-default-features", "--features", "config,console"]);
    assert!(without_prices.len() <= 20, "{} crates: {without_prices:#?}", without_prices.len());
    assert!(crates("jobmon", &["--no-default-features"]).len() < without_prices.len());
}

#[test]
fn the_check_of_models_brings_nothing_that_prices_do_not() {
    assert_eq!(crates("jobmon", &["--features", "check-models"]), crates("jobmon", &[]));
}

#[test]
fn the_core_knows_no_runtime_no_http_and_no_telemetry_crate() {
    for features in [&["--no-default-features"][..], &[]] {
        let core = crates("jobmon-core", features);
        for unwanted in ["tokio", "async-std", "smol", "hyper", "reqwest", "ureq", "opentelemetry", "tracing"]
        {
            let found: Vec<_> = core.iter().filter(|name| name.starts_with(unwanted)).collect();
            assert!(found.is_empty(), "{found:?}");
        }
    }
}

#[test]
fn our_crates_fit_only_their_own_version() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--no-deps", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let mut pinned = 0;
    for package in metadata["packages"].as_array().expect("packages") {
        let needed = package["dependencies"].as_array().expect("dependencies").iter();
        // Development dependencies are not published.
        for dependency in needed.filter(|dependency| dependency["kind"].is_null()) {
            let name = dependency["name"].as_str().expect("a name");
            let expected = format!("={}", env!("CARGO_PKG_VERSION"));
            if name.starts_with("jobmon") && package["publish"].is_null() {
                assert_eq!(dependency["req"], expected.as_str(), "{name} in {}", package["name"]);
                pinned += 1;
            }
        }
    }
    assert!(pinned >= 4, "{pinned} dependencies on our own crates");
}
