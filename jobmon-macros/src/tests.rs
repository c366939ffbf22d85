//! The macros on token streams, without a compiler.

mod fuzz;
mod snapshots;

use crate::expand::instrument;
use proc_macro2::{TokenStream, TokenTree};

const FUNCTION: &str =
    "pub async fn ask(request: Request) -> Result<Completion, Error> { send(request).await }";

fn expand(args: &str, item: &str) -> String {
    let parse = |text: &str| text.parse::<TokenStream>().expect("valid tokens");
    instrument(parse(args), parse(item)).to_string()
}

fn errors(expansion: &str) -> usize {
    expansion.matches("compile_error").count()
}

/// Without spaces, so that a change of the printer breaks nothing.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_signature_and_the_body_stay_as_they_are() {
    let expansion = squeezed(&expand("", FUNCTION));
    assert!(
        expansion.starts_with("pubasyncfnask(request:Request)->Result<Completion,Error>{"),
        "{expansion}"
    );
    assert!(expansion.contains("{;send(request).await}"), "{expansion}");
    assert_eq!(errors(&expansion), 0);
}

#[test]
fn defaults_follow_from_the_keys_given() {
    let operation = |args| {
        let expansion = squeezed(&expand(args, FUNCTION));
        expansion.split("__private::Operation::").nth(1).map(|rest| rest[..4].to_owned())
    };
    assert_eq!(operation("").as_deref(), Some("Invo"));
    assert_eq!(operation("model = \"m\"").as_deref(), Some("Chat"));
    assert_eq!(operation("provider = \"p\"").as_deref(), Some("Chat"));
    assert_eq!(operation("operation = plan, model = \"m\"").as_deref(), Some("Plan"));
    let all = squeezed(&expand("", FUNCTION));
    assert!(!all.contains("Track"), "{all}");
    let some = squeezed(&expand("track(errors)", FUNCTION));
    assert!(some.contains("tokens:false,latency:false,errors:true,retries:false"));
    let none = squeezed(&expand("track()", FUNCTION));
    assert!(none.contains("tokens:false,latency:false,errors:false,retries:false"));
}

#[test]
fn only_what_must_be_computed_is_computed_at_the_call() {
    let literal = squeezed(&expand("model = \"m\"", FUNCTION));
    assert!(
        literal.contains("__private::start(&__JOBMON_SITE)") && literal.contains("[\"\",\"m\",\"\"]"),
        "{literal}"
    );
    let computed = squeezed(&expand("model = request.model", FUNCTION));
    assert!(computed.contains("__private::Setting::model(__jobmon_call,&(request.model));"), "{computed}");
}

#[test]
fn keys_are_taken_in_any_order() {
    let keys = [
        "operation = chat",
        "provider = \"p\"",
        "model = m",
        "feature = f()",
        "name = \"n\"",
        "fields(a = 1)",
        "track(tokens)",
        "retry(attempts = 2, on(Server), backoff = fixed(\"1s\"))",
        "timeout = \"1s\"",
        "budget = \"b\"",
        "prompt(name = \"p\", version = v())",
        "api_url = url",
        "price_context(processing = \"batch\")",
        "boxed",
        "usage = manual",
        "error = |e| c(e)",
        "model_check = error",
        "disabled",
        "crate = ::x",
    ];
    for one in keys {
        for other in keys.iter().filter(|other| **other != one) {
            assert_eq!(errors(&expand(&format!("{one}, {other}"), FUNCTION)), 0, "{one}, {other}");
        }
    }
}

#[test]
fn every_mistake_is_told_and_the_function_stays() {
    let expansion = expand("modle = 1, provider = 2, track(token), model = \"m\", model = \"n\"", FUNCTION);
    assert_eq!(errors(&expansion), 5, "three mistakes, and two spots of a duplicate: {expansion}");
    assert!(expansion.contains("did you mean `model`"));
    assert!(squeezed(&expansion).starts_with("pubasyncfnask("));
}

#[test]
fn what_is_no_function_stays_with_one_error() {
    let items = [
        "struct S;",
        "enum E {}",
        "union U { a: u8 }",
        "impl S { fn f() {} }",
        "mod m {}",
        "trait T {}",
        "static S: u8 = 1;",
        "const C: u8 = 1;",
        "type A = u8;",
        "use a::b;",
        "fn f();",
        "const fn f() {}",
        "#[track_caller] fn f() {}",
        "unsafe impl A for B {}",
        "1 + 1",
        "",
        "fn f() {} fn g() {}",
        "macro_rules! m { () => {} }",
    ];
    for item in items {
        let expansion = expand("", item);
        assert_eq!(errors(&expansion), 1, "{item}: {expansion}");
        assert!(squeezed(&expansion).starts_with(&squeezed(item)), "{item}: {expansion}");
    }
}

