//! [`Reply`]: what became of a request, and how that is read from answers.
//!
//! By the [OTLP specification](https://opentelemetry.io/docs/specs/otlp/#failures).

use crate::http::words;
use std::time::Duration;

/// Bytes of an answer that are read.
pub(super) const MOST_READ: u64 = 64 * 1024;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It arrived. So many items of it were rejected, for this reason.
    Taken { rejected: u64, message: String },
    /// It was not taken and never will be.
    Refused(String),
    /// It was not taken now.
    Away { reason: String, after: Option<Duration> },
}

impl Reply {
    pub(super) fn away(reason: impl Into<String>) -> Self {
        Self::Away { reason: reason.into(), after: None }
    }
}

/// Reads fields of a Protocol Buffers message that is small: numbers and bytes, in order. `None` where it is none.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, u64, &[u8])>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (field, kind) = (tag >> 3, tag & 7);
        let (number, content) = match kind {
            0 => (varint(&mut bytes)?, &[][..]),
            1 => (0, take(&mut bytes, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                (0, take(&mut bytes, length)?)
            }
            5 => (0, take(&mut bytes, 4)?),
            _ => return None,
        };
        if field == 0 {
            return None;
        }
        fields.push((field, number, content));
    }
    Some(fields)
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// An `Export*ServiceResponse`: field 1 is the partial success, with the number of rejected items and a message.
pub(super) fn response(body: &[u8]) -> Option<Reply> {
    let mut reply = (0, String::new());
    for (field, _, content) in fields(body)? {
        if field != 1 {
            continue;
        }
        for (field, number, content) in fields(content)? {
            match field {
                1 => reply.0 = number,
                2 if !content.is_empty() => reply.1 = words(&String::from_utf8_lossy(content)),
                _ => {}
            }
        }
    }
    Some(Reply::Taken { rejected: reply.0, message: reply.1 })
}

/// The message of a `google.rpc.Status`, or the text that stands in its place.
pub(super) fn status(body: &[u8], content_type: &str) -> String {
    let message = if content_type.starts_with("application/x-protobuf") {
        fields(body)
            .and_then(|fields| fields.into_iter().find(|(field, ..)| *field == 2).map(|(.., text)| text))
    } else {
        Some(body)
    };
    let text = String::from_utf8_lossy(message.unwrap_or_default());
    // A page for people says nothing that belongs in a line.
    if content_type.starts_with("text/html") || text.trim_start().starts_with('<') {
        return "it answered with a page of HTML".to_owned();
    }
    if text.trim().is_empty() { String::new() } else { words(&text) }
}

/// The delay that a `google.rpc.RetryInfo` among the details of a `google.rpc.Status` asks for.
#[cfg(feature = "otlp-grpc")]
pub(super) fn retry_info(status: &[u8]) -> Option<Duration> {
    let inside = |bytes, wanted| Some(fields(bytes)?.into_iter().filter(move |(field, ..)| *field == wanted));
    for (.., detail) in inside(status, 3)? {
        let (_, _, kind) = inside(detail, 1)?.next()?;
        if !kind.ends_with(b"google.rpc.RetryInfo") {
            continue;
        }
        let (_, _, info) = inside(detail, 2)?.next()?;
        let (_, _, delay) = inside(info, 1)?.next()?;
        let part = |wanted| {
            inside(delay, wanted).and_then(|mut found| found.next()).map_or(0, |(_, number, _)| number)
        };
        return Some(Duration::from_secs(part(1)) + Duration::from_nanos(part(2).min(999_999_999)));
    }
    None
}

#[cfg(test)]
mod unit {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn partial_success_is_read() {
        assert_eq!(response(b""), Some(Reply::Taken { rejected: 0, message: String::new() }));
        let body = b"\x0a\x0b\x08\x03\x12\x07too old";
        assert_eq!(response(body), Some(Reply::Taken { rejected: 3, message: "too old".to_owned() }));
        assert_eq!(response(b"<html>"), None);
    }

    #[test]
    fn what_backends_say_is_one_safe_line() {
        assert_eq!(
            status(b"<html><body>Sign in", "text/html; charset=utf-8"),
            "it answered with a page of HTML"
        );
        assert_eq!(status(b"\x12\x06no one", "application/x-protobuf"), "no one");
        let said = status(b"bad\r\n\x1b[31mkey sk-abcdefghijklmnopqrstuvwxyz0123456789", "text/plain");
        assert!(!said.contains('\u{1b}') && !said.contains("sk-abcdef") && !said.contains('\n'), "{said}");
        assert!(status(&[b'x'; 5_000], "text/plain").chars().count() <= crate::http::MOST_SHOWN);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = response(&body);
            let _ = status(&body, "application/x-protobuf");
        }
    }
}
