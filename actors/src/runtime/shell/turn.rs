//! One turn of an actor: everything but its mailbox.

use std::task::{self, Poll};

use tokio::time::sleep;
use tracing::warn;

use super::{Phase, Rest, Shell, TURN};
use crate::runtime::{Actor, node::Node};

// === impl Shell: turn ===

impl<A: Actor> Shell<A> {
    /// One turn: everything but the mailbox. Ready when the mailbox may go on.
    pub(super) fn turn(&mut self, ctx: &mut actix::Context<Self>, task: &mut task::Context<'_>) -> Poll<()> {
        // Registered before anything is looked at: what is raised from here on wakes us again.
        self.node().waker.register(task.waker());
        self.context.backstage.budget = TURN;
        let mut timers = TURN;
        loop {
            self.heed(ctx);
            match &mut self.phase {
                Phase::Behind(older) => {
                    if !older.gone(task.waker()) {
                        return Poll::Pending;
                    }
                    self.phase = Phase::Running;
                    if self.node().stop_asked() {
                        self.stop(None, ctx);
                    } else {
                        self.begin(ctx);
                    }
                }
                Phase::Running | Phase::Draining => {
                    if timers == 0 {
                        task.waker().wake_by_ref();
                        return Poll::Ready(());
                    }
                    timers -= 1;
                    match self.context.poll_due(task) {
                        Poll::Ready(due) => self.fire(due, ctx),
                        Poll::Pending => {
                            self.settle(ctx);
                            if self.is_ready() {
                                return Poll::Ready(());
                            }
                        }
                    }
                }
                Phase::Restarting(rest) => {
                    let node = self.context.node();
                    if !rest.over(node, task) {
                        return Poll::Pending;
                    }
                    self.begin(ctx);
                }
                Phase::Stopping(end) => {
                    let node = self.context.node();
                    if node.has_children() && end.limit.as_mut().poll(task).is_pending() {
                        return Poll::Pending;
                    }
                    abandon_children(node);
                    let cause = end.cause.take();
                    self.finish(cause, ctx);
                }
                Phase::Over(_) => return Poll::Ready(()),
            }
        }
    }
}

// === impl Rest ===

impl Rest {
    /// Whether the children have ended and the delay has passed. The delay begins once every other actor of the thread had its turn:
    /// an actor that dies at its start for ever must not keep the others from theirs, however short its delay.
    pub(super) fn over(&mut self, node: &Node, task: &mut task::Context<'_>) -> bool {
        let Some(rested) = &mut self.rested else {
            self.rested = Some(Box::pin(sleep(self.delay)));
            task.waker().wake_by_ref();
            return false;
        };
        if rested.as_mut().poll(task).is_pending() {
            return false;
        }
        if node.has_children() && self.children.as_mut().poll(task).is_pending() {
            return false;
        }
        abandon_children(node);
        true
    }
}

fn abandon_children(node: &Node) {
    let abandoned = node.abandon_children();
    if abandoned > 0 {
        warn!(
            kind = node.kind(),
            key = &*node.key,
            abandoned,
            "children did not end in time and are left behind"
        );
    }
}
