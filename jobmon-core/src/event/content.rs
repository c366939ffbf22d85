//! What a call said and heard: nothing of it is recorded unless it was asked for.

use crate::text::Text;
use crate::words::words;
use serde_json::Value;

/// What a call was asked and what it answered, where that was to be captured.
///
/// Modelled after the messages of OpenTelemetry's GenAI conventions, without their names.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Content {
    /// Instructions to the model that are apart from the conversation.
    pub system: Vec<Part>,
    /// What the model was given, in order.
    pub input: Vec<Message>,
    /// What it answered: one message for each choice.
    pub output: Vec<Message>,
    /// The tools that it could ask for.
    pub tools: Vec<Tool>,
    /// What a tool, an agent or another function was called with.
    pub arguments: Option<Value>,
    /// What it gave.
    pub result: Option<Value>,
    /// Whether something was left out because it was too long.
    pub truncated: bool,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What it consists of.
    pub parts: Vec<Part>,
    /// Why the model stopped, of a message that it gave.
    pub finish_reason: Option<Text>,
}

impl Message {
    /// A message.
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, finish_reason: None }
    }

    /// A message of one text.
    pub fn text(role: Role, text: impl Into<Text>) -> Self {
        Self::new(role, vec![Part::Text(text.into())])
    }
}

words! {
    /// Who speaks in a conversation with a model.
    enum Role, "role" {
        System "system" "The instructions."
        User "user" "The person, or the program, that asks."
        Assistant "assistant" "The model."
        Tool "tool" "A tool that the model asked for."
    }
}

words! {
    /// What kind of data is no text.
    enum Modality, "modality" {
        Image "image" "A picture."
        Audio "audio" "Sound."
        Video "video" "A film."
        Document "document" "A document, such as a PDF."
    }
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// Text.
    Text(Text),
    /// What the model thought before it answered.
    Reasoning(Text),
    /// The model asks for a tool.
    ToolCall {
        /// The model's name for this call of it.
        id: Option<Text>,
        /// The tool.
        name: Text,
        /// What it is called with.
        arguments: Option<Value>,
    },
    /// What a tool gave.
    ToolResponse {
        /// The model's name for the call.
        id: Option<Text>,
        /// What it gave.
        response: Value,
    },
    /// Data that is no text. The bytes themselves are not kept.
    Data {
        /// What kind of data.
        modality: Modality,
        /// Its media type, such as `image/png`.
        mime_type: Option<Text>,
        /// Where it is, or the provider's id of the file.
        place: DataPlace,
    },
}

/// Where data is that is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataPlace {
    /// It was in the message itself, so many bytes of it, which are not kept.
    Inline(u64),
    /// At an address.
    Uri(Text),
    /// The provider has it, by this id.
    File(Text),
}

/// A tool that a model can ask for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: Text,
    /// What it is good for.
    pub description: Option<Text>,
    /// The JSON schema of what it takes.
    pub parameters: Option<Value>,
}

impl Tool {
    /// A tool by its name.
    pub const fn new(name: Text) -> Self {
        Self { name, description: None, parameters: None }
    }
}

/// How a model was asked, apart from what it was asked: no content.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// How freely it chooses.
    pub temperature: Option<f64>,
    /// It chooses among the likeliest with this probability together.
    pub top_p: Option<f64>,
    /// It chooses among so many.
    pub top_k: Option<u64>,
    /// Tokens that it may answer with.
    pub max_tokens: Option<u64>,
    /// How much what was said before is avoided, by how often.
    pub frequency_penalty: Option<f64>,
    /// How much what was said before is avoided.
    pub presence_penalty: Option<f64>,
    /// Where it stops.
    pub stop_sequences: Vec<Text>,
    /// What makes it repeatable.
    pub seed: Option<i64>,
    /// How many answers it gives.
    pub choices: Option<u64>,
    /// What it answers with: `text`, `json`, `image`, `speech`.
    pub output_type: Option<Text>,
    /// How much it thinks before, in the provider's words.
    pub reasoning: Option<Text>,
    /// The service tier asked for.
    pub service_tier: Option<Text>,
    /// The answer that it goes on from.
    pub previous_response: Option<Text>,
    /// Whether it was asked to stream.
    pub stream: Option<bool>,
    /// The length of embeddings.
    pub dimensions: Option<u64>,
    /// How embeddings are written.
    pub encoding_formats: Vec<Text>,
    /// Its beginning that stays the same from request to request.
    pub prefix: Option<Prefix>,
}

/// The beginning of a request that providers can cache: instructions and tools. No content: a digest and sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prefix {
    /// Stands for its text: 16 hexadecimal digits.
    pub digest: Text,
    /// Bytes that it has.
    pub bytes: u64,
    /// Bytes of all that is asked, itself included.
    pub of_bytes: u64,
}

impl Prefix {
    /// A prefix by its digest and sizes.
    pub const fn new(digest: Text, bytes: u64, of_bytes: u64) -> Self {
        Self { digest, bytes, of_bytes }
    }

    /// Tokens of it, of so many input tokens: by the share of its bytes.
    ///
    /// ```
    /// use jobmon_core::Prefix;
    /// assert_eq!(Prefix::new("0123456789abcdef".into(), 3_000, 4_000).tokens(1_200), 900);
    /// ```
    pub fn tokens(&self, input: u64) -> u64 {
        let share = u128::from(self.bytes.min(self.of_bytes));
        let tokens = u128::from(input) * share / u128::from(self.of_bytes.max(1));
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }
}
