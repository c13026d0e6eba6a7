//! What is PostgreSQL's own: the same tables as in SQLite, clear words when it cannot be used, and one process that
//! publishes.

use registry::store::{Lease, Store, StoreError};
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use std::collections::BTreeSet;
use test_postgres::Server;

/// Table, column, type, and whether it may be empty; indexes as columns of no table.
type Shape = BTreeSet<(String, String, String, bool)>;

async fn shape_of_sqlite(path: &std::path::Path) -> Shape {
    let pool = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let sql = "SELECT m.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' UNION ALL SELECT '', name, '', FALSE FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
    rows.into_iter().collect()
}

async fn shape_of_postgres(url: &str) -> Shape {
    let pool = PgPool::connect(url).await.unwrap();
    let sql = "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES' FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' UNION ALL SELECT '', i.indexname::text, '', FALSE FROM pg_indexes i WHERE i.schemaname = 'public' AND i.tablename NOT LIKE '\\_sqlx%' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)";
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
    rows.into_iter().collect()
}

/// A type of SQLite's tables in the words of PostgreSQL's.
fn in_its_words(name: &str) -> String {
    match name {
        "INTEGER" | "BIGINT" => "bigint",
        "TEXT" => "text",
        "BOOLEAN" => "boolean",
        "BLOB" => "bytea",
        other => other,
    }
    .to_owned()
}

#[tokio::test]
async fn the_tables_are_those_of_sqlite_on_postgresql() {
    let (server, directory) = (Server::start().unwrap(), tempfile::tempdir().unwrap());
    let file = directory.path().join("store.sqlite");
    Store::open(&file, 45).await.unwrap().close().await;
    Store::connect(&server.url(), 45).await.unwrap().close().await;
    Store::connect(&server.url(), 45).await.expect("a second time finds nothing to do");
    let translated =
        |(table, column, kind, empty): (String, String, String, bool)| (table, column, in_its_words(&kind), empty);
    let wanted: Shape = shape_of_sqlite(&file).await.into_iter().map(translated).collect();
    assert!(wanted.len() > 150, "{}", wanted.len());
    assert_eq!(shape_of_postgres(&server.url()).await, wanted);
    server.sql("registry", "ALTER TABLE schools ALTER COLUMN name DROP NOT NULL").unwrap();
    assert_ne!(shape_of_postgres(&server.url()).await, wanted, "negative control");
}

async fn refused(url: &str) -> String {
    let error = Store::connect(url, 45).await.unwrap_err();
    let debug = format!("{error:?}");
    let text = format!("{:#}", anyhow::Error::from(error));
    for told in [&debug, &text] {
        assert!(!told.contains("of-a-test") && !told.contains("geheim"), "a password: {told}");
    }
    text
}

#[tokio::test]
async fn what_is_wrong_is_said_without_the_password_on_postgresql() {
    let server = Server::start().unwrap();
    let wrong = refused(&server.url_of("registry", "geheim")).await;
    assert!(wrong.contains("connect to postgres://registry@127.0.0.1") && wrong.contains("password"), "{wrong}");
    let absent = refused(&server.url_of("nowhere", "of-a-test")).await;
    assert!(absent.contains("\"nowhere\" does not exist"), "{absent}");
    server.sql("registry", "CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    let narrow = refused(&server.url_of("narrow", "of-a-test")).await;
    assert!(narrow.contains("LATIN1") && narrow.contains("UTF8 is needed"), "{narrow}");
    let closed = refused("postgres://registry:geheim@127.0.0.1:1/registry").await;
    assert!(
        closed.contains("connect to postgres://registry@127.0.0.1:1/registry") && closed.contains("refused"),
        "{closed}"
    );
    for url in ["mysql://registry:geheim@127.0.0.1/registry", "postgres://registry:geheim@127.0.0.1:port/registry"] {
        let bad = refused(url).await;
        assert!(bad.contains("postgres://USER@HOST:PORT/NAME"), "{bad}");
    }
}

#[tokio::test]
async fn the_server_is_who_its_certificate_says_on_postgresql() {
    let server = Server::start_with_tls().unwrap();
    let with = |root: &std::path::Path| format!("{}?sslmode=verify-full&sslrootcert={}", server.url(), root.display());
    let store = Store::connect(&with(&server.root()), 45).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ciphers = directory.path().join("ciphers");
    let watched = format!("\\copy (SELECT count(*) FROM pg_stat_ssl WHERE ssl) TO '{}'", ciphers.display());
    store.province().await.expect_err("it is empty, but it was asked");
    server.sql("registry", &watched).unwrap();
    assert_ne!(std::fs::read_to_string(&ciphers).unwrap().trim(), "0", "nothing was asked in the clear");
    let other = Server::start_with_tls().unwrap();
    let stranger = refused(&with(&other.root())).await;
    assert!(stranger.contains("certificate"), "negative control: {stranger}");
    let plain = Server::start().unwrap();
    let url = format!("{}?sslmode=require", plain.url());
    let bare = refused(&url).await;
    assert!(bare.contains("TLS") || bare.contains("SSL"), "{bare}");
}

#[tokio::test]
async fn one_process_publishes_until_it_is_gone_on_postgresql() {
    let server = Server::start().unwrap();
    let (one, two) =
        (Store::connect(&server.url(), 45).await.unwrap(), Store::connect(&server.url(), 45).await.unwrap());
    let (mut first, mut second) = (Lease::default(), Lease::default());
    assert!(one.may_publish(&mut first).await.unwrap());
    assert!(!two.may_publish(&mut second).await.unwrap());
    assert!(one.may_publish(&mut first).await.unwrap(), "as long as it likes");
    server.sql("registry", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'").unwrap();
    assert!(matches!(one.may_publish(&mut first).await, Err(StoreError::Sql(_))), "it notices that the right is gone");
    assert!(!two.may_publish(&mut second).await.unwrap(), "taken, but what the first had in flight may still arrive");
    assert!(!one.may_publish(&mut first).await.unwrap(), "the second has it by now");
    drop(second);
    // The server learns of the end of a connection in its own time.
    let mut third = Lease::default();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(two.may_publish(&mut third).await.unwrap(), "at once: nobody else had it");
}
