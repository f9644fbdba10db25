//! What a fanout came to, and whether that is within Meta's guidance: webhooks are answered within 250 ms at the median
//! and 99 of 100 within a second.

use serde::Serialize;

use super::super::load::Tally;
use super::drift::{self, Slice};

const MEDIAN_MS: f64 = 250.0;
const P99_MS: f64 = 1_000.0;
/// The rate counts as reached from here on.
const REACHED: f64 = 0.99;
/// Below this share of a second's messages more of them waiting is no growth.
const GROWTH_SECONDS: f64 = 0.05;

/// How many there were a second, and how long they took from when they should have left.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Share {
    pub count: u64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub most_ms: f64,
    pub refused: u64,
}

impl Share {
    pub(super) fn of(tally: &Tally, seconds: f64) -> Self {
        let count = tally.acks_us.len() as u64;
        Self {
            count,
            per_second: count as f64 / seconds,
            p50_ms: tally.quantile_ms(0.5),
            p99_ms: tally.quantile_ms(0.99),
            most_ms: tally.quantile_ms(1.0),
            refused: tally.refused,
        }
    }
}

/// What waited at a moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Sample {
    pub at_seconds: f64,
    /// Replies of the window so far, and acknowledged statuses of the run.
    pub replies: u64,
    pub statuses: u64,
    /// Messages that should have left and have no reply yet.
    pub unanswered: u64,
    /// Statuses that are not acknowledged; those not due yet too.
    pub unacknowledged: u64,
    pub inbox: u64,
    pub outbox: u64,
    pub unfolded: u64,
}

/// All figures of a run. Times begin when something should have left, so waiting for a connection counts.
#[derive(Clone, Debug, Default, Serialize)]
pub(in super::super) struct Outcome {
    pub(super) rate: u32,
    pub(super) numbers: u32,
    pub(super) statuses_per_body: u32,
    pub(super) window_seconds: f64,
    pub(super) people: u32,
    pub(super) connections: u32,
    pub(super) offered: u64,
    /// Acknowledgements of messages, of webhooks with statuses, and replies at the stand-in.
    pub(super) messages: Share,
    pub(super) statuses: Share,
    pub(super) replies: Share,
    pub(super) status_bodies_per_second: f64,
    /// Of the whole run, from here on: messages answered 200, replied to, replied to again, and replies to nothing.
    pub(super) accepted: u64,
    pub(super) replied: u64,
    pub(super) twice: u64,
    pub(super) strange: u64,
    pub(super) statuses_made: u64,
    pub(super) statuses_acknowledged: u64,
    /// Messages whose last status was not applied.
    pub(super) not_read: usize,
    pub(super) broken: Option<String>,
    pub(super) samples: Vec<Sample>,
    /// The window in slices: what drifts shows here.
    pub(super) slices: Vec<Slice>,
    /// Of one processor.
    pub(super) cpu_percent: f64,
    pub(super) own_cpu_percent: f64,
    /// Processor time, bytes written to the disk and syncs for each message with its reply and statuses.
    pub(super) cpu_us_each: f64,
    pub(super) written_each: f64,
    pub(super) syncs_each: f64,
    pub(super) commits_per_second: f64,
    pub(super) items_per_commit: f64,
    pub(super) rss_bytes: u64,
    pub(super) rss_most_bytes: u64,
    /// Of the store's file at the end.
    pub(super) file_bytes: u64,
    pub(super) steal_percent: f64,
    pub(super) others_percent: f64,
    pub(super) files_in_memory: bool,
}

impl Outcome {
    pub(in super::super) fn json(&self) -> String {
        let mut value = serde_json::to_value(self).expect("plain figures always encode");
        value["verdict"] = self.verdict().into();
        serde_json::to_string_pretty(&value).expect("plain figures always encode")
    }

