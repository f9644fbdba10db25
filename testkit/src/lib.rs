//! What the tests of several crates share: choices that a seed makes, and a disk that fails. The product has nothing of it.

mod disk;
mod random;

pub use disk::{Disk, Fault, Image, Loss};
pub use random::SplitMix;
