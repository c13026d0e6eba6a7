//! The edge's view of all devices: dense by device number, about 36 bytes a device and 16 for its verified token.

use super::token::Digest;
use schemas::registry::{BelongingFrom, DeviceRecord, DeviceState};
use schemas::time::Day;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use uuid::Uuid;

/// Devices of a chunk, which is what a lock guards and what is allocated at once.
const CHUNK: usize = 4096;
/// Chunks that can be; device numbers beyond are refused.
const CHUNKS: usize = 1 << 15;

/// Belongings of a device, ascending; mostly two.
pub type Belongings = SmallVec<[BelongingFrom; 3]>;

/// What the edge knows of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Identity in tokens.
    pub device_id: Uuid,
    /// Tokens with a lower `gen` are revoked.
    pub token_gen: u32,
    /// All tokens are revoked.
    pub revoked: bool,
    /// State now.
    pub state: DeviceState,
    /// Where it belongs, by day.
    pub belongings: Belongings,
}

impl Device {
    /// School of the newest belonging.
    #[must_use]
    pub fn school_no(&self) -> u32 {
        self.belongings.last().map_or(0, |belonging| belonging.school_no)
    }
}

/// What a look-up gives.
#[derive(Debug)]
pub struct Found {
    /// The device.
    pub device: Device,
    /// Expiry (seconds) if the digest given is that of its verified token.
    pub verified_exp: Option<u32>,
}

/// A device that was not taken into the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Its number is not dense.
    #[error("device number {0} is beyond what a view holds")]
    Number(u32),
    /// It has no belonging.
    #[error("device {0} belongs nowhere")]
    Belongings(u32),
}

/// All devices. Reads of different chunks share nothing; a write locks one chunk for a few dozen nanoseconds.
pub struct View {
    chunks: Box<[OnceLock<Box<RwLock<Chunk>>>]>,
    devices: AtomicUsize,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("devices", &self.len()).finish_non_exhaustive()
    }
}

impl Default for View {
    fn default() -> View {
        View { chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect(), devices: AtomicUsize::new(0) }
    }
}

impl View {
    /// Number of devices.
    #[must_use]
    pub fn len(&self) -> usize {
        self.devices.load(Ordering::Relaxed)
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a device as the registry published it; its verified token is forgotten.
    ///
    /// # Errors
    /// A number beyond bounds, or no belonging.
    pub fn apply(&self, record: &DeviceRecord) -> Result<(), ViewError> {
        if record.belongings.is_empty() {
            return Err(ViewError::Belongings(record.device_no));
        }
        let (chunk, index) = place(record.device_no);
        let chunk = self.chunks.get(chunk).ok_or(ViewError::Number(record.device_no))?;
        let chunk = chunk.get_or_init(Box::default);
        let fresh = chunk.write().unwrap_or_else(PoisonError::into_inner).put(index, record);
        self.devices.fetch_add(usize::from(fresh), Ordering::Relaxed);
        Ok(())
    }

    /// Forgets a device (its key was deleted from the topic).
    pub fn remove(&self, device_no: u32) {
        let (chunk, index) = place(device_no);
        if let Some(chunk) = self.chunks.get(chunk).and_then(OnceLock::get) {
            let was = chunk.write().unwrap_or_else(PoisonError::into_inner).clear(index);
            self.devices.fetch_sub(usize::from(was), Ordering::Relaxed);
        }
    }

    /// A device, and whether its verified token has this digest.
    #[must_use]
    pub fn find(&self, device_no: u32, digest: Digest) -> Option<Found> {
        let (chunk, index) = place(device_no);
        let chunk = self.chunks.get(chunk)?.get()?.read().unwrap_or_else(PoisonError::into_inner);
        let token = chunk.tokens.get(index).copied().unwrap_or_default();
        let verified_exp = (token.exp != 0 && token.digest == digest).then_some(token.exp);
        Some(Found { device: chunk.device(index)?, verified_exp })
    }

    /// Keeps the digest of a token that was verified against this device; given up if the device has changed since.
    pub fn keep(&self, device_no: u32, device: &Device, digest: Digest, exp: i64) {
        let (chunk, index) = place(device_no);
        let (Some(chunk), Ok(exp)) = (self.chunks.get(chunk).and_then(OnceLock::get), u32::try_from(exp)) else {
            return;
        };
        let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
        if chunk.device(index).as_ref() == Some(device) {
            if chunk.tokens.is_empty() {
                chunk.tokens = vec![Token::default(); CHUNK].into_boxed_slice();
            }
            chunk.tokens[index] = Token { digest, exp };
        }
    }
}

const fn place(device_no: u32) -> (usize, usize) {
    (device_no as usize / CHUNK, device_no as usize % CHUNK)
}

#[derive(Clone, Copy, Default)]
struct Token {
    digest: Digest,
    /// Seconds; 0: none.
    exp: u32,
}

/// One device. The usual history, one place with at most one change of `in_service`, needs nothing else.
#[derive(Clone, Copy, Default)]
struct Slot {
    device_id: [u8; 16],
    token_gen: u32,
    school_no: u32,
    class_no: u32,
    division: u32,
    /// First day of the second belonging; 0: there is none.
    second_from: u16,
    flags: u8,
}

const PRESENT: u8 = 1;
const REVOKED: u8 = 2;
const FIRST_IN_SERVICE: u8 = 4;
const SECOND_IN_SERVICE: u8 = 8;
/// The belongings are in the chunk's map.
const ELSEWHERE: u8 = 16;
const STATE_SHIFT: u8 = 6;

struct Chunk {
    slots: Box<[Slot]>,
    tokens: Box<[Token]>,
    histories: HashMap<u16, Box<[BelongingFrom]>>,
}

impl Default for Chunk {
    fn default() -> Chunk {
        let slots = vec![Slot::default(); CHUNK].into_boxed_slice();
        Chunk { slots, tokens: Box::default(), histories: HashMap::new() }
    }
}

impl Chunk {
    /// Returns whether the device is new.
    fn put(&mut self, index: usize, record: &DeviceRecord) -> bool {
        let fresh = !self.clear(index);
        let (slot, usual) = Slot::of(record);
        self.slots[index] = slot;
        if !usual {
            self.histories.insert(index as u16, record.belongings.clone().into_boxed_slice());
        }
        fresh
    }

