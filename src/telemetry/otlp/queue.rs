//! The way of spans to the collector: bounded, counted, and never waited for. A collector that is away costs what the queue holds.

use std::{fmt, time::Duration};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use parking_lot::Mutex;
use tokio::{sync::mpsc, time::timeout};
use tracing::{info, warn};

use crate::telemetry::counters::{Fate, count};

/// Spans that may wait. Beyond that the newest is dropped, and counted.
const WAITING: usize = 4096;

/// Spans of one request to the collector, at most.
const BATCH: usize = 512;

/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(1);

/// How long a request to the collector may take.
const EXPORT_LIMIT: Duration = Duration::from_secs(10);

/// The queue.
pub(super) struct Queue {
    /// `None` once it is shut.
    spans: Mutex<Option<mpsc::Sender<SpanData>>>,
    /// Ends when all that waited is sent.
    ended: Mutex<std::sync::mpsc::Receiver<()>>,
}

// === impl Queue ===

impl Queue {
    /// Sends to `exporter`, in a task of the runtime that this is called in.
    pub(super) fn to(mut exporter: impl SpanExporter + 'static, resource: &Resource) -> Self {
        exporter.set_resource(resource);
        let (spans, waiting) = mpsc::channel(WAITING);
        let (done, ended) = std::sync::mpsc::channel();
        tokio::spawn(async move {
            send(exporter, waiting).await;
            // Nobody may wait for it.
            let _ = done.send(());
        });
        Self {
            spans: Mutex::new(Some(spans)),
            ended: Mutex::new(ended),
        }
    }
}

async fn send(exporter: impl SpanExporter, mut waiting: mpsc::Receiver<SpanData>) {
    let mut reachable = true;
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        let gathered = async {
            while batch.len() < BATCH
                && let Some(span) = waiting.recv().await
            {
                batch.push(span);
            }
        };
        // Time is up: what is there goes.
        let _ = timeout(GATHER, gathered).await;
        let spans = batch.len();
        let sent = timeout(EXPORT_LIMIT, exporter.export(batch)).await;
        let failure = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {EXPORT_LIMIT:?}")),
        };
        count(if failure.is_none() { Fate::Sent } else { Fate::Failed }, spans);
        // Said once; the counter goes on.
        match (&failure, reachable) {
            (Some(error), true) => {
                warn!(%error, "traces cannot be sent to the collector of --otlp-endpoint: they are dropped, the sync goes on");
            }
            (None, false) => info!("traces are sent again"),
            _ => {}
        }
        reachable = failure.is_none();
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let taken = self
            .spans
            .lock()
            .as_ref()
            .is_some_and(|spans| spans.try_send(span).is_ok());
        if !taken {
            count(Fate::Dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, deadline: Duration) -> OTelSdkResult {
        drop(self.spans.lock().take());
        let ended = self.ended.lock().recv_timeout(deadline);
        ended.map_err(|_| OTelSdkError::Timeout(deadline))
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queue")
    }
}
