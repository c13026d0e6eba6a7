//! Precondition P1: one log per ledger, so a record's partition must be the one that its key belongs to.

/// Kafka's murmur2 (seed 0x9747b28c), as its Java clients partition by.
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h = 0x9747_b28c ^ (data.len() as u32);
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        h = (h ^ tail).wrapping_mul(M);
    }
    h = (h ^ (h >> 13)).wrapping_mul(M);
    h ^ (h >> 15)
}

/// The partition of a school's records: by its number as decimal text.
#[must_use]
pub fn of_school(school_no: u32, partitions: u32) -> i32 {
    let mut text = [0_u8; 10];
    let mut at = text.len();
    let mut rest = school_no;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    of_key(&text[at..], partitions)
}

/// The partition of a record's key.
#[must_use]
pub fn of_key(key: &[u8], partitions: u32) -> i32 {
    ((murmur2(key) & 0x7fff_ffff) % partitions.max(1)) as i32
}

/// Some of the partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    partitions: Vec<i32>,
    count: u32,
}

impl Share {
    /// These partitions, of `count`.
    #[must_use]
    pub fn new(partitions: &[i32], count: u32) -> Share {
        Share { partitions: partitions.to_vec(), count }
    }

    /// They.
    #[must_use]
    pub fn partitions(&self) -> &[i32] {
        &self.partitions
    }

    /// Partitions of the topic.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// A partition is among them.
    #[must_use]
    pub fn has(&self, partition: i32) -> bool {
        self.partitions.contains(&partition)
    }

    /// A school's records are in one of them.
    #[must_use]
    pub fn has_school(&self, school_no: u32) -> bool {
        self.has(of_school(school_no, self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_is_kafkas() {
        // Values of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
        let known: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, hash) in known {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn a_school_is_keyed_by_its_number_in_decimal() {
        for school_no in [0, 7, 10, 1024, u32::MAX] {
            let expected = (murmur2(school_no.to_string().as_bytes()) & 0x7fff_ffff) % 12;
            assert_eq!(of_school(school_no, 12), expected as i32);
        }
    }
}
