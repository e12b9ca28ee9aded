//! The endpoints of a Service on one target, out of its `EndpointSlices`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use syncer_clusters::Object;
use syncer_core::status::Endpoints;

/// What counts of one EndpointSlice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    family: Family,
    endpoints: Endpoints,
}

/// The kind of addresses of a slice: a Service with two families lists each endpoint twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
    Other,
}

/// The slices of one Service on one target.
#[derive(Debug, Default)]
pub(super) struct Slices(BTreeMap<Box<str>, Slice>);

#[derive(Deserialize)]
struct RawEndpoint {
    #[serde(default)]
    conditions: RawConditions,
}

#[derive(Default, Deserialize)]
struct RawConditions {
    ready: Option<bool>,
}

// === impl Slice ===

impl Slice {
    /// What counts of the EndpointSlice `object`; none if it cannot be read.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let member = |name| object.member(name).map(RawValue::get);
        Self::of_members(member("addressType"), member("endpoints"))
    }

    fn of_members(address_type: Option<&str>, endpoints: Option<&str>) -> Option<Self> {
        let family = match address_type {
            Some("\"IPv4\"") => Family::V4,
            Some("\"IPv6\"") => Family::V6,
            _ => Family::Other,
        };
        let endpoints: Vec<RawEndpoint> = match endpoints {
            Some(raw) => serde_json::from_str::<Option<_>>(raw).ok()?.unwrap_or_default(),
            None => Vec::new(),
        };
        // An endpoint that does not say is ready.
        let is_ready = |endpoint: &&RawEndpoint| endpoint.conditions.ready.unwrap_or(true);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Self {
            family,
            endpoints: Endpoints {
                ready: count(endpoints.iter().filter(is_ready).count()),
                total: count(endpoints.len()),
            },
        })
    }
}

// === impl Slices ===

impl Slices {
    /// Takes the slice `name`.
    pub(super) fn seen(&mut self, name: &str, slice: Slice) {
        self.0.insert(name.into(), slice);
    }

    /// Forgets the slice `name`.
    pub(super) fn gone(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The endpoints of the family that has most; none where there is no slice.
    pub(super) fn endpoints(&self) -> Option<Endpoints> {
        let mut families: BTreeMap<Family, Endpoints> = BTreeMap::new();
        for Slice { family, endpoints } in self.0.values() {
            let sum = families.entry(*family).or_default();
            sum.ready = sum.ready.saturating_add(endpoints.ready);
            sum.total = sum.total.saturating_add(endpoints.total);
        }
        families.into_values().max_by_key(|sum| (sum.total, sum.ready))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(family: &str, endpoints: &str) -> Slice {
        Slice::of_members(Some(&format!("\"{family}\"")), Some(endpoints)).unwrap()
    }

    #[test]
    fn an_endpoint_counts_as_ready_unless_it_says_no() {
        let cases = [
            ("null", (0, 0)),
            ("[]", (0, 0)),
            (
                r#"[{"conditions":{"ready":true}},{"conditions":{"ready":false}},{"conditions":{}},{}]"#,
                (3, 4),
            ),
        ];
        for (endpoints, (ready, total)) in cases {
            assert_eq!(
                slice("IPv4", endpoints).endpoints,
                Endpoints { ready, total },
                "{endpoints}"
            );
        }
        assert_eq!(Slice::of_members(None, Some("7")), None);
    }

    #[test]
    fn slices_add_up_within_a_family_and_families_do_not() {
        let mut slices = Slices::default();
        let [one, two] = [r"[{}]", r"[{},{}]"];
        assert_eq!(slices.endpoints(), None);
        slices.seen("a", slice("IPv4", one));
        slices.seen("a", slice("IPv4", one));
        slices.seen("b", slice("IPv4", two));
        slices.seen("c", slice("IPv6", two));
        assert_eq!(slices.endpoints(), Some(Endpoints { ready: 3, total: 3 }));
        slices.gone("b");
        slices.gone("b");
        assert_eq!(slices.endpoints(), Some(Endpoints { ready: 2, total: 2 }));
    }
}
