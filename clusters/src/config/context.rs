//! What the chosen context of a kubeconfig has to name, beyond what a client library asks for.

use kube::config::{Cluster, Context, Kubeconfig};

use super::ConfigError;

/// The chosen context.
pub(super) fn selected_context(kubeconfig: &Kubeconfig) -> Option<&Context> {
    let chosen = kubeconfig.current_context.as_deref()?;
    let named = kubeconfig.contexts.iter().find(|named| named.name == chosen)?;
    named.context.as_ref()
}

/// The cluster of the chosen context.
pub(super) fn selected_cluster(kubeconfig: &Kubeconfig) -> Option<&Cluster> {
    let context = selected_context(kubeconfig)?;
    let named = kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?;
    named.cluster.as_ref()
}

/// Refuses a context whose user is not there: it would act as nobody, and be told of missing permissions.
pub(super) fn has_its_user(source: &str, kubeconfig: &Kubeconfig) -> Result<(), ConfigError> {
    let user = selected_context(kubeconfig).and_then(|context| context.user.as_deref());
    match user {
        Some(user) if !user.is_empty() && !kubeconfig.auth_infos.iter().any(|named| named.name == user) => {
            let cause = format!("it has no user {user}, which its context names");
            Err(ConfigError::new(source, &cause, "add the user"))
        }
        _ => Ok(()),
    }
}

/// Refuses a server that cannot be asked, and an authority that verifies nothing.
pub(super) fn can_be_asked(source: &str, kube: &kube::Config) -> Result<(), ConfigError> {
    let url = &kube.cluster_url;
    if !matches!(url.scheme_str(), Some("https" | "http")) || url.authority().is_none() {
        return Err(ConfigError::new(
            source,
            "its server is no URL with a scheme and a host",
            "write it as https://host:port",
        ));
    }
    if kube.root_cert.as_ref().is_some_and(Vec::is_empty) {
        return Err(ConfigError::new(
            source,
            "its certificate-authority has no certificate in it",
            "give one in PEM, in certificate-authority-data as base64",
        ));
    }
    Ok(())
}
