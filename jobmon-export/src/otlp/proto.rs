//! Protocol Buffers, as far as OTLP needs them written
//! ([encoding](https://protobuf.dev/programming-guides/encoding/)).
//!
//! Everything is appended to one buffer that is used again, so that encoding allocates nothing once it has grown. Fields
//! that have their default value are left out, as the format asks.

/// A message under construction: writes its fields to the end of a buffer.
#[derive(Debug)]
pub(crate) struct Message<'a>(&'a mut Vec<u8>);

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;
/// Bytes of the length of a large message, which can say up to 268,435,455.
const WIDE: usize = 4;

impl<'a> Message<'a> {
    /// A message that ends where the buffer ends.
    pub(crate) const fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Fields that are written already.
    pub(crate) fn raw(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        varint(self.0, u64::from(field << 3 | kind));
    }

    /// `uint64`, `uint32`, `bool` and enums.
    pub(crate) fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            varint(self.0, value);
        }
    }

    /// `int64`, also where it is the default: as one of several kinds of value.
    pub(crate) fn chosen_int(&mut self, field: u32, value: i64) {
        self.tag(field, VARINT);
        varint(self.0, value.cast_unsigned());
    }

    /// `bool`, also where it is the default: as one of several kinds of value.
    pub(crate) fn chosen_bool(&mut self, field: u32, value: bool) {
        self.tag(field, VARINT);
        varint(self.0, u64::from(value));
    }

    /// `double`, also where it is the default: as one of several kinds of value, or an optional field.
    pub(crate) fn chosen_double(&mut self, field: u32, value: f64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// `sfixed64`, also where it is the default: as one of several kinds of value.
    pub(crate) fn chosen_fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// `fixed64`.
    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, FIXED64);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// `fixed32`.
    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.tag(field, FIXED32);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// `repeated double`, packed.
    pub(crate) fn doubles(&mut self, field: u32, values: &[f64]) {
        if !values.is_empty() {
            self.tag(field, BYTES);
            varint(self.0, values.len() as u64 * 8);
            values.iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        }
    }

    /// `repeated fixed64`, packed.
    pub(crate) fn fixed64s(&mut self, field: u32, values: &[u64]) {
        if !values.is_empty() {
            self.tag(field, BYTES);
            varint(self.0, values.len() as u64 * 8);
            values.iter().for_each(|value| self.0.extend_from_slice(&value.to_le_bytes()));
        }
    }

    /// `bytes`, also where they are empty: as one of several kinds of value.
    pub(crate) fn chosen_bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, BYTES);
        varint(self.0, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// `bytes` and `string`.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.chosen_bytes(field, value);
        }
    }

    /// A `KeyValue` whose value's field is `head` and then `tail`. Lengths are computed ahead, since most of a request
    /// consists of these.
    pub(crate) fn pair(&mut self, field: u32, key: &str, head: &[u8], tail: &[u8]) {
        let (key, any) = (key.as_bytes(), head.len() + tail.len());
        let length = 1 + varint_len(key.len()) + key.len() + 1 + varint_len(any) + any;
        self.0.reserve(1 + varint_len(length) + length + 1);
        self.tag(field, BYTES);
        varint(self.0, length as u64);
        self.chosen_bytes(1, key);
        self.tag(2, BYTES);
        varint(self.0, any as u64);
        self.0.extend_from_slice(head);
        self.0.extend_from_slice(tail);
    }

    /// A message inside. Mostly short: one byte is kept for its length, and what is longer moves.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.tag(field, BYTES);
        let start = self.0.len() + 1;
        self.0.push(0);
        write(&mut Message(self.0));
        let (end, length) = (self.0.len(), self.0.len() - start);
        // Digits of seven bits that the length takes beyond the byte that is there.
        let more = (usize::BITS - length.leading_zeros()).saturating_sub(1) as usize / 7;
        if more > 0 {
            self.0.resize(end + more, 0);
            self.0.copy_within(start..end, start + more);
        }
        write_length(&mut self.0[start - 1..start + more], length);
    }

    /// A message inside that holds much: its length has a fixed width, so that nothing moves.
    pub(crate) fn large(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.tag(field, BYTES);
        let start = self.0.len() + WIDE;
        self.0.extend_from_slice(&[0; WIDE]);
        write(&mut Message(self.0));
        let length = self.0.len() - start;
        write_length(&mut self.0[start - WIDE..start], length);
    }
}

