//! How each Flow does, measured as Meta measures it, so that it is known before Meta slows the Flow down.
//!
//! Meta warns at an error rate of 5 % and a p90 of 1 s over 30 minutes, and at an availability below 90 % over 10 minutes
//! ("Flows webhooks", 2026). We warn earlier, at [`EARLY_PERCENT`] of that, and from [`MIN_REQUESTS`] requests on: a
//! single one of few would be a high rate of nothing.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::metrics::FlowMetrics;

/// Meta's window of error rate and latency.
const WINDOW_MS: u64 = 30 * 60_000;
/// Meta's window of availability.
const AVAILABILITY_MS: u64 = 10 * 60_000;
/// Meta's first thresholds: percent, milliseconds, percent.
const ERROR_RATE: f64 = 5.0;
const LATENCY_MS: f64 = 1_000.0;
const AVAILABILITY: f64 = 90.0;
/// How far of the way to a threshold is too far.
const EARLY_PERCENT: f64 = 80.0;
/// Below this far it is good again, so that what goes to and fro at the limit is told once.
const CALM_PERCENT: f64 = 60.0;
const MIN_REQUESTS: u32 = 20;
/// Minutes are the grain of the windows.
const MINUTE_MS: u64 = 60_000;
/// Flows measured at once; further ones are not, until a silent one is forgotten.
const MAX_FLOWS: usize = 1_000;
/// Upper ends of the latencies told apart, in milliseconds; the last is open.
const STEPS_MS: [u32; 14] = [10, 25, 50, 100, 200, 400, 600, 800, 1_000, 2_000, 4_000, 5_000, 7_000, 10_000];

/// What became of a request, as far as health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    /// It was answered, and not usably.
    Error,
    /// It was not answered.
    Unserved,
}

impl Kind {
    pub(super) fn of(outcome: &str) -> Self {
        match outcome {
            "refused" => Self::Error,
            "late" | "busy" | "overloaded" | "broken" => Self::Unserved,
            _ => Self::Good,
        }
    }
}

/// What is near its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Too many requests without a usable answer.
    ErrorRate,
    /// A tenth of the answers takes too long.
    Latency,
    /// Too many requests without any answer.
    Availability,
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
            Self::Availability => "availability",
        }
    }
}

/// How a Flow does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// The bot.
    pub bot: Box<str>,
    /// Its name for the Flow.
    pub flow: Box<str>,
    /// Requests of the last 30 minutes.
    pub requests: u32,
    /// Percent of them without a usable answer.
    pub error_rate: f64,
    /// At most this long for 9 of 10, in milliseconds: the upper end of a step.
    pub p90_latency_ms: u32,
    /// Percent of the requests of the last 10 minutes that were answered at all.
    pub availability: f64,
    /// What is near a threshold of Meta's.
    pub near: Vec<Trouble>,
}

/// Bot and name.
pub(super) type Flow = (Box<str>, Box<str>);

/// What is told when something comes near a threshold: bot, Flow, and a sentence.
pub type Tell = Box<dyn Fn(&str, &str, &str) + Send + Sync>;

/// The measures of all Flows.
pub struct FlowHealth {
    flows: Mutex<HashMap<Flow, Measure>>,
    metrics: Arc<FlowMetrics>,
    tell: Tell,
}

#[derive(Default)]
struct Measure {
    minutes: VecDeque<Minute>,
    /// Told, and not good again since.
    told: Vec<Trouble>,
}

struct Minute {
    number: u64,
    steps: [u32; STEPS_MS.len() + 1],
    errors: u32,
    unserved: u32,
}

impl FlowHealth {
    /// Measures nothing yet; `tell` hears of each warning once.
    pub fn new(metrics: Arc<FlowMetrics>, tell: Tell) -> Self {
        Self { flows: Mutex::default(), metrics, tell }
    }

    pub(super) fn record(&self, flow: &Flow, now_ms: u64, took: Duration, kind: Kind) {
        let mut flows = self.flows.lock();
        if !flows.contains_key(flow) && flows.len() >= MAX_FLOWS {
            flows.retain(|_, measure| measure.is_alive(now_ms));
            if flows.len() >= MAX_FLOWS {
                return;
            }
        }
        let measure = flows.entry(flow.clone()).or_default();
        measure.add(now_ms, took, kind);
        let reading = measure.read(flow, now_ms);
        measure.told.retain(|told| reading.is_near(*told, CALM_PERCENT));
        let news: Vec<_> = reading.near.iter().filter(|near| !measure.told.contains(near)).copied().collect();
        measure.told.extend(&news);
        drop(flows);
        news.into_iter().for_each(|near| self.warn(&reading, near));
    }

    /// All Flows that were asked in the last 30 minutes, by bot and name.
    pub fn readings(&self, now_ms: u64) -> Vec<Reading> {
        let flows = self.flows.lock();
        let alive = flows.iter().filter(|(_, measure)| measure.is_alive(now_ms));
        let mut readings: Vec<_> = alive.map(|(flow, measure)| measure.read(flow, now_ms)).collect();
        readings.sort_by(|a, b| (&a.bot, &a.flow).cmp(&(&b.bot, &b.flow)));
        readings
    }

