//! What each kind's cluster sets for itself: it stays behind upstream, and is left alone downstream.

mod table;

use serde_json::{Map, Value};

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
    ownership::{ManagedEntry, fields},
};

/// What a cluster sets in the objects of one kind.
struct KindRule {
    group: &'static str,
    resource: &'static str,
    /// Fields by path: members separated by `/` (a `/` in a name is `~`), `[]` for every item of a list.
    fields: &'static [(&'static str, Left)],
    /// Annotations by the beginning of their key.
    annotations: &'static [(&'static str, Left)],
}

/// When the upstream's value stays behind. The cluster's own is left alone in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// It never goes down.
    Always,
    /// It goes down if a user set it upstream, and not the upstream's own control plane.
    UnlessUserSet,
    /// It goes down; only what somebody adds downstream is left alone.
    OnlyDownstream,
}

/// Managers that are no users: what they set upstream is not asked for. Nobody knows who set what stood there
/// `before-first-apply`.
const CONTROL_PLANE: [&str; 6] = [
    "kube-controller-manager",
    "kube-scheduler",
    "cloud-controller-manager",
    "service-ca-operator",
    "cert-manager-cainjector",
    "before-first-apply",
];

/// Of the metadata, what may go down; name and namespace are written anew in each body.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// Labels by which the API server ties a Job to its pods; they carry its UID.
const JOB_LABELS: [&str; 4] = [
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
];

/// Whether [`strip`] has to know who set what in the objects of `gvr`: their upstream managedFields have to be read.
pub fn reads_managed_fields(gvr: &Gvr) -> bool {
    table::rule(gvr.group(), gvr.resource()).is_some_and(KindRule::asks_who_set)
}

/// Takes out of a whole upstream object what its own cluster set: identity, status, and what is set for its kind.
///
/// `upstream_fields` are the entries of its managedFields. Without them nothing counts as set by a user; only
/// `clusterIP: None`, which nobody but a user sets, still goes down.
pub fn strip(gvr: &Gvr, object: &mut Value, upstream_fields: Option<&[ManagedEntry<'_>]>) {
    strip_identity(object);
    match (gvr.group(), gvr.resource()) {
        ("batch", "jobs") => strip_job(object),
        ("rbac.authorization.k8s.io", "clusterroles") => strip_cluster_role(object),
        _ => {}
    }
    let Some(rule) = table::rule(gvr.group(), gvr.resource()) else {
        return;
    };
    let by_users = |entry: &&ManagedEntry<'_>| entry.subresource.is_empty() && !CONTROL_PLANE.contains(&entry.manager);
    let entries = upstream_fields.unwrap_or_default().iter().filter(by_users);
    let owners: Vec<&Value> = entries
        .map(|entry| entry.fields)
        .filter(|fields| !fields::is_whole(fields))
        .collect();
    let headless = is_headless(gvr, object);
    for (path, left) in rule.fields {
        let steps: Vec<String> = path.split('/').map(|step| step.replace('~', "/")).collect();
        match left {
            Left::Always => strip_field(object, &steps, &[]),
            Left::UnlessUserSet if headless && *path == "spec/clusterIP" => {}
            Left::UnlessUserSet => strip_field(object, &steps, &owners),
            Left::OnlyDownstream => {}
        }
    }
    strip_annotations(object, rule, &owners);
}

/// Whether what is at `path`, and not desired there, is the cluster's own business: neither drift nor foreign.
pub fn left_to_cluster(gvr: &Gvr, path: &FieldPath) -> bool {
    table::rule(gvr.group(), gvr.resource()).is_some_and(|rule| {
        rule.fields.iter().any(|(pattern, _)| is_at_or_under(path, pattern)) || is_annotation_of(path, rule)
    })
}

/// `value`, which is at `path`, without what is left to the cluster in it: that is no part of what somebody wrote there.
pub(crate) fn without_clusters_part(gvr: &Gvr, path: &FieldPath, value: &Value) -> Value {
    let mut value = value.clone();
    if table::rule(gvr.group(), gvr.resource()).is_some() {
        strip_clusters_part(gvr, &mut path.clone(), &mut value);
    }
    value
}

fn strip_clusters_part(gvr: &Gvr, path: &mut FieldPath, value: &mut Value) {
    match value {
        Value::Object(members) => members.retain(|name, member| {
            path.push(Step::Field(name.as_str().into()));
            let is_left = left_to_cluster(gvr, path);
            if !is_left {
                strip_clusters_part(gvr, path, member);
            }
            path.pop();
            !is_left
        }),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                path.push(Step::Index(index));
                strip_clusters_part(gvr, path, item);
                path.pop();
            }
        }
        _ => {}
    }
}

