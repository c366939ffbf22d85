//! [`Look`]: what a page looks at, all of it in its address.

use crate::commands::Message;
use crate::time::Moment;
use jobmon_core::report::{Once, Only};
use jobmon_core::{Bucket, Dimension, Engine, Filter, Range, Text, Timestamp};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
/// What is looked at where nothing is said.
const SINCE: &str = "24h";
/// What stands before a dimension whose values are unwanted.
const NOT: &str = "not.";

/// A time and filters: `?since=7d&until=2026-11-01&model=gpt-4o&not.feature=test`; the same name again is one value more.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Of the page, such as `/models`.
    pub(super) path: String,
    since: Option<String>,
    until: Option<String>,
    pub(super) range: Range,
    pub(super) filters: Vec<Filter>,
    /// What only this page takes.
    more: Vec<(String, String)>,
}

impl Look {
    /// Reads an address; `takes` is what this page takes beside times and filters.
    pub(super) fn of(path: &str, query: &str, takes: &[&str]) -> Result<Self, Message> {
        let range = Range { since: Timestamp::MIN, until: Timestamp::MAX };
        let mut look = Self {
            path: path.to_owned(),
            since: None,
            until: None,
            range,
            filters: Vec::new(),
            more: Vec::new(),
        };
        let mut added: [Option<String>; 2] = [None, None];
        for (name, value) in pairs(query) {
            match name.as_str() {
                "since" => look.since = Some(value).filter(|text| !text.is_empty()),
                "until" => look.until = Some(value).filter(|text| !text.is_empty()),
                // What the form above each page adds.
                "add" => added[0] = Some(value).filter(|text| !text.is_empty()),
                "value" => added[1] = Some(value),
                name if takes.contains(&name) || matches!(name, "section" | "format") => {
                    look.more.push((name.to_owned(), value));
                }
                name => look.filter(name, &value)?,
            }
        }
        if let [Some(dimension), value] = added {
            look.filter(&dimension, value.unwrap_or_default().trim())?;
        }
        let now = Timestamp::now();
        let moment = |text: &str, name: &str| {
            text.parse()
                .map(|moment: Moment| moment.at(now))
                .map_err(|error| format!("`{name}={text}`: {error}"))
        };
        look.range.since = match look.since.as_deref().unwrap_or(SINCE) {
            "all" => Timestamp::MIN,
            text => moment(text, "since")?,
        };
        if let Some(text) = &look.until {
            look.range.until = moment(text, "until")?;
        }
        if look.range.since >= look.range.until {
            let (since, until) = (look.range.since, look.range.until);
            return Err(format!("the time is empty: it is from {since} to {until}; `since` must be earlier"));
        }
        // Whole hours are read from sums alone, whatever the traffic.
        if look.length() >= DAY / 4 {
            look.range.since = look.range.since.hour();
        }
        Ok(look)
    }

    /// The same of another page.
    pub(super) fn at(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// The same over another time.
    pub(super) fn over(&self, since: &str) -> Result<Self, Message> {
        let other = Self::of(&self.path, &format!("since={}", encoded(since)), &[])?;
        Ok(Self { filters: self.filters.clone(), more: self.more.clone(), ..other })
    }

    fn filter(&mut self, name: &str, value: &str) -> Result<(), Message> {
        let (name, negated) = name.strip_prefix(NOT).map_or((name, false), |name| (name, true));
        let dimension: Dimension = name.parse().map_err(|_| {
            let names: Vec<_> = Dimension::ALL.iter().map(|dimension| dimension.name()).collect();
            format!("`{name}` is nothing that this page knows; filters are `since`, `until` and, each also with `not.` in \
                     front: {}", names.join(", "))
        })?;
        let value = Some(Text::copied(value)).filter(|value| !value.is_empty());
        let same = |filter: &&mut Filter| filter.dimension == dimension && filter.negated == negated;
        match self.filters.iter_mut().find(same) {
            Some(filter) if filter.values.contains(&value) => {}
            Some(filter) => filter.values.push(value),
            None => self.filters.push(Filter { dimension, negated, values: vec![value] }),
        }
        Ok(())
    }

    /// What was said of the time from which on.
    pub(super) fn since(&self) -> &str {
        self.since.as_deref().unwrap_or(SINCE)
    }

    pub(super) fn until(&self) -> &str {
        self.until.as_deref().unwrap_or_default()
    }

    /// What only this page takes.
    pub(super) fn more(&self, name: &str) -> Option<&str> {
        self.more.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How long the time is, up to now.
    fn length(&self) -> Duration {
        let until = self.range.until.min(Timestamp::now());
        let nanos = until.nanos().saturating_sub(self.range.since.nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// Slices that charts show.
    pub(super) fn bucket(&self) -> Bucket {
        if self.length() <= DAY * 4 { Bucket::Hour } else { Bucket::Day }
    }

    /// What it looks at, gone through once for all that a page asks.
    pub(super) fn of_engine<'e>(&self, engine: &'e dyn Engine) -> Once<Only<'e>> {
        Once::new(Only::new(engine, self.filters.clone()))
    }

    /// Names and values of the filters, as addresses have them.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let of = |filter: &Filter| {
            let name = format!("{}{}", if filter.negated { NOT } else { "" }, filter.dimension.name());
            let value =
                |value: &Option<Text>| (name.clone(), value.as_deref().unwrap_or_default().to_owned());
            filter.values.iter().map(value).collect::<Vec<_>>()
        };
        self.filters.iter().flat_map(of).collect()
    }

