//! From documents to rulebooks: what the actors go by, anew whenever the documents change.

use std::{collections::BTreeMap, hash::Hasher, path::PathBuf, sync::Arc};

use syncer_actors::{Connect, Rulebook, TargetSettings};
use syncer_clusters::{Cluster, ClusterConfig, Limits};
use syncer_core::{
    config::{Configuration, NamespaceMapping, SyncTarget},
    placement::{PlacementOptions, RuleError, Rules, Secrets},
    protect::Protection,
};
use tokio::sync::watch;
use tracing::error;
use xxhash_rust::xxh3::Xxh3;

use crate::{documents::Followed, rest_client::RestClient};

/// What of a rulebook no document says.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Counts the requests to targets.
    pub(crate) rest_client: RestClient,
    /// Writes in flight per target, where its document says nothing.
    pub(crate) writes_in_flight: usize,
    /// The namespace that the syncer itself runs in.
    pub(crate) own_namespace: Option<String>,
    /// Whether Secrets go down where no policy names them, as what a pod template needs.
    pub(crate) secrets: Secrets,
    /// How upstream namespaces are named where a SyncTarget says nothing.
    pub(crate) default_mapping: NamespaceMapping,
}

/// Why a set of documents makes no rules.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(crate) struct UnusableRules(Vec<String>);

impl Surroundings {
    /// The rulebook of `followed`, the one with the number `revision`.
    pub(crate) fn rulebook(&self, followed: &Followed, revision: u64) -> Result<Rulebook, UnusableRules> {
        let configuration = &followed.configuration;
        let options = PlacementOptions {
            secrets: self.secrets,
            protection: Protection {
                own_namespace: self.own_namespace.clone(),
                target_secrets: target_secrets(configuration),
            },
            default_mapping: self.default_mapping,
        };
        let rules = Rules::compile(configuration, options)
            .map_err(|errors| UnusableRules(errors.iter().map(spelled_out).collect()))?;
        let targets: BTreeMap<Arc<str>, TargetSettings> = configuration
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), self.target(target, followed.kubeconfigs.get(name))))
            .collect();
        Ok(Rulebook {
            revision,
            rules,
            targets,
        })
    }

    fn target(&self, target: &Arc<SyncTarget>, kubeconfig: Option<&u64>) -> TargetSettings {
        let surroundings = self.clone();
        let shared = target.clone();
        let connect: Connect = Arc::new(move || surroundings.connect(&shared));
        TargetSettings {
            name: target.name.as_str().into(),
            uid: target.uid.as_str().into(),
            connect,
            fingerprint: fingerprint(target, kubeconfig),
        }
    }

    fn connect(&self, target: &SyncTarget) -> Result<Cluster, syncer_clusters::ConfigError> {
        let file = PathBuf::from(target.spec.kubeconfig_file.as_deref().unwrap_or_default());
        let config = ClusterConfig::from_kubeconfig_file(&file, target.spec.kubeconfig_context.as_deref())?;
        let asked = target.spec.limits.writes_in_flight;
        let limits = Limits {
            writes_in_flight: asked
                .and_then(|writes| usize::try_from(writes).ok())
                .unwrap_or(self.writes_in_flight),
            ..Limits::default()
        };
        Cluster::builder(&format!("target {}", target.name))
            .limits(limits)
            .observer(Arc::new(self.rest_client.clone()))
            .connect(config)
    }

    /// Makes a new rulebook of every new set of documents; one that makes no rules is reported, and the last one stays (S11).
    pub(crate) async fn follow(
        self,
        mut documents: watch::Receiver<Arc<Followed>>,
        rulebooks: watch::Sender<Arc<Rulebook>>,
    ) {
        while documents.changed().await.is_ok() {
            let followed = documents.borrow_and_update().clone();
            let revision = rulebooks.borrow().revision + 1;
            match self.rulebook(&followed, revision) {
                Ok(rulebook) => {
                    rulebooks.send_replace(Arc::new(rulebook));
                }
                Err(cause) => error!("the new documents are not used, what held before holds: {cause}"),
            }
        }
    }
}

fn spelled_out(error: &RuleError) -> String {
    format!("policy {}: {}: {}", error.policy, error.path, error.message)
}

/// The Secrets through which targets are reached: never synced.
fn target_secrets(configuration: &Configuration) -> std::collections::BTreeSet<(String, String)> {
    let references = configuration.targets.values();
    references
        .filter_map(|target| target.spec.kubeconfig_secret_ref.as_ref())
        .map(|secret| (secret.namespace.clone(), secret.name.clone()))
        .collect()
}

/// Stands for everything that a new connection needs. Cells and labels are not in it: they are the rules' matter.
fn fingerprint(target: &SyncTarget, kubeconfig: Option<&u64>) -> u64 {
    let spec = &target.spec;
    let mut hasher = Xxh3::new();
    hasher.update(
        format!(
            "{:?}",
            (
                &target.uid,
                &spec.kubeconfig_file,
                &spec.kubeconfig_context,
                &spec.kubeconfig_secret_ref,
                spec.namespace_mapping,
                &spec.limits,
                spec.insecure_skip_tls_verify,
                kubeconfig,
            )
        )
        .as_bytes(),
    );
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use syncer_core::config::SyncTargetSpec;

    use super::*;

    fn target(cell: &str, file: &str) -> SyncTarget {
        SyncTarget {
            name: "east".to_owned(),
            uid: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec: SyncTargetSpec {
                kubeconfig_file: Some(file.to_owned()),
                cells: [("zone".to_owned(), cell.to_owned())].into(),
                ..SyncTargetSpec::default()
            },
        }
    }

    #[test]
    fn a_target_is_connected_anew_only_where_its_connection_changed() {
        let known = fingerprint(&target("1", "a"), Some(&1));
        assert_eq!(known, fingerprint(&target("2", "a"), Some(&1)), "cells");
        assert_ne!(known, fingerprint(&target("1", "b"), Some(&1)), "another file");
        assert_ne!(known, fingerprint(&target("1", "a"), Some(&2)), "another content");
    }
}
