//! The ledgers in memory: by school and day, with what is dirty, how large it is, and what was evicted.

use super::activity::ActivityDay;
use super::bounds::Applied;
use super::marks::{Marks, Taken};
use super::network::NetworkDay;
use super::partition::Share;
use super::school::LedgerKey;
use hashbrown::{HashMap, HashSet};
use schemas::record::Correction;
use schemas::time::Day;

mod loaded;

pub use loaded::{LoadFault, Loaded};

type Map<V> = HashMap<LedgerKey, V, ahash::RandomState>;

/// State of a device-day.
pub trait Ledger: Default {
    /// Distinct events folded.
    fn ver(&self) -> u32;
    /// Bytes outside the struct itself.
    fn heap_bytes(&self) -> usize;
    /// Takes the stamps of the first record of the row, or of a correction.
    fn stamp(&mut self, class_no: u32, in_service: bool);
    /// The corrections folded, and the number of all that is folded.
    fn marks(&mut self) -> (&mut Marks, &mut u32);
    /// Folds a correction.
    fn correct(&mut self, correction: &Correction) -> Applied {
        let (marks, ver) = self.marks();
        let taken = marks.take(correction);
        if taken == Taken::Known {
            return Applied::Duplicate;
        }
        *ver += 1;
        if taken == Taken::Newest {
            self.stamp(correction.class_no, correction.in_service);
        }
        Applied::Folded
    }
}

impl Ledger for ActivityDay {
    fn ver(&self) -> u32 {
        self.ver
    }

    fn heap_bytes(&self) -> usize {
        ActivityDay::heap_bytes(self)
    }

    fn stamp(&mut self, class_no: u32, in_service: bool) {
        (self.class_no, self.in_service) = (class_no, in_service);
    }

    fn marks(&mut self) -> (&mut Marks, &mut u32) {
        (&mut self.marks, &mut self.ver)
    }
}

impl Ledger for NetworkDay {
    fn ver(&self) -> u32 {
        self.ver
    }

    fn heap_bytes(&self) -> usize {
        self.seen.heap_bytes() + self.marks.heap_bytes()
    }

    fn marks(&mut self) -> (&mut Marks, &mut u32) {
        (&mut self.marks, &mut self.ver)
    }

    fn stamp(&mut self, class_no: u32, in_service: bool) {
        (self.class_no, self.in_service) = (class_no, in_service);
    }
}

struct Slot<L> {
    device_no: u32,
    dirty: bool,
    ledger: Box<L>,
}

/// The device-days of one school's day, ascending by device.
pub struct SchoolLedger<L> {
    slots: Vec<Slot<L>>,
    dirty: bool,
    last_used: u64,
    bytes: usize,
}

impl<L> Default for SchoolLedger<L> {
    fn default() -> Self {
        SchoolLedger { slots: Vec::new(), dirty: false, last_used: 0, bytes: 0 }
    }
}

impl<L: Ledger> SchoolLedger<L> {
    /// Number of device-days.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Sum of the versions, the version of the school's row.
    #[must_use]
    pub fn ver(&self) -> u64 {
        self.slots.iter().map(|slot| u64::from(slot.ledger.ver())).sum()
    }

    /// All device-days.
    pub fn devices(&self) -> impl Iterator<Item = (u32, &L)> {
        self.slots.iter().map(|slot| (slot.device_no, &*slot.ledger))
    }

    /// Those that are dirty.
    pub fn dirty_devices(&self) -> impl Iterator<Item = (u32, &L)> {
        self.slots.iter().filter(|slot| slot.dirty).map(|slot| (slot.device_no, &*slot.ledger))
    }

    /// The version of a device-day, if there is one.
    #[must_use]
    pub fn ver_of(&self, device_no: u32) -> Option<u32> {
        self.find(device_no).ok().map(|index| self.slots[index].ledger.ver())
    }

