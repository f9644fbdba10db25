//! What happens outside of the engine, and when.

use crate::support::SplitMix;

/// People who write.
pub(super) const PEOPLE: u32 = 4;
/// Until nothing new happens (ms).
const LENGTH_MS: u64 = 20 * 60_000;

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A person writes.
    Say { person: u32, message: u32 },
    /// Meta delivers a message once more.
    Copy { person: u32, message: u32 },
    /// Staff take over.
    TakeOver { person: u32, who: &'static str },
    /// They hand back.
    HandBack { person: u32 },
    /// Staff write, with a key that they may use again.
    Staff { person: u32, order: u32 },
    /// Another version of the bot goes live; whether runs move to it.
    Publish { moves: bool },
    /// The clock moves (ms).
    Jump(u64),
    /// The process ends, wherever it is.
    Kill,
}

/// All that happens, with its time after the start (ms).
pub(super) fn plan(random: &mut SplitMix) -> Vec<(u64, Event)> {
    let mut events = Vec::new();
    let mut said = [0; PEOPLE as usize];
    let mut orders = 0;
    let mut at_ms = 0;
    while at_ms < LENGTH_MS {
        let person = random.below(u64::from(PEOPLE)) as u32;
        let messages = &mut said[person as usize];
        let event = match random.below(100) {
            0..64 => {
                *messages += 1;
                Event::Say { person, message: *messages }
            }
            64..76 if *messages > 0 => Event::Copy { person, message: 1 + random.below(u64::from(*messages)) as u32 },
            76..82 => Event::TakeOver { person, who: if random.chance(50) { "user:elif" } else { "user:ben" } },
            82..88 => Event::HandBack { person },
            88..95 => {
                // Now and then the one before again.
                orders += u32::from(orders == 0 || random.chance(80));
                Event::Staff { person: orders % PEOPLE, order: orders }
            }
            95..97 => Event::Jump(1 + random.below(30 * 60_000)),
            97..99 => Event::Kill,
            99 => Event::Publish { moves: random.chance(50) },
            _ => continue,
        };
        events.push((at_ms, event));
        // Mostly one after the other, now and then a rush, now and then a rest.
        at_ms += match random.below(10) {
            0..5 => random.below(50),
            5..9 => random.below(15_000),
            _ => random.below(4 * 60_000),
        };
    }
    events
}
