//! Where requests are counted.

use std::time::Duration;

use crate::Verb;

/// Told of every request, of those that found no place, of warnings and of restarted watches, for metrics. Called from the requesting task: no I/O, no waiting.
pub trait Observer: Send + Sync + 'static {
    /// A request was answered, or failed.
    fn request(&self, request: &Observed<'_>) {
        let _ = request;
    }

    /// A request was not sent: too many wait for a place already, or it waited for too long.
    fn put_off(&self, host: &str, verb: Verb) {
        let _ = (host, verb);
    }

    /// API servers sent so many `Warning` headers with an answer to `verb`.
    fn warnings(&self, host: &str, verb: Verb, count: usize) {
        let _ = (host, verb, count);
    }

    /// A watch had to start again.
    fn watch_restarted(&self, cluster: &str, restart: Restart) {
        let _ = (cluster, restart);
    }
}

/// One request, for `rest_client_requests_total{code,method,host}` and `rest_client_request_duration_seconds`.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The cluster's name, as given to [`connect`](crate::Cluster::connect).
    pub cluster: &'a str,
    /// The host and port.
    pub host: &'a str,
    /// What it was to do.
    pub verb: Verb,
    /// The HTTP method.
    pub method: &'a str,
    /// The HTTP status; none where there was no answer (client-go's `<error>`).
    pub code: Option<u16>,
    /// From sending to the whole answer; of a watch, to its first byte.
    pub duration: Duration,
}

/// Why a watch started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// The server ended the stream, as it does every few minutes.
    Ended,
    /// The connection broke.
    Broken,
    /// Nothing came for too long.
    Stalled,
    /// The version or the continue token had expired: a new list.
    Expired,
    /// The server answered with an error.
    Refused,
    /// What came could not be read.
    Garbled,
    /// Streaming lists are not served here: a list in pages instead.
    NoStreamingList,
    /// The long interval for repair is over: a new list.
    Repair,
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}

// === impl Restart ===

impl Restart {
    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Broken => "broken",
            Self::Stalled => "stalled",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Garbled => "garbled",
            Self::NoStreamingList => "no-streaming-list",
            Self::Repair => "repair",
        }
    }
}
