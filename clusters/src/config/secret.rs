//! Kubeconfigs out of Secrets: written by tenants, so they may carry credentials and nothing that acts in our pod.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::{ClusterConfig, ConfigError};

/// Whether a server may go unverified because a kubeconfig out of a Secret says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsVerification {
    /// Never.
    Required,
    /// As the kubeconfig says: the `SyncTarget` allows it in so many words.
    AsTheKubeconfigSays,
}

// === impl ClusterConfig ===

impl ClusterConfig {
    /// The same out of `data` of a Secret as an API server shows it: in base64.
    pub fn from_secret_data(data: &str, verification: TlsVerification) -> Result<Self, ConfigError> {
        let kubeconfig = BASE64_STANDARD.decode(data).map_err(|_| {
            ConfigError::new(
                "kubeconfig in a Secret",
                "it is not base64",
                "write it under stringData",
            )
        })?;
        Self::from_kubeconfig_secret(&kubeconfig, verification)
    }

    /// The same server, whose certificate is not verified.
    #[must_use]
    pub fn unverified(mut self) -> Self {
        self.kube.accept_invalid_certs = true;
        self
    }

    /// The current context of a kubeconfig that lies in a Secret. Refused with a plugin or a file path anywhere in it: these
    /// would run commands and read files where we run.
    pub fn from_kubeconfig_secret(kubeconfig: &[u8], verification: TlsVerification) -> Result<Self, ConfigError> {
        let source = "kubeconfig in a Secret";
        let text = std::str::from_utf8(kubeconfig)
            .map_err(|_| ConfigError::new(source, "it is not UTF-8", "store it as YAML"))?;
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| ConfigError::of_kubeconfig(source, &error))?;
        if let Some((entry, what)) = first_refused(&kubeconfig) {
            let cause = format!("{entry} has {what}, which is not allowed in a Secret");
            return Err(ConfigError::new(
                source,
                &cause,
                "give certificates, keys and tokens inline",
            ));
        }
        let config = Self::from_kubeconfig(source, kubeconfig, None)?;
        let verified = !config.kube.accept_invalid_certs && config.kube.cluster_url.scheme_str() == Some("https");
        if !verified && verification == TlsVerification::Required {
            let cause = "its server would not be verified";
            return Err(ConfigError::new(
                source,
                cause,
                "give its authority, or set spec.insecureSkipTLSVerify on the SyncTarget",
            ));
        }
        Ok(config)
    }
}

fn first_refused(kubeconfig: &Kubeconfig) -> Option<(String, &'static str)> {
    let clusters = kubeconfig.clusters.iter().filter_map(|named| {
        let refused = named.cluster.as_ref().and_then(refused_in_cluster)?;
        Some((format!("cluster {}", named.name), refused))
    });
    let users = kubeconfig.auth_infos.iter().filter_map(|named| {
        let refused = named.auth_info.as_ref().and_then(refused_in_user)?;
        Some((format!("user {}", named.name), refused))
    });
    clusters.chain(users).next()
}

fn refused_in_cluster(cluster: &Cluster) -> Option<&'static str> {
    cluster
        .certificate_authority
        .is_some()
        .then_some("a path (certificate-authority)")
}

fn refused_in_user(user: &AuthInfo) -> Option<&'static str> {
    let found = [
        (user.exec.is_some(), "an exec plugin"),
        (user.auth_provider.is_some(), "an auth-provider plugin"),
        (user.token_file.is_some(), "a path (tokenFile)"),
        (user.client_certificate.is_some(), "a path (client-certificate)"),
        (user.client_key.is_some(), "a path (client-key)"),
    ];
    found.into_iter().find_map(|(found, what)| found.then_some(what))
}
