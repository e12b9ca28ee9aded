//! What follows a failure.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::sleep;
use tracing::warn;

use super::{CHILDREN_LIMIT, Phase, Rest, Shell, drop_caught, hold_mailbox, quietly};
use crate::runtime::{Actor, Outcome, backstage::Backstage, exit::Cause, history::Verdict, timer::Due};

// === impl Shell: failures ===

impl<A: Actor> Shell<A> {
    /// A callback failed, or the actor's own code elsewhere.
    pub(super) fn fail(&mut self, cause: Cause, ctx: &mut actix::Context<Self>) {
        let now = self.context.now();
        let Backstage {
            terms, history, chance, ..
        } = &mut *self.context.backstage;
        let verdict = history.get_or_insert_default().judge(&terms.policy(), now, chance);
        self.fell(cause, verdict, ctx);
    }

    /// A failure for which a message, or a request about `key`, is to blame: the key is quarantined; this failure and the `earlier`
    /// ones that it caused are excused. Without a key they count, or an actor that fails on every tick would limp for ever.
    pub(super) fn fail_for(
        &mut self,
        key: Option<Box<str>>,
        earlier: usize,
        cause: Cause,
        ctx: &mut actix::Context<Self>,
    ) {
        let now = self.context.now();
        let Backstage {
            terms, history, chance, ..
        } = &mut *self.context.backstage;
        let (history, policy) = (history.get_or_insert_default(), terms.policy());
        let Some(key) = key.filter(|_| policy.limit > 0) else {
            let verdict = history.judge(&policy, now, chance);
            let gave_up = verdict == Verdict::GiveUp;
            self.fell(cause.clone(), verdict, ctx);
            if !gave_up {
                self.node().report(Outcome::Quarantined {
                    key: None,
                    cause,
                    length: Duration::ZERO,
                });
            }
            return;
        };
        history.excuse(earlier);
        let verdict = history.judge(&policy, now, chance);
        history.excuse(1);
        let (length, evicted) = history.quarantine.hold(&key, now, chance);
        self.fell(cause.clone(), verdict, ctx);
        let node = self.node();
        node.meter.quarantines.inc();
        warn!(kind = A::KIND, key = &*node.key, object = &*key, ?length, %cause, "an object is quarantined: its messages failed twice");
        node.report(Outcome::Quarantined {
            key: Some(key.clone().into_string()),
            cause,
            length,
        });
        let release = |at, key| (at, Due::Release(key));
        for (at, due) in [Some(release(now + length, key)), evicted.map(|key| release(now, key))]
            .into_iter()
            .flatten()
        {
            self.context.set(at, due).detach();
        }
    }

    /// The incarnation is over; `verdict` says what follows.
    pub(super) fn fell(&mut self, cause: Cause, verdict: Verdict, ctx: &mut actix::Context<Self>) {
        let node = Arc::clone(self.node());
        node.failed(&cause);
        self.end_incarnation();
        match verdict {
            Verdict::GiveUp => {
                node.system.signals.gave_up(&node.meter, cause.fault);
                self.stop(Some(cause), ctx);
            }
            Verdict::Restart { attempt, delay } => {
                node.system.signals.restarted(&node.meter, cause.fault);
                node.restarts.fetch_add(1, Ordering::Relaxed);
                node.set_state("restarting");
                node.drain_again();
                warn!(kind = A::KIND, key = &*node.key, attempt, ?delay, %cause, "an actor failed and is restarted");
                node.report(Outcome::Restarting { cause, attempt, delay });
                self.stop_children();
                let children = Box::pin(sleep(CHILDREN_LIMIT));
                self.phase = Phase::Restarting(Box::pin(Rest {
                    delay,
                    children,
                    rested: None,
                }));
                hold_mailbox(ctx);
            }
        }
    }

    /// Drops the state, and what it asked for. Its memory is suspect: nothing of it goes to the next incarnation.
    pub(super) fn end_incarnation(&mut self) {
        let context = &mut self.context;
        quietly(|| context.reset());
        drop_caught(self.actor.take());
    }

    pub(super) fn stop_children(&self) {
        for child in self.node().children() {
            child.ask_stop();
        }
    }
}
