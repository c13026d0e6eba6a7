//! The agents' Avro post, decoded only as far as its structure: what the events say is for the edge to judge, one by
//! one, so values out of range, malformed spans and unknown names all survive.
//!
//! Nothing is copied: arrays stay in the body, checked once, and are read again when they are walked. So memory does
//! not grow with hostile bodies (an array of empty arrays is one byte an element).

use super::frame::unframed;
use super::{CodecError, Reader, ids};
use std::fmt;
use std::marker::PhantomData;

/// What can be read lazily out of a body.
pub trait Raw<'a>: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// A structural fault.
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError>;
}

impl<'a> Raw<'a> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.long()
    }
}

impl<'a> Raw<'a> for bool {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.boolean()
    }
}

impl<'a> Raw<'a> for &'a str {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        reader.string()
    }
}

impl<'a, T: Raw<'a>> Raw<'a> for Option<T> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        Ok(if reader.is_some()? { Some(T::read(reader)?) } else { None })
    }
}

/// An array inside a body, structurally sound.
pub struct RawArray<'a, T> {
    body: &'a [u8],
    len: usize,
    elements: PhantomData<fn() -> T>,
}

impl<'a, T: Raw<'a>> RawArray<'a, T> {
    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements, read as they are asked for.
    #[must_use]
    pub const fn iter(&self) -> RawIter<'a, T> {
        RawIter { reader: Reader::new(self.body), in_block: 0, left: self.len, elements: PhantomData }
    }

    /// The bytes of the array as sent, e.g. to keep what was refused.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.body
    }
}

impl<'a, T: Raw<'a>> Raw<'a> for RawArray<'a, T> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let before = reader.rest();
        let mut len = 0;
        reader.array(|reader| {
            len += 1;
            T::read(reader).map(drop)
        })?;
        let body = &before[..before.len() - reader.rest().len()];
        Ok(RawArray { body, len, elements: PhantomData })
    }
}

impl<T> Clone for RawArray<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RawArray<'_, T> {}

impl<T> fmt::Debug for RawArray<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArray").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<'a, T: Raw<'a>> IntoIterator for &RawArray<'a, T> {
    type Item = T;
    type IntoIter = RawIter<'a, T>;

    fn into_iter(self) -> RawIter<'a, T> {
        self.iter()
    }
}

/// The elements of a [`RawArray`].
pub struct RawIter<'a, T> {
    reader: Reader<'a>,
    in_block: u64,
    left: usize,
    elements: PhantomData<fn() -> T>,
}

impl<'a, T: Raw<'a>> RawIter<'a, T> {
    /// The next element and its bytes as sent.
    pub fn next_with_bytes(&mut self) -> Option<(T, &'a [u8])> {
        // `ok()?` never ends early: the array was read to its end before.
        while self.in_block == 0 {
            self.in_block = self.reader.block().ok()??.count;
        }
        self.in_block -= 1;
        self.left = self.left.saturating_sub(1);
        let before = self.reader.rest();
        let element = T::read(&mut self.reader).ok()?;
        Some((element, &before[..before.len() - self.reader.rest().len()]))
    }
}

impl<'a, T: Raw<'a>> Iterator for RawIter<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_with_bytes().map(|(element, _)| element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a, T: Raw<'a>> ExactSizeIterator for RawIter<'a, T> {}

/// A span as sent: an array of any number of longs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSpan {
    /// Number of longs; 2 in a well-formed span.
    pub len: usize,
    first: i64,
    second: i64,
}

impl RawSpan {
    /// `(from_ms_ago, to_ms_ago)` if there are exactly two numbers; their order and range are not checked.
    #[must_use]
    pub const fn pair(self) -> Option<(i64, i64)> {
        if self.len == 2 { Some((self.first, self.second)) } else { None }
    }
}

impl<'a> Raw<'a> for RawSpan {
    fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let mut span = RawSpan { len: 0, first: 0, second: 0 };
        reader.array(|reader| {
            (span.first, span.second) = match span.len {
                0 => (reader.long()?, 0),
                1 => (span.first, reader.long()?),
                _ => (span.first, reader.long().map(|_| span.second)?),
            };
            span.len += 1;
            Ok(())
        })?;
        Ok(span)
    }
}

/// A record whose fields are read in the order of `device_post.avsc`.
macro_rules! raw_record {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? { $($(#[$fdoc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name $(<$life>)? { $($(#[$fdoc])* pub $field: $type),+ }

        impl<'a> Raw<'a> for $name $(<$life>)? {
            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
                $(let $field = Raw::read(reader)?;)+
                Ok($name { $($field),+ })
            }
        }
    };
}

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
        self.heartbeats.len
            + self.power.len
            + self.bursts.len
            + self.bandwidth.len
            + self.inventory.len
            + self.faults.len
            + self.resources.len
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
