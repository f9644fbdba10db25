//! Tests of what others see of the crate, over files of `testdata`.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

mod flow_json;
