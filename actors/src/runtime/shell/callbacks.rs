//! How the actor is called, and what becomes of its messages.

use std::{fmt::Display, sync::Arc};

use tracing::{Span, debug_span};

use super::{Phase, Shell, caught, drop_caught};
use crate::runtime::{
    Actor, Context, Failure, Message, Origin, Place,
    backstage::Held,
    context::Occasion,
    exit::Cause,
    mailbox::{Cause as MessageCause, Envelope},
    node::Node,
    origin::{self, Chain, MAX_HOPS},
    request::Finished,
    timer::Due,
    trace::Step,
};

// === impl Shell: callbacks ===

impl<A: Actor> Shell<A> {
    pub(super) fn node(&self) -> &Arc<Node> {
        self.context.node()
    }

    pub(super) fn key_of(envelope: &Envelope<A::Message>) -> Option<Box<str>> {
        caught(Place::Handler, || Ok(envelope.body.key().map(|key| Box::from(&*key)))).unwrap_or_default()
    }

    /// Calls the actor. What it requested has started, or never will, when this returns.
    pub(super) fn call(
        &mut self,
        place: Place,
        key: impl FnOnce() -> Option<Box<str>>,
        callback: impl FnOnce(&mut A, &mut Context<A>) -> Result<(), Failure>,
    ) -> Result<(), Cause> {
        let Some(actor) = &mut self.actor else { return Ok(()) };
        let context = &mut self.context;
        let state = caught(place, || {
            #[cfg(test)]
            if place == Place::Handler {
                crate::runtime::strike::fall(A::KIND);
            }
            callback(actor, context)?;
            context.commit(key);
            Ok(actor.state())
        })?;
        let word = state.as_ptr().addr().rotate_left(8) ^ state.len();
        if word != self.context.backstage.word {
            self.context.backstage.word = word;
            self.node().set_state(state);
        }
        Ok(())
    }

    /// Calls the actor on an occasion that no message brought.
    pub(super) fn call_own(
        &mut self,
        place: Place,
        ctx: &mut actix::Context<Self>,
        callback: impl FnOnce(&mut A, &mut Context<A>) -> Result<(), Failure>,
    ) {
        self.context.occasion = Occasion::Own;
        match self.call(place, || None, callback) {
            Ok(()) => self.settle(ctx),
            Err(cause) => self.fail(cause, ctx),
        }
    }

    /// Builds the actor and starts it.
    pub(super) fn begin(&mut self, ctx: &mut actix::Context<Self>) {
        match caught(Place::Factory, || Ok((self.context.backstage.factory)())) {
            Ok(actor) => self.actor = Some(actor),
            Err(cause) => return self.fail(cause, ctx),
        }
        self.phase = Phase::Running;
        self.context.backstage.word = 0;
        self.call_own(Place::Started, ctx, Actor::started);
        if self.is_ready()
            && let Some(held) = self.context.backstage.held.take()
        {
            self.dispatch(held.envelope, held.attempt, ctx);
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Draining)
    }

    /// One message, out of the mailbox or held.
    pub(super) fn dispatch(&mut self, mut envelope: Envelope<A::Message>, attempt: u8, ctx: &mut actix::Context<Self>) {
        if let Some(ticket) = envelope.ticket.take()
            && self.context.finish(ticket) == Finished::Stale
        {
            // An answer to an incarnation that is gone.
            return drop_caught(envelope);
        }
        if self.is_quarantined(&envelope) {
            self.node().meter.quarantine_dropped.inc();
            drop_caught(envelope);
            return self.settle(ctx);
        }
        let outcome = {
            let step = self.step_for(&envelope);
            let (span, chain) = match &step {
                Some((step, chain)) => (step.span.clone(), *chain),
                None => self.span_for(&envelope, attempt),
            };
            let _entered = span.enter();
            self.context.permit = envelope.permit.take();
            self.context.occasion = match self.context.permit {
                Some(_) => Occasion::Message,
                None => Occasion::Own,
            };
            let body = &envelope.body;
            let key = || body.key().map(|key| Box::from(&*key));
            let handle = |actor: &mut A, context: &mut Context<A>| actor.handle(body, context);
            let outcome = origin::at(chain, || self.call(Place::Handler, key, handle));
            if let Some((step, _)) = &step {
                step.done();
            }
            outcome
        };
        let Err(cause) = outcome else {
            // The place is free before the message is dropped: a drop may send (see `Wake`).
            self.context.permit = None;
            drop_caught(envelope);
            return self.settle(ctx);
        };
        envelope.permit = self.context.abandon();
        if attempt == 1 && self.context.backstage.terms.policy().limit > 0 {
            self.context.backstage.held = Some(Box::new(Held { envelope, attempt: 2 }));
            return self.fail(cause, ctx);
        }
        let key = Self::key_of(&envelope);
        drop_caught(envelope);
        self.fail_for(key, usize::from(attempt) - 1, cause, ctx);
    }