    /// Puts a loaded device-day in the place of an older one.
    pub fn put(&mut self, device_no: u32, ledger: L) {
        match self.find(device_no) {
            Ok(index) => *self.slots[index].ledger = ledger,
            Err(index) => self.slots.insert(index, Slot { device_no, dirty: false, ledger: Box::new(ledger) }),
        }
    }

    fn find(&self, device_no: u32) -> Result<usize, usize> {
        // Devices mostly come in order, at least at first.
        match self.slots.last() {
            Some(last) if last.device_no < device_no => Err(self.slots.len()),
            _ => self.slots.binary_search_by_key(&device_no, |slot| slot.device_no),
        }
    }

    /// Adds an empty device-day; returns the bytes that it takes until it is measured.
    fn add(&mut self, index: usize, device_no: u32, (class_no, in_service): (u32, bool)) -> usize {
        let mut ledger = Box::<L>::default();
        ledger.stamp(class_no, in_service);
        self.slots.insert(index, Slot { device_no, dirty: false, ledger });
        let bytes = size_of::<L>() + size_of::<Slot<L>>();
        self.bytes += bytes;
        bytes
    }

    fn measure(&self) -> usize {
        let heap: usize = self.slots.iter().map(|slot| slot.ledger.heap_bytes() + size_of::<L>()).sum();
        heap + self.slots.capacity() * size_of::<Slot<L>>() + size_of::<(LedgerKey, Self)>()
    }
}

/// What a fold makes dirty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dirt {
    /// The school's row alone.
    School,
    /// The device's row, and with it the school's.
    Row,
}

/// All ledgers of one stream that a worker holds.
pub struct Shelf<L> {
    schools: Map<SchoolLedger<L>>,
    /// Days of partitions of which everything was loaded: what is not here is empty.
    whole_days: HashSet<(i32, Day)>,
    /// Version of each evicted school's day: a reload below it is refused.
    evicted: Map<u64>,
    dirty: Vec<LedgerKey>,
    dirty_rows: usize,
    bytes: usize,
    tick: u64,
}

impl<L> Default for Shelf<L> {
    fn default() -> Self {
        Shelf {
            schools: Map::default(),
            whole_days: HashSet::new(),
            evicted: Map::default(),
            dirty: Vec::new(),
            dirty_rows: 0,
            bytes: 0,
            tick: 0,
        }
    }
}

impl<L: Ledger> Shelf<L> {
    /// The ledger, whose records are in this partition, must be loaded before events can be folded into it.
    #[must_use]
    pub fn lacks(&self, key: &LedgerKey, partition: i32) -> bool {
        if self.schools.contains_key(key) {
            return false;
        }
        !self.whole_days.contains(&(partition, key.day)) || self.evicted.contains_key(key)
    }

    /// Takes loaded ledgers over, all or none: each must reach what the table announced and what was evicted. `whole`
    /// are the days of partitions of which this is everything.
    ///
    /// # Errors
    /// The result was cut or stale; nothing is taken.
    pub fn install(&mut self, loaded: Loaded<L>, keys: &[LedgerKey], whole: &[(i32, Day)]) -> Result<(), LoadFault> {
        loaded.check()?;
        for key in keys {
            let found = loaded.schools.get(key).map_or(0, SchoolLedger::ver);
            let expected = self.evicted.get(key).copied().unwrap_or(0);
            if found < expected {
                return Err(LoadFault::Stale { key: *key, expected, found });
            }
        }
        for key in keys {
            self.evicted.remove(key);
            self.place(*key, SchoolLedger::default());
        }
        self.whole_days.extend(whole);
        for (key, school) in loaded.schools {
            self.place(key, school);
        }
        Ok(())
    }

    fn place(&mut self, key: LedgerKey, mut school: SchoolLedger<L>) {
        school.last_used = self.tick;
        school.slots.shrink_to_fit();
        school.bytes = school.measure();
        self.bytes += school.bytes;
        if let Some(former) = self.schools.insert(key, school) {
            self.bytes -= former.bytes;
        }
    }

