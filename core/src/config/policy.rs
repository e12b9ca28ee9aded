//! SyncPolicy: what goes where, and how.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ConfigDuration, LabelSelector, Selection, Transform};

/// One policy, by its name.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncPolicy {
    /// Its name.
    pub name: String,
    /// What is wanted.
    pub spec: SyncPolicySpec,
}

/// What is wanted of a policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SyncPolicySpec {
    /// Where several policies select one object for one target, the higher one decides, then the first by name.
    pub priority: i32,
    /// Whether nothing is written for its objects for now.
    pub suspend: bool,
    /// The resources that it selects; at least one.
    pub resources: Vec<ResourceRef>,
    /// The workspaces that it selects (kcp).
    pub workspaces: WorkspaceSelection,
    /// Whether cluster-scoped resources may be selected.
    pub allow_cluster_scoped: bool,
    /// Whether what a selected pod template names goes along.
    pub dependencies: bool,
    /// Labels and annotations of downstream namespaces that win over those of upstream.
    pub namespace_metadata: NamespaceMetadata,
    /// The namespaces that it selects.
    pub namespaces: Selection,
    /// The labels of the objects that it selects.
    pub objects: LabelSelector,
    /// The targets that they go to.
    pub targets: Selection,
    /// What is changed on the way, in order.
    pub transforms: Vec<Transform>,
    /// How drift and conflicts are settled.
    pub conflict: ConflictRules,
    /// How status comes back.
    pub status: StatusRules,
    /// What becomes of downstream objects that are not wanted any more.
    pub deletion: Deletion,
}

/// A resource by group and plural name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRef {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural, lower-case name.
    pub resource: String,
}

/// Workspaces by logical cluster name or path; empty selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceSelection {
    /// Names of logical clusters.
    pub names: Vec<String>,
    /// Workspace paths, such as `root:org:team`.
    pub paths: Vec<String>,
}

/// Labels and annotations that win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// How drift and conflicts are settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ConflictRules {
    /// Which side wins a field that both changed, or one of them.
    pub strategy: Strategy,
    /// Fields that belong to one side, whatever the strategy.
    pub fields: Vec<FieldRule>,
    /// Field managers whose foreign leaves are not looked at; `None` for the default list.
    pub ignore_managers: Option<Vec<String>>,
    /// What is done with an object of the same name that is not ours.
    pub adoption: Adoption,
    /// What is done with leaves that others added, under `UpstreamWins`.
    pub foreign: ForeignLeaves,
    /// What is done when the API server refuses a change of an immutable field.
    pub on_immutable: OnImmutable,
    /// What is done with a field that a target does not know.
    pub on_unknown_field: OnUnknownField,
    /// How often a decision is made anew after a 409.
    pub max_retries: u32,
    /// The time between two of those, growing, with jitter.
    pub retry_delay: ConfigDuration,
    /// When a fight is recognised.
    pub fight: FightRule,
}

/// Which side wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Strategy {
    /// The upstream, always.
    #[default]
    UpstreamWins,
    /// The side that wrote the field last.
    LastWriteWins,
    /// The side that changed the field; the upstream where both did.
    MergeChanges,
}

/// A field that belongs to one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// The resource as kubectl takes it, such as `deployments.apps`; all resources if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The path, such as `spec.replicas`.
    pub path: String,
    /// Whose it is.
    pub owner: FieldOwner,
}

/// A side that a field may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldOwner {
    /// The upstream's value goes down, whatever is there.
    Upstream,
    /// The target's value stays; the upstream's is only where it begins.
    Downstream,
}

/// What is done with an object of the same name that is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Adoption {
    /// It is left alone, and that is reported.
    #[default]
    Never,
    /// It becomes ours if it is as we would make it.
    IfEqual,
    /// It becomes ours.
    Always,
}

/// What is done with leaves that others added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignLeaves {
    /// They are removed.
    #[default]
    Remove,
    /// They stay.
    Keep,
}

