//! What the attribute makes of six functions, to be read by people.
//!
//! The files are what an earlier run gave, in another process and on another machine: that they stay the same is also
//! what shows that expansion is deterministic. After a change on purpose, run with `JOBMON_OVERWRITE=1` and read the
//! difference.

use super::count;
use crate::expand::instrument;
use proc_macro2::TokenStream;
use std::path::PathBuf;

/// Name of the file, arguments, function, and how many tokens it may become: editors give up on too many.
const SIX: [(&str, &str, &str, usize); 6] = [
    (
        "asynchronous",
        "provider = \"openai\", model = request.model, fields(job.id = %job.id, n = 1)",
        "/// Asks.
         pub async fn ask(request: Request, job: &Job) -> Result<Completion, Error> { send(request).await }",
        520,
    ),
    (
        "synchronous",
        "",
        "fn count(&mut self, x: u8) -> Option<u8> { let y = x.checked_add(1)?; Some(y) }",
        420,
    ),
    (
        "future",
        "usage = required",
        "fn ask(x: &str) -> impl Future<Output = Result<Answer, Error>> + Send { let y = x.len(); async move { go(y).await } }",
        460,
    ),
    (
        "boxed",
        "usage = |out| Usage::new(out.0, 1), error = |e| ErrorCategory::Quota",
        "fn ask<'a>(&'a self) -> Pin<Box<dyn Future<Output = Result<(u64, u8), E>> + Send + 'a>> { Box::pin(async move { self.go().await }) }",
        500,
    ),
    (
        "unnamed",
        "crate = ::other::path",
        "async fn list(xs: &[u8]) -> Result<impl Iterator<Item = &u8>, Box<dyn Error>> { #![allow(unused)] Ok(xs.iter()) }",
        500,
    ),
    ("diverging", "", "fn serve(x: u8) -> ! { loop { go(x) } }", 320),
];

#[test]
fn six_functions_become_what_they_became() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/tests/snapshots"].iter().collect();
    let overwrite = std::env::var_os("JOBMON_OVERWRITE").is_some();
    let mut different = Vec::new();
    for (name, arguments, function, most_tokens) in SIX {
        let parse = |text: &str| text.parse::<TokenStream>().expect("valid tokens");
        let expansion = instrument(parse(arguments), parse(function));
        let tokens = count(expansion.clone());
        assert!(tokens <= most_tokens, "{name}: {tokens} tokens, at most {most_tokens}");
        let text = prettyplease::unparse(&syn::parse2(expansion).expect("valid code"));
        let path = folder.join(name).with_extension("rs");
        if overwrite {
            std::fs::write(&path, &text).expect("written");
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            different.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(different.is_empty(), "not what these files hold:\n{}", different.join("\n"));
}
