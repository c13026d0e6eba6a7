//! Follows the schools' bells in `registry.orgs.v1`. A change is published before the midnight at which it enters
//! into force, so a timetable that was read to its end once and is followed since is right for every past day (P4).

use crate::logic::bells::Timetable;
use crate::roster::reader::{Next, TopicReader};
use runtime::config::KafkaConfig;
use schemas::avro::decode_org_record;
use schemas::org::OrgId;
use schemas::registry::Level;
use std::sync::Arc;
use tokio::sync::watch;

/// The timetable of now; `None` until the topic was read to its end once.
pub type Bells = watch::Receiver<Option<Arc<Timetable>>>;

/// Reads the topic from its beginning and goes on for ever; ends when nobody listens any more.
///
/// # Errors
/// The consumer cannot be created.
pub async fn follow(kafka: KafkaConfig, bells: watch::Sender<Option<Arc<Timetable>>>) -> anyhow::Result<()> {
    let mut reader = TopicReader::new(&kafka, "registry.orgs.v1")?;
    reader.open().await;
    let mut timetable = Timetable::default();
    let mut changed = true;
    while !bells.is_closed() {
        changed |= match reader.next().await {
            Next::Value(value) => take(&mut timetable, &value),
            Next::Tombstone(key) => forget(&mut timetable, &key),
            Next::Nothing => false,
        };
        if reader.at_end() && std::mem::take(&mut changed) {
            bells.send_replace(Some(Arc::new(timetable.clone())));
        }
    }
    Ok(())
}

/// Takes an organisation's bells over; true if that changes anything.
fn take(timetable: &mut Timetable, value: &[u8]) -> bool {
    match decode_org_record(value) {
        Ok(org) if org.level == Level::School => timetable.set(org.school_no, org.bells),
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(%error, "organisation left out of the timetable");
            false
        }
    }
}

fn forget(timetable: &mut Timetable, key: &[u8]) -> bool {
    match std::str::from_utf8(key).ok().and_then(OrgId::parse) {
        Some(OrgId::School(school_no)) => timetable.set(school_no, Vec::new()),
        _ => false,
    }
}
