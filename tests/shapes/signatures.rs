//! S: what goes in.

use crate::block_on;
use jobmon::instrument_llm;
use std::fmt::Debug;

struct NoDebug(u8);
struct P {
    x: u8,
    #[expect(dead_code, reason = "left out of a pattern")]
    y: u8,
}

#[instrument_llm]
fn sync_unit() {}
#[instrument_llm()]
async fn async_unit() {}

#[instrument_llm]
async fn generic_where<T, E>(x: T, fail: Option<E>) -> Result<String, E>
where
    T: ToString + Send,
{
    match fail {
        Some(error) => Err(error),
        None => Ok(x.to_string()),
    }
}

#[instrument_llm]
async fn const_generic<const N: usize>(x: [u8; N]) -> usize {
    x.len() + N
}

#[instrument_llm]
fn impl_trait_arg(x: impl Into<u64>, y: &impl Debug) -> String {
    format!("{}{y:?}", x.into())
}

#[instrument_llm]
fn impl_fnmut_arg(mut f: impl FnMut(u8) -> u8) -> u8 {
    f(1) + f(2)
}

#[instrument_llm]
async fn impl_asyncfn_arg(g: impl AsyncFn(u8) -> u8) -> u8 {
    g(1).await + g(2).await
}

#[instrument_llm]
async fn hrtb_closure<F>(f: F) -> usize
where
    F: for<'a> Fn(&'a str) -> &'a str,
{
    f("abc").len()
}

#[instrument_llm]
async fn args_patterns((a, b): (u8, u8), P { x, .. }: P, _: u8, [c, ..]: [u8; 3], &d: &u8) -> u8 {
    a + b + x + c + d
}

#[instrument_llm]
fn args_mut_and_ref(mut a: u8, ref b: String) -> usize {
    a += 1;
    b.len() + usize::from(a)
}

#[instrument_llm]
async fn args_cfg(#[cfg(any())] a: u8, #[cfg(any(unix, not(unix)))] b: u8) -> u8 {
    b
}

#[instrument_llm(model = output, fields(call, hint, value, error, p = this, site))]
#[expect(clippy::too_many_arguments, reason = "as many as we have names")]
async fn args_named_like_internals(
    output: &str,
    value: u8,
    error: u8,
    call: u8,
    hint: u8,
    this: u8,
    site: u8,
    guard: u8,
    caller: u8,
) -> u8 {
    let _ = output;
    value + error + call + hint + this + site + guard + caller
}

#[instrument_llm(fields(r#type, t = r#type))]
async fn r#match(r#type: u8, r#gen: u8) -> u8 {
    r#type + r#gen
}

#[instrument_llm]
unsafe fn unsafe_fn(x: *const u8) -> u8 {
    unsafe { *x }
}
#[instrument_llm]
async unsafe fn unsafe_async_fn(x: u8) -> u8 {
    x
}
#[instrument_llm]
extern "C" fn extern_c(x: u8) -> u8 {
    x
}
#[instrument_llm]
#[unsafe(no_mangle)]
pub extern "C" fn jobmon_test_no_mangle(x: u8) -> u8 {
    x
}

#[instrument_llm]
async fn non_debug(arg: NoDebug) -> NoDebug {
    arg
}

#[instrument_llm]
async fn underscore_args(_: u8, _unused: String) {}

#[instrument_llm]
async fn mixed_borrows(a: NoDebug, b: String, d: &str, e: &mut u8) -> (NoDebug, String, usize) {
    *e += 1;
    (a, b, d.len())
}

#[instrument_llm]
fn outer() -> u8 {
    #[instrument_llm]
    fn inner() -> u8 {
        3
    }
    inner()
}

macro_rules! function {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($arg:ident) -> $ret:ty $body:block) => {
        $(#[$attr])* #[instrument_llm(model = "m", provider = "p")] $vis fn $name($arg: $ret) -> $ret $body
    };
    (async $name:ident, $v:ident => $b:expr, $model:literal, $feature:expr) => {
        #[instrument_llm(model = $model, feature = $feature, fields(v = $v))]
        async fn $name($v: u8) -> u8 {
            $b
        }
    };
    (item $item:item) => {
        #[instrument_llm]
        $item
    };
}
function!(
    /// From a macro.
    pub(crate) fn from_macro(x) -> u8 { if x > 3 { return 0; } x + 1 }
);
function!(async hygienic, x => x + 1, "gpt-4o", "feature");
function!(item fn whole_item(x: u8) -> u8 { x });

#[instrument_llm]
#[instrument_llm(name = "inner")]
async fn stacked(x: u8) -> u8 {
    x
}

#[test]
fn they_do_what_they_did() {
    sync_unit();
    block_on(async {
        async_unit().await;
        assert_eq!(generic_where::<_, NoDebug>(1, None).await.ok().as_deref(), Some("1"));
        assert_eq!(generic_where(1, Some(NoDebug(4))).await.err().map(|e| e.0), Some(4));
        assert_eq!(const_generic([1, 2]).await, 4);
        assert_eq!(impl_asyncfn_arg(async |x| x + 1).await, 5);
        assert_eq!(hrtb_closure(|x| &x[1..]).await, 2);
        assert_eq!(args_patterns((1, 2), P { x: 3, y: 0 }, 0, [4, 0, 0], &5).await, 15);
        assert_eq!(args_cfg(2).await, 2);
        assert_eq!(args_named_like_internals("m", 1, 2, 3, 4, 5, 6, 7, 8).await, 36);
        assert_eq!(r#match(1, 2).await, 3);
        assert_eq!(unsafe { unsafe_async_fn(1) }.await, 1);
        assert_eq!(non_debug(NoDebug(1)).await.0, 1);
        underscore_args(1, String::new()).await;
        let mut e = 1;
        let (a, b, d) = mixed_borrows(NoDebug(1), "b".into(), "dd", &mut e).await;
        assert_eq!((a.0, &*b, d, e), (1, "b", 2, 2));
        assert_eq!(hygienic(1).await, 2);
        assert_eq!(stacked(1).await, 1);
    });
    assert_eq!(impl_trait_arg(1_u8, &'x'), "1'x'");
    assert_eq!(impl_fnmut_arg(|x| x * 2), 6);
    assert_eq!(args_mut_and_ref(1, "ab".into()), 4);
    assert_eq!(unsafe { unsafe_fn(&7) }, 7);
    assert_eq!(extern_c(1) + jobmon_test_no_mangle(2) + outer() + from_macro(1) + whole_item(1), 9);
}