    pub(in super::super) fn table(&self) -> String {
        let mega = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (first, last) = self.thirds();
        let mut text = format!(
            "parlance bench {} · fanout · {} connections for messages, as many for statuses · {} people · {} s\n\n\
             offered   {} messages/s to {} numbers, 3 statuses for each reply, {} in a webhook\n\
             reached   {:.0} messages/s acknowledged, {:.0} replies/s, {:.0} statuses/s in {:.0} webhooks/s\n\n",
            env!("CARGO_PKG_VERSION"),
            self.connections,
            self.people,
            self.window_seconds,
            self.rate,
            self.numbers,
            self.statuses_per_body,
            self.messages.per_second,
            self.steady(|sample| sample.replies),
            self.steady(|sample| sample.statuses),
            self.status_bodies_per_second,
        );
        text.push_str(&format!("  {:<28}{:>10}{:>10}{:>10}{:>10}\n", "ms", "p50", "p99", "most", "refused"));
        for (name, share) in [
            ("ack of a message", &self.messages),
            ("ack of statuses", &self.statuses),
            ("message to reply", &self.replies),
        ] {
            let Share { p50_ms, p99_ms, most_ms, refused, .. } = share;
            text.push_str(&format!("  {name:<28}{p50_ms:>10.1}{p99_ms:>10.1}{most_ms:>10.1}{refused:>10}\n"));
        }
        text.push_str(&format!(
            "\n  {:<28}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
            "waiting", "messages", "statuses", "inbox", "outbox", "unfolded"
        ));
        for (name, of) in [("first third (mean)", &first), ("last third (mean)", &last)] {
            text.push_str(&format!(
                "  {name:<28}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
                of.unanswered, of.unacknowledged, of.inbox, of.outbox, of.unfolded
            ));
        }
        text.push_str(&drift::table(&self.slices));
        text.push_str(&format!(
            "\n  processor {:.0} % of one (bench {:.0} %) · RSS {:.0} MB, most {:.0} MB · the file {:.0} MB · {:.0} commits/s of \
             {:.0}\n  each message with its reply and statuses: cpu {:.0} us, {:.0} bytes written, {:.2} syncs\n  steal {:.1} %, \
             others {:.1} %{}\n\n{}\n",
            self.cpu_percent,
            self.own_cpu_percent,
            mega(self.rss_bytes),
            mega(self.rss_most_bytes),
            mega(self.file_bytes),
            self.commits_per_second,
            self.items_per_commit,
            self.cpu_us_each,
            self.written_each,
            self.syncs_each,
            self.steal_percent,
            self.others_percent,
            if self.files_in_memory { " · the files were in memory: a sync cost nothing" } else { "" },
            self.verdict(),
        ));
        text
    }

    /// Errors: a reply is missing, came twice, or nobody asked for it; a status was not applied.
    pub(in super::super) fn refuse_wrong_replies(&self) -> anyhow::Result<()> {
        let right = self.wrong().is_none();
        anyhow::ensure!(right, "not every message had one reply and not every reply its statuses");
        Ok(())
    }

    /// `PASS`, or `FAIL` and why.
    fn verdict(&self) -> String {
        let mut why: Vec<String> = self.wrong().into_iter().collect();
        for (name, share) in [("messages", &self.messages), ("statuses", &self.statuses)] {
            if share.p50_ms >= MEDIAN_MS || share.p99_ms >= P99_MS {
                why.push(format!(
                    "acks of {name} took {:.0} ms at the median and {:.0} ms at p99",
                    share.p50_ms, share.p99_ms
                ));
            }
        }
        let rate = f64::from(self.rate);
        for (name, reached, wanted) in [
            ("messages", self.messages.per_second, rate),
            ("replies", self.steady(|sample| sample.replies), rate),
            ("statuses", self.steady(|sample| sample.statuses), 3.0 * rate),
        ] {
            if reached < wanted * REACHED {
                why.push(format!("{reached:.0} of {wanted:.0} {name}/s"));
            }
        }
        let (first, last) = self.thirds();
        for (name, first, last) in [
            ("messages without a reply", first.unanswered, last.unanswered),
            ("statuses not acknowledged", first.unacknowledged, last.unacknowledged),
        ] {
            if last as f64 > first as f64 + rate * GROWTH_SECONDS {
                why.push(format!("{name} grew from {first} to {last}"));
            }
        }
        match why.is_empty() {
            true => {
                "PASS: median under 250 ms, 99 % under 1 s, no queue grew, one reply each, all statuses applied".into()
            }
            false => format!("FAIL: {}", why.join("; ")),
        }
    }

