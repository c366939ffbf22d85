//! `[channels.slack]` in `jobmon.toml`: who alerts tell.

use crate::alerts::Channel;
use crate::builder::SetupError;
use std::fmt;
use std::path::PathBuf;

/// One channel as it is written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ChannelConfig {
    pub(crate) name: String,
    kind: Kind,
    /// Those of type `console` have none.
    url: Option<Secret>,
    secret: Option<Secret>,
    mail: Mail,
}

/// What only those of type `email` have.
#[derive(Clone, Default, PartialEq, Eq)]
struct Mail {
    from: String,
    to: Vec<String>,
    certificate: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Alertmanager,
    Console,
    Email,
    Slack,
    Webhook,
}

impl Kind {
    const ALL: [(&str, Self); 5] = [
        ("alertmanager", Self::Alertmanager),
        ("console", Self::Console),
        ("email", Self::Email),
        ("slack", Self::Slack),
        ("webhook", Self::Webhook),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| *name)
    }
}

/// A text that nothing shows, or the variable that has it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "config"), expect(dead_code, reason = "only files have them"))]
pub(crate) enum Secret {
    Given(String),
    Variable(String),
}

impl Secret {
    pub(crate) fn open(&self, what: &str) -> Result<String, String> {
        match self {
            Self::Given(text) => Ok(text.clone()),
            Self::Variable(name) => std::env::var(name)
                .ok()
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("its `{what}` is the variable `{name}`, which is not set")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for ChannelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl ChannelConfig {
    pub(crate) fn open(&self) -> Result<Box<dyn Channel>, SetupError> {
        let failed = |reason| SetupError::Channel { name: self.name.clone(), reason };
        let url = self.url.as_ref().map(|url| url.open("url")).transpose().map_err(failed)?;
        let url = url.unwrap_or_default();
        let secret = self.secret.as_ref().map(|secret| secret.open("secret")).transpose().map_err(failed)?;
        let _ = (&url, &secret, &self.mail);
        match self.kind {
            #[cfg(feature = "alertmanager")]
            Kind::Alertmanager => Ok(crate::Alertmanager::new(url).named(&self.name).into()),
            Kind::Console => Ok(crate::ConsoleChannel::default().named(&self.name).into()),
            #[cfg(feature = "email")]
            Kind::Email => {
                let Mail { from, to, certificate } = &self.mail;
                let channel = crate::Email::with_certificate(&url, certificate.clone(), from, to);
                Ok(channel.map_err(failed)?.named(&self.name).into())
            }
            #[cfg(feature = "slack")]
            Kind::Slack => Ok(crate::Slack::new(url).named(&self.name).into()),
            #[cfg(feature = "webhook")]
            Kind::Webhook => {
                let channel = crate::Webhook::new(url).named(&self.name);
                Ok(secret.iter().fold(channel, |channel, secret| channel.secret(secret)).into())
            }
            #[allow(unreachable_patterns, reason = "which kinds are left depends on the features")]
            kind => {
                Err(failed(format!("it is not built in; turn on the feature `{}` of jobmon", kind.name())))
            }
        }
    }
}

#[cfg(feature = "config")]
mod read {
    use super::super::document::{Item, Mistake, expected, string, strings, unknown};
    use super::super::list;
    use super::{ChannelConfig, Kind, Mail, Secret};
    use toml::de::{DeTable, DeValue};

    const KEYS: [&str; 8] = ["type", "url", "url_env", "secret", "secret_env", "from", "to", "certificate"];

    pub(in super::super) fn all(value: &Item<'_>) -> Result<Vec<ChannelConfig>, Mistake> {
        let DeValue::Table(tables) = value.get_ref() else {
            return Err(expected(value, "tables such as `[channels.slack]`"));
        };
        let mut channels = Vec::new();
        for (name, table) in tables {
            let DeValue::Table(keys) = table.get_ref() else { return Err(expected(table, "a table")) };
            channels.push(channel(name.span().start, name.get_ref(), keys)?);
        }
        Ok(channels)
    }

    /// Checks that alerts tell channels that are there. Without any in the file, those may be in code.
    pub(in super::super) fn known(alerts: &Item<'_>, channels: &[ChannelConfig]) -> Result<(), Mistake> {
        if channels.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
        let alerts = alerts.get_ref().as_array().into_iter().flatten();
        let told =
            alerts.filter_map(|alert| alert.get_ref().as_table()?.get("channels")?.get_ref().as_array());
        for told in told.flatten() {
            if let Some(name) = told.get_ref().as_str().filter(|name| !names.contains(name)) {
                let problem = format!("there is no channel `{name}`; there are: {}", names.join(", "));
                return Err(Mistake { at: told.span().start, problem });
            }
        }
        Ok(())
    }

    /// One channel of the table whose name stands at some place.
    fn channel(at: usize, name: &str, table: &DeTable<'_>) -> Result<ChannelConfig, Mistake> {
        let (mut kind, mut url, mut secret) = (name.to_owned(), None, None);
        let (mut mail, mut of_mail) = (Mail::default(), None);
        let mut place = at;
        for (key, value) in table {
            if ["from", "to", "certificate"].contains(&key.get_ref().as_ref()) {
                of_mail = Some(key);
            }
            match key.get_ref().as_ref() {
                "type" => (kind, place) = (string(value)?, value.span().start),
                "url" => url = Some(Secret::Given(string(value)?)),
                "url_env" => url = Some(Secret::Variable(string(value)?)),
                "secret" => secret = Some(Secret::Given(string(value)?)),
                "secret_env" => secret = Some(Secret::Variable(string(value)?)),
                "from" => mail.from = string(value)?,
                "to" => mail.to = strings(value, "addresses such as `[\"team@example.com\"]`")?,
                "certificate" => mail.certificate = Some(string(value)?.into()),
                other => return Err(unknown(key.span().start, other, "key of a channel", &list(KEYS))),
            }
        }
        let kinds = || list(Kind::ALL.iter().map(|(name, _)| *name));
        let Some((_, kind)) = Kind::ALL.into_iter().find(|(known, _)| *known == kind) else {
            let hint = if place == at { "; say which with `type`" } else { "" };
            let problem = format!("unknown type of channel `{kind}`; expected any of: {}{hint}", kinds());
            return Err(Mistake { at: place, problem });
        };
        if secret.is_some() && kind != Kind::Webhook {
            let problem = format!("channel `{name}` has a `secret`, which only those of type `webhook` take");
            return Err(Mistake { at, problem });
        }
        if let Some(key) = of_mail
            && kind != Kind::Email
        {
            let problem = format!("only channels of type `email` take `{}`", key.get_ref());
            return Err(Mistake { at: key.span().start, problem });
        }
        if kind == Kind::Email && (mail.from.is_empty() || mail.to.is_empty()) {
            let problem = format!("channel `{name}` needs `from`, and `to` with at least one address");
            return Err(Mistake { at, problem });
        }
        if url.is_some() == (kind == Kind::Console) {
            let problem = match kind {
                Kind::Console => format!("channel `{name}` writes to standard error, and takes no address"),
                _ => format!(
                    "channel `{name}` has no address; write `url`, or `url_env` with the name of a variable"
                ),
            };
            return Err(Mistake { at, problem });
        }
        Ok(ChannelConfig { name: name.to_owned(), kind, url, secret, mail })
    }
}

#[cfg(feature = "config")]
pub(super) use read::{all as read, known};

#[cfg(all(test, feature = "config"))]
mod tests {
    use super::super::file::{NAME, parse};
    use super::*;

    #[test]
    fn every_key_is_read_and_no_secret_is_shown() {
        let text = r#"
            [channels.slack]
            url = "https://hooks.slack.com/services/T0/B0/s3cret"
            [channels.ops]
            type = "webhook"
            url_env = "JOBMON_TEST_NOWHERE"
            secret = "whsec_c2VjcmV0"
            [channels.alertmanager]
            url = "http://127.0.0.1:9093"
            [channels.email]
            url = "smtps://user:s3cret@smtp.example.com"
            from = "jobmon <alerts@example.com>"
            to = ["team@example.com", "ops@example.com"]
            [channels.console]
        "#;
        let channels = parse(NAME, text).expect("correct").channels;
        let names: Vec<_> = channels.iter().map(|channel| (channel.name.as_str(), channel.kind)).collect();
        let expected = [
            ("slack", Kind::Slack),
            ("ops", Kind::Webhook),
            ("alertmanager", Kind::Alertmanager),
            ("email", Kind::Email),
            ("console", Kind::Console),
        ];
        assert_eq!(names.len(), 5);
        assert!(expected.iter().all(|channel| names.contains(channel)), "{names:?}");
        let shown = format!("{channels:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("c2VjcmV0"), "{shown}");
        let ops = channels.iter().find(|channel| channel.name == "ops").expect("is there");
        let error = ops.open().expect_err("the variable is not set").to_string();
        assert_eq!(error, "channel `ops`: its `url` is the variable `JOBMON_TEST_NOWHERE`, which is not set");
    }

    #[test]
    fn mistakes_name_place_problem_and_what_is_accepted() {
        for (text, place, problem) in [
            ("[channels.slack]", "jobmon.toml:1:11", "channel `slack` has no address; write `url`"),
            (
                "[channels.ops]\nurl = 'x'",
                "jobmon.toml:1:11",
                "unknown type of channel `ops`; expected any of: alertmanager, console, email, slack, webhook; say which with `type`",
            ),
            (
                "[channels.console]\nurl = 'x'",
                "jobmon.toml:1:11",
                "writes to standard error, and takes no address",
            ),
            ("[channels.ops]\ntype = 'pager'", "jobmon.toml:2:8", "unknown type of channel `pager`"),
            (
                "[channels.slack]\nuri = 'x'",
                "jobmon.toml:2:1",
                "unknown key of a channel `uri`; expected any of: type, url",
            ),
            ("[channels.slack]\nurl = 5", "jobmon.toml:2:7", "expected text in quotes"),
            ("[channels.slack]\nurl = 'x'\nsecret = 'y'", "jobmon.toml:1:11", "only those of type `webhook`"),
            (
                "[channels.slack]\nurl = 'x'\nto = ['y']",
                "jobmon.toml:3:1",
                "only channels of type `email` take `to`",
            ),
            (
                "[channels.email]\nurl = 'smtp://host'\nfrom = 'a@example.com'",
                "jobmon.toml:1:11",
                "channel `email` needs `from`, and `to` with at least one address",
            ),
            ("[channels.email]\nto = 5", "jobmon.toml:2:6", "expected addresses"),
            (
                "[[alerts]]\nname = 'a'\ncondition = 'calls > 1'\nchannels = ['slack', 'slak']\n[channels.slack]\nurl = 'x'",
                "jobmon.toml:4:22",
                "there is no channel `slak`; there are: slack",
            ),
            ("channels = ['slack']", "jobmon.toml:1:12", "expected tables such as `[channels.slack]`"),
        ] {
            let error = parse(NAME, text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(problem), "{text}: {error}");
        }
    }
}
