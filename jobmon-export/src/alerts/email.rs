//! [`Email`]: by SMTP, as text and HTML.

use super::channel::{Channel, Document};
use super::message;
use jobmon_core::{ExportError, Notice, NoticeKind, Resource};
use lettre::message::{Mailbox, MessageBuilder, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends notices by e-mail.
///
/// ```
/// use jobmon_export::Email;
/// let channel = Email::new(
///     "smtp://alerts:password@smtp.example.com:587?tls=required",
///     "jobmon <alerts@example.com>",
///     ["team@example.com"],
/// )?;
/// # Ok::<(), String>(())
/// ```
///
/// What is resolved answers the message that said that it fires, so that mail programs show both together.
pub struct Email {
    name: String,
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Email {
    /// A server, who sends, and to whom. The channel's name is `email`.
    ///
    /// The server is `smtps://user:password@host` (TLS from the beginning, port 465),
    /// `smtp://user:password@host:587?tls=required` (STARTTLS), or `smtp://host` (no encryption, for a server on this
    /// machine). Nothing ever shows it.
    ///
    /// # Errors
    /// When the address of the server, or one of the others, is none.
    pub fn new<T: AsRef<str>>(
        server: &str,
        from: &str,
        to: impl IntoIterator<Item = T>,
    ) -> Result<Self, String> {
        Self::with_certificate(server, None, from, to)
    }

    /// As [`new`](Self::new), for a server with a certificate of one's own, in a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, too.
    pub fn with_certificate<T: AsRef<str>>(
        server: &str,
        certificate: Option<PathBuf>,
        from: &str,
        to: impl IntoIterator<Item = T>,
    ) -> Result<Self, String> {
        // The library's own words could show the password.
        let wrong = "the server's address is wrong; expected one such as `smtps://user:password@host`";
        let mut transport =
            SmtpTransport::from_url(server).map_err(|_| wrong.to_owned())?.timeout(Some(PATIENCE));
        if let Some(path) = certificate {
            let pem = std::fs::read(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            let certificate = Certificate::from_pem(&pem)
                .map_err(|_| format!("{} is no certificate in PEM", path.display()))?;
            let host = host(server).ok_or(wrong)?;
            let parameters =
                TlsParameters::builder(host.to_owned()).add_root_certificate(certificate).build();
            let parameters = parameters.map_err(|error| format!("TLS cannot be set up: {error}"))?;
            let wrapped = server.starts_with("smtps:");
            transport =
                transport.tls(if wrapped { Tls::Wrapper(parameters) } else { Tls::Required(parameters) });
        }
        let mailbox =
            |text: &str| text.parse::<Mailbox>().map_err(|error| format!("`{text}` is no address: {error}"));
        let to = to.into_iter().map(|to| mailbox(to.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("nobody is to get it; name at least one address".to_owned());
        }
        Ok(Self { name: "email".to_owned(), transport: transport.build(), from: mailbox(from)?, to })
    }

    /// Another name, where there are several.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// A message from whom to whom.
    fn begin(&self) -> MessageBuilder {
        self.to.iter().fold(Message::builder().from(self.from.clone()), |builder, to| builder.to(to.clone()))
    }

    fn send(&self, message: Result<Message, lettre::error::Error>) -> Result<(), ExportError> {
        let message =
            message.map_err(|error| ExportError::Refused { reason: format!("it is no message: {error}") })?;
        self.transport.send(&message).map(drop).map_err(|error| {
            let reason = reason(&error);
            if error.is_permanent() {
                ExportError::Refused { reason }
            } else {
                ExportError::Busy { after: Duration::ZERO, reason }
            }
        })
    }

    fn message(&self, notice: &Notice, from: &Resource) -> Result<Message, lettre::error::Error> {
        let state = match notice.kind {
            NoticeKind::Resolved => "resolved",
            NoticeKind::Still => "still firing",
            _ => "firing",
        };
        let group = message::group(notice);
        let group = if group.is_empty() { String::new() } else { format!(" ({group})") };
        let subject = jobmon_core::report::one_line(&format!("[{state}] {}{group}", notice.alert));
        let lines = lines(notice, from);
        let first = thread(notice, self.from.email.domain());
        let mut builder = self.begin().subject(subject);
        builder = if notice.kind == NoticeKind::Firing {
            builder.message_id(Some(first))
        } else {
            builder.message_id(None).in_reply_to(first.clone()).references(first)
        };
        builder.multipart(MultiPart::alternative_plain_html(text(notice, &lines), html(notice, &lines)))
    }
}

/// The host of an address.
fn host(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.split_once(':').map_or(host, |(host, _)| host))
}

/// One name for all messages about what began at one time.
fn thread(notice: &Notice, domain: &str) -> String {
    let about = format!("{} {}", notice.alert, message::group(notice));
    // FNV-1a: tells alerts apart, no more.
    let hash = about.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("<jobmon.{hash:016x}.{}@{domain}>", notice.since.nanos())
}

fn lines(notice: &Notice, from: &Resource) -> Vec<(&'static str, String)> {
    let all = [
        ("Figures", message::figures(notice)),
        ("Condition", jobmon_core::report::one_line(&notice.condition)),
        ("Group", message::group(notice)),
        ("Since", notice.since.to_string()),
        ("Seen", notice.at.to_string()),
        ("From", message::origin(from)),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn text(notice: &Notice, lines: &[(&str, String)]) -> String {
    let mut text = format!("{}\n\n", message::line(notice));
    if let Some(summary) = &notice.summary {
        text.push_str(&format!("{summary}\n\n"));
    }
    for (what, line) in lines {
        text.push_str(&format!("{what}: {line}\n"));
    }
    text
}

fn html(notice: &Notice, lines: &[(&str, String)]) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let mut html = format!("<p><strong>{}</strong></p>", escaped(&message::line(notice)));
    if let Some(summary) = &notice.summary {
        html.push_str(&format!("<p>{}</p>", escaped(summary)));
    }
    html.push_str("<table>");
    for (what, line) in lines {
        html.push_str(&format!("<tr><th align=\"left\">{what}</th><td>{}</td></tr>", escaped(line)));
    }
    html + "</table>"
}

impl Channel for Email {
    fn name(&self) -> &str {
        &self.name
    }

    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError> {
        self.send(self.message(notice, from))
    }

    fn report(&mut self, document: &Document) -> Result<(), ExportError> {
        let builder = self.begin().subject(jobmon_core::report::one_line(&document.title)).message_id(None);
        self.send(match &document.html {
            Some(html) => {
                builder.multipart(MultiPart::alternative_plain_html(document.text.clone(), html.clone()))
            }
            None => builder.body(document.text.clone()),
        })
    }
}

/// What the server, or the way to it, said: one line without secrets.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    let inner = std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |inner| format!("{error}: {inner}"));
    let failure = jobmon_core::Failure::from_message(&inner);
    failure
        .message
        .map_or_else(|| "the server cannot be reached".to_owned(), |text| text.chars().take(200).collect())
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email").field("name", &self.name).field("to", &self.to).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobmon_core::{Alert, AlertWatch, Recent, Text, Timestamp};

    #[test]
    fn hostile_text_adds_no_header_and_no_markup() {
        let alert =
            Alert::new(Text::from("a\r\nBcc: evil@example.com"), "calls == 0").summary("<script>x</script>");
        let mut watch = AlertWatch::new([alert]).expect("complete");
        let notice = watch.look(&Recent::default(), Timestamp::now()).expect("answers").remove(0);
        let email =
            Email::new("smtp://127.0.0.1:1", "jobmon <a@example.com>", ["b@example.com"]).expect("complete");
        let message = email.message(&notice, &Resource::default()).expect("is a message");
        let text = String::from_utf8(message.formatted()).expect("is text");
        let (headers, body) = text.split_once("\r\n\r\n").expect("has headers");
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(body.contains("&lt;script&gt;") && !body.contains("<p><script>"), "{body}");
    }

    #[test]
    fn what_comes_later_answers_the_first_and_no_id_comes_twice() {
        let mut watch = AlertWatch::new([Alert::new("a", "calls == 0")]).expect("complete");
        let mut notice = watch.look(&Recent::default(), Timestamp::now()).expect("answers").remove(0);
        let email = Email::new("smtp://127.0.0.1:1", "a@example.com", ["b@example.com"]).expect("complete");
        let mut sent = |kind| {
            notice.kind = kind;
            let message = email.message(&notice, &Resource::default()).expect("is a message");
            let header = |name| message.headers().get_raw(name).map(ToOwned::to_owned);
            (header("Message-ID").expect("has one"), header("In-Reply-To"))
        };
        let (first, nothing) = sent(NoticeKind::Firing);
        assert_eq!(nothing, None);
        let kinds = [NoticeKind::Still, NoticeKind::Resolved];
        let later = kinds.map(&mut sent);
        assert!(later.iter().all(|(_, answers)| answers.as_ref() == Some(&first)), "{later:?}");
        let mut ids: Vec<_> = later.iter().map(|(id, _)| id).chain([&first]).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{ids:?}");
    }

    #[test]
    fn what_is_wrong_is_told_and_passwords_never() {
        let to = ["b@example.com"];
        for (server, from, words) in [
            ("http://user:s3cret@host", "a@example.com", "the server's address is wrong"),
            ("smtp://host", "nobody", "`nobody` is no address"),
        ] {
            let error = Email::new(server, from, to).expect_err(words);
            assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
        }
        assert!(Email::new("smtp://host", "a@example.com", [""; 0]).is_err());
        let email = Email::new("smtps://user:s3cret@host", "a@example.com", to).expect("complete");
        assert!(!format!("{email:?}").contains("s3cret"));
        assert_eq!(host("smtps://user:p%40ss@mail.example.com:465?x"), Some("mail.example.com"));
    }
}
