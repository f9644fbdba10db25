//! Tests of the store from outside: one suite for every engine, the comparison of both, crashes, faults, opening.

mod conformance;
mod crash;
mod disk;
mod faults;
mod kit;
mod opening;
mod property;
mod script;
