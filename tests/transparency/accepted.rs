//! What compiles without the attribute compiles with it, without a warning.

use crate::harness::Pair;

/// Compiles functions after these lines.
fn check(functions: &str) {
    let before = "#![warn(clippy::all)]\n#![allow(clippy::implied_bounds_in_impls)]\nuse futures_core::Stream;\nuse jobmon::{TimedOut, instrument_llm};\nuse std::pin::Pin;\n\
                  pub fn used(_: TimedOut, _: Pin<Box<dyn Stream<Item = u8>>>) {}\n";
    let [annotated, bare] =
        Pair::of_text(&format!("{before}{functions}")).diagnostics("clippy-driver", &["--edition=2024"]);
    assert_eq!(bare, [], "the bare functions compile");
    assert_eq!(annotated, []);
}

#[test]
fn an_argument_that_cannot_be_cloned_and_that_no_attempt_uses() {
    check(
        "pub struct Permit;
        #[instrument_llm(retry)]
        pub async fn ask(_permit: Permit, x: &str) -> Result<usize, String> {
            Ok(x.len())
        }",
    );
}

#[test]
fn an_argument_of_attempts_that_only_the_attribute_uses_is_used() {
    let text = "#[jobmon::instrument_llm(retry, model = model)]
        pub async fn ask(model: &str, limit: u8) -> Result<u8, String> {
            Ok(limit)
        }
        #[jobmon::instrument_llm(retry, model = model)]
        pub async fn ask_by_value(model: String, limit: u8) -> Result<u8, String> {
            Ok(limit)
        }";
    let [annotated, _] = Pair::of_text(text).diagnostics("rustc", &["--edition=2024"]);
    assert_eq!(annotated, []);
}

#[test]
fn self_by_value_is_cloned_for_each_attempt() {
    check(
        "#[derive(Clone)]
        pub struct Agent(pub String);
        impl Agent {
            #[instrument_llm(retry)]
            pub async fn ask(self) -> Result<String, String> {
                Ok(self.0)
            }
            #[instrument_llm(retry)]
            pub fn ask_sync(self) -> Result<String, String> {
                Ok(self.0)
            }
        }",
    );
}

#[test]
fn a_type_from_a_macro_that_is_an_exclusive_reference() {
    check(
        "macro_rules! function { ($ty:ty) => {
            #[instrument_llm(retry)]
            pub async fn ask(x: $ty) -> Result<u8, String> {
                x.push(1);
                Ok(1)
            }
        } }
        function!(&mut Vec<u8>);",
    );
}

#[test]
fn a_future_of_attempts_that_is_no_async_block() {
    check(
        "#[instrument_llm(retry)]
        pub fn ask() -> impl Future<Output = Result<u8, String>> {
            std::future::ready(Ok(1))
        }",
    );
}

#[test]
fn futures_of_attempts_and_with_a_time_stay_unwind_safe() {
    check(
        "#[instrument_llm(retry)]
        pub async fn retried(x: &str) -> Result<usize, String> {
            Ok(x.len())
        }
        #[instrument_llm(timeout = \"1s\")]
        pub async fn timed(x: &str) -> Result<usize, TimedOut> {
            Ok(x.len())
        }
        pub fn unwind_safe(_: impl std::panic::UnwindSafe) {}
        pub fn run() {
            unwind_safe(retried(\"x\"));
            unwind_safe(timed(\"x\"));
        }",
    );
}

#[test]
fn a_stream_that_tells_that_it_has_ended() {
    check(
        "pub fn any<S: futures_core::FusedStream<Item = u8>>(stream: S) -> impl Stream<Item = u8> + futures_core::FusedStream {
            open(stream)
        }
        #[instrument_llm]
        pub fn open<S: futures_core::FusedStream<Item = u8>>(stream: S) -> impl Stream<Item = u8> + futures_core::FusedStream {
            stream
        }",
    );
}
