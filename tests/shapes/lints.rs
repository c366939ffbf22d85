//! W: attributes are forwarded, and lints see the function as it was written.

use crate::block_on;
use jobmon::instrument_llm;
use std::future::Future;

/// Documented.
#[inline]
#[must_use]
#[doc(alias = "other")]
#[instrument_llm(model = "m")]
#[cold]
#[cfg_attr(all(), deprecated = "by a test")]
async fn forwarded_attrs() -> u8 {
    1
}

#[instrument_llm]
fn inner_attributes() -> u8 {
    //! Inner documentation.
    #![allow(unused_variables)]
    let unused = 1;
    2
}
#[instrument_llm]
async fn inner_attributes_async() -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    2
}

#[expect(dead_code)]
#[instrument_llm]
fn dead_code_fires() {}
#[expect(dead_code)]
#[instrument_llm]
async fn dead_code_fires_async() {}
struct S;
impl S {
    #[expect(dead_code)]
    #[instrument_llm]
    async fn dead_method(&self) {}
}

#[expect(unused_variables)]
#[instrument_llm]
async fn unused_variables_fires(unused: u8) {}
#[expect(unused_variables)]
#[instrument_llm]
fn unused_local_fires() {
    let unused = 1;
}
#[expect(unused_mut)]
#[instrument_llm]
fn unused_mut_fires(mut x: u8) -> u8 {
    x
}
#[expect(unreachable_code)]
#[instrument_llm]
async fn unreachable_code_fires() -> u8 {
    return 1;
    2
}
#[expect(unused_must_use)]
#[instrument_llm]
async fn unused_must_use_fires() {
    inner_attributes_async();
}
#[expect(clippy::bool_comparison)]
#[instrument_llm]
async fn clippy_fires(x: bool) -> u8 {
    if x == true { 1 } else { 0 }
}
#[expect(non_snake_case)]
#[instrument_llm]
fn NotSnakeCase() {}

#[rustfmt::skip]
#[instrument_llm]
fn one_line() -> u8 { 1 }
#[rustfmt::skip]
#[instrument_llm]
async fn one_line_async(x: u8) -> u8 { x }
#[rustfmt::skip]
#[instrument_llm]
fn one_line_future(x: u8) -> impl Future<Output = u8> { std::future::ready(x) }

#[rustfmt::skip]
#[instrument_llm]
fn one_line_never() -> ! { panic!("never") }

/// Every group of lints that the bare functions pass.
#[deny(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo,
    nonstandard_style,
    keyword_idents,
    let_underscore,
    refining_impl_trait,
    unused,
    missing_docs,
    missing_debug_implementations,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unused_import_braces,
    unused_lifetimes,
    variant_size_differences,
    tail_expr_drop_order,
    redundant_lifetimes,
    clippy::unwrap_used,
    clippy::missing_docs_in_private_items,
    clippy::absolute_paths,
    clippy::shadow_unrelated,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::question_mark_used,
    clippy::min_ident_chars,
    clippy::ref_patterns,
    clippy::same_name_method,
    clippy::let_underscore_untyped,
    clippy::let_underscore_must_use,
    clippy::undocumented_unsafe_blocks,
    clippy::wildcard_enum_match_arm,
    clippy::arbitrary_source_item_ordering,
    clippy::allow_attributes,
    clippy::default_numeric_fallback,
    clippy::pattern_type_mismatch,
    clippy::std_instead_of_core,
    clippy::items_after_statements
)]
mod wall {
    use core::future::{Future, ready};
    use core::pin::Pin;
    use jobmon::{Usage, instrument_llm};

    /// Async.
    #[instrument_llm(model = model, provider = "openai", feature = "f", fields(number, %model, who = ?number))]
    pub async fn asynchronous(model: &str, number: u8) -> Result<u8, String> {
        ready(()).await;
        if model.is_empty() {
            return Err(model.to_owned());
        }
        Ok(number)
    }

    /// Not async.
    #[instrument_llm(model = "m", usage = |out| Usage::new(u64::from(*out), 0))]
    pub fn sync(number: u8) -> u8 {
        number.saturating_add(number)
    }

    /// Boxed.
    #[instrument_llm]
    pub fn boxed(number: u8) -> Pin<Box<dyn Future<Output = u8>>> {
        Box::pin(ready(number))
    }
}

#[test]
fn they_do_what_they_did() {
    #[expect(deprecated)]
    let one = block_on(forwarded_attrs());
    assert_eq!(one + inner_attributes() + block_on(inner_attributes_async()), 5);
    block_on(unused_variables_fires(1));
    unused_local_fires();
    block_on(unused_must_use_fires());
    NotSnakeCase();
    assert_eq!(unused_mut_fires(1) + block_on(unreachable_code_fires()) + block_on(clippy_fires(true)), 3);
    let _: fn() -> ! = one_line_never;
    assert_eq!(one_line() + block_on(one_line_async(1)) + block_on(one_line_future(1)), 3);
    assert_eq!(block_on(wall::asynchronous("m", 1)), Ok(1));
    assert_eq!(wall::sync(0) + block_on(wall::boxed(2)), 2);
    let S = S;
}
