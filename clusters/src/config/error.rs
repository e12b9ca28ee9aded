//! What is wrong with a kubeconfig, without quoting it.

use std::fmt;

use kube::{client::AuthError, config::KubeconfigError};

/// A configuration that cannot be used: where it is, what is wrong, what to do. It quotes no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    source: Box<str>,
    cause: Box<str>,
    remedy: Box<str>,
}

// === impl ConfigError ===

impl ConfigError {
    /// What `source` names cannot be used, because of `cause`; `remedy` says what to do.
    pub fn new(source: &str, cause: &str, remedy: &str) -> Self {
        Self {
            source: source.into(),
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn of_kubeconfig(source: &str, error: &KubeconfigError) -> Self {
        let (cause, remedy) = match error {
            KubeconfigError::CurrentContextNotSet => ("it has no current context".to_owned(), "name a context"),
            KubeconfigError::LoadContext(_) => ("it has no such context".to_owned(), "name one of its contexts"),
            KubeconfigError::LoadClusterOfContext(cluster) => (
                format!("it has no cluster {cluster}, which its context names"),
                "add the cluster",
            ),
            KubeconfigError::ReadConfig(error, _) => (format!("cannot be read: {error}"), "check path and permissions"),
            // The parser's own text shows the lines around, which can be credentials (S8).
            KubeconfigError::Parse(error) => (
                no_yaml(error.location().map(|at| (at.line(), at.column()))),
                "correct it there",
            ),
            KubeconfigError::MissingClusterUrl => ("its cluster has no server".to_owned(), "add the server's URL"),
            error => (error.to_string(), "correct it there"),
        };
        Self::new(source, &cause, remedy)
    }

    /// `plugin` is the command of the exec plugin, where there is one.
    pub(crate) fn of_kube(source: &str, error: &kube::Error, plugin: Option<&str>) -> Self {
        let cause = match (error, plugin) {
            (kube::Error::Auth(error), Some(plugin)) => format!("exec plugin {plugin}: {}", credentials(error)),
            (kube::Error::Auth(error), None) => credentials(error),
            (error, _) => error.to_string(),
        };
        Self::new(source, &cause, "correct it there")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.source, self.cause, self.remedy)
    }
}

impl std::error::Error for ConfigError {}

/// Why credentials are not to be had, without what a plugin printed: that can be the credential itself (S8).
pub(crate) fn credentials(error: &AuthError) -> String {
    match error {
        // The command as it was run has the environment and the arguments of the kubeconfig in it, which can be credentials (S8).
        AuthError::AuthExecRun { out, .. } => format!("the plugin ended with {}", out.status),
        AuthError::AuthExecStart(error) => format!("the plugin cannot be started: {error}"),
        AuthError::AuthExecParse(error) => format!(
            "what the plugin printed: {}",
            no_yaml(error.location().map(|at| (at.line(), at.column())))
        ),
        AuthError::ParseTokenKey(_) => "the auth provider's token-key finds nothing".to_owned(),
        error => error.to_string(),
    }
}

/// Where a parser stopped: its own text would show the lines around (S8).
fn no_yaml(place: Option<(u64, u64)>) -> String {
    match place {
        Some((line, column)) => format!("it cannot be parsed at line {line} column {column}"),
        None => "it cannot be parsed".to_owned(),
    }
}
