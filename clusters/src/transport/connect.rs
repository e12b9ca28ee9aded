//! From credentials to connections: TCP, proxy, TLS, HTTP/2 or HTTP/1.1, and the authorization of each request.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    rt::{Read, Write},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Builder,
        connect::{
            Connection, HttpConnector,
            proxy::{SocksV5, Tunnel},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use kube::client::ConfigExt as _;
use rustls::pki_types::ServerName;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _, util::BoxCloneSyncService};

use super::{
    Channel, MakeChannel, connect_timeout::ConnectTimeout, fenced::Fenced, first_alone::FirstAlone,
    lanes::STREAMS_A_LANE, token_file::TokenFile,
};
use crate::{
    Fence,
    config::{ClusterConfig, ConfigError, Proxy},
};

/// What a stream may hold unread. A larger object flows through it in pieces.
const STREAM_WINDOW: u32 = 256 << 10;
/// What a connection may hold unread: every stream of a full lane, so that unread watches cannot freeze the others on it.
#[expect(clippy::cast_possible_truncation, reason = "80 windows of 256 KiB fit")]
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * (STREAMS_A_LANE as u32 + 20);
/// How often an otherwise silent connection is asked for a sign of life, so that a dead one is noticed in 30 s.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// What makes requests ours.
enum Authorization {
    /// Nothing in the request: a client certificate, or nobody.
    None,
    /// The token in a file.
    TokenFile(TokenFile),
    /// A token that is known, or that a plugin gives.
    Layer(kube::client::middleware::AuthLayer),
}

/// Makes channels to the server of `config`, behind `fence`. Nothing is connected yet; an exec plugin of a kubeconfig file is run, though.
pub(crate) fn channels(
    config: &ClusterConfig,
    connect_timeout: Duration,
    fence: Option<&Fence>,
) -> Result<MakeChannel, ConfigError> {
    // A second installation is refused, and the first one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    tcp.set_connect_timeout(Some(connect_timeout));
    let fence = fence.cloned();
    let tcp = tcp.map_response(move |io| Fenced::new(io, fence.clone()));
    match config.proxy() {
        Proxy::None => make(config, tcp, connect_timeout),
        Proxy::Socks5(proxy) => make(config, SocksV5::new(proxy.clone(), tcp), connect_timeout),
        Proxy::Http { uri, authorization } => make(config, tunnel(uri, authorization.as_ref(), tcp), connect_timeout),
        Proxy::Https { uri, authorization } => {
            // The proxy is somebody else than the API server: its certificate is judged by the system's authorities.
            let tls = HttpsConnectorBuilder::new()
                .with_tls_config(Proxy::tls(config)?)
                .https_or_http()
                .enable_http1()
                .wrap_connector(tcp);
            make(config, tunnel(uri, authorization.as_ref(), tls), connect_timeout)
        }
    }
}

fn tunnel<C>(proxy: &Uri, authorization: Option<&http::HeaderValue>, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match authorization {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    }
}

fn make<H>(config: &ClusterConfig, connector: H, connect_timeout: Duration) -> Result<MakeChannel, ConfigError>
where
    H: Service<Uri> + Clone + Send + Sync + 'static,
    H::Response: Connection + Read + Write + Send + Unpin + 'static,
    H::Future: Send + 'static,
    H::Error: Into<BoxError> + Send + Sync + 'static,
{
    let connector = ConnectTimeout::new(https(config, connector)?, connect_timeout);
    let authorization = Arc::new(authorization(config)?);
    let headers = config
        .kube()
        .extra_headers_layer()
        .map_err(|error| config.error_of_kube(&error))?;
    Ok(Box::new(move || {
        let client = http_client().build::<_, Full<Bytes>>(connector.clone());
        let client = client
            .map_response(|answer: Response<Incoming>| answer.map(|body| body.map_err(BoxError::from).boxed_unsync()));
        let client = ServiceBuilder::new()
            .layer(headers.clone())
            .map_err(BoxError::from)
            .service(client);
        let with_bytes = |request: Request<Bytes>| request.map(Full::new);
        match &*authorization {
            Authorization::Layer(layer) => {
                let client = tower::Layer::layer(layer, client).map_request(with_bytes);
                BoxCloneSyncService::new(FirstAlone::new(client))
            }
            Authorization::TokenFile(tokens) => {
                let tokens = tokens.clone();
                let with_token = move |request: Request<Bytes>| tokens.authorize(request.map(Full::new));
                BoxCloneSyncService::new(FirstAlone::new(client.map_request(with_token)))
            }
            Authorization::None => BoxCloneSyncService::new(FirstAlone::new(client.map_request(with_bytes))),
        }
    }))
}

/// A token file counts before an inline token, as it does for kubectl.
fn authorization(config: &ClusterConfig) -> Result<Authorization, ConfigError> {
    if let Some(file) = &config.kube().auth_info.token_file {
        let tokens = TokenFile::open(Path::new(file)).map_err(|error| config.error(&error.to_string()))?;
        return Ok(Authorization::TokenFile(tokens));
    }
    let layer = config
        .kube()
        .auth_layer()
        .map_err(|error| config.error_of_kube(&error))?;
    Ok(layer.map_or(Authorization::None, Authorization::Layer))
}

fn https<H>(config: &ClusterConfig, connector: H) -> Result<HttpsConnector<H>, ConfigError>
where
    H: Service<Uri>,
{
    let tls = config
        .kube()
        .rustls_client_config()
        .map_err(|error| config.error_of_kube(&error))?;
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match &config.kube().tls_server_name {
        Some(name) => {
            let name =
                ServerName::try_from(name.clone()).map_err(|_| config.error("its tls-server-name is no host name"))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    Ok(builder.enable_all_versions().wrap_connector(connector))
}

/// An HTTP client with a pool of its own. It repeats a request only if the connection closed before anything was sent.
fn http_client() -> Builder {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .http2_keep_alive_while_idle(true);
    builder
}

/// A channel to a service in this process: for tests and for an in-memory API server.
pub(crate) fn in_process<S, B>(service: S) -> Channel
where
    S: Service<Request<Bytes>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service
        .map_err(Into::into)
        .map_response(|answer: Response<B>| answer.map(|body| body.map_err(Into::into).boxed_unsync()));
    BoxCloneSyncService::new(service)
}
