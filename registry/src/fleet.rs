//! The file from which `fleet` plays: one JSON object a line, by device number, with a token of each device.

use crate::logic::model::Device;
use crate::store::{Store, StoreError};
use crate::tokens::{Signer, TokenError};
use schemas::registry::{BelongingFrom, DeviceKind, DeviceRecord, DeviceState};
use schemas::time::{Day, format_rfc3339_ms};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A file that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The devices.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Their tokens.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The file.
    #[error("write {path}")]
    File {
        /// File.
        path: PathBuf,
        /// Reason.
        #[source]
        source: io::Error,
    },
}

/// A line of the file.
#[derive(Debug, Serialize)]
pub struct FleetDevice {
    /// Number.
    pub device_no: u32,
    /// Identity.
    pub device_id: Uuid,
    /// Bearer token.
    pub token: String,
    /// Where it is today.
    pub school_no: u32,
    /// Class, 0: none.
    pub class_no: u32,
    /// Area that directly manages the school.
    pub division: u32,
    /// Kind.
    pub kind: DeviceKind,
    /// It counts today.
    pub in_service: bool,
    /// RFC 3339.
    pub enrolled_at: String,
    /// Suspended devices are listed, but the edge refuses them.
    pub state: DeviceState,
}

/// Writes every device that may post, now or later: all but retired and revoked ones. The file is there whole or not
/// at all. Gives the number of lines.
///
/// # Errors
/// The store cannot be read, or the file not written.
pub async fn write(path: &Path, store: &Store, signer: &Signer, now_ms: i64) -> Result<usize, FleetError> {
    let failed = |source| FleetError::File { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let draft = path.with_extension("draft");
    let mut file = BufWriter::new(File::create(&draft).map_err(failed)?);
    let mut lines = 0;
    let mut from = 1;
    loop {
        let page = store.device_page(from, now_ms).await?;
        let Some((last, _)) = page.last() else { break };
        from = last.no + 1;
        for (device, record) in page.iter().filter(|(device, _)| may_post(device)) {
            let line = line(device, record, signer, now_ms)?;
            serde_json::to_writer(&mut file, &line).map_err(io::Error::from).map_err(failed)?;
            file.write_all(b"\n").map_err(failed)?;
            lines += 1;
        }
    }
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)?;
    Ok(lines)
}

fn may_post(device: &Device) -> bool {
    device.state != DeviceState::Retired && !device.revoked
}

fn line(device: &Device, record: &DeviceRecord, signer: &Signer, now_ms: i64) -> Result<FleetDevice, TokenError> {
    let today = belonging(&record.belongings, Day::of_ms(now_ms));
    Ok(FleetDevice {
        device_no: device.no,
        device_id: device.id,
        token: signer.device(device.id, device.no, device.token_gen, now_ms)?,
        school_no: today.map_or(0, |entry| entry.school_no),
        class_no: today.map_or(0, |entry| entry.class_no),
        division: today.map_or(0, |entry| entry.division),
        kind: device.kind,
        in_service: today.is_some_and(|entry| entry.in_service),
        enrolled_at: format_rfc3339_ms(device.enrolled_at_ms),
        state: device.state,
    })
}

fn belonging(entries: &[BelongingFrom], day: Day) -> Option<&BelongingFrom> {
    entries.iter().rfind(|entry| entry.from_day <= day)
}
