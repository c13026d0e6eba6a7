//! What the launcher writes into `etc/<instance>.toml`: only what differs from a service's embedded defaults.

use super::clock::Anchor;
use super::database::DatabaseUrl;
use super::growth::EventLog;
use super::manifest::{DATABASE, address, url};
use super::plan::{Instance, Kind};
use super::ports::Ports;
use std::path::Path;
use std::time::Duration;
use toml::{Table, Value};

/// What the services' configurations depend on.
pub struct Inputs<'a> {
    /// Where everything listens.
    pub ports: Ports,
    /// None: wall time.
    pub clock: Option<&'a Anchor>,
    /// The stack's directory, absolute.
    pub var: &'a Path,
    /// School days of history.
    pub history_days: u32,
    /// Number of edges that the fleet posts to.
    pub edges: u16,
    /// The fleet writes a journal.
    pub journal: bool,
    /// Where the registry's store is; none: in SQLite's file.
    pub database: Option<&'a DatabaseUrl>,
    /// Which topics are written and folded.
    pub events: &'a EventLog,
}

/// How far workers rewind. One ClickHouse node: what was acknowledged is seen by the next load, no replica lags behind.
pub const REWIND: Duration = Duration::ZERO;

/// The configuration of one instance; none for Kafka and ClickHouse, whose files are of another kind.
#[must_use]
pub fn render(instance: Instance, inputs: &Inputs<'_>) -> Option<String> {
    let mut document = Table::new();
    match instance.kind {
        Kind::Kafka | Kind::ClickHouse => return None,
        Kind::Registry => registry(&mut document, inputs),
        Kind::Ingest => ingest(&mut document, inputs),
        Kind::Processors => processors(&mut document, inputs, instance),
        Kind::QueryApi => query_api(&mut document, inputs),
        Kind::Fleet => fleet(&mut document, inputs),
    }
    let listen = address(inputs.ports.of(instance.kind, instance.number));
    section(&mut document, "server", [("listen", listen.into())]);
    clock(&mut document, inputs.clock);
    Some(format!(
        "# Written by the launcher at every `up`; the keys are explained in the service's own defaults.\n{document}"
    ))
}

fn registry(document: &mut Table, inputs: &Inputs<'_>) {
    kafka(document, inputs);
    let database = inputs.database.map_or("", DatabaseUrl::with_password);
    section(document, "store", [("path", path(inputs, "registry/registry.sqlite")), ("database", database.into())]);
    section(document, "keys", [("dir", path(inputs, "keys"))]);
    section(document, "fleet", [("devices_file", path(inputs, "fleet/devices.ndjson"))]);
    // The local stack speaks HTTP: programs would not send the cookie otherwise.
    section(document, "login", [("secure", Value::Boolean(false))]);
}

fn ingest(document: &mut Table, inputs: &Inputs<'_>) {
    let bootstrap = address(inputs.ports.of(Kind::Kafka, 1));
    section(
        document,
        "kafka",
        [("bootstrap", bootstrap), ("events_topic", inputs.events.written.to_string())]
            .map(|(key, value)| (key, value.into())),
    );
    section(document, "keys", [("device_public", path(inputs, "keys/device.pub.pem"))]);
    // The fleet plays weeks of history from one machine: limits per device and school would only stretch that.
    section(document, "limits", ["device_per_second", "school_per_second"].map(|name| (name, Value::Float(0.0))));
}

fn processors(document: &mut Table, inputs: &Inputs<'_>, instance: Instance) {
    kafka(document, inputs);
    clickhouse(document, inputs, "writer");
    let member = |group: &str| Value::String(format!("{group}-{}", instance.number));
    section(document, "events", [("topic", inputs.events.folded.to_string().into())]);
    let rewind = format!("{}s", REWIND.as_secs());
    section(document, "worker", [("instance_id", member("processors")), ("rewind", rewind.into())]);
    section(document, "archive", [("instance_id", member("processors-archive"))]);
    // The registry's topics have one partition each: one reader is all there can be. One roller is enough, too.
    section(document, "groups", ["registry", "roll"].map(|group| (group, Value::Boolean(instance.number == 1))));
}

