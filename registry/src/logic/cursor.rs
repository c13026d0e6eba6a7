//! Where a list goes on: the last number of the page before. A cursor is not signed, because every page checks the
//! caller's rights and the filters again: a cursor that was made up only changes where the list begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The cursor after `last`.
#[must_use]
pub fn after(last: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{last}"))
}

/// Reads a cursor; none if it is not one of ours.
#[must_use]
pub fn read(cursor: &str) -> Option<i64> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("after:")?.parse().ok().filter(|last| *last >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_others_do_not() {
        assert_eq!(read(&after(30_000)), Some(30_000));
        for text in ["", "x", "YWZ0ZXI6", "%%", &URL_SAFE_NO_PAD.encode("after:-1")] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
