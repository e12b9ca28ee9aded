//! A configuration, compiled.

use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{Excluded, Facts, Placement, PlacementOptions, PolicyRules, Secrets, TargetRules, Verdict, decide};
use crate::{
    config::{Configuration, DeletionMode, ResourceRef},
    dependencies::DependencyKind,
    identity::{Gvr, Scope},
    protect::{self, ClusterScoped, Protection},
};

/// All that decides where objects belong. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    targets: Vec<Arc<TargetRules>>,
    /// Higher priority first, then by name.
    policies: Vec<Arc<PolicyRules>>,
    resources: BTreeSet<ResourceRef>,
    secrets: Secrets,
    protection: Protection,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SyncPolicy {policy}: {path}: {message}")]
pub struct RuleError {
    /// Its name.
    pub policy: Arc<str>,
    /// Where in its spec, such as `transforms[2].set.path`.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

// === impl Rules ===

impl Rules {
    /// Compiles `configuration` as if no target were ever drained, or says what is wrong with every policy.
    pub fn compile(configuration: &Configuration, options: PlacementOptions) -> Result<Self, Vec<RuleError>> {
        Self::compile_at(configuration, options, Timestamp::MIN)
    }

    /// Compiles `configuration` as it is at `now`: targets whose `evictAfter` is over are drained. They hold until
    /// [`Rules::next_eviction`].
    pub fn compile_at(
        configuration: &Configuration,
        options: PlacementOptions,
        now: Timestamp,
    ) -> Result<Self, Vec<RuleError>> {
        let targets: Vec<Arc<TargetRules>> = configuration
            .targets
            .iter()
            .enumerate()
            .map(|(index, (name, target))| {
                Arc::new(TargetRules::new(name, index, target, options.default_mapping, now))
            })
            .collect();
        let mut policies = Vec::with_capacity(configuration.policies.len());
        let mut errors = Vec::new();
        for (name, policy) in &configuration.policies {
            match PolicyRules::compile(name, policy, &targets) {
                Ok(rules) => policies.push(Arc::new(rules)),
                Err(mistakes) => errors.extend(mistakes),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        policies.sort_by_key(|rules| (Reverse(rules.spec().priority), Arc::clone(&rules.name)));
        let mut protection = options.protection;
        let references = configuration
            .targets
            .values()
            .filter_map(|target| target.spec.kubeconfig_secret_ref.as_ref());
        protection
            .target_secrets
            .extend(references.map(|secret| (secret.namespace.clone(), secret.name.clone())));
        let resources = resources(&policies, options.secrets);
        Ok(Self(Arc::new(Compiled {
            targets,
            policies,
            resources,
            secrets: options.secrets,
            protection,
        })))
    }

    /// All resources that have to be followed upstream; Namespaces always.
    pub fn resources(&self) -> &BTreeSet<ResourceRef> {
        &self.0.resources
    }

    /// The targets, by name.
    pub fn targets(&self) -> &[Arc<TargetRules>] {
        &self.0.targets
    }

    /// The target called `name`.
    pub fn target(&self, name: &str) -> Option<&Arc<TargetRules>> {
        self.0.targets.iter().find(|target| *target.name == *name)
    }

    /// When the next target is drained: the rules have to be compiled again then.
    pub fn next_eviction(&self) -> Option<Timestamp> {
        self.0.targets.iter().filter_map(|target| target.next_eviction()).min()
    }

    /// The policies in the order in which they decide.
    pub fn policies(&self) -> &[Arc<PolicyRules>] {
        &self.0.policies
    }

    /// What the policy called `name` says about objects that have to go; `None` if there is no such policy.
    pub fn deletion_mode(&self, name: &str) -> Option<DeletionMode> {
        let policy = self.0.policies.iter().find(|policy| *policy.name == *name);
        policy.map(|policy| policy.spec().deletion.mode)
    }

    /// Where an object belongs.
    pub fn place(&self, facts: &Facts<'_>) -> Verdict {
        let protected = self.0.protection.of(
            facts.key,
            protect::Facts {
                scope: facts.resource.scope,
                // Whether a policy allows them is looked at policy by policy.
                cluster_scoped_allowed: ClusterScoped::Allowed,
                secret_type: facts.secret_type,
            },
        );
        if let Some(protected) = protected {
            return Verdict::Decided(Placement {
                excluded: Some(Excluded::Protected(protected)),
                ..Placement::default()
            });
        }
        match decide::decide(self, facts) {
            Ok(placement) => Verdict::Decided(placement),
            Err(undecided) => Verdict::Undecided(undecided),
        }
    }

    /// Whether `policy` takes objects of `gvr` along where pods name them.
    pub(super) fn takes_along(&self, policy: &PolicyRules, gvr: &Gvr) -> bool {
        policy.spec().dependencies
            && DependencyKind::of(gvr).is_some_and(|kind| takes_kind_along(policy, kind, self.0.secrets))
    }

    /// Whether `policy` may place objects of this scope.
    pub(super) fn allows_scope(policy: &PolicyRules, scope: Scope) -> bool {
        scope == Scope::Namespaced || policy.spec().allow_cluster_scoped
    }
}

fn takes_kind_along(policy: &PolicyRules, kind: DependencyKind, secrets: Secrets) -> bool {
    if kind != DependencyKind::Secret || secrets == Secrets::Allowed {
        return true;
    }
    policy.spec().resources.contains(&of_core(kind.resource()))
}

fn of_core(resource: &str) -> ResourceRef {
    ResourceRef {
        group: String::new(),
        resource: resource.to_owned(),
    }
}

fn resources(policies: &[Arc<PolicyRules>], secrets: Secrets) -> BTreeSet<ResourceRef> {
    let mut resources = BTreeSet::from([of_core("namespaces")]);
    for policy in policies {
        resources.extend(policy.spec().resources.iter().cloned());
        if policy.spec().dependencies {
            let kinds = DependencyKind::ALL.into_iter();
            let taken = kinds.filter(|kind| takes_kind_along(policy, *kind, secrets));
            resources.extend(taken.map(|kind| of_core(kind.resource())));
        }
    }
    resources
}
