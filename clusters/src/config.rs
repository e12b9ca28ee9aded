//! Where a cluster is and how we prove who we are: kubeconfigs, and the credentials of a pod.

mod context;
mod error;
mod proxy;
mod secret;

use std::{fmt, path::Path, sync::Arc};

pub use error::ConfigError;
pub(crate) use error::credentials;
use kube::config::Kubeconfig;
pub(crate) use proxy::Proxy;
pub use secret::TlsVerification;

/// How to reach one API server, with credentials. `Debug` shows where it came from and the server, nothing else.
#[derive(Clone)]
pub struct ClusterConfig {
    /// Where it came from, for errors.
    source: Arc<str>,
    kube: kube::Config,
    proxy: Proxy,
}

// === impl ClusterConfig ===

impl ClusterConfig {
    /// The context of a kubeconfig file of the operator's, or its current context. Taken at its word: plugins and paths too.
    pub fn from_kubeconfig_file(path: impl AsRef<Path>, context: Option<&str>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let source = format!("kubeconfig {}", path.display());
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| ConfigError::of_kubeconfig(&source, &error))?;
        Self::from_kubeconfig(&source, kubeconfig, context)
    }

    /// The credentials that Kubernetes gives to a pod. Token and authorities are read again about every minute.
    pub fn in_cluster() -> Result<Self, ConfigError> {
        let kube = kube::Config::incluster_env().map_err(|error| {
            ConfigError::new(
                "the pod's service account",
                &error.to_string(),
                "run in a pod, or name a kubeconfig",
            )
        })?;
        Ok(Self {
            source: "the pod's service account".into(),
            kube,
            proxy: Proxy::None,
        })
    }

    /// The usual order: a pod's credentials where there are any, then `KUBECONFIG`, then `~/.kube/config`.
    pub fn from_environment(context: Option<&str>) -> Result<Self, ConfigError> {
        if context.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            return Self::in_cluster();
        }
        let source = match std::env::var_os("KUBECONFIG") {
            Some(paths) => format!("kubeconfig {} (from KUBECONFIG)", paths.to_string_lossy()),
            None => "kubeconfig ~/.kube/config".to_owned(),
        };
        let kubeconfig = Kubeconfig::read().map_err(|error| ConfigError::of_kubeconfig(&source, &error))?;
        Self::from_kubeconfig(&source, kubeconfig, context)
    }

    fn from_kubeconfig(source: &str, mut kubeconfig: Kubeconfig, context: Option<&str>) -> Result<Self, ConfigError> {
        if let Some(context) = context {
            kubeconfig.current_context = Some(context.to_owned());
        }
        // An empty name is how an emptied kubeconfig says that there is none.
        kubeconfig.current_context = kubeconfig.current_context.filter(|context| !context.is_empty());
        let source = match &kubeconfig.current_context {
            Some(context) => format!("{source}, context {context}"),
            None => source.to_owned(),
        };
        let proxy_url = context::selected_cluster(&kubeconfig).and_then(|cluster| cluster.proxy_url.clone());
        context::has_its_user(&source, &kubeconfig)?;
        let mut kube =
            kube::Config::try_from(kubeconfig).map_err(|error| ConfigError::of_kubeconfig(&source, &error))?;
        // The proxy is ours to choose, and no request is repeated behind our back.
        kube.proxy_url = None;
        kube.default_retry = false;
        context::can_be_asked(&source, &kube)?;
        let proxy = Proxy::choose(&source, proxy_url.as_deref(), &kube.cluster_url)?;
        Ok(Self {
            source: source.into(),
            kube,
            proxy,
        })
    }

    /// The URL of the server, with its path.
    pub fn server(&self) -> String {
        self.kube.cluster_url.to_string().trim_end_matches('/').to_owned()
    }

    /// The namespace that it stands in: a pod's own, or that of the kubeconfig's context, or `default`.
    pub fn namespace(&self) -> &str {
        match self.kube.default_namespace.trim() {
            "" => "default",
            namespace => namespace,
        }
    }

    pub(crate) fn kube(&self) -> &kube::Config {
        &self.kube
    }

    pub(crate) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The same credentials towards another host, whose certificate bears its own name.
    pub(crate) fn towards(&self, url: &http::Uri) -> Self {
        let mut config = self.clone();
        if config.kube.cluster_url.authority() != url.authority() {
            config.kube.tls_server_name = None;
        }
        config.kube.cluster_url = url.clone();
        config
    }

    pub(crate) fn error(&self, cause: &str) -> ConfigError {
        ConfigError::new(&self.source, cause, "correct it there")
    }

    /// The command of its exec plugin. Arguments and environment are not shown: they can be credentials (S8).
    fn plugin(&self) -> Option<&str> {
        self.kube.auth_info.exec.as_ref()?.command.as_deref()
    }

    pub(crate) fn error_of_kube(&self, error: &kube::Error) -> ConfigError {
        ConfigError::of_kube(&self.source, error, self.plugin())
    }
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("source", &self.source)
            .field("server", &self.server())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
