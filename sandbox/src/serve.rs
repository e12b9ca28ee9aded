//! A server behind a TCP port, with TLS and HTTP/2 or in the clear.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::object::put;
use crate::{
    faults::{Reach, line::Line},
    server::ApiServer,
};

/// How a server is reached.
#[derive(Clone, Debug)]
pub struct Transport {
    /// The address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether there is TLS, with a certificate made for this run.
    pub tls: bool,
    /// How many requests one HTTP/2 connection may carry at the same time; kube-apiserver allows 100.
    pub max_streams: u32,
}

/// A server behind a port. It is unreachable once this is dropped.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    authority: Option<String>,
    server: ApiServer,
    accepting: JoinHandle<()>,
}

/// A certificate authority and a certificate of it, made for one run.
struct Identity {
    authority: String,
    acceptor: TlsAcceptor,
}

// === impl Transport ===

impl Default for Transport {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: true,
            max_streams: 100,
        }
    }
}

// === impl ApiServer ===

impl ApiServer {
    /// Puts the server behind a TCP port.
    ///
    /// # Errors
    /// The address cannot be listened on, or no certificate can be made.
    pub async fn serve(&self, transport: Transport) -> io::Result<Serving> {
        let listener = TcpListener::bind(transport.address).await?;
        let address = listener.local_addr()?;
        let identity = if transport.tls {
            Some(Identity::new(address)?)
        } else {
            None
        };
        let (authority, acceptor) = identity.map(|identity| (identity.authority, identity.acceptor)).unzip();
        let accepting = tokio::spawn(accept(self.clone(), listener, acceptor, transport.max_streams));
        let serving = Serving {
            address,
            authority,
            server: self.clone(),
            accepting,
        };
        self.set_url(&serving.url());
        Ok(serving)
    }
}

// === impl Serving ===

impl Serving {
    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate authority to trust, as PEM; none without TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// A kubeconfig for this server, whose one context is called `context`. `path` is appended to the URL: the path of a logical cluster,
    /// or nothing.
    pub fn kubeconfig(&self, context: &str, path: &str) -> String {
        use base64::Engine as _;
        let mut cluster = json!({"server": format!("{}{path}", self.url())});
        if let Some(authority) = &self.authority {
            put(
                &mut cluster,
                "certificate-authority-data",
                base64::engine::general_purpose::STANDARD.encode(authority),
            );
        }
        let token = self
            .server
            .0
            .options
            .lock()
            .token
            .clone()
            .unwrap_or_else(|| "sandbox".into());
        // JSON is YAML.
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": {"token": token.reveal()}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "current-context": context,
        });
        format!("{kubeconfig:#}\n")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(server: ApiServer, listener: TcpListener, acceptor: Option<TlsAcceptor>, max_streams: u32) {
    // Dropped with this task: no connection outlives the port.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((socket, _)) = accepted else { continue };
        if server.faults().reach() == Reach::Refused {
            continue;
        }
        // Small writes (events of a watch) must not wait for acknowledgements.
        let _ = socket.set_nodelay(true);
        let (server, acceptor) = (server.clone(), acceptor.clone());
        connections.spawn(async move {
            let line = server.0.faults.line();
            let serving = async {
                match acceptor {
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(socket).await {
                            connection(server, stream, max_streams).await;
                        }
                    }
                    None => connection(server, socket, max_streams).await,
                }
            };
            tokio::select! {
                () = serving => {}
                () = refused(line) => {}
            }
        });
    }
}

/// Until the server goes down: its connections break then.
async fn refused(mut line: Line) {
    while line.reach() != Reach::Refused {
        line.changed().await;
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    server: ApiServer,
    stream: S,
    max_streams: u32,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(max_streams);
    let service = TowerToHyperService::new(server);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection to the sandbox ended");
    }
}

// === impl Identity ===

impl Identity {
    fn new(address: SocketAddr) -> io::Result<Self> {
        let mut authority = CertificateParams::new(Vec::<String>::new()).map_err(io::Error::other)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "tmc-syncer sandbox");
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let authority_certificate = authority.self_signed(&authority_key).map_err(io::Error::other)?;
        let issuer = Issuer::new(authority, authority_key);
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), address.ip().to_string()];
        let leaf = CertificateParams::new(names).map_err(io::Error::other)?;
        let leaf_key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = leaf.signed_by(&leaf_key, &issuer).map_err(io::Error::other)?;

        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            authority: authority_certificate.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}
