//! The endpoints of an upstream, and how far the lists of each have come. A plain API server is one endpoint for ever.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use syncer_clusters::Cluster;
use syncer_core::{Gvr, ResourceType};

/// Names an endpoint as long as it is there; one that comes back is another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EndpointId(u32);

// === impl EndpointId ===

impl EndpointId {
    /// The endpoint with the number `number`.
    #[cfg(test)]
    pub(crate) const fn of(number: u32) -> Self {
        Self(number)
    }
}

impl std::fmt::Display for EndpointId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "endpoint {}", self.0)
    }
}

/// One endpoint.
pub(super) struct Endpoint {
    pub(super) id: EndpointId,
    /// Where it is; empty for the only endpoint of a plain API server.
    pub(super) url: Arc<str>,
    pub(super) cluster: Cluster,
    pub(super) scope: Scope,
    /// What its watchers of objects are called.
    watched: Vec<(Gvr, String)>,
    /// The resources that were listed whole under the present rules, or are not served.
    passed: BTreeSet<Gvr>,
    /// Those of them that are not served for now.
    unserved: BTreeSet<Gvr>,
    /// How often what is not served was asked for again.
    pub(super) tries: u32,
}

/// What an endpoint shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One cluster.
    Plain,
    /// Many workspaces, whose bindings are being listed: before them nothing else is.
    Workspaces,
    /// Many workspaces, whose bindings are known.
    KnownWorkspaces,
}

/// All endpoints that are known now.
pub(super) struct Endpoints {
    known: Vec<Endpoint>,
    /// Outlives an Upstream that is built anew: no two endpoints ever have one number.
    counted: Arc<AtomicU32>,
}

// === impl Endpoint ===

impl Endpoint {
    /// Whether its objects may be followed.
    pub(super) fn is_open(&self) -> bool {
        self.scope != Scope::Workspaces
    }

    /// What its watchers of objects are called.
    pub(super) fn watched(&self) -> impl Iterator<Item = &str> {
        self.watched.iter().map(|(_, key)| key.as_str())
    }

    /// Whether `gvr` was listed whole here under the present rules, or is not served.
    pub(super) fn has_passed(&self, gvr: &Gvr) -> bool {
        self.passed.contains(gvr)
    }

    pub(super) fn is_watched(&self, gvr: &Gvr) -> bool {
        self.watched.iter().any(|(watched, _)| watched == gvr)
    }
}

// === impl Endpoints ===

impl Endpoints {
    pub(super) fn none(counted: Arc<AtomicU32>) -> Self {
        Self {
            known: Vec::new(),
            counted,
        }
    }

    /// An endpoint appeared.
    pub(super) fn add(&mut self, url: &str, cluster: &Cluster, scope: Scope) -> EndpointId {
        let id = EndpointId(self.counted.fetch_add(1, Ordering::Relaxed));
        self.known.push(Endpoint {
            id,
            url: url.into(),
            cluster: cluster.clone(),
            scope,
            watched: Vec::new(),
            passed: BTreeSet::new(),
            unserved: BTreeSet::new(),
            tries: 0,
        });
        id
    }

    /// The endpoint `id` went away.
    pub(super) fn remove(&mut self, id: EndpointId) -> Option<Endpoint> {
        let at = self.known.iter().position(|endpoint| endpoint.id == id)?;
        Some(self.known.remove(at))
    }

    pub(super) fn get(&self, id: EndpointId) -> Option<&Endpoint> {
        self.known.iter().find(|endpoint| endpoint.id == id)
    }

