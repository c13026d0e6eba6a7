//! How many bytes the decoders hold at most, counted by the test binary's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn grow(by: usize) {
    HELD.set(HELD.get().saturating_add(by));
    PEAK.set(PEAK.get().max(HELD.get()));
}

fn shrink(by: usize) {
    HELD.set(HELD.get().saturating_sub(by));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters are cells of the own thread without a
// destructor, so that they never allocate themselves.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        shrink(layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The most bytes that `work` holds at a time beyond what was held before.
pub fn peak_of(work: impl FnOnce()) -> usize {
    HELD.set(0);
    PEAK.set(0);
    work();
    PEAK.get()
}

#[test]
fn the_peak_is_counted() {
    let peak = peak_of(|| {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
        drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 10)));
    });
    assert!((1 << 20..(1 << 20) + (1 << 12)).contains(&peak), "{peak}");
}