    fn warn(&self, reading: &Reading, near: Trouble) {
        let sentence = match near {
            Trouble::ErrorRate => format!(
                "{:.1} % of {} requests in 30 minutes had no usable answer; Meta warns at {ERROR_RATE:.0} %",
                reading.error_rate, reading.requests
            ),
            Trouble::Latency => format!(
                "1 of 10 answers takes longer than {} ms; Meta warns at {LATENCY_MS:.0} ms",
                STEPS_MS.into_iter().rev().find(|step| *step < reading.p90_latency_ms).unwrap_or_default()
            ),
            Trouble::Availability => format!(
                "only {:.1} % of the requests in 10 minutes were answered; Meta warns below {AVAILABILITY:.0} %",
                reading.availability
            ),
        };
        self.metrics.warned(&reading.bot, &reading.flow, near.name());
        tracing::warn!(bot = %reading.bot, flow = %reading.flow, "a Flow does badly: {sentence}");
        (self.tell)(&reading.bot, &reading.flow, &sentence);
    }
}

impl Reading {
    /// Whether it is so many percent of the way to a threshold of Meta's.
    fn is_near(&self, trouble: Trouble, percent: f64) -> bool {
        match trouble {
            Trouble::ErrorRate => self.error_rate >= ERROR_RATE * percent / 100.0,
            Trouble::Latency => f64::from(self.p90_latency_ms) > LATENCY_MS * percent / 100.0,
            Trouble::Availability => 100.0 - self.availability >= (100.0 - AVAILABILITY) * percent / 100.0,
        }
    }
}

impl Measure {
    fn add(&mut self, now_ms: u64, took: Duration, kind: Kind) {
        let number = now_ms / MINUTE_MS;
        while self.minutes.front().is_some_and(|minute| (number.saturating_sub(minute.number)) * MINUTE_MS >= WINDOW_MS)
        {
            self.minutes.pop_front();
        }
        // A clock that went back counts into the last minute, so that they stay in order.
        if self.minutes.back().is_none_or(|minute| minute.number < number) {
            self.minutes.push_back(Minute { number, steps: [0; STEPS_MS.len() + 1], errors: 0, unserved: 0 });
        }
        let Some(minute) = self.minutes.back_mut() else { return };
        let took_ms = took.as_millis();
        let step = STEPS_MS.iter().position(|step| took_ms <= u128::from(*step)).unwrap_or(STEPS_MS.len());
        if let Some(count) = minute.steps.get_mut(step) {
            *count += 1;
        }
        match kind {
            Kind::Good => {}
            Kind::Error => minute.errors += 1,
            Kind::Unserved => minute.unserved += 1,
        }
    }

    fn within(&self, now_ms: u64, window_ms: u64) -> impl Iterator<Item = &Minute> {
        let number = now_ms / MINUTE_MS;
        self.minutes.iter().filter(move |minute| number.saturating_sub(minute.number) * MINUTE_MS < window_ms)
    }

    fn is_alive(&self, now_ms: u64) -> bool {
        self.within(now_ms, WINDOW_MS).next().is_some()
    }

    fn read(&self, (bot, flow): &Flow, now_ms: u64) -> Reading {
        let mut steps = [0_u32; STEPS_MS.len() + 1];
        let mut failed = 0;
        for minute in self.within(now_ms, WINDOW_MS) {
            steps.iter_mut().zip(minute.steps).for_each(|(sum, count)| *sum += count);
            failed += minute.errors + minute.unserved;
        }
        let requests = steps.iter().sum();
        let (mut recent, mut unserved) = (0, 0);
        for minute in self.within(now_ms, AVAILABILITY_MS) {
            recent += minute.steps.iter().sum::<u32>();
            unserved += minute.unserved;
        }
        let reading = Reading {
            bot: bot.clone(),
            flow: flow.clone(),
            requests,
            error_rate: percent(failed, requests),
            p90_latency_ms: p90(&steps, requests),
            availability: 100.0 - percent(unserved, recent),
            near: Vec::new(),
        };
        let of = [(Trouble::ErrorRate, requests), (Trouble::Latency, requests), (Trouble::Availability, recent)];
        let near =
            of.into_iter().filter(|(trouble, of)| *of >= MIN_REQUESTS && reading.is_near(*trouble, EARLY_PERCENT));
        let near = near.map(|(near, _)| near).collect();
        Reading { near, ..reading }
    }
}

fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 { 0.0 } else { f64::from(part) * 100.0 / f64::from(whole) }
}

fn p90(steps: &[u32], requests: u32) -> u32 {
    let rank = (u64::from(requests) * 9).div_ceil(10);
    let mut sum = 0;
    let at = steps.iter().position(|count| {
        sum += u64::from(*count);
        sum >= rank
    });
    match at {
        _ if requests == 0 => 0,
        Some(at) => STEPS_MS.get(at).copied().unwrap_or(u32::MAX),
        None => u32::MAX,
    }
}

#[cfg(test)]
mod tests;
