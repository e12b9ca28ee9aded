//! What is logged, and what arrives at a collector.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{debug, error, info, warn};

use super::*;
use crate::telemetry::options::Ratio;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().clone())
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

fn options(level: &str, format: LogFormat) -> LogOptions {
    LogOptions {
        log_level: level.to_owned(),
        log_format: format,
        otlp_endpoint: None,
        trace_sample: Ratio(1.0),
    }
}

/// Runs `act` under a log of its own and returns the lines.
fn logged(level: &str, format: LogFormat, act: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let layer = logs(&options(level, format), move || writer.clone()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
    log.lines()
}

#[test]
fn the_level_is_a_level_or_directives_per_module() {
    // What is asked for, and how many of the four lines come.
    let cases = [
        ("error", 1),
        ("warn", 2),
        ("info", 3),
        ("debug", 4),
        ("warn,chatty=debug", 4),
        ("off,quiet=info", 0),
    ];
    for (level, expected) in cases {
        let lines = logged(level, LogFormat::Text, || {
            error!(target: "chatty", "one");
            warn!(target: "chatty", "two");
            info!(target: "chatty", "three");
            debug!(target: "chatty", "four");
        });
        assert_eq!(lines.len(), expected, "{level}: {lines:?}");
    }
}

#[test]
fn a_level_that_cannot_be_understood_is_named() {
    let Err(error) = logs(&options("chatty=loud", LogFormat::Text), io::sink) else {
        panic!("chatty=loud is no level")
    };
    let message = error.to_string();
    assert!(
        message.starts_with("--log-level \"chatty=loud\" cannot be understood: "),
        "{message}"
    );
}

#[test]
fn bodies_and_frames_of_others_are_never_logged_however_much_is_asked_for() {
    for level in [
        "trace",
        "info,kube_client=trace,h2=trace,hyper=trace",
        "kube_client::client=trace",
    ] {
        let lines = logged(level, LogFormat::Text, || {
            warn!(target: "kube_client::client", "{}", r#"{"kind":"Secret","data":{"password":"hunter2"}}"#);
            debug!(target: "kube_client::client", "hunter2");
            debug!(target: "h2::codec::framed_read", "hunter2");
            debug!(target: "hyper::proto", "hunter2");
            debug!(target: "tower::buffer", "hunter2");
        });
        assert_eq!(lines, [""; 0], "{level}");
    }
}

#[test]
fn a_line_is_one_json_object_with_its_fields_on_top() {
    let lines = logged("info", LogFormat::Json, || {
        info!(target = "east", workspace = "root:org", "synced");
    });
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&line["level"], &line["message"], &line["workspace"]),
        (&"INFO".into(), &"synced".into(), &"root:org".into())
    );
    let places = lines[0].matches("\"target\"").count();
    assert_eq!((places, &line["target"]), (1, &"east".into()), "{line}");
    assert_eq!(line["module"], module_path!());
    assert!(line.get("trace_id").is_none(), "{line}");
}

#[cfg(feature = "otlp")]
mod spans {
    use std::net::SocketAddr;

    use opentelemetry::TraceId;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    };
    use syncer_clusters::TRACE_TARGET;
    use tonic::{Request, Response, Status, transport::server::TcpIncoming};
    use tracing::debug_span;

    use super::*;

    /// A collector that keeps the names and trace ids of spans.
    #[derive(Clone, Default)]
    struct Collector(Arc<Mutex<Vec<(String, String)>>>);

    #[tonic::async_trait]
    impl TraceService for Collector {
        async fn export(
            &self,
            request: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, Status> {
            let resources = request.into_inner().resource_spans.into_iter();
            let spans = resources
                .flat_map(|resource| resource.scope_spans)
                .flat_map(|scope| scope.spans);
            self.0.lock().extend(spans.map(|span| {
                (
                    span.name.clone(),
                    TraceId::from_bytes(span.trace_id[..].try_into().unwrap()).to_string(),
                )
            }));
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    fn collector() -> (SocketAddr, Collector) {
        let collector = Collector::default();
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let service = TraceServiceServer::new(collector.clone());
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        (address, collector)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn our_spans_arrive_and_a_json_line_names_their_trace() {
        let (address, collector) = collector();
        let tracing = otlp::tracing(Some(&format!("http://{address}")), 1.0).unwrap();
        let log = Log::default();
        let writer = log.clone();
        let logs = logs(&options("info", LogFormat::Json), move || writer.clone()).unwrap();
        let subscriber = tracing_subscriber::registry().with(logs).with(tracing.layer);
        tracing::subscriber::with_default(subscriber, || {
            debug_span!(target: TRACE_TARGET, "handle").in_scope(|| {
                debug_span!(target: "tower", "not ours").in_scope(|| info!("synced"));
            });
        });
        Telemetry { spans: tracing.spans }.flush(Duration::from_secs(10)).await;
        let sent = collector.0.lock().clone();
        let [(name, trace)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(name, "handle");
        let line: serde_json::Value = serde_json::from_str(&log.lines()[0]).unwrap();
        assert_eq!(line["trace_id"], trace.as_str());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_collector_that_is_away_does_not_hold_up_the_end() {
        // Accepts connections, and never answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        let tracing = otlp::tracing(Some(&endpoint), 1.0).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(tracing.layer), || {
            for _ in 0..10_000 {
                debug_span!(target: TRACE_TARGET, "handle").in_scope(|| {});
            }
        });
        let begun = std::time::Instant::now();
        Telemetry { spans: tracing.spans }
            .flush(Duration::from_millis(500))
            .await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        // What waits and what is on its way is all that is kept.
        let dropped = counters::counted(counters::Fate::Dropped);
        assert!(dropped > 10_000 - 4_096 - 2 * 512, "{dropped}");
    }

    #[tokio::test]
    async fn an_endpoint_that_cannot_be_used_is_named() {
        let result = otlp::tracing::<Registry>(Some("collector:4317"), 1.0);
        let Err(error) = result.map(|_| ()) else {
            panic!("no scheme")
        };
        assert_eq!(
            error.to_string(),
            "--otlp-endpoint \"collector:4317\" cannot be used: it is no http or https address; \
             give an address such as http://127.0.0.1:4317"
        );
    }
}
