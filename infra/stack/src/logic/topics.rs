//! `infra/kafka/topics.toml`: which topics there are.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    /// All topics.
    pub topic: Vec<Topic>,
}

/// One topic.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What its records' keys are, for people.
    pub key: String,
    /// Size in the local stack.
    pub local: Size,
    /// Size in production.
    pub production: Size,
    /// Kafka's own settings.
    pub config: BTreeMap<String, String>,
}

/// How often a topic is cut and copied.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Never changes for a topic that holds ledgers' records: a new count means a new topic.
    pub partitions: i32,
    /// Replicas.
    pub replication: i32,
}

/// Reads the file's text.
///
/// # Errors
/// What is wrong with it, as TOML's reader says it.
pub fn parse(text: &str) -> Result<Topics, toml::de::Error> {
    toml::from_str(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_holds_the_five_topics() {
        let topics = parse(include_str!("../../../kafka/topics.toml")).unwrap();
        let named: Vec<(&str, i32, &str)> = topics
            .topic
            .iter()
            .map(|topic| (topic.name.as_str(), topic.local.partitions, topic.config["cleanup.policy"].as_str()))
            .collect();
        assert_eq!(
            named,
            [
                ("telemetry.events.v1", 4, "delete"),
                ("telemetry.rejected.v1", 1, "delete"),
                ("telemetry.dead.v1", 1, "delete"),
                ("registry.orgs.v1", 1, "compact"),
                ("registry.devices.v1", 1, "compact"),
                ("registry.corrections.v1", 1, "compact"),
            ]
        );
    }
}