    /// The span of a handler within the trace of an edit.
    fn step_for(&self, envelope: &Envelope<A::Message>) -> Option<(Step, Chain)> {
        let MessageCause::Child(origin) = &envelope.cause else {
            return None;
        };
        origin.trail.as_ref()?;
        let object = Self::key_of(envelope);
        let object = object.as_ref().map(|object| object as &dyn Display);
        let step = origin.step(A::KIND, &self.node().key, object)?;
        let chain = Chain {
            hops: origin.hops + 1,
            mark: Some(step.mark),
        };
        Some((step, chain))
    }

    /// The span of a handler that belongs to no trace, and where it is in its chain.
    fn span_for(&self, envelope: &Envelope<A::Message>, attempt: u8) -> (Span, Chain) {
        let (parent, link, hops) = match &envelope.cause {
            MessageCause::Child(Origin { span, hops, .. }) if *hops < MAX_HOPS => (span.id(), None, hops + 1),
            MessageCause::Child(Origin { span, .. }) | MessageCause::Link(span) => (None, span.id(), 0),
        };
        let chain = Chain { hops, mark: None };
        let span = debug_span!(
            target: "tmc_syncer::actor",
            parent: parent,
            "handle",
            kind = A::KIND,
            key = &*self.node().key,
            object = Self::key_of(envelope).as_deref(),
            attempt,
        );
        if let Some(link) = link {
            span.follows_from(link);
        }
        match &envelope.cause {
            // Its level is off: what the handler sends is caused by what caused it.
            MessageCause::Child(Origin { span: cause, .. }) if span.is_disabled() => (cause.clone(), chain),
            _ => (span, chain),
        }
    }

    pub(super) fn is_quarantined(&self, envelope: &Envelope<A::Message>) -> bool {
        match &self.context.backstage.history {
            Some(history) if !history.quarantine.is_empty() => {
                Self::key_of(envelope).is_some_and(|key| history.quarantine.holds(&key))
            }
            _ => false,
        }
    }

    /// A timer that is due.
    pub(super) fn fire(&mut self, due: Due<A::Message>, ctx: &mut actix::Context<Self>) {
        match due {
            Due::Message(body, span) => {
                let cause = MessageCause::Link(span);
                self.dispatch(
                    Envelope {
                        body,
                        permit: None,
                        cause,
                        ticket: None,
                    },
                    1,
                    ctx,
                );
            }
            Due::Release(key) => self.release(&key, ctx),
        }
    }

    /// The time of `key` in quarantine is over.
    pub(super) fn release(&mut self, key: &str, ctx: &mut actix::Context<Self>) {
        let now = self.context.now();
        let Some(history) = &mut self.context.backstage.history else {
            return;
        };
        if !history.quarantine.release(key, now) {
            return;
        }
        self.context.occasion = Occasion::Own;
        match self.call(
            Place::Released,
            || Some(key.into()),
            |actor, context| actor.released(key, context),
        ) {
            Ok(()) => self.settle(ctx),
            Err(cause) => {
                self.context.abandon();
                self.fail_for(Some(key.into()), 0, cause, ctx);
            }
        }
    }
}
