//! From documents to rulebooks: what the actors go by, anew whenever the documents change, or a target's `evictAfter` comes.

pub(crate) mod evictions;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hasher,
    sync::Arc,
};

use syncer_actors::{Connect, Rulebook, TargetSettings, runtime::Clock};
use syncer_clusters::{Cluster, ConfigError, Fence, Limits, Rehearsal};
use syncer_core::{
    config::{NamespaceMapping, SyncTarget, TargetLimits},
    placement::{PlacementOptions, RuleError, Rules, Secrets},
    protect::Protection,
};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    documents::{KubeconfigSecrets, Merged},
    rest_client::{RestClient, Side},
    target_cluster,
};

/// What of a rulebook no document says.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Counts the requests to targets.
    pub(crate) rest_client: RestClient,
    /// What lets writes to targets through; none where all go.
    pub(crate) fence: Option<Fence>,
    /// The kubeconfigs that lie in Secrets.
    pub(crate) kubeconfigs: KubeconfigSecrets,
    /// Where writes to targets are only tried; `None` where they are done.
    pub(crate) rehearsal: Option<Rehearsal>,
    /// Writes in flight per target, where its document says nothing.
    pub(crate) writes_in_flight: usize,
    /// The namespace that the syncer itself runs in.
    pub(crate) own_namespace: Option<String>,
    /// Whether Secrets go down where no policy names them, as what a pod template needs.
    pub(crate) secrets: Secrets,
    /// How upstream namespaces are named where a SyncTarget says nothing.
    pub(crate) default_mapping: NamespaceMapping,
    /// The time of day, which says what is drained.
    pub(crate) clock: Clock,
}

/// Why a set of documents makes no rules.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(crate) struct UnusableRules(Vec<String>);

impl Surroundings {
    /// The rulebook of `merged`, the one with the number `revision`.
    pub(crate) fn rulebook(&self, merged: &Merged, revision: u64) -> Result<Rulebook, UnusableRules> {
        let configuration = &merged.configuration;
        let options = PlacementOptions {
            secrets: self.secrets,
            protection: Protection {
                own_namespace: self.own_namespace.clone(),
                target_secrets: target_secrets(merged),
            },
            default_mapping: self.default_mapping,
        };
        let rules = Rules::compile_at(configuration, options, evictions::now(&self.clock))
            .map_err(|errors| UnusableRules(errors.iter().map(spelled_out).collect()))?;
        let targets: BTreeMap<Arc<str>, TargetSettings> = configuration
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), self.target(target, merged.kubeconfigs.get(name))))
            .collect();
        Ok(Rulebook {
            revision,
            rules,
            targets,
            unreadable: merged.unreadable.clone(),
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
            fingerprint: fingerprint(
                target,
                kubeconfig.copied().or_else(|| self.kubeconfigs.fingerprint(target)),
            ),
        }
    }

    fn connect(&self, target: &SyncTarget) -> Result<Cluster, ConfigError> {
        let config = match target_cluster::config_of_file(target) {
            Some(config) => config?,
            None => self.kubeconfigs.config(target)?,
        };
        let builder = Cluster::builder(&target_cluster::title(&target.name))
            .limits(limits(&target.spec.limits, self.writes_in_flight))
            .observer(self.rest_client.at(Side::Downstream))
            .rehearsing(self.rehearsal.clone())
            .fenced(self.fence.clone());
        target_cluster::connect(target, config, builder)
    }
}

fn spelled_out(error: &RuleError) -> String {
    format!("policy {}: {}: {}", error.policy, error.path, error.message)
}

/// The Secrets through which targets are reached, or would be: never synced.
fn target_secrets(merged: &Merged) -> BTreeSet<(String, String)> {
    let references = merged.configuration.targets.values();
    let used = references
        .filter_map(|target| target.spec.kubeconfig_secret_ref.as_ref())
        .map(|secret| (secret.namespace.clone(), secret.name.clone()));
    used.chain(merged.secrets.iter().cloned()).collect()
}

/// How hard a target may be driven: as its document says, else with so many writes in flight.
fn limits(asked: &TargetLimits, writes_in_flight: usize) -> Limits {
    let writes = asked.writes_in_flight.and_then(|writes| usize::try_from(writes).ok());
    Limits {
        writes_in_flight: writes.unwrap_or(writes_in_flight),
        requests_per_second: asked.requests_per_second,
        burst: asked.burst.unwrap_or(1),
        ..Limits::default()
    }
}

/// Stands for everything that a new connection needs. Cells and labels are not in it: they are the rules' matter.
fn fingerprint(target: &SyncTarget, kubeconfig: Option<u64>) -> u64 {
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

    #[test]
    fn a_target_is_driven_as_hard_as_its_document_says() {
        let asked = TargetLimits {
            writes_in_flight: Some(4),
            requests_per_second: Some(2.5),
            burst: Some(10),
        };
        let driven = limits(&asked, 32);
        assert_eq!(
            (driven.writes_in_flight, driven.requests_per_second, driven.burst),
            (4, Some(2.5), 10)
        );
        let free = limits(&TargetLimits::default(), 32);
        assert_eq!(
            (free.writes_in_flight, free.requests_per_second, free.burst),
            (32, None, 1)
        );
    }

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
        let known = fingerprint(&target("1", "a"), Some(1));
        assert_eq!(known, fingerprint(&target("2", "a"), Some(1)), "cells");
        assert_ne!(known, fingerprint(&target("1", "b"), Some(1)), "another file");
        assert_ne!(known, fingerprint(&target("1", "a"), Some(2)), "another content");
    }
}
