//! Fills the registry topics with synthetic devices.

use super::posts::{device_id, school_of};
use anyhow::Context;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use schemas::avro::{encode_device_record, encode_org_record};
use schemas::registry::{BelongingFrom, DeviceKind, DeviceRecord, DeviceState, Level, OrgRecord};
use schemas::time::Day;
use std::time::Duration;

/// Publishes a province and so many devices, each enrolled a while ago and in service since.
pub fn registry(bootstrap: &str, devices: u32) -> anyhow::Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", "50")
        .set("compression.codec", "lz4")
        .set("batch.size", "900000")
        .create()?;
    let mut value = Vec::new();
    encode_org_record(&province(), &mut value);
    send(&producer, "registry.orgs.v1", "440000", &value)?;
    for device_no in 0..devices {
        value.clear();
        encode_device_record(&device(device_no), &mut value);
        send(&producer, "registry.devices.v1", &device_no.to_string(), &value)?;
    }
    producer.flush(Duration::from_secs(60)).context("fill the registry topics")
}

fn send(producer: &BaseProducer, topic: &str, key: &str, value: &[u8]) -> anyhow::Result<()> {
    loop {
        match producer.send(BaseRecord::to(topic).key(key).payload(value)) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(20));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

fn device(device_no: u32) -> DeviceRecord {
    let belonging = |from_day, in_service| BelongingFrom {
        from_day,
        school_no: school_of(device_no),
        class_no: device_no + 1,
        division: 440_100 + school_of(device_no) % 12,
        in_service,
    };
    DeviceRecord {
        device_no,
        device_id: device_id(device_no),
        kind: DeviceKind::AllInOne,
        state: DeviceState::InService,
        token_gen: 1,
        revoked: false,
        enrolled_at_ms: 1_750_000_000_000,
        belongings: vec![belonging(Day::FIRST, false), belonging(Day(20_000), true)],
        rev: u64::from(device_no),
        updated_at_ms: 1_750_000_000_000,
    }
}

fn province() -> OrgRecord {
    OrgRecord {
        id: "440000".into(),
        level: Level::Province,
        name: "广东省".into(),
        parent: String::new(),
        division: 440_000,
        school_no: 0,
        class_no: 0,
        school_type: String::new(),
        status: Vec::new(),
        calendar: Vec::new(),
        bells: Vec::new(),
        batch: 0,
        pilot: false,
        rev: 1,
        updated_at_ms: 1_750_000_000_000,
    }
}
