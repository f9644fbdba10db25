//! What was measured, as a table for people or as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::goal::{self, Goal, Good};
use super::round::{Plan, Run, Subject};
use super::{Scenario, machine, memory, start};

/// Processor time of steal and other programs above which a round says little.
const MUCH_LOST_PERCENT: f64 = 5.0;

/// All that a bench measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: &'static str,
    processors: usize,
    window_seconds: f64,
    people: u32,
    rounds: u32,
    /// A sync costs nothing then, and the figures say little.
    files_in_memory: bool,
    scenarios: Vec<Measured>,
    pub memory: Option<memory::Outcome>,
    pub start: Option<start::Outcome>,
    /// What broke off, and why.
    failed: Vec<String>,
}

/// What of a scenario is held against a floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Metric {
    /// How many a second.
    Rate,
    /// How long an acknowledgement takes: the slowest hundredth.
    Ack,
}

/// How much longer an acknowledgement may take than the skeleton's, and should.
const ACK: (f64, f64) = (2.5, 1.5);

#[derive(Debug, Serialize)]
struct Measured {
    scenario: Scenario,
    connections: u32,
    metrics: &'static [Metric],
    median_ratio: f64,
    rounds: Vec<Ratio>,
    /// Skeleton, Parlance, skeleton, Parlance, …, skeleton.
    runs: Vec<Run>,
}

/// A run of Parlance over the mean of the skeleton's before and after it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Ratio {
    per_second: f64,
    worked_off_per_second: f64,
    ack_p50: f64,
    ack_p99: f64,
    cpu_each: f64,
    /// Steal and other programs: the most of the three runs.
    lost_percent: f64,
}

impl Report {
    pub(super) fn new(plan: &Plan, rounds: u32) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            window_seconds: plan.window.as_secs_f64(),
            people: plan.people,
            rounds,
            files_in_memory: machine::is_in_memory(&plan.dir),
            scenarios: Vec::new(),
            memory: None,
            start: None,
            failed: Vec::new(),
        }
    }

    pub(super) fn add_failure(&mut self, what: &str, error: &anyhow::Error) {
        self.failed.push(format!("{what}: {error:#}"));
    }

    /// Adds the runs of a scenario, in the order in which they ran.
    pub(super) fn add(&mut self, scenario: Scenario, connections: u32, metrics: &'static [Metric], runs: Vec<Run>) {
        let rounds: Vec<_> = runs.windows(3).step_by(2).filter_map(Ratio::of).collect();
        let median_ratio = median(rounds.iter().map(|round| round.per_second).collect());
        self.scenarios.push(Measured { scenario, connections, metrics, median_ratio, rounds, runs });
    }

    fn goals(&self) -> Vec<Goal> {
        let mut goals: Vec<_> = self.scenarios.iter().flat_map(Measured::goals).collect();
        goals.extend(self.memory.iter().flat_map(memory::Outcome::goals));
        goals.extend(self.start.iter().flat_map(start::Outcome::goals));
        goals
    }

    pub(super) fn json(&self) -> String {
        goal::json(self, &self.goals())
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "parlance bench {} · {} processors, load and stand-in on them too · {} people · {} s a run\n",
            self.version, self.processors, self.people, self.window_seconds
        );
        if self.files_in_memory {
            text.push_str("\nThe files of these runs were in memory: a sync cost nothing. Use --dir to name a disk.\n");
        }
        self.scenarios.iter().for_each(|measured| measured.write(&mut text));
        self.memory.iter().for_each(|outcome| outcome.write(&mut text));
        self.start.iter().for_each(|outcome| outcome.write(&mut text));
        text.push('\n');
        text.push_str(&goal::table(&self.goals()));
        let lost = self.scenarios.iter().flat_map(|measured| &measured.rounds).map(|round| round.lost_percent);
        let lost = lost.fold(0.0, f64::max);
        if lost > MUCH_LOST_PERCENT {
            writeln!(text, "\n  Up to {lost:.0} % of the machine went elsewhere: figures over time say little.")
                .expect("a String takes all");
        }
        for failure in &self.failed {
            writeln!(text, "\n  !! BROKE OFF: {failure}").expect("a String takes all");
        }
        text
    }

    /// Errors: something broke off, or a reply is missing, came twice, or nobody asked for it.
    pub(super) fn refuse_wrong(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.failed.is_empty(), "not everything was measured: {}", self.failed.join("; "));
        let wrong = self.scenarios.iter().map(|measured| measured.wrong().count()).sum::<usize>();
        anyhow::ensure!(wrong == 0, "{wrong} runs did not reply exactly once to each accepted message");
        Ok(())
    }
}

