//! What targets report reaches the upstream object: right, soon, and no more often than it helps.

mod field;
mod rollout;
mod service;
mod silence;
