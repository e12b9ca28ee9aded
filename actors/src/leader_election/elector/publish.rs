//! What others see of an elector: its position, and the gauge.

use syncer_core::lease::{Loss, Standing};
use tracing::{error, info};

use super::Elector;
use crate::leader_election::Role;

// === impl Elector ===

impl Elector {
    pub(super) fn set_problem(&self, problem: Option<String>) {
        self.position.send_if_modified(|position| {
            let is_news = !position.was_tried || position.problem != problem;
            position.was_tried = true;
            position.problem = problem;
            is_news
        });
    }

    /// Says where it stands, where that is news.
    pub(super) fn publish(&mut self) {
        let role = match self.candidate.standing() {
            Standing::Standby => Role::Standby,
            Standing::Leading { .. } => Role::Leading,
            Standing::Lost(_) => Role::Lost,
        };
        self.status.set(i64::from(role == Role::Leading));
        let (holder, time) = (self.candidate.holder(), self.time());
        let was = self.position.borrow().role;
        self.position.send_if_modified(|position| {
            let is_news = position.role != role || (position.holder != holder && !holder.is_empty());
            if position.role != role {
                position.since = time;
            }
            if !holder.is_empty() {
                holder.clone_into(&mut position.holder);
            }
            position.role = role;
            is_news
        });
        if was == role {
            return;
        }
        let (lease, identity) = (self.election.lease(), self.election.identity.as_str());
        match self.candidate.standing() {
            Standing::Leading { .. } => info!(%lease, %identity, "this process leads"),
            Standing::Lost(Loss::GivenUp) | Standing::Standby => {}
            Standing::Lost(loss) => {
                let cause = self
                    .told
                    .take()
                    .map_or_else(String::new, |told| format!(": {}", told.text));
                error!(%lease, %identity, "this process leads no more, and writes nothing from here on: {loss}{cause}");
            }
        }
    }
}
