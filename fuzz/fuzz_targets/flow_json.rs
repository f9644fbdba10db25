//! See `fuzz::flow_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::flow_json(data));
