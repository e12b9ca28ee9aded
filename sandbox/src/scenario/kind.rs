//! The kinds of objects that a scenario is about.

use serde::Serialize;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Kind {
    /// Configuration.
    ConfigMap,
    /// Credentials.
    Secret,
    /// An address.
    Service,
    /// A workload.
    Deployment,
}

// === impl Kind ===

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ConfigMap, Self::Secret, Self::Service, Self::Deployment];

    /// The name in bodies.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::Service => "Service",
            Self::Deployment => "Deployment",
        }
    }

    /// The group; empty for the core group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Deployment => "apps",
            _ => "",
        }
    }

    /// Group and version in bodies.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Deployment => "apps/v1",
            _ => "v1",
        }
    }

    /// The name in paths.
    pub fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Secret => "secrets",
            Self::Service => "services",
            Self::Deployment => "deployments",
        }
    }

    /// The path of all its objects.
    pub fn path(self) -> String {
        let root = if self.group().is_empty() { "api" } else { "apis" };
        format!("/{root}/{}/{}", self.api_version(), self.plural())
    }

    /// The path of its objects in `namespace`.
    pub fn path_in(self, namespace: &str) -> String {
        let root = if self.group().is_empty() { "api" } else { "apis" };
        format!(
            "/{root}/{}/namespaces/{namespace}/{}",
            self.api_version(),
            self.plural()
        )
    }

    /// How the names of its objects begin.
    pub(super) fn stem(self) -> &'static str {
        match self {
            Self::ConfigMap => "settings",
            Self::Secret => "credentials",
            Self::Service => "frontend",
            Self::Deployment => "web",
        }
    }
}
