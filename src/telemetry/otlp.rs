//! Spans over OTLP.

use std::time::Duration;

use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Level, warn};
use tracing_subscriber::{Layer, filter::Targets};

use super::{Spans as Spanning, TelemetryError};

/// The spans that were not sent yet.
#[derive(Debug)]
pub(super) struct Spans(SdkTracerProvider);

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

/// Whose spans are sent. Not the exporter's own: each batch would make the next.
const OURS: [&str; 2] = ["tmc_syncer", "syncer"];

/// The layer that sends spans to `endpoint`, if there is one. Sampling follows `OTEL_TRACES_SAMPLER`; a full queue (2,048 spans) drops
/// what is new, so a collector that is away costs no memory and holds nobody up.
pub(super) fn layer<S: Spanning>(
    endpoint: Option<&str>,
) -> Result<(Option<impl Layer<S> + use<S>>, Option<Spans>), TelemetryError> {
    let Some(endpoint) = endpoint else {
        return Ok((None, None));
    };
    let provider = provider(endpoint).map_err(|cause| TelemetryError::Endpoint {
        endpoint: endpoint.to_owned(),
        cause,
    })?;
    let ours = Targets::new().with_targets(OURS.map(|target| (target, Level::DEBUG)));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("tmc-syncer"))
        .with_filter(ours);
    Ok((Some(layer), Some(Spans(provider))))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, EndpointError> {
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
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// The trace and the span that run now, if they are sampled.
pub(super) fn trace_and_span() -> Option<(String, String)> {
    let context = opentelemetry::Context::current();
    let span = context.span().span_context().clone();
    span.is_sampled()
        .then(|| (span.trace_id().to_string(), span.span_id().to_string()))
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
