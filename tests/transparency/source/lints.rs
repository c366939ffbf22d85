//! Functions with something to complain about, and some without.
use jobmon::instrument_llm;
use std::future::{Future, ready};
use std::pin::Pin;

#[instrument_llm]
fn dead() {}
#[instrument_llm]
async fn dead_async() {}

pub struct Agent {
    name: String,
}

impl Agent {
    #[instrument_llm]
    fn dead_method(&self) {}
    #[instrument_llm]
    pub async fn unused_arguments(&self, first: u8, (second, third): (u8, String), ref fourth: String) {}
    #[instrument_llm]
    pub fn name(&self) -> &str {
        return &self.name;
    }
    #[instrument_llm(model = self.name)]
    pub async fn ask(&mut self, mut prompt: String) -> Result<String, String> {
        Ok(prompt)
    }
    #[instrument_llm]
    pub async fn into_name(self) -> String {
        self.name
    }
    #[instrument_llm]
    pub fn needs_no_self(&self) -> u8 {
        1
    }
}

#[instrument_llm]
pub fn unused_argument(x: u8) {}
#[instrument_llm]
pub async fn unused_by_value(x: String, mut y: Vec<u8>) {}
#[instrument_llm]
pub fn unused_of_future(x: String) -> impl Future<Output = u8> {
    ready(1)
}
#[instrument_llm]
pub fn unused_of_boxed(x: String) -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(ready(1))
}
#[instrument_llm(fields(x))]
pub async fn used_by_both(x: u8) {
    drop(x);
}
#[instrument_llm]
pub async fn unused_local() {
    let local = 1;
}
#[instrument_llm]
pub fn unused_mut() -> Vec<u8> {
    let mut never = Vec::new();
    never
}
#[instrument_llm]
pub async fn unused_assignment(mut x: u8) -> u8 {
    x = 2;
    x = 3;
    x
}
#[instrument_llm]
pub fn unreachable() -> u8 {
    return 1;
    2
}
#[instrument_llm]
pub async fn unreachable_async(x: u8) -> u8 {
    panic!("{}", x);
    x
}
#[instrument_llm]
pub async fn unreachable_tail() -> u8 {
    todo!()
}
#[instrument_llm]
pub fn panics(x: Option<u8>) -> u8 {
    let y = x.unwrap();
    assert!(y > 1);
    println!("{}", y);
    unimplemented!()
}

#[must_use]
#[instrument_llm]
pub fn must_use() -> u8 {
    1
}
#[must_use]
#[instrument_llm]
pub async fn must_use_async() -> u8 {
    1
}
#[deprecated]
#[instrument_llm]
pub async fn deprecated() {}
#[instrument_llm]
pub async fn ignores() {
    must_use();
    must_use_async().await;
    must_use_async();
    Err::<u8, u8>(1);
    deprecated().await;
}

#[instrument_llm]
pub fn NotSnake(BadArgument: u8) -> u8 {
    let BadLocal = BadArgument;
    BadLocal
}
#[rustfmt::skip]
#[instrument_llm]
pub fn braces(x: u8) -> u8 { { x } }
#[rustfmt::skip]
#[instrument_llm]
pub fn one_line(x: u8) -> u8 { x }
#[rustfmt::skip]
#[instrument_llm]
pub async fn one_line_async(x: u8) -> u8 { x }
#[rustfmt::skip]
#[instrument_llm]
pub async fn parentheses(x: u8) -> u8 { let y = (x); (y) }
#[instrument_llm]
pub fn never_ends() -> ! {
    loop {}
}
#[instrument_llm]
pub async fn no_await(x: u8) -> u8 {
    x
}
#[instrument_llm]
pub async fn yields_a_future(x: u8) -> impl Future<Output = u8> {
    ready(x)
}
#[instrument_llm]
pub async fn yields_an_async_block(x: u8) -> impl Future<Output = u8> {
    async move { x }
}
#[instrument_llm]
pub async fn yields_inside(x: u8) -> u8 {
    let inside = async { async { x } };
    inside.await.await
}
#[instrument_llm]
pub fn manual_async(x: u8) -> impl Future<Output = u8> {
    async move { x }
}
#[instrument_llm]
pub fn let_and_return(x: u8) -> u8 {
    let y = x + 1;
    y
}
#[instrument_llm]
pub async fn needless_return(x: u8) -> u8 {
    return x;
}
#[instrument_llm]
pub fn question(x: Option<u8>) -> Option<u8> {
    Some(x?)
}
#[instrument_llm]
pub async fn wraps(x: u8) -> Result<u8, String> {
    Ok(x)
}
#[instrument_llm]
pub fn explicit_unit() -> () {}
#[instrument_llm]
pub fn never_loops(xs: &[u8]) -> u8 {
    for x in xs {
        return *x;
    }
    0
}
#[instrument_llm]
pub async fn many_statements(xs: &Vec<u8>) -> u32 {
    let mut sum = 0;
    for i in 0..xs.len() {
        sum += xs[i] as u32;
    }
    ready(()).await;
    if sum == 3 { true } else { false };
    let xs = sum;
    let _ = ready(xs);
    xs.clone()
}
#[instrument_llm]
pub async fn shadows(x: u8) -> u8 {
    let x = x + 1;
    let y = x;
    {
        let x = y;
        x
    }
}
#[instrument_llm]
pub async fn holds_a_guard(x: &std::sync::Mutex<u8>) -> u8 {
    let guard = x.lock().unwrap();
    ready(()).await;
    *guard
}
#[instrument_llm]
pub fn lifetimes<'a>(x: &'a str) -> &'a str {
    x
}
#[instrument_llm]
pub async fn large(x: [u8; 20_000]) -> u8 {
    ready(()).await;
    x[0]
}
#[instrument_llm]
pub async fn empty_async() {}
#[instrument_llm]
pub fn result_of_large() -> Result<u8, [u8; 500]> {
    Err([0; 500])
}
#[instrument_llm]
pub fn cognitive(x: u8) -> u8 {
    if x > 1 {
        if x > 2 {
            if x > 3 {
                return 4;
            }
            return 3;
        }
        return 2;
    }
    match x {
        0 => 0,
        _ => 1,
    }
}
#[instrument_llm]
pub async fn generic<T: Clone, U>(x: &T, _: std::marker::PhantomData<U>) -> T
where
    T: Clone,
{
    x.clone()
}
#[instrument_llm]
pub fn items_after(x: u8) -> u8 {
    let y = x;
    fn inside(y: u8) -> u8 {
        y
    }
    use std::collections::HashMap;
    inside(y)
}
/// Made by a macro.
macro_rules! made {
    ($name:ident $body:block) => {
        #[instrument_llm]
        pub async fn $name() -> u8 $body
    };
}
made!(made_by_a_macro { 1 });
pub struct Transaction(bool);
impl Drop for Transaction {
    fn drop(&mut self) {
        drop(self.0);
    }
}
#[instrument_llm]
pub fn changed_for_its_destructor(mut transaction: Transaction) {
    transaction.0 = true;
}
#[instrument_llm]
pub async fn changed_for_its_destructor_async(mut transaction: Transaction) {
    transaction.0 = true;
}
