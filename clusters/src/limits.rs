//! How much one cluster may be asked at once, and how long an answer may take.

use std::time::Duration;

/// The limits towards one API server, shared by all logical clusters behind it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Writes in flight; more wait. At least 1.
    pub writes_in_flight: usize,
    /// Single reads in flight (lists of watches have a lane of their own); more wait. At least 1.
    pub reads_in_flight: usize,
    /// How many requests may wait for a place; more are refused as [`Cause::Busy`](crate::Cause::Busy).
    pub waiting: usize,
    /// Single reads and writes per second; none leaves it to the server's own fairness.
    pub requests_per_second: Option<f64>,
    /// How many requests may come at once before `requests_per_second` counts; at least 1.
    pub burst: u32,
    /// The time for one request from its sending to its whole answer, and again for the wait for a place.
    pub request_timeout: Duration,
    /// The time for one page of a list.
    pub list_timeout: Duration,
    /// The time for TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// The longest time between two probes of a server that could not be reached.
    pub longest_probe: Duration,
    /// The largest answer, in bytes.
    pub largest_answer: usize,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            writes_in_flight: 32,
            reads_in_flight: 32,
            waiting: 4096,
            requests_per_second: None,
            burst: 1,
            request_timeout: Duration::from_secs(30),
            list_timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(10),
            longest_probe: Duration::from_secs(30),
            largest_answer: 256 << 20,
        }
    }
}
