//! What attempts have of the arguments.

use super::{Wrong, block_on};
use jobmon::{ErrorCategory, instrument_llm};
use std::cell::Cell;
use std::future::{Future, ready};
use std::rc::Rc;

/// Fails until the third attempt.
#[derive(Debug, Default)]
struct Third(Cell<u8>);

impl Third {
    fn pass(&self) -> Result<(), Wrong> {
        self.0.set(self.0.get() + 1);
        if self.0.get() < 3 { Err(Wrong::Is(ErrorCategory::Server)) } else { Ok(()) }
    }
}

/// Counts its clones.
#[derive(Debug, Default)]
struct Cloned(Rc<Cell<u8>>);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.set(self.0.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

struct Two<T> {
    left: T,
    right: T,
}

macro_rules! retried {
    ($($function:item)*) => {$(
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        $function
    )*};
}

#[test]
fn each_attempt_has_its_own_clone_of_what_was_given_by_value() {
    retried! {
        async fn moves(third: &Third, given: Cloned, text: String) -> Result<(Cloned, String), Wrong> {
            let (given, text) = (given, text);
            third.pass()?;
            Ok((given, text))
        }
        fn moves_sync(third: &Third, given: Cloned, text: String) -> Result<(Cloned, String), Wrong> {
            let (given, text) = (given, text);
            third.pass()?;
            Ok((given, text))
        }
        fn moves_future(third: Rc<Third>, given: Cloned) -> impl Future<Output = Result<Cloned, Wrong>> {
            async move {
                third.pass()?;
                Ok(given)
            }
        }
    }
    let clones = |(given, text): (Cloned, String)| (given.0.get(), text.len());
    assert_eq!(block_on(moves(&Third::default(), Cloned::default(), "x".into())).map(clones), Ok((3, 1)));
    assert_eq!(moves_sync(&Third::default(), Cloned::default(), "x".into()).map(clones), Ok((3, 1)));
    let given = block_on(moves_future(Rc::default(), Cloned::default()));
    assert_eq!(given.map(|given| given.0.get()), Ok(3));
}

#[test]
fn what_an_attempt_changes_of_its_own_the_next_does_not_see_but_what_is_borrowed_it_does() {
    retried! {
        async fn pushes(third: &Third, mut own: Vec<u8>, lent: &mut Vec<u8>) -> Result<usize, Wrong> {
            own.push(1);
            lent.push(1);
            ready(third.pass()).await?;
            Ok(own.len())
        }
        fn pushes_sync(third: &Third, mut own: Vec<u8>, lent: &mut Vec<u8>) -> Result<usize, Wrong> {
            own.push(1);
            lent.push(1);
            third.pass()?;
            Ok(own.len())
        }
        async fn reassigns(third: &Third, mut lent: &mut u8) -> Result<u8, Wrong> {
            let mut own = 0;
            *lent += 1;
            lent = &mut own;
            *lent += 1;
            third.pass()?;
            Ok(own)
        }
    }
    let mut lent = Vec::new();
    assert_eq!(block_on(pushes(&Third::default(), vec![0], &mut lent)), Ok(2));
    assert_eq!(pushes_sync(&Third::default(), vec![0], &mut lent), Ok(2));
    assert_eq!(lent.len(), 6);
    let mut lent = 0;
    assert_eq!(block_on(reassigns(&Third::default(), &mut lent)), Ok(1));
    assert_eq!(lent, 3);
}

#[test]
fn a_reference_that_an_attempt_changes_is_the_same_again_for_the_next() {
    retried! {
        async fn shortens(third: &Third, mut text: &str) -> Result<usize, Wrong> {
            text = &text[1..];
            third.pass()?;
            Ok(text.len())
        }
    }
    assert_eq!(block_on(shortens(&Third::default(), "abcd")), Ok(3));
}

#[test]
fn what_an_attempt_changes_of_a_self_of_its_own_the_next_does_not_see() {
    #[derive(Clone)]
    struct Agent<'a>(&'a Third, Vec<u8>);
    impl Agent<'_> {
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        async fn pushes(mut self) -> Result<usize, Wrong> {
            self.1.push(1);
            self.0.pass()?;
            Ok(self.1.len())
        }
    }
    assert_eq!(block_on(Agent(&Third::default(), Vec::new()).pushes()), Ok(1));
}

