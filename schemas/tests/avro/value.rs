//! Records as apache-avro's values, written down apart from the codec.

use super::arbitrary::Corrected;
use apache_avro::types::Value;
use compact_str::CompactString;
use schemas::codes::EventCode;
use schemas::event::*;
use schemas::record::*;
use schemas::registry::*;
use schemas::time::Day;
use uuid::Uuid;

/// Which schema the value is for: agents' posts have names as strings, spans as arrays, and no `int`.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Record,
    Post,
}

pub trait ToValue {
    fn value(&self, style: Style) -> Value;
}

macro_rules! to_value {
    ($($type:ty: |$it:ident, $style:ident| $value:expr;)+) => {$(
        impl ToValue for $type {
            fn value(&self, $style: Style) -> Value {
                let $it = self;
                $value
            }
        }
    )+};
}
to_value! {
    bool: |it, _style| Value::Boolean(*it);
    i64: |it, _style| Value::Long(*it);
    u32: |it, _style| Value::Long(i64::from(*it));
    u64: |it, _style| Value::Long(*it as i64);
    i32: |it, style| if style == Style::Post { Value::Long(i64::from(*it)) } else { Value::Int(*it) };
    Day: |it, _style| Value::Date(it.0);
    String: |it, _style| Value::String(it.clone());
    CompactString: |it, _style| Value::String(it.to_string());
    Uuid: |it, _style| Value::String(it.to_string());
    EventCode: |it, _style| Value::String(it.as_str().to_owned());
    Vec<u8>: |it, _style| Value::Bytes(it.clone());
    (u32, u32): |it, style| record([("start_s", it.0.value(style)), ("end_s", it.1.value(style))]);
    Span: |it, style| span(it, style);
    Event: |it, style| event(it, style);
}

fn span(span: &Span, style: Style) -> Value {
    let (from, to) = (span.from_ms_ago.value(style), span.to_ms_ago.value(style));
    match style {
        Style::Record => record([("from_ms_ago", from), ("to_ms_ago", to)]),
        Style::Post => Value::Array(vec![from, to]),
    }
}

fn event(event: &Event, style: Style) -> Value {
    match event {
        Event::Heartbeat(e) => e.value(style),
        Event::Power(e) => e.value(style),
        Event::Burst(e) => e.value(style),
        Event::Bandwidth(e) => e.value(style),
        Event::Inventory(e) => e.value(style),
        Event::Fault(e) => e.value(style),
        Event::Resource(e) => e.value(style),
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn value(&self, style: Style) -> Value {
        match self {
            None => Value::Union(0, Box::new(Value::Null)),
            Some(value) => Value::Union(1, Box::new(value.value(style))),
        }
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn value(&self, style: Style) -> Value {
        Value::Array(self.iter().map(|element| element.value(style)).collect())
    }
}

macro_rules! names {
    ($($type:ty),+ $(,)?) => {$(
        impl ToValue for $type {
            fn value(&self, style: Style) -> Value {
                let index = <$type>::ALL.iter().position(|symbol| symbol == self).unwrap();
                match style {
                    Style::Record => Value::Enum(index as u32, self.as_str().to_owned()),
                    Style::Post => Value::String(self.as_str().to_owned()),
                }
            }
        }
    )+};
}
names!(
    PowerKind,
    Method,
    Link,
    Direction,
    Media,
    SoftwareCategory,
    FaultClass,
    FaultState,
    ResourceKind,
    Level,
    SchoolStatus,
    DeviceKind,
    DeviceState,
);

/// A record; instants, told by the schema's names, become timestamps.
pub fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), timed(name, value))).collect())
}

fn timed(name: &str, value: Value) -> Value {
    match value {
        Value::Long(ms) if name == "at" || name.ends_with("_at") => Value::TimestampMillis(ms),
        other => other,
    }
}

/// Fields are named as in the schema: without the unit `_ms` of instants.
macro_rules! record_value {
    ($($type:ident { $($field:ident),+ })+) => {$(
        impl ToValue for $type {
            fn value(&self, style: Style) -> Value {
                record([$((name_of(stringify!($field)), self.$field.value(style))),+])
            }
        }
    )+};
}

