//! A log line as JSON, with the trace that it belongs to.

use std::fmt;

use tracing::Event;
use tracing_subscriber::fmt::{
    FmtContext, FormatEvent, FormatFields,
    format::{Format, Json as JsonFormat, JsonFields, Writer},
};

use super::{Spans, otlp};

/// One JSON object a line; inside a sampled span with `trace_id` and `span_id`, as trace viewers expect them.
pub(super) struct Json(Format<JsonFormat>);

// === impl Json ===

impl Json {
    pub(super) fn new() -> Self {
        Self(
            tracing_subscriber::fmt::format()
                .json()
                .flatten_event(true)
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
        let Some((trace, span)) = otlp::trace_and_span() else {
            return self.0.format_event(ctx, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            Some(object) => writeln!(writer, "{object},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}"),
            None => writer.write_str(&line),
        }
    }
}
