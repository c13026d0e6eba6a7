//! Which services a stack has.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A service of the stack; the order is the one they are started in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Apache Kafka, one KRaft node.
    Kafka,
    /// ClickHouse, one node.
    ClickHouse,
    /// The control plane.
    Registry,
    /// The edge.
    Ingest,
    /// The ledger workers.
    Processors,
    /// The query API.
    QueryApi,
    /// The simulated devices.
    Fleet,
}

impl Kind {
    /// All, in the order they are started in.
    pub const ALL: [Kind; 7] =
        [Kind::Kafka, Kind::ClickHouse, Kind::Registry, Kind::Ingest, Kind::Processors, Kind::QueryApi, Kind::Fleet];

    /// Its name in `stack.json`, on the command line, and (but for the first two) of its binary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kafka => "kafka",
            Kind::ClickHouse => "clickhouse",
            Kind::Registry => "registry",
            Kind::Ingest => "ingest",
            Kind::Processors => "processors",
            Kind::QueryApi => "query-api",
            Kind::Fleet => "fleet",
        }
    }

    /// Whether there can be more than one of it in a local stack.
    #[must_use]
    pub fn scales(self) -> bool {
        matches!(self, Kind::Ingest | Kind::Processors | Kind::QueryApi)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let names = Kind::ALL.map(Kind::name).join(", ");
        Kind::ALL.into_iter().find(|kind| kind.name() == text).ok_or(format!("no service {text}; there are {names}"))
    }
}

/// One running copy of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The service.
    pub kind: Kind,
    /// From 1.
    pub number: u16,
}

impl Instance {
    /// `ingest`, and from the second on `ingest-2`.
    #[must_use]
    pub fn name(self) -> String {
        match self.number {
            1 => self.kind.name().to_owned(),
            number => format!("{}-{number}", self.kind),
        }
    }
}

/// The highest number of an instance: each has ports of its own.
pub const MOST_INSTANCES: u16 = 8;

impl FromStr for Instance {
    type Err = String;

    /// The opposite of [`Instance::name`].
    fn from_str(name: &str) -> Result<Instance, String> {
        let numbered = name.rsplit_once('-').and_then(|(kind, number)| Some((kind, number.parse::<u16>().ok()?)));
        let (kind, number) = numbered.unwrap_or((name, 1));
        let kind: Kind = kind.parse()?;
        let most = if kind.scales() { MOST_INSTANCES } else { 1 };
        match number {
            number if (1..=most).contains(&number) => Ok(Instance { kind, number }),
            _ => Err(format!("there may be {most} of {kind}")),
        }
    }
}

/// The instances to start, in order.
#[must_use]
pub fn instances(only: Option<&[Kind]>, fleet: bool, scale: &BTreeMap<Kind, u16>) -> Vec<Instance> {
    let wanted = |kind: &Kind| only.is_none_or(|list| list.contains(kind)) && (fleet || *kind != Kind::Fleet);
    Kind::ALL
        .into_iter()
        .filter(wanted)
        .flat_map(|kind| (1..=scale.get(&kind).copied().unwrap_or(1)).map(move |number| Instance { kind, number }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: Option<&[Kind]>, fleet: bool, scale: &BTreeMap<Kind, u16>) -> Vec<String> {
        instances(only, fleet, scale).into_iter().map(Instance::name).collect()
    }

    #[test]
    fn everything_is_started_in_the_order_of_dependence() {
        let all = ["kafka", "clickhouse", "registry", "ingest", "processors", "query-api", "fleet"];
        assert_eq!(names(None, true, &BTreeMap::new()), all);
        assert_eq!(names(None, false, &BTreeMap::new()), all[..6]);
    }

    #[test]
    fn a_name_means_one_instance() {
        for instance in instances(None, true, &BTreeMap::from([(Kind::QueryApi, 3)])) {
            assert_eq!(instance.name().parse(), Ok(instance));
        }
        for none in ["kafka-2", "processors-9", "processors-0", "process-2", ""] {
            assert!(none.parse::<Instance>().is_err(), "{none}");
        }
    }

    #[test]
    fn instances_are_numbered_from_the_second_on() {
        let scale = BTreeMap::from([(Kind::Ingest, 2)]);
        assert_eq!(names(Some(&[Kind::Ingest, Kind::Kafka]), true, &scale), ["kafka", "ingest", "ingest-2"]);
    }
}
