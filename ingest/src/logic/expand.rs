//! Undoes Content-Encoding with contexts that are used again, into a bounded buffer.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zstd::bulk::Decompressor;
use zstd::zstd_safe;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// One gzip member (RFC 1952).
    Gzip,
    /// One zstd frame (RFC 8878).
    Zstd,
}

/// Why a body cannot be expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// More bytes than allowed.
    #[error("expands to more than {0} bytes")]
    TooLarge(usize),
    /// Not one whole, sound stream.
    #[error("{0}")]
    Malformed(&'static str),
}

const TRUNCATED: ExpandError = ExpandError::Malformed("the compressed stream is truncated");
const BROKEN: ExpandError = ExpandError::Malformed("the compressed stream is broken");
const TRAILING: ExpandError = ExpandError::Malformed("bytes after the compressed stream");

/// Buffers above this are given back after use, so that one large post does not hold memory for ever.
const KEEP_BYTES: usize = 256 * 1024;

/// The contexts of one thread.
pub struct Expander {
    inflate: Decompress,
    zstd: Option<Decompressor<'static>>,
    out: Vec<u8>,
}

impl Default for Expander {
    fn default() -> Expander {
        Expander { inflate: Decompress::new(false), zstd: None, out: Vec::new() }
    }
}

impl Expander {
    /// The bytes of a body, at most `max` of them.
    ///
    /// # Errors
    /// Too many bytes, a broken or truncated stream, bytes after it.
    pub fn expand<'a>(&'a mut self, coding: Coding, body: &'a [u8], max: usize) -> Result<&'a [u8], ExpandError> {
        if self.out.capacity() > KEEP_BYTES {
            self.out = Vec::new();
        }
        self.out.clear();
        match coding {
            Coding::Identity if body.len() > max => return Err(ExpandError::TooLarge(max)),
            Coding::Identity => return Ok(body),
            Coding::Gzip => self.gunzip(body, max)?,
            Coding::Zstd => self.unzstd(body, max)?,
        }
        Ok(&self.out)
    }

    fn gunzip(&mut self, body: &[u8], max: usize) -> Result<(), ExpandError> {
        let header = gzip_header(body)?;
        let consumed = self.inflate(&body[header..], max)?;
        let trailer = &body[header + consumed..];
        let [crc @ .., _, _, _, _] = trailer.first_chunk::<8>().ok_or(TRUNCATED)?;
        let [_, _, _, _, len @ ..] = trailer.first_chunk::<8>().ok_or(TRUNCATED)?;
        if trailer.len() > 8 {
            return Err(TRAILING);
        }
        let mut sum = Crc::new();
        sum.update(&self.out);
        if le32(crc) != sum.sum() || le32(len) != sum.amount() {
            return Err(BROKEN);
        }
        Ok(())
    }

    /// Inflates one deflate stream; returns how many bytes it took.
    fn inflate(&mut self, input: &[u8], max: usize) -> Result<usize, ExpandError> {
        self.inflate.reset(false);
        loop {
            let taken = self.inflate.total_in() as usize;
            if self.out.len() == self.out.capacity() {
                self.out.reserve((input.len() * 4).clamp(4096, max + 1));
            }
            let before = self.out.len();
            let status = self
                .inflate
                .decompress_vec(&input[taken..], &mut self.out, FlushDecompress::None)
                .map_err(|_| BROKEN)?;
            if self.out.len() > max {
                return Err(ExpandError::TooLarge(max));
            }
            let taken_now = self.inflate.total_in() as usize;
            let stuck = taken_now == taken && self.out.len() == before && self.out.len() < self.out.capacity();
            match status {
                Status::StreamEnd => return Ok(taken_now),
                Status::Ok | Status::BufError if stuck => return Err(TRUNCATED),
                Status::Ok | Status::BufError => {}
            }
        }
    }

    fn unzstd(&mut self, body: &[u8], max: usize) -> Result<(), ExpandError> {
        let frame = zstd_safe::find_frame_compressed_size(body).map_err(|_| BROKEN)?;
        if frame != body.len() {
            return Err(TRAILING);
        }
        let declared = zstd_safe::get_frame_content_size(body).map_err(|_| BROKEN)?;
        if declared.is_some_and(|size| size > max as u64) {
            return Err(ExpandError::TooLarge(max));
        }
        let context = match &mut self.zstd {
            Some(context) => context,
            empty => empty.insert(Decompressor::new().map_err(|_| BROKEN)?),
        };
        // A frame that does not say its size grows the buffer until it fits.
        let mut room = declared.map_or(body.len() * 8, |size| size as usize).clamp(1, max);
        loop {
            self.out.clear();
            self.out.reserve(room);
            match context.decompress_to_buffer(body, &mut self.out) {
                Ok(_) if self.out.len() > max => return Err(ExpandError::TooLarge(max)),
                Ok(_) => return Ok(()),
                Err(_) if declared.is_some() => return Err(BROKEN),
                Err(error) if !too_small(&error) => return Err(BROKEN),
                Err(_) if room >= max => return Err(ExpandError::TooLarge(max)),
                Err(_) => room = (room * 4).min(max),
            }
        }
    }
}

/// The library tells its errors apart by name only.
fn too_small(error: &std::io::Error) -> bool {
    error.to_string().contains("buffer is too small")
}

/// The length of a gzip header.
fn gzip_header(body: &[u8]) -> Result<usize, ExpandError> {
    const CHECK: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let [0x1f, 0x8b, 8, flags, ..] = body else {
        return Err(ExpandError::Malformed("not a gzip stream"));
    };
    if flags & 0xe0 != 0 {
        return Err(BROKEN);
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        let len = body.get(at..at + 2).ok_or(TRUNCATED)?;
        at += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let text = body.get(at..).ok_or(TRUNCATED)?;
            at += text.iter().position(|byte| *byte == 0).ok_or(TRUNCATED)? + 1;
        }
    }
    if flags & CHECK != 0 {
        let stored = body.get(at..at + 2).ok_or(TRUNCATED)?;
        let mut sum = Crc::new();
        sum.update(&body[..at]);
        if u16::from_le_bytes([stored[0], stored[1]]) != sum.sum() as u16 {
            return Err(BROKEN);
        }
        at += 2;
    }
    if at > body.len() { Err(TRUNCATED) } else { Ok(at) }
}

fn le32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