fn name_of(field: &str) -> &str {
    match field {
        "at_ms" => "at",
        "received_at_ms" => "received_at",
        "updated_at_ms" => "updated_at",
        "enrolled_at_ms" => "enrolled_at",
        "approved_at_ms" => "approved_at",
        "sent_at_ms" => "sent_at",
        other => other,
    }
}

record_value! {
    AppSpans { app, spans }
    Heartbeat { seq, at_ms, on, active, apps }
    Power { seq, at_ms, kind }
    Burst { seq, at_ms, anchor, method, link, busy, interval_ms, rtt_us }
    Bandwidth { seq, at_ms, direction, bytes, duration_us, streams }
    Cpu { model, cores, threads, base_mhz }
    Disk { gb, media, system, free_mb }
    Graphics { model, discrete, memory_mb }
    Nic { mac, mbps, link }
    Screen { inch, width, height, touch }
    Ports { usb2, usb3, typec, hdmi_out, hdmi_in, vga_out, vga_in }
    Camera { width, height, microphone }
    Os { name, version, build, activated }
    Software { category, name, version, licensed }
    Inventory { seq, at_ms, cpu, memory_mb, disks, graphics, nics, screen, ports, camera, os, software }
    Fault { seq, at_ms, class, state, id, detail }
    Resource { seq, at_ms, kind, app, count }
    Events { heartbeats, power, bursts, bandwidth, inventory, faults, resources }
    Belonging { school_no, class_no, division, in_service, from_day, until_day }
    RejectedRecord { device_no, boot_id, received_at_ms, index, code, detail, raw }
    DeadRecord { topic, partition, offset, group, reason, detail, at_ms, key, value }
    StatusSpan { from_day, status }
    CalendarSpan { from_day, until_day, school_day, name, provisional }
    Bells { from_day, lessons }
    OrgRecord {
        id, level, name, parent, division, school_no, class_no, school_type, status, calendar, bells, batch, pilot, rev,
        updated_at_ms
    }
    BelongingFrom { from_day, school_no, class_no, division, in_service }
    Correction { seq, marker, school_no, class_no, division, in_service }
    Shift {
        device_no, from_day, until_day, old_school_no, old_class_no, old_division, old_in_service, school_no, class_no,
        division, in_service
    }
    CorrectionRecord {
        no, seq, kind, object, from_day, until_day, reason, proposed_by, approved_by, approved_at_ms, shifts, rev
    }
    DeviceRecord {
        device_no, device_id, kind, state, token_gen, revoked, enrolled_at_ms, belongings, rev, updated_at_ms
    }
}

impl ToValue for EventRecord {
    fn value(&self, style: Style) -> Value {
        let envelope = record([
            ("device_no", self.device_no.value(style)),
            ("boot_id", self.boot_id.value(style)),
            ("agent", self.agent.value(style)),
            ("received_at", self.received_at_ms.value(style)),
            ("clock_offset_ms", self.clock_offset_ms.value(style)),
        ]);
        joined([envelope, self.belonging.value(style), self.events.value(style)])
    }
}

impl ToValue for Corrected {
    fn value(&self, style: Style) -> Value {
        let correction = self.0.correction.unwrap().value(style);
        joined([self.0.value(style), record([("correction", Value::Union(1, Box::new(correction)))])])
    }
}

impl ToValue for Post {
    fn value(&self, style: Style) -> Value {
        let envelope = record([
            ("boot_id", self.boot_id.value(style)),
            ("sent_at", self.sent_at_ms.value(style)),
            ("clock_offset_ms", self.clock_offset_ms.value(style)),
            ("agent", self.agent.value(style)),
        ]);
        let mut events = Events::default();
        self.events.iter().cloned().for_each(|event| events.push(event));
        joined([envelope, events.value(style)])
    }
}

/// Records whose schema is flat.
fn joined<const N: usize>(parts: [Value; N]) -> Value {
    let fields = parts.into_iter().flat_map(|part| match part {
        Value::Record(fields) => fields,
        other => panic!("not a record: {other:?}"),
    });
    Value::Record(fields.collect())
}
