//! M: methods and traits.

use crate::block_on;
use async_trait::async_trait;
use jobmon::instrument_llm;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
struct S(u8);

macro_rules! number {
    ($this:ident) => {
        $this.0
    };
}

impl S {
    const ONE: u8 = 1;

    #[instrument_llm]
    async fn by_ref(&self) -> u8 {
        self.0
    }
    #[instrument_llm]
    fn by_mut(&mut self) -> &mut u8 {
        &mut self.0
    }
    #[instrument_llm]
    async fn by_value(mut self) -> Self {
        self.0 += 1;
        self
    }
    #[instrument_llm]
    async fn typed(mut self: &Self, other: &Self) -> u8 {
        let _ = self;
        self = other;
        self.0
    }
    #[instrument_llm]
    async fn arc(self: Arc<Self>) -> u8 {
        self.0
    }
    #[instrument_llm]
    fn boxed(self: Box<Self>) -> u8 {
        self.0
    }
    #[instrument_llm]
    async fn pinned(self: Pin<&mut Self>) -> u8 {
        self.0
    }
    #[instrument_llm]
    async fn arc_ref(self: &Arc<Self>) -> u8 {
        self.0
    }
    #[instrument_llm]
    async fn constructor(&self) -> Self {
        let Self(x) = self;
        Self(*x + Self::ONE)
    }
    #[instrument_llm(fields(n = self.0, self.0))]
    fn inside_macro(&self) -> u8 {
        number!(self)
    }
    #[instrument_llm]
    fn new() -> Self {
        Self(0)
    }
}

trait Producer {
    type Output: Default;
    const N: u8;
    fn produce(&self) -> impl Future<Output = u8> + Send;
    #[instrument_llm]
    async fn default_method(&self) -> (Self::Output, u8) {
        (Self::Output::default(), Self::N)
    }
    #[instrument_llm]
    async fn sized(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}
impl Producer for S {
    type Output = String;
    const N: u8 = 7;
    #[instrument_llm]
    fn produce(&self) -> impl Future<Output = u8> + Send {
        std::future::ready(self.0)
    }
}

#[instrument_llm]
async fn associated<T: Producer>(x: &T) -> T::Output {
    x.default_method().await.0
}

trait Dynamic {
    fn number(&self) -> u8;
}
impl Dynamic for S {
    fn number(&self) -> u8 {
        self.0
    }
}
impl dyn Dynamic + Send + Sync {
    #[instrument_llm]
    async fn of_dyn(&self) -> u8 {
        self.number()
    }
}

#[async_trait]
trait Agent {
    async fn analyze(&self, job: &str) -> Result<u8, String>;
    #[instrument_llm(model = "m")]
    async fn default_one(&self, job: &str) -> usize {
        job.len()
    }
    async fn generic<'a, T: Send + Sync + 'a>(&'a self, x: &'a T) -> &'a T;
}
#[async_trait]
impl Agent for S {
    #[instrument_llm(provider = "openai", model = job, fields(n = self.0))]
    async fn analyze(&self, job: &str) -> Result<u8, String> {
        async {}.await;
        if job.is_empty() {
            return Err("empty".to_owned());
        }
        Ok(self.0)
    }
    #[instrument_llm]
    async fn generic<'a, T: Send + Sync + 'a>(&'a self, x: &'a T) -> &'a T {
        x
    }
}

#[async_trait(?Send)]
trait Local {
    async fn local(&self) -> std::rc::Rc<u8>;
}
#[async_trait(?Send)]
impl Local for S {
    #[instrument_llm]
    async fn local(&self) -> std::rc::Rc<u8> {
        let x = std::rc::Rc::new(self.0);
        async {}.await;
        x
    }
}

#[test]
fn they_do_what_they_did() {
    block_on(async {
        assert_eq!(S(1).by_ref().await, 1);
        assert_eq!(S(1).by_value().await, S(2));
        assert_eq!(S(1).typed(&S(3)).await, 3);
        assert_eq!(Arc::new(S(1)).arc().await + Arc::new(S(1)).arc_ref().await, 2);
        assert_eq!(Pin::new(&mut S(1)).pinned().await, 1);
        assert_eq!(S(1).constructor().await, S(2));
        assert_eq!(S(1).produce().await, 1);
        assert_eq!(S(1).default_method().await, (String::new(), 7));
        assert_eq!(S(1).sized().await, S(1));
        assert_eq!(associated(&S(1)).await, "");
        let dynamic: &(dyn Dynamic + Send + Sync) = &S(1);
        assert_eq!(dynamic.of_dyn().await, 1);
        let agent = S(1);
        assert_eq!(agent.analyze("x").await, Ok(1));
        assert_eq!(agent.analyze("").await, Err("empty".to_owned()));
        assert_eq!(agent.default_one("abc").await, 3);
        assert_eq!(agent.generic(&4).await, &4);
        assert_eq!(*agent.local().await, 1);
    });
    *S(1).by_mut() = 2;
    assert_eq!(Box::new(S(1)).boxed() + S(2).inside_macro() + S::new().0, 3);
}
