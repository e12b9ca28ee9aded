//! The markers by which the syncer knows its own objects again (S1), and what they say.

use serde::{Deserialize, Serialize};

use crate::{
    config::DeletionMode,
    identity::{LogicalCluster, ObjectKey},
};

/// Label on every downstream object and namespace of ours: the target's key. The filtered watch selects by it.
pub const CLUSTER_LABEL: &str = "internal.workload.kcp.io/cluster";
/// Annotation on every downstream object of ours: the [`Origin`].
pub const ORIGIN_ANNOTATION: &str = "workload.kcp.io/origin";
/// Annotation on every downstream object of ours: what was [`Applied`].
pub const APPLIED_ANNOTATION: &str = "workload.kcp.io/applied";
/// Annotation on every downstream namespace of ours: the [`crate::naming::NamespaceLocator`].
pub const NAMESPACE_LOCATOR_ANNOTATION: &str = "kcp.io/namespace-locator";
/// Annotation that a user sets on either side: nothing is written to this object while it says `true`.
pub const PAUSED_ANNOTATION: &str = "workload.kcp.io/paused";
/// Annotation that a user sets on a SyncTarget: how many objects, all that are held there, may be deleted.
pub const CONFIRM_DELETION_ANNOTATION: &str = "workload.kcp.io/confirm-deletion";
/// The field manager of every write downstream.
pub const FIELD_MANAGER: &str = "tmc-syncer";

/// Which upstream object a downstream object was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The upstream id: the UID of what identifies the upstream, never an address.
    pub upstream: String,
    /// The logical cluster; empty for a plain upstream.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The resource.
    pub resource: String,
    /// The upstream namespace; empty for cluster-scoped objects.
    #[serde(default)]
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The UID of the upstream object that was applied last.
    pub uid: String,
}

/// The field manager of a leaf that was given up to the target (`docs/architecture.md`, "Fields of the target").
pub const HANDOVER_MANAGER: &str = "tmc-syncer-handover";

/// What was applied: a version of the hash's definition, the hash, and by which policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The hash of the payload.
    pub hash: PayloadHash,
    /// The name of the policy that wanted it: the mass-deletion guard counts by policy, also after a restart.
    pub policy: Box<str>,
    /// Names the key of a keyed hash; empty for a plain one. A hash under another key says nothing.
    pub key: Box<str>,
    /// On what both sides agreed, as [`crate::conflict::Base`] writes it; empty where the strategy needs none.
    pub base: Box<str>,
    /// What that policy said about objects that have to go, when this one was last written: it counts once the policy is gone.
    pub deletion: DeletionMode,
}

/// A hash over everything of an object that its upstream decides. 128 bits, not secret: never over a Secret's data.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadHash(pub u128);

