#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::logic::spool::tests::entry;
use proptest::prelude::*;

fn all(spool: &DiskSpool) -> Vec<Entry> {
    spool.queue.entries().cloned().collect()
}

fn open(directory: &Path) -> DiskSpool {
    DiskSpool::open(directory, 1 << 20).unwrap()
}

#[test]
fn it_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    (0..5).for_each(|seq| spool.push(entry(1, seq)).unwrap());
    spool.freeze(3).unwrap();
    spool.remove(2).unwrap();
    drop(spool);
    let mut spool = open(directory.path());
    assert_eq!(all(&spool), [entry(1, 2), entry(1, 3), entry(1, 4)]);
    spool.shift_unsent(Uuid::from_u128(1), 9_000).unwrap();
    let moved = [entry(1, 2), entry(1, 3).moved(9_000), entry(1, 4).moved(9_000)];
    assert_eq!(all(&spool), moved, "the frozen one stays");
    drop(spool);
    assert_eq!(all(&open(directory.path())), moved);
}

#[test]
fn a_torn_line_loses_only_itself() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    (0..3).for_each(|seq| spool.push(entry(1, seq)).unwrap());
    drop(spool);
    let file = path(directory.path(), 0);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let mut spool = open(directory.path());
    assert_eq!((all(&spool), spool.dropped()), (vec![entry(1, 0), entry(1, 1)], 1));
    spool.push(entry(2, 0)).unwrap();
    drop(spool);
    assert_eq!(all(&open(directory.path())), [entry(1, 0), entry(1, 1), entry(2, 0)]);
}

#[test]
fn it_is_bounded_and_counts_what_it_gives_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = DiskSpool::open(directory.path(), entry(1, 0).json.len() * 50).unwrap();
    (0..700).for_each(|seq| spool.push(entry(1, seq)).unwrap());
    assert!(spool.len() <= 50 && spool.bytes() <= entry(1, 0).json.len() * 51);
    assert_eq!(spool.dropped() as usize + spool.len(), 700);
    let files = fs::read_dir(directory.path()).unwrap().count();
    assert!(files <= 3, "past segments are removed: {files}");
}

/// What is done to both spools.
#[derive(Clone, Debug)]
enum Op {
    Push(u128),
    Freeze(usize),
    Remove(usize),
    Shift(u128, i64),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1u128..3).prop_map(Op::Push),
        1 => (0usize..6).prop_map(Op::Freeze),
        1 => (0usize..6).prop_map(Op::Remove),
        1 => (1u128..3, -5_000i64..5_000).prop_map(|(boot, by)| Op::Shift(boot, by)),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn on_disk_as_in_memory(ops in prop::collection::vec(op(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let mut disk = open(directory.path());
        let mut memory = MemorySpool::default();
        for (seq, op) in ops.into_iter().enumerate() {
            match op {
                Op::Push(boot) => {
                    disk.push(entry(boot, seq as u32)).unwrap();
                    memory.push(entry(boot, seq as u32));
                }
                Op::Freeze(n) => {
                    disk.freeze(n.min(memory.len())).unwrap();
                    memory.mark(n);
                }
                Op::Remove(n) => {
                    disk.remove(n).unwrap();
                    memory.pop(n);
                }
                Op::Shift(boot, by) => {
                    disk.shift_unsent(Uuid::from_u128(boot), by).unwrap();
                    memory.shift(Uuid::from_u128(boot), by);
                }
                Op::Reopen => disk = open(directory.path()),
            }
            prop_assert_eq!(all(&disk), memory.entries().cloned().collect::<Vec<_>>());
            prop_assert_eq!(disk.queue.frozen(), memory.frozen());
        }
    }
}
