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

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;
    use syncer_sandbox::FleetOptions;

    use super::*;
    use crate::laws::{Citizen, Law};

    const PATH: &str = "/api/v1/namespaces/red/configmaps/a";

    /// A docket under which `a` is wanted on both targets, and nothing changed for long.
    fn docket() -> Docket {
        let options = FleetOptions {
            targets: 2,
            ..FleetOptions::default()
        };
        let fleet = Fleet::new(&options).unwrap();
        let people = Hand::at(&fleet.upstream, "kubectl");
        let plain = |name: &str| json!({"metadata": {"name": name}});
        people.create("/api/v1/namespaces", &plain("red")).unwrap();
        people.create("/api/v1/namespaces/red/configmaps", &plain("a")).unwrap();
        let names: Vec<String> = fleet.targets.iter().map(|(name, _)| name.clone()).collect();
        let law = Law {
            name: "all".to_owned(),
            kinds: [(String::new(), "configmaps".to_owned())].into(),
            targets: names.iter().cloned().collect(),
            waits: WaitForDownstream::Always,
            abandon_after: MOMENT,
        };
        let laws = Laws {
            policies: vec![law],
            targets: names.into_iter().map(|name| (name, Citizen::default())).collect(),
        };
        Docket {
            fleet,
            laws,
            decreed: Instant::now(),
            touched: BTreeMap::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delete_of_what_is_wanted_is_seen_and_one_of_what_is_not_is_right() {
        let asked = Asked::of(&Request::builder().method("DELETE").uri(PATH).body(()).unwrap());
        let east = Side::Target("east".into());
        let mut docket = docket();
        let observation = Observation::new(&docket.fleet.upstream);
        let is_wrong = |docket: &Docket| docket.sent(&observation, &east, &asked).is_some();
        assert!(!is_wrong(&docket), "within a moment either way is right");
        assert_eq!(observation.deletes().in_passing, 1);
        tokio::time::advance(MOMENT * 2).await;
        assert!(is_wrong(&docket));
        docket.touched.insert(PATH.to_owned(), Instant::now());
        assert!(!is_wrong(&docket), "it was touched just now");
        tokio::time::advance(MOMENT * 2).await;
        assert!(is_wrong(&docket));

        let whole = docket.laws.clone();
        docket.laws.policies.clear();
        assert!(!is_wrong(&docket), "no policy wants it");
        docket.laws = whole.clone();
        docket.laws.targets.entry("east".to_owned()).or_default().drained = Drained::Yes;
        assert!(!is_wrong(&docket), "the target is drained");
        docket.laws = whole.clone();
        docket.laws.targets.remove("east");
        assert!(is_wrong(&docket), "what an unlisted target holds stays");
        docket.laws = whole;
        Hand::at(&docket.fleet.upstream, "kubectl").delete(PATH).unwrap();
        assert!(!is_wrong(&docket), "it is gone upstream");
    }
}
