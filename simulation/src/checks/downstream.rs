//! S1, S2 and S3: what is done on targets.

use http::Method;
use serde_json::Value;
use syncer_core::marker::{CLUSTER_LABEL, ORIGIN_ANNOTATION, Origin};
use syncer_sandbox::{ApiServer, Hand};

use super::Wrong;
use crate::{outcome::Invariant, request::Asked, wire::Change};

/// What is wrong with a request to `target`.
pub(super) fn sent(_: &ApiServer, target: &str, asked: &Asked, body: &[u8]) -> Vec<Wrong> {
    if asked.method != Method::DELETE {
        return Vec::new();
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let uid = body
        .pointer("/preconditions/uid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !uid.is_empty() && !asked.name.is_empty() {
        return Vec::new();
    }
    vec![(
        Invariant::S2,
        format!("a DELETE of {} on {target} without a UID precondition", asked.path),
    )]
}

/// What is wrong with a change on `target`.
pub(super) fn changed(upstream: &ApiServer, target: &str, asked: &Asked, change: &Change) -> Vec<Wrong> {
    if asked.is_pulse() {
        return Vec::new();
    }
    let Some(before) = &change.before else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let origin = origin(before);
    if !is_ours(upstream, asked, before, origin.as_ref()) {
        wrong.push((
            Invariant::S1,
            format!(
                "{} of {} on {target}, which does not carry our marker",
                asked.method, asked.path
            ),
        ));
    }
    if asked.method == Method::DELETE
        && let Some(origin) = origin
        && let Some(still) = wanted_by(upstream, asked, &origin)
    {
        wrong.push((
            Invariant::S3,
            format!("{} was deleted on {target}, and upstream there is {still}", asked.path),
        ));
    }
    wrong
}

pub(crate) fn origin(object: &Value) -> Option<Origin> {
    let annotations = object.pointer("/metadata/annotations")?;
    Origin::parse(annotations.get(ORIGIN_ANNOTATION)?.as_str()?)
}

/// Whether `object` names this very upstream as where it is from, and itself as what it is.
pub(super) fn is_ours(upstream: &ApiServer, asked: &Asked, object: &Value, origin: Option<&Origin>) -> bool {
    if asked.resource == "namespaces" {
        let labels = object.pointer("/metadata/labels");
        return labels.is_some_and(|labels| labels.get(CLUSTER_LABEL).is_some());
    }
    origin.is_some_and(|origin| {
        origin.upstream == upstream_id(upstream)
            && origin.group == asked.group
            && origin.resource == asked.resource
            && origin.name == asked.name
    })
}

pub(crate) fn upstream_id(upstream: &ApiServer) -> String {
    let namespace = Hand::at(upstream, "observer").get("/api/v1/namespaces/kube-system");
    let uid = namespace
        .as_ref()
        .and_then(|namespace| namespace.pointer("/metadata/uid")?.as_str());
    uid.unwrap_or_default().to_owned()
}

/// The upstream object that still wants a copy, in words; `None` if there is none.
fn wanted_by(upstream: &ApiServer, asked: &Asked, origin: &Origin) -> Option<String> {
    let base = match origin.cluster.as_str() {
        "" => String::new(),
        cluster => format!("/clusters/{cluster}"),
    };
    let (_, rest) = asked.path.split_once(&format!("/namespaces/{}/", asked.namespace))?;
    let (root, _) = asked.path.split_once("/namespaces/")?;
    let path = format!("{base}{root}/namespaces/{}/{rest}", origin.namespace);
    let object = Hand::at(upstream, "observer").get(&path)?;
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some();
    (!deleting).then_some(path)
}
