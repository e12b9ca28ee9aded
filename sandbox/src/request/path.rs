//! Where a request goes.

use syncer_core::Gvr;

/// Where a request goes, after the prefix of its logical cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To objects.
    Objects(ObjectPath),
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/version`.
    Version,
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/<group>`.
    Group(String),
    /// `/api/v1`, `/apis/<group>/<version>`.
    Resources {
        /// The group; empty for the core group.
        group: String,
        /// The version.
        version: String,
    },
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`.
    OpenApiV3Index,
    /// `/openapi/v3/<path of a group version>`.
    OpenApiV3 {
        /// The group; empty for the core group.
        group: String,
        /// The version.
        version: String,
    },
    /// Nowhere.
    Nowhere,
}

/// A collection, an object or a subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectPath {
    /// The resource.
    pub(crate) gvr: Gvr,
    /// The namespace, if the path has one.
    pub(crate) namespace: Option<String>,
    /// The name, if it is not the collection.
    pub(crate) name: Option<String>,
    /// The subresource.
    pub(crate) subresource: Option<String>,
}

/// The logical cluster that a request is for, by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClusterPath {
    /// None: a plain server, or the root of a kcp.
    Base,
    /// `/clusters/<name>`; `*` is all.
    Cluster(String),
    /// `/services/apiexport/<cluster>/<export>/clusters/<name>`; `*` is all.
    Export {
        /// The logical cluster of the export.
        provider: String,
        /// The name of the export.
        export: String,
        /// The logical cluster asked for, or `*`.
        cluster: String,
    },
}

// === impl ClusterPath ===

impl ClusterPath {
    /// Splits the logical cluster off the segments of a path.
    pub(crate) fn split(segments: &[String]) -> (Self, &[String]) {
        match segments {
            [clusters, name, rest @ ..] if clusters == "clusters" => (Self::Cluster(name.clone()), rest),
            [services, apiexport, provider, export, clusters, name, rest @ ..]
                if services == "services" && apiexport == "apiexport" && clusters == "clusters" =>
            {
                (
                    Self::Export {
                        provider: provider.clone(),
                        export: export.clone(),
                        cluster: name.clone(),
                    },
                    rest,
                )
            }
            rest => (Self::Base, rest),
        }
    }
}

// === impl Route ===

impl Route {
    /// Reads the segments of a path.
    pub(crate) fn parse(segments: &[String]) -> Self {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["version"] => Self::Version,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["api", version] => Self::Resources {
                group: String::new(),
                version: (*version).to_owned(),
            },
            ["apis", group, version] => Self::Resources {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
            },
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3Index,
            ["openapi", "v3", "api", version] => Self::OpenApiV3 {
                group: String::new(),
                version: (*version).to_owned(),
            },
            ["openapi", "v3", "apis", group, version] => Self::OpenApiV3 {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
            },
            ["api", version, rest @ ..] => Self::objects("", version, rest),
            ["apis", group, version, rest @ ..] => Self::objects(group, version, rest),
            _ => Self::Nowhere,
        }
    }

    fn objects(group: &str, version: &str, rest: &[&str]) -> Self {
        let path = |namespace: Option<&str>, resource: &str, name: Option<&str>, subresource: Option<&str>| {
            Self::Objects(ObjectPath {
                gvr: Gvr::new(group, version, resource),
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
                subresource: subresource.map(str::to_owned),
            })
        };
        match rest {
            // `/namespaces/<name>/status` is a subresource, not a collection.
            ["namespaces", name, part @ ("status" | "finalize")] if group.is_empty() => {
                path(None, "namespaces", Some(name), Some(part))
            }
            ["namespaces", namespace, resource] => path(Some(namespace), resource, None, None),
            ["namespaces", namespace, resource, name] => path(Some(namespace), resource, Some(name), None),
            ["namespaces", namespace, resource, name, part] => path(Some(namespace), resource, Some(name), Some(part)),
            [resource] => path(None, resource, None, None),
            [resource, name] => path(None, resource, Some(name), None),
            [resource, name, part] => path(None, resource, Some(name), Some(part)),
            _ => Self::Nowhere,
        }
    }
}

/// The decoded segments of a path.
pub(crate) fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decoded(segment, Plus::Kept))
        .collect()
}

/// What a plus sign means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself.
    Kept,
    /// A space.
    Space,
}

/// Text with its percent escapes resolved; what is no escape stays.
pub(crate) fn percent_decoded(text: &str, plus: Plus) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| {
            byte.and_then(|byte| char::from(byte).to_digit(16))
                .and_then(|digit| u8::try_from(digit).ok())
        };
        match byte {
            b'%' => match (digit(ahead.next()), digit(ahead.next())) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = ahead;
                }
                _ => bytes.push(byte),
            },
            b'+' if plus == Plus::Space => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> ObjectPath {
        match Route::parse(&segments(path)) {
            Route::Objects(path) => path,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_collections_objects_and_subresources() {
        let cases = [
            ("/api/v1/configmaps", None, "configmaps", None, None),
            ("/api/v1/namespaces", None, "namespaces", None, None),
            ("/api/v1/namespaces/a", None, "namespaces", Some("a"), None),
            (
                "/api/v1/namespaces/a/finalize",
                None,
                "namespaces",
                Some("a"),
                Some("finalize"),
            ),
            ("/api/v1/namespaces/a/pods", Some("a"), "pods", None, None),
            (
                "/apis/apps/v1/namespaces/a/deployments/w",
                Some("a"),
                "deployments",
                Some("w"),
                None,
            ),
            (
                "/apis/apps/v1/namespaces/a/deployments/w/scale",
                Some("a"),
                "deployments",
                Some("w"),
                Some("scale"),
            ),
            (
                "/apis/x.io/v1/things/t/status",
                None,
                "things",
                Some("t"),
                Some("status"),
            ),
        ];
        for (path, namespace, resource, name, part) in cases {
            let found = object(path);
            assert_eq!(found.gvr.resource(), resource, "{path}");
            assert_eq!(
                (
                    found.namespace.as_deref(),
                    found.name.as_deref(),
                    found.subresource.as_deref()
                ),
                (namespace, name, part),
                "{path}"
            );
        }
    }

    #[test]
    fn the_logical_cluster_is_split_off() {
        let of = |path: &str| {
            let segments = segments(path);
            let (cluster, rest) = ClusterPath::split(&segments);
            (cluster, rest.join("/"))
        };
        assert_eq!(of("/api/v1"), (ClusterPath::Base, "api/v1".to_owned()));
        assert_eq!(
            of("/clusters/root:org/api"),
            (ClusterPath::Cluster("root:org".to_owned()), "api".to_owned())
        );
        let export = ClusterPath::Export {
            provider: "p".to_owned(),
            export: "kubernetes".to_owned(),
            cluster: "*".to_owned(),
        };
        assert_eq!(
            of("/services/apiexport/p/kubernetes/clusters/*/apis"),
            (export, "apis".to_owned())
        );
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(percent_decoded("a%20b+c%zz%2", Plus::Space), "a b c%zz%2");
        assert_eq!(percent_decoded("a+b", Plus::Kept), "a+b");
    }
}
