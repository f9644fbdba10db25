//! See `fuzz::media`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::media(data));