impl Measured {
    fn write(&self, out: &mut String) {
        let (title, unit) = match self.scenario {
            Scenario::Webhooks => {
                ("webhooks: stored and synced before each 200; a turn without a reply follows", "acks/s")
            }
            Scenario::Replies => {
                ("replies: from the webhook through a turn of five nodes to the Graph API", "replies/s")
            }
            Scenario::Pings => ("pings of Flows: signature, RSA, AES; no conversation sees them", "answers/s"),
            Scenario::Forms => {
                ("forms: a screen that was filled in, through its conversation's turn and commit", "answers/s")
            }
        };
        let mut line = |text: String| out.push_str(&(text + "\n"));
        line(format!("\n{title}; {} connections\n", self.connections));
        line(format!(
            "  {:<10}{unit:>10}{:>11}{:>9}{:>9}{:>9}{:>10}{:>7}{:>10}{:>7}{:>8}{:>9}{:>9}{:>7}{:>7}",
            "",
            "with rest",
            "p50 ms",
            "p99 ms",
            "cpu us",
            "written B",
            "syncs",
            "commits/s",
            "items",
            "ms",
            "RSS MB",
            "max MB",
            "steal",
            "others"
        ));
        for run in &self.runs {
            line(run.row());
        }
        line(String::new());
        for (index, round) in self.rounds.iter().enumerate() {
            line(round.row(index + 1));
        }
        line(format!("  median ratio {:.2}", self.median_ratio));
        for run in self.wrong() {
            line(run.complaint(self.scenario));
        }
    }

    fn goals(&self) -> impl Iterator<Item = Goal> {
        self.metrics.iter().map(|metric| self.goal(*metric))
    }

    fn goal(&self, metric: Metric) -> Goal {
        let (name, connections) = (self.scenario.name(), self.connections);
        let of = |subject, figure: fn(&Run) -> f64| {
            median(self.runs.iter().filter(|run| run.subject == Some(subject)).map(figure).collect())
        };
        let both = |figure| (Some(of(Subject::Skeleton, figure)), of(Subject::Parlance, figure));
        match metric {
            Metric::Rate => {
                let ((skeleton, parlance), (floor, aim)) = (both(|run| run.per_second), self.scenario.bounds());
                let metric = format!("{name} over {connections} connections");
                let figure = self.median_ratio;
                Goal { metric, unit: "a second", skeleton, parlance, figure, floor, aim: Some(aim), good: Good::High }
            }
            Metric::Ack => {
                let ((skeleton, parlance), (floor, aim)) = (both(|run| run.ack_p99_ms), ACK);
                let metric = format!("ack of {name} over {connections}, p99");
                let figure = median(self.rounds.iter().map(|round| round.ack_p99).collect());
                Goal { metric, unit: "ms", skeleton, parlance, figure, floor, aim: Some(aim), good: Good::Low }
            }
        }
    }

    fn wrong(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.is_complete(self.scenario))
    }
}

impl Run {
    fn row(&self) -> String {
        let mega = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        format!(
            "  {:<10}{:>10.0}{:>11.0}{:>9.2}{:>9.2}{:>9.0}{:>10.0}{:>7.2}{:>10.0}{:>7.0}{:>8.2}{:>9.0}{:>9.0}{:>6.1}%{:>6.1}%",
            self.subject.map_or("", super::Subject::name),
            self.per_second,
            self.worked_off_per_second,
            self.ack_p50_ms,
            self.ack_p99_ms,
            self.cpu_us_each,
            self.written_each,
            self.syncs_each,
            self.commits_per_second,
            self.items_per_commit,
            self.commit_ms,
            mega(self.rss_bytes),
            mega(self.rss_most_bytes),
            self.steal_percent,
            self.others_percent,
        )
    }

    fn complaint(&self, scenario: Scenario) -> String {
        let Self { accepted, refused, replied, twice, strange, left_over, .. } = self;
        format!(
            "\n  !! WRONG in a run of {} of {}: {accepted} accepted, {refused} refused, {replied} replied to, {twice} replied \
             to again, {strange} strange replies, {left_over} not worked off",
            scenario.name(),
            self.subject.map_or("", super::Subject::name),
        )
    }
}

