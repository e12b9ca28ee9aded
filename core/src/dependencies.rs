//! What the pods of an object need beside it: configuration, secrets, service accounts and pull secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{identity::Gvr, transform::pod_spec};

/// A kind of object that pods name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DependencyKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A ServiceAccount.
    ServiceAccount,
}

/// Whether pods start without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// They do not.
    Required,
    /// They do: everything that names it says `optional`.
    Optional,
}

/// An object that pods name, in the namespace of the object that has the pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Its kind.
    pub kind: DependencyKind,
    /// Its name.
    pub name: Box<str>,
    /// Whether pods start without it.
    pub presence: Presence,
}

/// References while they are found: the more demanding presence stays.
#[derive(Default)]
struct Found(BTreeMap<(DependencyKind, Box<str>), Presence>);

/// What `object` of the resource `gvr` needs: each object once. A ServiceAccount needs its pull secrets.
///
/// Objects that every cluster makes for itself are left out: the ServiceAccount `default` and the ConfigMap
/// `kube-root-ca.crt`. Nothing here reads a value, and nothing fails: what has another shape names nothing.
pub fn of(gvr: &Gvr, object: &Value) -> BTreeSet<Reference> {
    let mut found = Found::default();
    if (gvr.group(), gvr.resource()) == ("", "serviceaccounts") {
        found.names(DependencyKind::Secret, items(object, "imagePullSecrets"), "name");
    }
    if let Some(pod) = pod_spec::of(gvr, object) {
        found.in_pod(pod);
    }
    found.into_references()
}

// === impl DependencyKind ===

impl DependencyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ConfigMap, Self::Secret, Self::ServiceAccount];

    /// The kind of the objects of `gvr`, if pods can name them.
    pub fn of(gvr: &Gvr) -> Option<Self> {
        let is_it = |kind: &Self| gvr.group().is_empty() && gvr.resource() == kind.resource();
        Self::ALL.into_iter().find(is_it)
    }

    /// The resource, of the core group.
    pub fn resource(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
            Self::ServiceAccount => "serviceaccounts",
        }
    }
}

// === impl Found ===

impl Found {
    fn in_pod(&mut self, pod: &Value) {
        for member in ["serviceAccountName", "serviceAccount"] {
            self.name(DependencyKind::ServiceAccount, pod.get(member), Presence::Required);
        }
        self.names(DependencyKind::Secret, items(pod, "imagePullSecrets"), "name");
        for container in pod_spec::CONTAINER_LISTS.iter().flat_map(|list| items(pod, list)) {
            self.in_container(container);
        }
        items(pod, "volumes").for_each(|volume| self.in_volume(volume));
    }

    fn in_container(&mut self, container: &Value) {
        for source in items(container, "envFrom") {
            self.reference(DependencyKind::ConfigMap, source.get("configMapRef"), "name");
            self.reference(DependencyKind::Secret, source.get("secretRef"), "name");
        }
        for source in items(container, "env").filter_map(|variable| variable.get("valueFrom")) {
            self.reference(DependencyKind::ConfigMap, source.get("configMapKeyRef"), "name");
            self.reference(DependencyKind::Secret, source.get("secretKeyRef"), "name");
        }
    }

    fn in_volume(&mut self, volume: &Value) {
        self.reference(DependencyKind::ConfigMap, volume.get("configMap"), "name");
        self.reference(DependencyKind::Secret, volume.get("secret"), "secretName");
        self.reference(DependencyKind::Secret, volume.get("azureFile"), "secretName");
        for driver in ["cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"] {
            let secret = volume.get(driver).and_then(|source| source.get("secretRef"));
            self.reference(DependencyKind::Secret, secret, "name");
        }
        let publish = volume.get("csi").and_then(|source| source.get("nodePublishSecretRef"));
        self.reference(DependencyKind::Secret, publish, "name");
        for source in volume
            .get("projected")
            .into_iter()
            .flat_map(|projected| items(projected, "sources"))
        {
            self.reference(DependencyKind::ConfigMap, source.get("configMap"), "name");
            self.reference(DependencyKind::Secret, source.get("secret"), "name");
        }
    }

    fn names<'a>(&mut self, kind: DependencyKind, objects: impl Iterator<Item = &'a Value>, member: &str) {
        objects.for_each(|object| self.reference(kind, Some(object), member));
    }

    /// The object that `reference` names in its member `member`; it says itself whether it is optional.
    fn reference(&mut self, kind: DependencyKind, reference: Option<&Value>, member: &str) {
        let optional = reference
            .and_then(|reference| reference.get("optional"))
            .and_then(Value::as_bool);
        let presence = if optional == Some(true) {
            Presence::Optional
        } else {
            Presence::Required
        };
        self.name(kind, reference.and_then(|reference| reference.get(member)), presence);
    }

    fn name(&mut self, kind: DependencyKind, name: Option<&Value>, presence: Presence) {
        let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            return;
        };
        let made_by_cluster = matches!(
            (kind, name),
            (DependencyKind::ServiceAccount, "default") | (DependencyKind::ConfigMap, "kube-root-ca.crt")
        );
        if made_by_cluster {
            return;
        }
        let known = self.0.entry((kind, name.into())).or_insert(presence);
        *known = (*known).min(presence);
    }

    fn into_references(self) -> BTreeSet<Reference> {
        let reference = |((kind, name), presence)| Reference { kind, name, presence };
        self.0.into_iter().map(reference).collect()
    }
}

