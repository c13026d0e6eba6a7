//! The admin API over real HTTP, on a store in a temporary file, and again on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests stop at the first surprise")]

mod accounts;
mod areas;
mod audit;
mod bells;
mod calendars;
mod corrections;
mod device_files;
mod devices;
mod enrolment;
mod enrolment_group;
mod files;
mod matrix;
mod publishing;
mod schools;
mod second_factor;
mod server;
mod terminal;
mod world;

#[test]
fn everything_again_on_postgresql() {
    test_postgres::run_again(&[], 50).unwrap();
}
