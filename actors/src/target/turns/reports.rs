//! What Reconcilers report.

use std::time::Duration;

use syncer_core::{ObjectKey, kcp};
use tracing::debug;

use super::{RARELY, SOON};
use crate::{
    metrics::{Direction, Stage as Propagation},
    reconciler::{Attempt, AttemptFailure, Belief, End, Retry},
    runtime::{Actor, Context, Exit, Taken},
    target::{BATCH, Target, ledger::Complaint},
};

// === impl Target ===

impl Target {
    pub(in crate::target) fn take_reports(&mut self, ctx: &mut Context<Self>) {
        let name = self.settings.name.clone();
        for Taken { key, value, cause } in self.intake.reports().take(BATCH) {
            cause.handled(Self::KIND, &name, &key, || self.take_report(&key, value, ctx));
        }
        self.judge();
        self.give_turns(ctx);
    }

    fn take_report(&mut self, key: &ObjectKey, attempt: Attempt, ctx: &mut Context<Self>) {
        if let Some((_, since)) = self.turns.alive.remove(&key.to_string()) {
            self.queue.done(ctx.now().saturating_duration_since(since));
        }
        self.ledger.learn(key, attempt.after);
        match attempt.end {
            End::Done => {
                self.succeeded(key);
                self.arrived(key, ctx);
            }
            End::Parted => {
                self.parted(key);
                self.succeeded(key);
                self.ledger.forget_if_void(key);
            }
            End::Reported => self.ledger.reported(key),
            End::Ahead => self.ahead(key, ctx),
            End::Withheld => self.withheld(key, ctx),
            End::TooEarly(longer) => self.too_early(key, longer, ctx),
            End::AbsenceRefuted => {
                self.ledger.absence_refuted(key);
                self.ledger.succeeded(key);
            }
            End::Paused => self.paused_upstream(key, ctx),
            End::Resting { failure, rest } => {
                self.rests(key.clone(), &failure, rest, ctx);
                self.arrived(key, ctx);
            }
            End::Failed(failure) => {
                if failure.belief == Belief::Doubted {
                    self.ledger.doubt(key);
                }
                self.failed(key.clone(), &failure, ctx);
            }
        }
        self.unpark(key);
        self.changed_downstream(key);
    }

    /// Measures how long the news of `key` was on its way.
    pub(super) fn arrived(&mut self, key: &ObjectKey, ctx: &Context<Self>) {
        if let Some(seen) = self.ledger.arrived(key) {
            let after = ctx.now().saturating_duration_since(seen);
            self.upstream
                .metrics
                .propagated(Direction::Down, Propagation::Applied, after);
        }
    }

    /// A Reconciler panicked: its object waits as after any other failure, the others go on.
    pub(in crate::target) fn reconciler_died(&mut self, exit: &Exit, ctx: &mut Context<Self>) {
        if let Some((key, _)) = self.turns.alive.remove(&*exit.key) {
            self.failed(key.clone(), &AttemptFailure::new(exit.to_string(), Retry::Rarely), ctx);
            self.unpark(&key);
        }
        self.give_turns(ctx);
    }

    /// What is wanted of `key` is behind what is there: the upstream's word ends the wait, or another look.
    fn ahead(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        let delay = self.look_again(key, Complaint::None, SOON, ctx);
        debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "the upstream's watch is behind its object");
    }

    /// It was not to be told whether `key` is gone: it stays. What the binding of its workspace withholds is weighed again when that turns. But
    /// where the binding lets it be told, it turned during the attempt, or it was the API server that refused: its own sight of the binding may be
    /// behind ours, or rights are missing for a while. Nothing tells of any of that, so it is looked at again.
    fn withheld(&mut self, key: &ObjectKey, ctx: &mut Context<Self>) {
        self.ledger.withheld(key);
        match self.upstream.workspaces.standing(key, ctx.now()) {
            kcp::Standing::Bound | kcp::Standing::Accepted { .. } => {
                let delay = self.look_again(key, Complaint::None, (SOON.0, RARELY.1), ctx);
                debug!(target = %self.settings.name, object = %key, retry_in = ?delay, "not to be told whether the object is gone");
            }
            kcp::Standing::Plain
            | kcp::Standing::Selected
            | kcp::Standing::Unaccepted
            | kcp::Standing::Unbound
            | kcp::Standing::Left => {
                self.ledger.succeeded(key);
            }
        }
    }

    /// `key` is missing under a claim that is too young to say so: it is looked at again when the claim is old enough.
    fn too_early(&mut self, key: &ObjectKey, longer: Duration, ctx: &mut Context<Self>) {
        self.ledger.failed(key, Complaint::None);
        debug!(target = %self.settings.name, object = %key, retry_in = ?longer, "the claim under which the object is missing is young");
        self.turns.waits.until(key.clone(), ctx.now() + longer.max(SOON.0));
        self.set_timer(ctx);
    }
}
