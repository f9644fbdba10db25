//! People whom the bot asks with little patience; some answer in time, and of answer and timer one leads on.

use std::time::Duration;

use super::mixed::Part;
use crate::support::{Heard, Message, SOON, World};

pub(super) const PATIENCE: &str = "1s";
pub(super) const LATE: &str = "too late";
pub(super) const IN_TIME: &str = "in time";
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What one of them did.
pub(super) struct Asked {
    pub(super) person: String,
    /// Messages that were acknowledged.
    said: u32,
}

pub(super) async fn ask(mut part: Part) -> Asked {
    let mut said = 0;
    while part.goes_on() {
        said += 1;
        part.says("timer", said).await;
        part.waits(300..2_500).await;
    }
    Asked { person: part.person, said }
}

/// Waits until every question has its end.
pub(super) async fn run_out(world: &World, asked: &[Asked]) {
    let mut again = tokio::time::interval(LOOK_EVERY);
    let all = async {
        loop {
            again.tick().await;
            let mut heard = Heard::of(&world.meta);
            if asked.iter().all(|asked| asked.has_ended(&heard.take(&asked.person))) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, all).await.expect("every timer runs out");
}

/// Questions, and how many of them ended late and in time.
#[derive(Default)]
struct Counts {
    questions: u32,
    late: u32,
    in_time: u32,
}

impl Asked {
    fn counts(&self, heard: &[Message]) -> Counts {
        let mut counts = Counts::default();
        for message in heard {
            let open = counts.questions > counts.late + counts.in_time;
            match &*message.text {
                "What?" if !open => counts.questions += 1,
                LATE if open => counts.late += 1,
                IN_TIME if open => counts.in_time += 1,
                text => panic!("{}: {text:?}, open: {open}, in {:?}", self.person, texts(heard)),
            }
        }
        counts
    }

    fn has_ended(&self, heard: &[Message]) -> bool {
        let Counts { questions, late, in_time } = self.counts(heard);
        questions + in_time == self.said && questions == late + in_time
    }

    /// Each message began a question or answered it, and each question has one end. How many were late, how many in time.
    pub(super) fn check(&self, heard: &[Message]) -> (u32, u32) {
        assert!(self.has_ended(heard), "{} of {}: {:?}", self.said, self.person, texts(heard));
        let counts = self.counts(heard);
        (counts.late, counts.in_time)
    }
}

fn texts(heard: &[Message]) -> Vec<&str> {
    heard.iter().map(|message| &*message.text).collect()
}
