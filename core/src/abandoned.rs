//! The names of objects that were left behind on a target, as its SyncTarget's status carries them.

use crate::identity::{Gvr, LogicalCluster, ObjectKey};

/// The text for `key`: `deployments.v1.apps/default/web`, `configmaps.v1/default/settings`, in kcp with the logical cluster
/// before a bar.
pub fn name(key: &ObjectKey) -> String {
    let ObjectKey {
        cluster,
        gvr,
        namespace,
        name,
    } = key;
    let mut text = String::new();
    if !cluster.as_str().is_empty() {
        text.push_str(cluster.as_str());
        text.push('|');
    }
    text.push_str(gvr.resource());
    text.push('.');
    text.push_str(gvr.version());
    if !gvr.group().is_empty() {
        text.push('.');
        text.push_str(gvr.group());
    }
    format!("{text}/{namespace}/{name}")
}

/// The object that `text` names; `None` if it names none.
pub fn parse(text: &str) -> Option<ObjectKey> {
    let (cluster, text) = text.split_once('|').unwrap_or(("", text));
    let (resource, text) = text.split_once('/')?;
    let (namespace, name) = text.split_once('/')?;
    let (resource, version) = resource.split_once('.')?;
    let (version, group) = version.split_once('.').unwrap_or((version, ""));
    if [resource, version, name].contains(&"") {
        return None;
    }
    Some(ObjectKey {
        cluster: LogicalCluster::new(cluster),
        gvr: Gvr::new(group, version, resource),
        namespace: namespace.into(),
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_the_object_that_it_is_of() {
        let cases = [
            (
                "",
                "apps",
                "v1",
                "deployments",
                "default",
                "web",
                "deployments.v1.apps/default/web",
            ),
            ("", "", "v1", "configmaps", "default", "a", "configmaps.v1/default/a"),
            ("", "", "v1", "namespaces", "", "team", "namespaces.v1//team"),
            ("1x", "", "v1", "secrets", "a", "b", "1x|secrets.v1/a/b"),
            (
                "",
                "rbac.authorization.k8s.io",
                "v1",
                "clusterroles",
                "",
                "system:node",
                "clusterroles.v1.rbac.authorization.k8s.io//system:node",
            ),
        ];
        for (cluster, group, version, resource, namespace, object, text) in cases {
            let key = ObjectKey {
                cluster: LogicalCluster::new(cluster),
                gvr: Gvr::new(group, version, resource),
                namespace: namespace.into(),
                name: object.into(),
            };
            assert_eq!(name(&key), text);
            assert_eq!(parse(text), Some(key));
        }
    }

    #[test]
    fn what_names_nothing_is_no_object() {
        for text in ["", "a", "a/b/c", "a.v1/b", "a.v1/b/", ".v1/b/c", "a./b/c", "|a/b/c"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