    /// Applies `fold` to a device-day, which begins empty with these stamps. `fold` says what to mark dirty.
    pub fn with<R>(
        &mut self,
        key: LedgerKey,
        device_no: u32,
        stamps: (u32, bool),
        fold: impl FnOnce(&mut L) -> (R, Dirt),
    ) -> R {
        let school = self.schools.entry(key).or_default();
        school.last_used = self.tick;
        let index = match school.find(device_no) {
            Ok(index) => index,
            Err(index) => {
                self.bytes += school.add(index, device_no, stamps);
                index
            }
        };
        let slot = &mut school.slots[index];
        let (result, dirt) = fold(&mut slot.ledger);
        if dirt == Dirt::Row && !slot.dirty {
            slot.dirty = true;
            self.dirty_rows += 1;
        }
        if !school.dirty {
            school.dirty = true;
            self.dirty.push(key);
        }
        result
    }

    /// Ledgers with something to write.
    pub fn dirty(&self) -> impl Iterator<Item = (LedgerKey, &SchoolLedger<L>)> {
        self.dirty.iter().filter_map(|key| Some((*key, self.schools.get(key)?)))
    }

    /// Device rows to write.
    #[must_use]
    pub const fn dirty_rows(&self) -> usize {
        self.dirty_rows
    }

    /// Bytes of all ledgers; what those in use have grown by counts from the next acknowledgement on.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Device-days in memory.
    #[must_use]
    pub fn device_days(&self) -> usize {
        self.schools.values().map(SchoolLedger::len).sum()
    }

    /// A ledger in memory.
    #[must_use]
    pub fn get(&self, key: &LedgerKey) -> Option<&SchoolLedger<L>> {
        self.schools.get(key)
    }

    /// Everything dirty was written and acknowledged.
    pub fn acknowledge(&mut self) {
        for key in std::mem::take(&mut self.dirty) {
            let Some(school) = self.schools.get_mut(&key) else { continue };
            school.dirty = false;
            school.slots.iter_mut().for_each(|slot| slot.dirty = false);
            let bytes = school.measure();
            self.bytes = self.bytes + bytes - std::mem::replace(&mut school.bytes, bytes);
        }
        self.dirty_rows = 0;
        self.tick += 1;
    }

    /// Forgets everything of these partitions, what is dirty too.
    pub fn give_up(&mut self, share: &Share) {
        let (mut bytes, mut rows) = (0, 0);
        self.schools.retain(|key, school| {
            let stays = !share.has_school(key.school_no);
            if !stays {
                bytes += school.bytes;
                rows += school.dirty_devices().count();
            }
            stays
        });
        self.bytes -= bytes;
        self.dirty_rows -= rows;
        self.dirty.retain(|key| !share.has_school(key.school_no));
        self.evicted.retain(|key, _| !share.has_school(key.school_no));
        self.whole_days.retain(|(partition, _)| !share.has(*partition));
    }

    /// Drops clean ledgers, the longest unused first, until `budget` bytes are kept; remembers their versions.
    /// Returns how many.
    pub fn evict(&mut self, budget: usize) -> usize {
        if self.bytes <= budget {
            return 0;
        }
        let mut clean: Vec<_> = self.schools.iter().filter(|(_, school)| !school.dirty).collect();
        clean.sort_unstable_by_key(|(key, school)| (school.last_used, **key));
        let target = budget / 10 * 9;
        let (mut kept, mut leaving) = (self.bytes, Vec::new());
        for (key, school) in clean {
            if kept <= target {
                break;
            }
            kept -= school.bytes;
            leaving.push(*key);
        }
        for key in &leaving {
            if let Some(school) = self.schools.remove(key) {
                self.evicted.insert(*key, school.ver());
            }
        }
        self.bytes = kept;
        leaving.len()
    }

    /// Forgets versions of days before `oldest`: no event of them is accepted any more.
    pub fn forget_before(&mut self, oldest: Day) {
        self.evicted.retain(|key, _| key.day >= oldest);
    }

    /// Forgets what was evicted: see [`super::worker::Worker::forget_evicted`].
    pub fn forget_evicted(&mut self) {
        self.evicted.clear();
    }
}
