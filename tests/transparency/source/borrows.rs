//! Errors of borrows and moves.
use jobmon::instrument_llm;
use std::future::Future;
use std::pin::Pin;

pub struct S(String);

#[instrument_llm]
pub fn used_after_move(x: String) -> usize {
    drop(x);
    x.len()
}
#[instrument_llm]
pub async fn used_after_move_async(x: String) -> usize {
    drop(x);
    x.len()
}
#[instrument_llm]
pub fn returns_local() -> &'static str {
    let x = String::new();
    &x
}
#[instrument_llm]
pub async fn returns_local_async() -> &'static str {
    let x = String::new();
    &x
}
#[instrument_llm]
pub fn wrong_lifetime<'a, 'b>(x: &'a str, y: &'b str) -> &'a str {
    y
}
#[instrument_llm]
pub async fn wrong_lifetime_async<'a, 'b>(x: &'a str, y: &'b str) -> &'a str {
    y
}
#[instrument_llm]
pub fn not_mutable(x: Vec<u8>) -> Vec<u8> {
    x.push(1);
    x
}
#[instrument_llm]
pub async fn not_mutable_async(x: Vec<u8>) -> Vec<u8> {
    x.push(1);
    x
}
#[instrument_llm]
pub async fn twice_mutable(mut x: Vec<u8>) -> usize {
    let a = &mut x;
    let b = &mut x;
    a.push(1);
    b.push(1);
    x.len()
}
#[instrument_llm]
pub fn moved_out_of_reference(x: &S) -> String {
    x.0
}
#[instrument_llm]
pub async fn moved_out_of_reference_async(x: &S) -> String {
    x.0
}
#[instrument_llm]
pub fn assigned_twice() -> u8 {
    let x = 1;
    x = 2;
    x
}
#[instrument_llm]
pub fn not_initialised() -> u8 {
    let x: u8;
    x
}
#[instrument_llm]
pub fn argument_assigned(x: u8) -> u8 {
    x = 2;
    x
}
#[instrument_llm]
pub async fn argument_assigned_async(x: u8) -> u8 {
    x = 2;
    x
}
#[instrument_llm]
pub fn boxed_borrows(x: &str) -> Pin<Box<dyn Future<Output = usize>>> {
    Box::pin(async move { x.len() })
}
#[instrument_llm]
pub fn future_borrows_local() -> impl Future<Output = usize> {
    let x = String::new();
    async { x.len() }
}
#[instrument_llm]
pub async fn moved_in_loop(x: String) {
    loop {
        drop(x);
    }
}
#[instrument_llm]
pub fn closure_outlives(x: u8) -> Box<dyn Fn() -> u8> {
    Box::new(|| x)
}
impl S {
    #[instrument_llm]
    pub fn moves_self(&self) -> String {
        self.0
    }
    #[instrument_llm]
    pub async fn changes_self(&self) {
        self.0.push('x');
    }
}