    fn get_mut(&mut self, id: EndpointId) -> Option<&mut Endpoint> {
        self.known.iter_mut().find(|endpoint| endpoint.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.known.iter()
    }

    pub(super) fn ids(&self) -> Vec<EndpointId> {
        self.known.iter().map(|endpoint| endpoint.id).collect()
    }

    /// The bindings of `id` are known.
    pub(super) fn open(&mut self, id: EndpointId) {
        if let Some(endpoint) = self.get_mut(id)
            && endpoint.scope == Scope::Workspaces
        {
            endpoint.scope = Scope::KnownWorkspaces;
        }
    }

    /// The watcher `key` of `gvr` was started at `id`.
    pub(super) fn watch(&mut self, id: EndpointId, gvr: &Gvr, key: &str) {
        if let Some(endpoint) = self.get_mut(id) {
            endpoint.watched.push((gvr.clone(), key.to_owned()));
        }
    }

    /// Forgets how far the lists are, and returns the watchers to be stopped.
    pub(super) fn begin_anew(&mut self) -> Vec<String> {
        let mut stopped = Vec::new();
        for endpoint in &mut self.known {
            endpoint.passed.clear();
            endpoint.unserved.clear();
            stopped.extend(endpoint.watched.drain(..).map(|(_, key)| key));
        }
        stopped
    }

    /// Forgets the watchers of what `id` does not serve, and returns them with their resources, to be begun anew.
    pub(super) fn ask_again(&mut self, id: EndpointId) -> Vec<(Gvr, String)> {
        let Some(endpoint) = self.get_mut(id) else {
            return Vec::new();
        };
        let unserved = &endpoint.unserved;
        endpoint.tries = endpoint.tries.wrapping_add(1);
        let again = endpoint.watched.extract_if(.., |(gvr, _)| unserved.contains(gvr));
        again.collect()
    }

    /// The rules changed: what was listed says nothing about them.
    pub(super) fn unlist(&mut self) {
        for endpoint in &mut self.known {
            endpoint.passed.clear();
        }
    }

    /// `gvr` was listed whole at `id`; says whether that is the first time under these rules.
    pub(super) fn listed(&mut self, id: EndpointId, gvr: &Gvr) -> bool {
        self.get_mut(id).is_some_and(|endpoint| {
            endpoint.unserved.remove(gvr);
            endpoint.passed.insert(gvr.clone())
        })
    }

    /// `gvr` is not served at `id` for now; says whether that is news. Nobody waits for it.
    pub(super) fn unserved(&mut self, id: EndpointId, gvr: &Gvr) -> bool {
        self.get_mut(id).is_some_and(|endpoint| {
            endpoint.passed.insert(gvr.clone());
            endpoint.unserved.insert(gvr.clone())
        })
    }

    /// Whether everything of `gvr` was told: there is an endpoint, and all are through with it.
    pub(super) fn is_listed(&self, gvr: &Gvr) -> bool {
        !self.known.is_empty() && self.known.iter().all(|endpoint| endpoint.passed.contains(gvr))
    }

    /// Whether all endpoints are through with `resources`; none counts as through.
    pub(super) fn are_through(&self, resources: &[ResourceType]) -> bool {
        let through = |endpoint: &Endpoint| {
            let mut resources = resources.iter();
            resources.all(|resource| endpoint.passed.contains(&resource.gvr))
        };
        self.known.iter().all(through)
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::Scope as ResourceScope;

    use super::*;
    use crate::upstream::tests::unanswered;

    fn resource(name: &str) -> ResourceType {
        ResourceType {
            gvr: Gvr::new("", "v1", name),
            kind: name.into(),
            scope: ResourceScope::Namespaced,
        }
    }

    #[test]
    fn everything_is_told_when_all_endpoints_are_through_and_no_endpoint_is_through_by_itself() {
        let mut endpoints = Endpoints::none(Arc::default());
        let (maps, secrets) = (resource("configmaps"), resource("secrets"));
        let all = [maps.clone(), secrets.clone()];
        assert!(endpoints.are_through(&all));
        assert!(
            !endpoints.is_listed(&maps.gvr),
            "nothing was told, so nothing is absent"
        );
        let [one, two] = ["a", "b"].map(|url| endpoints.add(url, &unanswered(), Scope::Workspaces));
        assert!(!endpoints.are_through(&all));
        assert!(endpoints.listed(one, &maps.gvr) && !endpoints.listed(one, &maps.gvr));
        assert!(!endpoints.is_listed(&maps.gvr));
        assert!(endpoints.listed(two, &maps.gvr));
        assert!(endpoints.is_listed(&maps.gvr) && !endpoints.are_through(&all));
        // What is not served is waited for, and holds up nothing.
        assert!(endpoints.unserved(one, &secrets.gvr) && !endpoints.unserved(one, &secrets.gvr));
        endpoints.remove(two);
        assert!(endpoints.are_through(&all));
        endpoints.unlist();
        assert!(!endpoints.is_listed(&maps.gvr));
        assert!(!endpoints.listed(two, &maps.gvr), "it is gone");
    }

    #[test]
    fn only_what_is_not_served_is_asked_for_again() {
        let mut endpoints = Endpoints::none(Arc::default());
        let (maps, secrets) = (resource("configmaps").gvr, resource("secrets").gvr);
        let one = endpoints.add("a", &unanswered(), Scope::Workspaces);
        endpoints.watch(one, &maps, "maps");
        endpoints.watch(one, &secrets, "secrets");
        endpoints.listed(one, &maps);
        endpoints.unserved(one, &secrets);
        assert_eq!(endpoints.ask_again(one), [(secrets.clone(), "secrets".to_owned())]);
        assert!(endpoints.ask_again(one).is_empty());
        let endpoint = endpoints.get(one).unwrap();
        assert!(endpoint.is_watched(&maps) && !endpoint.is_watched(&secrets));
        assert_eq!(endpoints.begin_anew(), ["maps"]);
    }

    #[test]
    fn bindings_come_first_and_an_endpoint_that_comes_back_is_another() {
        let mut endpoints = Endpoints::none(Arc::default());
        let first = endpoints.add("a", &unanswered(), Scope::Workspaces);
        assert!(!endpoints.get(first).unwrap().is_open());
        endpoints.open(first);
        assert!(endpoints.get(first).unwrap().is_open());
        endpoints.remove(first);
        assert_ne!(endpoints.add("a", &unanswered(), Scope::Workspaces), first);
        let plain = endpoints.add("", &unanswered(), Scope::Plain);
        assert!(endpoints.get(plain).unwrap().is_open());
    }
}
