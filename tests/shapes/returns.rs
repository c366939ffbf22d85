//! R: what comes out.

use crate::block_on;
use jobmon::instrument_llm;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::Poll;

#[instrument_llm]
async fn result_question(x: &str) -> Result<u8, Box<dyn Error + Send + Sync>> {
    let n: u8 = x.parse()?;
    if n == 0 {
        return Err("zero".into());
    }
    Ok(n)
}

#[instrument_llm]
fn collect_inference() -> Vec<u8> {
    (0..3).collect()
}
#[instrument_llm]
async fn default_inference() -> Option<Vec<u8>> {
    Default::default()
}
#[instrument_llm]
async fn into_inference(x: &str) -> String {
    x.into()
}

trait Numbered {
    fn number(&self) -> u16;
}
impl Numbered for u8 {
    fn number(&self) -> u16 {
        (*self).into()
    }
}
impl Numbered for u16 {
    fn number(&self) -> u16 {
        *self
    }
}

#[instrument_llm]
async fn coerce_async(early: bool) -> Box<dyn Numbered> {
    if early {
        return Box::new(1_u8);
    }
    Box::new(2_u16)
}
#[instrument_llm]
fn coerce_sync(early: bool) -> Box<dyn Numbered> {
    if early {
        return Box::new(1_u8);
    }
    Box::new(2_u16)
}
#[instrument_llm]
async fn dyn_future_in_result(m: u8) -> Result<Pin<Box<dyn Future<Output = u8> + Send>>, String> {
    Ok(Box::pin(async move { m }))
}

static THREE: u8 = 3;
#[instrument_llm]
async fn static_dyn_ref() -> &'static dyn Numbered {
    return &THREE;
}
#[instrument_llm]
async fn closure_to_fn_pointer() -> fn(u8) -> u8 {
    |x| x + 1
}

#[instrument_llm]
async fn impl_return(x: u8) -> impl Debug + Display {
    x
}
#[instrument_llm]
fn impl_in_result(x: u8) -> Result<impl Iterator<Item = u8>, String> {
    if x > 3 {
        return Err("large".to_owned());
    }
    Ok(0..x)
}
#[instrument_llm]
fn impl_borrowing(x: &[u8]) -> impl Iterator<Item = &u8> + '_ {
    x.iter().filter(|x| **x > 1)
}
#[instrument_llm]
async fn impl_early_return(x: u8) -> impl Debug {
    if x > 1 {
        return Some(x);
    }
    None
}
#[instrument_llm]
fn impl_capturing<T: Copy + Debug>(x: T) -> impl Debug + use<T> {
    x
}

#[instrument_llm]
fn never_sync(text: &str) -> ! {
    panic!("{}", text)
}
#[instrument_llm(model = "m")]
async fn never_async(text: &str) -> ! {
    async {}.await;
    panic!("{}", text)
}
#[instrument_llm]
fn never_loops() -> ! {
    loop {
        std::thread::park();
    }
}

#[instrument_llm]
fn option_question(x: Option<u8>) -> Option<u8> {
    Some(x? + 1)
}
#[instrument_llm]
async fn controlflow_question(x: ControlFlow<u8>) -> ControlFlow<u8> {
    x?;
    ControlFlow::Continue(())
}
#[instrument_llm]
fn poll_result(x: Poll<Result<u8, String>>) -> Poll<Result<u8, String>> {
    x
}
#[instrument_llm]
#[deny(clippy::let_unit_value)]
async fn unit_explicit() -> () {}
#[instrument_llm]
fn exit_code() -> ExitCode {
    ExitCode::SUCCESS
}

type Alias<T> = Result<T, std::io::Error>;
mod own {
    pub(crate) type Result<T> = std::result::Result<T, super::NotStatic<'static>>;
}
#[derive(Debug)]
pub(crate) struct NotStatic<'a>(&'a str);
#[instrument_llm]
async fn alias(x: bool) -> Alias<u8> {
    if x { Ok(1) } else { Err(std::io::ErrorKind::TimedOut.into()) }
}
#[instrument_llm]
async fn crate_alias() -> own::Result<()> {
    Err(NotStatic("x"))
}

#[instrument_llm]
#[allow(dead_code, reason = "never run")]
fn todo_tail() -> u8 {
    todo!()
}
#[instrument_llm]
#[allow(dead_code, reason = "never run")]
async fn unimplemented_tail() -> Result<u8, String> {
    unimplemented!()
}
#[instrument_llm]
async fn panic_tail() -> String {
    panic!("tail")
}