#[test]
fn return_types_decide_the_shape() {
    let of = |output: &str| squeezed(&expand("", &format!("fn f() -> {output} {{ x }}")));
    let wrapped = |output| of(output).contains("__private::make");
    assert!(wrapped("impl Future<Output = u8> + Send"));
    assert!(wrapped("impl std::future::Future<Output = u8>"));
    assert!(of("Pin<Box<dyn Future<Output = u8>>>").contains("__private::Box::pin("));
    assert!(of("futures::future::BoxFuture<'static, u8>").contains("__private::Box::pin("));
    assert!(of("Box<dyn Future<Output = u8> + Unpin>").contains("__private::Box::new("));
    assert!(!wrapped("Result<Pin<Box<dyn Future<Output = u8>>>, String>"));
    assert!(!wrapped("Pin<Box<dyn Iterator<Item = u8>>>"));
    assert!(!wrapped("Future"));
    assert!(of("!").contains("let__jobmon_guard=::jobmon::__private::guard("));
}

#[test]
fn streams_are_calls_until_they_end() {
    let of = |function: &str| squeezed(&expand("", &format!("{function} {{ x }}")));
    for function in [
        "fn f() -> impl Stream<Item = u8>",
        "fn f() -> BoxStream<'static, u8>",
        "fn f() -> Pin<Box<dyn futures::Stream<Item = u8> + Send>>",
        "fn f() -> io::Result<BoxStream<'static, u8>>",
    ] {
        assert!(
            of(function).contains("call_opening::<") && of(function).contains("streamed::<_,u8,_>"),
            "{function}"
        );
    }
    let opened = of("async fn f() -> Result<impl Stream<Item = u8>, E>");
    assert!(
        opened.contains("monitor_opening::<_,Result<_,E>,_,_>") && opened.contains("opened("),
        "{opened}"
    );
    let boxed = of("fn f() -> BoxFuture<'a, Result<BoxStream<'a, u8>, E>>");
    assert!(boxed.contains("monitor_opening::<_,Result<BoxStream<'a,u8>,E>,_,_>"), "{boxed}");
    assert!(boxed.contains("->BoxStream<'a,u8>{::jobmon::__private::Box::pin("), "{boxed}");
    assert!(!of("async fn f() -> Option<BoxStream<'static, u8>>").contains("streamed"));
}

#[test]
fn attempts_have_their_own_clones_and_what_cannot_be_retried_is_told() {
    let of = |function: &str| squeezed(&expand("retry", &format!("{function} {{ x(a, b, c, d, e, self) }}")));
    let retried =
        of("async fn f(&mut self, a: A, mut b: B, c: &C, d: &mut D, (e, _): (E, F)) -> Result<u8, E>");
    assert!(retried.contains("(&mutself,a:A,b:B,c:&C,d:&mutD,(e,_):(E,F))"), "{retried}");
    assert!(retried.contains("leta=::jobmon::__private::again(&a);letmutb=::jobmon::__private::again(&b);"));
    assert!(
        retried.contains("letd=&mut*d;lete=::jobmon::__private::again(&e);match(){()=>{x(a,b,c,d,e,self)}}"),
        "{retried}"
    );
    let own = of("fn f(mut self: Arc<Self>, f: F) -> Result<u8, E>");
    assert!(own.contains("(self:Arc<Self>,f:F)"), "{own}");
    assert!(
        own.contains(
            "letmut__jobmon_self=::jobmon::__private::again(&self);match(){()=>{x(a,b,c,d,e,__jobmon_self)}}"
        ),
        "{own}"
    );
    let refused = |function: &str| {
        let expansion = expand("retry", &format!("{function} {{ x }}"));
        assert_eq!(errors(&expansion), 1, "{function}: {expansion}");
    };
    refused("fn f() -> !");
    refused("async fn f() -> !");
    refused("fn f() -> impl Stream<Item = u8>");
    refused("fn f<'a>(&'a mut self) -> BoxFuture<'a, u8>");
    refused("fn f(x: &mut X) -> impl Future<Output = u8>");
}

