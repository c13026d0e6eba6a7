//! The records of the agents' Avro post, as sent.

use super::frame::unframed;
use super::raw::{Raw, RawArray, RawSpan, raw_record};
use super::{CodecError, Reader, ids};

raw_record! {
    /// A post as sent; the index of an event counts through the arrays in their order.
    RawPost<'a> {
        /// Should be a UUID v4.
        boot_id: &'a str,
        /// ms since the epoch.
        sent_at_ms: i64,
        /// ms; 0 if the client left the default.
        clock_offset_ms: i64,
        /// Agent version.
        agent: &'a str,
        /// heartbeats
        heartbeats: RawArray<'a, RawHeartbeat<'a>>,
        /// power events
        power: RawArray<'a, RawPower<'a>>,
        /// bursts
        bursts: RawArray<'a, RawBurst<'a>>,
        /// bandwidth tests
        bandwidth: RawArray<'a, RawBandwidth<'a>>,
        /// inventories
        inventory: RawArray<'a, RawInventory<'a>>,
        /// faults
        faults: RawArray<'a, RawFault<'a>>,
        /// resource uses
        resources: RawArray<'a, RawResource<'a>>,
    }
}

impl RawPost<'_> {
    /// Number of events.
    #[must_use]
    pub const fn events(&self) -> usize {
        // Each event takes at least a byte of the body, so the sum cannot overflow.
        self.heartbeats.len()
            + self.power.len()
            + self.bursts.len()
            + self.bandwidth.len()
            + self.inventory.len()
            + self.faults.len()
            + self.resources.len()
    }
}

raw_record! {
    /// `heartbeat`
    RawHeartbeat<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// spans on
        on: RawArray<'a, RawSpan>,
        /// spans in use
        active: RawArray<'a, RawSpan>,
        /// foreground apps
        apps: RawArray<'a, RawApp<'a>>,
    }
}
raw_record! {
    /// Foreground spans of an app.
    RawApp<'a> {
        /// app id
        app: &'a str,
        /// spans
        spans: RawArray<'a, RawSpan>,
    }
}
raw_record! {
    /// `power`
    RawPower<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// name of a [`crate::event::PowerKind`]
        kind: &'a str,
    }
}
raw_record! {
    /// `burst`
    RawBurst<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// anchor id
        anchor: &'a str,
        /// name of a [`crate::event::Method`]
        method: &'a str,
        /// name of a [`crate::event::Link`]
        link: &'a str,
        /// the link was busy
        busy: bool,
        /// ms
        interval_ms: i64,
        /// µs, null: lost
        rtt_us: RawArray<'a, Option<i64>>,
    }
}
raw_record! {
    /// `bandwidth`
    RawBandwidth<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// name of a [`crate::event::Direction`]
        direction: &'a str,
        /// payload bytes; negative is out of range
        bytes: i64,
        /// µs
        duration_us: i64,
        /// parallel streams
        streams: i64,
    }
}
raw_record! {
    /// `inventory`; `None` is unknown.
    RawInventory<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// processor
        cpu: RawCpu<'a>,
        /// MB
        memory_mb: i64,
        /// disks
        disks: RawArray<'a, RawDisk<'a>>,
        /// adapters
        graphics: Option<RawArray<'a, RawGraphics<'a>>>,
        /// cards
        nics: Option<RawArray<'a, RawNic<'a>>>,
        /// screen
        screen: Option<RawScreen>,
        /// ports
        ports: Option<RawPorts>,
        /// camera
        camera: Option<RawCamera>,
        /// operating system
        os: RawOs<'a>,
        /// programs
        software: Option<RawArray<'a, RawSoftware<'a>>>,
    }
}
raw_record! {
    /// Processor.
    RawCpu<'a> {
        /// model
        model: &'a str,
        /// cores
        cores: i64,
        /// threads
        threads: i64,
        /// MHz
        base_mhz: i64,
    }
}
raw_record! {
    /// Disk.
    RawDisk<'a> {
        /// GB
        gb: i64,
        /// name of a [`crate::event::Media`]
        media: &'a str,
        /// holds the operating system
        system: bool,
        /// MB
        free_mb: i64,
    }
}
raw_record! {
    /// Graphics adapter.
    RawGraphics<'a> {
        /// model
        model: &'a str,
        /// discrete
        discrete: bool,
        /// MB
        memory_mb: i64,
    }
}
raw_record! {
    /// Network card.
    RawNic<'a> {
        /// hardware address
        mac: &'a str,
        /// Mbit/s
        mbps: i64,
        /// name of a [`crate::event::Link`]
        link: &'a str,
    }
}
raw_record! {
    /// Screen.
    RawScreen {
        /// inches
        inch: i64,
        /// pixels
        width: i64,
        /// pixels
        height: i64,
        /// touch input
        touch: bool,
    }
}
raw_record! {
    /// Ports.
    RawPorts {
        /// USB 2
        usb2: i64,
        /// USB 3
        usb3: i64,
        /// USB Type-C
        typec: i64,
        /// HDMI out
        hdmi_out: i64,
        /// HDMI in
        hdmi_in: i64,
        /// VGA out
        vga_out: i64,
        /// VGA in
        vga_in: i64,
    }
}
raw_record! {
    /// Camera.
    RawCamera {
        /// pixels
        width: i64,
        /// pixels
        height: i64,
        /// has a microphone
        microphone: bool,
    }
}
raw_record! {
    /// Operating system.
    RawOs<'a> {
        /// name
        name: &'a str,
        /// version
        version: &'a str,
        /// build
        build: &'a str,
        /// activated
        activated: bool,
    }
}
raw_record! {
    /// Program.
    RawSoftware<'a> {
        /// name of a [`crate::event::SoftwareCategory`]
        category: &'a str,
        /// name
        name: &'a str,
        /// version
        version: &'a str,
        /// licensed
        licensed: bool,
    }
}
raw_record! {
    /// `fault`
    RawFault<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// name of a [`crate::event::FaultClass`]
        class: &'a str,
        /// name of a [`crate::event::FaultState`]
        state: &'a str,
        /// should be a UUID
        id: &'a str,
        /// in words
        detail: &'a str,
    }
}
raw_record! {
    /// `resource`
    RawResource<'a> {
        /// number in the stream
        seq: i64,
        /// ms since the epoch
        at_ms: i64,
        /// name of a [`crate::event::ResourceKind`]
        kind: &'a str,
        /// app id
        app: &'a str,
        /// how often
        count: i64,
    }
}

/// Reads a framed post (CONTRACT section 1, Avro body) of schema [`ids::DEVICE_POST`].
///
/// # Errors
/// A structural fault: the whole post is `bad-avro`.
pub fn decode_device_post(bytes: &[u8]) -> Result<RawPost<'_>, CodecError> {
    unframed(ids::DEVICE_POST, bytes, RawPost::read)
}
