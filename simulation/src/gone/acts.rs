//! What happens in a world of deletions.

use serde_json::json;
use syncer_core::marker::CLUSTER_LABEL;
use syncer_sandbox::{Hand, Reach, Refused, scenario::Trouble};

use super::{KINDS, NAMESPACES, World, body, heal, is_ours_to_sync, path_of};
use crate::laws::Drained;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Somebody makes an object upstream.
    Create,
    /// Somebody deletes the object at this path upstream.
    Delete(String),
    /// Somebody deletes it and makes it again at once.
    Replace(String),
    /// Somebody deletes a whole namespace upstream, or makes it again.
    Namespace(&'static str),
    /// Somebody deletes the copy of this object on a target.
    Loss(String, String),
    /// Somebody takes our label off the copy of this object on a target.
    Unlabel(String, String),
    /// The policy with this number names other targets, has objects wait or not, or is taken away or made again.
    Policy(usize),
    /// A target is drained, or is not any more.
    Drain(String),
    /// A target refuses a resource, or does not any more.
    Refuse(String, &'static str),
    /// A target is taken off the list, or put on it again.
    List(String),
    /// A target dies.
    Die(String),
    /// All that is dead returns, all troubles end.
    Heal,
    /// Something goes wrong with a server for a while; no name: the upstream.
    Trouble(Option<String>, Trouble),
    /// The syncer is killed and started again.
    Kill,
    /// The syncer is killed; an object goes while nobody looks; it is started again.
    Absence(Vec<String>),
}

// === impl Act ===

impl Act {
    pub(super) fn drawn(world: &mut World) -> Self {
        let target = world.any_target();
        let object = world.any_object();
        match (world.chance.u8(..100), object) {
            (0..16, _) | (16..62, None) => Self::Create,
            (16..32, Some(path)) => Self::Delete(path),
            (32..38, Some(path)) => Self::Replace(path),
            (38..42, Some(path)) => Self::Loss(target, path),
            (42..45, Some(path)) => Self::Unlabel(target, path),
            (45..56, Some(_)) => Self::Policy(world.chance.usize(..KINDS.len())),
            (56..62, Some(_)) => {
                let mut gone = Vec::new();
                for _ in 0..world.chance.usize(1..=4) {
                    gone.extend(world.any_object());
                }
                gone.sort_unstable();
                gone.dedup();
                Self::Absence(gone)
            }
            (62..65, _) => Self::Namespace(if world.chance.bool() { "red" } else { "blue" }),
            (65..70, _) => Self::Drain(target),
            (70..75, _) => Self::Refuse(target, if world.chance.bool() { "services" } else { "configmaps" }),
            (75..80, _) => Self::List(target),
            (80..85, _) => Self::Die(target),
            (85..91, _) => Self::Heal,
            (91..96, _) => {
                let server = world.chance.bool().then_some(target);
                let trouble = world.chance.choice(Trouble::ALL).unwrap_or(Trouble::Slow);
                Self::Trouble(server, trouble)
            }
            _ => Self::Kill,
        }
    }

    pub(super) async fn carry_out(self, world: &mut World) -> Result<(), Refused> {
        let people = Hand::at(&world.fleet.upstream, "kubectl");
        match self {
            Self::Create => world.make_object(),
            Self::Delete(path) => {
                world.touch(&path);
                people.delete(&path).map(drop)
            }
            Self::Replace(path) => world.replace(&path),
            Self::Namespace(name) => world.turn_namespace(name),
            Self::Loss(target, path) => {
                let hand = world.on(&target);
                hand.map_or(Ok(()), |hand| match hand.get(&path) {
                    Some(_) => hand.delete(&path).map(drop),
                    None => Ok(()),
                })
            }
            Self::Unlabel(target, path) => {
                let hand = world.on(&target);
                hand.map_or(Ok(()), |hand| match hand.get(&path) {
                    Some(_) => {
                        let labels = json!({"metadata": {"labels": {CLUSTER_LABEL: null}}});
                        hand.merge(&path, &labels).map(drop)
                    }
                    None => Ok(()),
                })
            }
            Self::Policy(number) => {
                world.turn_policy(number);
                Ok(())
            }
            Self::Drain(target) => {
                if let Some(citizen) = world.laws.targets.get_mut(&target) {
                    citizen.drained = match citizen.drained {
                        Drained::Yes => Drained::No,
                        Drained::No => Drained::Yes,
                    };
                }
                world.decree();
                Ok(())
            }
            Self::Refuse(target, resource) => {
                if let Some(citizen) = world.laws.targets.get_mut(&target)
                    && !citizen.refuses.remove(resource)
                {
                    citizen.refuses.insert(resource.to_owned());
                }
                world.decree();
                Ok(())
            }
            Self::List(target) => {
                // One target at least stays on the list.
                let was_listed = world.laws.targets.len() > 1 && world.laws.targets.remove(&target).is_some();
                if !was_listed {
                    world.laws.targets.entry(target).or_default();
                }
                world.decree();
                Ok(())
            }
            Self::Die(target) => {
                if let Some((_, server)) = world.fleet.targets.iter().find(|(name, _)| *name == target) {
                    server.faults().set_reach(Reach::Refused);
                }
                Ok(())
            }
            Self::Heal => {
                heal(&world.fleet.upstream);
                for (_, server) in &world.fleet.targets {
                    heal(server);
                }
                Ok(())
            }
            Self::Trouble(server, trouble) => {
                let targets = &world.fleet.targets;
                let found = server.and_then(|name| targets.iter().find(|(known, _)| *known == name));
                trouble.begin(found.map_or(&world.fleet.upstream, |(_, server)| server));
                Ok(())
            }
            Self::Kill => {
                world.restart().await;
                Ok(())
            }
            Self::Absence(paths) => {
                if let Some(syncer) = world.syncer.take() {
                    syncer.kill().await;
                }
                for path in paths {
                    world.touch(&path);
                    people.delete(&path)?;
                }
                world.begin();
                Ok(())
            }
        }
    }
}

// === impl World ===

impl World {
    fn any_target(&mut self) -> String {
        let names: Vec<String> = self.fleet.targets.iter().map(|(name, _)| name.clone()).collect();
        self.chance.choice(names).unwrap_or_default()
    }

    /// An object upstream that is not on its way out.
    fn any_object(&mut self) -> Option<String> {
        let hand = Hand::at(&self.fleet.upstream, "observer");
        let objects = KINDS.iter().flat_map(|(_, plural)| {
            let objects = hand.list(&format!("/api/v1/{plural}")).into_iter();
            let present = objects
                .filter(|object| is_ours_to_sync(object) && object.pointer("/metadata/deletionTimestamp").is_none());
            present.map(|object| path_of(plural, &object)).collect::<Vec<_>>()
        });
        let objects: Vec<String> = objects.collect();
        self.chance.choice(objects)
    }

    fn on(&self, target: &str) -> Option<Hand> {
        let mut targets = self.fleet.targets.iter();
        let (_, server) = targets.find(|(name, _)| name == target)?;
        Some(Hand::at(server, "kubectl-edit"))
    }

    pub(super) fn make_namespace(&mut self, name: &str) -> Result<(), Refused> {
        let path = format!("/api/v1/namespaces/{name}");
        let people = Hand::at(&self.fleet.upstream, "kubectl");
        if people.get(&path).is_some() {
            return Ok(());
        }
        self.touch(&path);
        people
            .create("/api/v1/namespaces", &json!({"metadata": {"name": name}}))
            .map(drop)
    }

    fn turn_namespace(&mut self, name: &str) -> Result<(), Refused> {
        let path = format!("/api/v1/namespaces/{name}");
        let people = Hand::at(&self.fleet.upstream, "kubectl");
        match people.get(&path) {
            None => self.make_namespace(name),
            Some(namespace) if namespace.pointer("/metadata/deletionTimestamp").is_some() => Ok(()),
            Some(_) => {
                self.touch(&path);
                people.delete(&path).map(drop)
            }
        }
    }

    pub(super) fn make_object(&mut self) -> Result<(), Refused> {
        let (_, plural) = self.chance.choice(KINDS).unwrap_or(("", "configmaps"));
        let namespace = self.chance.choice(NAMESPACES).unwrap_or("red");
        let people = Hand::at(&self.fleet.upstream, "kubectl");
        let there = people.get(&format!("/api/v1/namespaces/{namespace}"));
        let accepts = there.is_some_and(|namespace| namespace.pointer("/metadata/deletionTimestamp").is_none());
        if !accepts {
            return Ok(());
        }
        let name = format!("o-{}", self.made);
        self.made += 1;
        let collection = format!("/api/v1/namespaces/{namespace}/{plural}");
        self.touch(&format!("{collection}/{name}"));
        let body = body(plural, &name, self.chance.u64(..));
        people.create(&collection, &body).map(drop)
    }

    /// Deletes the object at `path` and makes it again, if nothing holds the old one.
    fn replace(&mut self, path: &str) -> Result<(), Refused> {
        let people = Hand::at(&self.fleet.upstream, "kubectl");
        self.touch(path);
        people.delete(path)?;
        if people.get(path).is_some() {
            return Ok(());
        }
        let Some((collection, name)) = path.rsplit_once('/') else {
            return Ok(());
        };
        let plural = collection.rsplit('/').next().unwrap_or_default();
        let body = body(plural, name, self.chance.u64(..));
        people.create(collection, &body).map(drop)
    }

    fn turn_policy(&mut self, number: usize) {
        let Some(kind) = KINDS.get(number).copied() else { return };
        let mut targets: std::collections::BTreeSet<String> =
            self.fleet.targets.iter().map(|(name, _)| name.clone()).collect();
        targets.retain(|_| self.chance.bool());
        self.laws
            .policies
            .retain(|law| !law.kinds.iter().any(|(_, plural)| plural == kind.1));
        // A policy that names no target would name all: it is taken away.
        if !targets.is_empty() {
            let law = self.law(kind, targets);
            self.laws.policies.push(law);
        }
        // Without a single policy there are no rules to make.
        if self.laws.policies.is_empty() {
            let all = self.fleet.targets.iter().map(|(name, _)| name.clone()).collect();
            let law = self.law(kind, all);
            self.laws.policies.push(law);
        }
        self.decree();
    }
}