/// What is done when a change of an immutable field is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnImmutable {
    /// `Recreate` for Secrets and ConfigMaps, `Report` for all others.
    #[default]
    Auto,
    /// The object stays, and that is reported.
    Report,
    /// The object is deleted and made again.
    Recreate,
}

/// What is done with a field that a target does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnUnknownField {
    /// The object is not applied, and that is reported.
    #[default]
    Report,
    /// The field is left out.
    Drop,
}

/// When a fight is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FightRule {
    /// So many reverts of one leaf against one manager …
    pub threshold: u32,
    /// … within this time.
    pub window: ConfigDuration,
}

/// How status comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct StatusRules {
    /// The time between two full rounds.
    pub interval: ConfigDuration,
    /// The shortest time between two writes of one object's status.
    pub min_interval: ConfigDuration,
    /// How the reports of several targets become one.
    pub aggregation: Aggregation,
    /// How long the part of a silent target counts.
    pub stale_after: ConfigDuration,
}

/// How the reports of several targets become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    /// By the rule of the kind.
    #[default]
    Combined,
    /// The first target's, by name, as it is.
    First,
}

/// What becomes of downstream objects that are not wanted any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Deletion {
    /// Whether they are deleted.
    pub mode: DeletionMode,
    /// Whether an upstream object waits for them.
    pub wait_for_downstream: WaitForDownstream,
    /// How long a dead target may hold up an upstream deletion.
    pub abandon_after: ConfigDuration,
}

/// Whether downstream objects are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionMode {
    /// They are.
    #[default]
    Delete,
    /// They stay, without our markers.
    Orphan,
}

/// Whether an upstream object waits for its downstream objects to be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitForDownstream {
    /// Objects of our own APIExport do.
    #[default]
    Auto,
    /// All do where it is safe.
    Always,
    /// None does.
    Never,
}

// === impl ConflictRules ===

impl Default for ConflictRules {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            fields: Vec::new(),
            ignore_managers: None,
            adoption: Adoption::default(),
            foreign: ForeignLeaves::default(),
            on_immutable: OnImmutable::default(),
            on_unknown_field: OnUnknownField::default(),
            max_retries: 5,
            retry_delay: ConfigDuration(Duration::from_millis(100)),
            fight: FightRule::default(),
        }
    }
}

// === impl FightRule ===

impl Default for FightRule {
    fn default() -> Self {
        Self {
            threshold: 3,
            window: ConfigDuration(Duration::from_mins(5)),
        }
    }
}

// === impl StatusRules ===

impl Default for StatusRules {
    fn default() -> Self {
        Self {
            interval: ConfigDuration(Duration::from_secs(10)),
            min_interval: ConfigDuration(Duration::from_millis(500)),
            aggregation: Aggregation::default(),
            stale_after: ConfigDuration(Duration::from_mins(5)),
        }
    }
}

// === impl Deletion ===

impl Default for Deletion {
    fn default() -> Self {
        Self {
            mode: DeletionMode::default(),
            wait_for_downstream: WaitForDownstream::default(),
            abandon_after: ConfigDuration(Duration::from_hours(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_absent_has_its_default() {
        let spec: SyncPolicySpec = serde_json::from_value(json!({"resources": [{"resource": "configmaps"}]})).unwrap();
        assert_eq!(spec.conflict.strategy, Strategy::UpstreamWins);
        assert_eq!(spec.conflict.max_retries, 5);
        assert_eq!(spec.status.interval.to_string(), "10s");
        assert_eq!(spec.deletion.abandon_after.to_string(), "1h");
        assert_eq!(spec.resources.first().map(|resource| resource.group.as_str()), Some(""));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        for wrong in [
            json!({"resource": []}),
            json!({"conflict": {"strategy": "upstreamWins"}}),
            json!({"status": {"interval": "10"}}),
            json!({"transforms": [{"sett": {}}]}),
        ] {
            assert!(
                serde_json::from_value::<SyncPolicySpec>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }
}
