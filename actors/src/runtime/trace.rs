//! One edit as one trace: the spans of the actors that it passes, each with kind, key, queue time and work time.
//!
//! What travels with messages and outbox entries is not a span but a [`Mark`]: two ids. So a span ends with its handler, however long what
//! it caused takes, and nothing is held open. A process that installed no [`Tracer`] has no marks, allocates nothing for a message, and
//! pays one look at a thread's own variable.

use std::{
    fmt::{self, Display},
    sync::OnceLock,
    time::Duration,
};

use syncer_clusters::TRACE_TARGET;
use tokio::time::Instant;
use tracing::{Instrument, Span, debug_span, field::Empty};

/// A place in a trace: where what is caused goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the span.
    pub span: [u8; 8],
}

/// The first span of a trace, which is over when it is known to be one: most events of a watch change nothing.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// The kind of the actor.
    pub kind: &'a str,
    /// Its key.
    pub key: &'a str,
    /// The object that was edited.
    pub object: &'a str,
    /// How long ago the actor was done with it.
    pub ago: Duration,
    /// How long it worked.
    pub work: Duration,
}

/// Where traces go.
pub trait Tracer: Send + Sync + 'static {
    /// Begins a trace, if this one is to be one of the sample.
    fn begin(&self, first: &Beginning<'_>) -> Option<Mark>;

    /// Makes `span`, which was not entered yet, a child of `parent`; returns its own place. `None` where it is not written down.
    fn resume(&self, span: &Span, parent: Mark) -> Option<Mark>;
}

/// What caused a message or a value, as far as its trace goes.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    pub(crate) mark: Mark,
    /// Since when it waits.
    pub(crate) since: Instant,
}

/// The span of a piece of work within a trace.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) span: Span,
    pub(crate) mark: Mark,
    begun: Instant,
}

/// Like tracing's own dispatcher, one for the process.
static TRACER: OnceLock<Box<dyn Tracer>> = OnceLock::new();

/// Has the edits of this process traced from here on. Says whether it does: only the first call counts.
pub fn install_tracer(tracer: impl Tracer) -> bool {
    TRACER.set(Box::new(tracer)).is_ok()
}

/// Whether anything is traced.
pub(crate) fn is_on() -> bool {
    TRACER.get().is_some()
}

/// Begins the trace of an edit, if it is to have one.
pub(crate) fn begin(first: &Beginning<'_>) -> Option<Trail> {
    let mark = TRACER.get()?.begin(first)?;
    // It waits since its reader was done with it.
    let now = Instant::now();
    Some(Trail {
        mark,
        since: now.checked_sub(first.ago).unwrap_or(now),
    })
}

/// The span of what the actor `kind` with `key` does about `object` because of `trail`.
pub(crate) fn step(trail: &Trail, kind: &'static str, key: &str, object: Option<&dyn Display>) -> Option<Step> {
    let tracer = TRACER.get()?;
    let queued = trail.since.elapsed();
    let span = debug_span!(
        target: TRACE_TARGET,
        parent: None,
        "step",
        otel.name = kind,
        kind,
        key,
        object = object.map(tracing::field::display),
        queue_us = micros(queued),
        work_us = Empty,
    );
    let mark = tracer.resume(&span, trail.mark)?;
    Some(Step {
        span,
        mark,
        begun: Instant::now(),
    })
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

// === impl Mark ===

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.trace {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("-")?;
        self.span.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

// === impl Trail ===

impl Trail {
    /// Goes on from `mark`, now.
    pub(crate) fn from(mark: Mark) -> Self {
        Self {
            mark,
            since: Instant::now(),
        }
    }
}

// === impl Step ===

impl Step {
    /// `work`, done in this span.
    pub(crate) fn around<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        let span = self.span.clone();
        let done = async move {
            let outcome = work.await;
            self.done();
            outcome
        };
        done.instrument(span)
    }

    /// The work is done.
    pub(crate) fn done(&self) {
        self.span.record("work_us", micros(self.begun.elapsed()));
    }
}