    /// The address of a page that looks at the same.
    pub(super) fn to(&self, path: &str) -> Address {
        let time = [("since", &self.since), ("until", &self.until)];
        let time = time.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)));
        Address { path: path.to_owned(), pairs: time.chain(self.pairs()).collect() }
    }

    /// The address of this page with all that it looks at.
    pub(super) fn here(&self) -> Address {
        let mut address = self.to(&self.path);
        address
            .pairs
            .extend(self.more.iter().filter(|(name, _)| name != "section" && name != "format").cloned());
        address
    }
}

/// An address under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Address {
    /// With one value, instead of others under that name.
    pub(super) fn set(mut self, name: &str, value: &str) -> Self {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without one value.
    pub(super) fn without(mut self, name: &str, value: &str) -> Self {
        self.pairs.retain(|(known, of)| (known.as_str(), of.as_str()) != (name, value));
        self
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.path.clone();
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(&format!("{}={}", encoded(name), encoded(value)));
        }
        text
    }
}

/// Names and values of a query of an address.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// As in `application/x-www-form-urlencoded` ([URL](https://url.spec.whatwg.org/#urlencoded-parsing)).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_looked_at_and_is_made_again() {
        let query = "since=7d&model=gpt-4o&model=a%2Cb+c&not.feature=&outcome=x";
        let look = Look::of("/models", query, &[]).expect("correct");
        assert_eq!(look.filters.len(), 3);
        assert_eq!(look.filters[0].values, [Some("gpt-4o".into()), Some("a,b c".into())]);
        assert!(look.filters[1].negated && look.filters[1].values == [None]);
        let again = look.here().text();
        assert_eq!(again, "/models?since=7d&model=gpt-4o&model=a%2Cb%20c&not.feature=&outcome=x");
        let (_, query) = again.split_once('?').expect("a query");
        assert_eq!(Look::of("/models", query, &[]).expect("correct").filters, look.filters);
        let calls = look.to("/calls").set("model", "x").without("outcome", "x").text();
        assert_eq!(calls, "/calls?since=7d&not.feature=&model=x");
    }

    #[test]
    fn what_is_added_by_the_form_is_a_filter() {
        let look = Look::of("/", "add=feature&value=job+search&since=", &[]).expect("correct");
        assert_eq!(look.here().text(), "/?feature=job%20search");
    }

    #[test]
    fn mistakes_are_named() {
        for (query, problem) in [
            ("modle=x", "`modle` is nothing that this page knows"),
            ("since=yesterday", "`since=yesterday`: expected an age"),
            ("since=1h&until=2h", "the time is empty"),
        ] {
            let error = Look::of("/", query, &[]).expect_err(query);
            assert!(error.contains(problem), "{query}: {error}");
        }
    }

    #[test]
    fn damaged_addresses_are_read_as_far_as_they_go() {
        assert_eq!(decoded("a%2"), "a%2");
        assert_eq!(decoded("%zz%C3%A4+"), "%zzä ");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}
