use jobmon::{LlmResponse, Usage};

#[derive(LlmResponse)]
struct Silent {
    text: String,
}
#[derive(LlmResponse)]
struct Unknown {
    #[llm(inputs)]
    prompt: u64,
}
#[derive(LlmResponse)]
struct Twice {
    #[llm(input)]
    a: u64,
    #[llm(input, input)]
    b: u64,
}
#[derive(LlmResponse)]
union Union {
    a: u64,
}
#[derive(LlmResponse)]
struct WrongTypes {
    #[llm(input)]
    input: f64,
    #[llm(model)]
    model: u8,
    #[llm(usage)]
    usage: Vec<Usage>,
}
#[derive(LlmResponse)]
enum Variants {
    Told(Usage),
    Silent { text: String, n: u8 },
}
#[derive(LlmResponse)]
#[llm]
struct Empty(Usage);

fn main() {}
