//! What the tests share: a folder with a program in it, the stand-in opposite, a crowd that writes, and the evidence.

mod crowd;
mod evidence;
mod form;
mod place;
mod program;
mod shim;
mod world;

pub(crate) use crowd::{Crowd, Habits, Said};
pub(crate) use evidence::{Evidence, Heard, Interruption, Message};
pub(crate) use form::{FormAsk, seed_visit};
pub(crate) use place::{NUMBER, Place, free_ports, random_text};
pub(crate) use program::{Ended, Program, SOON, eventually};
pub(crate) use shim::shim;
pub(crate) use world::World;
