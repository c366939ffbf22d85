//! Crates that do not see jobmon as `::jobmon`: it was renamed, or only another crate depends on it.

use crate::harness::compile;
use tempfile::TempDir;

/// A crate whose functions and types use what is at `PATH`.
const USER: &str = r#"
#[PATH::instrument_llm(crate = PATH, model = model, fields(n = 1), error = |_| PATH::ErrorCategory::Other)]
pub async fn ask(model: &str) -> Result<Told, Failed> {
    PATH::score("match", 1.0);
    if model.is_empty() { Err(Failed) } else { Ok(Told(PATH::Usage::new(1, 2))) }
}
#[PATH::instrument_llm(crate = PATH, usage = required)]
pub fn boxed() -> std::pin::Pin<Box<dyn Future<Output = Told> + Send>> {
    Box::pin(async { Told(PATH::Usage::new(1, 2)) })
}
#[PATH::instrument_llm(crate = PATH)]
pub fn never() -> ! {
    std::process::exit(1)
}
#[derive(PATH::LlmResponse)]
#[llm(crate = PATH)]
pub struct Told(PATH::Usage);
#[derive(Debug, PATH::LlmError)]
#[llm(crate = PATH, category = quota)]
pub struct Failed;
"#;

#[test]
fn the_dependency_may_be_renamed() {
    let folder = TempDir::new().expect("a folder");
    let source = USER.replace("PATH", "::jm");
    assert_eq!(compile("user", &source, &[("jm", "jobmon")], folder.path()), "");
}

#[test]
fn a_crate_may_see_it_only_through_another_crate() {
    let folder = TempDir::new().expect("a folder");
    let house = "pub mod parts { pub use ::jobmon as watcher; }";
    assert_eq!(compile("house", house, &[("jobmon", "jobmon")], folder.path()), "");
    let source = USER.replace("PATH", "::house::parts::watcher");
    assert_eq!(compile("user", &source, &[("house", "libhouse.rlib")], folder.path()), "");
}

#[test]
fn without_the_path_the_error_names_the_crate_that_is_not_there() {
    let folder = TempDir::new().expect("a folder");
    let source = "#[jm::instrument_llm]\npub fn f() {}\n";
    let said = compile("user", source, &[("jm", "jobmon")], folder.path());
    assert!(said.contains("`jobmon`") && said.contains("user.rs:1:1"), "{said}");
}
