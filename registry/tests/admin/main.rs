//! The admin API over real HTTP, on a store in a temporary file.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests stop at the first surprise")]

mod audit;
mod devices;
mod enrolment;
mod matrix;
mod publishing;
mod schools;
mod world;
