//! Who writes: people come, write for a while, go, and come back when nothing may be left of them.

use std::time::Duration;

/// So often everybody comes and goes in a run.
const LAPS: u32 = 4;
/// How many come and as many go a second, unless the town would be too small or too large for it.
const COME_A_SECOND: u64 = 2;
/// People of the whole town for each one who is there: most are away, and each is away for longer than conversations are kept.
const TIMES: (u64, u64) = (2, 10);
/// How long conversations are kept; the process looks for old ones every ten seconds at the most.
const KEPT_SECONDS: (u64, u64) = (10, 120);

/// Everybody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Town {
    there: u64,
    people: u64,
    /// In which time everybody was there once.
    lap: Duration,
}

impl Town {
    /// A town with so many people in it at a time, for a run of this length.
    pub(super) fn new(there: u64, window: Duration) -> Self {
        let lap = window / LAPS;
        let people = (lap.as_secs() * COME_A_SECOND).clamp(there * TIMES.0, there * TIMES.1);
        Self { there, people, lap }
    }

    /// One of those who are there after this time, by a number below [`Town::there`].
    pub(super) fn somebody(&self, after: Duration, drawn: u64) -> u64 {
        let came = after.as_secs_f64() / self.lap.as_secs_f64().max(1.0) * self.people as f64;
        (came as u64 + drawn) % self.people.max(1)
    }

    /// How many are there.
    pub(super) fn there(&self) -> u64 {
        self.there
    }

    /// How long a conversation is kept in which nothing goes on: nothing is left of most people when they come back.
    pub(super) fn kept(&self) -> Duration {
        let away = self.lap.as_secs() * (self.people - self.there) / self.people.max(1);
        Duration::from_secs((away / 3).clamp(KEPT_SECONDS.0, KEPT_SECONDS.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_goes_for_longer_than_they_are_remembered_and_comes_back() {
        for minutes in [5, 10, 60] {
            let town = Town::new(300, Duration::from_secs(minutes * 60));
            // When each was there last, how often they came back, and after how long at the least.
            let mut people = vec![(None, 0, u64::MAX); town.people as usize];
            for second in 0..minutes * 60 {
                for drawn in 0..town.there() {
                    let (last, back, away) = &mut people[town.somebody(Duration::from_secs(second), drawn) as usize];
                    let gone = second - last.replace(second).unwrap_or(second);
                    if gone > 1 {
                        (*back, *away) = (*back + 1, gone.min(*away));
                    }
                }
            }
            assert!(people.iter().all(|(_, back, _)| *back + 1 >= LAPS), "{town:?}");
            let away = people.iter().map(|(_, _, away)| *away).min().unwrap_or_default();
            assert!(away > 2 * town.kept().as_secs() + 5, "away {away} s: {town:?}");
        }
    }
}
