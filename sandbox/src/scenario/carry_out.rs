//! Doing what a script says.

use serde_json::{Value, json};

use super::{Act, ObjectName, Script, Step, plan::Team};
use crate::{ApiServer, Fleet, Hand, Reach, Refused};

/// The upstream, where a script names a server.
pub(super) const UPSTREAM: &str = "upstream";

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was done.
    Yes,
    /// There was nothing to do it to: the object has not arrived on that target, or is gone from it.
    NothingThere,
}

// === impl Script ===

impl Script {
    /// Makes the namespaces of all teams upstream.
    pub fn prepare(&self, fleet: &Fleet) -> Result<(), Refused> {
        let hand = Hand::at(&fleet.upstream, "kubectl");
        for team in &self.teams {
            let body = json!({"metadata": {"name": team.namespace, "labels": {"team": team.name}}});
            hand.create(&format!("{}/api/v1/namespaces", team.base), &body)?;
        }
        Ok(())
    }

    /// Does what `step` says.
    ///
    /// # Errors
    /// A server refuses it, which is a mistake in the script.
    pub fn carry_out(&self, step: &Step, fleet: &Fleet) -> Result<Done, Refused> {
        let people = Hand::at(&fleet.upstream, "kubectl");
        let on = |target: &str| server(fleet, target).map(|server| Hand::at(server, "kubectl-edit"));
        match &step.act {
            Act::Create { object, body } => people.create(&self.collection(object), body).map(|_| Done::Yes),
            Act::Edit { object, change } => people.merge(&self.path(object), change).map(|_| Done::Yes),
            Act::Delete { object } => people.delete(&self.path(object)).map(|_| Done::Yes),
            Act::Drift { target, object, change } => self.change_copy(&on(target)?, object, change),
            Act::Loss { target, object } => {
                let hand = on(target)?;
                match self.copy(&hand, object) {
                    Some(path) => hand.delete(&path).map(|_| Done::Yes),
                    None => Ok(Done::NothingThere),
                }
            }
            Act::Conflict {
                target,
                object,
                upstream,
                downstream,
            } => {
                let done = self.change_copy(&on(target)?, object, downstream)?;
                people.merge(&self.path(object), upstream)?;
                Ok(done)
            }
            Act::TargetDies { target } => {
                server(fleet, target)?.faults().set_reach(Reach::Refused);
                Ok(Done::Yes)
            }
            Act::TargetReturns { target } => {
                server(fleet, target)?.faults().set_reach(Reach::Up);
                Ok(Done::Yes)
            }
            Act::TroubleBegins { server: name, trouble } => {
                trouble.begin(server(fleet, name)?);
                Ok(Done::Yes)
            }
            Act::TroubleEnds { server: name } => {
                let faults = server(fleet, name)?.faults();
                // A target that is dead as well stays dead.
                let reach = faults.reach();
                faults.clear();
                if reach == Reach::Refused {
                    faults.set_reach(reach);
                }
                Ok(Done::Yes)
            }
            Act::Restart => Ok(Done::Yes),
        }
    }

    /// The path of `object` upstream.
    pub fn path(&self, object: &ObjectName) -> String {
        format!("{}/{}", self.collection(object), object.name)
    }

    fn collection(&self, object: &ObjectName) -> String {
        let (base, namespace) = self
            .team(&object.team)
            .map_or(("", ""), |Team { base, namespace, .. }| (base, namespace));
        format!("{base}{}", object.kind.path_in(namespace))
    }

    fn change_copy(&self, hand: &Hand, object: &ObjectName, change: &Value) -> Result<Done, Refused> {
        match self.copy(hand, object) {
            Some(path) => hand.merge(&path, change).map(|_| Done::Yes),
            None => Ok(Done::NothingThere),
        }
    }

    /// The path of the copy of `object` on a target, whatever its namespace is called there: its marker tells.
    pub(super) fn copy(&self, hand: &Hand, object: &ObjectName) -> Option<String> {
        let team = self.team(&object.team)?;
        let is_copy = |found: &Value| {
            self.origin(found)
                .is_some_and(|origin| origin.namespace == team.namespace)
                && found.pointer("/metadata/name").and_then(Value::as_str) == Some(&object.name)
                && found.pointer("/metadata/deletionTimestamp").is_none()
        };
        // A team without a logical cluster has its namespace under its own name on targets too.
        if team.base.is_empty() {
            let path = format!("{}/{}", object.kind.path_in(&team.namespace), object.name);
            return hand.get(&path).filter(is_copy).map(|_| path);
        }
        let copy = hand.list(&object.kind.path()).into_iter().find(is_copy)?;
        let namespace = copy.pointer("/metadata/namespace")?.as_str()?;
        Some(format!("{}/{}", object.kind.path_in(namespace), object.name))
    }
}

fn server<'a>(fleet: &'a Fleet, name: &str) -> Result<&'a ApiServer, Refused> {
    if name == UPSTREAM {
        return Ok(&fleet.upstream);
    }
    let found = fleet.targets.iter().find(|(known, _)| known == name);
    found.map(|(_, server)| server).ok_or_else(|| Refused {
        code: 404,
        message: format!("there is no target {name}"),
    })
}
