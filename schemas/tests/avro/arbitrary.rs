//! Any record, over the full range of each field's type.

use compact_str::CompactString;
use proptest::prelude::*;
use proptest::sample::select;
use schemas::codes::EventCode;
use schemas::event::*;
use schemas::record::*;
use schemas::registry::*;
use schemas::time::Day;
use uuid::Uuid;

pub trait Arb: Sized + std::fmt::Debug + 'static {
    fn arb() -> BoxedStrategy<Self>;
}

macro_rules! any_of {
    ($($type:ty),+) => {$(
        impl Arb for $type {
            fn arb() -> BoxedStrategy<Self> {
                any::<$type>().boxed()
            }
        }
    )+};
}
any_of!(bool, i32, i64, u64, Vec<u8>);

/// Small and large numbers alike, so that every length of a varint is met.
impl Arb for u32 {
    fn arb() -> BoxedStrategy<Self> {
        (any::<u32>(), 0..32u32).prop_map(|(number, shift)| number >> shift).boxed()
    }
}

impl Arb for Day {
    fn arb() -> BoxedStrategy<Self> {
        any::<i32>().prop_map(Day).boxed()
    }
}

impl Arb for String {
    fn arb() -> BoxedStrategy<Self> {
        "\\PC{0,40}".boxed()
    }
}

impl Arb for CompactString {
    fn arb() -> BoxedStrategy<Self> {
        String::arb().prop_map(CompactString::from).boxed()
    }
}

impl Arb for Uuid {
    fn arb() -> BoxedStrategy<Self> {
        any::<u128>().prop_map(Uuid::from_u128).boxed()
    }
}

impl Arb for (u32, u32) {
    fn arb() -> BoxedStrategy<Self> {
        (u32::arb(), u32::arb()).boxed()
    }
}

impl<T: Arb> Arb for Option<T> {
    fn arb() -> BoxedStrategy<Self> {
        proptest::option::of(T::arb()).boxed()
    }
}

impl<T: Arb + Clone> Arb for Vec<T>
where
    Vec<T>: Many,
{
    fn arb() -> BoxedStrategy<Self> {
        proptest::collection::vec(T::arb(), 0..5).boxed()
    }
}

/// Tells arrays from `bytes`.
pub trait Many {}

macro_rules! enums {
    ($($type:ty),+ $(,)?) => {$(
        impl Arb for $type {
            fn arb() -> BoxedStrategy<Self> {
                select(<$type>::ALL).boxed()
            }
        }
    )+};
}
enums!(
    PowerKind,
    Method,
    Link,
    Direction,
    Media,
    SoftwareCategory,
    FaultClass,
    FaultState,
    ResourceKind,
    EventCode,
    Level,
    SchoolStatus,
    DeviceKind,
    DeviceState,
);

macro_rules! arb_record {
    ($type:ident { $($a:ident),+ $(; $($b:ident),+)? }) => {
        impl Arb for $type {
            fn arb() -> BoxedStrategy<Self> {
                (($(of(|value: &$type| &value.$a),)+), ($($(of(|value: &$type| &value.$b),)+)? Just(()),))
                    .prop_map(|(($($a,)+), ($($($b,)+)? (),))| $type { $($a),+ $(, $($b),+)? })
                    .boxed()
            }
        }
    };
}

/// The strategy of the type of a field.
fn of<S, T: Arb>(_field: impl Fn(&S) -> &T) -> BoxedStrategy<T> {
    T::arb()
}

macro_rules! many {
    ($($type:ty),+ $(,)?) => { $(impl Many for Vec<$type> {})+ };
}
many!(
    Span,
    AppSpans,
    Heartbeat,
    Power,
    Burst,
    Bandwidth,
    Disk,
    Graphics,
    Nic,
    Software,
    Inventory,
    Fault,
    Resource,
    Option<i32>,
    StatusSpan,
    CalendarSpan,
    Bells,
    BelongingFrom,
    Shift,
    (u32, u32),
    Event,
);

