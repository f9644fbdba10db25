//! Tests of the store from outside: one suite for every engine, the comparison of both, crashes, faults, opening.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compact;
mod concurrency;
mod conformance;
mod crash;
mod damage;
mod faults;
mod kit;
mod opening;
mod property;
mod script;
