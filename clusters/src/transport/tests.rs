//! The transport against a real server on the loopback address, with TLS.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, future, stream};
use http::{Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use syncer_core::built_in;
use tokio::net::TcpListener;

use super::AnswerBody;
use crate::{
    Apply, Cause, Cluster, ClusterConfig, FieldsV1Kept, Limits, WatchEvent, WatchOptions,
    scripted::{Log, config_maps, event, object, page},
};

/// What a server saw.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    versions: Mutex<Vec<Version>>,
    tokens: Mutex<Vec<String>>,
    client_certificates: AtomicUsize,
}

/// How a server is set up.
#[derive(Clone, Copy)]
struct Setup {
    name: &'static str,
    alpn: &'static [&'static [u8]],
    client_certificates: bool,
    streams: u32,
}

/// A server, and the kubeconfig towards it.
struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    authority: String,
    client: (String, String),
}

const SETUP: Setup = Setup {
    name: "127.0.0.1",
    alpn: &[b"h2", b"http/1.1"],
    client_certificates: false,
    streams: 100,
};
const TOKEN: &str = "t0ken-hunter2";

// === impl Server ===

impl Server {
    async fn start(setup: Setup) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new([name.to_owned()])
                .unwrap()
                .signed_by(&key, &issuer)
                .unwrap();
            (certificate, key)
        };
        let (certificate, key) = issue(setup.name);
        let (client, client_key) = issue("someone");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = ServerConfig::builder();
        let builder = if setup.client_certificates {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut tls = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        tls.alpn_protocols = setup.alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        tokio::spawn(accept(listener, tls, setup.streams, Arc::clone(&seen)));
        Self {
            address,
            seen,
            authority: issuer.pem(),
            client: (client.pem(), client_key.serialize_pem()),
        }
    }

    fn kubeconfig(&self, cluster: &str, user: &str) -> String {
        let data = base64(&self.authority);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: \"https://{}\", certificate-authority-data: {data}{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n",
            self.address
        )
    }

    fn cluster(&self) -> Cluster {
        connect(&self.kubeconfig("", &format!("token: {TOKEN}")), Limits::default())
    }
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, n| {
            bits << 8 | u32::from(chunk.get(n).copied().unwrap_or(0))
        });
        for n in 0..4 {
            out.push(if n <= chunk.len() {
                char::from(DIGITS[(bits >> (18 - 6 * n) & 63) as usize])
            } else {
                '='
            });
        }
    }
    out
}

fn connect(kubeconfig: &str, limits: Limits) -> Cluster {
    let config =
        ClusterConfig::from_kubeconfig_secret(kubeconfig.as_bytes(), crate::TlsVerification::Required).unwrap();
    Cluster::connect("east", config, limits).unwrap()
}

async fn accept(listener: TcpListener, tls: ServerConfig, streams: u32, seen: Arc<Seen>) {
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(socket) = acceptor.accept(socket).await else {
                return;
            };
            seen.connections.fetch_add(1, Ordering::Relaxed);
            if socket.get_ref().1.peer_certificates().is_some() {
                seen.client_certificates.fetch_add(1, Ordering::Relaxed);
            }
            let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            builder.http2().max_concurrent_streams(streams);
            let service = hyper::service::service_fn(move |request| {
                let seen = Arc::clone(&seen);
                async move { Ok::<_, Infallible>(answer(&request, &seen)) }
            });
            let serving: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(builder.serve_connection(TokioIo::new(socket), service));
            let _ = serving.await;
        });
    }
}

fn answer(request: &Request<Incoming>, seen: &Seen) -> Response<AnswerBody> {
    seen.versions.lock().unwrap().push(request.version());
    let token = request
        .headers()
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    seen.tokens.lock().unwrap().extend(token);
    let query = request.uri().query().unwrap_or_default();
    let whole = |text: String| Full::from(text).map_err(|never| match never {}).boxed_unsync();
    Response::new(if query.contains("watch=true") {
        // Without end, as fast as it is read.
        let line = Bytes::from(format!("{}\n", event("MODIFIED", &object(&"x".repeat(16_000), 1))));
        StreamBody::new(stream::repeat_with(move || Ok(Frame::data(line.clone())))).boxed_unsync()
    } else if query.contains("limit=") {
        whole(page("10", "", &[]))
    } else {
        whole(object("web", 1))
    })
}

type Watch = Pin<Box<dyn futures::Stream<Item = WatchEvent> + Send>>;

/// Opens a watch and reads no more than its first event.
async fn open(cluster: &Cluster) -> Watch {
    let mut watch: Watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(20), watch.next())
            .await
            .expect("an event in time");
        assert!(!matches!(next, Some(WatchEvent::Interrupted(_))), "{next:?}");
    }
    watch
}

async fn write(cluster: &Cluster) {
    let body = Bytes::from_static(b"{}");
    cluster
        .apply(&config_maps(), "default", "web", body, &Apply::forced("tmc-syncer"))
        .await
        .unwrap();
}

#[tokio::test]
async fn two_hundred_unread_watches_do_not_hold_up_a_single_write() {
    let server = Server::start(SETUP).await;
    let cluster = server.cluster();
    let watches = future::join_all((0..200).map(|_| open(&cluster))).await;
    let writes = future::join_all((0..64).map(|_| async {
        for _ in 0..8 {
            write(&cluster).await;
        }
    }));
    tokio::time::timeout(Duration::from_secs(25), writes)
        .await
        .expect("writes within their deadline");
    assert_eq!(
        server.seen.connections.load(Ordering::Relaxed),
        4,
        "three lanes of watches and one of requests"
    );
    assert!(
        server
            .seen
            .versions
            .lock()
            .unwrap()
            .iter()
            .all(|version| *version == Version::HTTP_2)
    );
    assert!(
        server
            .seen
            .tokens
            .lock()
            .unwrap()
            .iter()
            .all(|token| *token == format!("Bearer {TOKEN}"))
    );
    drop(watches);
}

