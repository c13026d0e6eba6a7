//! The repository keeps its own rules: layers, purity, sizes, documents that name existing things.
//!
//! Every rule is a pure function over text, so that its negative control can show it going red.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod documents;
mod layers;
mod purity;
mod sources;
