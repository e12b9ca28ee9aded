//! Kubeconfigs out of Secrets: followed as they are rotated, held as connections' settings alone, and never shown.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt, pin_mut};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use syncer_clusters::{
    Cluster, ClusterConfig, ConfigError, Error, Next, Object, TlsVerification, WatchEvent, WatchOptions,
};
use syncer_core::{
    Gvr, ResourceType, Scope,
    config::{SecretKeyRef, SyncTarget},
};
use tokio::{sync::watch, task::JoinHandle};
use xxhash_rust::xxh3::xxh3_64;

/// The kubeconfigs that are followed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KubeconfigSecrets(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    followed: Mutex<HashMap<Wanted, Followed>>,
    /// Counts up with each change.
    changes: watch::Sender<u64>,
}

/// What is read for a target: the key of a Secret, and how much of it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wanted {
    namespace: String,
    name: String,
    key: String,
    verification: Verification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verification {
    Required,
    Waived,
}

struct Followed {
    kubeconfig: Arc<Mutex<Kubeconfig>>,
    task: JoinHandle<()>,
}

/// One kubeconfig.
#[derive(Default)]
struct Kubeconfig {
    /// The last one that can be used, with a fingerprint of its text.
    good: Option<(u64, ClusterConfig)>,
    /// What is wrong with the present one.
    problem: Option<SecretProblem>,
}

/// Why a kubeconfig out of a Secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretProblem {
    /// In one word.
    pub(crate) reason: &'static str,
    /// In a sentence that quotes nothing of the Secret (S8).
    pub(crate) message: String,
}

// === impl KubeconfigSecrets ===

impl KubeconfigSecrets {
    /// Secrets of `cluster`.
    pub(crate) fn of(cluster: Cluster) -> Self {
        Self(Arc::new(Inner {
            cluster,
            followed: Mutex::default(),
            changes: watch::Sender::new(0),
        }))
    }

    /// Rings whenever one of them has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Follows what `targets` name, and nothing else. Within a runtime.
    pub(crate) fn follow<'a>(&self, targets: impl Iterator<Item = &'a Arc<SyncTarget>>) {
        let wanted: BTreeMap<_, _> = targets
            .filter_map(|target| Some((target.name.clone(), Wanted::by(target)?)))
            .collect();
        let mut followed = self.0.followed.lock();
        followed.retain(|known, follow| {
            let stays = wanted.values().any(|wanted| wanted == known);
            if !stays {
                follow.task.abort();
            }
            stays
        });
        for wanted in wanted.into_values() {
            if followed.contains_key(&wanted) {
                continue;
            }
            let kubeconfig = Arc::<Mutex<Kubeconfig>>::default();
            let task = tokio::spawn(self.clone().read(wanted.clone(), kubeconfig.clone()));
            followed.insert(wanted, Followed { kubeconfig, task });
        }
    }

    /// How to reach `target`: the last kubeconfig of its Secret that can be used.
    pub(crate) fn config(&self, target: &SyncTarget) -> Result<ClusterConfig, ConfigError> {
        let not_read = || ConfigError::new("its Secret", "it is not read yet", "wait a moment");
        let wanted = Wanted::by(target).ok_or_else(not_read)?;
        let followed = self.0.followed.lock();
        let kubeconfig = followed.get(&wanted).ok_or_else(not_read)?.kubeconfig.lock();
        match (&kubeconfig.good, &kubeconfig.problem) {
            (Some((_, config)), _) => Ok(config.clone()),
            (None, Some(problem)) => Err(ConfigError::new(
                &wanted.to_string(),
                &problem.message,
                "it is looked at again when it changes",
            )),
            (None, None) => Err(not_read()),
        }
    }

    /// Whether the Secret of `target` has not been read yet.
    pub(crate) fn is_awaited(&self, target: &SyncTarget) -> bool {
        self.look(target, |kubeconfig| {
            (kubeconfig.good.is_none() && kubeconfig.problem.is_none()).then_some(())
        })
        .is_some()
    }

    /// A fingerprint of the kubeconfig in use for `target`: where it changes, the target is connected anew.
    pub(crate) fn fingerprint(&self, target: &SyncTarget) -> Option<u64> {
        self.look(target, |kubeconfig| {
            kubeconfig.good.as_ref().map(|(fingerprint, _)| *fingerprint)
        })
    }

    /// What is wrong with the kubeconfig that the Secret of `target` holds now.
    pub(crate) fn problem(&self, target: &SyncTarget) -> Option<SecretProblem> {
        self.look(target, |kubeconfig| {
            let mut problem = kubeconfig.problem.clone()?;
            if kubeconfig.good.is_some() {
                problem.message.push_str("; the last good one stays in use");
            }
            Some(problem)
        })
    }

    fn look<T>(&self, target: &SyncTarget, look: impl FnOnce(&Kubeconfig) -> Option<T>) -> Option<T> {
        let wanted = Wanted::by(target)?;
        let followed = self.0.followed.lock();
        let kubeconfig = followed.get(&wanted)?.kubeconfig.lock();
        look(&kubeconfig)
    }

    /// Follows one Secret, without end. By its name alone: a role can allow that and nothing more.
    async fn read(self, wanted: Wanted, kubeconfig: Arc<Mutex<Kubeconfig>>) {
        let options = WatchOptions {
            namespace: wanted.namespace.clone(),
            field_selector: format!("metadata.name={}", wanted.name),
            ..WatchOptions::default()
        };
        let events = self.0.cluster.watch(secrets(), options);
        pin_mut!(events);
        let mut listed = BTreeSet::new();
        while let Some(event) = events.next().await {
            let word = match event {
                WatchEvent::ListStarted => {
                    listed.clear();
                    None
                }
                WatchEvent::Applied(object) => {
                    listed.insert(object.uid().to_owned());
                    Some(wanted.kubeconfig(&object))
                }
                WatchEvent::Listed(_) if !listed.is_empty() => None,
                WatchEvent::Listed(_) | WatchEvent::Deleted(_) => Some(Err(wanted.missing())),
                WatchEvent::Interrupted(error) => wanted.unreadable(&error).map(Err),
                WatchEvent::Recovered => None,
            };
            if let Some(word) = word {
                kubeconfig.lock().take(word);
                self.0.changes.send_modify(|changes| *changes += 1);
            }
        }
    }
}

