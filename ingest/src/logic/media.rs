//! Content-Type and Content-Encoding of a post.

use super::decode::Format;
use super::expand::Coding;

/// The format that a Content-Type names; parameters are ignored.
#[must_use]
pub fn format(content_type: Option<&[u8]>) -> Option<Format> {
    let essence = content_type?.split(|byte| *byte == b';').next()?.trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        Some(Format::Json)
    } else if essence.eq_ignore_ascii_case(b"application/avro") {
        Some(Format::Avro)
    } else {
        None
    }
}

/// The coding that a Content-Encoding names; `None`: one that the edge does not know.
#[must_use]
pub fn coding(content_encoding: Option<&[u8]>) -> Option<Coding> {
    let Some(name) = content_encoding.map(<[u8]>::trim_ascii) else {
        return Some(Coding::Identity);
    };
    if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
        Some(Coding::Identity)
    } else if name.eq_ignore_ascii_case(b"gzip") {
        Some(Coding::Gzip)
    } else if name.eq_ignore_ascii_case(b"zstd") {
        Some(Coding::Zstd)
    } else {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn content_types_ignore_case_and_parameters() {
        for text in ["application/json", "Application/JSON ; charset=utf-8", "application/json;"] {
            assert_eq!(format(Some(text.as_bytes())), Some(Format::Json), "{text}");
        }
        assert_eq!(format(Some(b"application/avro")), Some(Format::Avro));
        for text in ["", "text/json", "application/jsonx", "application/json, text/plain"] {
            assert_eq!(format(Some(text.as_bytes())), None, "{text}");
        }
        assert_eq!(format(None), None);
    }

    #[test]
    fn only_three_codings_are_known() {
        assert_eq!(coding(None), Some(Coding::Identity));
        assert_eq!(coding(Some(b"GZIP")), Some(Coding::Gzip));
        assert_eq!(coding(Some(b"zstd")), Some(Coding::Zstd));
        assert_eq!(coding(Some(b"identity")), Some(Coding::Identity));
        for text in ["br", "gzip, zstd", "x-gzip", "deflate"] {
            assert_eq!(coding(Some(text.as_bytes())), None, "{text}");
        }
    }
}
