//! Which kubeconfig a SyncTarget names in a Secret, and what that Secret gives.

use std::{collections::BTreeMap, fmt};

use serde_json::value::RawValue;
use syncer_clusters::{Cluster, ClusterConfig, Error, FieldsV1Kept, Next, Object, TlsVerification};
use syncer_core::{
    built_in,
    config::{SecretKeyRef, SyncTarget},
};
use xxhash_rust::xxh3::xxh3_64;

/// What is read for a target: the key of a Secret, and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KubeconfigReference {
    pub(super) namespace: String,
    pub(super) name: String,
    key: String,
    verification: TlsVerification,
}

/// A kubeconfig that can be used.
#[derive(Clone)]
pub(crate) struct Kubeconfig {
    /// Stands for its text: where it changes, the target is connected anew.
    pub(crate) fingerprint: u64,
    /// What it says.
    pub(crate) config: ClusterConfig,
}

/// Why a kubeconfig out of a Secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SecretProblem {
    /// In one word.
    pub(crate) reason: &'static str,
    /// In a sentence that quotes nothing of the Secret (S8).
    pub(crate) message: String,
}

// === impl KubeconfigReference ===

impl KubeconfigReference {
    /// What `target` names; `None` where it names no Secret.
    pub(crate) fn of(target: &SyncTarget) -> Option<Self> {
        let SecretKeyRef { namespace, name, key } = target.spec.kubeconfig_secret_ref.clone()?;
        Some(Self {
            namespace,
            name,
            key,
            verification: if target.spec.insecure_skip_tls_verify {
                TlsVerification::AsTheKubeconfigSays
            } else {
                TlsVerification::Required
            },
        })
    }

    /// Reads it once, from `cluster`.
    pub(crate) async fn fetch(&self, cluster: &Cluster) -> Result<Kubeconfig, SecretProblem> {
        let found = cluster
            .get(&built_in::secrets(), &self.namespace, &self.name, FieldsV1Kept::None)
            .await;
        match found {
            Ok(Some(object)) => self.kubeconfig(&object),
            Ok(None) => Err(self.missing()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// What the Secret `object` gives.
    pub(super) fn kubeconfig(&self, object: &Object) -> Result<Kubeconfig, SecretProblem> {
        let data = object.member("data").map(RawValue::get).unwrap_or_default();
        let data: BTreeMap<String, Option<String>> = serde_json::from_str(data).unwrap_or_default();
        let Some(text) = data.get(&self.key) else {
            return Err(SecretProblem {
                reason: "KubeconfigMissing",
                message: format!("{self}: the Secret has no such key"),
            });
        };
        let text = text.as_deref().unwrap_or_default();
        match ClusterConfig::from_secret_data(text, self.verification) {
            Ok(config) => Ok(Kubeconfig {
                fingerprint: xxh3_64(text.as_bytes()),
                config,
            }),
            Err(error) => Err(SecretProblem {
                reason: "KubeconfigRefused",
                message: format!("{self}: {error}"),
            }),
        }
    }

    /// There is no such Secret.
    pub(super) fn missing(&self) -> SecretProblem {
        SecretProblem {
            reason: "SecretMissing",
            message: format!("{self}: there is no such Secret; create it"),
        }
    }

    /// What an interrupted watch says of the Secret: nothing, where the API server cannot be reached.
    pub(super) fn refused(&self, error: &Error) -> Option<SecretProblem> {
        matches!(error.next(), Next::Forbidden | Next::NamespaceMissing).then(|| self.unreadable(error))
    }

    fn unreadable(&self, error: &Error) -> SecretProblem {
        let advice = match error.next() {
            Next::Forbidden | Next::NamespaceMissing => "; allow get, list and watch of this Secret",
            _ => "",
        };
        SecretProblem {
            reason: "SecretUnreadable",
            message: format!("{self}: {error}{advice}"),
        }
    }
}

/// `Secret tmc-system/east, key kubeconfig`.
impl fmt::Display for KubeconfigReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {}/{}, key {}", self.namespace, self.name, self.key)
    }
}
