//! Errors of types.
use jobmon::instrument_llm;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

pub fn is_send<T: Send>(_: T) {}
pub struct S(u8);

#[instrument_llm]
pub fn tail() -> u8 {
    "text"
}
#[instrument_llm]
pub async fn tail_async() -> u8 {
    "text"
}
#[instrument_llm]
pub fn early(x: bool) -> u8 {
    if x {
        return "text";
    }
    1
}
#[instrument_llm]
pub async fn early_async(x: bool) -> u8 {
    if x {
        return "text";
    }
    1
}
#[instrument_llm]
pub fn missing_tail() -> u8 {
    1;
}
#[instrument_llm]
pub async fn missing_tail_async() -> u8 {
    1;
}
#[instrument_llm]
pub fn empty() -> u8 {}
#[instrument_llm]
pub async fn empty_async() -> Result<u8, String> {}
#[instrument_llm]
pub fn unit_with_tail() {
    1_u8
}
#[instrument_llm]
pub async fn unit_with_tail_async() {
    1_u8
}
#[instrument_llm]
pub fn question_in_unit() {
    "1".parse::<u8>()?;
}
#[instrument_llm]
pub async fn question_in_unit_async() {
    "1".parse::<u8>()?;
}
#[instrument_llm]
pub fn question_without_from() -> Result<u8, String> {
    let x = "1".parse::<u8>()?;
    Ok(x)
}
#[instrument_llm]
pub async fn question_without_from_async() -> Result<u8, String> {
    let x = "1".parse::<u8>()?;
    Ok(x)
}
#[instrument_llm]
pub async fn question_of_option() -> Result<u8, String> {
    let x = Some(1)?;
    Ok(x)
}
#[instrument_llm]
pub fn wrong_local() -> u8 {
    let x: String = 1;
    2
}
#[instrument_llm]
pub async fn no_method(x: u8) -> u8 {
    x.nowhere()
}
#[instrument_llm]
pub async fn no_field(x: S) -> u8 {
    x.nowhere
}
#[instrument_llm]
pub async fn wrong_argument(x: u8) -> String {
    early(x);
    String::new()
}
#[instrument_llm]
pub fn impl_without_trait() -> impl Iterator<Item = u8> {
    1_u8
}
#[instrument_llm]
pub async fn impl_without_trait_async() -> impl std::fmt::Display {
    S(1)
}
#[instrument_llm]
pub fn impl_of_two_types(x: bool) -> impl std::fmt::Display {
    if x {
        return 1_u8;
    }
    "text"
}
#[instrument_llm]
pub fn future_of_another() -> impl Future<Output = u8> {
    async move { "text" }
}
#[instrument_llm]
pub fn no_future() -> impl Future<Output = u8> {
    1_u8
}
#[instrument_llm]
pub fn boxed_of_another() -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async move { "text" })
}
#[instrument_llm]
pub fn boxed_not_send(x: Rc<u8>) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async move { *x })
}
#[instrument_llm]
pub fn not_boxed() -> Pin<Box<dyn Future<Output = u8>>> {
    async move { 1 }
}
#[instrument_llm]
pub async fn not_send() {
    let local = Rc::new(1);
    std::future::ready(()).await;
    drop(local);
}
pub fn sends() {
    is_send(not_send());
}
#[instrument_llm]
pub fn cannot_infer() -> Vec<u8> {
    let x = "1".parse();
    vec![]
}
#[instrument_llm]
pub async fn cannot_infer_async() -> usize {
    let x = Vec::new();
    x.len()
}
#[instrument_llm]
pub async fn await_of_nothing(x: u8) -> u8 {
    x.await
}
#[instrument_llm]
pub fn never_returns() -> ! {
    let _ = 1;
}
#[instrument_llm]
pub async fn not_unified(x: bool) -> u8 {
    if x { 1 } else { "2" }
}
#[instrument_llm]
pub fn unsized_local(x: &str) -> u8 {
    let y = *x;
    1
}
impl S {
    #[instrument_llm]
    pub async fn method(&self) -> String {
        self.0
    }
    #[instrument_llm]
    pub fn no_bound<T>(&self, x: T) -> String {
        x.to_string()
    }
}
