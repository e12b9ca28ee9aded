//! How a Target gets to its cluster: client, and discovery.

use std::{collections::HashMap, sync::Arc, time::Duration};

use syncer_clusters::{Cluster, ConfigError, Error, Served};
use syncer_core::{Gvr, ResourceType, config::NamespaceMapping, naming::SyncTargetLocator};
use tracing::{debug, error, info, warn};

use super::{NamespaceNames, Stage, Target, TargetMessage, same_cluster::refuse_upstream};
use crate::{
    reconciler::Downstream,
    runtime::{Context, Exponential, Failure},
    schemas::Schemas,
    status_propagator::StatusReporter,
    target_report::{Reach, ServedState, SyncedResource},
    upstream::UpstreamMessage,
};

/// How long a kubeconfig that cannot be used is left alone before it is read again.
const KUBECONFIG_RETRY: Duration = Duration::from_secs(15);

/// How long an Upstream whose mailbox is full is left alone.
const ROSTER_RETRY: Duration = Duration::from_millis(50);

/// The delays between tries to reach a target that was not reached yet.
const DISCOVERY_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

impl Target {
    pub(super) fn connect(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let connect = self.settings.connect.clone();
        ctx.request(async move {
            // It reads files: not on a thread that others wait for.
            let connected = tokio::task::spawn_blocking(move || connect()).await;
            match connected {
                Ok(connected) => TargetMessage::Connected(connected.map_err(Arc::new)),
                Err(_) => TargetMessage::TryAgain,
            }
        })?;
        Ok(())
    }

    pub(super) fn not_connected(&mut self, cause: &ConfigError, ctx: &mut Context<Self>) {
        error!(target = %self.settings.name, retry_in = ?KUBECONFIG_RETRY, "cannot use the target's kubeconfig: {cause}");
        self.tell_unreachable(&cause.to_string());
        let cause = cause.to_string().into();
        self.out_of_reach(Reach::NoKubeconfig { cause }, ctx);
        self.later(KUBECONFIG_RETRY, ctx);
    }

    pub(super) fn connected(&mut self, cluster: &Cluster, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.stage = Stage::Discovering(cluster.clone());
        let (cluster, upstream) = (cluster.clone(), self.upstream.id.clone());
        let (names, selector) = (self.names(), self.selector());
        ctx.request(async move {
            match refuse_upstream(&cluster, &upstream).await {
                Ok(None) => {}
                Ok(Some(refused)) => return TargetMessage::Connected(Err(refused)),
                Err(error) => return TargetMessage::Discovered(Err(error)),
            }
            let served = match cluster.discover().await {
                Ok(served) => served,
                Err(cause) => return TargetMessage::Discovered(Err(cause)),
            };
            let names = names.with_inheritance(&cluster, &served, selector).await;
            TargetMessage::Discovered(names.map(|names| (served, names)))
        })?;
        Ok(())
    }

    pub(super) fn not_discovered(&mut self, cause: &Error, ctx: &mut Context<Self>) {
        self.turns.connection_failures = self.turns.connection_failures.saturating_add(1);
        let (first, last) = DISCOVERY_RETRY;
        let failures = self.turns.connection_failures;
        let delay = Exponential::nth(first, last, failures, ctx.chance());
        // Said more and more rarely; what is said every few seconds is read by nobody.
        if failures.is_power_of_two() {
            error!(target = %self.settings.name, failures, retry_in = ?delay, "cannot ask the target what it serves: {cause}");
        } else {
            debug!(target = %self.settings.name, failures, retry_in = ?delay, "still cannot ask the target what it serves: {cause}");
        }
        let said: Box<str> = cause.to_string().into();
        // What fails once may pass.
        if failures > 1 {
            self.tell_unreachable(&said);
        }
        if cause.is_unreachable() {
            self.out_of_reach(Reach::Unreachable { cause: said }, ctx);
        } else {
            self.upstream.reports.refused(&self.settings.name, "discovery", &said);
            self.out_of_reach(Reach::Reached, ctx);
        }
        self.later(delay, ctx);
    }

