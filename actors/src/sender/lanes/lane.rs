//! One conversation's messages, in order.

use std::collections::VecDeque;

use chatbot::Order;
use storage::SendId;

use crate::sender::Row;

#[derive(Default)]
pub(super) struct Lane {
    /// By number.
    rows: VecDeque<Row>,
    /// Number of the one that a request is under way for.
    under_way: Option<u64>,
    /// Place of the one that goes next.
    next: usize,
    /// Under which time it stands in the schedule, and in which.
    pub due_ms: u64,
    pub bulk: bool,
    /// In which schedule it stood when the one under way left.
    pub under_way_bulk: bool,
    /// Nothing leaves before.
    pub not_before_ms: u64,
    /// Refusals by the pair limit in a row.
    pub slowed: u32,
    /// A status settled the one under way.
    pub told: bool,
    /// Takes the place of the one under way when that ends.
    successor: Option<Box<Row>>,
}

pub(super) enum Inserted {
    /// It is there already.
    There,
    /// It took the place of one with another nonce.
    Replaced,
    /// `next`: the lane must be scheduled anew.
    New { next: bool },
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_under_way(&self, send: SendId) -> bool {
        self.under_way == Some(send.n)
    }

    pub(super) fn bot_is_under_way(&self) -> bool {
        self.under_way.is_some_and(|n| self.rows.iter().any(|row| row.id.n == n && row.manner.bot))
    }

    pub(super) fn insert(&mut self, row: Row) -> Inserted {
        let place = match self.rows.back() {
            Some(last) if last.id.n >= row.id.n => self.rows.partition_point(|other| other.id.n < row.id.n),
            _ => self.rows.len(),
        };
        match self.rows.get_mut(place).filter(|there| there.id == row.id) {
            Some(there) if there.nonce == row.nonce => Inserted::There,
            Some(_) if self.under_way == Some(row.id.n) => {
                self.successor = Some(Box::new(row));
                Inserted::There
            }
            Some(there) => {
                there.become_other(row);
                Inserted::Replaced
            }
            None => {
                // Behind one that waits and steps aside, it may be the next.
                let next = place <= self.next
                    || self.bulk && !row.manner.bulk
                    || self.rows.front().is_some_and(|first| first.attempts > 0);
                self.rows.insert(place, row);
                Inserted::New { next }
            }
        }
    }

    /// Looks which one goes next, and answers when. `awaited` is a message whose delivery the later ones wait for, and
    /// until when.
    pub(super) fn look(&mut self, awaited: Option<(u64, u64)>, now_ms: u64) -> Option<u64> {
        self.next = self.choose(now_ms);
        let row = self.rows.get(self.next)?;
        // A reply does not wait for the rest of a broadcast: what stands before it goes with it.
        self.bulk = self.rows.iter().all(|row| row.manner.bulk);
        if self.under_way.is_some() {
            return None;
        }
        let delivery_ms = awaited.filter(|(n, _)| *n < row.id.n).map_or(0, |(_, until_ms)| until_ms);
        self.due_ms = row.due_ms.max(self.not_before_ms).max(delivery_ms);
        Some(self.due_ms)
    }

    /// The first one, unless it waits (in doubt, or for a retry) and does not want the others to wait with it.
    fn choose(&self, now_ms: u64) -> usize {
        let steps_aside = |row: &Row| row.manner.order == Order::Send && row.attempts > 0 && row.due_ms > now_ms;
        let aside = self.rows.iter().take_while(|row| steps_aside(row)).count();
        let soonest = self.rows.iter().take(aside + 1).enumerate().min_by_key(|(_, row)| row.due_ms);
        soonest.map_or(0, |(place, _)| place)
    }

    pub(super) fn next_mut(&mut self) -> &mut Row {
        self.rows.get_mut(self.next).expect("a scheduled lane has a next message")
    }

    pub(super) fn start(&mut self) -> Row {
        let row = self.next_mut();
        row.pair_paid = false;
        let row = row.clone();
        self.under_way = Some(row.id.n);
        self.told = false;
        row
    }

    fn place(&self, send: SendId) -> Option<usize> {
        let first = self.rows.front()?;
        if first.id == send {
            return Some(0);
        }
        self.rows.binary_search_by_key(&send.n, |row| row.id.n).ok()
    }

    /// Whether this message is one of many; `None` if it is not here.
    pub(super) fn bulk_of(&self, send: SendId) -> Option<bool> {
        Some(self.rows[self.place(send)?].manner.bulk)
    }

    pub(super) fn order_of(&self, send: SendId) -> Option<Order> {
        Some(self.rows[self.place(send)?].manner.order)
    }

    /// The request ended. Answers whether there was one.
    pub(super) fn finish(&mut self, send: SendId) -> bool {
        let was_under_way = self.is_under_way(send);
        if was_under_way {
            self.under_way = None;
            self.told = false;
        }
        was_under_way
    }

    /// Takes a message out, unless one with another nonce takes its place.
    pub(super) fn settle(&mut self, send: SendId) -> Option<Row> {
        self.slowed = 0;
        let place = self.place(send)?;
        if self.succeed(place) { None } else { self.rows.remove(place) }
    }

    pub(super) fn wait(&mut self, send: SendId, due_ms: u64, tries: u32, doubt: bool) -> Option<Row> {
        let place = self.place(send)?;
        if !self.succeed(place) {
            let row = &mut self.rows[place];
            row.attempts += 1;
            (row.due_ms, row.tries, row.doubt) = (due_ms, tries, doubt);
        }
        None
    }

    /// Lets a message go now, unless it is under way or in doubt.
    pub(super) fn hasten(&mut self, send: SendId, now_ms: u64) {
        let under_way = self.is_under_way(send);
        if let Some(row) = self.place(send).and_then(|place| self.rows.get_mut(place)).filter(|_| !under_way) {
            row.due_ms = if row.doubt { row.due_ms } else { row.due_ms.min(now_ms) };
        }
    }

    pub(super) fn succeed_by(&mut self, row: Row) {
        self.successor = Some(Box::new(row));
    }

    fn succeed(&mut self, place: usize) -> bool {
        let Some(successor) = self.successor.take() else { return false };
        self.rows[place].become_other(*successor);
        true
    }

    pub(super) fn has_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Takes out all but the one that is under way.
    pub(super) fn drop_waiting(&mut self) -> Vec<Row> {
        let under_way = self.under_way;
        self.successor = None;
        let goes = |row: &Row| under_way != Some(row.id.n);
        let (out, stay): (Vec<Row>, _) = std::mem::take(&mut self.rows).into_iter().partition(goes);
        self.rows = stay.into();
        out
    }

    /// Takes the bot's messages out; those that stay must look whether they may leave, should they go again.
    pub(super) fn take_out(&mut self) -> Vec<Row> {
        let under_way = self.under_way;
        self.rows.iter_mut().for_each(|row| row.may_be_taken = true);
        let goes = |row: &Row| row.manner.bot && !row.doubt && under_way != Some(row.id.n);
        let (out, stay): (Vec<Row>, _) = std::mem::take(&mut self.rows).into_iter().partition(goes);
        self.rows = stay.into();
        out
    }
}