#[instrument_llm]
fn unsized_behind_reference(x: &str) -> &str {
    x
}
#[instrument_llm]
fn nested<'a>(x: Result<Option<&'a u8>, &'a str>) -> Result<Option<&'a u8>, &'a str> {
    Ok(x?.filter(|x| **x > 0))
}
#[instrument_llm]
fn borrowed_dyn_error<'a>(x: &'a str) -> Result<u8, Box<dyn Error + 'a>> {
    struct Of<'a>(&'a str);
    impl Debug for Of<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Display for Of<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }
    impl Error for Of<'_> {}
    Err(Box::new(Of(x)))
}
type BorrowingError<'a> = Box<dyn Error + Send + Sync + 'a>;
type Borrowing<'a, T> = Result<T, Box<dyn Error + 'a>>;
type Owning<T> = Result<T, Box<dyn Error + Send + Sync>>;
#[instrument_llm]
async fn aliased_borrowing_error<'a>(x: &'a str) -> Result<u8, BorrowingError<'a>> {
    async {}.await;
    Err(x.into())
}
#[instrument_llm]
fn aliased_borrowing_result<'a>(x: &'a str) -> Borrowing<'a, u8> {
    borrowed_dyn_error(x)
}
#[instrument_llm]
async fn aliased_borrowing_result_elided(x: &str) -> Borrowing<'_, u8> {
    borrowed_dyn_error(x)
}
#[instrument_llm]
fn reference_to_dyn_error<'a>(x: &'a (dyn Error + 'a)) -> Result<u8, &'a dyn Error> {
    Err(x)
}
#[instrument_llm]
fn elided_reference_to_dyn_error(x: &Box<dyn Error>) -> Result<u8, &dyn Error> {
    Err(x.as_ref())
}
#[instrument_llm]
fn reference_to_box(x: &Box<dyn Error>) -> Result<u8, &Box<dyn Error>> {
    Err(x)
}
#[instrument_llm]
async fn aliased_owning(x: &str) -> Owning<u8> {
    Ok(x.parse()?)
}
#[instrument_llm]
async fn shared_error(x: &str) -> Result<&str, std::sync::Arc<dyn Error + Send + Sync>> {
    Ok(x)
}
#[instrument_llm]
fn future_of_borrowing<'a>(x: &'a str) -> Pin<Box<dyn Future<Output = Borrowing<'a, u8>> + 'a>> {
    Box::pin(async move { borrowed_dyn_error(x) })
}
#[instrument_llm]
async fn one_element(x: u64) -> (jobmon::Usage,) {
    (jobmon::Usage::new(x, 0),)
}
#[instrument_llm(usage = required)]
fn one_element_required(x: u64) -> Result<(jobmon::Usage,), String> {
    Ok((jobmon::Usage::new(x, 0),))
}
#[instrument_llm]
fn generic_error<T, E: Error>(x: Result<T, E>) -> Result<T, E> {
    let x = x?;
    Ok(x)
}

