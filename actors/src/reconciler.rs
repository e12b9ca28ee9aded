//! The Reconciler: one per object that has work to do. It takes the step that was planned, at most one write in
//! flight (S6), reports how it left the object, and goes. What changed meanwhile is in the Target's ledger.

mod arbitrate;
mod attempt;
mod change;
mod create;
mod definition;
mod downstream;
mod failure;
mod handover;
mod left_over;
mod orphan;
mod remove;
mod unknown_field;
mod untaken;
mod verify;
mod work;

use std::sync::Arc;

use syncer_core::ObjectKey;
use tracing::{Instrument, info_span};

pub(crate) use self::{
    attempt::{Attempt, End},
    downstream::Downstream,
    failure::{AttemptFailure, Belief, Retry},
};
use crate::{
    runtime::{Actor, Context, Failure, Message, Outbox},
    target::Task,
    trails,
    watcher::hand_over,
};

/// The actor around one object's work.
pub(crate) struct Reconciler {
    key: ObjectKey,
    task: Task,
    downstream: Arc<Downstream>,
    reports: Outbox<ObjectKey, Attempt>,
}

/// What a Reconciler is told.
pub(crate) enum ReconcilerMessage {
    /// The step in flight is over.
    Answered(Attempt),
}

impl Message for ReconcilerMessage {}

// === impl Reconciler ===

impl Reconciler {
    pub(crate) fn new(
        key: ObjectKey,
        task: Task,
        downstream: Arc<Downstream>,
        reports: Outbox<ObjectKey, Attempt>,
    ) -> Self {
        Self {
            key,
            task,
            downstream,
            reports,
        }
    }
}

impl Actor for Reconciler {
    const KIND: &'static str = "Reconciler";
    type Message = ReconcilerMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (key, task, downstream) = (self.key.clone(), self.task.clone(), self.downstream.clone());
        let attempt = async move { ReconcilerMessage::Answered(attempt::run(&downstream, &key, &task).await) };
        let cause = trails::cause(&self.downstream.name, &self.key);
        let step = cause.as_ref().and_then(|cause| {
            let step = cause.step(Self::KIND, ctx.key(), Some(&self.key))?;
            Some((cause, step))
        });
        let Some((cause, step)) = step else {
            let span = info_span!("attempt", target = %self.downstream.name, object = %self.key);
            return Ok(ctx.request(attempt.instrument(span))?);
        };
        cause.within(&step, || {
            // What the target shows of the object from here on is seen because of this.
            trails::leave(&self.downstream.name, &self.key);
            ctx.request(step.clone().around(attempt))
        })?;
        Ok(())
    }

    fn handle(&mut self, message: &ReconcilerMessage, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let ReconcilerMessage::Answered(attempt) = message;
        hand_over(&self.reports, self.key.clone(), attempt.clone());
        ctx.stop();
        Ok(())
    }
}
