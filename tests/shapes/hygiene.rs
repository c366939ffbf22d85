//! H: names of the user that are ours, or the standard library's.

/// No prelude at all.
mod bare {
    #![no_implicit_prelude]

    #[::jobmon::instrument_llm(model = model, usage = |_| ::jobmon::Usage::new(1, 2), fields(%model, n = 1_u8))]
    pub(crate) async fn without_prelude(model: &str) -> ::core::result::Result<u8, ::std::string::String> {
        ::core::result::Result::Ok(if model.is_empty() { 0 } else { 1 })
    }
    #[::jobmon::instrument_llm]
    pub(crate) fn sync_without_prelude() -> u8 {
        1
    }
    #[derive(::jobmon::LlmResponse)]
    pub(crate) struct Told {
        #[llm(input)]
        pub(crate) input: u64,
        #[llm(model)]
        pub(crate) model: ::std::string::String,
    }
    #[derive(::jobmon::LlmError)]
    pub(crate) enum Failed {
        #[llm(category = parsing)]
        Broken,
        Http(#[llm(status)] u16),
    }
}

/// Everything is called what we might call it.
mod shadowed {
    #![allow(dead_code, non_camel_case_types, unused_macros, reason = "they only shadow")]

    mod std {}
    mod core {}
    mod alloc {}
    mod jobmon {}
    struct Box;
    struct Vec;
    struct String;
    struct Option;
    struct Result;
    struct u16;
    struct u64;
    struct str;
    struct bool;
    enum Answer {
        Ok,
        Err,
        Some,
        None,
    }
    use Answer::*;
    macro_rules! module_path {
        () => {
            nonsense
        };
    }
    macro_rules! file {
        () => {
            nonsense
        };
    }
    macro_rules! line {
        () => {
            nonsense
        };
    }
    macro_rules! format {
        () => {
            nonsense
        };
    }
    macro_rules! concat {
        () => {
            nonsense
        };
    }

    #[::jobmon::instrument_llm(model = "m", fields(x = x))]
    pub(crate) async fn asynchronous(x: u8) -> u8 {
        let _ = (Ok, Err, Some, None);
        x
    }
    #[::jobmon::instrument_llm(usage = manual, error = |e| match *e {})]
    pub(crate) fn sync(x: u8) -> u8 {
        x
    }
    #[derive(::jobmon::LlmError)]
    pub(crate) struct Failed {
        #[llm(status)]
        pub(crate) status: ::core::primitive::u16,
    }
}

/// A glob import in the body brings a type of the return type's name.
mod glob {
    pub(crate) mod other {
        #![allow(dead_code, reason = "it only shadows")]
        pub(crate) struct Outcome;
    }
    #[derive(Debug, PartialEq)]
    pub(crate) struct Outcome(pub(crate) u8);
    #[jobmon::instrument_llm]
    #[allow(unused_imports, reason = "it only shadows")]
    pub(crate) async fn in_body() -> Outcome {
        use other::*;
        super::make(1)
    }
    #[jobmon::instrument_llm]
    #[allow(unused_imports, reason = "it only shadows")]
    pub(crate) fn in_sync_body() -> Outcome {
        use other::*;
        super::make(1)
    }
}
fn make(x: u8) -> glob::Outcome {
    glob::Outcome(x)
}

/// A trait of the user has methods of our names for every type.
mod extension {
    #![allow(dead_code, reason = "they only compete")]
    pub(crate) trait Everything: Sized {
        fn of(self) -> u8 {
            unreachable!("not ours")
        }
        fn model(self) {}
        fn field(self) {}
        fn answer(self) {}
        fn monitor(self) {}
        fn instrument(self) {}
        fn deref(self) {}
    }
    impl<T> Everything for T {}

    #[jobmon::instrument_llm(model = m, fields(m = m))]
    pub(crate) async fn among_extensions(m: &str) -> Result<usize, String> {
        Ok(m.len())
    }
}

/// Constants, which a pattern of that name would mean.
mod constants {
    #![allow(dead_code, non_upper_case_globals, non_camel_case_types, reason = "they only shadow")]
    const hint: u8 = 1;
    const call: u8 = 1;
    const field0: u8 = 1;
    const _guard: u8 = 1;
    static output: u8 = 1;
    struct value;
    struct error;
    #[jobmon::instrument_llm(model = m, fields(m))]
    pub(crate) async fn asynchronous(m: &str) -> Result<u8, String> {
        m.parse().map_err(|_| m.to_owned())
    }
    #[jobmon::instrument_llm(usage = manual, error = |_| jobmon::ErrorCategory::Other)]
    pub(crate) fn sync() -> Result<u8, String> {
        Ok(1)
    }
    #[jobmon::instrument_llm]
    pub(crate) fn never() -> ! {
        panic!("never")
    }
    #[derive(jobmon::LlmError)]
    pub(crate) struct Failed(#[llm(status)] pub(crate) u16);
    #[derive(jobmon::LlmResponse)]
    pub(crate) struct Told(pub(crate) jobmon::Usage);
}

/// The crate by another path.
mod renamed {
    pub(crate) use jobmon as watcher;
    #[jobmon::instrument_llm(crate = crate::hygiene::renamed::watcher, model = "m")]
    pub(crate) async fn by_path() -> u8 {
        1
    }
    #[derive(jobmon::LlmError)]
    #[llm(crate = crate::hygiene::renamed::watcher, category = quota)]
    pub(crate) struct Failed;
}

#[test]
fn names_do_not_clash() {
    crate::block_on(async {
        assert_eq!(bare::without_prelude("x").await, Ok(1));
        assert_eq!(shadowed::asynchronous(1).await, 1);
        assert_eq!(glob::in_body().await, glob::Outcome(1));
        assert_eq!(extension::among_extensions("x").await, Ok(1));
        assert_eq!(renamed::by_path().await, 1);
        assert_eq!(constants::asynchronous("1").await, Ok(1));
    });
    assert_eq!(bare::sync_without_prelude() + shadowed::sync(1), 2);
    assert_eq!(glob::in_sync_body(), glob::Outcome(1));
    let told = bare::Told { input: 3, model: "m".into() };
    assert_eq!(jobmon::LlmResponse::answer(&told).usage.and_then(|usage| usage.input), Some(3));
    let category = |error: &dyn jobmon::LlmError| error.category();
    assert_eq!(category(&bare::Failed::Broken), jobmon::ErrorCategory::Parsing);
    assert_eq!(category(&bare::Failed::Http(401)), jobmon::ErrorCategory::Authentication);
    assert_eq!(category(&shadowed::Failed { status: 429 }), jobmon::ErrorCategory::RateLimit);
    assert_eq!(category(&renamed::Failed), jobmon::ErrorCategory::Quota);
    assert_eq!(constants::sync(), Ok(1));
    assert!(std::panic::catch_unwind(|| constants::never()).is_err());
    assert_eq!(category(&constants::Failed(401)), jobmon::ErrorCategory::Authentication);
    assert!(jobmon::LlmResponse::usage(&constants::Told(jobmon::Usage::new(1, 1))).is_some());
}
