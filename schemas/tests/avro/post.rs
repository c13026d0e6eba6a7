//! The agents' post: any structurally sound body survives to be judged, malformed spans and unknown names included.

use super::arbitrary::Arb;
use super::equality::write_in_sized_blocks;
use super::value::{Style, ToValue, record};
use super::{frame, read_by_apache, schema, written_by_apache};
use apache_avro::Schema;
use apache_avro::types::Value;
use proptest::prelude::*;
use schemas::avro::*;
use schemas::event::{Events, Post};

/// Any value of a schema; the posts' schema has no references.
fn any_value(schema: &Schema) -> BoxedStrategy<Value> {
    match schema {
        Schema::Null => Just(Value::Null).boxed(),
        Schema::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        Schema::Long => any::<i64>().prop_map(Value::Long).boxed(),
        Schema::TimestampMillis => any::<i64>().prop_map(Value::TimestampMillis).boxed(),
        Schema::String => "\\PC{0,20}".prop_map(Value::String).boxed(),
        Schema::Array(array) => proptest::collection::vec(any_value(&array.items), 0..4).prop_map(Value::Array).boxed(),
        Schema::Union(union) => {
            let branches = union.variants().iter().enumerate().map(|(i, branch)| {
                any_value(branch).prop_map(move |value| Value::Union(i as u32, Box::new(value))).boxed()
            });
            proptest::strategy::Union::new(branches).boxed()
        }
        Schema::Record(record) => {
            let names: Vec<String> = record.fields.iter().map(|field| field.name.clone()).collect();
            let fields: Vec<_> = record.fields.iter().map(|field| any_value(&field.schema)).collect();
            fields.prop_map(move |values| Value::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        other => panic!("not in the schema of posts: {other:?}"),
    }
}

/// What the raw reader keeps of a value: of spans the length, and the two numbers if there are two.
fn kept(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(kept_element).collect()),
        Value::Record(fields) => Value::Record(fields.into_iter().map(|(name, value)| (name, kept(value))).collect()),
        Value::Union(branch, value) => Value::Union(branch, Box::new(kept(*value))),
        other => other,
    }
}

fn kept_element(element: Value) -> Value {
    match element {
        Value::Array(numbers) if numbers.len() == 2 => Value::Array(numbers),
        Value::Array(numbers) => Value::Long(numbers.len() as i64),
        other => kept(other),
    }
}

/// A raw value as apache-avro's.
trait RawValue {
    fn raw_value(&self) -> Value;
}

impl RawValue for i64 {
    fn raw_value(&self) -> Value {
        Value::Long(*self)
    }
}

impl RawValue for bool {
    fn raw_value(&self) -> Value {
        Value::Boolean(*self)
    }
}

impl RawValue for &str {
    fn raw_value(&self) -> Value {
        Value::String((*self).to_owned())
    }
}

impl RawValue for RawSpan {
    fn raw_value(&self) -> Value {
        match self.pair() {
            Some((from, to)) => Value::Array(vec![Value::Long(from), Value::Long(to)]),
            None => Value::Long(self.len as i64),
        }
    }
}

impl<T: RawValue> RawValue for Option<T> {
    fn raw_value(&self) -> Value {
        match self {
            None => Value::Union(0, Box::new(Value::Null)),
            Some(value) => Value::Union(1, Box::new(value.raw_value())),
        }
    }
}

macro_rules! raw_values {
    ($($type:ident $(<$life:lifetime>)? { $($name:literal: $field:ident),+ })+) => {$(
        impl RawValue for $type $(<$life>)? {
            fn raw_value(&self) -> Value {
                record([$(($name, self.$field.raw_value())),+])
            }
        }

        impl RawValue for RawArray<'_, $type $(<$life>)?> {
            fn raw_value(&self) -> Value {
                assert_eq!(self.iter().len(), self.iter().count());
                Value::Array(self.iter().map(|element| element.raw_value()).collect())
            }
        }
    )+};
}

impl RawValue for RawArray<'_, RawSpan> {
    fn raw_value(&self) -> Value {
        Value::Array(self.iter().map(|span| span.raw_value()).collect())
    }
}

impl RawValue for RawArray<'_, Option<i64>> {
    fn raw_value(&self) -> Value {
        Value::Array(self.iter().map(|rtt| rtt.raw_value()).collect())
    }
}

