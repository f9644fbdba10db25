//! One try to deliver an event, and what comes of it.
//!
//! 2xx is success. 410 says that the endpoint wants nothing more: nothing is sent to it until somebody resumes it, and
//! what waits stays. Everything else, redirects too, is tried again along the ladder, and given up after its end.

use bytes::Bytes;
use rand::RngExt;
use storage::NewDocument;

use super::endpoint::Endpoint;
use super::poster::{Answer, Posted, Posting};
use super::record::{Delivery, DeliveryState, Try};
use super::run::STORE_AGAIN_MS;
use super::{Outlet, OutletError};
use crate::events;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600 * SECOND_MS;
/// How long each try waits after the one before.
pub(super) const LADDER_MS: [u64; 8] =
    [0, 5 * SECOND_MS, 300 * SECOND_MS, 1_800 * SECOND_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];
/// A wait is longer by up to one part in this many, so that what failed together is not tried together.
const JITTER: u64 = 10;
/// An endpoint that wants to be left alone for longer is tried after this time.
const LONGEST_PAUSE_MS: u64 = HOUR_MS;
const GONE: u16 = 410;

/// What a try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// Not now, and not before so long.
    Later {
        why: String,
        pause_ms: Option<u64>,
    },
    /// The endpoint wants nothing more.
    Gone(String),
}

impl Outlet {
    /// Tries one delivery and writes down what came of it. Answers with its id.
    pub(super) async fn deliver(&self, endpoint: &Endpoint, due: (u64, Box<str>)) -> Box<str> {
        let (due_ms, id) = due;
        loop {
            match self.try_once(endpoint, due_ms, &id).await {
                Ok(()) => return id,
                Err(OutletError::Damaged(error)) => {
                    events::event_damaged(endpoint.name(), &error);
                    self.clock.wait_until(self.clock.now_ms() + STORE_AGAIN_MS * 60).await;
                    return id;
                }
                Err(OutletError::Store(error)) => self.store_refused("reading an event", &error).await,
            }
        }
    }

    async fn try_once(&self, endpoint: &Endpoint, due_ms: u64, id: &str) -> Result<(), OutletError> {
        let Some(delivery) = self.delivery(id).await?.filter(|delivery| delivery.state == DeliveryState::Pending)
        else {
            let row = (super::record::DUE.into(), format!("{}/{due_ms:016x}/{id}", endpoint.name()).into(), None);
            return Ok(self.store.put_documents(vec![row]).await?);
        };
        let at_ms = self.clock.now_ms();
        let timestamp = at_ms / SECOND_MS;
        let body = Bytes::copy_from_slice(delivery.body.as_bytes());
        let signature = endpoint.settings.keys.sign(&delivery.event, timestamp, &body);
        let (url, event) = (endpoint.settings.url.clone(), delivery.event);
        let posted = self.poster.post(Posting { url, id: event, timestamp, signature, body }).await;
        let took_ms = self.clock.now_ms().saturating_sub(at_ms);
        while let Err(error) = self.note_try(endpoint, due_ms, id, (at_ms, took_ms), &posted).await {
            match error {
                OutletError::Store(error) => self.store_refused("writing down what became of an event", &error).await,
                damaged @ OutletError::Damaged(_) => return Err(damaged),
            }
        }
        Ok(())
    }

    async fn note_try(
        &self,
        endpoint: &Endpoint,
        due_ms: u64,
        id: &str,
        (at_ms, took_ms): (u64, u64),
        posted: &Posted,
    ) -> Result<(), OutletError> {
        let _one_at_a_time = self.lock(id).await;
        let Some(before) = self.delivery(id).await? else { return Ok(()) };
        let verdict = judge(posted, self.clock.now_ms());
        let mut after = before.clone();
        after.tried(record(at_ms, took_ms, posted, &verdict));
        after.answer = posted.as_ref().ok().map(|answer| answer.excerpt.clone());
        let replayed = before.due_ms != due_ms;
        let mut documents = vec![before.no_due_row()];
        documents.extend(next(&mut after, &verdict, replayed, self.clock.now_ms()));
        let gone = matches!(verdict, Verdict::Gone(_));
        documents.extend(gone.then(|| endpoint.gone_document(Some(self.clock.now_ms()), &self.store.secret())));
        documents.push(after.document());
        self.store.put_documents(documents).await?;
        self.tell(endpoint, &after, &verdict);
        Ok(())
    }

