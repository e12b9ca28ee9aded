//! Where the kinds of Kubernetes keep the spec of the pods that they stand for.

use serde_json::Value;

use super::Step;
use crate::identity::Gvr;

/// The member names that lead to the pod spec in an object of `gvr`; `None` for a resource without one.
pub(crate) fn location(gvr: &Gvr) -> Option<&'static [&'static str]> {
    match (gvr.group(), gvr.resource()) {
        ("", "pods") => Some(&["spec"]),
        ("", "podtemplates") => Some(&["template", "spec"]),
        ("", "replicationcontrollers")
        | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
        | ("batch", "jobs") => Some(&["spec", "template", "spec"]),
        ("batch", "cronjobs") => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        _ => None,
    }
}

/// The lists of containers in a pod spec.
pub(crate) const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The pod spec of `object`.
pub(crate) fn of<'a>(gvr: &Gvr, object: &'a Value) -> Option<&'a Value> {
    location(gvr)?.iter().try_fold(object, |here, member| here.get(member))
}

/// The pod spec of `object`, to be changed.
pub(super) fn of_mut<'a>(gvr: &Gvr, object: &'a mut Value) -> Option<&'a mut Value> {
    location(gvr)?
        .iter()
        .try_fold(object, |here, member| here.get_mut(member))
}

/// The steps that lead to the pod spec.
pub(super) fn steps(gvr: &Gvr) -> Option<Vec<Step>> {
    let location = location(gvr)?;
    Some(location.iter().map(|member| Step::Key((*member).into())).collect())
}
