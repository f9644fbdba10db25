//! Rates and latencies over windows, with a clock of the test.

use super::*;

const START_MS: u64 = 1_795_340_000_000;
const FAST: Duration = Duration::from_millis(20);

type Heard = Arc<Mutex<Vec<String>>>;

fn health() -> (FlowHealth, Heard) {
    let heard = Heard::default();
    let ear = heard.clone();
    let tell = Box::new(move |bot: &str, flow: &str, what: &str| ear.lock().push(format!("{bot} {flow}: {what}")));
    (FlowHealth::new(Arc::default(), tell), heard)
}

fn booking() -> (Box<str>, Box<str>) {
    ("clinic".into(), "booking".into())
}

fn record(health: &FlowHealth, count: usize, at_ms: u64, took: Duration, kind: Kind) {
    (0..count).for_each(|_| health.record(&booking(), at_ms, took, kind));
}

#[test]
fn good_flow_is_read_and_nothing_is_said() {
    let (health, heard) = health();
    record(&health, 100, START_MS, FAST, Kind::Good);
    let reading = health.readings(START_MS).remove(0);
    assert_eq!((reading.requests, reading.error_rate, reading.p90_latency_ms), (100, 0.0, 25));
    assert_eq!((reading.availability, reading.near.len()), (100.0, 0));
    assert!(heard.lock().is_empty());
}

#[test]
fn errors_are_warned_of_before_meta_does_and_once() {
    let (health, heard) = health();
    record(&health, 97, START_MS, FAST, Kind::Good);
    record(&health, 3, START_MS, FAST, Kind::Error);
    assert!(heard.lock().is_empty());
    record(&health, 2, START_MS, FAST, Kind::Error);
    assert_eq!(
        *heard.lock(),
        ["clinic booking: 4.9 % of 102 requests in 30 minutes had no usable answer; Meta warns at 5 %"]
    );
    record(&health, 5, START_MS, FAST, Kind::Error);
    assert_eq!(heard.lock().len(), 1);
    assert_eq!(health.readings(START_MS)[0].near, [Trouble::ErrorRate]);
}

#[test]
fn what_ends_may_be_warned_of_again() {
    let (health, heard) = health();
    record(&health, 19, START_MS, FAST, Kind::Good);
    record(&health, 1, START_MS, FAST, Kind::Error);
    assert_eq!(heard.lock().len(), 1);
    let later_ms = START_MS + WINDOW_MS;
    record(&health, 20, later_ms, FAST, Kind::Good);
    assert_eq!(health.readings(later_ms)[0].error_rate, 0.0);
    record(&health, 1, later_ms, FAST, Kind::Error);
    assert_eq!(heard.lock().len(), 2);
}

#[test]
fn what_goes_to_and_fro_at_the_limit_is_told_once() {
    let (health, heard) = health();
    record(&health, 96, START_MS, FAST, Kind::Good);
    record(&health, 4, START_MS, FAST, Kind::Error);
    for _ in 0..20 {
        // 4 of 101, then 5 of 125: under 4 %, and there again.
        record(&health, 24, START_MS, FAST, Kind::Good);
        record(&health, 1, START_MS, FAST, Kind::Error);
    }
    assert_eq!(heard.lock().len(), 1);
    record(&health, 600, START_MS, FAST, Kind::Good);
    assert!(health.readings(START_MS)[0].error_rate < 2.4);
    record(&health, 30, START_MS, FAST, Kind::Error);
    assert_eq!(heard.lock().len(), 2);
}

#[test]
fn slow_tenth_is_warned_of() {
    let (health, heard) = health();
    record(&health, 90, START_MS, FAST, Kind::Good);
    record(&health, 10, START_MS, Duration::from_millis(900), Kind::Good);
    assert!(heard.lock().is_empty());
    record(&health, 1, START_MS, Duration::from_millis(900), Kind::Good);
    assert_eq!(*heard.lock(), ["clinic booking: 1 of 10 answers takes longer than 800 ms; Meta warns at 1000 ms"]);
    record(&health, 1_000, START_MS, Duration::from_secs(60), Kind::Good);
    assert_eq!(health.readings(START_MS)[0].p90_latency_ms, u32::MAX);
}

#[test]
fn availability_is_that_of_ten_minutes() {
    let (health, heard) = health();
    record(&health, 1_000, START_MS, FAST, Kind::Good);
    let later_ms = START_MS + AVAILABILITY_MS;
    record(&health, 18, later_ms, FAST, Kind::Good);
    record(&health, 2, later_ms, FAST, Kind::Unserved);
    let warned = heard.lock().clone();
    let expected = "clinic booking: only 90.0 % of the requests in 10 minutes were answered; Meta warns below 90 %";
    assert_eq!(warned, [expected]);
    let reading = health.readings(later_ms).remove(0);
    assert_eq!((reading.requests, reading.near), (1_020, vec![Trouble::Availability]));
}

#[test]
fn few_requests_say_nothing() {
    let (health, heard) = health();
    record(&health, 19, START_MS, Duration::from_secs(9), Kind::Unserved);
    assert!(heard.lock().is_empty());
}

#[test]
fn only_so_many_flows_are_kept_and_silent_ones_are_forgotten() {
    let (health, _) = health();
    let flow = |number: usize| (Box::from("bot"), number.to_string().into_boxed_str());
    for number in 0..MAX_FLOWS + 5 {
        health.record(&flow(number), START_MS, FAST, Kind::Good);
    }
    assert_eq!(health.readings(START_MS).len(), MAX_FLOWS);
    let later_ms = START_MS + WINDOW_MS;
    assert!(health.readings(later_ms).is_empty());
    health.record(&flow(0), later_ms, FAST, Kind::Good);
    health.record(&flow(MAX_FLOWS + 1), later_ms, FAST, Kind::Good);
    assert_eq!(health.readings(later_ms).len(), 2);
}

#[test]
fn clock_that_goes_back_keeps_the_minutes_in_order() {
    let (health, _) = health();
    record(&health, 1, START_MS, FAST, Kind::Good);
    record(&health, 1, START_MS - WINDOW_MS, FAST, Kind::Good);
    assert_eq!(health.readings(START_MS)[0].requests, 2);
}
