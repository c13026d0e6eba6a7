//! Avro primitives to bytes.

/// Numbers below have at most eight bytes of seven bits.
const SHORT: u64 = 1 << 56;

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
            0x80..SHORT => self.short_varint(z),
            _ => self.long_varint(z),
        }
    }

    /// Spreads the bits over eight bytes without a branch a byte, because the lengths of round trips cannot be
    /// predicted; eight bytes of fixed size are copied faster than as many as are needed.
    #[inline]
    fn short_varint(&mut self, z: u64) {
        let x = z & 0x0fff_ffff | (z & 0x00ff_ffff_f000_0000) << 4;
        let x = x & 0x0000_3fff_0000_3fff | (x & 0x0fff_c000_0fff_c000) << 2;
        let x = x & 0x007f_007f_007f_007f | (x & 0x3f80_3f80_3f80_3f80) << 1;
        let len = (70 - (z | 1).leading_zeros() as usize) / 7;
        let more = 0x8080_8080_8080_8080 & ((1 << (8 * (len - 1))) - 1);
        let begin = self.out.len();
        self.out.extend_from_slice(&(x | more).to_le_bytes());
        self.out.truncate(begin + len);
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