raw_values! {
    RawHeartbeat<'_> { "seq": seq, "at": at_ms, "on": on, "active": active, "apps": apps }
    RawApp<'_> { "app": app, "spans": spans }
    RawPower<'_> { "seq": seq, "at": at_ms, "kind": kind }
    RawBurst<'_> {
        "seq": seq, "at": at_ms, "anchor": anchor, "method": method, "link": link, "busy": busy,
        "interval_ms": interval_ms, "rtt_us": rtt_us
    }
    RawBandwidth<'_> {
        "seq": seq, "at": at_ms, "direction": direction, "bytes": bytes, "duration_us": duration_us, "streams": streams
    }
    RawInventory<'_> {
        "seq": seq, "at": at_ms, "cpu": cpu, "memory_mb": memory_mb, "disks": disks, "graphics": graphics, "nics": nics,
        "screen": screen, "ports": ports, "camera": camera, "os": os, "software": software
    }
    RawCpu<'_> { "model": model, "cores": cores, "threads": threads, "base_mhz": base_mhz }
    RawDisk<'_> { "gb": gb, "media": media, "system": system, "free_mb": free_mb }
    RawGraphics<'_> { "model": model, "discrete": discrete, "memory_mb": memory_mb }
    RawNic<'_> { "mac": mac, "mbps": mbps, "link": link }
    RawScreen { "inch": inch, "width": width, "height": height, "touch": touch }
    RawPorts {
        "usb2": usb2, "usb3": usb3, "typec": typec, "hdmi_out": hdmi_out, "hdmi_in": hdmi_in, "vga_out": vga_out,
        "vga_in": vga_in
    }
    RawCamera { "width": width, "height": height, "microphone": microphone }
    RawOs<'_> { "name": name, "version": version, "build": build, "activated": activated }
    RawSoftware<'_> { "category": category, "name": name, "version": version, "licensed": licensed }
    RawFault<'_> { "seq": seq, "at": at_ms, "class": class, "state": state, "id": id, "detail": detail }
    RawResource<'_> { "seq": seq, "at": at_ms, "kind": kind, "app": app, "count": count }
    RawPost<'_> {
        "boot_id": boot_id, "sent_at": sent_at_ms, "clock_offset_ms": clock_offset_ms, "agent": agent,
        "heartbeats": heartbeats, "power": power, "bursts": bursts, "bandwidth": bandwidth, "inventory": inventory,
        "faults": faults, "resources": resources
    }
}

#[test]
fn any_sound_post_is_read_as_apache_avro_wrote_it() {
    let schema = schema(ids::DEVICE_POST);
    proptest!(ProptestConfig::with_cases(300), |(value in any_value(&schema))| {
        let expected = kept(value.clone());
        let theirs = written_by_apache(&schema, ids::DEVICE_POST, value.clone());
        prop_assert_eq!(&decode_device_post(&theirs).unwrap().raw_value(), &expected);
        let mut blocks = frame(ids::DEVICE_POST);
        write_in_sized_blocks(&value, &mut blocks);
        prop_assert_eq!(&decode_device_post(&blocks).unwrap().raw_value(), &expected);
    });
}

proptest! {
    #[test]
    fn posts_of_agents_are_read_by_apache_avro_and_by_the_edge(post in Post::arb()) {
        let value = post.value(Style::Post);
        let mut ours = Vec::new();
        encode_device_post(&post, &mut ours);
        let raw = decode_device_post(&ours).unwrap();
        prop_assert_eq!(raw.events(), post.events.len());
        let order = device_post_order(&post.events);
        prop_assert_eq!(order.len(), post.events.len());
        let mut arranged = Events::default();
        order.iter().for_each(|&i| arranged.push(post.events[i].clone()));
        let mut events = Events::default();
        post.events.iter().cloned().for_each(|event| events.push(event));
        prop_assert_eq!(arranged, events, "the order of the arrays keeps the order of the post");
        prop_assert_eq!(&raw.raw_value(), &value);
        prop_assert_eq!(read_by_apache(&schema(ids::DEVICE_POST), &ours), value);
    }
}

/// A power event as its three fields.
fn write_power(writer: &mut Writer<'_>, seq: i64, kind: &str) {
    writer.long(seq);
    writer.long(0);
    writer.string(kind);
}

#[test]
fn what_was_sent_of_each_event_is_at_hand() {
    let mut body = frame(ids::DEVICE_POST);
    let mut writer = Writer::new(&mut body);
    writer.string("b");
    writer.long(1);
    writer.long(0);
    writer.string("1");
    let none = |writer: &mut Writer<'_>| writer.array(0, std::iter::empty::<()>(), |_, ()| {});
    none(&mut writer);
    writer.array(2, [(7, "x"), (8, "boot")].into_iter(), |writer, (seq, kind)| write_power(writer, seq, kind));
    (0..5).for_each(|_| none(&mut writer));
    let post = decode_device_post(&body).unwrap();
    let mut power = post.power.iter();
    let (first, bytes) = power.next_with_bytes().unwrap();
    assert_eq!((first.seq, first.kind, bytes), (7, "x", &[14, 0, 2, b'x'][..]));
    assert_eq!(power.next().unwrap().kind, "boot");
    assert!(power.next().is_none());
}
