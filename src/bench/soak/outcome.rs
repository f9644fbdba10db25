//! What a soak came to, and whether that is what it should be.

use serde::Serialize;

use super::super::verdict::Verdict;
use super::ledger::Books;
use super::open::Open;
use super::samples::{Sample, erased, most_of_thirds, seconds, slope, steady};

const MB: f64 = 1_048_576.0;
/// RSS at any time.
const MOST_RSS_MB: f64 = 512.0;
/// Growth of RSS that is none: a slope, or so much in all where the time is short: what the log has and the tables do not
/// lies in memory, and grows for some minutes until it is folded.
const RSS_MB_AN_HOUR: f64 = 24.0;
const RSS_MB_IN_ALL: f64 = 96.0;
/// Two rounds of folding at 20 messages a second.
const SHORT_SECONDS: f64 = 1_700.0;
/// Connections to Meta that hang, beside the usual ones.
const DESCRIPTORS_MORE: u64 = 32;
/// Growth of files that is none: the store reaches its size after two rounds of folding, for which a short time is too short.
const FILES_TIMES: f64 = 1.15;
const FILES_TIMES_SHORT: f64 = 2.0;
const FILES_MB: f64 = 8.0;
/// Webhooks that are kept, by the settings.
const KEPT_MB: f64 = 32.0;

/// Everything that was seen.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Seen {
    pub seed: u64,
    pub window_seconds: f64,
    pub rate: u32,
    pub people: u32,
    pub faults: Vec<(&'static str, u64)>,
    pub books: Books,
    /// Webhooks of statuses and messages that were not answered 200 at once, and that never were.
    pub again: u64,
    pub undelivered: u64,
    /// Outgoing messages that are not read in the end: their statuses were lost.
    pub not_read: usize,
    /// Messages that were given up, and what was acknowledged but not run; up to a page of each.
    pub letters: usize,
    pub quarantined: usize,
    /// Some of the messages without a reply.
    pub open: Vec<Open>,
    /// People who ever wrote: far more than may be in memory.
    pub met: u64,
    pub starts: u32,
    pub slowest_start_ms: u64,
    pub warm_up_seconds: f64,
    pub descriptors_in_the_end: u64,
    pub samples: Vec<Sample>,
}

/// The same with its verdict.
#[derive(Clone, Debug, Serialize)]
pub(in crate::bench) struct Outcome {
    seen: Seen,
    rss_slope_mb_an_hour: f64,
    verdict: Verdict,
}

impl Outcome {
    pub(super) fn of(seen: Seen) -> Self {
        let mut verdict = Verdict::default();
        for (name, count) in &seen.faults {
            verdict.add(&format!("fault: {name}"), count.to_string(), "seen", *count > 0);
        }
        nothing_lost(&seen, &mut verdict);
        let rss_slope_mb_an_hour = stands_still(&seen, &mut verdict);
        Self { seen, rss_slope_mb_an_hour, verdict }
    }