/// The version of the hash's definition. Raised when the definition changes; an object that carries another version
/// is compared by value, so that an upgrade rewrites nothing (S5).
const APPLIED_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct AppliedOnTheWire {
    v: u32,
    hash: String,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    policy: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    key: Box<str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    base: Box<str>,
    #[serde(default, skip_serializing_if = "is_usual")]
    deletion: DeletionMode,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_usual(mode: &DeletionMode) -> bool {
    *mode == DeletionMode::default()
}

// === impl Origin ===

impl Origin {
    /// The origin of the object `key` with `uid` in the upstream `upstream`.
    pub fn of(upstream: &str, key: &ObjectKey, uid: &str) -> Self {
        Self {
            upstream: upstream.to_owned(),
            cluster: key.cluster.as_str().to_owned(),
            group: key.gvr.group().to_owned(),
            resource: key.gvr.resource().to_owned(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            uid: uid.to_owned(),
        }
    }

    /// Reads the annotation. Anything that is not an origin is `None`: such an object is not ours.
    pub fn parse(annotation: &str) -> Option<Self> {
        serde_json::from_str(annotation).ok()
    }

    /// The compact JSON that is stored.
    pub fn to_annotation(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The upstream object that the downstream object `found` was made from, if this origin counts there.
    ///
    /// It counts only if it names `upstream` and this very group, resource and name: another upstream's object is
    /// foreign, and controllers copy annotations (Deployment to ReplicaSet) and labels (Service to EndpointSlice).
    pub fn claims(&self, upstream: &str, found: &ObjectKey) -> Option<ObjectKey> {
        let this_very_object = self.upstream == upstream
            && self.group == found.gvr.group()
            && self.resource == found.gvr.resource()
            && self.name == *found.name;
        this_very_object.then(|| {
            ObjectKey::new(
                LogicalCluster::new(&self.cluster),
                found.gvr.clone(),
                &self.namespace,
                &self.name,
            )
        })
    }
}

// === impl Applied ===

impl Applied {
    /// Reads the annotation. Another version, or anything else, is `None`: compare by value.
    pub fn parse(annotation: &str) -> Option<Self> {
        let wire: AppliedOnTheWire = serde_json::from_str(annotation).ok()?;
        if wire.v != APPLIED_VERSION || wire.hash.len() != 32 {
            return None;
        }
        let hash = u128::from_str_radix(&wire.hash, 16).ok()?;
        Some(Self {
            hash: PayloadHash(hash),
            policy: wire.policy,
            key: wire.key,
            base: wire.base,
            deletion: wire.deletion,
        })
    }

    /// The compact JSON that is stored.
    pub fn to_annotation(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&AppliedOnTheWire {
            v: APPLIED_VERSION,
            hash: format!("{:032x}", self.hash.0),
            policy: self.policy.clone(),
            key: self.key.clone(),
            base: self.base.clone(),
            deletion: self.deletion,
        })
    }
}

// === impl PayloadHash ===

impl std::fmt::Debug for PayloadHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Gvr;

    fn web() -> ObjectKey {
        ObjectKey::new(
            LogicalCluster::plain(),
            Gvr::new("apps", "v1", "deployments"),
            "default",
            "web",
        )
    }

    #[test]
    fn an_origin_survives_its_annotation() {
        let origin = Origin::of("up", &web(), "u1");
        let annotation = origin.to_annotation().unwrap();
        assert_eq!(
            annotation,
            r#"{"upstream":"up","group":"apps","resource":"deployments","namespace":"default","name":"web","uid":"u1"}"#
        );
        assert_eq!(Origin::parse(&annotation), Some(origin));
    }

    #[test]
    fn an_origin_counts_only_where_it_names_this_very_object_of_this_upstream() {
        let origin = Origin::of("up", &web(), "u1");
        assert_eq!(origin.claims("up", &web()), Some(web()));
        assert_eq!(origin.claims("other", &web()), None);
        let replica_set = ObjectKey {
            gvr: Gvr::new("apps", "v1", "replicasets"),
            ..web()
        };
        assert_eq!(
            origin.claims("up", &replica_set),
            None,
            "a controller copied the annotation"
        );
        let renamed = ObjectKey {
            name: "web-2".into(),
            ..web()
        };
        assert_eq!(origin.claims("up", &renamed), None);
        let other_group = ObjectKey {
            gvr: Gvr::new("example.org", "v1", "deployments"),
            ..web()
        };
        assert_eq!(origin.claims("up", &other_group), None);
    }

    #[test]
    fn an_origin_is_found_in_another_namespace_and_at_another_version() {
        let origin = Origin::of("up", &web(), "u1");
        let hashed = ObjectKey {
            namespace: "kcp-33jbiactwhg0".into(),
            gvr: Gvr::new("apps", "v2", "deployments"),
            ..web()
        };
        let claimed = origin.claims("up", &hashed).unwrap();
        assert_eq!((&*claimed.namespace, claimed.gvr.version()), ("default", "v2"));
    }

    #[test]
    fn what_is_no_origin_is_not_ours() {
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"upstream":"up"}"#,
            "\u{0}",
            r#"{"upstream":1,"resource":"x"}"#,
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_was_applied_survives_its_annotation() {
        let plain = Applied {
            hash: PayloadHash(7),
            policy: "".into(),
            key: "".into(),
            base: "".into(),
            deletion: DeletionMode::Delete,
        };
        let annotation = plain.to_annotation().unwrap();
        assert_eq!(annotation, r#"{"v":1,"hash":"00000000000000000000000000000007"}"#);
        assert_eq!(Applied::parse(&annotation), Some(plain.clone()));
        let keyed = Applied {
            policy: "web".into(),
            key: "k1".into(),
            base: "AcCG".into(),
            deletion: DeletionMode::Orphan,
            ..plain
        };
        assert_eq!(Applied::parse(&keyed.to_annotation().unwrap()), Some(keyed));
    }

    #[test]
    fn another_version_or_anything_else_is_compared_by_value() {
        let hash = "0".repeat(32);
        let cases = [
            String::new(),
            "v1".into(),
            format!(r#"{{"v":2,"hash":"{hash}"}}"#),
            r#"{"v":1,"hash":"7"}"#.into(),
            r#"{"v":1,"hash":"+0000000000000000000000000000007é"}"#.into(),
        ];
        for case in cases {
            assert_eq!(Applied::parse(&case), None, "{case}");
        }
    }
}
