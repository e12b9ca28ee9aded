//! The table: which fields and annotations of which kinds a cluster sets for itself.

use super::KindRule;
use super::Left::{Always, OnlyDownstream, UnlessUserSet};

const SERVICES: KindRule = KindRule {
    group: "",
    resource: "services",
    fields: &[
        ("spec/clusterIP", UnlessUserSet),
        ("spec/clusterIPs", UnlessUserSet),
        ("spec/ports/[]/nodePort", UnlessUserSet),
        ("spec/healthCheckNodePort", UnlessUserSet),
        ("spec/ipFamilies", UnlessUserSet),
        ("spec/ipFamilyPolicy", UnlessUserSet),
    ],
    annotations: &[],
};

const NAMESPACES: KindRule = KindRule {
    group: "",
    resource: "namespaces",
    fields: &[
        ("spec", Always),
        ("metadata/labels/kubernetes.io~metadata.name", Always),
    ],
    annotations: &[],
};

/// The labels and the selector of a Job go only if the API server made them; see [`super::strip`].
const JOBS: KindRule = KindRule {
    group: "batch",
    resource: "jobs",
    fields: &[("spec/selector", OnlyDownstream)],
    annotations: &[("batch.kubernetes.io/job-tracking", Always)],
};

const VOLUME_CLAIMS: KindRule = KindRule {
    group: "",
    resource: "persistentvolumeclaims",
    fields: &[("spec/volumeName", UnlessUserSet)],
    annotations: &[
        ("pv.kubernetes.io/", UnlessUserSet),
        ("volume.kubernetes.io/selected-node", UnlessUserSet),
        ("volume.kubernetes.io/storage-provisioner", UnlessUserSet),
        ("volume.beta.kubernetes.io/storage-provisioner", UnlessUserSet),
    ],
};

/// The claim that a volume is bound to has another UID in each cluster.
const VOLUMES: KindRule = KindRule {
    group: "",
    resource: "persistentvolumes",
    fields: &[
        ("spec/claimRef/uid", Always),
        ("spec/claimRef/resourceVersion", Always),
        ("spec/claimRef", UnlessUserSet),
    ],
    annotations: &[("pv.kubernetes.io/bound-by-controller", UnlessUserSet)],
};

/// A priority as a number comes from the `PriorityClass` of each cluster, and is refused where it differs; ephemeral
/// containers are refused anywhere but through their subresource.
const PODS: KindRule = KindRule {
    group: "",
    resource: "pods",
    fields: &[
        ("spec/nodeName", UnlessUserSet),
        ("spec/priority", Always),
        ("spec/ephemeralContainers", Always),
    ],
    annotations: &[],
};

/// Token Secrets are each cluster's own, and distributions add pull secrets.
const SERVICE_ACCOUNTS: KindRule = KindRule {
    group: "",
    resource: "serviceaccounts",
    fields: &[("secrets/[]", UnlessUserSet), ("imagePullSecrets", OnlyDownstream)],
    annotations: &[],
};

/// Certificates that are injected on request, by an annotation or a label.
const CONFIG_MAPS: KindRule = KindRule {
    group: "",
    resource: "configmaps",
    fields: &[
        ("data/ca-bundle.crt", OnlyDownstream),
        ("data/service-ca.crt", OnlyDownstream),
    ],
    annotations: &[],
};

const MUTATING_WEBHOOKS: KindRule = KindRule {
    group: "admissionregistration.k8s.io",
    resource: "mutatingwebhookconfigurations",
    fields: &[("webhooks/[]/clientConfig/caBundle", UnlessUserSet)],
    annotations: &[],
};

const VALIDATING_WEBHOOKS: KindRule = KindRule {
    resource: "validatingwebhookconfigurations",
    ..MUTATING_WEBHOOKS
};

const DEFINITIONS: KindRule = KindRule {
    group: "apiextensions.k8s.io",
    resource: "customresourcedefinitions",
    fields: &[("spec/conversion/webhook/clientConfig/caBundle", UnlessUserSet)],
    annotations: &[],
};

const API_SERVICES: KindRule = KindRule {
    group: "apiregistration.k8s.io",
    resource: "apiservices",
    fields: &[("spec/caBundle", UnlessUserSet)],
    annotations: &[],
};

/// The rules of an aggregated role are put together in each cluster; see [`super::strip`].
const CLUSTER_ROLES: KindRule = KindRule {
    group: "rbac.authorization.k8s.io",
    resource: "clusterroles",
    fields: &[("rules", OnlyDownstream)],
    annotations: &[],
};

/// The API server counts this up by itself.
const DAEMON_SETS: KindRule = KindRule {
    group: "apps",
    resource: "daemonsets",
    fields: &[],
    annotations: &[("deprecated.daemonset.template.generation", Always)],
};

const RULES: [KindRule; 14] = [
    SERVICES,
    NAMESPACES,
    JOBS,
    VOLUME_CLAIMS,
    VOLUMES,
    PODS,
    SERVICE_ACCOUNTS,
    CONFIG_MAPS,
    MUTATING_WEBHOOKS,
    VALIDATING_WEBHOOKS,
    DEFINITIONS,
    API_SERVICES,
    CLUSTER_ROLES,
    DAEMON_SETS,
];

/// The rule of a kind, if it has one.
pub(super) fn rule(group: &str, resource: &str) -> Option<&'static KindRule> {
    RULES
        .iter()
        .find(|rule| rule.group == group && rule.resource == resource)
}

// === impl KindRule ===

impl KindRule {
    /// Whether what goes down depends on who set it upstream.
    pub(super) fn asks_who_set(&self) -> bool {
        let mut all = self.fields.iter().chain(self.annotations);
        all.any(|(_, left)| *left == UnlessUserSet)
    }
}
