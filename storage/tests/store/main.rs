//! Tests of the store from outside: one suite for every engine, the comparison of both, crashes, faults, opening.

mod conformance;
mod kit;
