//! The agents' Avro post, written.

use super::frame::framed;
use super::{Writer, ids};
use crate::event::{
    AppSpans, Bandwidth, Burst, Camera, Cpu, Direction, Disk, Event, Fault, FaultClass, FaultState, Graphics,
    Heartbeat, Inventory, Link, Media, Method, Nic, Os, Ports, Post, Power, PowerKind, Resource, ResourceKind, Screen,
    Software, SoftwareCategory, Span,
};
use compact_str::CompactString;
use uuid::Uuid;

/// How a type is written in a post: names as strings, spans as arrays, so that the edge can name each invalid event.
trait PostWire {
    fn write(&self, writer: &mut Writer<'_>);
}

macro_rules! longs {
    ($($type:ty),+) => {$(
        impl PostWire for $type {
            fn write(&self, writer: &mut Writer<'_>) {
                writer.long(i64::from(*self));
            }
        }
    )+};
}
longs!(i32, u32, i64);

/// Beyond `i64` it is negative and so refused by the edge; no counter of an agent gets there.
impl PostWire for u64 {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(self.cast_signed());
    }
}

impl PostWire for bool {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.boolean(*self);
    }
}

impl PostWire for CompactString {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self);
    }
}

impl PostWire for Uuid {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}

impl PostWire for Span {
    fn write(&self, writer: &mut Writer<'_>) {
        let pair = [self.from_ms_ago, self.to_ms_ago];
        writer.array(2, pair.iter(), |writer, ms| ms.write(writer));
    }
}

impl<T: PostWire> PostWire for Option<T> {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.long(i64::from(self.is_some()));
        if let Some(value) = self {
            value.write(writer);
        }
    }
}

impl<T: PostWire> PostWire for Vec<T> {
    fn write(&self, writer: &mut Writer<'_>) {
        writer.array(self.len(), self.iter(), |writer, element| element.write(writer));
    }
}

macro_rules! names {
    ($($type:ident),+ $(,)?) => {$(
        impl PostWire for $type {
            fn write(&self, writer: &mut Writer<'_>) {
                writer.string(self.as_str());
            }
        }
    )+};
}
names!(PowerKind, Method, Link, Direction, Media, SoftwareCategory, FaultClass, FaultState, ResourceKind);

macro_rules! post_record {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl PostWire for $type {
            fn write(&self, writer: &mut Writer<'_>) {
                $(self.$field.write(writer);)+
            }
        }
    };
}
post_record!(AppSpans { app, spans });
post_record!(Heartbeat { seq, at_ms, on, active, apps });
post_record!(Power { seq, at_ms, kind });
post_record!(Burst { seq, at_ms, anchor, method, link, busy, interval_ms, rtt_us });
post_record!(Bandwidth { seq, at_ms, direction, bytes, duration_us, streams });
post_record!(Cpu { model, cores, threads, base_mhz });
post_record!(Disk { gb, media, system, free_mb });
post_record!(Graphics { model, discrete, memory_mb });
post_record!(Nic { mac, mbps, link });
post_record!(Screen { inch, width, height, touch });
post_record!(Ports { usb2, usb3, typec, hdmi_out, hdmi_in, vga_out, vga_in });
post_record!(Camera { width, height, microphone });
post_record!(Os { name, version, build, activated });
post_record!(Software { category, name, version, licensed });
post_record!(Inventory { seq, at_ms, cpu, memory_mb, disks, graphics, nics, screen, ports, camera, os, software });
post_record!(Fault { seq, at_ms, class, state, id, detail });
post_record!(Resource { seq, at_ms, kind, app, count });

impl PostWire for Event {
    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Event::Heartbeat(e) => e.write(writer),
            Event::Power(e) => e.write(writer),
            Event::Burst(e) => e.write(writer),
            Event::Bandwidth(e) => e.write(writer),
            Event::Inventory(e) => e.write(writer),
            Event::Fault(e) => e.write(writer),
            Event::Resource(e) => e.write(writer),
        }
    }
}

/// Number of arrays of events in a post.
const ARRAYS: usize = 7;

/// The array that an event goes into.
const fn array_of(event: &Event) -> usize {
    match event {
        Event::Heartbeat(_) => 0,
        Event::Power(_) => 1,
        Event::Burst(_) => 2,
        Event::Bandwidth(_) => 3,
        Event::Inventory(_) => 4,
        Event::Fault(_) => 5,
        Event::Resource(_) => 6,
    }
}

/// Appends a post as framed Avro (CONTRACT section 1). The index `i` of the edge's answer counts as in
/// [`device_post_order`].
pub fn encode_device_post(post: &Post, out: &mut Vec<u8>) {
    framed(ids::DEVICE_POST, out, |writer| {
        post.boot_id.write(writer);
        post.sent_at_ms.write(writer);
        post.clock_offset_ms.write(writer);
        post.agent.write(writer);
        for array in 0..ARRAYS {
            let events = post.events.iter().filter(|event| array_of(event) == array);
            writer.array(events.clone().count(), events, |writer, event| event.write(writer));
        }
    });
}

/// Of each event of the encoded post, in the order of its arrays: the index in `events`.
#[must_use]
pub fn device_post_order(events: &[Event]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|&i| array_of(&events[i]));
    order
}
