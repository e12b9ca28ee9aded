//! What caused a message, and how long that chain of causes is: it has to end somewhere.
//!
//! A span keeps its parent open. Actors that send one another messages for ever would hold every span since the first one, and such a
//! chain, once it is let go, closes by recursion: a long one overflows the stack. So a chain ends after [`MAX_HOPS`], and the next
//! handler's span begins a trace of its own, linked to the last.

use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tracing::{Span, debug_span};

/// What caused a message or a value: the span that was current when it was sent.
#[derive(Clone)]
pub struct Origin {
    pub(crate) span: Span,
    /// How many handlers the chain has seen.
    pub(crate) hops: u16,
}

/// The longest chain of handlers in one trace. An edit takes a dozen.
pub(crate) const MAX_HOPS: u16 = 64;

thread_local! {
    static HOPS: Cell<u16> = const { Cell::new(0) };
}

// === impl Origin ===

impl Origin {
    /// The current span.
    pub(crate) fn current() -> Self {
        Self {
            span: Span::current(),
            hops: HOPS.get(),
        }
    }

    /// The span, for links and for fields of one's own.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Runs `handle` as a consequence: its spans and what it sends or requests belong to the trace of the origin.
    pub fn in_scope<T>(&self, handle: impl FnOnce() -> T) -> T {
        if self.span.is_disabled() {
            return handle();
        }
        if self.hops < MAX_HOPS {
            return self.span.in_scope(|| at(self.hops + 1, handle));
        }
        let next = debug_span!(target: "tmc_syncer::actor", parent: None, "continued");
        next.follows_from(self.span.id());
        next.in_scope(|| at(0, handle))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} hops", self.span.id(), self.hops)
    }
}

/// Runs `run` as hop number `hops` of its chain.
pub(crate) fn at<T>(hops: u16, run: impl FnOnce() -> T) -> T {
    let _restore = Restore(HOPS.replace(hops));
    run()
}

/// The future of a request: what it sends belongs to the hop that made the request.
pub(crate) struct At<T> {
    pub(crate) hops: u16,
    pub(crate) io: BoxFuture<'static, T>,
}

impl<T> Future for At<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        at(this.hops, || this.io.as_mut().poll(task))
    }
}

/// Puts the thread's value back, after a panic too: the thread goes on with other work.
struct Restore(u16);

impl Drop for Restore {
    fn drop(&mut self) {
        HOPS.set(self.0);
    }
}
