//! The targets that are released, and the way to each.

use std::{collections::BTreeMap, sync::Arc};

use syncer_clusters::{Cluster, ClusterConfig};
use syncer_core::config::{Configuration, NamespaceMapping, SyncTarget};

use super::{
    ReleaseError,
    options::{ReleaseOptions, ReleaseTarget},
};
use crate::{
    documents::{self, KubeconfigReference, Options},
    target_cluster,
    target_option::each_once,
};

/// One target that is released.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: Arc<str>,
    /// Its document; `None` where only its name is known.
    pub(super) document: Option<Arc<SyncTarget>>,
    /// How upstream namespaces are named there.
    pub(super) mapping: NamespaceMapping,
}

/// What the command line and the files say of which targets are released.
#[derive(Debug)]
pub(super) struct Choice {
    configuration: Configuration,
    /// By name; empty for all.
    named: Vec<Arc<str>>,
    /// Of targets that say nothing themselves.
    mapping: NamespaceMapping,
}

// === impl Choice ===

impl Choice {
    /// What `options` choose.
    pub(super) fn of(options: &ReleaseOptions) -> Result<Self, ReleaseError> {
        each_once(options.targets.iter().map(ReleaseTarget::name))?;
        Ok(Self {
            configuration: configuration(options)?,
            named: options
                .targets
                .iter()
                .map(|target| target.name().as_str().into())
                .collect(),
            mapping: options.source.default_mapping(),
        })
    }

    /// Whether the SyncTargets that are objects have a say.
    pub(super) fn asks_for_objects(&self) -> bool {
        let known = |name: &Arc<str>| self.configuration.targets.contains_key(name);
        self.named.is_empty() || !self.named.iter().all(known)
    }

    /// The targets that are named; without any name all of them. A file wins over an object of the same name.
    pub(super) fn targets(&self, objects: BTreeMap<Arc<str>, Arc<SyncTarget>>) -> Result<Vec<Target>, ReleaseError> {
        let mut known = objects;
        let of_files = self.configuration.targets.iter();
        known.extend(of_files.map(|(name, target)| (name.clone(), target.clone())));
        let names: Vec<_> = if self.named.is_empty() {
            known.keys().cloned().collect()
        } else {
            self.named.clone()
        };
        if names.is_empty() {
            return Err(ReleaseError::NobodyNamed);
        }
        let target = |name: Arc<str>| {
            let document = known.get(&name).cloned();
            let asked = document.as_ref().and_then(|target| target.spec.namespace_mapping);
            Target {
                name,
                document,
                mapping: asked.unwrap_or(self.mapping),
            }
        };
        Ok(names.into_iter().map(target).collect())
    }
}

/// What the files and the options say.
fn configuration(options: &ReleaseOptions) -> Result<Configuration, ReleaseError> {
    let given = options.targets.iter().filter_map(|target| match target {
        ReleaseTarget::Given(option) => Some(option.clone()),
        ReleaseTarget::Named(_) => None,
    });
    let of_options = Options {
        named: given.collect(),
        ..Options::default()
    };
    let read = documents::read(&options.source.files, &of_options);
    read.map(|read| read.configuration)
        .map_err(|problems| ReleaseError::Documents(documents::report(&problems)))
}

// === impl Target ===

impl Target {
    /// What it is called in errors.
    pub(super) fn title(&self) -> String {
        target_cluster::title(&self.name)
    }

    /// Its client; the error says why there is none. A kubeconfig in a Secret is read from `upstream`.
    pub(super) async fn connect(&self, upstream: &Cluster) -> Result<Cluster, String> {
        let Some(document) = &self.document else {
            let unknown = "its kubeconfig is not known, so its markers stay: give --target NAME=FILE, or the file of its SyncTarget";
            return Err(unknown.to_owned());
        };
        let config = match target_cluster::config_of_file(document) {
            Some(config) => config.map_err(|error| error.to_string())?,
            None => config_of_secret(upstream, document).await?,
        };
        let cluster = target_cluster::connect(document, config, Cluster::builder(&self.title()));
        cluster.map_err(|error| error.to_string())
    }
}

async fn config_of_secret(upstream: &Cluster, document: &SyncTarget) -> Result<ClusterConfig, String> {
    let Some(reference) = KubeconfigReference::of(document) else {
        return Err("its SyncTarget names no kubeconfig: give --target NAME=FILE".to_owned());
    };
    let read = reference.fetch(upstream).await;
    read.map(|kubeconfig| kubeconfig.config)
        .map_err(|problem| problem.to_string())
}