#[test]
fn they_give_what_they_gave() {
    block_on(async {
        assert_eq!(result_question("3").await.ok(), Some(3));
        assert!(result_question("x").await.is_err());
        assert_eq!(default_inference().await, None);
        assert_eq!(into_inference("x").await, "x");
        assert_eq!((coerce_async(true).await.number(), coerce_async(false).await.number()), (1, 2));
        assert_eq!(dyn_future_in_result(4).await.expect("a future").await, 4);
        assert_eq!(static_dyn_ref().await.number(), 3);
        assert_eq!(closure_to_fn_pointer().await(1), 2);
        assert_eq!(impl_return(1).await.to_string(), "1");
        assert_eq!(format!("{:?}", impl_early_return(2).await), "Some(2)");
        assert_eq!(controlflow_question(ControlFlow::Break(1)).await, ControlFlow::Break(1));
        unit_explicit().await;
        assert!(alias(false).await.is_err() && alias(true).await.is_ok());
        assert_eq!(crate_alias().await.map_err(|e| e.0), Err("x"));
    });
    assert_eq!(collect_inference(), [0, 1, 2]);
    assert_eq!((coerce_sync(true).number(), coerce_sync(false).number()), (1, 2));
    assert_eq!(impl_in_result(2).map(Iterator::count), Ok(2));
    assert_eq!(impl_borrowing(&[1, 2, 3]).count(), 2);
    assert_eq!(format!("{:?}", impl_capturing(1)), "1");
    assert_eq!((option_question(None), option_question(Some(1))), (None, Some(2)));
    assert!(poll_result(Poll::Pending).is_pending());
    assert_eq!(exit_code(), ExitCode::SUCCESS);
    assert_eq!(unsized_behind_reference("x"), "x");
    assert_eq!(nested(Ok(Some(&0))), Ok(None));
    assert_eq!(borrowed_dyn_error("x").map_err(|e| e.to_string()), Err("x".to_owned()));
    assert_eq!(aliased_borrowing_result("x").map_err(|e| e.to_string()), Err("x".to_owned()));
    let boxed: Box<dyn Error> = "x".into();
    assert!(reference_to_dyn_error(&*boxed).is_err() && elided_reference_to_dyn_error(&boxed).is_err());
    assert!(reference_to_box(&boxed).is_err());
    let tokens = jobmon::Usage::new(2, 0);
    assert_eq!(one_element_required(2), Ok((tokens,)));
    block_on(async {
        assert!(aliased_borrowing_error("x").await.is_err());
        assert!(aliased_borrowing_result_elided("x").await.is_err());
        assert!(aliased_owning("x").await.is_err());
        assert_eq!(shared_error("x").await.ok(), Some("x"));
        assert!(future_of_borrowing("x").await.is_err());
        assert_eq!(one_element(2).await, (tokens,));
    });
    assert!(generic_error("x".parse::<u8>()).is_err());
}

#[test]
fn diverging_functions_unwind_with_their_payload() {
    let caught = std::panic::catch_unwind(|| never_sync("sync"));
    let text = |payload: Box<dyn std::any::Any + Send>| payload.downcast_ref::<String>().cloned();
    assert_eq!(caught.err().and_then(text).as_deref(), Some("sync"));
    let caught = std::panic::catch_unwind(|| block_on(never_async("async")));
    assert_eq!(caught.err().and_then(text).as_deref(), Some("async"));
    assert!(std::panic::catch_unwind(|| block_on(panic_tail())).is_err());
    let _: fn() -> ! = never_loops;
}

#[instrument_llm]
fn never_with_arguments(mut x: String, (y, _): (String, String), _z: Vec<u8>) -> ! {
    x.push_str(&y);
    panic!("{}", x);
}
#[instrument_llm(usage = |out| jobmon::Usage::new(*out, seen), error = |_| kind)]
fn closures_name_arguments(mut seen: u64, kind: jobmon::ErrorCategory) -> Result<u64, String> {
    seen += 1;
    if seen > 9 { Err(kind.to_string()) } else { Ok(seen) }
}

#[test]
fn what_stands_outside_of_the_body_names_arguments() {
    let never = || never_with_arguments("a".to_owned(), ("b".to_owned(), String::new()), Vec::new());
    assert!(std::panic::catch_unwind(never).is_err());
    assert_eq!(closures_name_arguments(1, jobmon::ErrorCategory::Other), Ok(2));
}

// The compiler knows what these closures take by the return type alone.
#[instrument_llm(model = "m", usage = manual)]
fn impl_fn<'a>(x: &'a str, times: usize) -> impl Fn(&str) -> String + 'a {
    if times == 0 {
        panic!("never");
    }
    move |y| x.repeat(times) + y.trim()
}
#[instrument_llm(model = "m", usage = manual)]
fn impl_fn_mut() -> impl FnMut(&mut Vec<u8>) {
    |list| list.push(1)
}

#[test]
fn functions_that_return_closures() {
    use jobmon::testing::Collect;
    let (collect, _guard) = Collect::install();
    assert_eq!(impl_fn("a", 2)(" b "), "aab");
    let mut list = Vec::new();
    impl_fn_mut()(&mut list);
    assert_eq!(list, [1]);
    assert!(std::panic::catch_unwind(|| drop(impl_fn("a", 0))).is_err());
    let ends: Vec<_> = collect.calls().into_iter().map(|call| call.end).collect();
    assert_eq!(ends, [jobmon::End::Ok, jobmon::End::Ok, jobmon::End::Panicked]);
}
