//! [`Slack`]: a channel of Slack, by an incoming webhook.

use super::channel::{Channel, Document};
use super::message;
use super::post::Post;
use jobmon_core::{ExportError, Notice, NoticeKind, Resource};
use serde_json::{Value, json};

/// Characters that Slack takes of a header, and of another text
/// ([blocks](https://docs.slack.dev/reference/block-kit/blocks/)).
const HEADER: usize = 150;
const SECTION: usize = 3_000;

/// Posts notices to a channel of Slack, by an
/// [incoming webhook](https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/).
///
/// ```
/// use jobmon_export::Slack;
/// let channel = Slack::new("https://hooks.slack.com/services/T000/B000/secret");
/// ```
///
/// The address is the secret: nothing ever shows it. An incoming webhook does not say which message it made, so that what
/// is resolved is a message of its own, not an answer to the first one.
#[derive(Debug)]
pub struct Slack {
    name: String,
    post: Post,
}

impl Slack {
    /// The address of an incoming webhook. The channel's name is `slack`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { name: "slack".to_owned(), post: Post::to(url) }
    }

    /// Another name, where there are several.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl Channel for Slack {
    fn name(&self) -> &str {
        &self.name
    }

    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError> {
        self.post.send(&payload(notice, from).to_string(), &[])
    }

    fn report(&mut self, document: &Document) -> Result<(), ExportError> {
        self.post.send(&report(document).to_string(), &[])
    }
}

fn payload(notice: &Notice, from: &Resource) -> Value {
    let sign = if notice.kind == NoticeKind::Resolved { "✅" } else { "🔥" };
    let word = match notice.kind {
        NoticeKind::Resolved => "Resolved",
        NoticeKind::Still => "Still firing",
        _ => "Firing",
    };
    let title = format!("{sign} {word}: {}", notice.alert);
    let mut lines = vec![format!("*Figures*: {}", escaped(&message::figures(notice)))];
    lines.push(format!("*Condition*: `{}`", escaped(&notice.condition).replace('`', "'")));
    for (what, text) in [
        ("Group", message::group(notice)),
        ("Since", notice.since.to_string()),
        ("From", message::origin(from)),
        ("Means", notice.summary.as_deref().unwrap_or_default().to_owned()),
    ] {
        if !text.is_empty() {
            lines.push(format!("*{what}*: {}", escaped(&text)));
        }
    }
    json!({
        "text": cut(&escaped(&message::line(notice)), SECTION),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": cut(&title, HEADER)}},
            {"type": "section", "text": {"type": "mrkdwn", "text": cut(&lines.join("\\n"), SECTION)}},
        ],
    })
}

/// Blocks that a message has at most, less its title.
const BLOCKS: usize = 49;

/// A report as blocks of whole lines; what is beyond them is left out, and said to be.
fn report(document: &Document) -> Value {
    let fence = "```".len() * 2;
    let mut texts: Vec<String> = Vec::new();
    for line in document.text.lines() {
        let line = cut(&escaped(line).replace("```", "` ` `"), SECTION - fence - 1);
        match texts.last_mut() {
            Some(text) if text.chars().count() + line.chars().count() + 1 < SECTION - fence => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    if texts.len() > BLOCKS {
        texts.truncate(BLOCKS - 1);
        texts.push("The rest is left out: there is too much of it for Slack.".to_owned());
    }
    let header =
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&document.title, HEADER)}});
    let block = |text: &String| json!({"type": "section", "text": {"type": "mrkdwn", "text": format!("```{text}```")}});
    let blocks: Vec<Value> = std::iter::once(header).chain(texts.iter().map(block)).collect();
    json!({ "text": cut(&escaped(&document.title), SECTION), "blocks": blocks })
}

/// What would be a mention, a link or a special command is text
/// ([escaping](https://docs.slack.dev/messaging/formatting-message-text/#escaping)).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// So many characters at most. An entity that is cut in the middle would show as it is, and does no harm.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most - 1) {
        Some((end, _)) if text.chars().count() > most => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{Alert, AlertWatch, Recent, Text, Timestamp};

    #[test]
    fn reports_of_any_length_fit() {
        let document =
            Document { title: "Weekly".repeat(60), text: "a <b> ``` line\n".repeat(30_000), html: None };
        let payload = report(&document);
        let blocks = payload["blocks"].as_array().expect("blocks");
        assert!(blocks.len() <= 50);
        assert!(
            blocks.iter().all(|block| block["text"]["text"]
                .as_str()
                .is_some_and(|text| text.chars().count() <= SECTION))
        );
        assert!(blocks[0]["text"]["text"].as_str().is_some_and(|text| text.chars().count() <= HEADER));
        assert!(payload.to_string().contains("left out") && !payload.to_string().contains("<b>"));
    }

    #[test]
    fn hostile_text_mentions_nobody_and_long_text_fits() {
        let name = format!("<!channel> {}", "x".repeat(400));
        let alert =
            Alert::new(Text::from(name), "calls == 0").summary(format!("<@U1> & {}", "y".repeat(5_000)));
        let mut watch = AlertWatch::new([alert]).expect("complete");
        let notice = watch.look(&Recent::default(), Timestamp::now()).expect("answers").remove(0);
        let payload = payload(&notice, &Resource::default());
        let blocks = &payload["blocks"];
        let length = |value: &Value| value.as_str().expect("text").chars().count();
        assert_eq!(length(&blocks[0]["text"]["text"]), HEADER);
        assert_eq!(length(&blocks[1]["text"]["text"]), SECTION);
        let marked = [&payload["text"], &blocks[1]["text"]["text"]].map(|text| text.as_str().expect("text"));
        assert!(marked.iter().all(|text| !text.contains('<')), "{payload}");
        assert!(marked[1].contains("&lt;@U1&gt; &amp; y") && marked[1].contains("`calls == 0`"), "{payload}");
    }
}
