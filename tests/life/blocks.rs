//! The attribute on an `impl` block is the attribute on each of its async methods.

use super::{Yield, answer, block_on};
use futures::stream::{self, Stream, StreamExt};
use jobmon::testing::Collect;
use jobmon::{CallRecord, Usage, instrument_llm};
use serde_json::Value;
use std::io;

const MODEL: &str = "gpt-4o-mini";

/// The same methods.
macro_rules! agent {
    ($agent:ident: $(#[$block:meta])* $(; $(#[$each:meta])*)?) => {
        struct $agent {
            model: &'static str,
        }

        $(#[$block])*
        impl $agent {
            const PROMPT: &'static str = "hi";

            $($(#[$each])*)?
            async fn ask(&self) -> Value {
                Yield::default().await;
                answer(10, 2)
            }
            $($(#[$each])*)?
            async fn fails(&mut self, prompt: &str) -> Result<Value, io::Error> {
                self.model = "";
                Err(io::Error::other(prompt.to_owned()))
            }
            $($(#[$each])*)?
            fn stream(&self) -> impl Stream<Item = Usage> {
                stream::iter([Usage::new(1, 2), Usage::new(1, 3)])
            }
            $($(#[$each])*)?
            async fn consumed(self: Box<Self>) -> Option<Value> {
                Some(answer(1, 1))
            }
            fn plain(&self) -> usize {
                self.model.len() + Self::PROMPT.len()
            }
        }
    };
}
agent!(OfBlock: #[instrument_llm(provider = "openai", model = MODEL, feature = "f", fields(m = MODEL))]);
agent!(OfEach: ; #[instrument_llm(provider = "openai", model = MODEL, feature = "f", fields(m = MODEL))]);

/// Of a call, what does not differ from run to run.
fn known(call: CallRecord) -> String {
    let CallRecord { name, operation, provider, model, scope, end, answers, attributes, .. } = call;
    let (failure, chunks) = (call.failure, call.chunks.as_ref().map(|chunks| chunks.count));
    format!(
        "{name} {operation} {provider:?} {model:?} {scope:?} {end} {failure:?} {answers:?} {chunks:?} {attributes:?}"
    )
}

#[test]
fn each_async_method_is_recorded_as_if_it_had_the_attribute() {
    macro_rules! recorded {
        ($agent:ident) => {{
            let (collect, _guard) = Collect::install();
            let mut agent = $agent { model: "gpt-4o-mini" };
            block_on(async {
                agent.ask().await;
                assert_eq!(agent.stream().count().await, 2);
                assert!(agent.fails("no").await.is_err());
                assert_eq!(agent.plain(), 2);
                assert!(Box::new(agent).consumed().await.is_some());
            });
            collect.calls().into_iter().map(known).collect::<Vec<_>>()
        }};
    }
    let of_block = recorded!(OfBlock);
    assert_eq!(of_block.len(), 4, "{of_block:#?}");
    assert_eq!(of_block, recorded!(OfEach));
}

#[test]
fn a_method_says_what_is_different_about_it() {
    struct Agent;
    #[instrument_llm(
        provider = "openai",
        model = "gpt-4o-mini",
        feature = "all",
        fields(a = 1, b = 2),
        track(tokens, errors)
    )]
    impl Agent {
        async fn ask(&self) -> Value {
            answer(1, 1)
        }
        #[instrument_llm(name = "search", operation = retrieval, feature = "own", fields(b = 3, c = 4), track(latency))]
        async fn find(&self) {}
        #[jobmon::instrument_llm(model = "gpt-4o")]
        fn sync() -> Value {
            Self::plain();
            answer(1, 1)
        }
        #[instrument_llm(skip)]
        async fn wait(&self) {
            Yield::default().await;
        }
        fn plain() {}
    }
    let (collect, _guard) = Collect::install();
    block_on(async {
        Agent.ask().await;
        Agent.find().await;
        Agent.wait().await;
    });
    Agent::sync();
    let calls = collect.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            let feature = call.scope.feature.as_deref().unwrap_or_default();
            let fields: Vec<_> = call.attributes.iter().map(|(key, _)| key.as_str()).collect();
            (call.name.as_str(), call.model.as_deref().unwrap_or_default(), feature, fields.join(" "))
        })
        .collect();
    let expected = [
        ("ask", "gpt-4o-mini", "all", "a b".to_owned()),
        ("search", "gpt-4o-mini", "own", "a b c".to_owned()),
        ("sync", "gpt-4o", "all", "a b".to_owned()),
    ];
    assert_eq!(told, expected);
    assert_eq!(calls[1].attributes[1].1, 3.into());
    assert_eq!(calls.iter().map(|call| call.duration.is_some()).collect::<Vec<_>>(), [false, true, false]);
    // Where the methods stand, not where the attribute does.
    let lines: Vec<_> = calls.iter().map(|call| call.location.line).collect();
    assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{lines:?}");
}

#[async_trait::async_trait]
trait Ask {
    async fn ask(&self, prompt: &str) -> Result<Value, io::Error>;
    fn plain(&self) {}
}

struct Outside;
#[instrument_llm(model = "gpt-4o-mini")]
#[async_trait::async_trait]
impl Ask for Outside {
    async fn ask(&self, prompt: &str) -> Result<Value, io::Error> {
        self.plain();
        Yield::default().await;
        Ok(answer(prompt.len() as u64, 1))
    }
}

struct Inside;
#[async_trait::async_trait]
#[instrument_llm(model = "gpt-4o-mini")]
impl Ask for Inside {
    async fn ask(&self, prompt: &str) -> Result<Value, io::Error> {
        self.plain();
        Yield::default().await;
        Ok(answer(prompt.len() as u64, 1))
    }
}

#[test]
fn with_async_trait_the_order_of_the_attributes_does_not_matter() {
    let (collect, _guard) = Collect::install();
    let agents: [&dyn Ask; 2] = [&Outside, &Inside];
    for agent in agents {
        assert!(block_on(agent.ask("abc")).is_ok());
    }
    let calls = collect.calls();
    let told: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.usage())).collect();
    assert_eq!(told, [("ask", Some(Usage::new(3, 1))); 2]);
}
