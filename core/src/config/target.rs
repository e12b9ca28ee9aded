//! SyncTarget: one physical cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{kcp::types::CLUSTER_ANNOTATION, naming::target_key};

/// One physical cluster, by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncTarget {
    /// Its name.
    pub name: String,
    /// Its UID where it is an object; empty where it comes from a file or an option.
    pub uid: String,
    /// Its labels, which policies select.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What is wanted.
    pub spec: SyncTargetSpec,
}

// === impl SyncTarget ===

impl SyncTarget {
    /// What names and keys are made with: the logical cluster of the object, where it is one of kcp's, and else the upstream id `upstream`,
    /// so that two upstreams never share a key.
    pub fn home<'a>(&'a self, upstream: &'a str) -> &'a str {
        let cluster = self
            .annotations
            .get(CLUSTER_ANNOTATION)
            .filter(|_| !self.uid.is_empty());
        cluster.map_or(upstream, String::as_str)
    }

    /// Its key, where the upstream id is `upstream`.
    pub fn key(&self, upstream: &str) -> String {
        target_key(self.home(upstream), &self.name)
    }
}

/// What is wanted of a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SyncTargetSpec {
    /// The Secret that holds its kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret_ref: Option<SecretKeyRef>,
    /// In files only: the kubeconfig, relative to the file that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_file: Option<String>,
    /// In files only: the context in that kubeconfig; the current one by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_context: Option<String>,
    /// Free values for transforms.
    pub cells: BTreeMap<String, String>,
    /// Whether it is cordoned: it gets nothing new and keeps what it has.
    pub unschedulable: bool,
    /// RFC 3339: drained from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evict_after: Option<String>,
    /// How upstream namespaces are named there; by default `Hashed` for kcp and `Identity` for a plain upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_mapping: Option<NamespaceMapping>,
    /// Resources that this cluster must never get, such as `secrets` or `deployments.apps`.
    pub refuse: Vec<String>,
    /// How hard its API server may be driven.
    pub limits: TargetLimits,
    /// Whether its server certificate is not verified.
    #[serde(rename = "insecureSkipTLSVerify")]
    pub insecure_skip_tls_verify: bool,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The namespace of the Secret.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key in it.
    #[serde(default = "kubeconfig_key")]
    pub key: String,
}

fn kubeconfig_key() -> String {
    "kubeconfig".to_owned()
}

/// How upstream namespaces are named on a target (`docs/architecture.md`, "Identity").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NamespaceMapping {
    /// By the same name.
    Identity,
    /// By a name made from the hash of the namespace's locator.
    Hashed,
}

/// How hard an API server may be driven; what is absent is not limited, or has the default of the command line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetLimits {
    /// Writes that may be under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes_in_flight: Option<u32>,
    /// Requests per second over a longer time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Requests at once on top of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_kcp_is_at_home_in_its_logical_cluster_and_any_other_target_in_its_upstream() {
        let target = |uid: &str, cluster: Option<&str>| SyncTarget {
            name: "us-west1".to_owned(),
            uid: uid.to_owned(),
            labels: BTreeMap::new(),
            annotations: cluster
                .map(|cluster| (CLUSTER_ANNOTATION.to_owned(), cluster.to_owned()))
                .into_iter()
                .collect(),
            spec: SyncTargetSpec::default(),
        };
        let object = target("syncTargetUID", Some("root:org:ws"));
        assert_eq!(object.key("some-uid"), "6ohB8yeXhwqTQVuBzJRgqcRJTpRjX7yTZu5g5g");
        assert_eq!(target("", Some("root:org:ws")).home("some-uid"), "some-uid", "a file");
        assert_eq!(target("u", None).home("some-uid"), "some-uid", "a plain cluster");
    }
}
