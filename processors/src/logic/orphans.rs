//! Partitions that no member of a group has.

/// Partitions of a topic in a member's assignment, as Kafka's consumer protocol writes it: a version, then topics with
/// their partitions. `None`: it is none.
#[must_use]
pub fn assigned(assignment: &[u8], topic: &str) -> Option<Vec<i32>> {
    let mut rest = assignment.get(2..)?;
    let mut found = Vec::new();
    for _ in 0..int(&mut rest)? {
        let (length, tail) = rest.split_at_checked(2)?;
        let (name, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))?;
        rest = tail;
        for _ in 0..int(&mut rest)? {
            let partition = int(&mut rest)?;
            if name == topic.as_bytes() {
                found.push(partition);
            }
        }
    }
    Some(found)
}

fn int(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, tail) = rest.split_at_checked(4)?;
    *rest = tail;
    Some(i32::from_be_bytes(bytes.try_into().ok()?))
}

/// Those of `count` partitions that nobody has.
#[must_use]
pub fn orphans(count: i32, had: &[i32]) -> Vec<i32> {
    (0..count).filter(|partition| !had.contains(partition)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1, `other` with partition 0, `log` with 2 and 5, no user data.
    const BYTES: &[u8] =
        b"\0\x01\0\0\0\x02\0\x05other\0\0\0\x01\0\0\0\0\0\x03log\0\0\0\x02\0\0\0\x02\0\0\0\x05\0\0\0\0";

    #[test]
    fn an_assignment_is_read_as_kafka_writes_it() {
        assert_eq!(assigned(BYTES, "log"), Some(vec![2, 5]));
        assert_eq!(assigned(BYTES, "others"), Some(vec![]));
        for end in 0..BYTES.len() - 4 {
            assert_eq!(assigned(&BYTES[..end], "log"), None, "cut at {end}");
        }
    }

    #[test]
    fn what_nobody_has_is_an_orphan() {
        assert_eq!(orphans(4, &[3, 0]), [1, 2]);
        assert!(orphans(2, &[1, 0]).is_empty());
    }
}
