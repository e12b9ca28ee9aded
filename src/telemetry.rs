//! Logs on stderr, and spans over OTLP.

mod counters;
mod line;
mod options;
#[cfg_attr(not(feature = "otlp"), path = "telemetry/no_otlp.rs")]
mod otlp;

use std::{io, time::Duration};

use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, FilterFn, ParseError},
    fmt::MakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use self::options::LogFormat;
pub(crate) use self::{counters::register, options::LogOptions};

/// What has to be done before the process ends.
#[must_use = "spans that are not flushed are lost"]
#[derive(Debug)]
pub(crate) struct Telemetry {
    spans: Option<otlp::Spans>,
}

/// Logs or traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    #[error(
        "--log-level {directives:?} cannot be understood: {cause}; give a level or directives such as info,syncer_clusters=debug"
    )]
    Level {
        directives: String,
        #[source]
        cause: ParseError,
    },
    #[error("--otlp-endpoint {endpoint:?} cannot be used: {cause}; give an address such as http://127.0.0.1:4317")]
    Endpoint {
        endpoint: String,
        #[source]
        cause: otlp::EndpointError,
    },
    #[error("logs are already set up")]
    Installed,
}

/// The most that others may log, whatever `--log-level` asks for (S8): kube's client writes whole response bodies at WARN, Secrets
/// included; below INFO the transports write frames, with tokens in their headers.
const CAPPED: [(&str, Level); 7] = [
    ("kube_client", Level::ERROR),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("hyper_util", Level::INFO),
    ("rustls", Level::INFO),
    ("tonic", Level::INFO),
    ("tower", Level::INFO),
];

/// Installs both, for the whole process. With an endpoint it has to be called inside the tokio runtime.
pub(crate) fn install(options: &LogOptions) -> Result<Telemetry, TelemetryError> {
    let logs = logs(options, io::stderr)?;
    let tracing = otlp::tracing(options.otlp_endpoint.as_deref(), options.trace_sample.0)?;
    tracing_subscriber::registry()
        .with(logs)
        .with(tracing.layer)
        .try_init()
        .map_err(|_| TelemetryError::Installed)?;
    if let Some(traces) = tracing.traces {
        syncer_actors::runtime::install_tracer(traces);
    }
    Ok(Telemetry { spans: tracing.spans })
}

/// The log, in the form and at the level that were asked for.
fn logs<W>(options: &LogOptions, writer: W) -> Result<impl Layer<Registry> + use<W>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let asked = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(&options.log_level);
    let asked = asked.map_err(|cause| TelemetryError::Level {
        directives: options.log_level.clone(),
        cause,
    })?;
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = match options.log_format {
        LogFormat::Text => layer.compact().with_ansi(false).boxed(),
        LogFormat::Json => {
            let fields = tracing_subscriber::fmt::format::JsonFields::new();
            layer.fmt_fields(fields).event_format(line::Json::new()).boxed()
        }
    };
    Ok(layer.with_filter(asked.and(FilterFn::new(may_be_logged))))
}

fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let owner = metadata.target().split("::").next().unwrap_or_default();
    CAPPED
        .iter()
        .all(|(capped, level)| owner != *capped || metadata.level() <= level)
}

// === impl Telemetry ===

impl Telemetry {
    /// Sends the spans that were not sent yet, for `deadline` at most.
    pub(crate) async fn flush(self, deadline: Duration) {
        if let Some(spans) = self.spans {
            spans.flush(deadline).await;
        }
    }
}

/// A subscriber that spans can be looked up in.
trait Spans: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> {}

impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Spans for S {}

#[cfg(test)]
mod tests;
