//! What an API server has been asked, by its own count.

use std::collections::BTreeMap;

/// The metric that counts requests.
const METRIC: &str = "apiserver_request_total";

/// The verbs that change something.
const WRITES: [&str; 6] = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    /// The verb, in capitals: `GET`, `LIST`, `WATCH`, `POST`, `PUT`, `PATCH`, `APPLY`, `DELETE`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource.
    pub resource: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// The HTTP status code of the answer.
    pub code: String,
}

/// How many requests of each kind a server has answered since it started, its own included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts(BTreeMap<RequestKind, u64>);

// === impl RequestCounts ===

impl RequestCounts {
    /// The counts in `metrics`, the text of an API server's `/metrics`.
    pub(crate) fn parse(metrics: &str) -> Self {
        let mut counts = BTreeMap::new();
        for line in metrics.lines() {
            let Some(rest) = line.strip_prefix(METRIC) else {
                continue;
            };
            let Some((labels, value)) = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}')) else {
                continue;
            };
            let Ok(value) = value.trim().parse::<f64>() else {
                continue;
            };
            *counts.entry(RequestKind::parse(labels)).or_default() += rounded(value);
        }
        Self(counts)
    }

    /// What came after `earlier`, without the kinds that did not change.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |kind| earlier.0.get(kind).copied().unwrap_or(0);
        let grown = self
            .0
            .iter()
            .map(|(kind, count)| (kind.clone(), count.saturating_sub(before(kind))));
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }

    /// The requests that `wanted` picks.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&RequestKind) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(kind, _)| wanted(kind))
                .map(|(kind, count)| (kind.clone(), *count))
                .collect(),
        )
    }

    /// The requests that change something, whatever came of them.
    #[must_use]
    pub fn writes(&self) -> Self {
        self.only(RequestKind::is_write)
    }

    /// The requests that change something among `resources`. An API server writes to others by itself (leases,
    /// flow control, roles).
    #[must_use]
    pub fn writes_to(&self, resources: &[&str]) -> Self {
        self.only(|kind| kind.is_write() && resources.contains(&kind.resource.as_str()))
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Each kind with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestKind, u64)> {
        self.0.iter().map(|(kind, count)| (kind, *count))
    }
}

// === impl RequestKind ===

impl RequestKind {
    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }

    fn parse(labels: &str) -> Self {
        Self {
            verb: label(labels, "verb"),
            group: label(labels, "group"),
            resource: label(labels, "resource"),
            subresource: label(labels, "subresource"),
            code: label(labels, "code"),
        }
    }
}

/// The value of `name` in `a="1",b="2"`; the values of this metric contain no quotes.
fn label(labels: &str, name: &str) -> String {
    let value = labels
        .split("\",")
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\""));
    value
        .map(|value| value.trim_end_matches('"').to_owned())
        .unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter: a whole number, far below 2^53, never negative"
)]
fn rounded(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP apiserver_request_total Counter
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="apps",resource="deployments",scope="resource",subresource="status",verb="APPLY",version="v1"} 1e+06
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="cluster",subresource="",verb="LIST",version="v1"} 7
apiserver_request_total_other{verb="POST"} 9
"#;

    #[test]
    fn requests_are_counted_by_kind() {
        let counts = RequestCounts::parse(METRICS);
        assert_eq!(counts.total(), 1_000_010);
        assert_eq!(counts.writes().total(), 1_000_003);
        assert_eq!(counts.writes_to(&["configmaps"]).total(), 3);
        let status = counts.only(|kind| kind.subresource == "status");
        let kinds: Vec<_> = status
            .iter()
            .map(|(kind, n)| (kind.group.as_str(), kind.code.as_str(), n))
            .collect();
        assert_eq!(kinds, [("apps", "200", 1_000_000)]);
    }

    #[test]
    fn only_what_came_later_is_counted() {
        let earlier = RequestCounts::parse(METRICS);
        let later = RequestCounts::parse(&METRICS.replace("\"v1\"} 3", "\"v1\"} 5"));
        assert_eq!(later.since(&earlier).total(), 2);
        assert_eq!(later.since(&later), RequestCounts::default());
    }
}
