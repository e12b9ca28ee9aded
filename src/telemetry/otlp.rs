//! Traces over OTLP: one for an edit, of the spans that the actor kit makes ([`syncer_actors::runtime::Tracer`]).

mod queue;

use std::time::{Duration, SystemTime};

use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Span as _, SpanContext, TraceContextExt, TraceState, Tracer as _, TracerProvider},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use syncer_actors::runtime::{Beginning, Mark, Tracer};
use syncer_clusters::TRACE_TARGET;
use tracing::{Level, Span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets};

use super::{Spans as Spanning, TelemetryError};

/// The spans that were not sent yet.
#[derive(Debug)]
pub(super) struct Spans(SdkTracerProvider);

/// Begins traces, and goes on with them.
pub(super) struct Traces(SdkTracer);

/// Why an endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error(transparent)]
    Build(#[from] ExporterBuildError),
    #[error("it is no http or https address")]
    Scheme,
}

/// How long one batch may take.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);

/// What traces need: a layer, what begins them, and what is left to send.
pub(super) struct Tracing<L> {
    pub(super) layer: Option<L>,
    pub(super) traces: Option<Traces>,
    pub(super) spans: Option<Spans>,
}

/// The layer that sends traces to `endpoint`, if there is one: `sample` of them, from 0 (none) to 1 (all).
pub(super) fn tracing<S: Spanning>(
    endpoint: Option<&str>,
    sample: f64,
) -> Result<Tracing<impl Layer<S> + use<S>>, TelemetryError> {
    let Some(endpoint) = endpoint else {
        return Ok(Tracing {
            layer: None,
            traces: None,
            spans: None,
        });
    };
    let provider = provider(endpoint, sample).map_err(|cause| TelemetryError::Endpoint {
        endpoint: endpoint.to_owned(),
        cause,
    })?;
    let tracer = provider.tracer("tmc-syncer");
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer.clone())
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(TRACE_TARGET, Level::DEBUG));
    Ok(Tracing {
        layer: Some(layer),
        traces: Some(Traces(tracer)),
        spans: Some(Spans(provider)),
    })
}

fn provider(endpoint: &str, sample: f64) -> Result<SdkTracerProvider, EndpointError> {
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(EndpointError::Scheme);
    }
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_LIMIT)
        .build()?;
    let resource = Resource::builder().with_service_name("tmc-syncer").build();
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample))))
        .with_span_processor(queue::Queue::to(exporter, &resource))
        .with_resource(resource)
        .build())
}

/// The trace and the span that run now, if they are sampled.
pub(super) fn trace_and_span() -> Option<(String, String)> {
    let context = Context::current();
    let span = context.span().span_context().clone();
    span.is_sampled()
        .then(|| (span.trace_id().to_string(), span.span_id().to_string()))
}

fn mark(context: &SpanContext) -> Option<Mark> {
    context.is_sampled().then(|| Mark {
        trace: context.trace_id().to_bytes(),
        span: context.span_id().to_bytes(),
    })
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

// === impl Traces ===

impl Tracer for Traces {
    fn begin(&self, first: &Beginning<'_>) -> Option<Mark> {
        let over = SystemTime::now().checked_sub(first.ago)?;
        let attributes = [
            KeyValue::new("kind", first.kind.to_owned()),
            KeyValue::new("key", first.key.to_owned()),
            KeyValue::new("object", first.object.to_owned()),
            // It is read when it comes.
            KeyValue::new("queue_us", 0),
            KeyValue::new("work_us", micros(first.work)),
        ];
        let span = self
            .0
            .span_builder(first.kind.to_owned())
            .with_start_time(over.checked_sub(first.work)?)
            .with_attributes(attributes);
        let mut span = span.start_with_context(&self.0, &Context::new());
        let begun = mark(span.span_context());
        span.end_with_timestamp(over);
        begun
    }

    fn resume(&self, span: &Span, parent: Mark) -> Option<Mark> {
        let parent = SpanContext::new(
            TraceId::from_bytes(parent.trace),
            SpanId::from_bytes(parent.span),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        span.set_parent(Context::new().with_remote_span_context(parent)).ok()?;
        mark(span.context().span().span_context())
    }
}

// === impl Spans ===

impl Spans {
    /// Sends what was not sent yet, for `deadline` at most.
    pub(super) async fn flush(self, deadline: Duration) {
        // Its shutdown blocks until the last batch is sent.
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(deadline));
        match tokio::time::timeout(deadline, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => warn!(%error, "the last spans could not be sent"),
            Ok(Err(error)) => warn!(%error, "the last spans could not be sent"),
            Err(_) => warn!("the last spans could not be sent within {deadline:?}"),
        }
    }
}
