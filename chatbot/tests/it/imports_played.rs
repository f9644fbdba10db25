//! Exports of every format, imported and played to their end by the tests that stand beside their expectations: the
//! runner of `parlance test`, in virtual time, with stand-ins for other programs.

use chatbot::import::{Kind, import};
use chatbot::testing::{run, with_stand_in_files};
use chatbot::{Format, load};

use crate::support::{read, repository, testdata};

/// Plays the scripted conversations of an export that was imported.
fn play(name: &str, kind: Kind) {
    let export = read(&repository(&format!("tests/data/imports/{name}.{}.json", kind.as_str())));
    let imported = import(&export, None).unwrap_or_else(|error| panic!("{name}: {error}"));
    let tests = read(&testdata(&format!("imports/{name}.tests")));
    let written = imported.written();
    // JSON is YAML, and the tests are.
    let bot = written.trim_end().strip_suffix('}').unwrap().trim_end().to_owned() + ",\n  \"tests\": " + &tests + "}\n";
    let loaded = load(&bot, name, Format::Yaml);
    let found: Vec<String> =
        loaded.diagnostics.iter().filter(|found| found.is_error()).map(|found| found.render(&bot)).collect();
    let bot = with_stand_in_files(loaded.bot.unwrap_or_else(|| panic!("{}", found.join("\n"))));
    assert!(!bot.tests().is_empty());
    let reports: Vec<_> = bot.tests().iter().map(|case| run(&bot, case)).collect();
    let failed: Vec<String> =
        reports.iter().filter(|report| report.failure.is_some()).map(|report| format!("{report:#?}")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn the_mothers_of_rapidpro_13_play_to_their_end() {
    play("mothers", Kind::Rapidpro);
}

#[test]
fn the_shop_of_rapidpro_14_plays_to_its_end() {
    play("shop", Kind::Rapidpro);
}

#[test]
fn the_bikes_of_typebot_play_to_their_end() {
    play("bikes", Kind::Typebot);
}

#[test]
fn the_travels_of_whatsapp_builder_play_to_their_end() {
    play("travel", Kind::WhatsappBuilder);
}
