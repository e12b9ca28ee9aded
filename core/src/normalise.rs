//! Duplicates in keyed lists: a POST accepts them upstream, an apply refuses them.

mod ports;
mod variables;

use serde_json::{Map, Value};

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// A key that a list holds twice, where either item alone would mean something else than both.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} has {key} twice, and {why}: an apply takes each key once, so give it once upstream")]
pub struct Duplicate {
    /// The list.
    pub path: FieldPath,
    /// The key, such as `name=HOST`.
    pub key: String,
    /// Why neither may be left out.
    pub why: Needed,
}

/// Why an item with a duplicate key may not be left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Needed {
    /// An environment variable is built from an earlier value of the same name.
    #[error("the value of {by} refers to an earlier one")]
    ReferredBy {
        /// The variable that refers.
        by: String,
    },
    /// A probe or hook names the port that would go.
    #[error("a probe or hook refers to port {name}, which is a later one")]
    PortName {
        /// The name of the port.
        name: String,
    },
    /// The later port is published on the host in another way.
    #[error("they differ in their host port")]
    HostPort,
    /// The list is of a sort whose items cannot be told apart otherwise.
    #[error("they differ")]
    Differ,
}

/// Where the pod spec of each kind is.
const POD_SPECS: [(&str, &str, &[&str]); 9] = [
    ("", "pods", &["spec"]),
    ("", "podtemplates", &["template", "spec"]),
    ("", "replicationcontrollers", &["spec", "template", "spec"]),
    ("apps", "deployments", &["spec", "template", "spec"]),
    ("apps", "replicasets", &["spec", "template", "spec"]),
    ("apps", "statefulsets", &["spec", "template", "spec"]),
    ("apps", "daemonsets", &["spec", "template", "spec"]),
    ("batch", "jobs", &["spec", "template", "spec"]),
    (
        "batch",
        "cronjobs",
        &["spec", "jobTemplate", "spec", "template", "spec"],
    ),
];

const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

/// Leaves each key of the keyed lists of `object` once: of environment variables the last, as the kubelet does; of
/// ports, pull secrets and referenced Secrets the first; of host aliases one with all names.
///
/// An error names a list in which that would change what runs; then nothing is changed after it. Kinds of custom
/// resources are not touched, their schema is not known here.
pub fn for_apply(gvr: &Gvr, object: &mut Value) -> Result<(), Duplicate> {
    if (gvr.group(), gvr.resource()) == ("", "serviceaccounts") {
        return unique_names(object, "secrets", &FieldPath::default());
    }
    let Some((.., path)) = POD_SPECS
        .iter()
        .find(|(group, resource, _)| *group == gvr.group() && *resource == gvr.resource())
    else {
        return Ok(());
    };
    let pod = path.iter().try_fold(object, |value, field| value.get_mut(field));
    match pod {
        Some(pod) => pod_spec(pod, FieldPath::of_fields(path.iter().copied())),
        None => Ok(()),
    }
}

fn pod_spec(pod: &mut Value, mut path: FieldPath) -> Result<(), Duplicate> {
    unique_names(pod, "imagePullSecrets", &path)?;
    join_host_aliases(pod);
    for list in CONTAINERS {
        path.push(Step::Field(list.into()));
        for (index, item) in items(pod, list).into_iter().flatten().enumerate() {
            let step = match item.get("name").and_then(Value::as_str) {
                Some(name) => Step::item("name", name),
                None => Step::Index(index),
            };
            path.push(step);
            if let Some(container) = item.as_object_mut() {
                variables::keep_last(container, &path)?;
                ports::keep_first(container, &path)?;
            }
            path.pop();
        }
        path.pop();
    }
    Ok(())
}

/// Leaves one of several equal items of the same name.
fn unique_names(parent: &mut Value, list: &str, path: &FieldPath) -> Result<(), Duplicate> {
    let Some(items) = items(parent, list) else {
        return Ok(());
    };
    let kept = unique(
        items,
        |item| item.get("name").cloned(),
        |kept, dropped| (kept == dropped).then_some(()).ok_or(Needed::Differ),
    );
    kept.map_err(|(name, why)| duplicate(path, list, &format!("name={}", plain(&name)), why))
}

/// The kubelet writes one line per alias: two of one address mean the same as one with the names of both.
fn join_host_aliases(pod: &mut Value) {
    let Some(aliases) = items(pod, "hostAliases") else {
        return;
    };
    let mut joined: Vec<Value> = Vec::with_capacity(aliases.len());
    for alias in aliases.drain(..) {
        let same = joined
            .iter_mut()
            .find(|known| known.get("ip").is_some() && known.get("ip") == alias.get("ip"));
        match same {
            Some(known) => add_names(known, &alias),
            None => joined.push(alias),
        }
    }
    *aliases = joined;
}

fn add_names(known: &mut Value, alias: &Value) {
    let more = alias.get("hostnames").and_then(Value::as_array).into_iter().flatten();
    let Some(known) = known.as_object_mut() else { return };
    let names = known.entry("hostnames").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(names) = names.as_array_mut() {
        for name in more {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
}

/// Leaves the first item of each key, where `may_go` allows it for (the one kept, the one that goes).
fn unique<K: PartialEq>(
    items: &mut Vec<Value>,
    key: impl Fn(&Value) -> Option<K>,
    may_go: impl Fn(&Value, &Value) -> Result<(), Needed>,
) -> Result<(), (K, Needed)> {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items.iter() {
        let same = key(item).and_then(|key_of| {
            let known = kept.iter().find(|known| key(known).as_ref() == Some(&key_of))?;
            Some((key_of, known))
        });
        match same {
            Some((key, known)) => may_go(known, item).map_err(|why| (key, why))?,
            None => kept.push(item.clone()),
        }
    }
    if kept.len() < items.len() {
        *items = kept;
    }
    Ok(())
}

fn items<'v>(parent: &'v mut Value, list: &str) -> Option<&'v mut Vec<Value>> {
    parent.get_mut(list).and_then(Value::as_array_mut)
}

fn list<'v>(parent: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    parent
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn duplicate(parent: &FieldPath, list: &str, key: &str, why: Needed) -> Duplicate {
    let mut path = parent.clone();
    path.push(Step::Field(list.into()));
    Duplicate {
        path,
        key: key.to_owned(),
        why,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