#[tokio::test]
async fn watches_beyond_a_low_limit_of_streams_get_lanes_of_their_own() {
    let server = Server::start(Setup { streams: 8, ..SETUP }).await;
    let limits = Limits {
        request_timeout: Duration::from_millis(700),
        list_timeout: Duration::from_millis(700),
        ..Limits::default()
    };
    let cluster = connect(&server.kubeconfig("", &format!("token: {TOKEN}")), limits);
    let mut watches: Vec<Watch> = Vec::new();
    for _ in 0..20 {
        let mut watch: Watch = Box::pin(cluster.watch(config_maps(), WatchOptions::default()));
        let applied = async {
            while let Some(event) = watch.next().await {
                if matches!(event, WatchEvent::Applied(_)) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), applied)
            .await
            .expect("the watch opens in the end");
        watches.push(watch);
    }
    write(&cluster).await;
    assert!(server.seen.connections.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_server_without_http2_is_spoken_to_in_http1() {
    let server = Server::start(Setup {
        alpn: &[b"http/1.1"],
        ..SETUP
    })
    .await;
    let cluster = server.cluster();
    let watches = future::join_all((0..10).map(|_| open(&cluster))).await;
    future::join_all((0..10).map(|_| write(&cluster))).await;
    assert!(
        server
            .seen
            .versions
            .lock()
            .unwrap()
            .iter()
            .all(|version| *version == Version::HTTP_11)
    );
    drop(watches);
}

#[tokio::test]
async fn a_certificate_is_verified_by_the_name_that_the_kubeconfig_gives() {
    let server = Server::start(Setup {
        name: "api.example.org",
        ..SETUP
    })
    .await;
    let token = format!("token: {TOKEN}");
    write(&connect(
        &server.kubeconfig(", tls-server-name: api.example.org", &token),
        Limits::default(),
    ))
    .await;
    let error = server
        .cluster()
        .get(&config_maps(), "default", "web", FieldsV1Kept::None)
        .await
        .unwrap_err();
    assert!(
        matches!(error.cause(), Cause::Connect(text) if text.contains("certificate")),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let server = Server::start(Setup {
        client_certificates: true,
        ..SETUP
    })
    .await;
    let user = format!(
        "client-certificate-data: {}, client-key-data: {}",
        base64(&server.client.0),
        base64(&server.client.1)
    );
    write(&connect(&server.kubeconfig("", &user), Limits::default())).await;
    assert_eq!(server.seen.client_certificates.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn new_credentials_are_used_from_the_next_request_on() {
    let server = Server::start(SETUP).await;
    let cluster = server.cluster();
    let logical = cluster.logical(&syncer_core::identity::LogicalCluster::new("1abc"));
    write(&logical).await;
    let renewed = server.kubeconfig("", "token: another");
    let config =
        |text: &str| ClusterConfig::from_kubeconfig_secret(text.as_bytes(), crate::TlsVerification::Required).unwrap();
    cluster.renew(config(&renewed)).unwrap();
    write(&logical).await;
    assert_eq!(
        *server.seen.tokens.lock().unwrap(),
        [format!("Bearer {TOKEN}"), "Bearer another".to_owned()]
    );
    let elsewhere = renewed.replace(&server.address.to_string(), "127.0.0.1:1");
    assert!(
        cluster.renew(config(&elsewhere)).is_err(),
        "another server has other objects"
    );
}

#[tokio::test]
async fn a_token_file_is_read_where_the_operator_names_one() {
    let server = Server::start(SETUP).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "from-file").unwrap();
    let path: PathBuf = folder.path().join("kubeconfig");
    std::fs::write(&path, server.kubeconfig("", "tokenFile: token")).unwrap();
    let config = ClusterConfig::from_kubeconfig_file(&path, None).unwrap();
    write(&Cluster::connect("east", config, Limits::default()).unwrap()).await;
    assert_eq!(*server.seen.tokens.lock().unwrap(), ["Bearer from-file"]);
}

#[tokio::test]
async fn a_refused_connection_says_so_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap(),
        ..Server::start(SETUP).await
    };
    drop(listener);
    let error = server
        .cluster()
        .get(&config_maps(), "default", "web", FieldsV1Kept::None)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("east: get configmaps default/web: no connection: "),
        "{text}"
    );
    assert_eq!(text.matches("refused").count(), 1, "{text}");
}

/// S8, on the wire: neither bodies nor tokens are in the log of any layer, at the finest level.
#[test]
fn neither_body_nor_token_is_logged_by_any_layer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            const PROTOCOLS: [&[&[u8]]; 2] = [&[b"h2"], &[b"http/1.1"]];
            for alpn in PROTOCOLS {
                let server = Server::start(Setup { alpn, ..SETUP }).await;
                let body = Bytes::from_static(br#"{"data":{"password":"aHVudGVyMg=="},"stringData":{"p":"hunter2"}}"#);
                let cluster = server.cluster();
                cluster
                    .apply(
                        &built_in::secrets(),
                        "default",
                        "web",
                        body,
                        &Apply::forced("tmc-syncer"),
                    )
                    .await
                    .unwrap();
            }
        });
    });
    let log = log.text();
    assert!(
        log.contains("TRACE") && log.len() > 10_000,
        "the layers log: {}",
        log.len()
    );
    for line in log.lines() {
        assert!(!line.contains("hunter2") && !line.contains("aHVudGVyMg"), "{line}");
    }
}
