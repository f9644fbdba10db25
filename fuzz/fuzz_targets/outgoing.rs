//! See `fuzz::outgoing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::outgoing(data));
