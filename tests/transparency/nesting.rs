//! How many calls may be inside each other before the compiler's recursion limit is reached.

use crate::harness::Pair;
use std::fmt::Write;

/// Functions that call each other, and the error of the compiler, if any. Where callees come first in the file, only
/// whether the outermost future is `Send` is asked through all of them; else its layout is, too.
fn compile(depth: usize, callees_first: bool) -> String {
    let mut functions: Vec<_> = (1..=depth)
        .map(|n| {
            let body = match n {
                1 => "std::future::ready(()).await; Ok(x.len())".to_owned(),
                n => format!("let inner = n{}(x).await?; Ok(inner + 1)", n - 1),
            };
            format!("#[jobmon::instrument_llm]\npub async fn n{n}(x: &str) -> Result<usize, String> {{ {body} }}\n")
        })
        .collect();
    if !callees_first {
        functions.reverse();
    }
    let mut source = functions.concat();
    let _ = write!(source, "fn sent(_: impl Send) {{}}\npub fn run() {{ sent(n{depth}(\"x\")) }}\n");
    let [annotated, bare] = Pair::of_text(&source).diagnostics("rustc", &["--edition=2024"]);
    assert_eq!(bare, [], "the bare functions compile");
    annotated.into_iter().map(|said| said.text).collect::<Vec<_>>().join("\n")
}

#[test]
fn eighteen_calls_nest() {
    assert_eq!(compile(18, true), "");
}

/// Less than half of what bare functions do (31): a call is a future around a future.
#[test]
fn thirteen_calls_nest_in_any_order() {
    assert_eq!(compile(13, false), "");
}
