//! Variable-length integers (LEB128, zigzag for signed ones), as Protocol Buffers write them.

#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn unsigned(&mut self, value: u64) {
        self.varint(value.into());
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.wide(value.into());
    }

    pub(super) fn wide(&mut self, value: i128) {
        self.varint((value << 1 ^ value >> 127).cast_unsigned());
    }

    fn varint(&mut self, mut value: u128) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or(0);
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// What most are: a number in one byte.
    fn short(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| **first < 0x80)?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        if let Some(short) = self.short() {
            return Some(short.into());
        }
        u64::try_from(self.varint()?).ok()
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        if let Some(short) = self.short() {
            return Some(i64::from(short >> 1) ^ -i64::from(short & 1));
        }
        i64::try_from(self.wide()?).ok()
    }

    pub(super) fn wide(&mut self) -> Option<i128> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
