//! A workload controller: Deployments progress and become ready as in a cluster with nodes, load balancers get addresses.

mod balancer;
mod rollout;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use syncer_core::Gvr;
use tokio::sync::watch;

use crate::{
    ApiServer,
    registry::Resource,
    request::options::{FieldValidation, Origin, Run, WriteOptions},
    state::Subject,
    store::{key::Key, stored::Stored},
    write::{Claim, Part, form::Arrival, update::Replacement},
};
use rollout::Template;

/// What a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Everything has arrived: nothing happens until something changes.
    Settled,
    /// Something is on its way.
    Moving,
}

/// How workloads behave.
#[derive(Clone, Debug)]
pub struct WorkloadPlan {
    /// The time from one step of a rollout to the next.
    pub step: Duration,
    /// How many pods become ready in one step.
    pub pods_per_step: i64,
    /// Images that contain this never become ready.
    pub broken: String,
}

/// The controller of one server.
#[derive(Debug)]
pub struct Workloads {
    server: ApiServer,
    plan: WorkloadPlan,
    deployments: Follower,
    services: Follower,
    /// The template that the updated pods of each Deployment run, by UID.
    templates: BTreeMap<Box<str>, u64>,
}

/// What is still to be looked at of one resource.
#[derive(Debug)]
struct Follower {
    gvr: Gvr,
    collection: Arc<str>,
    cursor: u64,
    open: BTreeSet<Key>,
    woken: watch::Receiver<u64>,
}

const MANAGER: &str = "kube-controller-manager";

// === impl WorkloadPlan ===

impl Default for WorkloadPlan {
    fn default() -> Self {
        Self {
            step: Duration::from_millis(200),
            pods_per_step: 2,
            broken: "broken".to_owned(),
        }
    }
}

// === impl Follower ===

impl Follower {
    fn new(server: &ApiServer, gvr: Gvr) -> Self {
        let collection: Arc<str> = gvr.to_string().into();
        let woken = server.0.state.lock().store.collection_mut(&collection).subscribe();
        Self {
            gvr,
            collection,
            cursor: 0,
            open: BTreeSet::new(),
            woken,
        }
    }

    /// Takes note of what has changed; of everything, where the history does not reach back (S10).
    fn gather(&mut self, server: &ApiServer) {
        self.woken.mark_unchanged();
        let state = server.0.state.lock();
        let Some(collection) = state.store.collection(&self.collection) else {
            return;
        };
        match collection.since(self.cursor, usize::MAX) {
            Ok(changes) => self.open.extend(changes.into_iter().map(|change| change.key)),
            Err(_) => self.open.extend(
                collection
                    .range(&Key::prefix(None, None), None)
                    .map(|(key, _)| key.clone()),
            ),
        }
        self.cursor = state.store.version();
    }

    /// The objects that are still to be looked at.
    fn objects(&mut self, server: &ApiServer) -> Vec<(Key, Arc<Stored>)> {
        let state = server.0.state.lock();
        let Some(collection) = state.store.collection(&self.collection) else {
            return Vec::new();
        };
        self.open.retain(|key| collection.get(key).is_some());
        self.open
            .iter()
            .filter_map(|key| Some((key.clone(), collection.get(key)?)))
            .collect()
    }
}

// === impl Workloads ===

impl Workloads {
    /// The controller of `server`.
    pub fn new(server: &ApiServer, plan: WorkloadPlan) -> Self {
        let deployments = Follower::new(server, Gvr::new("apps", "v1", "deployments"));
        let services = Follower::new(server, Gvr::new("", "v1", "services"));
        Self {
            server: server.clone(),
            plan,
            deployments,
            services,
            templates: BTreeMap::new(),
        }
    }

    /// Runs for ever: takes every object that has not arrived one step further in each step, and otherwise waits for a change.
    pub async fn run(mut self) {
        loop {
            if self.round() == Round::Settled {
                tokio::select! {
                    biased;
                    _ = self.deployments.woken.changed() => {}
                    _ = self.services.woken.changed() => {}
                }
            } else {
                tokio::time::sleep(self.plan.step).await;
            }
        }
    }

    /// Takes each object that has not arrived one step further.
    pub fn round(&mut self) -> Round {
        let now = self.server.0.now();
        self.deployments.gather(&self.server);
        for (key, object) in self.deployments.objects(&self.server) {
            let deployment = object.value();
            let running = rollout::template(&deployment);
            let before = self.templates.insert(object.uid.clone(), running);
            let template = if before.is_none_or(|before| before == running) {
                Template::Same
            } else {
                Template::Changed
            };
            let step = rollout::step(&deployment, &self.plan, template, &now.seconds());
            if let Some(status) = step.status {
                self.write_status(&self.deployments.gvr, &object, status);
            } else if step.arrived {
                self.deployments.open.remove(&key);
            }
        }
        self.services.gather(&self.server);
        for (key, object) in self.services.objects(&self.server) {
            if let Some(status) = balancer::status(&object.value()) {
                self.write_status(&self.services.gvr, &object, status);
            }
            self.services.open.remove(&key);
        }
        if self.deployments.open.is_empty() {
            Round::Settled
        } else {
            Round::Moving
        }
    }

    /// Writes the status of an object, unless the object has changed meanwhile: then the next round looks at it again.
    fn write_status(&self, gvr: &Gvr, object: &Arc<Stored>, status: Value) {
        let mut state = self.server.0.state.lock();
        let Some(resource): Option<Arc<Resource>> = state.resource(&object.cluster, gvr) else {
            return;
        };
        let subject = Subject::of(&resource, object);
        let Some(old) = state.get(&subject).filter(|old| old.version == object.version) else {
            return;
        };
        let mut new = old.value();
        crate::object::put(&mut new, "status", status);
        let options = WriteOptions {
            manager: MANAGER.to_owned(),
            manager_is_given: true,
            run: Run::Real,
            validation: FieldValidation::Ignore,
            force: None,
            origin: Origin::Server,
        };
        let replacement = Replacement {
            subject: &subject,
            part: Part::Status,
            old: &old,
            new,
            claim: Claim::Update,
            arrival: Arrival::Patch,
        };
        if let Err(refusal) = state.replace(replacement, &options, self.server.0.now()) {
            tracing::warn!(object = ?old, refusal = refusal.message(), "the workload controller of the sandbox could not write a status");
        }
    }
}