/// A length in exactly so many bytes.
fn write_length(digits: &mut [u8], mut length: usize) {
    let last = digits.len() - 1;
    for (at, byte) in digits.iter_mut().enumerate() {
        let digit = digit(length as u64);
        *byte = if at < last { digit | 0x80 } else { digit };
        length >>= 7;
    }
}

/// Bytes of a length.
const fn varint_len(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

/// A few fields on the stack.
#[derive(Debug, Default)]
pub(crate) struct Short {
    bytes: [u8; 12],
    len: usize,
}

impl Short {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.push(digit(value) | 0x80);
            value >>= 7;
        }
        self.push(digit(value));
        self
    }

    /// The beginning of a field: what follows are so many bytes.
    pub(crate) fn bytes(field: u32, length: usize) -> Self {
        Self::default().varint(u64::from(field << 3 | BYTES)).varint(length as u64)
    }

    /// A whole field.
    pub(crate) fn uint(field: u32, value: u64) -> Self {
        Self::default().varint(u64::from(field << 3 | VARINT)).varint(value)
    }

    /// A whole field.
    pub(crate) fn double(field: u32, value: f64) -> Self {
        let mut short = Self::default().varint(u64::from(field << 3 | FIXED64));
        value.to_le_bytes().into_iter().for_each(|byte| short.push(byte));
        short
    }

    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

const fn digit(value: u64) -> u8 {
    (value & 0x7f) as u8
}

fn varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(digit(value) | 0x80);
        value >>= 7;
    }
    buffer.push(digit(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Message<'_>)) -> Vec<u8> {
        let mut buffer = Vec::new();
        write(&mut Message::new(&mut buffer));
        buffer
    }

    #[test]
    fn fields_are_written_as_the_specification_shows() {
        // The examples of the encoding guide: 150 as field 1, "testing" as field 2, a message with 150 as field 3.
        assert_eq!(written(|m| m.uint(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|m| m.bytes(2, b"testing")), *b"\x12\x07testing");
        assert_eq!(written(|m| m.message(3, |m| m.uint(1, 150))), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert!(written(|m| m.uint(1, 0)).is_empty());
        assert_eq!(written(|m| m.chosen_int(1, -1)).len(), 11);
    }

    #[test]
    fn pairs_are_the_messages_that_they_stand_for() {
        for length in [0, 1, 100, 127, 128, 16_300, 16_384, 3_000_000] {
            let text = vec![b'x'; length];
            let plain = written(|m| {
                m.message(9, |pair| {
                    pair.bytes(1, b"some.key");
                    pair.message(2, |any| any.chosen_bytes(1, &text));
                });
            });
            let head = Short::bytes(1, length);
            assert_eq!(written(|m| m.pair(9, "some.key", head.written(), &text)), plain);
        }
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            let plain = written(|m| m.chosen_int(3, value));
            assert_eq!(Short::uint(3, value.cast_unsigned()).written(), plain);
        }
        assert_eq!(Short::double(4, -0.25).written(), written(|m| m.chosen_double(4, -0.25)));
    }

    #[test]
    fn long_messages_have_long_lengths() {
        let text = [b'x'; 300];
        let moved = written(|m| m.message(1, |m| m.bytes(1, &text)));
        assert_eq!(moved[..3], [0x0a, 0xaf, 0x02]);
        assert_eq!(moved.len(), 3 + 303);
        let wide = written(|m| m.large(1, |m| m.bytes(1, &text)));
        assert_eq!(wide[..5], [0x0a, 0xaf, 0x82, 0x80, 0x00]);
        assert_eq!(wide[5..], moved[3..]);
    }
}
