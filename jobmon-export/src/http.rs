//! Requests over HTTP: one way to make a client, and words for what goes wrong that never have a secret.

use jobmon_core::Failure;
use std::sync::Arc;
use ureq::Agent;
use ureq::tls::{ClientCert, RootCerts, TlsConfig};

/// Characters of another's words that are shown.
pub(crate) const MOST_SHOWN: usize = 200;

/// A client that trusts these certificates, follows no redirects, and takes an answer of any status for an answer.
pub(crate) fn agent(roots: RootCerts, client: Option<ClientCert>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("jobmon/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Why a request got no answer.
pub(crate) enum Trouble {
    /// It never will.
    Wrong(String),
    /// It may, later.
    Away(String),
}

pub(crate) fn trouble(error: &ureq::Error) -> Trouble {
    let away = |words: &str| Trouble::Away(words.to_owned());
    match error {
        ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => {
            Trouble::Wrong("the address is wrong".to_owned())
        }
        ureq::Error::Timeout(_) => away("it does not answer in time"),
        ureq::Error::HostNotFound => away("its name is not known"),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            Trouble::Away(format!("TLS fails: {}", words(&error.to_string())))
        }
        ureq::Error::Io(error) if is_tls(error) => {
            Trouble::Away(format!("TLS fails: {}", words(&error.to_string())))
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            away("nothing listens there")
        }
        ureq::Error::ConnectionFailed => away("nothing listens there"),
        other => Trouble::Away(words(&other.to_string())),
    }
}

/// Whether the connection failed in TLS, whose errors come as those of input and output.
fn is_tls(error: &std::io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}

/// A backend's words, or a library's: one line, without what looks like a secret.
pub(crate) fn words(text: &str) -> String {
    let safe = Failure::from_message(text).message;
    let mut safe: String = safe.as_deref().unwrap_or_default().chars().take(MOST_SHOWN).collect();
    if safe.is_empty() {
        safe.push_str("no reason was given");
    }
    safe
}