#[test]
fn parameters_keep_their_names_where_others_look_at_them() {
    let of = |args: &str, function: &str| squeezed(&expand(args, &format!("{function} {{ x.push(y) }}")));
    let plain = of("", "#[inline] async fn f(mut x: String, (y, _): (A, B))");
    assert!(plain.contains("#[cfg(doc)]mutx:String,#[cfg(not(doc))]__jobmon_0:String,"), "{plain}");
    assert!(plain.contains("letmutx=__jobmon_0;") && plain.contains("let(y,_)=__jobmon_1;"), "{plain}");
    let read = of("", "#[tracing::instrument] async fn f(mut x: String, (y, _): (A, B))");
    assert!(read.contains("(x:String,(y,_):(A,B))") && read.contains("letmutx=x;"), "{read}");
    let named = of("fields(n = y.len(), x.len)", "async fn f(mut x: String, (y, _): (A, B))");
    assert!(named.contains("(x:String,(y,_):(A,B))") && named.contains("letmutx=x;"), "{named}");
}

#[test]
fn times_are_read_and_wrong_ones_told() {
    let of = |args: &str| squeezed(&expand(args, FUNCTION));
    for (time, nanos) in [
        ("200ms", "200000000u64"),
        ("5 s", "5000000000u64"),
        ("2m", "120000000000u64"),
        ("1h", "3600000000000u64"),
    ] {
        assert!(of(&format!("timeout = \"{time}\"")).contains(&format!("from_nanos({nanos})")), "{time}");
    }
    assert!(of("timeout = self.limit").contains("within(self.limit,"));
    for wrong in [
        "timeout = 5",
        "timeout = \"5\"",
        "timeout = \"5 weeks\"",
        "timeout = \"99999999999999h\"",
        "timeout",
    ] {
        assert_eq!(errors(&expand(wrong, FUNCTION)), 1, "{wrong}");
    }
}

#[test]
fn policies_are_what_is_written() {
    let of = |args: &str| squeezed(&expand(args, FUNCTION));
    assert!(of("retry").contains("__private::Retry::new(3))"));
    assert!(of("retry()").contains("__private::Retry::new(3))"));
    assert!(of("retry = POLICY").contains(",POLICY);loop"));
    let all = of(
        "retry(attempts = 4, backoff = exponential(\"200ms\", max = \"5s\", factor = 3), jitter, on(rate_limit, ErrorCategory::Network), max_retry_after = \"2m\")",
    );
    let p = "::jobmon::__private";
    let expected = format!(
        "{p}::Retry::new(4).exponential({p}::Duration::from_nanos(200000000u64)).max({p}::Duration::from_nanos(5000000000u64)).factor(3).jitter().on(&[{p}::ErrorCategory::RateLimit,{p}::ErrorCategory::Network]).max_retry_after({p}::Duration::from_nanos(120000000000u64))"
    );
    assert!(all.contains(&expected), "{all}");
    assert!(of("retry(backoff = |n| wait(n))").contains(".by(|n|wait(n))"));
    assert!(
        of("retry(when = E::passes)").contains(
            "retry_when(::jobmon::__private::Output::of(__jobmon_output).__jobmon_split(),E::passes)"
        )
    );
    for (wrong, count) in [
        ("retry = 3", 1),
        ("retry(attempts = 1)", 1),
        ("retry(attempts = \"3\")", 1),
        ("retry(tries = 3)", 1),
        ("retry(on())", 1),
        ("retry(on(RateLimits))", 1),
        ("retry(on(Network, Network))", 2),
        ("retry(on(Network), when = |e| true)", 2),
        ("retry(when = true)", 1),
        ("retry(backoff = linear(\"1s\"))", 1),
        ("retry(backoff = fixed())", 1),
        ("retry(backoff = fixed(\"1s\", max = \"2s\"))", 1),
        ("retry(backoff = exponential(\"1s\", \"2s\"))", 1),
        ("retry(backoff = exponential(\"1s\", min = \"2s\"))", 1),
        ("retry(jitter, jitter)", 2),
        ("retry(attempts)", 1),
        ("retry(max = 5)", 1),
    ] {
        assert_eq!(errors(&expand(wrong, FUNCTION)), count, "{wrong}: {}", expand(wrong, FUNCTION));
    }
}