    pub(in crate::bench) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain figures always encode")
    }

    pub(in crate::bench) fn table(&self) -> String {
        let Seen { books, .. } = &self.seen;
        format!(
            "parlance bench {} · soak · seed {} · {} messages/s of {} people for {} s\n\n\
             {}\n  message to reply, faults included: p50 {} ms, p99 {} ms, most {} ms\n  \
             {} webhooks were posted again, {} replies were doubled by a kill -9, {} starts, the slowest took {} ms\n\n{}\n\
             figures: messages {}, faults {}, starts {}",
            env!("CARGO_PKG_VERSION"),
            self.seen.seed,
            self.seen.rate,
            self.seen.people,
            self.seen.window_seconds,
            self.course(),
            books.p50_ms,
            books.p99_ms,
            books.most_ms,
            self.seen.again,
            books.doubled_by_crash,
            self.seen.starts,
            self.seen.slowest_start_ms,
            self.verdict.table(),
            books.said,
            self.seen.faults.iter().map(|(_, count)| count).sum::<u64>(),
            self.seen.starts
        )
    }

    /// Errors: something is not as it should be.
    pub(in crate::bench) fn refuse(&self) -> anyhow::Result<()> {
        self.verdict.refuse()
    }

    /// A dozen samples.
    fn course(&self) -> String {
        let mut text = format!(
            "  {:>7}{:>6}{:>8}{:>9}{:>12}{:>10}{:>8}{:>7}{:>8}{:>10}\n",
            "s", "start", "RSS MB", "open fds", "store MB", "log MB", "waits", "inbox", "outbox", "in memory"
        );
        for sample in self.seen.samples.iter().step_by(self.seen.samples.len().div_ceil(12).max(1)) {
            text.push_str(&format!(
                "  {:>7.0}{:>6}{:>8.0}{:>9}{:>12.1}{:>10.1}{:>8}{:>7}{:>8}{:>10}\n",
                sample.at_seconds,
                sample.life,
                sample.rss_bytes as f64 / MB,
                sample.descriptors,
                sample.store_bytes as f64 / MB,
                sample.webhook_bytes as f64 / MB,
                sample.open,
                sample.inbox,
                sample.outbox,
                sample.live
            ));
        }
        text
    }
}

fn nothing_lost(seen: &Seen, verdict: &mut Verdict) {
    let Books { said, acknowledged, replied, lost, doubled, strange, .. } = seen.books;
    verdict.add("messages acknowledged", format!("{acknowledged} of {said}"), "all", acknowledged == said && said > 0);
    verdict.add("messages replied to", format!("{replied} of {said}"), "all", replied == said);
    verdict.none("acknowledged and lost", lost);
    verdict.none("doubled without a crash that explains it", doubled);
    verdict.none("replies to nothing", strange);
    verdict.none("webhooks never answered 200", seen.undelivered);
    verdict.none("outgoing messages without their last status", seen.not_read as u64);
    verdict.none("given up", seen.letters as u64);
    verdict.none("acknowledged and put aside", seen.quarantined as u64);
    let live = seen.samples.iter().map(|sample| sample.live).max().unwrap_or_default();
    let comes_and_goes = live > 0 && seen.met > live * 5 / 4;
    let erased = erased(&seen.samples);
    verdict.add("rows of people who were forgotten", erased.to_string(), "some", erased > 0);
    verdict.add("people met, in memory at the most", format!("{}, {live}", seen.met), "many leave", comes_and_goes);
}

/// Memory, descriptors and files; answers the slope of RSS (MB an hour).
fn stands_still(seen: &Seen, verdict: &mut Verdict) -> f64 {
    let most = seen.samples.iter().map(|sample| sample.rss_bytes).max().unwrap_or_default() as f64 / MB;
    verdict.add("RSS at the most, MB", format!("{most:.0}"), "512", most < MOST_RSS_MB && most > 0.0);
    let steady = steady(&seen.samples, seen.warm_up_seconds);
    let (seconds, a_second) = (seconds(steady), slope(steady, |sample| sample.rss_bytes) / MB);
    let (an_hour, in_all) = (a_second * 3_600.0, a_second * seconds);
    let is_short = seconds < SHORT_SECONDS;
    let times = if is_short { FILES_TIMES_SHORT } else { FILES_TIMES };
    let flat = if is_short { in_all <= RSS_MB_IN_ALL } else { an_hour <= RSS_MB_AN_HOUR };
    let shown = format!("{an_hour:+.1}/h ({in_all:+.1} in {seconds:.0} s)");
    let floor = if is_short { "96 in all" } else { "24/h" };
    verdict.add("slope of RSS, MB", shown, floor, flat && seconds > 0.0);
    let (first, last) = most_of_thirds(steady, |sample| sample.descriptors);
    let flat = last <= first + DESCRIPTORS_MORE;
    verdict.add("descriptors, first and last third", format!("{first}, {last}"), "32 more", flat && first > 0);
    files(seen, steady, times, verdict);
    an_hour
}

