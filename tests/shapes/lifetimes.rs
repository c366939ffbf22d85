//! L: lifetimes and borrows.

use crate::block_on;
use jobmon::instrument_llm;
use std::cell::{Cell, RefCell};
use std::io;
use std::marker::PhantomPinned;

#[derive(Debug, PartialEq)]
struct R<'a>(&'a str);
struct Holder<'a>(&'a str);

#[instrument_llm]
async fn ref_in_ref_out(x: &str) -> &str {
    &x[1..]
}
#[instrument_llm]
fn two_refs_named<'a, 'b>(x: &'a str, _y: &'b str) -> &'a str
where
    'b: 'a,
{
    x
}
#[instrument_llm]
fn reborrow_shared(x: &mut u8) -> Result<&u8, String> {
    Ok(x)
}
#[instrument_llm]
fn reborrow_mut(x: &mut u8) -> Result<&mut u8, String> {
    Ok(x)
}
#[instrument_llm]
fn ok_with_lifetime(x: &str) -> Result<Option<R<'_>>, io::Error> {
    Ok(Some(R(x)))
}
#[instrument_llm]
async fn async_mut_ref(x: &mut [u8]) -> &mut u8 {
    &mut x[0]
}
#[instrument_llm]
async fn moved_arg_returned(x: String) -> String {
    x
}
#[instrument_llm]
async fn arg_dropped_in_body(x: String) -> usize {
    let n = x.len();
    drop(x);
    n
}
impl Holder<'_> {
    #[instrument_llm(model = self.0, fields(k = k))]
    async fn elided(&self, k: &str) -> usize {
        self.0.len() + k.len()
    }
}

struct Noisy<'a>(&'a RefCell<Vec<&'static str>>, &'static str);
impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

macro_rules! drop_order {
    ($(#[$attr:meta])* $sync:ident $asynchronous:ident) => {
        $(#[$attr])*
        fn $sync<'a>(_: Noisy<'a>, _a: Noisy<'a>, b: Noisy<'a>, log: &'a RefCell<Vec<&'static str>>) {
            let _local = Noisy(log, "local");
            let _ = &b;
        }
        $(#[$attr])*
        async fn $asynchronous<'a>(_: Noisy<'a>, _a: Noisy<'a>, b: Noisy<'a>, log: &'a RefCell<Vec<&'static str>>) {
            let _local = Noisy(log, "local");
            let _ = &b;
        }
    };
}
drop_order!(bare_sync bare_async);
drop_order!(#[instrument_llm] sync_drops async_drops);

#[instrument_llm]
async fn send_with_non_sync(x: Cell<u8>) -> u8 {
    async {}.await;
    x.get()
}
#[instrument_llm]
async fn send_generic<T: Send>(x: T) -> T {
    async {}.await;
    x
}
#[instrument_llm]
async fn not_unpin(x: PhantomPinned) -> PhantomPinned {
    let kept = &x;
    async {}.await;
    let _ = kept;
    x
}
const fn is_send<T: Send>(_: &T) {}

#[test]
fn borrows_work() {
    block_on(async {
        assert_eq!(ref_in_ref_out("abc").await, "bc");
        let mut x = [1, 2];
        *async_mut_ref(&mut x).await = 3;
        assert_eq!(x, [3, 2]);
        assert_eq!(moved_arg_returned("x".into()).await, "x");
        assert_eq!(arg_dropped_in_body("abc".into()).await, 3);
        assert_eq!(Holder("ab").elided("c").await, 3);
    });
    assert_eq!(two_refs_named("x", "y"), "x");
    let mut x = 1;
    assert_eq!(reborrow_shared(&mut x), Ok(&1));
    *reborrow_mut(&mut x).expect("ok") = 2;
    assert_eq!(x, 2);
    assert_eq!(ok_with_lifetime("x").ok().flatten(), Some(R("x")));
}

#[test]
fn arguments_drop_in_the_same_order() {
    let run = |f: &dyn Fn(&RefCell<Vec<&'static str>>)| {
        let log = RefCell::default();
        f(&log);
        log.into_inner()
    };
    let bare = run(&|log| {
        let (w, a, b) = (Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"));
        bare_sync(w, a, b, log);
    });
    let ours = run(&|log| {
        let (w, a, b) = (Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"));
        sync_drops(w, a, b, log);
    });
    assert_eq!(bare, ours);
    let bare = run(&|log| block_on(bare_async(Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"), log)));
    let ours = run(&|log| block_on(async_drops(Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"), log)));
    assert_eq!(bare, ours);
    let unpolled = run(&|log| drop(async_drops(Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"), log)));
    let bare = run(&|log| drop(bare_async(Noisy(log, "_"), Noisy(log, "_a"), Noisy(log, "b"), log)));
    assert_eq!(bare, unpolled);
}

#[test]
fn futures_stay_send() {
    is_send(&send_with_non_sync(Cell::new(1)));
    is_send(&send_generic(1));
    is_send(&not_unpin(PhantomPinned));
    let PhantomPinned = block_on(not_unpin(PhantomPinned));
    assert_eq!(block_on(send_with_non_sync(Cell::new(1))) + block_on(send_generic(1)), 2);
}