impl Ratio {
    fn of(runs: &[Run]) -> Option<Self> {
        let [before, parlance, after] = runs else { return None };
        let ratio = |figure: fn(&Run) -> f64| {
            let skeleton = (figure(before) + figure(after)) / 2.0;
            if skeleton > 0.0 { figure(parlance) / skeleton } else { 0.0 }
        };
        Some(Self {
            per_second: ratio(|run| run.per_second),
            worked_off_per_second: ratio(|run| run.worked_off_per_second),
            ack_p50: ratio(|run| run.ack_p50_ms),
            ack_p99: ratio(|run| run.ack_p99_ms),
            cpu_each: ratio(|run| run.cpu_us_each),
            lost_percent: runs.iter().map(|run| run.steal_percent + run.others_percent).fold(0.0, f64::max),
        })
    }

    fn row(&self, number: usize) -> String {
        let mut row = format!(
            "  round {number}: {:.2} of the skeleton ({:.2} with rest), ack p50 {:.1}x, p99 {:.1}x, cpu {:.1}x",
            self.per_second, self.worked_off_per_second, self.ack_p50, self.ack_p99, self.cpu_each
        );
        if self.lost_percent > MUCH_LOST_PERCENT {
            let lost = self.lost_percent;
            write!(row, "; {lost:.0} % of the machine went elsewhere: says little").expect("a String takes all");
        }
        row
    }
}

pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => 0.0,
        even if even % 2 == 0 => (figures[middle - 1] + figures[middle]) / 2.0,
        _ => figures[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::super::goal::Reached;
    use super::*;

    fn plan() -> Plan {
        Plan { window: std::time::Duration::from_secs(1), conns: 2, people: 3, dir: "/nonexistent".into() }
    }

    fn run(subject: Subject, per_second: f64) -> Run {
        Run {
            subject: Some(subject),
            per_second,
            ack_p99_ms: 1_000.0 / per_second,
            accepted: 9,
            replied: 9,
            ..Run::default()
        }
    }

    fn three() -> Vec<Run> {
        vec![run(Subject::Skeleton, 300.0), run(Subject::Parlance, 100.0), run(Subject::Skeleton, 100.0)]
    }

    #[test]
    fn ratio_is_over_the_mean_of_the_neighbours() {
        let mut report = Report::new(&plan(), 1);
        report.add(Scenario::Replies, 64, &[Metric::Rate, Metric::Ack], three());
        let [measured] = report.scenarios.as_slice() else { panic!("one scenario") };
        assert_eq!((measured.rounds.len(), measured.median_ratio), (1, 0.5));
        let goals: Vec<_> = report.goals().iter().map(|goal| (goal.figure, goal.reached())).collect();
        // The skeleton's acks took 3.3 and 10 ms, those of the product 10.
        assert_eq!(goals[0], (0.5, Reached::Floor));
        assert!((goals[1].0 - 1.5).abs() < 1e-9 && goals[1].1 != Reached::No, "{goals:?}");
        assert!(report.table().contains("ack of replies over 64, p99, ms"), "{}", report.table());
        assert!(report.refuse_wrong().is_ok());
    }

    #[test]
    fn missing_reply_is_said_loudly_and_fails_the_command() {
        let mut runs = three();
        runs[1].replied = 8;
        let mut report = Report::new(&plan(), 1);
        report.add(Scenario::Replies, 64, &[Metric::Rate], runs);
        assert!(report.table().contains("!! WRONG in a run of replies of parlance: 9 accepted, 0 refused, 8 replied"));
        assert!(report.refuse_wrong().is_err());
    }

    #[test]
    fn json_has_the_same_figures() {
        let mut report = Report::new(&plan(), 1);
        report.add(Scenario::Replies, 64, &[Metric::Rate, Metric::Ack], three());
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["scenarios"][0]["scenario"], "replies");
        assert_eq!(json["scenarios"][0]["runs"][1]["subject"], "parlance");
        assert_eq!(json["scenarios"][0]["rounds"][0]["per_second"], 0.5);
        assert_eq!((&json["goals"][0]["figure"], &json["goals"][0]["reached"]), (&0.5.into(), &"floor".into()));
    }

    #[test]
    fn what_broke_off_is_named_and_fails_the_command() {
        let mut report = Report::new(&plan(), 1);
        report.add_failure("memory", &anyhow::anyhow!("it was not ready"));
        assert!(report.table().contains("!! BROKE OFF: memory: it was not ready"), "{}", report.table());
        assert!(report.refuse_wrong().is_err());
    }

    #[test]
    fn median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!((median(vec![]), median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0, 3.0, 2.0])), (0.0, 2.0, 2.5));
    }
}