    fn tell(&self, endpoint: &Endpoint, after: &Delivery, verdict: &Verdict) {
        let (now_ms, name) = (self.clock.now_ms(), endpoint.name());
        if after.state != DeliveryState::Pending {
            endpoint.one_less();
        }
        match verdict {
            Verdict::Taken => {
                endpoint.succeeded(now_ms);
                events::event_delivered(&self.metrics, name);
            }
            Verdict::Gone(why) => {
                endpoint.failed(now_ms, why, None);
                endpoint.set_gone(Some(now_ms));
                events::endpoint_gone(&self.metrics, name);
            }
            Verdict::Later { why, pause_ms } => {
                endpoint.failed(now_ms, why, *pause_ms);
                match after.state {
                    DeliveryState::Failed => {
                        let times = endpoint.giving_up.count(now_ms);
                        events::event_given_up(&self.metrics, name, why, times);
                    }
                    _ => events::event_put_off(&self.metrics, name, why, endpoint.failing.count(now_ms)),
                }
            }
        }
    }
}

fn judge(posted: &Posted, now_ms: u64) -> Verdict {
    match posted {
        Ok(Answer { status: 200..=299, .. }) => Verdict::Taken,
        Ok(Answer { status: GONE, .. }) => Verdict::Gone("410: the endpoint wants nothing more".to_owned()),
        Ok(Answer { status: status @ 300..=399, .. }) => {
            let why = format!("{status}: redirects are not followed, correct the url of the endpoint");
            Verdict::Later { why, pause_ms: None }
        }
        Ok(Answer { status, retry_after, .. }) => {
            let pause_ms = retry_after.map(|after| after.left_ms(now_ms).min(LONGEST_PAUSE_MS));
            Verdict::Later { why: format!("status {status}"), pause_ms }
        }
        Err(why) => Verdict::Later { why: why.clone(), pause_ms: None },
    }
}

fn record(at_ms: u64, took_ms: u64, posted: &Posted, verdict: &Verdict) -> Try {
    let error = match verdict {
        Verdict::Taken => None,
        Verdict::Later { why, .. } | Verdict::Gone(why) => Some(why.as_str().into()),
    };
    Try { at_ms, took_ms, status: posted.as_ref().ok().map(|answer| answer.status), error }
}

/// What the delivery is now; the row that makes it due again, if it is to be.
fn next(after: &mut Delivery, verdict: &Verdict, replayed: bool, now_ms: u64) -> Option<NewDocument> {
    match verdict {
        Verdict::Taken => {
            after.state = DeliveryState::Delivered;
            return None;
        }
        // Somebody asked for it anew while it was under way: its time stands.
        _ if replayed => {}
        // It is not the event's fault: as soon as the endpoint is resumed.
        Verdict::Gone(_) => after.due_ms = now_ms,
        Verdict::Later { pause_ms, .. } => {
            let Some(wait_ms) = usize::try_from(after.rung + 1).ok().and_then(|rung| LADDER_MS.get(rung)) else {
                after.state = DeliveryState::Failed;
                return None;
            };
            after.rung += 1;
            let jitter_ms = rand::rng().random_range(0..=wait_ms / JITTER);
            after.due_ms = now_ms + (wait_ms + jitter_ms).max(pause_ms.unwrap_or(0));
        }
    }
    Some(after.due_row())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry_after::RetryAfter;

    fn answer(status: u16) -> Posted {
        Ok(Answer { status, retry_after: None, excerpt: "x".into() })
    }

    #[test]
    fn only_2xx_is_a_success_and_only_410_an_end() {
        for status in [200, 204, 299] {
            assert_eq!(judge(&answer(status), 0), Verdict::Taken, "{status}");
        }
        for status in [100, 199, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 503] {
            assert!(matches!(judge(&answer(status), 0), Verdict::Later { .. }), "{status}");
        }
        assert!(matches!(judge(&answer(410), 0), Verdict::Gone(_)));
        assert!(matches!(judge(&Err("no connection".into()), 0), Verdict::Later { .. }));
    }

    #[test]
    fn an_endpoint_is_left_alone_as_long_as_it_says_and_an_hour_at_the_most() {
        for (after, wanted_ms) in [
            (None, None),
            (Some(RetryAfter::Pause(60_000)), Some(60_000)),
            (Some(RetryAfter::At(100_000)), Some(90_000)),
            (Some(RetryAfter::At(1_000)), Some(0)),
            (Some(RetryAfter::At(u64::MAX)), Some(HOUR_MS)),
            (Some(RetryAfter::Pause(u64::MAX)), Some(HOUR_MS)),
        ] {
            let posted = Ok(Answer { status: 503, retry_after: after, ..Answer::default() });
            assert!(
                matches!(judge(&posted, 10_000), Verdict::Later { pause_ms, .. } if pause_ms == wanted_ms),
                "{after:?}"
            );
        }
    }

    #[test]
    fn the_whole_ladder_takes_over_a_day() {
        let whole: u64 = LADDER_MS.iter().sum();
        assert_eq!(whole, 27 * HOUR_MS + 35 * 60 * SECOND_MS + 5 * SECOND_MS);
    }
}
