//! Documents that the command line stands for.

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::config::{
    ConfigDuration, ResourceRef, Strategy, SyncPolicy, SyncPolicySpec, SyncTarget, SyncTargetSpec, check::Document,
};

use crate::target_option::TargetOption;

/// The policy that holds where no other is given.
const DEFAULT_POLICY: &str = "default";

/// What goes down by it: group and resource.
const RESOURCES: [(&str, &str); 3] = [("apps", "deployments"), ("", "services"), ("", "configmaps")];

/// What the command line adds to the documents of the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The targets of `--target`.
    pub(crate) named: Vec<TargetOption>,
    /// The strategy of the default policy.
    pub(crate) strategy: Strategy,
    /// Whether the default policy selects Secrets.
    pub(crate) secrets: SyncSecrets,
    /// The time between two full rounds of status, of the default policy; `None` for the usual one.
    pub(crate) status_interval: Option<ConfigDuration>,
}

/// Whether the default policy selects Secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SyncSecrets {
    /// It does not: they go down only where a policy names them.
    #[default]
    OnlyNamed,
    /// It does: `--sync-secrets`.
    All,
}

// === impl Options ===

impl Options {
    /// The targets that these options stand for.
    pub(super) fn targets(&self) -> Vec<Document> {
        self.named.iter().map(sync_target).collect()
    }

    /// The policy where nobody gives one: all four kinds, Secrets when asked for, to all targets. None without a target of
    /// `--target`: who writes SyncTargets writes policies.
    pub(crate) fn fallback(&self) -> Option<Arc<SyncPolicy>> {
        (!self.named.is_empty()).then(|| Arc::new(self.default_policy()))
    }

    fn default_policy(&self) -> SyncPolicy {
        let secrets = (self.secrets == SyncSecrets::All).then_some(("", "secrets"));
        let resources = RESOURCES
            .into_iter()
            .chain(secrets)
            .map(|(group, resource)| ResourceRef {
                group: group.to_owned(),
                resource: resource.to_owned(),
            });
        let mut spec = SyncPolicySpec {
            resources: resources.collect(),
            ..SyncPolicySpec::default()
        };
        spec.conflict.strategy = self.strategy;
        if let Some(interval) = self.status_interval {
            spec.status.interval = interval;
        }
        SyncPolicy {
            name: DEFAULT_POLICY.to_owned(),
            spec,
        }
    }
}

fn sync_target(option: &TargetOption) -> Document {
    Document::SyncTarget(Arc::new(SyncTarget {
        name: option.name.as_str().to_owned(),
        uid: String::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: SyncTargetSpec {
            kubeconfig_file: Some(option.kubeconfig.file.display().to_string()),
            kubeconfig_context: option.kubeconfig.context.clone(),
            ..SyncTargetSpec::default()
        },
    }))
}