fn files(seen: &Seen, steady: &[Sample], times: f64, verdict: &mut Verdict) {
    let (first, last) = most_of_thirds(steady, |sample| sample.store_bytes);
    let (first, last) = (first as f64 / MB, last as f64 / MB);
    let flat = last <= first * times + FILES_MB;
    verdict.add(
        "store, MB, first and last third",
        format!("{first:.1}, {last:.1}"),
        &format!("{times} times + 8"),
        flat && first > 0.0,
    );
    let kept = seen.samples.iter().map(|sample| sample.webhook_bytes).max().unwrap_or_default() as f64 / MB;
    verdict.add("kept webhooks, MB", format!("{kept:.1}"), "32 + 8", kept > 0.0 && kept <= KEPT_MB + FILES_MB);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Seen {
        let sample = |second: u32| Sample {
            at_seconds: (5 * second).into(),
            age_seconds: (5 * second).into(),
            rss_bytes: 100 << 20,
            descriptors: 50,
            store_bytes: 30 << 20,
            webhook_bytes: 16 << 20,
            live: 240,
            erased: 9,
            ..Sample::default()
        };
        Seen {
            seed: 1,
            window_seconds: 3_000.0,
            rate: 20,
            people: 300,
            faults: vec![("500", 3)],
            books: Books { said: 9, acknowledged: 9, replied: 9, ..Books::default() },
            again: 2,
            undelivered: 0,
            not_read: 0,
            letters: 0,
            quarantined: 0,
            open: Vec::new(),
            met: 900,
            starts: 3,
            slowest_start_ms: 90,
            warm_up_seconds: 60.0,
            descriptors_in_the_end: 50,
            samples: (0..600).map(sample).collect(),
        }
    }

    fn refused(spoil: impl Fn(&mut Seen)) -> String {
        let mut seen = good();
        spoil(&mut seen);
        Outcome::of(seen).refuse().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn each_thing_that_is_wrong_refuses_the_run() {
        assert_eq!(refused(|_| {}), "");
        assert!(refused(|seen| seen.faults[0].1 = 0).contains("fault: 500"));
        assert!(refused(|seen| seen.books.lost = 1).contains("lost"));
        assert!(refused(|seen| seen.books.doubled = 1).contains("doubled"));
        assert!(refused(|seen| seen.books.replied = 8).contains("replied"));
        assert!(refused(|seen| seen.not_read = 1).contains("last status"));
        assert!(refused(|seen| seen.letters = 1).contains("given up"));
        assert!(refused(|seen| seen.quarantined = 1).contains("put aside"));
        assert!(refused(|seen| seen.samples.iter_mut().for_each(|sample| sample.erased = 0)).contains("forgotten"));
        assert!(refused(|seen| seen.met = 250).contains("in memory"));
        assert!(refused(|seen| seen.samples[300].rss_bytes = 513 << 20).contains("at the most"));
        assert!(refused(|seen| seen.samples.clear()).contains("slope"));
        let grow = |seen: &mut Seen, of: fn(&mut Sample) -> &mut u64, by: u64| {
            seen.samples.iter_mut().for_each(|sample| *of(sample) += sample.at_seconds as u64 * by);
        };
        assert_eq!(refused(|seen| grow(seen, |sample| &mut sample.rss_bytes, 5_000)), "");
        assert!(refused(|seen| grow(seen, |sample| &mut sample.rss_bytes, 50_000)).contains("slope"));
        assert!(refused(|seen| grow(seen, |sample| &mut sample.descriptors, 1)).contains("descriptors"));
        assert!(refused(|seen| grow(seen, |sample| &mut sample.store_bytes, 90_000)).contains("store"));
        assert!(refused(|seen| seen.samples[3].webhook_bytes = 41 << 20).contains("kept webhooks"));
    }
}
