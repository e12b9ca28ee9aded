//! What the syncer asks of each workspace beside the types that it brings.

use serde_json::{Value, json};

use super::super::schema::put;

/// Resources that kcp has itself, and what is done with them. Export and binding have to spell the verbs alike: kcp grants what both
/// name literally.
const CLAIMS: [(&str, &[&str]); 5] = [
    ("namespaces", &["get", "list", "watch"]),
    // To patch is what a strategy needs that writes back what was changed on a target.
    ("configmaps", &["get", "list", "patch", "watch"]),
    ("secrets", &["get", "list", "patch", "watch"]),
    ("serviceaccounts", &["get", "list", "watch"]),
    ("events", &["create", "patch"]),
];

/// As an export claims them.
pub(super) fn wanted() -> Vec<Value> {
    // kcp fills in the empty identity: without it, what is applied again would change the object.
    let claim = |(resource, verbs): (&str, &[&str])| json!({"group": "", "identityHash": "", "resource": resource, "verbs": verbs});
    CLAIMS.into_iter().map(claim).collect()
}

/// As a binding accepts them.
pub(super) fn accepted() -> Vec<Value> {
    let accept = |mut claim: Value| {
        put(&mut claim, "selector", json!({"matchAll": true}));
        put(&mut claim, "state", "Accepted");
        claim
    };
    wanted().into_iter().map(accept).collect()
}

/// Each verb that some claim names.
#[cfg(test)]
pub(super) fn verbs() -> std::collections::BTreeSet<&'static str> {
    CLAIMS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect()
}
