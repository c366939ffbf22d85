//! [`Digest`]: a short name for a text that is not kept itself.

use crate::text::Text;
use std::fmt;
use std::hash::Hasher;
use std::io;

/// Takes in text, and gives 16 hexadecimal digits that stand for it: the same in every process.
///
/// SipHash-2-4 with a key of zeros. It tells texts apart and keeps none of them; what has few possible values can be
/// found out by trying them all.
pub(crate) struct Digest {
    #[expect(deprecated, reason = "the one hash of the standard library that is the same in every version")]
    hasher: std::hash::SipHasher,
    bytes: u64,
}

impl Digest {
    #[expect(deprecated, reason = "as above")]
    pub(crate) fn new() -> Self {
        Self { hasher: std::hash::SipHasher::new_with_keys(0, 0), bytes: 0 }
    }

    /// That of what a value displays. One allocation, whatever its length.
    pub(crate) fn of(value: &(impl fmt::Display + ?Sized)) -> Text {
        let mut digest = Self::new();
        // It takes anything; what a `Display` of the user's refuses to show is not in it.
        let _ = fmt::write(&mut digest, format_args!("{value}"));
        digest.text()
    }

    /// How much it has taken in.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn text(&self) -> Text {
        Text::from(format!("{:016x}", self.hasher.finish()))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
    }
}

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.take(text.as_bytes());
        Ok(())
    }
}

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_no_difference_and_it_stays_the_same() {
        let whole = Digest::of("job-17/v3");
        assert_eq!(whole, Digest::of(&format_args!("{}-{}/{}", "job", 17, "v3")));
        assert_ne!(whole, Digest::of("job-17/v4"));
        // Histories keep it: it must not change with a version. SipHash-2-4 of "job-17/v3" with a key of zeros,
        // computed apart in Python.
        assert_eq!(whole, "2da30e4046f7e1b8");
    }
}
