//! What came of the phases, and whether that is what it should be.

use serde::Serialize;

use super::super::round::Plan;
use super::super::verdict::Verdict;
use super::DESCRIPTORS_MORE;
use super::trouble::Trouble;

const MB: f64 = 1_048_576.0;
const MOST_RSS_MB: f64 = 512.0;
/// The times of other people's replies, over those alone.
const MOST_TIMES: f64 = 2.0;
/// A new connection must be answered within this time.
const FRESH_MS: f64 = 1_000.0;

/// A while of chat, alone or while a trouble goes on.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Phase {
    pub trouble: Option<Trouble>,
    pub seconds: f64,
    pub replies: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub most_ms: f64,
    /// Tries of the chat that were not answered 200.
    pub again: u64,
    /// Messages that were taken and have no reply.
    pub lost: u64,
    /// How long a new connection took to be answered, and how many never were.
    pub fresh_p99_ms: f64,
    pub fresh_most_ms: f64,
    pub unanswered: u64,
    pub rss_most_bytes: u64,
    pub descriptors_before: u64,
    pub descriptors_most: u64,
    pub descriptors: u64,
    /// Processor time of the process, of the load and of other programs: a processor, a processor, all of the machine.
    pub cpu_percent: f64,
    pub own_cpu_percent: f64,
    pub others_percent: f64,
    /// See [`super::trouble::Counts`].
    pub made: u64,
    pub closed: u64,
    pub refused: u64,
    pub taken: u64,
    pub wrong: u64,
}

/// All of them with the verdict.
#[derive(Clone, Debug, Serialize)]
pub(in crate::bench) struct Outcome {
    people: u32,
    rate: u32,
    window_seconds: f64,
    phases: Vec<Phase>,
    verdict: Verdict,
}

impl Outcome {
    pub(super) fn of(plan: &Plan, rate: u32, phases: Vec<Phase>, (twice, strange): (u64, u64)) -> Self {
        let mut verdict = Verdict::default();
        for at in (1..phases.len().saturating_sub(1)).step_by(2) {
            if let [before, during, after] = &phases[at - 1..=at + 1] {
                judge(before, during, after, &mut verdict);
            }
        }
        verdict.none("messages without a reply", phases.iter().map(|phase| phase.lost).sum());
        verdict.none("replies that came twice", twice);
        verdict.none("replies to nothing", strange);
        Self { people: plan.people, rate, window_seconds: plan.window.as_secs_f64(), phases, verdict }
    }

    pub(in crate::bench) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain figures always encode")
    }

    pub(in crate::bench) fn table(&self) -> String {
        let mut text = format!(
            "parlance bench {} · edge · {} people chat, {} messages/s, {} s each\n\n  {:<27}{:>7}{:>8}{:>8}{:>8}{:>8}{:>7}{:>7}{:>9}{:>9}{:>8}{:>8}{:>6}{:>6}{:>8}\n",
            env!("CARGO_PKG_VERSION"),
            self.people,
            self.rate,
            self.window_seconds,
            "message to reply, ms",
            "s",
            "p50",
            "p99",
            "most",
            "new p99",
            "RSS MB",
            "fds",
            "made",
            "closed",
            "refused",
            "taken",
            "cpu %",
            "load %",
            "others %"
        );
        for phase in &self.phases {
            text.push_str(&format!(
                "  {:<27}{:>7.0}{:>8.1}{:>8.1}{:>8.0}{:>8.1}{:>7.0}{:>7}{:>9}{:>9}{:>8}{:>8}{:>6.0}{:>6.0}{:>8.0}\n",
                phase.trouble.map_or("alone", Trouble::name),
                phase.seconds,
                phase.p50_ms,
                phase.p99_ms,
                phase.most_ms,
                phase.fresh_p99_ms,
                phase.rss_most_bytes as f64 / MB,
                phase.descriptors_most,
                phase.made,
                phase.closed,
                phase.refused,
                phase.taken,
                phase.cpu_percent,
                phase.own_cpu_percent,
                phase.others_percent
            ));
        }
        let troubles = self.phases.iter().filter(|phase| phase.trouble.is_some()).count();
        let replies: usize = self.phases.iter().map(|phase| phase.replies).sum();
        format!("{text}\n{}\nfigures: troubles {troubles}, replies {replies}", self.verdict.table())
    }

    /// Errors: something is not as it should be.
    pub(in crate::bench) fn refuse(&self) -> anyhow::Result<()> {
        self.verdict.refuse()
    }
}

fn judge(before: &Phase, during: &Phase, after: &Phase, verdict: &mut Verdict) {
    let name = during.trouble.map_or("alone", Trouble::name);
    let what = |of: &str| format!("{name}: {of}");
    verdict.add(&what("there was some"), during.made.to_string(), "some", during.made > 0);
    let alone = |of: fn(&Phase) -> f64| (of(before) + of(after)) / 2.0;
    let times = |of: fn(&Phase) -> f64| of(during) / alone(of).max(0.001);
    let (p50, p99) = (times(|phase| phase.p50_ms), times(|phase| phase.p99_ms));
    let takes_all = during.trouble.is_some_and(Trouble::takes_all);
    let floor = if takes_all { "none, see README" } else { "p99 2.00" };
    verdict.add(&what("replies"), during.replies.to_string(), "some", during.replies > 0);
    verdict.time(&what("p50, p99 over alone"), format!("{p50:.2}, {p99:.2}"), floor, p99 <= MOST_TIMES || takes_all);
    let fresh_ms = during.fresh_most_ms;
    verdict.time(&what("new connections, most ms"), format!("{fresh_ms:.0}"), "1000", fresh_ms < FRESH_MS);
    verdict.none(&what("new connections without an answer"), during.unanswered);
    let rss = during.rss_most_bytes as f64 / MB;
    verdict.add(&what("RSS at the most, MB"), format!("{rss:.0}"), "512", rss < MOST_RSS_MB);
    let back = during.descriptors <= during.descriptors_before + DESCRIPTORS_MORE;
    let shown = format!("{}, {}, {}", during.descriptors_before, during.descriptors_most, during.descriptors);
    verdict.add(&what("descriptors before, most, after"), shown, "64 more", back);
    verdict.none(&what("answers that must not be"), during.wrong);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refused(spoil: impl Fn(&mut Phase)) -> String {
        let alone = Phase { replies: 500, p50_ms: 4.0, p99_ms: 10.0, rss_most_bytes: 100 << 20, ..Phase::default() };
        let mut during = Phase { trouble: Some(Trouble::Slow), made: 9, p99_ms: 19.0, ..alone };
        spoil(&mut during);
        let plan = Plan { window: Duration::from_secs(1), conns: 1, people: 100, dir: "/".into() };
        let outcome = Outcome::of(&plan, 50, vec![alone.clone(), during, alone], (0, 0));
        outcome.refuse().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn each_thing_that_is_wrong_refuses_the_run() {
        assert_eq!(refused(|_| {}), "");
        assert!(refused(|phase| phase.made = 0).contains("some"));
        assert_eq!(refused(|phase| phase.p99_ms = 20.1), "", "a time is shown and fails nothing");
        assert!(refused(|phase| phase.replies = 0).contains("replies"));
        assert!(refused(|phase| phase.unanswered = 1).contains("new connections without"));
        assert!(refused(|phase| phase.rss_most_bytes = 512 << 20).contains("RSS"));
        assert!(refused(|phase| phase.descriptors = 65).contains("descriptors"));
        assert!(refused(|phase| phase.wrong = 1).contains("must not be"));
        assert!(refused(|phase| phase.lost = 1).contains("without a reply"));
    }
}