#[test]
fn a_block_instruments_its_async_methods() {
    let block = "impl<T> Agent<T> where T: Send {
        const N: usize = { 1 };
        type X = u8;
        async fn ask(&self) -> u8 { 1 }
        #[instrument_llm(name = \"search\", model = \"n\")] async fn find(&self) -> u8 { 2 }
        #[jobmon::instrument_llm(skip)] async fn wait(&self) {}
        fn plain(&self) -> u8 { 3 }
        pub fn stream(&self) -> impl Stream<Item = u8> { 4 }
        #[instrument_llm] fn own(&self) -> u8 { 5 }
    }";
    let expansion = squeezed(&expand("model = \"m\", feature = \"f\"", block));
    assert_eq!(errors(&expansion), 0, "{expansion}");
    assert!(!expansion.contains("instrument_llm"), "{expansion}");
    assert_eq!(expansion.matches("__JOBMON_SITE:").count(), 4);
    assert_eq!(expansion.matches("[\"\",\"m\",\"f\"]").count(), 3);
    assert!(expansion.contains("Site::new(\"search\",") && expansion.contains("[\"\",\"n\",\"f\"]"));
    assert!(expansion.contains("asyncfnwait(&self){}fnplain(&self)->u8{3}"), "{expansion}");
    for (args, block, count) in [
        ("", "impl X { fn f() {} }", 1),
        ("", "impl X { }", 1),
        ("name = \"n\"", "impl X { async fn f() {} }", 1),
        ("", "impl X { #[instrument_llm(modle = 1)] async fn f() {} #[instrument_llm] const fn g() {} }", 2),
        ("skip", "async fn f() {}", 1),
        ("", "impl X { async fn f(x) }", 1),
    ] {
        let expansion = expand(args, block);
        assert_eq!(errors(&expansion), count, "{block}: {expansion}");
    }
}

#[test]
fn only_an_error_that_surely_owns_is_asked_for_its_type() {
    let owned = |output: &str| expand("", &format!("fn f() -> {output} {{ x }}")).contains("FailingOwned");
    assert!(owned("Result<u8, Box<dyn Error>>"));
    assert!(owned("Result<u8, Box<dyn Error + Send + 'static>>"));
    assert!(owned("Result<&'a str, Box<dyn Error>>"));
    assert!(owned("impl Future<Output = Result<u8, Box<dyn Error>>>"));
    assert!(!owned("Result<u8, Box<dyn Error + 'a>>"));
    assert!(!owned("Aliased<'a, u8, Box<dyn Error>>"));
    assert!(!owned("Result<Box<dyn Error>, Mine>"));
    assert!(!owned("Result<u8, Mine<'a>>"));
}

#[test]
fn closures_that_move_make_the_one_around_them_move() {
    let future = "fn f(n: u64) -> impl Future<Output = u8> { x }";
    let of = |args: &str| squeezed(&expand(args, future));
    assert!(of("usage = |_| n").contains(",|__jobmon_output|"));
    assert!(of("usage = move |_| n").contains(",move|__jobmon_output|"));
    assert!(of("error = move |_| n").contains(",move|__jobmon_output|"));
}

#[test]
fn a_boxed_future_without_a_lifetime_is_not_known() {
    let named = |output: &str| {
        squeezed(&expand("", &format!("fn f() -> {output} {{ x }}"))).contains("monitor::<_,u8,_>")
    };
    assert!(named("BoxFuture<'static, u8>"));
    assert!(!named("BoxFuture<u8>"));
}

#[test]
fn expansions_are_deterministic_and_small() {
    let args = "model = m, feature = f, fields(a, b = %c, d.e = ?g), track(errors, tokens)";
    let first = expand(args, FUNCTION);
    assert_eq!(first, expand(args, FUNCTION));
    let tokens = |stream: TokenStream| count(stream);
    let plain = tokens(expand("", FUNCTION).parse().expect("valid tokens"));
    assert!(plain < 420, "{plain} tokens for each function");
}

fn count(stream: TokenStream) -> usize {
    let inside = |token| if let TokenTree::Group(group) = token { count(group.stream()) } else { 0 };
    stream.into_iter().map(|token| 1 + inside(token)).sum()
}
#[test]
fn what_is_disabled_stays_token_for_token_and_its_mistakes_are_told() {
    let items = [
        FUNCTION,
        "#[inline] pub(crate) unsafe extern \"C\" fn f<const N: usize>(mut a: [u8; N]) -> ! { #![allow(x)] loop {} }",
        "fn f() -> impl Future<Output = u8> { async { 1 } }",
    ];
    let same = |item: &str| item.parse::<TokenStream>().expect("valid tokens").to_string();
    for item in items {
        assert_eq!(expand("model = request.model, fields(?a), disabled", item), same(item));
    }
    assert_eq!(errors(&expand("modle = 1, disabled", FUNCTION)), 1);
    assert_eq!(errors(&expand("disabled = true", FUNCTION)), 1);
    assert_eq!(errors(&expand("disabled", "struct S;")), 1);
    assert_eq!(errors(&expand("disabled", "const fn f() {}")), 1);
}
