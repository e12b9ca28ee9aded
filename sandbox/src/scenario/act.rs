//! What may happen.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::{Kind, Trouble, plan::Team};

/// All that happens, in its order.
#[derive(Clone, Debug, Serialize)]
pub struct Script {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// Who lives upstream.
    pub teams: Vec<Team>,
    /// The kinds of objects that it is about.
    pub kinds: Vec<Kind>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One thing that happens.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// When, in milliseconds after the start.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// What happens.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Somebody makes an object upstream.
    Create {
        /// The object.
        object: ObjectName,
        /// What it is made of.
        body: Value,
    },
    /// Somebody changes an object upstream.
    Edit {
        /// The object.
        object: ObjectName,
        /// The change, as a merge patch.
        change: Value,
    },
    /// Somebody deletes an object upstream.
    Delete {
        /// The object.
        object: ObjectName,
    },
    /// Somebody changes an object on a target.
    Drift {
        /// The target.
        target: String,
        /// The object.
        object: ObjectName,
        /// The change, as a merge patch.
        change: Value,
    },
    /// Somebody deletes an object on a target.
    Loss {
        /// The target.
        target: String,
        /// The object.
        object: ObjectName,
    },
    /// Both sides change the same field to different values.
    Conflict {
        /// The target.
        target: String,
        /// The object.
        object: ObjectName,
        /// The change upstream.
        upstream: Value,
        /// The change on the target.
        downstream: Value,
    },
    /// A target is gone.
    TargetDies {
        /// The target.
        target: String,
    },
    /// It is back.
    TargetReturns {
        /// The target.
        target: String,
    },
    /// Something begins to go wrong with a server.
    TroubleBegins {
        /// The server: a target, or `upstream`.
        server: String,
        /// What goes wrong.
        trouble: Trouble,
    },
    /// It is over.
    TroubleEnds {
        /// The server: a target, or `upstream`.
        server: String,
    },
    /// The syncer is killed and started again. Whoever carries out the script does it.
    Restart,
}

/// The name of an object upstream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectName {
    /// Whose it is.
    pub team: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

// === impl Script ===

impl Script {
    /// The team called `name`.
    pub fn team(&self, name: &str) -> Option<&Team> {
        self.teams.iter().find(|team| team.name == name)
    }

    /// When the last step is.
    pub fn length(&self) -> Duration {
        self.steps.last().map_or(Duration::ZERO, Step::at)
    }
}

// === impl Step ===

impl Step {
    /// When it is, after the start.
    pub fn at(&self) -> Duration {
        Duration::from_millis(self.at)
    }
}

// === impl Act ===

impl Act {
    /// The object that it is about, if it is about one.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::Create { object, .. }
            | Self::Edit { object, .. }
            | Self::Delete { object }
            | Self::Drift { object, .. }
            | Self::Loss { object, .. }
            | Self::Conflict { object, .. } => Some(object),
            Self::TargetDies { .. }
            | Self::TargetReturns { .. }
            | Self::TroubleBegins { .. }
            | Self::TroubleEnds { .. }
            | Self::Restart => None,
        }
    }
}

/// In a person's words, without any value: it may be a Secret's (S8).
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { object, .. } => write!(f, "{object} is created"),
            Self::Edit { object, .. } => write!(f, "{object} is edited"),
            Self::Delete { object } => write!(f, "{object} is deleted"),
            Self::Drift { target, object, .. } => write!(f, "drift: somebody changes {object} on {target}"),
            Self::Loss { target, object } => write!(f, "drift: somebody deletes {object} on {target}"),
            Self::Conflict { target, object, .. } => {
                write!(
                    f,
                    "conflict: {object} is changed upstream and on {target}, in the same field"
                )
            }
            Self::TargetDies { target } => write!(f, "target {target} dies"),
            Self::TargetReturns { target } => write!(f, "target {target} comes back"),
            Self::TroubleBegins { server, trouble } => write!(f, "chaos: {server}: {trouble}"),
            Self::TroubleEnds { server } => write!(f, "chaos: {server} is well again"),
            Self::Restart => f.write_str("the syncer is killed and started again"),
        }
    }
}

// === impl ObjectName ===

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.name(), self.team, self.name)
    }
}
