//! Ledger sets beside the live one: which there are, which readers read, and the members that keep them live.

pub mod book;
pub mod follow;
