//! Paths and queries of the Kubernetes API.

use std::fmt::Write as _;

use syncer_core::identity::{ResourceType, Scope};

/// A path with its query, below the base path of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    text: String,
    has_query: bool,
}

/// The parameter of a dry run, in letters that need no escape.
const DRY_RUN: (&str, &str) = ("dryRun", "All");

// === impl Path ===

impl Path {
    /// A path as it stands, beginning with a slash.
    pub(crate) fn fixed(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            has_query: false,
        }
    }

    /// The collection of `resource`, in `namespace` if one is given.
    pub(crate) fn collection(resource: &ResourceType, namespace: &str) -> Self {
        let gvr = &resource.gvr;
        let mut text = String::with_capacity(160);
        text.push_str(if gvr.group().is_empty() { "/api" } else { "/apis" });
        if !gvr.group().is_empty() {
            push_segment(&mut text, gvr.group());
        }
        push_segment(&mut text, gvr.version());
        if !namespace.is_empty() && resource.scope == Scope::Namespaced {
            text.push_str("/namespaces");
            push_segment(&mut text, namespace);
        }
        push_segment(&mut text, gvr.resource());
        Self { text, has_query: false }
    }

    /// One object.
    pub(crate) fn object(resource: &ResourceType, namespace: &str, name: &str) -> Self {
        Self::collection(resource, namespace).below(name)
    }

    /// One segment further down, such as a subresource.
    pub(crate) fn below(mut self, segment: &str) -> Self {
        push_segment(&mut self.text, segment);
        self
    }

    /// With a parameter.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(name);
        self.text.push('=');
        push_encoded(&mut self.text, value);
        self
    }

    /// With a parameter unless its value is empty.
    pub(crate) fn with_some(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// With the wish that the server only says what it would do.
    pub(crate) fn tried(self) -> Self {
        self.with(DRY_RUN.0, DRY_RUN.1)
    }

    /// Whether the server only says what it would do.
    pub(crate) fn is_tried(&self) -> bool {
        let query = self.text.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| pair.split_once('=') == Some(DRY_RUN))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

fn push_segment(text: &mut String, segment: &str) {
    text.push('/');
    push_encoded(text, segment);
}

/// Everything but RFC 3986's unreserved characters and the colon of RBAC names is escaped.
fn push_encoded(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use syncer_core::identity::Gvr;

    use super::*;

    #[test]
    fn paths_follow_group_scope_and_namespace() {
        let resource = |group, resource, scope| ResourceType {
            gvr: Gvr::new(group, "v1", resource),
            kind: "X".into(),
            scope,
        };
        let cases = [
            (
                Path::object(&resource("", "configmaps", Scope::Namespaced), "default", "web"),
                "/api/v1/namespaces/default/configmaps/web",
            ),
            (
                Path::collection(&resource("apps", "deployments", Scope::Namespaced), ""),
                "/apis/apps/v1/deployments",
            ),
            (
                Path::object(&resource("", "namespaces", Scope::Cluster), "", "web"),
                "/api/v1/namespaces/web",
            ),
            (
                Path::object(
                    &resource("rbac.authorization.k8s.io", "clusterroles", Scope::Cluster),
                    "ignored",
                    "system:node",
                ),
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
            ),
            (
                Path::object(&resource("apps", "deployments", Scope::Namespaced), "a", "b")
                    .below("status")
                    .with("force", "true")
                    .with_some("x", ""),
                "/apis/apps/v1/namespaces/a/deployments/b/status?force=true",
            ),
            (
                Path::collection(&resource("", "secrets", Scope::Namespaced), "")
                    .with("labelSelector", "a=b,c in (d)")
                    .with("limit", "500"),
                "/api/v1/secrets?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=500",
            ),
            (
                Path::object(&resource("", "pods", Scope::Namespaced), "a", "../b"),
                "/api/v1/namespaces/a/pods/..%2Fb",
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(path.as_str(), expected);
        }
    }
}
