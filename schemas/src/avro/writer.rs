//! Avro primitives to bytes.

/// Appends Avro primitives to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { out }
    }

    /// A `long` or an `int`: zig-zag, seven bits a byte.
    #[inline]
    pub fn long(&mut self, value: i64) {
        let z = (value << 1 ^ value >> 63) as u64;
        match z {
            0..0x80 => self.out.push(z as u8),
            0x80..0x4000 => self.out.extend_from_slice(&[z as u8 | 0x80, (z >> 7) as u8]),
            _ => self.long_varint(z),
        }
    }

    fn long_varint(&mut self, mut z: u64) {
        let mut bytes = [0; 10];
        let mut len = 0;
        while z >= 0x80 {
            bytes[len] = z as u8 | 0x80;
            z >>= 7;
            len += 1;
        }
        bytes[len] = z as u8;
        self.out.extend_from_slice(&bytes[..=len]);
    }

    /// A `boolean`.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    /// `bytes`, or a `string` by its UTF-8.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.long(value.len() as i64);
        self.out.extend_from_slice(value);
    }

    /// A `string`.
    #[inline]
    pub fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// An `array` of `len` elements as one block.
    #[inline]
    pub fn array<T>(&mut self, len: usize, elements: impl Iterator<Item = T>, mut element: impl FnMut(&mut Self, T)) {
        if len > 0 {
            self.long(len as i64);
            elements.for_each(|e| element(self, e));
        }
        self.out.push(0);
    }
}
