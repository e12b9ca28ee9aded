//! A small OTLP collector.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
};
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// A span as it arrived; ids in hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty for a root.
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// The collector.
pub(super) struct Collector {
    address: SocketAddr,
    spans: Spans,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

// === impl Span ===

impl Span {
    pub(super) fn is_about(&self, object: &str) -> bool {
        self.attributes
            .get("object")
            .is_some_and(|about| about.ends_with(object))
    }
}

// === impl Collector ===

impl Collector {
    pub(super) fn start(pool: &Runtime) -> Self {
        let _entered = pool.enter();
        let spans = Spans::default();
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let service = TraceServiceServer::new(spans.clone());
        let server = tonic::transport::Server::builder().add_service(service);
        pool.spawn(server.serve_with_incoming(incoming));
        Self { address, spans }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that arrived so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.spans.0.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources
            .flat_map(|resource| resource.scope_spans)
            .flat_map(|scope| scope.spans);
        self.0.lock().unwrap().extend(spans.map(|span| {
            Span {
                attributes: span
                    .attributes
                    .into_iter()
                    .map(|pair| (pair.key, text(pair.value.and_then(|any| any.value))))
                    .collect(),
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                name: span.name,
            }
        }));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
