//! `stack.json`: how programs find a running stack. The shape is CONTRACT section 8.

use super::clock::Anchor;
use super::growth::EventLog;
use super::plan::Kind;
use super::ports::Ports;
use serde::{Deserialize, Serialize};

/// Database of all tables.
pub const DATABASE: &str = "classpulse";

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The edge's URL.
    pub edge: String,
    /// The query API's URL.
    pub api: String,
    /// The registry's URL: the admin API, and what devices ask when they join.
    pub admin: String,
    /// The edge serves the read side of the Schema Registry API, too.
    pub schema_registry: String,
    /// Kafka, `host:port`.
    pub kafka: String,
    /// ClickHouse's HTTP interface.
    pub clickhouse_http: String,
    /// ClickHouse's native protocol, `host:port`.
    pub clickhouse_native: String,
    /// [`DATABASE`]
    pub database: String,
    /// The services' clock.
    pub clock: Anchor,
    /// Every service that was started.
    pub services: Vec<Service>,
    /// The topics of the events.
    pub events: EventLog,
}

/// One service of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Service {
    /// e.g. `ingest`, `ingest-2`
    pub name: String,
    /// Null while it does not run.
    pub pid: Option<u32>,
    /// URL that answers 200 when it is ready; Kafka has none.
    pub health: Option<String>,
    /// Prometheus text.
    pub metrics: Option<String>,
}

/// `http://127.0.0.1:port`
#[must_use]
pub fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// `127.0.0.1:port`
#[must_use]
pub fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

impl Manifest {
    /// A stack's file.
    #[must_use]
    pub fn new(ports: Ports, clock: Anchor, events: EventLog, services: Vec<Service>) -> Manifest {
        let edge = url(ports.of(Kind::Ingest, 1));
        Manifest {
            schema_registry: edge.clone(),
            edge,
            api: url(ports.of(Kind::QueryApi, 1)),
            admin: url(ports.of(Kind::Registry, 1)),
            kafka: address(ports.of(Kind::Kafka, 1)),
            clickhouse_http: url(ports.of(Kind::ClickHouse, 1)),
            clickhouse_native: address(ports.clickhouse_native()),
            database: DATABASE.to_owned(),
            clock,
            services,
            events,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_contracts_shape() {
        let service = Service { name: "kafka".into(), pid: Some(7), health: None, metrics: None };
        let manifest = Manifest::new(Ports::new(8700), Anchor::new(None, 0), EventLog::default(), vec![service]);
        let expected = serde_json::json!({
            "edge": "http://127.0.0.1:8700",
            "api": "http://127.0.0.1:8701",
            "admin": "http://127.0.0.1:8702",
            "schema_registry": "http://127.0.0.1:8700",
            "kafka": "127.0.0.1:8705",
            "clickhouse_http": "http://127.0.0.1:8707",
            "clickhouse_native": "127.0.0.1:8708",
            "database": "classpulse",
            "clock": {"virtual": "1970-01-01T08:00:00.000+08:00", "real": "1970-01-01T08:00:00.000+08:00", "speed": 1.0},
            "services": [{"name": "kafka", "pid": 7, "health": null, "metrics": null}],
            "events": {"written": "telemetry.events.v1", "folded": "telemetry.events.v1", "growth": null},
        });
        assert_eq!(serde_json::to_value(&manifest).unwrap(), expected);
    }
}
