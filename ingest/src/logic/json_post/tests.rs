#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]
