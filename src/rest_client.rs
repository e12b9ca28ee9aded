//! Requests to API servers, counted under the names that every Kubernetes dashboard knows.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use syncer_clusters::{Observed, Observer, Restart, Verb};

/// The counters of all clients. Cheap to clone; clones count together.
#[derive(Clone)]
pub(crate) struct RestClient {
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    put_off: Family<PutOffLabels, Counter>,
    warnings: Family<WarningLabels, Counter>,
    restarts: Family<RestartLabels, Counter>,
}

/// A side of the syncer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where people say what they want; the Lease too.
    Upstream,
    /// A target.
    Downstream,
}

/// What the client of one cluster tells.
struct Seat {
    client: RestClient,
    side: Side,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: Code,
    method: String,
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    verb: &'static str,
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PutOffLabels {
    verb: &'static str,
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WarningLabels {
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RestartLabels {
    side: &'static str,
    reason: &'static str,
}

/// The HTTP status, or what client-go writes where there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Code(Option<u16>);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self.0 {
            Some(code) => write!(encoder, "{code}"),
            None => encoder.write_str("<error>"),
        }
    }
}

// === impl RestClient ===

impl RestClient {
    /// Counters that start at nothing.
    pub(crate) fn new() -> Self {
        // From a millisecond to half a minute.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            put_off: Family::default(),
            warnings: Family::default(),
            restarts: Family::default(),
        }
    }

    /// What counts for a client of a cluster on this side.
    pub(crate) fn at(&self, side: Side) -> Arc<dyn Observer> {
        Arc::new(Seat {
            client: self.clone(),
            side,
        })
    }

    /// Shows them in `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "rest_client_requests",
            "Requests by status code, method and host",
            self.requests.clone(),
        );
        registry.register(
            "rest_client_request_duration_seconds",
            "Time from a request to its whole answer, by verb and host",
            self.durations.clone(),
        );
        registry.register(
            "tmc_syncer_requests_put_off",
            "Requests that were not sent because too many wait for a place, by verb and host",
            self.put_off.clone(),
        );
        registry.register(
            "tmc_syncer_server_warnings",
            "Warnings that API servers sent along",
            self.warnings.clone(),
        );
        registry.register(
            "tmc_syncer_watch_restarts",
            "Watches that had to start again, by side and reason",
            self.restarts.clone(),
        );
    }
}

// === impl Side ===

impl Side {
    fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

// === impl Seat ===

impl Observer for Seat {
    fn request(&self, request: &Observed<'_>) {
        let host = request.host.to_owned();
        let labels = RequestLabels {
            code: Code(request.code),
            method: request.method.to_owned(),
            host: host.clone(),
        };
        self.client.requests.get_or_create(&labels).inc();
        let labels = DurationLabels {
            verb: request.verb.as_str(),
            host,
        };
        self.client
            .durations
            .get_or_create(&labels)
            .observe(request.duration.as_secs_f64());
    }

    fn put_off(&self, host: &str, verb: Verb) {
        let labels = PutOffLabels {
            verb: verb.as_str(),
            host: host.to_owned(),
        };
        self.client.put_off.get_or_create(&labels).inc();
    }

    fn warnings(&self, host: &str, _: Verb, count: usize) {
        let labels = WarningLabels { host: host.to_owned() };
        self.client
            .warnings
            .get_or_create(&labels)
            .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn watch_restarted(&self, _cluster: &str, restart: Restart) {
        self.client
            .restarts
            .get_or_create(&RestartLabels {
                side: self.side.as_str(),
                reason: restart.as_str(),
            })
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn requests_and_restarts_are_counted_under_the_known_names() {
        let client = RestClient::new();
        let mut registry = Registry::default();
        client.register(&mut registry);
        let observed = |code| Observed {
            cluster: "target east",
            host: "127.0.0.1:6443",
            verb: Verb::Apply,
            method: "PATCH",
            code,
            duration: Duration::from_millis(3),
        };
        let east = client.at(Side::Downstream);
        east.request(&observed(Some(200)));
        east.request(&observed(None));
        east.put_off("127.0.0.1:6443", Verb::Apply);
        east.watch_restarted("target east", Restart::Ended);
        client.at(Side::Upstream).watch_restarted("upstream", Restart::Ended);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "rest_client_requests_total{code=\"200\",method=\"PATCH\",host=\"127.0.0.1:6443\"} 1",
            "rest_client_requests_total{code=\"<error>\",method=\"PATCH\",host=\"127.0.0.1:6443\"} 1",
            "rest_client_request_duration_seconds_count{verb=\"apply\",host=\"127.0.0.1:6443\"} 2",
            "tmc_syncer_requests_put_off_total{verb=\"apply\",host=\"127.0.0.1:6443\"} 1",
            "tmc_syncer_watch_restarts_total{side=\"downstream\",reason=\"ended\"} 1",
            "tmc_syncer_watch_restarts_total{side=\"upstream\",reason=\"ended\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
