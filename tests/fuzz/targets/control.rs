//! Negative control: a target with a fault that coverage finds within seconds. The run fails if it survives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Byte by byte, so that every step towards the fault is a new edge.
    let mut steps = data.iter().zip(b"BUG!").take_while(|(byte, wanted)| byte == wanted);
    assert!(steps.by_ref().nth(3).is_none(), "the planted fault is found");
});
