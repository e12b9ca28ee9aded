//! S3 where the rules change: each delete is held against the upstream's own store and the rules of that moment.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use serde_json::Value;
use syncer_core::{
    config::WaitForDownstream,
    naming::{finalizer, target_key},
};
use syncer_sandbox::{Fleet, Hand, Reach};
use tokio::time::Instant;

use super::{Wrong, downstream, upstream};
use crate::{
    laws::{Drained, Laws},
    observation::Observation,
    outcome::Invariant,
    request::Asked,
    wire::{Change, Side},
};

/// Within this after a change either way is right: a proof is a read of a moment before.
const MOMENT: Duration = Duration::from_secs(3);
/// The same for a namespace, before which everything in it is listed.
const LONG_MOMENT: Duration = Duration::from_secs(40);

/// What deletes are checked by.
#[derive(Clone)]
pub(crate) struct Docket {
    pub(crate) fleet: Fleet,
    pub(crate) laws: Laws,
    /// When the rules changed last.
    pub(crate) decreed: Instant,
    /// When upstream objects changed last, by path.
    pub(crate) touched: BTreeMap<String, Instant>,
}

// === impl Docket ===

impl Docket {
    /// What is wrong with a request that is sent.
    pub(crate) fn sent(&self, observation: &Observation, side: &Side, asked: &Asked) -> Option<Wrong> {
        let Side::Target(target) = side else { return None };
        if asked.method != Method::DELETE {
            return None;
        }
        let still = self.still_wanted(target, asked)?;
        let moment = if asked.resource == "namespaces" {
            LONG_MOMENT
        } else {
            MOMENT
        };
        let touched = self.touched.get(&asked.path);
        if self.decreed.elapsed() < moment || touched.is_some_and(|at| at.elapsed() < moment) {
            observation.count_deletes(|deletes| deletes.in_passing += 1);
            return None;
        }
        Some((
            Invariant::S3,
            format!("{} is deleted on {target}, and {still}", asked.path),
        ))
    }

    /// Why `asked` has to stay on `target`; `None` if it has not.
    fn still_wanted(&self, target: &str, asked: &Asked) -> Option<String> {
        let Some(citizen) = self.laws.targets.get(target) else {
            return Some("the target is on no list".to_owned());
        };
        let object = Hand::at(&self.fleet.upstream, "observer").get(&asked.path)?;
        if object.pointer("/metadata/deletionTimestamp").is_some() {
            return None;
        }
        if asked.resource == "namespaces" {
            return (citizen.drained == Drained::No).then(|| "its namespace is there upstream".to_owned());
        }
        let law = self.laws.law_of(&asked.group, &asked.resource, target)?;
        Some(format!("policy {} wants it there", law.name))
    }

    /// What is wrong with a change that a request made.
    pub(crate) fn changed(&self, observation: &Observation, side: &Side, asked: &Asked, change: &Change) -> Vec<Wrong> {
        match side {
            Side::Upstream => {
                let wrong = upstream::changed(asked, change);
                wrong.into_iter().chain(self.left_behind(asked, change)).collect()
            }
            Side::Target(target) => {
                let (fleet, before) = (&self.fleet, change.before.as_ref());
                let foreign = before.filter(|before| {
                    !asked.is_pulse()
                        && !downstream::is_ours(&fleet.upstream, asked, before, downstream::origin(before).as_ref())
                });
                let foreign = foreign.map(|_| {
                    let seen = format!("{} of {} on {target}, which is not ours", asked.method, asked.path);
                    (Invariant::S1, seen)
                });
                let unheld = self.unheld(observation, target, asked, change);
                foreign.into_iter().chain(unheld).collect()
            }
        }
    }

    /// An object that was made on `target` before its upstream object carries the finalizer that it has to have.
    fn unheld(&self, observation: &Observation, target: &str, asked: &Asked, change: &Change) -> Option<Wrong> {
        if change.before.is_some() || change.after.is_none() || self.decreed.elapsed() < MOMENT {
            return None;
        }
        let law = self.laws.law_of(&asked.group, &asked.resource, target)?;
        if law.waits != WaitForDownstream::Always || asked.resource == "namespaces" {
            return None;
        }
        let object = Hand::at(&self.fleet.upstream, "observer").get(&asked.path)?;
        let ours = finalizer(&target_key(&observation.upstream_id(), target));
        (!finalizers(&object).any(|finalizer| finalizer == ours)).then(|| {
            let seen = format!("{} was made on {target} before it waits for it upstream", asked.path);
            (Invariant::S3, seen)
        })
    }

    /// An upstream object went because its last finalizer came off, and a target that can be reached still holds its copy.
    fn left_behind(&self, asked: &Asked, change: &Change) -> Option<Wrong> {
        let (Some(before), None) = (&change.before, &change.after) else {
            return None;
        };
        let uid = before.pointer("/metadata/uid")?.as_str()?;
        let targets = self.fleet.targets.iter();
        let mut listed = targets.filter(|(name, server)| {
            let waits = self.laws.law_of(&asked.group, &asked.resource, name);
            waits.is_some_and(|law| law.waits == WaitForDownstream::Always) && server.faults().reach() == Reach::Up
        });
        let (name, _) = listed.find(|(_, server)| {
            let copy = Hand::at(server, "observer").get(&asked.path);
            let origin = copy.as_ref().and_then(downstream::origin);
            origin.is_some_and(|origin| origin.uid == uid)
        })?;
        if self.decreed.elapsed() < MOMENT {
            return None;
        }
        let seen = format!("{} went upstream before it had left {name}", asked.path);
        Some((Invariant::S7, seen))
    }
}

fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.into_iter().flatten().filter_map(Value::as_str)
}