    fn wrong(&self) -> Option<String> {
        let Self { accepted, replied, twice, strange, statuses_made, statuses_acknowledged, not_read, .. } = self;
        if let Some(broken) = &self.broken {
            return Some(format!("a connection for statuses broke: {broken}"));
        }
        let right = accepted == replied && *twice + *strange == 0;
        let right = right && statuses_made == statuses_acknowledged && *not_read == 0;
        (!right).then(|| {
            format!(
                "{accepted} accepted, {replied} replied to, {twice} again, {strange} strange replies, {statuses_acknowledged} \
                 of {statuses_made} statuses acknowledged, {not_read} messages not read at the end"
            )
        })
    }

    /// How many came a second from the first sample to the last.
    fn steady(&self, count: fn(&Sample) -> u64) -> f64 {
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else { return 0.0 };
        let seconds = last.at_seconds - first.at_seconds;
        if seconds > 0.0 { count(last).saturating_sub(count(first)) as f64 / seconds } else { 0.0 }
    }

    /// The means of the first and the last third of the samples.
    fn thirds(&self) -> (Sample, Sample) {
        let third = self.samples.len().div_ceil(3);
        let last = self.samples.len().saturating_sub(third);
        (mean(self.samples.get(..third).unwrap_or_default()), mean(self.samples.get(last..).unwrap_or_default()))
    }
}

fn mean(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> u64| samples.iter().map(figure).sum::<u64>() / samples.len().max(1) as u64;
    Sample {
        at_seconds: samples.last().map_or(0.0, |sample| sample.at_seconds),
        replies: of(|sample| sample.replies),
        statuses: of(|sample| sample.statuses),
        unanswered: of(|sample| sample.unanswered),
        unacknowledged: of(|sample| sample.unacknowledged),
        inbox: of(|sample| sample.inbox),
        outbox: of(|sample| sample.outbox),
        unfolded: of(|sample| sample.unfolded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Outcome {
        let sample = |at: u64, unanswered| Sample {
            at_seconds: at as f64,
            replies: at * 1_000,
            statuses: at * 3_000,
            unanswered,
            ..Sample::default()
        };
        let share = |per_second| Share { per_second, p50_ms: 4.0, p99_ms: 20.0, ..Share::default() };
        Outcome {
            rate: 1_000,
            messages: share(1_000.0),
            statuses: share(750.0),
            replies: share(1_000.0),
            accepted: 5,
            replied: 5,
            statuses_made: 15,
            statuses_acknowledged: 15,
            samples: vec![sample(1, 20), sample(2, 10), sample(3, 30)],
            ..Outcome::default()
        }
    }

    #[test]
    fn steady_run_within_the_guidance_passes() {
        assert!(good().verdict().starts_with("PASS"), "{}", good().verdict());
        assert!(good().refuse_wrong_replies().is_ok());
        assert!(good().table().contains("offered   1000 messages/s"));
    }

    #[test]
    fn each_shortcoming_is_named() {
        let slow = Share { p50_ms: 251.0, ..good().messages };
        let mut growing = good();
        growing.samples[2].unanswered = 71;
        let mut lagging = good();
        lagging.samples[2].replies = 2_800;
        lagging.samples[2].statuses = 8_800;
        for (outcome, why) in [
            (Outcome { statuses: slow, ..good() }, "acks of statuses took 251 ms"),
            (lagging.clone(), "900 of 1000 replies/s"),
            (lagging, "2900 of 3000 statuses/s"),
            (growing, "messages without a reply grew from 20 to 71"),
            (Outcome { broken: Some("closed".into()), ..good() }, "a connection for statuses broke: closed"),
        ] {
            let verdict = outcome.verdict();
            assert!(verdict.starts_with("FAIL: ") && verdict.contains(why), "{verdict}");
        }
    }

    #[test]
    fn missing_reply_or_status_fails_the_command() {
        for wrong in [
            Outcome { replied: 4, ..good() },
            Outcome { twice: 1, ..good() },
            Outcome { statuses_acknowledged: 14, ..good() },
            Outcome { not_read: 1, ..good() },
        ] {
            assert!(wrong.refuse_wrong_replies().is_err(), "{wrong:?}");
            assert!(wrong.verdict().starts_with("FAIL: "), "{}", wrong.verdict());
        }
    }
}
