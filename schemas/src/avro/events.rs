//! The events of an `EventRecord`: one array per type.

use super::wire::{Wire, record, symbols};
use super::{CodecError, Reader};
use crate::event::{
    AppSpans, Bandwidth, Burst, Camera, Cpu, Direction, Disk, Events, Fault, FaultClass, FaultState, Graphics,
    Heartbeat, Inventory, Link, Media, Method, Nic, Os, Ports, Power, PowerKind, Resource, ResourceKind, Screen,
    Software, SoftwareCategory, Span,
};

symbols!(PowerKind, Method, Link, Direction, Media, SoftwareCategory, FaultClass, FaultState, ResourceKind);

record!(Span { from_ms_ago, to_ms_ago });
record!(AppSpans { app, spans });
record!(Heartbeat { seq, at_ms, on, active, apps });
record!(Power { seq, at_ms, kind });
record!(Burst { seq, at_ms, anchor, method, link, busy, interval_ms, rtt_us });
record!(Bandwidth { seq, at_ms, direction, bytes, duration_us, streams });
record!(Cpu { model, cores, threads, base_mhz });
record!(Disk { gb, media, system, free_mb });
record!(Graphics { model, discrete, memory_mb });
record!(Nic { mac, mbps, link });
record!(Screen { inch, width, height, touch });
record!(Ports { usb2, usb3, typec, hdmi_out, hdmi_in, vga_out, vga_in });
record!(Camera { width, height, microphone });
record!(Os { name, version, build, activated });
record!(Software { category, name, version, licensed });
record!(Inventory { seq, at_ms, cpu, memory_mb, disks, graphics, nics, screen, ports, camera, os, software });
record!(Fault { seq, at_ms, class, state, id, detail });
record!(Resource { seq, at_ms, kind, app, count });
record!(Events { heartbeats, power, bursts, bandwidth, inventory, faults, resources });

/// The streams that a reader wants; the arrays of the others are passed over and left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// heartbeats, power
    pub activity: bool,
    /// bursts, bandwidth
    pub network: bool,
    /// inventory, faults
    pub device: bool,
    /// resources
    pub resource: bool,
}

impl Streams {
    /// Every stream.
    pub const ALL: Streams = Streams { activity: true, network: true, device: true, resource: true };
    /// No stream: the envelope alone.
    pub const NONE: Streams = Streams { activity: false, network: false, device: false, resource: false };
}

/// Reads the arrays of the wanted streams.
pub(super) fn read_events(reader: &mut Reader<'_>, wanted: Streams) -> Result<Events, CodecError> {
    Ok(Events {
        heartbeats: read_if(wanted.activity, reader)?,
        power: read_if(wanted.activity, reader)?,
        bursts: read_if(wanted.network, reader)?,
        bandwidth: read_if(wanted.network, reader)?,
        inventory: read_if(wanted.device, reader)?,
        faults: read_if(wanted.device, reader)?,
        resources: read_if(wanted.resource, reader)?,
    })
}

#[inline]
fn read_if<T: Wire>(wanted: bool, reader: &mut Reader<'_>) -> Result<Vec<T>, CodecError> {
    if wanted {
        return Vec::read(reader);
    }
    Vec::<T>::skip(reader)?;
    Ok(Vec::new())
}