    pub(super) fn discovered(&mut self, served: &Served, names: &NamespaceNames, ctx: &mut Context<Self>) {
        let Stage::Discovering(cluster) = &self.stage else {
            return;
        };
        let cluster = cluster.clone();
        let resources = self.common(served);
        let missing = self.upstream.resources.iter();
        for wanted in missing.filter(|wanted| !resources.contains_key(&wanted.gvr)) {
            warn!(
                target = %self.settings.name, kind = %wanted.gvr,
                "the target does not serve this resource: nothing of it goes there until it does"
            );
        }
        info!(target = %self.settings.name, server = cluster.server(), "connected to the target");
        self.tell_resources(&resources);
        self.follow_heartbeat(&cluster, ctx);
        let mut watched: Vec<_> = resources.values().cloned().collect();
        watched.sort_unstable_by(|one, other| one.gvr.cmp(&other.gvr));
        let downstream = self.downstream((&cluster, names), served, resources, ctx);
        self.stage = Stage::Syncing(Arc::new(downstream));
        self.follow_health(&cluster, ctx);
        self.enter_roster(ctx);
        let reporter = StatusReporter::new(self.upstream.status.clone(), self.settings.name.clone());
        self.watch_slices(&cluster, served, &watched, &reporter, ctx);
        for resource in watched {
            self.watch_objects((&cluster, names), resource, &reporter, ctx);
        }
        self.sweep(&cluster, served, names, ctx);
        self.look_for_missing_kinds_later(ctx);
    }

    /// The resources that both sides serve in the same version, as `served` by the target.
    pub(super) fn common(&self, served: &Served) -> HashMap<Gvr, ResourceType> {
        let wanted = self.upstream.resources.iter();
        let found = wanted.filter_map(|wanted| {
            let resource = served.resource_type(wanted.gvr.group(), wanted.gvr.resource())?;
            (resource.gvr == wanted.gvr).then(|| (wanted.gvr.clone(), resource))
        });
        found.collect()
    }

    /// Tells how the target serves what is wanted: `resources` are those that it does serve.
    pub(super) fn tell_resources(&self, resources: &HashMap<Gvr, ResourceType>) {
        let wanted = self.upstream.resources.iter();
        let synced = wanted.map(|wanted| SyncedResource {
            group: wanted.gvr.group().into(),
            resource: wanted.gvr.resource().into(),
            versions: vec![wanted.gvr.version().into()],
            state: if resources.contains_key(&wanted.gvr) {
                ServedState::Pending
            } else {
                ServedState::Incompatible
            },
        });
        self.upstream.reports.resources(&self.settings.name, synced.collect());
    }

    /// The target as its Reconcilers see it from here on.
    pub(super) fn downstream(
        &self,
        (cluster, names): (&Cluster, &NamespaceNames),
        served: &Served,
        resources: HashMap<Gvr, ResourceType>,
        ctx: &Context<Self>,
    ) -> Downstream {
        Downstream {
            name: self.settings.name.clone(),
            key: self.key.clone(),
            previous_key: self.previous_key.clone(),
            upstream_id: self.upstream.id.clone(),
            upstream: self.upstream.cluster.rehearsing_for(&self.settings.name),
            continuity: self.upstream.continuity.clone(),
            rulebooks: self.upstream.rulebooks.clone(),
            references: self.upstream.references.clone(),
            namespaces: self.upstream.namespaces.clone(),
            workspaces: self.upstream.workspaces.clone(),
            bodies: self.upstream.bodies.clone(),
            names: names.clone(),
            cluster: cluster.clone(),
            resources,
            served: served.clone(),
            writes: self.writes,
            preview: self.upstream.preview.clone(),
            gate: self.upstream.gate.clone(),
            schemas: Schemas::default(),
            arbiter: self.upstream.arbiter.clone(),
            clock: ctx.clock().clone(),
            events: self.upstream.events.clone(),
            reports: self.upstream.reports.clone(),
            metrics: self.upstream.metrics.clone(),
        }
    }

    /// How upstream namespaces are called here.
    fn names(&self) -> NamespaceNames {
        let rulebook = self.upstream.rulebooks.borrow().clone();
        let rules = rulebook.rules.target(&self.settings.name);
        let mapping = rules.map_or(NamespaceMapping::Identity, |rules| rules.mapping);
        let sync_target = SyncTargetLocator {
            cluster: self.home.to_string(),
            name: self.settings.name.to_string(),
            uid: self.settings.uid.to_string(),
        };
        NamespaceNames::new(self.upstream.id.clone(), sync_target, mapping).succeeding(self.previous.clone())
    }

    /// Takes orders from here on: the Upstream tells everything that it knows.
    fn enter_roster(&mut self, ctx: &mut Context<Self>) {
        let name = self.settings.name.clone();
        self.upstream.roster.insert(name.clone(), self.intake.orders());
        if self
            .upstream
            .address
            .try_offer(UpstreamMessage::TargetEntered(name))
            .is_err()
        {
            self.later(ROSTER_RETRY, ctx);
        }
    }

    pub(super) fn try_again(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match &self.stage {
            // The kubeconfig is read again too: it may be what was wrong.
            Stage::Connecting | Stage::Discovering(_) => self.connect(ctx),
            Stage::Syncing(_) => {
                self.enter_roster(ctx);
                Ok(())
            }
        }
    }

    fn later(&mut self, delay: Duration, ctx: &mut Context<Self>) {
        self.turns.retry = Some(ctx.after(delay, TargetMessage::TryAgain));
    }
}
