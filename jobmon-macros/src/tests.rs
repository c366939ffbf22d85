//! The macros on token streams, without a compiler.

use crate::expand::instrument;
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::quote;

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
    assert!(expansion.contains("{send(request).await}"), "{expansion}");
    assert_eq!(errors(&expansion), 0);
}

#[test]
fn defaults_follow_from_the_keys_given() {
    let operation = |args| {
        let expansion = squeezed(&expand(args, FUNCTION));
        expansion.split("operation:::jobmon::__private::Operation::").nth(1).map(|rest| rest[..4].to_owned())
    };
    assert_eq!(operation("").as_deref(), Some("Invo"));
    assert_eq!(operation("model = \"m\"").as_deref(), Some("Chat"));
    assert_eq!(operation("provider = \"p\"").as_deref(), Some("Chat"));
    assert_eq!(operation("operation = plan, model = \"m\"").as_deref(), Some("Plan"));
    let all = squeezed(&expand("", FUNCTION));
    assert!(all.contains("tokens:true,latency:true,errors:true,retries:true"));
    let some = squeezed(&expand("track(errors)", FUNCTION));
    assert!(some.contains("tokens:false,latency:false,errors:true,retries:false"));
    let none = squeezed(&expand("track()", FUNCTION));
    assert!(none.contains("tokens:false,latency:false,errors:false,retries:false"));
}

#[test]
fn only_what_must_be_computed_is_computed_at_the_call() {
    let literal = squeezed(&expand("model = \"m\"", FUNCTION));
    assert!(
        literal.contains("__private::start(&__JOBMON_SITE)") && literal.contains("Some(\"m\")"),
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
        "fn f() -> impl Stream<Item = u8> { x }",
        "unsafe impl A for B {}",
        "1 + 1",
        "",
        "fn f() {} fn g() {}",
        "macro_rules! m { () => {} }",
        "async fn f() -> BoxStream<'static, u8> { x }",
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
    let wrapped = |output| of(output).contains("monitor_made::<");
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
fn closures_that_move_make_those_around_them_move() {
    let future = "fn f(n: u64) -> impl Future<Output = u8> { x }";
    let of = |args: &str| squeezed(&expand(args, future));
    assert!(of("usage = |_| n").contains(",|__jobmon_output|"));
    let moved = of("usage = move |_| n");
    assert!(moved.contains(",move|__jobmon_output|") && moved.contains(",move|__jobmon_value|"), "{moved}");
    assert!(moved.contains(",|__jobmon_error|"), "{moved}");
    assert!(of("error = move |_| n").contains(",move|__jobmon_error|"));
}

#[test]
fn a_boxed_future_without_a_lifetime_is_not_known() {
    let named = |output: &str| {
        squeezed(&expand("", &format!("fn f() -> {output} {{ x }}"))).contains("monitor_made::<u8,_,_>")
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

/// A small generator (xorshift), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % n
    }

    fn tokens(&mut self, depth: usize) -> TokenStream {
        (0..self.below(9)).map(|_| self.token(depth)).collect()
    }

    fn token(&mut self, depth: usize) -> TokenTree {
        const WORDS: [&str; 42] = [
            "fn",
            "async",
            "const",
            "unsafe",
            "extern",
            "pub",
            "impl",
            "struct",
            "enum",
            "trait",
            "mod",
            "self",
            "crate",
            "super",
            "let",
            "where",
            "dyn",
            "for",
            "return",
            "operation",
            "provider",
            "model",
            "feature",
            "name",
            "fields",
            "track",
            "usage",
            "error",
            "required",
            "manual",
            "tokens",
            "chat",
            "Future",
            "Pin",
            "Box",
            "Result",
            "Output",
            "llm",
            "input",
            "category",
            "x",
            "_",
        ];
        const SIGNS: [char; 16] =
            ['=', ',', '.', ':', ';', '%', '?', '|', '&', '<', '>', '!', '#', '-', '+', '\''];
        const DELIMITERS: [Delimiter; 4] =
            [Delimiter::Parenthesis, Delimiter::Brace, Delimiter::Bracket, Delimiter::None];
        match self.below(10) {
            0..=4 => Ident::new(WORDS[self.below(WORDS.len())], Span::call_site()).into(),
            5 => Literal::string("text").into(),
            6 => Literal::u32_unsuffixed(7).into(),
            7 if depth > 0 => Group::new(DELIMITERS[self.below(4)], self.tokens(depth - 1)).into(),
            _ => {
                let spacing = if self.below(2) == 0 { Spacing::Alone } else { Spacing::Joint };
                Punct::new(SIGNS[self.below(SIGNS.len())], spacing).into()
            }
        }
    }
}

#[test]
fn nothing_panics_on_random_tokens() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2_000 {
        let (noise, more) = (random.tokens(3), random.tokens(3));
        for item in [more.clone(), quote!(async fn f() -> #more { #more }), quote!(pub fn f(#more) { })] {
            assert!(!instrument(noise.clone(), item).is_empty() || noise.is_empty());
        }
        for item in [
            more.clone(),
            quote!(
                #[llm(#noise)]
                struct S {
                    #[llm(#more)]
                    a: u8,
                }
            ),
            quote!(enum E { #[llm(#noise)] A(#[llm(#more)] B), C { #more } }),
        ] {
            let _ = (crate::response::derive(item.clone()), crate::error::derive(item));
        }
    }
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
