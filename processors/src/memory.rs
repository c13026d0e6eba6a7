//! Memory that catching up took, and live work does not need, goes back to the system.

/// Returns what this thread's allocator and the C library, which librdkafka uses, keep for later. They walk over all of it,
/// so it is for a thread that rests.
pub fn give_back() {
    // SAFETY: any thread may call it at any time; nothing that is in use is touched.
    unsafe { libmimalloc_sys::mi_collect(true) };
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: likewise.
        let _returned_something = unsafe { libc::malloc_trim(0) };
    }
}
