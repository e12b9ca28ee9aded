//! What keeps an elector from its Lease: what is said of it, to whom, and how often.

use std::{
    mem::{Discriminant, discriminant},
    time::Duration,
};

use syncer_clusters::{Cause, Error, Next, Status};
use syncer_core::lease::Standing;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Elector;
use crate::leader_election::Election;

/// How often the same trouble is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Trouble that was told: what is told again only now and then.
pub(super) struct Told {
    cause: Discriminant<Cause>,
    code: Option<u16>,
    pub(super) text: String,
    at: Instant,
}

// === impl Elector ===

impl Elector {
    /// Tells of trouble: at once, and then only now and then.
    pub(super) fn tell(&mut self, result: Result<(), Error>) {
        let Err(error) = result else {
            if self.told.take().is_some() {
                info!(lease = %self.election.lease(), "the Lease can be read and written again");
            }
            self.set_problem(None);
            return;
        };
        let text = self.advised(&error);
        self.set_problem(Some(text.clone()));
        let told = Told {
            cause: discriminant(error.cause()),
            code: error.status().map(Status::code),
            text,
            at: Instant::now(),
        };
        if self.told.as_ref().is_some_and(|last| last.covers(&told)) {
            return;
        }
        let text = &told.text;
        match self.candidate.standing() {
            Standing::Leading { until } => {
                let left = until.saturating_sub(self.now());
                warn!("the Lease was not renewed; without it this process ends in {left:.1?}: {text}");
            }
            Standing::Standby | Standing::Lost(_) => error!("this process cannot lead: {text}"),
        }
        self.told = Some(told);
    }

    /// What went wrong, and what to do about it.
    fn advised(&self, error: &Error) -> String {
        let Election { namespace, name, .. } = &self.election;
        let advice = match error.next() {
            Next::Forbidden => format!(
                "allow get, create and patch of leases.coordination.k8s.io in namespace {namespace} there: bind the role \
                 tmc-syncer-leader-election of `tmc-syncer manifests rbac`, for the Lease {name}"
            ),
            Next::NamespaceMissing => {
                format!("create namespace {namespace} there, or name another with --lease-namespace")
            }
            Next::Unserved => "it serves no Leases: name a cluster that does with --lease-kubeconfig".to_owned(),
            Next::Reauthenticate => "renew its credentials".to_owned(),
            _ => return error.to_string(),
        };
        format!("{error}; {advice}")
    }
}

// === impl Told ===

impl Told {
    /// Whether `other` says nothing new so soon.
    fn covers(&self, other: &Self) -> bool {
        self.cause == other.cause && self.code == other.code && other.at < self.at + TELL_EVERY
    }
}
