//! [`Client`]: statements to ClickHouse over its HTTP interface.

use crate::http::{self, Trouble, words};
use serde_json::Value;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::RootCerts;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that says what is wrong.
const MOST_TOLD: u64 = 4 * 1024;
/// What ClickHouse answers where no later try can help: wrong statements, tables and columns that are not there, types that do
/// not fit, users and passwords.
const WRONG: [&str; 11] = ["16", "27", "47", "53", "60", "62", "81", "117", "192", "193", "516"];

/// Where a ClickHouse is, and who asks.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    /// Without a path.
    base: String,
    pub(crate) database: String,
    user: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// What is accepted as an address.
const ADDRESS: &str =
    "an address such as `clickhouse://user:password@127.0.0.1:8123/jobmon`, or `https://..` for TLS";

/// A name of a database that needs no quotes.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `%40` in a user or password.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Client {
    /// Reads an address of a history; nothing is asked yet.
    pub(crate) fn to(url: &str) -> Result<Self, String> {
        let (client, table) = Self::of_table(url)?;
        match table {
            Some(table) => Err(format!(
                "`{}/{table}` is no name of a database: letters, digits and `_`; expected {ADDRESS}",
                client.database
            )),
            None => Ok(client),
        }
    }

    /// Reads an address that may name a table after its database; nothing is asked yet.
    pub(crate) fn of_table(url: &str) -> Result<(Self, Option<String>), String> {
        let wrong = |what: &str| format!("{what}; expected {ADDRESS}");
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("no address"))?;
        let scheme = match scheme {
            "clickhouse" | "http" => "http",
            "clickhouses" | "https" => "https",
            other => return Err(wrong(&format!("unknown scheme `{other}`"))),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        if query.is_some() {
            return Err(wrong("the address has parameters"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, host) =
            authority.rsplit_once('@').map_or((None, authority), |(who, host)| (Some(who), host));
        if host.is_empty() {
            return Err(wrong("the address has no host"));
        }
        let path = path.trim_end_matches('/');
        let (database, table) =
            path.split_once('/').map_or((path, None), |(path, table)| (path, Some(table)));
        let database = if database.is_empty() { "jobmon" } else { database };
        for (name, what) in [(Some(database), "database"), (table, "table")] {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                return Err(wrong(&format!("`{name}` is no name of a {what}: letters, digits and `_`")));
            }
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port {
            host.to_owned()
        } else {
            format!("{host}:{}", if scheme == "https" { 8443 } else { 8123 })
        };
        let (user, password) =
            match who.map(|who| who.split_once(':').map_or((who, None), |(user, word)| (user, Some(word)))) {
                Some((user, password)) => {
                    (Some(decoded(user)).filter(|user| !user.is_empty()), password.map(decoded))
                }
                None => (None, None),
            };
        let client = Self {
            agent: http::agent(RootCerts::PlatformVerifier, None),
            base: format!("{scheme}://{host}"),
            database: database.to_owned(),
            user,
            password,
        };
        Ok((client, table.map(ToOwned::to_owned)))
    }

    fn send(
        &self,
        statement: Option<&str>,
        body: &[u8],
        settings: &[(&str, &str)],
    ) -> Result<Response<ureq::Body>, Trouble> {
        let mut request = self.agent.post(&self.base).content_type("application/octet-stream");
        if let Some(statement) = statement {
            request = request.query("query", statement);
        }
        for (name, value) in settings {
            request = request.query(name, value);
        }
        if let Some(user) = &self.user {
            request = request.header("X-ClickHouse-User", user);
        }
        if let Some(password) = &self.password {
            request = request.header("X-ClickHouse-Key", password);
        }
        let answer = request.config().timeout_global(Some(PATIENCE)).build().send(body);
        let response = answer.map_err(|error| http::trouble(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let code = response.headers().get("X-ClickHouse-Exception-Code").and_then(|code| code.to_str().ok());
        let is_wrong = code.is_some_and(|code| WRONG.contains(&code)) || matches!(status, 401 | 403 | 404);
        let mut told = String::new();
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let _ = body.take(MOST_TOLD).read_to_string(&mut told);
        let told = format!("ClickHouse answered {status}: {}", words(told.trim()));
        Err(if is_wrong { Trouble::Wrong(told) } else { Trouble::Away(told) })
    }

    /// Runs a statement that answers nothing.
    pub(crate) fn run(&self, statement: &str) -> Result<(), Trouble> {
        self.send(None, statement.as_bytes(), &[]).map(drop)
    }

    /// Inserts rows, each a line of JSON.
    pub(crate) fn insert(&self, table: &str, rows: &[u8], is_async: bool) -> Result<(), Trouble> {
        let statement = format!("INSERT INTO {}.{table} FORMAT JSONEachRow", self.database);
        let settings: &[(&str, &str)] =
            if is_async { &[("async_insert", "1"), ("wait_for_async_insert", "1")] } else { &[] };
        self.send(Some(&statement), rows, settings).map(drop)
    }

    /// Goes through the lines of an answer.
    pub(crate) fn lines(
        &self,
        statement: &str,
        visit: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let settings =
            [("output_format_json_quote_64bit_integers", "0"), ("output_format_json_quote_denormals", "1")];
        let response = self.send(None, statement.as_bytes(), &settings)?;
        let mut reader = BufReader::new(response.into_body().into_with_config().limit(u64::MAX).reader());
        let mut line = String::new();
        loop {
            line.clear();
            let read =
                reader.read_line(&mut line).map_err(|error| Trouble::Away(words(&error.to_string())))?;
            if read == 0 {
                return Ok(());
            }
            visit(line.trim_end_matches('\n')).map_err(Trouble::Wrong)?;
        }
    }

    /// Goes through the lines of an answer, each of which is JSON.
    pub(crate) fn json_lines(
        &self,
        statement: &str,
        visit: &mut dyn FnMut(&Value) -> Result<(), String>,
    ) -> Result<(), Trouble> {
        self.lines(statement, &mut |line| {
            visit(&serde_json::from_str(line).map_err(|error| format!("its answer is no JSON: {error}"))?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_wrong_ones_told() {
        let client = Client::to("clickhouse://anna:p%40ss@db.example:9123/llm").expect("correct");
        assert_eq!((client.base.as_str(), client.database.as_str()), ("http://db.example:9123", "llm"));
        assert_eq!((client.user.as_deref(), client.password.as_deref()), (Some("anna"), Some("p@ss")));
        assert!(!format!("{client:?}").contains("p@ss"));
        let client = Client::to("https://db.example").expect("correct");
        assert_eq!((client.base.as_str(), client.database.as_str()), ("https://db.example:8443", "jobmon"));
        for (url, problem) in [
            ("db.example", "no address"),
            ("ftp://db.example", "unknown scheme `ftp`"),
            ("clickhouse:///jobmon", "the address has no host"),
            ("clickhouse://db/a-b", "`a-b` is no name of a database"),
            ("clickhouse://db/otel/otel_traces", "`otel/otel_traces` is no name of a database"),
            ("clickhouse://db/a?x=1", "the address has parameters"),
        ] {
            let error = Client::to(url).expect_err(url);
            assert!(error.starts_with(problem) && error.contains("expected an address such as"), "{error}");
        }
    }
}
