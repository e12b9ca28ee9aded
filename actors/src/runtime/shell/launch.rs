//! The start of an actor, on its thread.

use std::sync::Arc;

use actix::dev::channel;

use super::{Phase, Shell};
use crate::runtime::{
    Actor, Chance, Context, Outcome, Place, Placement, Spec,
    backstage::Backstage,
    exit::Cause,
    mailbox::Gate,
    node::{Node, Parent},
    system::System,
};

/// Everything that an actor needs to start on its thread. Dropped instead of started, the actor has given up.
pub(crate) struct Launch<A: Actor> {
    gate: Arc<Gate<A::Message>>,
    /// `None` once it is started.
    parts: Option<Parts<A>>,
}

struct Parts<A: Actor> {
    mailbox: channel::AddressReceiver<Shell<A>>,
    backstage: Box<Backstage<A>>,
}

/// Makes everything of an actor but its state, which is made on its thread.
pub(crate) fn prepare<A: Actor>(
    parent: Parent,
    system: Arc<System>,
    near: u16,
    spec: Spec,
    factory: impl Fn() -> A + Send + 'static,
    chance: Chance,
) -> Launch<A> {
    let (thread, spread) = match spec.placement {
        Placement::WithParent => (near, false),
        Placement::Spread => (system.threads.emptiest(), true),
    };
    let capacity = u32::try_from(spec.mailbox).unwrap_or(u32::MAX);
    let node = Node::new(A::KIND, spec.key, capacity, thread, spread, parent, system);
    // Unbounded for actix: the permits are the bound.
    let (sender, mailbox) = channel::channel(0);
    let gate = Arc::new(Gate::new(Arc::new(node), actix::Addr::new(sender).recipient()));
    Launch {
        gate,
        parts: Some(Parts {
            mailbox,
            backstage: Backstage::new(spec.restarts.into(), chance, factory),
        }),
    }
}

// === impl Launch ===

impl<A: Actor> Launch<A> {
    /// The way into its mailbox.
    pub(crate) fn gate(&self) -> &Arc<Gate<A::Message>> {
        &self.gate
    }

    /// Starts the actor on its thread, once `older` has ended. `here` is the calling thread.
    pub(crate) fn start(self, here: u16, older: Option<Arc<Node>>) {
        let node = Arc::clone(&self.gate().node);
        if node.thread == here {
            return self.start_here(older);
        }
        // Not taken when the thread is gone: dropping the launch says so.
        node.system.threads.run_on(node.thread, move || self.start_here(older));
    }

    fn start_here(mut self, older: Option<Arc<Node>>) {
        let Some(Parts { mailbox, backstage }) = self.parts.take() else {
            return;
        };
        let shell = Shell {
            actor: None,
            context: Context::new(Arc::clone(&self.gate), backstage),
            phase: match older {
                Some(older) => {
                    older.ask_stop();
                    Phase::Behind(older)
                }
                None => Phase::Running,
            },
        };
        tokio::task::spawn_local(actix::Context::with_receiver(mailbox).into_future(shell));
    }
}

impl<A: Actor> Drop for Launch<A> {
    fn drop(&mut self) {
        if self.parts.is_some() {
            let cause = Cause::error(Place::Task, "the thread that it was to run on is gone");
            self.gate.node.ended(Outcome::GaveUp { cause });
        }
    }
}
