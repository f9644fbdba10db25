//! Actors that do nothing, under one supervisor: what the memory of live conversations is held against.

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::engine::StartError;

/// Many of them; they live as long as this does.
pub struct Crowd {
    supervisor: ActorRef<()>,
    actors: Vec<ActorRef<()>>,
}

impl Crowd {
    /// Starts so many.
    pub async fn start(count: usize) -> Result<Self, StartError> {
        let (supervisor, _) = Actor::spawn(None, Bare, ()).await?;
        let mut actors = Vec::with_capacity(count);
        for _ in 0..count {
            actors.push(Actor::spawn_linked(None, Bare, (), supervisor.get_cell()).await?.0);
        }
        Ok(Self { supervisor, actors })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.actors.len()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.supervisor.stop_children(None);
        self.supervisor.stop(None);
    }
}

struct Bare;

impl Actor for Bare {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}
