//! Conflicts over all targets of an upstream: fights are noticed here, and what was decided is counted, told and kept for people to look at.
//!
//! A Reconciler decides about its own object with what the [`Docket`] remembers, carries it out, and then has the [`ConflictArbiter`] hear what
//! came of it. The arbiter sees all targets, so that it notices targets that pull one field of the upstream in different directions. It holds
//! nothing that a restart would lose: the docket outlives it, as the boards of statuses and finalizers outlive their actors.

mod docket;
mod hearing;
mod told;

use std::{borrow::Cow, sync::Arc, time::Duration};

use parking_lot::Mutex;
use syncer_core::{
    conflict::{Fallback, Moment, Why},
    event_reason::EventReason,
};
use tokio::sync::mpsc;
use tracing::warn;

use self::told::is_kept;
pub(crate) use self::{
    docket::{Docket, Noticed, Party},
    hearing::{Hearing, Telling},
    told::told,
};
use crate::{
    events::Events,
    metrics::{DriftAction, Metrics, Verdict as Counted},
    runtime::{Actor, Address, Clock, Context, Failure, Message, Spec},
    verdicts::Verdicts,
};

/// Now, on our clock.
pub(crate) fn moment_of(clock: &Clock) -> Moment {
    let since = clock.time().duration_since(std::time::UNIX_EPOCH);
    Moment(i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX))
}

/// How long a Reconciler waits to be heard. What is not heard in time is carried out all the same, and a fight is noticed one round later.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// How many hearings may wait; more wait at the door (S10).
const MAILBOX: usize = 256;

/// The way to the arbiter of one upstream. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Arbiter {
    /// What is remembered.
    pub(crate) docket: Docket,
    verdicts: Verdicts,
    address: Arc<Mutex<Option<Address<ArbiterMessage>>>>,
}

/// What a `ConflictArbiter` works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ArbiterWork {
    /// The way to it, and what it remembers.
    pub(crate) arbiter: Arbiter,
    /// Where the owners of objects hear of it.
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
}

/// The actor: one per upstream.
pub(crate) struct ConflictArbiter {
    work: ArbiterWork,
}

/// What a `ConflictArbiter` is told.
pub(crate) enum ArbiterMessage {
    /// Something was decided and carried out; the answer names the fights that came of it.
    Heard(Box<Hearing>, mpsc::Sender<Vec<Noticed>>),
}

impl Message for ArbiterMessage {
    fn key(&self) -> Option<Cow<'_, str>> {
        let Self::Heard(hearing, _) = self;
        Some(Cow::Owned(hearing.key.to_string()))
    }
}

// === impl Arbiter ===

impl Arbiter {
    /// An arbiter whose verdicts people look at in `verdicts`.
    pub(crate) fn new(verdicts: &Verdicts) -> Self {
        Self {
            verdicts: verdicts.clone(),
            ..Self::default()
        }
    }

    /// Whoever is at `address` hears from now on.
    pub(crate) fn bind(&self, address: Address<ArbiterMessage>) {
        *self.address.lock() = Some(address);
    }

    /// Has the arbiter hear what was carried out; the fights that came of it. For tasks only.
    pub(crate) async fn hear(&self, hearing: Hearing) -> Vec<Noticed> {
        let address = self.address.lock().clone();
        let Some(address) = address else { return Vec::new() };
        let (about, target) = (hearing.key.clone(), hearing.target.clone());
        let (answer, mut answered) = mpsc::channel(1);
        let heard = async {
            // An actor that has ended takes nothing more, and the process ends with it.
            let taken = address.offer(ArbiterMessage::Heard(Box::new(hearing), answer)).await;
            taken.ok()?;
            answered.recv().await
        };
        if let Ok(noticed) = tokio::time::timeout(HEARD_WITHIN, heard).await {
            return noticed.unwrap_or_default();
        }
        warn!(
            %target, workspace = %about.cluster, kind = %about.gvr, namespace = %about.namespace, name = %about.name,
            "the arbiter did not hear in time what was decided: it is heard with what happens next"
        );
        Vec::new()
    }
}

impl std::fmt::Debug for Arbiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Arbiter").field(&self.docket).finish()
    }
}

// === impl ConflictArbiter ===

impl ConflictArbiter {
    pub(crate) fn new(work: ArbiterWork) -> Self {
        Self { work }
    }

    /// How it is started.
    pub(crate) fn spec() -> Spec {
        Spec::new("conflicts").mailbox(MAILBOX)
    }

    fn hear(&self, hearing: &Hearing) -> Vec<Noticed> {
        let ArbiterWork { arbiter, metrics, .. } = &self.work;
        let party = hearing.party();
        let new = arbiter.docket.record(party, &hearing.verdicts);
        if hearing.telling == Telling::Here {
            self.tell_fallback(hearing);
        }
        if new.iter().any(is_kept) {
            metrics.drifted(&hearing.target, DriftAction::Kept);
        }
        for verdict in &new {
            let (counted, reason) = told(verdict);
            arbiter.verdicts.keep(hearing, verdict);
            // What others added is counted by who removes it.
            let is_told = hearing.telling == Telling::Here || verdict.why != Why::Foreign || is_kept(verdict);
            if let Some(counted) = counted.filter(|_| is_told) {
                metrics.conflict(hearing.strategy, counted);
            }
            if hearing.telling == Telling::Elsewhere {
                continue;
            }
            hearing.log(&format_args!("decided: {verdict}"));
            if let Some(reason) = reason {
                let note = format!("target {}: {verdict}", hearing.target);
                self.work.events.tell(hearing.subject(), reason, note);
            }
        }
        let noticed = arbiter
            .docket
            .carried_out(party, &hearing.verdicts, hearing.now, hearing.fight);
        for fight in &noticed {
            metrics.conflict(hearing.strategy, Counted::Fight);
            let note = fight.note(&hearing.target);
            hearing.log(&format_args!("{note}"));
            self.work
                .events
                .tell(hearing.subject(), EventReason::FightDetected, note);
        }
        noticed
    }

    /// The strategy of the policy was not followed: the owner has to know.
    fn tell_fallback(&self, hearing: &Hearing) {
        let target = &hearing.target;
        let note = match hearing.fallback {
            Some(Fallback::TooLarge(why)) => {
                format!("target {target}: the upstream wins, whatever the policy says: {why}")
            }
            Some(Fallback::NoBase) if hearing.lost_something() => {
                format!(
                    "target {target}: the upstream wins this once: it is not known on what both sides agreed before"
                )
            }
            Some(Fallback::NoBase) | None => return,
        };
        self.work.events.tell(hearing.subject(), EventReason::Conflict, note);
    }
}

impl Actor for ConflictArbiter {
    const KIND: &'static str = "ConflictArbiter";
    type Message = ArbiterMessage;

    fn handle(&mut self, message: &ArbiterMessage, _: &mut Context<Self>) -> Result<(), Failure> {
        let ArbiterMessage::Heard(hearing, answer) = message;
        let noticed = self.hear(hearing);
        // Whoever asked may have given up waiting.
        let _ = answer.try_send(noticed);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
