//! Documents held against each other.

use std::{collections::BTreeMap, sync::Arc};

use super::{Document, DocumentPath, Problem};
use crate::config::{Configuration, SyncPolicy, schema::SYNC_TARGET};

/// A set that holds together, and what is odd about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// The set.
    pub configuration: Configuration,
    /// What may be meant so, but should be looked at.
    pub warnings: Vec<SetProblem>,
}

/// Something wrong or odd between documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetProblem {
    /// The document, counted from 0 in the order given.
    pub document: usize,
    /// What.
    pub problem: Problem,
}

/// The set that `documents` make, or all that is wrong between them.
pub fn set(documents: Vec<Document>) -> Result<Checked, Vec<SetProblem>> {
    let twice = named_twice(&documents);
    if !twice.is_empty() {
        return Err(twice);
    }
    let mut configuration = Configuration::default();
    let mut policies = Vec::new();
    for (at, document) in documents.into_iter().enumerate() {
        match document {
            Document::SyncTarget(target) => {
                configuration.targets.insert(target.name.as_str().into(), target);
            }
            Document::SyncPolicy(policy) => {
                policies.push((at, Arc::clone(&policy)));
                configuration.policies.insert(policy.name.as_str().into(), policy);
            }
        }
    }
    let warnings = policies
        .iter()
        .flat_map(|(document, policy)| {
            let problems = odd(policy, &configuration).into_iter();
            problems.map(|problem| SetProblem {
                document: *document,
                problem,
            })
        })
        .collect();
    Ok(Checked {
        configuration,
        warnings,
    })
}

fn named_twice(documents: &[Document]) -> Vec<SetProblem> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let identity = (document.kind(), document.name());
        if seen.insert(identity, at).is_none() {
            continue;
        }
        let path = DocumentPath::default().field("metadata").field("name");
        let message = format!(
            "there are two documents {} {}: rename or remove one",
            identity.0, identity.1
        );
        problems.push(SetProblem {
            document: at,
            problem: path.problem(message),
        });
    }
    problems
}

/// What is odd about a policy among these targets.
fn odd(policy: &SyncPolicy, configuration: &Configuration) -> Vec<Problem> {
    let spec = DocumentPath::default().field("spec");
    let mut problems = Vec::new();
    let names = spec.field("targets").field("names");
    for (index, name) in policy.spec.targets.names.iter().enumerate() {
        if !configuration.targets.contains_key(name.as_str()) {
            let message = format!(
                "there is no {} {name} yet: nothing goes there until there is",
                SYNC_TARGET.kind
            );
            problems.push(names.item(index).problem(message));
        }
    }
    let selects_one = configuration.targets.values().any(|target| {
        let label = |key: &str| target.labels.get(key).map(String::as_str);
        policy.spec.targets.matches(&target.name, label)
    });
    if !selects_one && policy.spec.targets.names.is_empty() && !configuration.targets.is_empty() {
        problems.push(
            spec.field("targets")
                .problem("selects none of the targets that there are"),
        );
    }
    let secrets = policy
        .spec
        .resources
        .iter()
        .position(|resource| (resource.group.as_str(), resource.resource.as_str()) == ("", "secrets"));
    if let Some(index) = secrets.filter(|_| is_everywhere(policy)) {
        let message = "selects the secrets of every namespace and workspace: limit namespaces, workspaces or objects";
        problems.push(spec.field("resources").item(index).problem(message));
    }
    problems
}

/// Whether a policy selects all objects of its resources.
fn is_everywhere(policy: &SyncPolicy) -> bool {
    let spec = &policy.spec;
    spec.namespaces.names.is_empty()
        && spec.namespaces.selector.is_empty()
        && spec.workspaces.names.is_empty()
        && spec.workspaces.paths.is_empty()
        && spec.objects.is_empty()
}
