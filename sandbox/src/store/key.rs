//! Where an object is in its collection.

use std::{fmt, sync::Arc};

/// Logical cluster, namespace and name, joined by slashes: keys sort as they do in etcd, by cluster, namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(Arc<str>);

// === impl Key ===

impl Key {
    /// The key of an object.
    pub(crate) fn new(cluster: &str, namespace: &str, name: &str) -> Self {
        Self(format!("{cluster}/{namespace}/{name}").into())
    }

    /// A key as it was written into a continue token.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What all keys of a cluster begin with, or of one of its namespaces; of all clusters without a cluster.
    pub(crate) fn prefix(cluster: Option<&str>, namespace: Option<&str>) -> Self {
        let text = match (cluster, namespace) {
            (None, _) => String::new(),
            (Some(cluster), None) => format!("{cluster}/"),
            (Some(cluster), Some(namespace)) => format!("{cluster}/{namespace}/"),
        };
        Self(text.into())
    }

    /// Whether this key begins with `prefix`.
    pub(crate) fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&*prefix.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
