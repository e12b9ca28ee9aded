//! A log line as JSON, with the trace that it belongs to.

use std::fmt;

use tracing::Event;
use tracing_subscriber::fmt::{
    FmtContext, FormatEvent, FormatFields,
    format::{Format, Json as JsonFormat, JsonFields, Writer},
};

use super::{Spans, otlp};

/// One JSON object a line, with the `module` that it is from; inside a sampled span with `trace_id` and `span_id`, as trace viewers expect them.
pub(super) struct Json(Format<JsonFormat>);

// === impl Json ===

impl Json {
    pub(super) fn new() -> Self {
        Self(
            tracing_subscriber::fmt::format()
                .json()
                .flatten_event(true)
                // `target` is a cluster in every line: where the line is from stands in `module`.
                .with_target(false)
                .with_current_span(true)
                .with_span_list(false),
        )
    }
}

impl<S: Spans> FormatEvent<S, JsonFields> for Json
where
    JsonFields: for<'a> FormatFields<'a>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        let Some(object) = line.trim_end().strip_suffix('}') else {
            return writer.write_str(&line);
        };
        // The name of a module needs no escaping.
        write!(writer, "{object},\"module\":\"{}\"", event.metadata().target())?;
        if let Some((trace, span)) = otlp::trace_and_span() {
            write!(writer, ",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"")?;
        }
        writeln!(writer, "}}")
    }
}