// === impl Kubeconfig ===

impl Kubeconfig {
    /// A kubeconfig that cannot be used does not cut the connection that an earlier one made (S11).
    fn take(&mut self, word: Result<(u64, ClusterConfig), SecretProblem>) {
        match word {
            Ok(good) => {
                self.good = Some(good);
                self.problem = None;
            }
            Err(problem) => self.problem = Some(problem),
        }
    }
}

// === impl Wanted ===

impl Wanted {
    fn by(target: &SyncTarget) -> Option<Self> {
        let SecretKeyRef { namespace, name, key } = target.spec.kubeconfig_secret_ref.clone()?;
        Some(Self {
            namespace,
            name,
            key,
            verification: if target.spec.insecure_skip_tls_verify {
                Verification::Waived
            } else {
                Verification::Required
            },
        })
    }

    fn kubeconfig(&self, object: &Object) -> Result<(u64, ClusterConfig), SecretProblem> {
        let data = object.member("data").map(RawValue::get).unwrap_or_default();
        let data: BTreeMap<String, Option<String>> = serde_json::from_str(data).unwrap_or_default();
        let Some(text) = data.get(&self.key) else {
            return Err(SecretProblem {
                reason: "KubeconfigMissing",
                message: format!("{self}: the Secret has no such key"),
            });
        };
        let text = text.as_deref().unwrap_or_default();
        let verification = match self.verification {
            Verification::Required => TlsVerification::Required,
            Verification::Waived => TlsVerification::AsTheKubeconfigSays,
        };
        let config = ClusterConfig::from_secret_data(text, verification);
        match config {
            Ok(config) => Ok((xxh3_64(text.as_bytes()), config)),
            Err(error) => Err(SecretProblem {
                reason: "KubeconfigRefused",
                message: format!("{self}: {error}"),
            }),
        }
    }

    fn missing(&self) -> SecretProblem {
        SecretProblem {
            reason: "SecretMissing",
            message: format!("{self}: there is no such Secret; create it"),
        }
    }

    /// What an interruption says of the Secret: nothing, where the API server cannot be reached.
    fn unreadable(&self, error: &Error) -> Option<SecretProblem> {
        let is_refused = matches!(error.next(), Next::Forbidden | Next::NamespaceMissing);
        is_refused.then(|| SecretProblem {
            reason: "SecretUnreadable",
            message: format!("{self}: {error}; allow get, list and watch of this Secret"),
        })
    }
}

/// `Secret tmc-system/east, key kubeconfig`.
impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret {}/{}, key {}", self.namespace, self.name, self.key)
    }
}

fn secrets() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("", "v1", "secrets"),
        kind: "Secret".into(),
        scope: Scope::Namespaced,
    }
}
