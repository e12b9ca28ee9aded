//! From a seed to a script.

use std::time::Duration;

use serde::Serialize;

use super::{Kind, Script, draft::Draft};

/// How the values of Secrets begin, so that a leak is found (S8).
pub(super) const SECRET_STEM: &str = "hush-";

/// What a script is drawn from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Who lives upstream; at least one.
    pub teams: Vec<Team>,
    /// The names of the targets; at least one.
    pub targets: Vec<String>,
    /// The kinds of objects; at least one.
    pub kinds: Vec<Kind>,
    /// How many objects are made at the start.
    pub objects: usize,
    /// How many edits, deletions, drifts and conflicts there are.
    pub changes: usize,
    /// How long all of it takes.
    pub length: Duration,
    /// Whether servers get into trouble.
    pub chaos: Chaos,
    /// How often the syncer is killed.
    pub restarts: usize,
}

/// Whether servers get into trouble, beside the target that dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chaos {
    /// They do not.
    Calm,
    /// They do, for about half of the time.
    Wild,
}

/// Somebody upstream, and where their objects are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Team {
    /// The name.
    pub name: String,
    /// What paths begin with: a logical cluster's, or nothing.
    pub base: String,
    /// The namespace.
    pub namespace: String,
}

// === impl Team ===

impl Team {
    /// A team with a workspace of its own.
    pub fn of_workspace(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            base: format!("/clusters/root:{name}"),
            namespace: "shop".to_owned(),
        }
    }

    /// A team with a namespace of a plain upstream.
    pub fn of_namespace(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            base: String::new(),
            namespace: format!("team-{name}"),
        }
    }
}

// === impl Plan ===

impl Plan {
    /// The script.
    pub fn script(&self) -> Script {
        let mut steps = Draft::of(self).steps();
        // Stable: what is at the same time stays in its order.
        steps.sort_by_key(|step| step.at);
        Script {
            seed: self.seed,
            teams: self.teams.clone(),
            kinds: self.kinds.clone(),
            steps,
        }
    }
}
