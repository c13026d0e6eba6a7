//! The events that agents post (CONTRACT section 1), after validation.
//!
//! `Serialize` writes exactly the JSON of the contract, so that the agent, the fleet and the load generators share
//! these types; the edge parses with its own validating reader and builds them. `Deserialize` reads back what
//! `Serialize` wrote (the archive's payloads); it checks no ranges and is not for what agents send.

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

mod inventory;
mod words;

pub use inventory::{Camera, Cpu, Disk, Graphics, Inventory, Nic, Os, Ports, Screen, Software};
pub use words::{Direction, FaultClass, FaultState, Link, Media, Method, PowerKind, ResourceKind, SoftwareCategory};

/// `[from_ms_ago, to_ms_ago]` before the event's `at`; `86_400_000 >= from > to >= 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Begin, in ms before `at`.
    pub from_ms_ago: u32,
    /// End, in ms before `at`.
    pub to_ms_ago: u32,
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.from_ms_ago, self.to_ms_ago).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let (from_ms_ago, to_ms_ago) = Deserialize::deserialize(deserializer)?;
        Ok(Span { from_ms_ago, to_ms_ago })
    }
}

/// The four streams; `seq` counts from 0 per boot and stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// heartbeat, power
    Activity,
    /// burst, bandwidth
    Network,
    /// inventory, fault
    Device,
    /// resource
    Resource,
}

/// Gives an enum its wire names: `as_str`, `parse`, `ALL`, `Serialize`, `Deserialize`.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of the Avro enum's symbols.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The value of a wire name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <::compact_str::CompactString as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&name).ok_or_else(|| {
                    let symbols = concat!("one of: " $(, $text, " ")+);
                    ::serde::de::Error::invalid_value(::serde::de::Unexpected::Str(&name), &symbols)
                })
            }
        }
    };
}
pub(crate) use wire_enum;

/// Instants as RFC 3339 in JSON.
mod rfc3339 {
    use crate::time::{format_rfc3339_ms, parse_rfc3339_ms};
    use compact_str::CompactString;
    use serde::de::{Error, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_rfc3339_ms(*ms))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = CompactString::deserialize(deserializer)?;
        parse_rfc3339_ms(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"RFC 3339"))
    }
}

/// Foreground spans of one app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSpans {
    /// App id, `[a-z0-9._-]{1,64}`.
    pub app: CompactString,
    /// 0 to 64 spans.
    pub spans: Vec<Span>,
}

/// Re-asserts the current on-interval and every active and app span not yet acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Number in the activity stream of this boot.
    pub seq: u32,
    /// The moment it speaks of, ms since the epoch.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// 0 to 8 spans switched on.
    pub on: Vec<Span>,
    /// 0 to 200 spans in use.
    pub active: Vec<Span>,
    /// 0 to 32 apps.
    pub apps: Vec<AppSpans>,
}

/// Boot, shutdown, sleep or resume; changes no interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Power {
    /// Number in the activity stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// What happened.
    pub kind: PowerKind,
}

/// Up to 64 round trips to an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// Number in the network stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// Anchor id, `[a-z0-9._-]{1,64}`.
    pub anchor: CompactString,
    /// Probe protocol.
    pub method: Method,
    /// Link it ran over.
    pub link: Link,
    /// Device traffic was above 10 % of the link.
    pub busy: bool,
    /// Gap between probes, 10 to 5000 ms.
    pub interval_ms: u32,
    /// 1 to 64 round trips in microseconds; `None` is a lost probe.
    pub rtt_us: Vec<Option<i32>>,
}

/// A goodput test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Number in the network stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// Direction.
    pub direction: Direction,
    /// Payload bytes.
    pub bytes: u64,
    /// Duration in microseconds, above 0.
    pub duration_us: u64,
    /// Parallel streams, 1 to 64.
    pub streams: u32,
}

/// A fault began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Number in the device stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// What is broken.
    pub class: FaultClass,
    /// Begin or end.
    pub state: FaultState,
    /// The same for the begin and the end of one fault.
    pub id: Uuid,
    /// Up to 500 characters.
    pub detail: CompactString,
}

/// Use of teaching resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Number in the resource stream of this boot.
    pub seq: u32,
    /// The moment it speaks of.
    #[serde(rename = "at", with = "rfc3339")]
    pub at_ms: i64,
    /// What was done.
    pub kind: ResourceKind,
    /// App id.
    pub app: CompactString,
    /// How often, 1 to 100,000.
    pub count: u32,
}

/// One event of any type; serializes with its `type` tag as in the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// heartbeat
    Heartbeat(Heartbeat),
    /// power
    Power(Power),
    /// burst
    Burst(Burst),
    /// bandwidth
    Bandwidth(Bandwidth),
    /// inventory
    Inventory(Box<Inventory>),
    /// fault
    Fault(Fault),
    /// resource
    Resource(Resource),
}

/// The events of a post by type, in the order of the contract's type table, then of the post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// heartbeats
    pub heartbeats: Vec<Heartbeat>,
    /// power events
    pub power: Vec<Power>,
    /// bursts
    pub bursts: Vec<Burst>,
    /// bandwidth tests
    pub bandwidth: Vec<Bandwidth>,
    /// inventories
    pub inventory: Vec<Inventory>,
    /// faults
    pub faults: Vec<Fault>,
    /// resource uses
    pub resources: Vec<Resource>,
}

impl Events {
    /// Puts an event into its array.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Heartbeat(e) => self.heartbeats.push(e),
            Event::Power(e) => self.power.push(e),
            Event::Burst(e) => self.bursts.push(e),
            Event::Bandwidth(e) => self.bandwidth.push(e),
            Event::Inventory(e) => self.inventory.push(*e),
            Event::Fault(e) => self.faults.push(e),
            Event::Resource(e) => self.resources.push(e),
        }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heartbeats.len()
            + self.power.len()
            + self.bursts.len()
            + self.bandwidth.len()
            + self.inventory.len()
            + self.faults.len()
            + self.resources.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A post as an agent sends it (CONTRACT section 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Random (v4) at each agent start.
    pub boot_id: Uuid,
    /// The moment this request leaves.
    #[serde(rename = "sent_at", with = "rfc3339")]
    pub sent_at_ms: i64,
    /// What the agent adds to its wall clock.
    pub clock_offset_ms: i64,
    /// Agent version.
    pub agent: CompactString,
    /// 1 to 500 events.
    pub events: Vec<Event>,
}
