#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

use super::*;
use std::io::Write;

const MAX: usize = 100_000;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd_stream(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn expand(coding: Coding, body: &[u8]) -> Result<Vec<u8>, ExpandError> {
    Expander::default().expand(coding, body, MAX).map(<[u8]>::to_vec)
}

fn samples() -> Vec<Vec<u8>> {
    let noise: Vec<u8> = (0..MAX as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![vec![], b"{}".to_vec(), vec![b'a'; MAX], noise]
}

#[test]
fn what_was_compressed_comes_back_and_contexts_can_be_used_again() {
    let mut expander = Expander::default();
    for sample in samples().iter().cycle().take(12) {
        assert_eq!(expander.expand(Coding::Gzip, &gzip(sample), MAX).unwrap(), sample);
        assert_eq!(expander.expand(Coding::Zstd, &zstd_stream(sample), MAX).unwrap(), sample);
        assert_eq!(expander.expand(Coding::Zstd, &zstd::bulk::compress(sample, 1).unwrap(), MAX).unwrap(), sample);
        assert_eq!(expander.expand(Coding::Identity, sample, MAX).unwrap(), sample);
        assert!(expander.expand(Coding::Gzip, b"\x1f\x8b\x08\0broken", MAX).is_err(), "a fault leaves no trace");
    }
}

#[test]
fn one_byte_too_many_is_too_large() {
    let large = vec![b'a'; MAX + 1];
    for (coding, body) in [
        (Coding::Gzip, gzip(&large)),
        (Coding::Zstd, zstd_stream(&large)),
        (Coding::Zstd, zstd::bulk::compress(&large, 1).unwrap()),
        (Coding::Identity, large),
    ] {
        assert_eq!(expand(coding, &body), Err(ExpandError::TooLarge(MAX)), "{coding:?}");
    }
}

#[test]
fn bombs_take_no_more_memory_than_allowed() {
    let bomb = vec![0; 64 << 20];
    for (coding, body) in [(Coding::Gzip, gzip(&bomb)), (Coding::Zstd, zstd_stream(&bomb))] {
        let mut expander = Expander::default();
        assert!(expander.expand(coding, &body, MAX).is_err());
        assert!(expander.out.capacity() <= 4 * MAX, "{coding:?}: {}", expander.out.capacity());
    }
}

#[test]
fn bytes_after_the_stream_are_refused() {
    for sample in samples() {
        for (coding, body) in [(Coding::Gzip, gzip(&sample)), (Coding::Zstd, zstd_stream(&sample))] {
            assert!(expand(coding, &[&body[..], b"x"].concat()).is_err(), "{coding:?}");
            assert!(matches!(expand(coding, &[&body[..], &body[..]].concat()), Err(ExpandError::Malformed(_))));
        }
    }
}

#[test]
fn truncated_and_broken_streams_are_refused_wherever_they_break() {
    let sample = b"classpulse classpulse classpulse".repeat(20);
    for (coding, body) in [(Coding::Gzip, gzip(&sample)), (Coding::Zstd, zstd_stream(&sample))] {
        for cut in 0..body.len() {
            assert!(matches!(expand(coding, &body[..cut]), Err(ExpandError::Malformed(_))), "{coding:?} cut at {cut}");
        }
    }
    let mut wrong_sum = gzip(&sample);
    let at = wrong_sum.len() - 5;
    wrong_sum[at] ^= 1;
    assert!(matches!(expand(Coding::Gzip, &wrong_sum), Err(ExpandError::Malformed(_))));
}

#[test]
fn all_parts_of_a_gzip_header_are_passed() {
    let whole = flate2::GzBuilder::new()
        .filename("a")
        .comment("b")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), flate2::Compression::fast());
    let mut encoder = whole;
    encoder.write_all(b"{}").unwrap();
    assert_eq!(expand(Coding::Gzip, &encoder.finish().unwrap()).unwrap(), b"{}");
}