    /// Returns whether there was a device.
    fn clear(&mut self, index: usize) -> bool {
        if let Some(token) = self.tokens.get_mut(index) {
            *token = Token::default();
        }
        let was = std::mem::take(&mut self.slots[index]);
        if was.flags & ELSEWHERE != 0 {
            self.histories.remove(&(index as u16));
        }
        was.flags & PRESENT != 0
    }

    fn device(&self, index: usize) -> Option<Device> {
        let slot = self.slots.get(index).filter(|slot| slot.flags & PRESENT != 0)?;
        let belongings = match self.histories.get(&(index as u16)) {
            Some(history) if slot.flags & ELSEWHERE != 0 => Belongings::from_slice(history),
            _ => slot.belongings(),
        };
        Some(Device {
            device_id: Uuid::from_bytes(slot.device_id),
            token_gen: slot.token_gen,
            revoked: slot.flags & REVOKED != 0,
            state: DeviceState::ALL[usize::from(slot.flags >> STATE_SHIFT)],
            belongings,
        })
    }
}

impl Slot {
    /// The slot of a device, and whether it holds the belongings too.
    fn of(record: &DeviceRecord) -> (Slot, bool) {
        let usual = is_usual(&record.belongings);
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let in_service = |i: usize| record.belongings.get(i).is_some_and(|belonging| belonging.in_service);
        let first = record.belongings[0];
        let second_from = record.belongings.get(1).map_or(0, |belonging| belonging.from_day.0 as u16);
        let slot = Slot {
            device_id: *record.device_id.as_bytes(),
            token_gen: record.token_gen,
            school_no: first.school_no,
            class_no: first.class_no,
            division: first.division,
            second_from,
            flags: PRESENT
                | flag(record.revoked, REVOKED)
                | flag(in_service(0), FIRST_IN_SERVICE)
                | flag(in_service(1), SECOND_IN_SERVICE)
                | flag(!usual, ELSEWHERE)
                | (record.state as u8) << STATE_SHIFT,
        };
        (slot, usual)
    }

    fn belongings(&self) -> Belongings {
        let (school_no, class_no, division) = (self.school_no, self.class_no, self.division);
        let belonging = |from_day, bit| {
            let in_service = self.flags & bit != 0;
            BelongingFrom { from_day, school_no, class_no, division, in_service }
        };
        let mut belongings = Belongings::new();
        belongings.push(belonging(Day::FIRST, FIRST_IN_SERVICE));
        if self.second_from != 0 {
            belongings.push(belonging(Day(i32::from(self.second_from)), SECOND_IN_SERVICE));
        }
        belongings
    }
}

/// One place, from the first day, with at most one change of `in_service`.
fn is_usual(belongings: &[BelongingFrom]) -> bool {
    let starts = belongings.first().is_some_and(|first| first.from_day == Day::FIRST);
    starts
        && match belongings {
            [_] => true,
            [first, second] => {
                let same = |b: &BelongingFrom| (b.school_no, b.class_no, b.division);
                same(first) == same(second) && (1..=i32::from(u16::MAX)).contains(&second.from_day.0)
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests;
