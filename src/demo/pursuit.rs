//! What has been set in motion, followed until it arrives.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use syncer_sandbox::{
    ApiServer, Fleet,
    scenario::{ObjectName, Script},
};
use tokio::time::Instant;

use super::errand::{Cause, Errand, Verdict, Way};

/// What has been set in motion.
pub(super) struct Pursuit<'a> {
    script: &'a Script,
    fleet: &'a Fleet,
    under_way: Vec<Errand>,
    /// The servers that are not well, or were not until just now.
    ill: BTreeSet<String>,
    recovering: BTreeSet<String>,
    /// The versions of all servers when they were looked at last.
    versions: Vec<u64>,
    pub(super) arrived: Arrived,
}

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived {
    /// How long each change took on a clear way.
    pub(super) clear: Vec<Duration>,
    /// How many changes were disturbed.
    pub(super) disturbed: usize,
    /// How many drifts were made and how many were reverted.
    pub(super) drifts: (usize, usize),
    /// How many conflicts came out how.
    pub(super) verdicts: BTreeMap<Verdict, usize>,
}

/// The upstream, where a script names a server.
const UPSTREAM: &str = "upstream";

// === impl Pursuit ===

impl<'a> Pursuit<'a> {
    pub(super) fn new(script: &'a Script, fleet: &'a Fleet) -> Self {
        Self {
            script,
            fleet,
            under_way: Vec::new(),
            ill: BTreeSet::new(),
            recovering: BTreeSet::new(),
            versions: Vec::new(),
            arrived: Arrived::default(),
        }
    }

    /// How many things are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// `object` has to arrive on `target`, or on all of them, as part of the step `step`.
    pub(super) fn begin(&mut self, step: usize, object: &ObjectName, target: Option<&str>, cause: &Cause) {
        let targets = self.fleet.targets.iter().map(|(name, _)| name);
        for name in targets.filter(|name| target.is_none_or(|target| target == *name)) {
            let disturbed = [name.as_str(), UPSTREAM]
                .iter()
                .any(|server| self.ill.contains(*server) || self.recovering.contains(*server));
            // What changes nothing, such as a drift to the same value, needs no way.
            if self.has_arrived(object, name) {
                continue;
            }
            if matches!(cause, Cause::Drift) {
                self.arrived.drifts.0 += 1;
            }
            self.under_way.push(Errand {
                object: object.clone(),
                target: name.clone(),
                since: Instant::now(),
                cause: cause.clone(),
                way: if disturbed { Way::Disturbed } else { Way::Clear },
                step,
            });
        }
    }

    /// `server` is not well.
    pub(super) fn fell_ill(&mut self, server: &str) {
        self.ill.insert(server.to_owned());
        let met = self
            .under_way
            .iter_mut()
            .filter(|errand| server == UPSTREAM || errand.target == server);
        met.for_each(|errand| errand.way = Way::Disturbed);
    }

    /// `server` is well again. What begins before it has caught up is still disturbed.
    pub(super) fn recovered(&mut self, server: &str) {
        if self.ill.remove(server) {
            self.recovering.insert(server.to_owned());
        }
    }

    /// The syncer was killed: whatever is under way was met by that.
    pub(super) fn restarted(&mut self) {
        for errand in &mut self.under_way {
            errand.way = Way::Disturbed;
        }
        self.recovering.insert(UPSTREAM.to_owned());
    }

    /// Looks at all that is under way; returns what has arrived, each with how long that took.
    pub(super) fn look(&mut self) -> Vec<(Errand, Duration)> {
        let targets = self.fleet.targets.iter().map(|(_, server)| server);
        let versions = targets.chain([&self.fleet.upstream]).map(ApiServer::resource_version);
        let versions: Vec<u64> = versions.collect();
        if versions == self.versions {
            return Vec::new();
        }
        self.versions = versions;
        let (arrived, under_way): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|errand| self.has_arrived(&errand.object, &errand.target));
        self.under_way = under_way;
        let arrived: Vec<_> = arrived
            .into_iter()
            .map(|errand| {
                let took = errand.since.elapsed();
                (errand, took)
            })
            .collect();
        for (errand, took) in &arrived {
            self.count(errand, *took);
        }
        let left = &self.under_way;
        let behind = |server: &String| {
            left.iter()
                .any(|errand| *server == UPSTREAM || errand.target == *server)
        };
        self.recovering.retain(behind);
        arrived
    }

    fn has_arrived(&self, object: &ObjectName, target: &str) -> bool {
        self.script.difference(self.fleet, object, target).is_none()
    }

    fn count(&mut self, errand: &Errand, took: Duration) {
        match &errand.cause {
            Cause::Change if errand.way == Way::Clear => self.arrived.clear.push(took),
            Cause::Change => self.arrived.disturbed += 1,
            Cause::Drift => self.arrived.drifts.1 += 1,
            Cause::Conflict(sides) => {
                let object = self.script.object(self.fleet, &errand.object);
                *self.arrived.verdicts.entry(sides.verdict(object.as_ref())).or_default() += 1;
            }
        }
    }
}
