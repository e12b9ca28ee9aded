//! What a path shows: one logical cluster, all of them, or what an export may see.

use std::sync::Arc;

use super::{ROOT, binding::EXPORT_LABEL, claims, export::ClaimedResource, resources};
use crate::{
    error::Refusal,
    faults::Verb,
    registry::{Registry, Resource},
    request::path::{ClusterPath, ObjectPath},
    state::State,
};

/// What a path shows.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The logical cluster; all of them without one.
    pub(crate) cluster: Option<Arc<str>>,
    /// The export through which it is seen.
    export: Option<Window>,
}

/// The virtual workspace of an export.
#[derive(Clone, Debug)]
struct Window {
    hash: String,
    exported: Registry,
    claims: Vec<ClaimedResource>,
}

/// How a write is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Execution {
    /// As it came.
    Direct,
    /// As a GET and a PUT: a patch becomes an update of its author.
    Forwarded,
}

/// A resource, as a view shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The resource.
    pub(crate) resource: Arc<Resource>,
    /// The label that its objects must have.
    pub(crate) label: Option<(String, String)>,
    /// How writes are carried out.
    pub(crate) execution: Execution,
}

// === impl View ===

impl View {
    /// What `path`, which is part of `uri`, shows.
    ///
    /// # Errors
    /// There is no such export; on a plain server there are neither logical clusters nor exports.
    pub(crate) fn open(state: &State, path: &ClusterPath, uri: &str) -> Result<Self, Refusal> {
        let Some(kcp) = &state.kcp else {
            return match path {
                ClusterPath::Base => Ok(Self {
                    cluster: Some("".into()),
                    export: None,
                }),
                _ => Err(Refusal::bare()),
            };
        };
        // One that is not there is known by the name that it was asked for, and shows nothing.
        let cluster = |name: &str| (name != "*").then(|| kcp.resolve(name).unwrap_or_else(|| name.into()));
        match path {
            ClusterPath::Base => Ok(Self {
                cluster: Some(ROOT.into()),
                export: None,
            }),
            ClusterPath::Cluster(name) => Ok(Self {
                cluster: cluster(name),
                export: None,
            }),
            ClusterPath::Export {
                provider,
                export,
                cluster: name,
            } => {
                let provider: Arc<str> = provider.as_str().into();
                let found = kcp.exports.get(&(provider, export.clone()));
                let export = found.ok_or_else(|| Refusal::no_such_export(uri, export))?;
                let window = Window {
                    hash: export.hash.clone(),
                    exported: export.exported.clone(),
                    claims: export.claims.clone(),
                };
                Ok(Self {
                    cluster: cluster(name),
                    export: Some(window),
                })
            }
        }
    }

    /// The resource at `path`, as this view shows it for `verb`.
    ///
    /// # Errors
    /// It is not served here, or its claim is not accepted.
    pub(crate) fn see(&self, state: &State, path: &ObjectPath, verb: Verb) -> Result<Seen, Refusal> {
        let gvr = &path.gvr;
        let direct = |resource| Seen {
            resource,
            label: None,
            execution: Execution::Direct,
        };
        let Some(window) = &self.export else {
            if let Some(cluster) = &self.cluster
                && !state.registries.contains_key(cluster)
            {
                return Err(Refusal::denied(path, word(verb)));
            }
            return state.lookup(self.cluster.as_deref().unwrap_or(ROOT), gvr).map(direct);
        };
        if let Some(resource) = window.exported.get(gvr) {
            if let Some(cluster) = &self.cluster
                && state
                    .resource(cluster, gvr)
                    .is_none_or(|own| own.collection != resource.collection)
            {
                return Err(Refusal::denied(path, word(verb)));
            }
            return Ok(Seen {
                resource,
                label: None,
                execution: Execution::Forwarded,
            });
        }
        if gvr.group() == resources::bindings().group() && gvr.resource() == resources::bindings().resource() {
            let resource = state.lookup(ROOT, gvr)?;
            if !matches!(verb, Verb::Get | Verb::List | Verb::Watch) {
                return Err(Refusal::no_such_method());
            }
            return Ok(Seen {
                resource,
                label: Some((EXPORT_LABEL.to_owned(), window.hash.clone())),
                execution: Execution::Forwarded,
            });
        }
        let claim = window
            .claims
            .iter()
            .find(|claim| claim.group == gvr.group() && claim.resource == gvr.resource());
        let claim = claim.ok_or_else(|| match self.cluster {
            Some(_) => Refusal::denied(path, word(verb)),
            None => Refusal::bare(),
        })?;
        let resource = state.lookup(ROOT, gvr)?;
        if let Some(cluster) = &self.cluster {
            let mut accepted = state.claims_in(cluster).iter().filter(|own| own.export == window.hash);
            let own = accepted.find(|own| own.claimed.group == claim.group && own.claimed.resource == claim.resource);
            let word = word(verb);
            if own.is_none_or(|own| {
                !own.claimed
                    .verbs
                    .iter()
                    .any(|allowed| allowed == "*" || allowed == word)
            }) {
                return Err(Refusal::denied(path, word));
            }
        }
        let label = claims::label(&window.hash, claim);
        Ok(Seen {
            resource,
            label: Some(label),
            execution: Execution::Forwarded,
        })
    }

    /// How writes are carried out.
    pub(crate) fn execution(&self) -> Execution {
        match self.export {
            Some(_) => Execution::Forwarded,
            None => Execution::Direct,
        }
    }

    /// What discovery shows.
    pub(crate) fn registry(&self, state: &State) -> Option<Registry> {
        let Some(window) = &self.export else {
            return state.registries.get(self.cluster.as_deref().unwrap_or(ROOT)).cloned();
        };
        let mut registry = window.exported.clone();
        let root = state.registries.get(ROOT)?;
        for resource in root.iter() {
            let claimed = window
                .claims
                .iter()
                .any(|claim| claim.group == resource.group() && claim.resource == resource.plural());
            if claimed || resource.plural() == resources::bindings().resource() {
                registry.share(resource);
            }
        }
        Some(registry)
    }
}

/// The verb, as claims spell it.
fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::List => "list",
        Verb::Watch => "watch",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Patch | Verb::Apply => "patch",
        Verb::Delete => "delete",
        Verb::Other => "",
    }
}
