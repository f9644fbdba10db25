//! The bodies of the fuzz targets over their seeds, and over thousands of mutations that are the same on every machine.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

#[path = "../../fuzz/bodies.rs"]
#[allow(unreachable_pub)] // it is a library for the targets of fuzz/
mod bodies;
mod mutation;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mutation::Mutation;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs a target over its seeds and `count` mutations of them, or so many times that as `PARLANCE_MUTATIONS` says.
#[allow(clippy::print_stdout, reason = "tells how much was tried to whoever asks for more")]
fn drive(target: &str, count: u64) {
    let times = std::env::var("PARLANCE_MUTATIONS").map_or(1, |text| text.parse().unwrap());
    let count = count.saturating_mul(times);
    let (_, run) = bodies::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    let try_it = |data: &[u8], what: String| {
        if catch_unwind(AssertUnwindSafe(|| run(data))).is_err() {
            panic!("{target} fails at {what}: {:?}", String::from_utf8_lossy(data));
        }
    };
    for (at, seed) in seeds.iter().enumerate() {
        try_it(seed, format!("seed {at}"));
    }
    for number in 0..count {
        let data = Mutation::new(number).of(&seeds);
        try_it(&data, format!("mutation {number}"));
    }
    println!("{target}: {} seeds, {count} mutations", seeds.len());
}

#[test]
fn every_target_has_a_binary_and_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    let tests = include_str!("main.rs");
    for (target, _) in bodies::TARGETS {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} in fuzz/Cargo.toml");
        let source = fs::read_to_string(root.join(format!("fuzz/fuzz_targets/{target}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzz::{target}(data)")), "{target}.rs");
        assert!(tests.contains(&format!("drive(\"{target}\"")), "a test of {target}");
    }
}

#[test]
fn webhook_bodies_are_read_or_refused() {
    drive("webhook", 5_000);
}

#[test]
fn elements_of_webhooks_are_read() {
    drive("message", 5_000);
}

#[test]
fn only_one_signature_of_a_body_is_taken() {
    drive("signature", 5_000);
}

#[test]
fn outgoing_bodies_are_refused_or_come_out_as_they_went_in() {
    drive("outgoing", 5_000);
}

#[test]
fn answers_of_graph_are_decided() {
    drive("reply", 5_000);
}

#[test]
fn f92_bodies_of_flow_requests_open_only_as_they_were_sealed() {
    drive("flow", 5_000);
}

#[test]
fn bot_files_are_refused_or_can_be_talked_with() {
    drive("bot", 1_500);
}

#[test]
fn exports_of_other_programs_are_refused_or_become_bots_that_can_be_talked_with() {
    drive("export", 1_500);
}

#[test]
fn expressions_are_refused_or_evaluated() {
    drive("expression", 3_000);
}

#[test]
fn stored_rows_are_read_or_refused() {
    drive("stored", 5_000);
}

#[test]
fn flow_json_is_checked_and_read() {
    drive("flow_json", 2_000);
}

#[test]
fn bodies_of_the_admin_api_are_read_or_refused_with_the_place_that_is_wrong() {
    drive("admin", 2_000);
}

#[test]
fn calls_of_bots_reach_the_public_internet_alone() {
    drive("guard", 3_000);
}

#[test]
fn names_and_types_of_files_lead_nowhere_else() {
    drive("media", 2_000);
}

#[test]
fn configuration_files_are_read_or_refused_with_the_place_that_is_wrong() {
    drive("config", 300);
}