fn items<'a>(object: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    object.get(list).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(resource: &str, object: &Value) -> Vec<String> {
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let references = of(&Gvr::new(group, "v1", resource), object);
        let show = |reference: &Reference| {
            let optional = if reference.presence == Presence::Optional {
                "?"
            } else {
                ""
            };
            format!("{}/{}{optional}", reference.kind.resource(), reference.name)
        };
        references.iter().map(show).collect()
    }

    #[test]
    fn every_way_to_name_an_object_is_known() {
        let cases = [
            (
                json!({"serviceAccountName": "builder"}),
                vec!["serviceaccounts/builder"],
            ),
            (json!({"serviceAccount": "old"}), vec!["serviceaccounts/old"]),
            (json!({"serviceAccountName": "default"}), vec![]),
            (
                json!({"imagePullSecrets": [{"name": "a"}, {"name": ""}, {}]}),
                vec!["secrets/a"],
            ),
            (
                json!({"containers": [{"envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b", "optional": true}}]}]}),
                vec!["configmaps/a", "secrets/b?"],
            ),
            (
                json!({"initContainers": [{"env": [
                    {"name": "x", "value": "y"},
                    {"name": "x", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "k"}}},
                    {"name": "x", "valueFrom": {"secretKeyRef": {"name": "b", "key": "k", "optional": false}}},
                    {"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ]}]}),
                vec!["configmaps/a", "secrets/b"],
            ),
            (
                json!({"ephemeralContainers": [{"envFrom": [{"configMapRef": {"name": "a"}}]}]}),
                vec!["configmaps/a"],
            ),
            (
                json!({"volumes": [
                    {"configMap": {"name": "a", "optional": true}}, {"secret": {"secretName": "b"}},
                    {"configMap": {"name": "kube-root-ca.crt"}}, {"emptyDir": {}},
                    {"projected": {"sources": [
                        {"configMap": {"name": "c"}}, {"secret": {"name": "d"}}, {"serviceAccountToken": {"path": "x"}},
                        {"configMap": {"name": "kube-root-ca.crt"}},
                    ]}},
                    {"csi": {"driver": "x", "nodePublishSecretRef": {"name": "e"}}},
                    {"azureFile": {"secretName": "f"}}, {"rbd": {"secretRef": {"name": "g"}}},
                ]}),
                vec![
                    "configmaps/a?",
                    "configmaps/c",
                    "secrets/b",
                    "secrets/d",
                    "secrets/e",
                    "secrets/f",
                    "secrets/g",
                ],
            ),
            (
                json!({"volumes": [{"secret": {"secretName": "a", "optional": true}}], "imagePullSecrets": [{"name": "a"}]}),
                vec!["secrets/a"],
            ),
            (
                json!({"containers": "no list", "volumes": [1, null, {"configMap": []}], "serviceAccountName": 5}),
                vec![],
            ),
        ];
        for (pod, expected) in cases {
            assert_eq!(shown("pods", &json!({"spec": pod})), expected, "{pod}");
        }
    }

    #[test]
    fn every_kind_with_a_pod_template_is_looked_into() {
        let pod = json!({"serviceAccountName": "builder"});
        let template = json!({"spec": {"template": {"spec": pod}}});
        let cases = [
            ("pods", json!({"spec": pod})),
            ("podtemplates", json!({"template": {"spec": pod}})),
            ("replicationcontrollers", template.clone()),
            ("deployments.apps", template.clone()),
            ("statefulsets.apps", template.clone()),
            ("daemonsets.apps", template.clone()),
            ("replicasets.apps", template.clone()),
            ("jobs.batch", template.clone()),
            ("cronjobs.batch", json!({"spec": {"jobTemplate": template}})),
        ];
        for (resource, object) in cases {
            assert_eq!(shown(resource, &object), ["serviceaccounts/builder"], "{resource}");
        }
        assert!(shown("deployments.example.org", &template).is_empty());
        assert!(shown("configmaps", &template).is_empty());
    }

    #[test]
    fn a_service_account_needs_its_pull_secrets_alone() {
        let account = json!({"imagePullSecrets": [{"name": "pull"}], "secrets": [{"name": "token"}]});
        assert_eq!(shown("serviceaccounts", &account), ["secrets/pull"]);
    }

    #[test]
    fn a_kind_is_known_by_its_resource() {
        for kind in DependencyKind::ALL {
            assert_eq!(DependencyKind::of(&Gvr::new("", "v1", kind.resource())), Some(kind));
            assert_eq!(
                DependencyKind::of(&Gvr::new("example.org", "v1", kind.resource())),
                None
            );
        }
    }
}
