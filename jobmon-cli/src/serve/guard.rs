//! Who may ask: requests that a page of elsewhere made a browser send, and those without the token, are refused.

use super::App;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// The cookie that a browser keeps the token in.
pub(super) const COOKIE_NAME: &str = "jobmon-token";

/// What pages may do: nothing is fetched from elsewhere, no script runs but ours, nobody frames them.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A secret that requests have to tell.
#[derive(Clone)]
pub(super) struct Token(Arc<str>);

impl Token {
    /// Characters that it has at least.
    pub(super) const SHORTEST: usize = 16;

    pub(super) fn new(secret: &str) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_graphic() && !matches!(c, ';' | ',' | '"' | '\\');
        if secret.len() < Self::SHORTEST || !secret.chars().all(fits) {
            return Err(format!(
                "the token has to have at least {} visible ASCII characters other than `;`, `,`, `\"` and `\\`, such as \
                 the output of `openssl rand -hex 16`",
                Self::SHORTEST
            ));
        }
        Ok(Self(secret.into()))
    }

    /// Whether a header `Authorization` tells it.
    pub(super) fn is_told(&self, header: Option<&str>) -> bool {
        let told = header.and_then(|header| header.split_once(' '));
        told.is_some_and(|(scheme, told)| scheme.eq_ignore_ascii_case("bearer") && self.is(told.trim()))
    }

    /// Whether a text is it, in a time that does not depend on where they differ.
    pub(super) fn is(&self, told: &str) -> bool {
        let differ = |differ: u8, (a, b): (u8, u8)| differ | (a ^ b);
        told.len() == self.0.len() && told.bytes().zip(self.0.bytes()).fold(0, differ) == 0
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        self.is_told(header) || pairs.any(|(name, value)| name == COOKIE_NAME && self.is(value))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Names under which the server may be asked, so that a name of somebody else's that leads here is of no use
/// (DNS rebinding).
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(pub(super) Vec<String>);

impl Hosts {
    fn allows(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(&host))
    }
}

/// The first of all: refuses what must not come in, and says what pages may do.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&app, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Without one, a form of ours would come from nowhere.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key("cache-control") {
        headers.insert("cache-control", HeaderValue::from_static("no-store"));
    }
    response
}

fn refusal(app: &App, request: &Request) -> Option<Response> {
    let headers = request.headers();
    let told = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or(request.uri().authority().map(Authority::as_str));
    let authority = told.and_then(|host| host.parse::<Authority>().ok());
    let Some(authority) = authority.filter(|authority| app.hosts.allows(authority.host())) else {
        let problem =
            "this host is not known; open the server by its address, or start it with `--host NAME`\n";
        return Some((StatusCode::FORBIDDEN, problem).into_response());
    };
    if let Some(origin) = headers.get(ORIGIN) {
        let of = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
        if of != Some(authority.as_str()) {
            return Some((StatusCode::FORBIDDEN, "requests of other sites are refused\n").into_response());
        }
    }
    let token = app.token.as_ref()?;
    let path = request.uri().path();
    if token.is_in(headers) || matches!(path, "/login" | "/style.css" | "/healthz") {
        return None;
    }
    if path.starts_with("/v1/") || path.starts_with("/api/") {
        let problem = "send the token: `Authorization: Bearer ..`\n";
        return Some((StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], problem).into_response());
    }
    Some(Redirect::to("/login").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_stay_secret() {
        assert!(Token::new("short").is_err() && Token::new("with a space in it").is_err());
        let token = Token::new("0123456789abcdef").expect("long enough");
        assert_eq!(format!("{token:?}"), "Token(..)");
        for (header, is_told) in [
            (None, false),
            (Some("Bearer 0123456789abcdef"), true),
            (Some("bearer 0123456789abcdef"), true),
            (Some("Bearer 0123456789abcdeF"), false),
            (Some("Bearer 0123456789abcde"), false),
            (Some("0123456789abcdef"), false),
        ] {
            assert_eq!(token.is_told(header), is_told, "{header:?}");
        }
    }

    #[test]
    fn names_of_others_are_no_hosts() {
        let hosts = Hosts(vec!["metrics.example".to_owned()]);
        for host in ["localhost", "127.0.0.1", "[::1]", "192.168.1.7", "Metrics.example", "app.localhost"] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!hosts.allows(host), "{host}");
        }
    }
}