arb_record!(Span { from_ms_ago, to_ms_ago });
arb_record!(AppSpans { app, spans });
arb_record!(Heartbeat { seq, at_ms, on, active, apps });
arb_record!(Power { seq, at_ms, kind });
arb_record!(Burst { seq, at_ms, anchor, method, link, busy, interval_ms, rtt_us });
arb_record!(Bandwidth { seq, at_ms, direction, bytes, duration_us, streams });
arb_record!(Cpu { model, cores, threads, base_mhz });
arb_record!(Disk { gb, media, system, free_mb });
arb_record!(Graphics { model, discrete, memory_mb });
arb_record!(Nic { mac, mbps, link });
arb_record!(Screen { inch, width, height, touch });
arb_record!(Ports { usb2, usb3, typec, hdmi_out, hdmi_in, vga_out, vga_in });
arb_record!(Camera { width, height, microphone });
arb_record!(Os { name, version, build, activated });
arb_record!(Software { category, name, version, licensed });
arb_record!(Inventory {
    seq, at_ms, cpu, memory_mb, disks, graphics; nics, screen, ports, camera, os, software
});
arb_record!(Fault { seq, at_ms, class, state, id, detail });
arb_record!(Resource { seq, at_ms, kind, app, count });
arb_record!(Events { heartbeats, power, bursts, bandwidth, inventory, faults, resources });
arb_record!(Belonging { school_no, class_no, division, in_service, from_day, until_day });
arb_record!(Correction { seq, marker, school_no, class_no, division, in_service });
arb_record!(RejectedRecord { device_no, boot_id, received_at_ms, index, code, detail, raw });
arb_record!(DeadRecord { topic, partition, offset, group, reason, detail, at_ms, key, value });
arb_record!(StatusSpan { from_day, status });
arb_record!(CalendarSpan { from_day, until_day, school_day, name, provisional });
arb_record!(Bells { from_day, lessons });
arb_record!(OrgRecord {
    id, level, name, parent, division, school_no, class_no, school_type; status, calendar, bells, batch, pilot, rev,
    updated_at_ms
});
arb_record!(BelongingFrom { from_day, school_no, class_no, division, in_service });
arb_record!(Shift {
    device_no, from_day, until_day, old_school_no, old_class_no, old_division; old_in_service, school_no, class_no,
    division, in_service
});
arb_record!(CorrectionRecord {
    no, seq, kind, object, from_day, until_day, reason; proposed_by, approved_by, approved_at_ms, shifts, rev
});
arb_record!(DeviceRecord {
    device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms; belongings, rev, updated_at_ms
});
arb_record!(Post { boot_id, sent_at_ms, clock_offset_ms, agent, events });

/// As the edge writes them.
impl Arb for EventRecord {
    fn arb() -> BoxedStrategy<Self> {
        let head =
            (u32::arb(), Uuid::arb(), CompactString::arb(), i64::arb(), i64::arb(), Belonging::arb(), Events::arb());
        head.prop_map(|(device_no, boot_id, agent, received_at_ms, clock_offset_ms, belonging, events)| EventRecord {
            device_no,
            boot_id,
            agent,
            received_at_ms,
            clock_offset_ms,
            belonging,
            events,
            correction: None,
        })
        .boxed()
    }
}

/// A record with a correction, which is another version of the schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrected(pub EventRecord);

impl Arb for Corrected {
    fn arb() -> BoxedStrategy<Self> {
        let with = |(record, correction)| Corrected(EventRecord { correction: Some(correction), ..record });
        (EventRecord::arb(), Correction::arb()).prop_map(with).boxed()
    }
}

impl Arb for Event {
    fn arb() -> BoxedStrategy<Self> {
        prop_oneof![
            Heartbeat::arb().prop_map(Event::Heartbeat),
            Power::arb().prop_map(Event::Power),
            Burst::arb().prop_map(Event::Burst),
            Bandwidth::arb().prop_map(Event::Bandwidth),
            Inventory::arb().prop_map(|inventory| Event::Inventory(Box::new(inventory))),
            Fault::arb().prop_map(Event::Fault),
            Resource::arb().prop_map(Event::Resource),
        ]
        .boxed()
    }
}
