//! What placement has to know of a policy.

use std::sync::Arc;

use super::{RuleError, TargetRules, Writes, selecting};
use crate::{
    config::{FieldOwner, ResourceRef, SyncPolicy, SyncPolicySpec},
    identity::Gvr,
    transform::{Path, Program, Reach, Recipe, reserved},
};

/// A policy.
#[derive(Clone, Debug)]
pub struct PolicyRules {
    /// Its name.
    pub name: Arc<str>,
    /// Its document: how conflicts, status and deletion are dealt with.
    pub policy: Arc<SyncPolicy>,
    /// Its transforms.
    pub program: Arc<Program>,
    /// The targets that it selects, by their index.
    pub(super) targets: Vec<usize>,
    fields: Vec<OwnedField>,
}

/// A field that belongs to one side, whatever the strategy.
#[derive(Clone, Debug)]
struct OwnedField {
    resource: Option<ResourceRef>,
    path: Path,
    owner: FieldOwner,
}

// === impl PolicyRules ===

impl PolicyRules {
    pub(super) fn compile(
        name: &Arc<str>,
        policy: &Arc<SyncPolicy>,
        targets: &[Arc<TargetRules>],
    ) -> Result<Self, Vec<RuleError>> {
        let spec = &policy.spec;
        let mut mistakes = metadata_mistakes(spec);
        if spec.resources.is_empty() {
            mistakes.push(("resources".to_owned(), "name at least one resource".to_owned()));
        }
        let mut fields = Vec::new();
        for (index, rule) in spec.conflict.fields.iter().enumerate() {
            match Path::parse(&rule.path) {
                Ok(path) => fields.push(OwnedField {
                    resource: rule.resource.as_deref().map(selecting::resource),
                    path,
                    owner: rule.owner,
                }),
                Err(error) => mistakes.push((format!("conflict.fields[{index}].path"), error.to_string())),
            }
        }
        let program = Program::compile(&spec.transforms).unwrap_or_else(|errors| {
            mistakes.extend(errors.into_iter().map(|error| (error.path(), error.message)));
            Program::default()
        });
        if !mistakes.is_empty() {
            let error = |(path, message)| RuleError {
                policy: Arc::clone(name),
                path,
                message,
            };
            return Err(mistakes.into_iter().map(error).collect());
        }
        let selected = targets.iter().filter(|rules| {
            let labels = &rules.target.labels;
            spec.targets
                .matches(&rules.name, |key| labels.get(key).map(String::as_str))
        });
        Ok(Self {
            name: Arc::clone(name),
            policy: Arc::clone(policy),
            program: Arc::new(program),
            targets: selected.map(|rules| rules.index).collect(),
            fields,
        })
    }

    /// What is wanted of it.
    pub fn spec(&self) -> &SyncPolicySpec {
        &self.policy.spec
    }

    /// Whether it names the resource `gvr`.
    pub fn names(&self, gvr: &Gvr) -> bool {
        let resources = &self.spec().resources;
        resources.iter().any(|resource| selecting::is_resource(resource, gvr))
    }

    /// The fields of objects of `gvr` that belong to one side, whatever the strategy.
    pub fn owned_fields(&self, gvr: &Gvr) -> impl Iterator<Item = (&Path, FieldOwner)> {
        let of_gvr = move |field: &&OwnedField| {
            let resource = field.resource.as_ref();
            resource.is_none_or(|resource| selecting::is_resource(resource, gvr))
        };
        self.fields
            .iter()
            .filter(of_gvr)
            .map(|field| (&field.path, field.owner))
    }

    /// Whether anything is written for its objects.
    pub fn writes(&self) -> Writes {
        if self.spec().suspend {
            return Writes::Suspended;
        }
        Writes::Allowed
    }

    /// What it changes in objects of `gvr` on their way to `target`.
    pub fn recipe(&self, target: &TargetRules, gvr: &Gvr) -> Recipe {
        let reach = if self.names(gvr) {
            Reach::Named
        } else {
            Reach::TakenAlong
        };
        self.program.recipe(&target.target, gvr, reach)
    }
}

/// Keys in `namespaceMetadata` that are not a policy's to write.
fn metadata_mistakes(spec: &SyncPolicySpec) -> Vec<(String, String)> {
    let maps = [
        ("labels", &spec.namespace_metadata.labels),
        ("annotations", &spec.namespace_metadata.annotations),
    ];
    let keys = maps
        .into_iter()
        .flat_map(|(kind, map)| map.keys().map(move |key| (kind, key)));
    keys.filter(|(_, key)| reserved::is_of_kcp(key))
        .map(|(kind, key)| {
            let message = format!("{key:?} is of kcp's domain, which is ours to write");
            (format!("namespaceMetadata.{kind}"), message)
        })
        .collect()
}