fn strip_identity(object: &mut Value) {
    let Some(members) = object.as_object_mut() else { return };
    members.remove("status");
    if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, _| METADATA.contains(&field.as_str()));
    }
}

/// The API server makes selector and labels of a Job from its UID, unless a user does (`manualSelector`).
fn strip_job(object: &mut Value) {
    if object.pointer("/spec/manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("selector");
    }
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        if let Some(labels) = object.pointer_mut(labels).and_then(Value::as_object_mut) {
            labels.retain(|key, _| !JOB_LABELS.contains(&key.as_str()));
        }
    }
}

fn strip_cluster_role(object: &mut Value) {
    let Some(members) = object.as_object_mut() else { return };
    if members.get("aggregationRule").is_some_and(|rule| !rule.is_null()) {
        members.remove("rules");
    }
}

fn is_headless(gvr: &Gvr, object: &Value) -> bool {
    gvr.group().is_empty()
        && gvr.resource() == "services"
        && object.pointer("/spec/clusterIP").and_then(Value::as_str) == Some("None")
}

/// Removes what is at `steps` unless one of the `owners` (nodes of field sets, at `value`) has it.
fn strip_field(value: &mut Value, steps: &[String], owners: &[&Value]) {
    match (steps, value) {
        ([last], Value::Object(map)) if under_field(owners, last).is_empty() => {
            map.remove(last);
        }
        ([list, each], Value::Object(map)) if each == "[]" => strip_items(map, list, owners),
        ([field, rest @ ..], Value::Object(map)) => {
            if let Some(child) = map.get_mut(field) {
                strip_field(child, rest, &under_field(owners, field));
            }
        }
        ([_, rest @ ..], Value::Array(items)) => {
            for item in items {
                let owners = under_item(owners, item);
                strip_field(item, rest, &owners);
            }
        }
        _ => {}
    }
}

/// Removes the items of a list that none of the `owners` has, and the list if nothing is left.
fn strip_items(map: &mut Map<String, Value>, list: &str, owners: &[&Value]) {
    let owners = under_field(owners, list);
    let Some(items) = map.get_mut(list).and_then(Value::as_array_mut) else {
        return;
    };
    items.retain(|item| !under_item(&owners, item).is_empty());
    if items.is_empty() {
        map.remove(list);
    }
}

/// What is owned as a whole is owned with each of its fields and items.
fn under<'f>(owners: &[&'f Value], child: impl Fn(&'f Value) -> Option<&'f Value>) -> Vec<&'f Value> {
    let under = |node: &&'f Value| {
        if fields::is_whole(node) {
            Some(*node)
        } else {
            child(node)
        }
    };
    owners.iter().filter_map(under).collect()
}

fn under_field<'f>(owners: &[&'f Value], field: &str) -> Vec<&'f Value> {
    under(owners, |node| fields::child_of_field(node, field))
}

fn under_item<'f>(owners: &[&'f Value], item: &Value) -> Vec<&'f Value> {
    under(owners, |node| fields::child_of_item(node.as_object()?, item))
}

fn strip_annotations(object: &mut Value, rule: &KindRule, owners: &[&Value]) {
    let owners = under_field(&under_field(owners, "metadata"), "annotations");
    let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    annotations.retain(|key, _| {
        let left = rule.annotations.iter().find(|(prefix, _)| key.starts_with(prefix));
        match left.map(|(_, left)| left) {
            Some(Left::Always) => false,
            Some(Left::UnlessUserSet) => !under_field(&owners, key).is_empty(),
            Some(Left::OnlyDownstream) | None => true,
        }
    });
}

fn is_at_or_under(path: &FieldPath, pattern: &str) -> bool {
    let mut steps = path.steps().iter();
    pattern.split('/').all(|wanted| match (wanted, steps.next()) {
        ("[]", Some(Step::Item(_) | Step::Element(_) | Step::Index(_))) => true,
        (name, Some(Step::Field(field))) => **field == *name.replace('~', "/"),
        _ => false,
    })
}

fn is_annotation_of(path: &FieldPath, rule: &KindRule) -> bool {
    let [Step::Field(metadata), Step::Field(annotations), Step::Field(key), ..] = path.steps() else {
        return false;
    };
    let is_annotation = &**metadata == "metadata" && &**annotations == "annotations";
    is_annotation && rule.annotations.iter().any(|(prefix, _)| key.starts_with(prefix))
}

#[cfg(test)]
mod tests;