fn query_api(document: &mut Table, inputs: &Inputs<'_>) {
    clickhouse(document, inputs, "api");
    section(document, "keys", [("user_public", path(inputs, "keys/user.pub.pem"))]);
}

fn fleet(document: &mut Table, inputs: &Inputs<'_>) {
    let edges: Vec<String> = (1..=inputs.edges).map(|number| url(inputs.ports.of(Kind::Ingest, number))).collect();
    section(document, "edge", [("url", edges.join(",").into())]);
    let mut keys = vec![
        ("devices_file", path(inputs, "fleet/devices.ndjson")),
        ("state_dir", path(inputs, "fleet/state")),
        ("history_days", Value::Integer(inputs.history_days.into())),
        ("live", Value::Boolean(true)),
    ];
    if inputs.journal {
        keys.push(("journal", path(inputs, "fleet/journal.ndjson")));
    }
    section(document, "fleet", keys);
}

fn kafka(document: &mut Table, inputs: &Inputs<'_>) {
    section(document, "kafka", [("bootstrap", address(inputs.ports.of(Kind::Kafka, 1)).into())]);
}

fn clickhouse(document: &mut Table, inputs: &Inputs<'_>, user: &str) {
    let keys = [
        ("url", url(inputs.ports.of(Kind::ClickHouse, 1)).into()),
        ("user", user.into()),
        ("password", "".into()),
        ("database", DATABASE.into()),
    ];
    section(document, "clickhouse", keys);
}

fn clock(document: &mut Table, clock: Option<&Anchor>) {
    if let Some(anchor) = clock {
        let keys = [
            ("virtual", anchor.r#virtual.clone().into()),
            ("real", anchor.real.clone().into()),
            ("speed", Value::Float(anchor.speed)),
        ];
        section(document, "clock", keys);
    }
}

fn path(inputs: &Inputs<'_>, relative: &str) -> Value {
    inputs.var.join(relative).display().to_string().into()
}

fn section<'a>(document: &mut Table, name: &str, keys: impl IntoIterator<Item = (&'a str, Value)>) {
    let table: Table = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    document.insert(name.to_owned(), table.into());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;
    use schemas::topic::EventTopic;

    fn rendered(kind: Kind, number: u16) -> Table {
        let clock = Anchor::new("2026-11-20T09:00@60".parse().ok(), 0);
        let inputs = Inputs {
            ports: Ports::new(9000),
            clock: Some(&clock),
            var: Path::new("/stack"),
            history_days: 20,
            edges: 2,
            journal: true,
            database: None,
            events: &EventLog { written: EventTopic::FIRST.next(), ..EventLog::default() },
        };
        render(Instance { kind, number }, &inputs).unwrap().parse().unwrap()
    }

    #[test]
    fn every_service_is_told_its_address_and_the_clock() {
        for kind in Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Kafka | Kind::ClickHouse)) {
            let document = rendered(kind, 1);
            assert!(document["server"]["listen"].as_str().unwrap().starts_with("127.0.0.1:90"), "{kind}");
            assert_eq!(document["clock"]["speed"].as_float(), Some(60.0), "{kind}");
        }
    }

    #[test]
    fn the_fleet_posts_to_every_edge_and_keeps_a_journal() {
        let document = rendered(Kind::Fleet, 1);
        assert_eq!(document["edge"]["url"].as_str(), Some("http://127.0.0.1:9000,http://127.0.0.1:9010"));
        assert_eq!(document["fleet"]["journal"].as_str(), Some("/stack/fleet/journal.ndjson"));
    }

    #[test]
    fn edges_and_processors_may_be_at_different_topics() {
        let topics = (rendered(Kind::Ingest, 1), rendered(Kind::Processors, 1));
        assert_eq!(topics.0["kafka"]["events_topic"].as_str(), Some("telemetry.events.v2"));
        assert_eq!(topics.1["events"]["topic"].as_str(), Some("telemetry.events.v1"));
        assert_eq!(topics.1["worker"]["rewind"].as_str(), Some("0s"));
    }

    #[test]
    fn a_second_instance_has_its_own_port_and_membership() {
        let document = rendered(Kind::Processors, 2);
        assert_eq!(document["server"]["listen"].as_str(), Some("127.0.0.1:9013"));
        assert_eq!(document["worker"]["instance_id"].as_str(), Some("processors-2"));
    }
}
