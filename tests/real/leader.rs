//! Two replicas that share a Lease: one works, the other stands by. `figure:` lines say how long a take-over takes.

mod heartbeat;
mod lease_api;
mod paused;
mod rights;
mod stage;
mod take_over;
