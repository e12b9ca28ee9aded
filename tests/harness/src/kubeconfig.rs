//! Kubeconfig files.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{KeyPairPem, Scratch};

static NEXT: AtomicU32 = AtomicU32::new(1);

/// How to reach a server as one user: what a kubeconfig file with one context says.
#[derive(Clone)]
pub struct Kubeconfig {
    /// The base URL.
    pub server: String,
    /// The certificate of the authority that vouches for the server, PEM.
    pub authority: String,
    /// Who asks.
    pub credentials: Credentials,
}

/// How a client says who it is.
#[derive(Clone)]
pub enum Credentials {
    /// With a bearer token.
    Token(String),
    /// With a client certificate.
    Certificate(KeyPairPem),
    /// Not at all.
    Anonymous,
}

// === impl Kubeconfig ===

impl Kubeconfig {
    /// The same server at the path `path`, such as `/clusters/root:a` of kcp.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self {
            server: format!("{}{path}", self.server),
            ..self.clone()
        }
    }

    /// The same server with other credentials.
    #[must_use]
    pub fn with(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// The content of the file; its context, cluster and user are called `test`.
    pub fn to_yaml(&self) -> String {
        let authority = BASE64_STANDARD.encode(&self.authority);
        let user = match &self.credentials {
            Credentials::Token(token) => format!("    token: {token}\n"),
            Credentials::Certificate(pair) => format!(
                "    client-certificate-data: {}\n    client-key-data: {}\n",
                BASE64_STANDARD.encode(&pair.certificate),
                BASE64_STANDARD.encode(&pair.key)
            ),
            Credentials::Anonymous => "    {}\n".to_owned(),
        };
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: test\n  cluster:\n    server: {}\n    certificate-authority-data: {authority}\n\
             users:\n- name: test\n  user:\n{user}\
             contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n",
            self.server
        )
    }
}

/// Writes `kubeconfig` to a new file among `files`.
pub(crate) fn write(files: &Scratch, kubeconfig: &Kubeconfig) -> PathBuf {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    files.write(&format!("{number:03}.kubeconfig"), &kubeconfig.to_yaml())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_names_server_authority_and_user() {
        let kubeconfig = Kubeconfig {
            server: "https://127.0.0.1:6443".to_owned(),
            authority: "pem".to_owned(),
            credentials: Credentials::Token("t".to_owned()),
        };
        let yaml = kubeconfig.at("/clusters/root:a").to_yaml();
        for part in [
            "server: https://127.0.0.1:6443/clusters/root:a\n",
            "authority-data: cGVt\n",
            "token: t\n",
        ] {
            assert!(yaml.contains(part), "{part} in {yaml}");
        }
        assert!(!kubeconfig.with(Credentials::Anonymous).to_yaml().contains("token"));
    }
}
