//! Leader election: keeps a Lease in step with what `core::lease` decides, opens the [`Fence`] while it leads, and says where it stands.
//!
//! It is a task beside the actor tree, and not a part of it: it renews the Lease while the tree drains, and outlives whatever happens there.

mod elector;
mod leader_status;
mod leadership;
mod lease;

use std::time::Duration;

use syncer_clusters::{Cluster, Fence};
use syncer_core::lease::{Loss, Timing};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::timeout,
};
use tracing::warn;

use self::elector::Elector;
pub use self::{
    leader_status::LeaderStatus,
    leadership::{Leadership, Position, Role},
};

use crate::runtime::{Chance, Clock};

/// What an election needs.
#[derive(Clone, Debug)]
pub struct Election {
    /// Where the Lease is. A client of its own: no fence, and nothing that would keep it waiting.
    pub cluster: Cluster,
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who this process is: nobody else, not even the process that starts in its place.
    pub identity: String,
    /// How long it lasts.
    pub timing: Timing,
    /// What lets the writes of this process through.
    pub fence: Fence,
    /// The time of day, for people.
    pub clock: Clock,
}

/// An election that goes on.
pub struct Candidacy {
    leadership: Leadership,
    begin: Option<oneshot::Sender<()>>,
    give_up: oneshot::Sender<()>,
    task: JoinHandle<Loss>,
}

// === impl Election ===

impl Election {
    /// Makes everything ready, in a task of the present runtime: [`Candidacy::begin`] begins. `status` is set to 0, and to 1 while this process leads.
    pub fn prepare(self, status: &LeaderStatus, chance: Chance) -> Candidacy {
        let (position, receiver) = watch::channel(Position::standby(&self));
        let (begin, start) = oneshot::channel();
        let (give_up, told) = oneshot::channel();
        let gauge = status.of(&self.name);
        let elector = Elector::new(self, position, gauge, chance);
        Candidacy {
            leadership: Leadership::of(receiver),
            begin: Some(begin),
            give_up,
            task: tokio::spawn(async move {
                match start.await {
                    Ok(()) => elector.run(told).await,
                    Err(_) => Loss::GivenUp,
                }
            }),
        }
    }
}

// === impl Candidacy ===

impl Candidacy {
    /// Begins: from here on this process may lead.
    pub fn begin(&mut self) {
        if let Some(begin) = self.begin.take() {
            // A task that has ended is heard of by `lost`.
            let _ = begin.send(());
        }
    }

    /// Where this process stands.
    pub fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// Returns when this process may lead no more; it then has to end.
    pub async fn lost(&mut self) -> Loss {
        // A task that panicked renews nothing.
        (&mut self.task).await.unwrap_or(Loss::NotRenewed)
    }

    /// Gives the Lease up, if it is held: others take over at once. Only when nothing is in flight any more; nothing can be written after it.
    pub async fn give_up(mut self, patience: Duration) {
        // One that has ended has nothing to give up.
        let _ = self.give_up.send(());
        if timeout(patience, &mut self.task).await.is_err() {
            warn!("the Lease could not be given up within {patience:?}: others wait until it is over");
            self.task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
