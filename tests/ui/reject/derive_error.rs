use jobmon::LlmError;

#[derive(LlmError)]
enum AgentError {
    #[llm(category = RateLimit)]
    Camel,
    #[llm(category = "nonsense")]
    Nonsense,
    #[llm(category)]
    Valueless,
    #[llm(kind = parsing)]
    UnknownWord,
    TwoSources(#[llm(source)] std::io::Error, #[llm(source)] std::fmt::Error),
    WrongTypes {
        #[llm(status)]
        status: u32,
        #[llm(retry_after)]
        seconds: u64,
    },
}
#[derive(LlmError)]
union Union {
    a: u64,
}

#[derive(LlmError)]
enum Misplaced {
    #[llm(source)]
    Io(std::io::Error),
}

fn main() {}
