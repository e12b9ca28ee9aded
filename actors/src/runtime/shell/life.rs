//! Drain and stop, and what the kit has to say in between.

use std::mem;

use actix::ActorContext;
use tokio::time::sleep;

use super::{CHILDREN_LIMIT, End, Phase, Shell, caught, drop_caught, hold_mailbox, quietly};
use crate::runtime::{Actor, Exit, Place, exit::Cause, mailbox::Ticket, node::Notice, request::Finished};

// === impl Shell: life ===

impl<A: Actor> Shell<A> {
    /// After a callback that succeeded: does what it asked for.
    pub(super) fn settle(&mut self, ctx: &mut actix::Context<Self>) {
        if mem::take(&mut self.context.stop) {
            return self.stop(None, ctx);
        }
        if matches!(self.phase, Phase::Draining) {
            self.settle_drain(ctx);
        }
    }

    /// Stops when a drain has nothing left to wait for.
    pub(super) fn settle_drain(&mut self, ctx: &mut actix::Context<Self>) {
        let node = self.node();
        if node.has_children() {
            return;
        }
        // Closed first, looked at second: see `Gate::admit`.
        node.close();
        if node.depth() > 0 || self.context.is_waiting() || self.context.backstage.held.is_some() {
            return;
        }
        let Some(actor) = &self.actor else { return };
        match caught(Place::Drain, || Ok(actor.drained())) {
            Ok(true) => self.stop(None, ctx),
            Ok(false) => {}
            Err(cause) => self.fail(cause, ctx),
        }
    }

    pub(super) fn begin_drain(&mut self, ctx: &mut actix::Context<Self>) {
        let node = self.node();
        node.drain_begun();
        for child in node.children() {
            child.ask_drain();
        }
        node.set_state("draining");
        self.phase = Phase::Draining;
        self.call_own(Place::Drain, ctx, |actor, context| {
            actor.drain(context);
            Ok(())
        });
    }

    /// Stops the children, then this one; with a cause it has given up.
    pub(super) fn stop(&mut self, cause: Option<Cause>, ctx: &mut actix::Context<Self>) {
        if matches!(self.phase, Phase::Stopping(_) | Phase::Over(_)) {
            return;
        }
        let node = self.node();
        node.shut();
        node.set_state("stopping");
        let context = &mut self.context;
        quietly(|| context.reset());
        drop_caught(self.context.backstage.held.take());
        let cause = cause.map(Box::new);
        if self.node().has_children() {
            self.stop_children();
            let limit = Box::pin(sleep(CHILDREN_LIMIT));
            self.phase = Phase::Stopping(Box::pin(End { cause, limit }));
            return hold_mailbox(ctx);
        }
        self.finish(cause, ctx);
    }

    pub(super) fn finish(&mut self, cause: Option<Box<Cause>>, ctx: &mut actix::Context<Self>) {
        drop_caught(self.actor.take());
        self.phase = Phase::Over(cause);
        ctx.stop();
    }

    /// Does what the kit has to say to this actor.
    pub(super) fn heed(&mut self, ctx: &mut actix::Context<Self>) {
        // While an older one of its key lives it stays in line, even when it is to stop: whoever comes next waits for it alone.
        if !self.node().wants_attention() || matches!(self.phase, Phase::Behind(_)) {
            return;
        }
        if self.node().stop_asked() {
            self.stop(None, ctx);
        }
        for notice in self.node().take_notices() {
            self.heed_notice(notice, ctx);
        }
        if self.node().drain_asked() && matches!(self.phase, Phase::Running | Phase::Draining) {
            self.begin_drain(ctx);
        }
    }

    pub(super) fn heed_notice(&mut self, notice: Notice, ctx: &mut actix::Context<Self>) {
        match notice {
            Notice::Child(exit) => self.child_exited(&exit, ctx),
            Notice::ChildOver(child, exit) => {
                if self.node().disown(&child) {
                    self.child_exited(&exit, ctx);
                }
            }
            Notice::RequestFailed(ticket, cause) => self.request_failed(ticket, cause, ctx),
            Notice::RequestLost(ticket) => {
                self.context.finish(ticket);
            }
        }
    }

    pub(super) fn child_exited(&mut self, exit: &Exit, ctx: &mut actix::Context<Self>) {
        if self.is_ready() {
            self.call_own(Place::ChildExited, ctx, |actor, context| {
                actor.child_exited(exit, context)
            });
        }
    }

    /// The second panic of a request about the same object within the window is that object's.
    pub(super) fn request_failed(&mut self, ticket: Ticket, cause: Cause, ctx: &mut actix::Context<Self>) {
        let (window, now) = (self.context.backstage.terms.policy().window, self.context.now());
        match self.context.finish(ticket) {
            Finished::Stale => {}
            Finished::About(key)
                if self
                    .context
                    .backstage
                    .history
                    .get_or_insert_default()
                    .suspect(&key, window, now) =>
            {
                self.fail_for(Some(key), 1, cause, ctx);
            }
            Finished::About(_) | Finished::Plain => self.fail(cause, ctx),
        }
    }
}
