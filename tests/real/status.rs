//! What targets report reaches the upstream object: right, soon, and no more often than it helps.

mod chaos;
mod crowd;
mod field;
mod refused;
mod restored;
mod rivals;
mod rollout;
mod round;
mod service;
mod silence;
