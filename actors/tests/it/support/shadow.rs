//! A model beside a store on a simulated disk: it hears of each call, and must answer the same. Every call is waited for
//! on the spot, so that the threads of the store change nothing about what happens when.

use std::fmt::Debug;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use parking_lot::Mutex;
use storage::{Fence, Model, Partition, Pending, Store};
use testkit::Disk;

/// The model, and the disk of the store beside it.
pub(crate) struct Shadow {
    pub model: Arc<Model>,
    pub disk: Disk,
    /// The call in which the disk went away: it may have happened.
    unanswered: Mutex<Option<Box<Again>>>,
}

pub(crate) type Again = dyn FnOnce(&Model) + Send;

impl Shadow {
    pub(crate) fn new(model: Arc<Model>, disk: Disk) -> Arc<Self> {
        Arc::new(Self { model, disk, unanswered: Mutex::default() })
    }

    /// That call, for another model.
    pub(crate) fn unanswered(&self) -> Option<Box<Again>> {
        self.unanswered.lock().take()
    }

    /// The answer to a read; none once the disk is gone.
    pub(super) fn read<T>(&self, pending: Pending<T>) -> Option<Pending<T>> {
        let answer = at_once(pending);
        (!self.disk.fault_fired()).then(|| Pending::ready(answer))
    }

    /// Writes, here and there. No answer once the disk is gone.
    pub(super) fn write<T: Debug + PartialEq>(
        &self,
        store: &dyn Store,
        call: impl Fn(&dyn Store, Option<Fence>) -> Pending<T> + Send + 'static,
    ) -> Option<Pending<T>> {
        let answer = at_once(call(store, None));
        let again = move |model: &Model| at_once(call(model, Some(model.fence(&Partition("".into())))));
        if self.disk.fault_fired() {
            *self.unanswered.lock() = Some(Box::new(move |model| drop(again(model))));
            return None;
        }
        assert_eq!(answer, again(&self.model), "the store answers otherwise than the model");
        Some(Pending::ready(answer))
    }
}

/// Waits here and now; nothing else of the runtime goes on meanwhile.
pub(crate) fn at_once<T>(pending: Pending<T>) -> Result<T, storage::StoreError> {
    let mut pending = std::pin::pin!(tokio::task::unconstrained(pending));
    let waker = Waker::from(Arc::new(Caller(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(answer) = pending.as_mut().poll(&mut context) {
            return answer;
        }
        std::thread::park();
    }
}

struct Caller(Thread);

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
