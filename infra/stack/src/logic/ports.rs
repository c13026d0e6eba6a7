//! Where everything listens: fixed offsets from one base, so that two stacks never meet.

use super::plan::Kind;

/// How far the next instance's ports are from the first's.
const INSTANCE_STEP: u16 = 10;

/// The ports of one stack, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    base: u16,
}

impl Ports {
    /// The ports from `base` on.
    #[must_use]
    pub fn new(base: u16) -> Ports {
        Ports { base }
    }

    /// The base itself.
    #[must_use]
    pub fn base(self) -> u16 {
        self.base
    }

    /// The port that clients of a service use; `instance` counts from 1.
    #[must_use]
    pub fn of(self, kind: Kind, instance: u16) -> u16 {
        let offset = match kind {
            Kind::Ingest => 0,
            Kind::QueryApi => 1,
            Kind::Registry => 2,
            Kind::Processors => 3,
            Kind::Fleet => 4,
            Kind::Kafka => 5,
            Kind::ClickHouse => 7,
        };
        self.base + offset + (instance - 1) * INSTANCE_STEP
    }

    /// Kafka's controller listener.
    #[must_use]
    pub fn kafka_controller(self) -> u16 {
        self.base + 6
    }

    /// ClickHouse's native protocol.
    #[must_use]
    pub fn clickhouse_native(self) -> u16 {
        self.base + 8
    }

    /// Every port that an instance of a service opens.
    #[must_use]
    pub fn all_of(self, kind: Kind, instance: u16) -> Vec<u16> {
        let first = self.of(kind, instance);
        match kind {
            Kind::Kafka => vec![first, self.kafka_controller()],
            Kind::ClickHouse => vec![first, self.clickhouse_native()],
            _ => vec![first],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_services_share_a_port() {
        let ports = Ports::new(8700);
        let mut all = Vec::new();
        for kind in Kind::ALL {
            for instance in 1..=if kind.scales() { 8 } else { 1 } {
                all.extend(ports.all_of(kind, instance));
            }
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(ports.of(Kind::Ingest, 1), 8700);
        assert_eq!(ports.of(Kind::QueryApi, 2), 8711);
    }
}
