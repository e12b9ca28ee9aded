//! Kubeconfigs out of Secrets: followed as they are rotated, held as connections' settings alone, and never shown.

mod reference;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt, pin_mut};
use parking_lot::Mutex;
use syncer_clusters::{Cluster, ClusterConfig, ConfigError, WatchEvent, WatchOptions};
use syncer_core::{built_in, config::SyncTarget};
use tokio::{sync::watch, task::JoinHandle};

use self::reference::Kubeconfig;
pub(crate) use self::reference::{KubeconfigReference, SecretProblem};

/// The kubeconfigs that are followed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KubeconfigSecrets(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    followed: Mutex<HashMap<KubeconfigReference, Followed>>,
    /// Counts up with each change.
    changes: watch::Sender<u64>,
}

struct Followed {
    kubeconfig: Arc<Mutex<Reading>>,
    task: JoinHandle<()>,
}

/// What is known of one kubeconfig.
#[derive(Default)]
struct Reading {
    /// The last one that can be used.
    good: Option<Kubeconfig>,
    /// What is wrong with the present one.
    problem: Option<SecretProblem>,
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
            .filter_map(|target| Some((target.name.clone(), KubeconfigReference::of(target)?)))
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
            let kubeconfig = Arc::<Mutex<Reading>>::default();
            let task = tokio::spawn(self.clone().read(wanted.clone(), kubeconfig.clone()));
            followed.insert(wanted, Followed { kubeconfig, task });
        }
    }

    /// How to reach `target`: the last kubeconfig of its Secret that can be used.
    pub(crate) fn config(&self, target: &SyncTarget) -> Result<ClusterConfig, ConfigError> {
        let not_read = || ConfigError::new("its Secret", "it is not read yet", "wait a moment");
        let wanted = KubeconfigReference::of(target).ok_or_else(not_read)?;
        let followed = self.0.followed.lock();
        let kubeconfig = followed.get(&wanted).ok_or_else(not_read)?.kubeconfig.lock();
        match (&kubeconfig.good, &kubeconfig.problem) {
            (Some(good), _) => Ok(good.config.clone()),
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
            kubeconfig.good.as_ref().map(|good| good.fingerprint)
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

    fn look<T>(&self, target: &SyncTarget, look: impl FnOnce(&Reading) -> Option<T>) -> Option<T> {
        let wanted = KubeconfigReference::of(target)?;
        let followed = self.0.followed.lock();
        let kubeconfig = followed.get(&wanted)?.kubeconfig.lock();
        look(&kubeconfig)
    }

    /// Follows one Secret, without end. By its name alone: a role can allow that and nothing more.
    async fn read(self, wanted: KubeconfigReference, kubeconfig: Arc<Mutex<Reading>>) {
        let options = WatchOptions {
            namespace: wanted.namespace.clone(),
            field_selector: format!("metadata.name={}", wanted.name),
            ..WatchOptions::default()
        };
        let events = self.0.cluster.watch(built_in::secrets(), options);
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
                WatchEvent::Interrupted(error) => wanted.refused(&error).map(Err),
                WatchEvent::Recovered => None,
            };
            if let Some(word) = word {
                kubeconfig.lock().take(word);
                self.0.changes.send_modify(|changes| *changes += 1);
            }
        }
    }
}

// === impl Reading ===

impl Reading {
    /// A kubeconfig that cannot be used does not cut the connection that an earlier one made (S11).
    fn take(&mut self, word: Result<Kubeconfig, SecretProblem>) {
        match word {
            Ok(good) => {
                self.good = Some(good);
                self.problem = None;
            }
            Err(problem) => self.problem = Some(problem),
        }
    }
}
