//! What Meta does after it took a message: tells that it was sent, delivered and read, each in its time, several in one
//! webhook.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::super::load::{Tally, Wire};
use super::super::message::{Writer, number_id};
use super::super::stand_in::reply_wamid;

/// Each status, and how long after the answer it comes.
const KINDS: [(&str, Duration); 3] =
    [("sent", Duration::ZERO), ("delivered", Duration::from_millis(50)), ("read", Duration::from_millis(200))];
/// A webhook waits this long for more statuses to ride along.
const GATHER: Duration = Duration::from_millis(20);

/// A status that is to come.
struct Status {
    due: Instant,
    n: u64,
    to: Box<str>,
    callback: Box<str>,
}

/// A webhook that should leave now.
pub(in crate::bench) struct Body {
    ready: Instant,
    pub(in crate::bench) statuses: u64,
    pub(in crate::bench) request: Vec<u8>,
}

/// Makes statuses of replies, and posts them.
pub(in crate::bench) struct Statuses {
    /// Of each number.
    lines: Vec<[UnboundedSender<Status>; 3]>,
    writer: Arc<Writer>,
    counts: Arc<Counts>,
}

/// What became of them.
#[derive(Default)]
pub(in crate::bench) struct Counts {
    made: AtomicU64,
    acknowledged: AtomicU64,
    bodies: AtomicU64,
    acks: Mutex<Tally>,
    broken: Mutex<Option<String>>,
}

impl Counts {
    /// Statuses of all replies so far, those that are not due yet too.
    pub(in crate::bench) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Statuses whose webhook was answered 200.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Webhooks answered.
    pub(super) fn bodies(&self) -> u64 {
        self.bodies.load(Ordering::Relaxed)
    }

    /// The times of the webhooks since this was last asked, in rising order.
    pub(super) fn take_acks(&self) -> Tally {
        let mut tally = std::mem::take(&mut *self.acks.lock());
        tally.acks_us.sort_unstable();
        tally
    }

    /// Why a connection ended, if one did.
    pub(super) fn broken(&self) -> Option<String> {
        self.broken.lock().clone()
    }
}

impl Statuses {
    /// Starts lines and connections; they end when this is dropped and all is posted.
    pub(super) fn start(writer: &Arc<Writer>, numbers: u32, address: SocketAddr, conns: u32, per_body: u32) -> Self {
        let (statuses, ready) = Self::written(writer, numbers, per_body);
        let ready = Arc::new(tokio::sync::Mutex::new(ready));
        for _ in 0..conns {
            let (ready, counts) = (ready.clone(), statuses.counts());
            tokio::spawn(async move {
                if let Err(error) = post(address, &ready, &counts).await {
                    counts.broken.lock().get_or_insert(error.to_string());
                }
            });
        }
        statuses
    }

    /// Starts lines, whose webhooks come out here for somebody else to post.
    pub(in crate::bench) fn written(
        writer: &Arc<Writer>,
        numbers: u32,
        per_body: u32,
    ) -> (Self, UnboundedReceiver<Body>) {
        let (bodies, ready) = unbounded_channel();
        let lines_of = |number: u32| {
            KINDS.map(|(kind, _)| {
                let (line, due) = unbounded_channel();
                let kind = (kind, number_id(number.into()));
                tokio::spawn(write(kind, due, writer.clone(), per_body as usize, bodies.clone()));
                line
            })
        };
        let lines = (0..numbers).map(lines_of).collect();
        (Self { lines, writer: writer.clone(), counts: Arc::default() }, ready)
    }

    pub(in crate::bench) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// A message of ours arrived at Meta: its three statuses will come.
    pub(in crate::bench) fn arrived(&self, n: u64, body: &[u8]) {
        let now = Instant::now();
        let field = |name| text_field(body, name).unwrap_or_default();
        let (to, callback) = (field("to"), field("biz_opaque_callback_data"));
        let lines = usize::try_from(self.writer.number_of(n)).ok().and_then(|number| self.lines.get(number));
        for (line, (_, after)) in lines.into_iter().flatten().zip(KINDS) {
            self.counts.made.fetch_add(1, Ordering::Relaxed);
            let status = Status { due: now + after, n, to: to.into(), callback: callback.into() };
            // An error means that the bench is ending.
            let _ending = line.send(status);
        }
    }
}