#[test]
fn patterns_generics_and_closures_are_cloned_by_what_they_bind() {
    retried! {
        async fn patterns(
            third: &Third,
            (a, mut b): (String, String),
            Two { left, .. }: Two<String>,
            [c, _]: [String; 2],
            _: &mut u8,
        ) -> Result<String, Wrong> {
            b.push('!');
            third.pass()?;
            Ok(a + &b + &left + &c)
        }
        async fn generic<T: Clone + Into<String>>(third: &Third, text: T) -> Result<String, Wrong> {
            let text = text.into();
            third.pass()?;
            Ok(text)
        }
        async fn unnamed(third: &Third, text: impl Into<String> + Clone) -> Result<String, Wrong> {
            let text = text.into();
            third.pass()?;
            Ok(text)
        }
        async fn closure(third: &Third, make: impl Fn() -> String + Clone) -> Result<String, Wrong> {
            third.pass()?;
            Ok(make())
        }
        fn arrays<const N: usize>(third: &Third, list: [String; N]) -> Result<usize, Wrong> {
            third.pass()?;
            Ok(list.into_iter().map(|text| text.len()).sum())
        }
    }
    let text = |text: &str| text.to_owned();
    let two = Two { left: text("c"), right: text("-") };
    let _ = &two.right;
    let (third, mut ignored) = (Third::default(), 0);
    let all = patterns(&third, (text("a"), text("b")), two, [text("d"), text("-")], &mut ignored);
    assert_eq!(block_on(all).as_deref(), Ok("ab!cd"));
    assert_eq!(block_on(generic(&Third::default(), "x")).as_deref(), Ok("x"));
    assert_eq!(block_on(unnamed(&Third::default(), "x")).as_deref(), Ok("x"));
    let given = text("x");
    assert_eq!(block_on(closure(&Third::default(), || given.clone())).as_deref(), Ok("x"));
    assert_eq!(arrays(&Third::default(), [text("x"), text("yz")]), Ok(3));
}

#[test]
fn references_are_returned() {
    struct Agent {
        third: Third,
        name: String,
    }
    impl Agent {
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        async fn name(&self) -> Result<&str, Wrong> {
            self.third.pass()?;
            Ok(&self.name)
        }
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        fn name_sync(&self) -> Result<&str, Wrong> {
            self.third.pass()?;
            Ok(&self.name)
        }
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        fn name_future(&self) -> impl Future<Output = Result<&str, Wrong>> + '_ {
            async move {
                self.third.pass()?;
                Ok(&*self.name)
            }
        }
        #[instrument_llm(operation = retrieval, retry(attempts = 3, backoff = fixed("0ms")))]
        async fn longer<'a>(&self, other: &'a str) -> Result<&'a str, Wrong> {
            self.third.pass()?;
            Ok(&other[self.name.len()..])
        }
    }
    let agent = || Agent { third: Third::default(), name: "x".to_owned() };
    assert_eq!(block_on(agent().name()), Ok("x"));
    assert_eq!(agent().name_sync(), Ok("x"));
    assert_eq!(block_on(agent().name_future()), Ok("x"));
    assert_eq!(block_on(agent().longer("abc")), Ok("bc"));
}

#[test]
fn an_argument_is_dropped_after_all_attempts() {
    struct Told(Rc<Cell<u8>>);
    impl Clone for Told {
        fn clone(&self) -> Self {
            Self(Rc::clone(&self.0))
        }
    }
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    retried! {
        async fn keeps(third: &Third, told: Told) -> Result<u8, Wrong> {
            let dropped = told.0.get();
            third.pass()?;
            Ok(dropped)
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let seen = block_on(keeps(&Third::default(), Told(Rc::clone(&dropped))));
    assert_eq!((seen, dropped.get()), (Ok(2), 4), "one clone for each attempt, and the one given");
}
