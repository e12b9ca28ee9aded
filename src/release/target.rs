//! The targets that are released, and the way to each.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use syncer_clusters::{Cluster, ClusterConfig, ConfigError};
use syncer_core::config::{Configuration, NamespaceMapping, SyncTarget};

use super::{
    ReleaseError,
    options::{ReleaseOptions, ReleaseTarget},
};
use crate::{
    documents::{self, Options},
    target_option::TargetOptionError,
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

/// The targets that `options` name; without any of them, all of the files.
pub(super) fn targets(options: &ReleaseOptions) -> Result<Vec<Target>, ReleaseError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = options.targets.iter().find(|target| !names.insert(target.name())) {
        return Err(TargetOptionError::Twice(twice.name().to_owned()).into());
    }
    let mapping = match (options.namespace_mapping, &options.endpoint_slice) {
        (Some(mapping), _) => mapping.into(),
        (None, Some(_)) => NamespaceMapping::Hashed,
        (None, None) => NamespaceMapping::Identity,
    };
    let configuration = configuration(options)?;
    let target = |name: &str| {
        let document = configuration.targets.get(name).cloned();
        let asked = document.as_ref().and_then(|target| target.spec.namespace_mapping);
        Target {
            name: name.into(),
            document,
            mapping: asked.unwrap_or(mapping),
        }
    };
    let targets: Vec<_> = if options.targets.is_empty() {
        configuration.targets.keys().map(|name| target(name)).collect()
    } else {
        options.targets.iter().map(|named| target(named.name())).collect()
    };
    if targets.is_empty() {
        return Err(ReleaseError::NobodyNamed);
    }
    Ok(targets)
}

/// What the files and the options say.
fn configuration(options: &ReleaseOptions) -> Result<Configuration, ReleaseError> {
    let given = options.targets.iter().filter_map(|target| match target {
        ReleaseTarget::Given(option) => Some(option.clone()),
        ReleaseTarget::Named(_) => None,
    });
    let of_options = Options {
        named: given.collect(),
        namespace_mapping: options.namespace_mapping.map(Into::into),
        ..Options::default()
    };
    let read = documents::read(&options.files, &of_options);
    read.map(|read| read.configuration)
        .map_err(|problems| ReleaseError::Documents(documents::report(&problems)))
}

// === impl Target ===

impl Target {
    /// What it is called in errors.
    pub(super) fn title(&self) -> String {
        format!("target {}", self.name)
    }

    /// Its client; the error says why there is none.
    pub(super) fn connect(&self) -> Result<Cluster, String> {
        let Some(document) = &self.document else {
            return Err("its kubeconfig is not known, so its markers stay: give --target NAME=FILE, or the file of its SyncTarget".to_owned());
        };
        let Some(file) = document.spec.kubeconfig_file.as_deref() else {
            return Err("its kubeconfig is in a Secret: give --target NAME=FILE as well".to_owned());
        };
        self.connect_by(Path::new(file), document.spec.kubeconfig_context.as_deref())
            .map_err(|error| error.to_string())
    }

    fn connect_by(&self, file: &Path, context: Option<&str>) -> Result<Cluster, ConfigError> {
        Cluster::builder(&self.title()).connect(ClusterConfig::from_kubeconfig_file(file, context)?)
    }
}