/// Gathers statuses of a kind and a number into webhooks.
async fn write(
    (kind, number_id): (&'static str, String),
    mut wanted: UnboundedReceiver<Status>,
    writer: Arc<Writer>,
    per_body: usize,
    bodies: UnboundedSender<Body>,
) {
    let mut held = None;
    loop {
        let Some(first) = (match held.take() {
            Some(held) => Some(held),
            None => wanted.recv().await,
        }) else {
            return;
        };
        tokio::time::sleep_until(first.due).await;
        let leave = first.due + GATHER;
        let mut batch = vec![first];
        while batch.len() < per_body {
            match tokio::time::timeout_at(leave, wanted.recv()).await {
                Ok(Some(next)) if next.due <= leave => {
                    tokio::time::sleep_until(next.due).await;
                    batch.push(next);
                }
                Ok(next) => {
                    held = next;
                    break;
                }
                Err(_) => break,
            }
        }
        let mut request = Vec::new();
        writer.sign(&body(kind, &number_id, &batch, writer.now_s()), &mut request);
        if bodies.send(Body { ready: Instant::now(), statuses: batch.len() as u64, request }).is_err() {
            return;
        }
    }
}

async fn post(
    address: SocketAddr,
    ready: &tokio::sync::Mutex<UnboundedReceiver<Body>>,
    counts: &Counts,
) -> std::io::Result<()> {
    let mut wire = Wire::connect(address).await?;
    loop {
        let next = ready.lock().await.recv().await;
        let Some(body) = next else { return Ok(()) };
        let status = wire.exchange(&body.request).await?;
        counts.acks.lock().count(status, body.ready);
        counts.bodies.fetch_add(1, Ordering::Relaxed);
        if status == 200 {
            counts.acknowledged.fetch_add(body.statuses, Ordering::Relaxed);
        }
    }
}

fn body(kind: &str, number_id: &str, statuses: &[Status], now_s: u64) -> String {
    let one = |status: &Status| {
        let (wamid, to, callback) = (reply_wamid(status.n), status.to.trim_start_matches('+'), &status.callback);
        format!(
            r#"{{"id":"{wamid}","status":"{kind}","timestamp":"{now_s}","recipient_id":"{to}","biz_opaque_callback_data":"{callback}","conversation":{{"id":"c0ffee","origin":{{"type":"service"}}}},"pricing":{{"billable":false,"pricing_model":"PMP","category":"service","type":"free_customer_service"}}}}"#
        )
    };
    let statuses = statuses.iter().map(one).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"300100200300400","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100100","phone_number_id":"{number_id}"}},"statuses":[{statuses}]}},"field":"messages"}}]}}]}}"#
    )
}

/// The text of a field of a body of ours: written by serde, without spaces, without escapes in these fields.
fn text_field<'b>(body: &'b [u8], name: &str) -> Option<&'b str> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use whatsapp::webhook::{self, Event, StatusKind};

    use super::*;

    #[test]
    fn statuses_of_a_body_are_those_of_the_replies() {
        let sent = br#"{"biz_opaque_callback_data":"p1.abc","to":"+99900000000003","type":"text"}"#;
        let (to, callback) = (text_field(sent, "to"), text_field(sent, "biz_opaque_callback_data"));
        let status = |n| Status {
            due: Instant::now(),
            n,
            to: to.unwrap_or_default().into(),
            callback: callback.unwrap_or_default().into(),
        };
        let body = body("read", "700800900100203", &[status(1), status(2)], 1_790_000_000);
        let events = webhook::parse(body.as_bytes()).unwrap();
        assert_eq!(events.len(), 2);
        for (event, wamid) in events.iter().zip([reply_wamid(1), reply_wamid(2)]) {
            let Event::Status(status) = event else { panic!("{event:?}") };
            assert_eq!((status.wamid.as_str(), status.callback_data.as_deref()), (wamid.as_str(), Some("p1.abc")));
            assert!(matches!(status.status, StatusKind::Read));
            assert_eq!(status.phone_number_id, "700800900100203");
        }
        assert_eq!(text_field(sent, "from"), None);
    }
}
