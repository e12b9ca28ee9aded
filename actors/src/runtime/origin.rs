//! What caused a message, and how long that chain of causes is: it has to end somewhere.
//!
//! Two things go along. In a process that traces, a [`Mark`](super::Mark): a place in the trace of an edit. Else the current span, for
//! whoever reads logs at level debug: a span keeps its parent open, and actors that send one another messages for ever would hold every
//! span since the first one; such a chain, once it is let go, closes by recursion: a long one overflows the stack. So a chain ends after
//! [`MAX_HOPS`]; the next handler's span begins anew, linked to the last, and a trace ends there.

use std::{
    cell::Cell,
    fmt::{self, Display},
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tracing::{Span, debug_span};

use super::trace::{self, Mark, Step, Trail};

/// What caused a message or a value: the trace and the span that were current when it was sent.
#[derive(Clone)]
pub struct Origin {
    /// None within a trace.
    pub(crate) span: Span,
    /// How many handlers the chain has seen.
    pub(crate) hops: u16,
    /// Boxed, since nearly all have none.
    pub(crate) trail: Option<Box<Trail>>,
}

/// The longest chain of handlers in one trace. An edit takes a dozen.
pub(crate) const MAX_HOPS: u16 = 64;

/// Where in a chain of causes a thread is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Chain {
    /// How many handlers the chain has seen.
    pub(crate) hops: u16,
    /// The span in whose name work is done, where it belongs to a trace.
    pub(crate) mark: Option<Mark>,
}

thread_local! {
    static CHAIN: Cell<Chain> = const { Cell::new(Chain { hops: 0, mark: None }) };
}

/// The place in the trace that what this thread does now belongs to.
pub(crate) fn here() -> Option<Mark> {
    CHAIN.get().mark
}

// === impl Origin ===

impl Origin {
    /// What runs now.
    pub(crate) fn current() -> Self {
        let Chain { hops, mark } = CHAIN.get();
        match mark {
            Some(mark) => Self {
                span: Span::none(),
                hops,
                trail: Some(Box::new(Trail::from(mark))),
            },
            None => Self {
                span: Span::current(),
                hops,
                trail: None,
            },
        }
    }

    /// The same, as what is sent only now.
    pub(crate) fn sent_now(mut self) -> Self {
        if let Some(trail) = &mut self.trail {
            **trail = Trail::from(trail.mark);
        }
        self
    }

    /// Goes on with the trace of `trail`.
    pub(crate) fn of(trail: Trail) -> Self {
        Self {
            span: Span::none(),
            hops: 0,
            trail: Some(Box::new(trail)),
        }
    }

    /// The span, for links and for fields of one's own.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The span of what the actor `kind` with `key` does about `object`, if that belongs to a trace that is not over.
    pub(crate) fn step(&self, kind: &'static str, key: &str, object: Option<&dyn Display>) -> Option<Step> {
        let trail = self.trail.as_ref().filter(|_| self.hops < MAX_HOPS)?;
        trace::step(trail, kind, key, object)
    }

    /// Runs `handle` as what the actor `kind` with `key` does about `object` in consequence.
    pub(crate) fn handled<T>(
        &self,
        kind: &'static str,
        key: &str,
        object: &dyn Display,
        handle: impl FnOnce() -> T,
    ) -> T {
        match self.step(kind, key, Some(object)) {
            Some(step) => {
                let outcome = self.within(&step, handle);
                step.done();
                outcome
            }
            None => self.in_scope(handle),
        }
    }

    /// Runs `run` within `step`, a step of this origin.
    pub(crate) fn within<T>(&self, step: &Step, run: impl FnOnce() -> T) -> T {
        let chain = Chain {
            hops: self.hops.saturating_add(1),
            mark: Some(step.mark),
        };
        step.span.in_scope(|| at(chain, run))
    }

    /// Runs `handle` as a consequence: its spans and what it sends or requests belong to the trace of the origin.
    pub fn in_scope<T>(&self, handle: impl FnOnce() -> T) -> T {
        let hops = self.hops.saturating_add(1);
        if let Some(trail) = &self.trail {
            let mark = Some(trail.mark).filter(|_| self.hops < MAX_HOPS);
            return at(Chain { hops, mark }, handle);
        }
        if self.span.is_disabled() {
            return handle();
        }
        if self.hops < MAX_HOPS {
            return self.span.in_scope(|| at(Chain { hops, mark: None }, handle));
        }
        let next = debug_span!(target: "tmc_syncer::actor", parent: None, "continued");
        next.follows_from(self.span.id());
        next.in_scope(|| at(Chain::default(), handle))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}, {} hops", self.trail, self.span.id(), self.hops)
    }
}

/// Runs `run` there in its chain.
pub(crate) fn at<T>(chain: Chain, run: impl FnOnce() -> T) -> T {
    let _restore = Restore(CHAIN.replace(chain));
    run()
}

/// The future of a request: what it sends belongs to the hop that made the request.
pub(crate) struct At<T> {
    pub(crate) chain: Chain,
    pub(crate) io: BoxFuture<'static, T>,
}

impl<T> Future for At<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        at(this.chain, || this.io.as_mut().poll(task))
    }
}

/// Puts the thread's value back, after a panic too: the thread goes on with other work.
struct Restore(Chain);

impl Drop for Restore {
    fn drop(&mut self) {
        CHAIN.set(self.0);
    }
}
