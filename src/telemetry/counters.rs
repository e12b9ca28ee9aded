//! What became of the spans that were made.

use std::sync::LazyLock;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "a build without the exporter makes no spans")
)]
pub(super) enum Fate {
    /// The collector has it.
    Sent,
    /// There was no room for it: the collector is slower than the edits, or away.
    Dropped,
    /// The collector did not take it.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    result: &'static str,
}

/// Like the log, one for the process.
static SPANS: LazyLock<Family<Labels, Counter>> = LazyLock::new(Family::default);

/// Shows them in `registry`.
pub(crate) fn register(registry: &mut Registry) {
    registry.register(
        "tmc_syncer_trace_spans",
        "Spans of traces, by what became of them",
        SPANS.clone(),
    );
}

/// That became of so many spans.
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "a build without the exporter makes no spans")
)]
pub(super) fn count(fate: Fate, spans: usize) {
    let labels = Labels { result: fate.as_str() };
    let spans = u64::try_from(spans).unwrap_or(u64::MAX);
    SPANS.get_or_create(&labels).inc_by(spans);
}

/// How many spans became that so far.
#[cfg(all(test, feature = "otlp"))]
pub(super) fn counted(fate: Fate) -> u64 {
    let labels = Labels { result: fate.as_str() };
    SPANS.get_or_create(&labels).get()
}

// === impl Fate ===

impl Fate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}
