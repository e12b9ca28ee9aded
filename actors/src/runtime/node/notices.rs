//! What the kit has to say to an actor, until its thread takes it.

use std::{mem, sync::Arc};

use super::{Node, attention::NOTICES};
use crate::runtime::{
    exit::{Cause, Exit},
    mailbox::Ticket,
};

/// Reports of restarts beyond this many unread ones are dropped: the counters have them, and an end is never dropped.
const MAX_UNREAD: usize = 1024;

/// What the kit has to say to an actor.
pub(crate) enum Notice {
    /// A child restarts or quarantined a key.
    Child(Exit),
    /// A child is gone: its last exit.
    ChildOver(Arc<Node>, Exit),
    /// The future of a request panicked.
    RequestFailed(Ticket, Cause),
    /// The future of a request will never run: the actor stops.
    RequestLost(Ticket),
}

// === impl Node ===

impl Node {
    /// Has `notice` taken by the actor's thread.
    pub(crate) fn notify(&self, notice: Notice) {
        {
            let mut cold = self.cold.lock();
            if self.is_over() {
                return;
            }
            let notices = &mut cold.rare().notices;
            if notices.len() >= MAX_UNREAD && matches!(notice, Notice::Child(_)) {
                return;
            }
            notices.push(notice);
        }
        self.raise(NOTICES);
    }

    /// Takes all that the kit has to say.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        self.attention.clear(NOTICES);
        let mut cold = self.cold.lock();
        cold.rare
            .as_mut()
            .map(|rare| mem::take(&mut rare.notices))
            .unwrap_or_default()
    }
}
