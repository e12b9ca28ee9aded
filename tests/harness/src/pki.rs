//! A certificate authority for one test server.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::OrFail;

/// A certificate authority that lives as long as a test. Its certificates have no end that a test could meet.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct KeyPairPem {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

// === impl Authority ===

impl Authority {
    /// A new authority with the common name `name`.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().or_fail("make a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).or_fail("make a certificate authority"),
        }
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server on the loopback address.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn server(&self) -> KeyPairPem {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).or_fail("name the server");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// A certificate for the client `user`; API servers take its organisations as the user's groups.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn client(&self, user: &str, group: &str) -> KeyPairPem {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> KeyPairPem {
        let key = KeyPair::generate().or_fail("make a key");
        let certificate = params.signed_by(&key, &self.issuer).or_fail("sign a certificate");
        KeyPairPem {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A key for signing service account tokens: the private key and the public key, PEM.
///
/// # Panics
/// When it cannot be made.
pub(crate) fn signing_key() -> (String, String) {
    let key = KeyPair::generate().or_fail("make a key");
    (key.serialize_pem(), key.public_key_pem())
}
