//! The span of a request that belongs to the trace of an edit.

use http::StatusCode;
use tracing::{Span, debug_span, field::Empty};

use super::Cluster;
use crate::{TRACE_TARGET, cluster::call::Call};

impl Cluster {
    /// The span of `call`, where it is sent from a span of a trace; else none, which costs one look.
    pub(super) fn traced(&self, call: &Call) -> Span {
        let current = Span::current();
        if current
            .metadata()
            .is_none_or(|metadata| metadata.target() != TRACE_TARGET)
        {
            return Span::none();
        }
        let subject = &call.subject;
        debug_span!(
            target: TRACE_TARGET,
            "request",
            otel.name = subject.verb.as_str(),
            otel.kind = "client",
            cluster = %self.name(),
            method = call.method.as_str(),
            resource = subject.gvr.as_ref().map(tracing::field::display),
            namespace = &*subject.namespace,
            name = &*subject.name,
            code = Empty,
        )
    }
}

/// The answer to the request of `span` has come.
pub(super) fn answered(span: &Span, code: Option<StatusCode>) {
    if let Some(code) = code {
        span.record("code", code.as_u16());
    }
}
