use std::sync::Arc;

use http::{Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::Value;
use tokio::net::TcpStream;

use super::client::{MAPS, config_map, post, server};
use crate::{Serving, Transport};

async fn connect(serving: &Serving, protocol: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(serving.authority().unwrap().as_bytes()).unwrap())
        .unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = TcpStream::connect(serving.address()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .unwrap()
}

fn request(path: &str) -> Request<Empty<bytes::Bytes>> {
    Request::builder()
        .uri(path)
        .header("host", "sandbox")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn it_is_served_over_tls_with_both_versions_of_http() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let serving = server.serve(Transport::default()).await.unwrap();

    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(connect(&serving, b"h2").await))
            .await
            .unwrap();
    let task = tokio::spawn(connection);
    // A watch that hangs does not keep the connection from other requests.
    let mut watch = sender
        .send_request(request(&format!("{}{MAPS}?watch=1", serving.url())))
        .await
        .unwrap();
    let event = watch.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(event.starts_with(b"{\"type\":\"ADDED\""));
    let list = sender
        .send_request(request(&format!("{}{MAPS}", serving.url())))
        .await
        .unwrap();
    assert_eq!((list.status().as_u16(), list.version()), (200, Version::HTTP_2));
    task.abort();

    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connect(&serving, b"http/1.1").await))
            .await
            .unwrap();
    let task = tokio::spawn(connection);
    let list = sender.send_request(request(MAPS)).await.unwrap();
    let body: Value = serde_json::from_slice(&list.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(body["items"].as_array().unwrap().len(), 1);
    task.abort();
}

#[tokio::test]
async fn a_kubeconfig_names_server_authority_and_token() {
    let server = server();
    server.set_token(Some("secret".into()));
    let serving = server.serve(Transport::default()).await.unwrap();
    let config: Value = serde_json::from_str(&serving.kubeconfig("east", "/clusters/root")).unwrap();
    assert_eq!(config["current-context"], "east");
    assert_eq!(
        config["clusters"][0]["cluster"]["server"],
        format!("{}/clusters/root", serving.url())
    );
    assert_eq!(config["users"][0]["user"]["token"], "secret");
}
