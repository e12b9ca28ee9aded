//! The certificate of a go-between.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{Authority, OrFail};

/// How it speaks with a certificate of `authority`.
pub(super) fn secured(authority: &Authority) -> Arc<ServerConfig> {
    let pair = authority.server();
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).or_fail("read a certificate");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).or_fail("read a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .or_fail("choose versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.or_fail("use a certificate"))
}
