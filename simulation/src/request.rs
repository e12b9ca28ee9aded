//! What a request asks for, read from its method and path alone.

use http::{Method, Request};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: Method,
    /// The path of the object, or of the collection: without subresource and query.
    pub(crate) path: String,
    /// The logical cluster's part of it; empty on a plain server.
    pub(crate) base: String,
    /// The group; empty for the core group.
    pub(crate) group: String,
    /// The resource; empty if it is not about objects.
    pub(crate) resource: String,
    /// The namespace; empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// The name; empty for a collection.
    pub(crate) name: String,
    /// The subresource; empty for the object itself.
    pub(crate) subresource: String,
    /// Whether it is a watch.
    pub(crate) watch: bool,
}

// === impl Asked ===

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let mut asked = Self {
            method: request.method().clone(),
            path: uri.path().to_owned(),
            base: String::new(),
            group: String::new(),
            resource: String::new(),
            namespace: String::new(),
            name: String::new(),
            subresource: String::new(),
            watch: uri
                .query()
                .is_some_and(|query| query.split('&').any(|part| matches!(part, "watch=1" | "watch=true"))),
        };
        let (base, rest) = base(uri.path());
        base.clone_into(&mut asked.base);
        asked.read(rest);
        asked
    }

    fn read(&mut self, path: &str) {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match parts.next() {
            Some("api") => {}
            Some("apis") => parts.next().unwrap_or_default().clone_into(&mut self.group),
            _ => return,
        }
        let _version = parts.next();
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            // `namespaces/x` and `namespaces/x/status` are about the namespace itself.
            ["namespaces", namespace, resource, rest @ ..] if !matches!(*resource, "status" | "finalize") => {
                (*namespace, [&[*resource], rest].concat())
            }
            rest => ("", rest.to_vec()),
        };
        namespace.clone_into(&mut self.namespace);
        let mut rest = rest.into_iter();
        rest.next().unwrap_or_default().clone_into(&mut self.resource);
        rest.next().unwrap_or_default().clone_into(&mut self.name);
        rest.next().unwrap_or_default().clone_into(&mut self.subresource);
        if !self.subresource.is_empty()
            && let Some(object) = self.path.strip_suffix(&format!("/{}", self.subresource))
        {
            self.path = object.to_owned();
        }
    }

    /// Whether it is to change something.
    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// Whether it reads objects of the core resource `resource`, one or many.
    pub(crate) fn is_read_of(&self, resource: &str) -> bool {
        self.method == Method::GET && !self.watch && self.group.is_empty() && self.resource == resource
    }

    /// Whether writes to it come by themselves, without anything changing (S5).
    pub(crate) fn is_pulse(&self) -> bool {
        matches!(self.resource.as_str(), "leases" | "events")
    }
}

/// What a path begins with, up to and with the logical cluster, and the rest.
fn base(path: &str) -> (&str, &str) {
    let Some((_, after)) = path.split_once("/clusters/") else {
        return ("", path);
    };
    let rest = after
        .find('/')
        .map_or("", |slash| after.get(slash..).unwrap_or_default());
    (path.strip_suffix(rest).unwrap_or(path), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> [String; 6] {
        let asked = Asked::of(&Request::builder().uri(path).body(()).unwrap());
        [
            asked.base,
            asked.group,
            asked.resource,
            asked.namespace,
            asked.name,
            asked.subresource,
        ]
    }

    #[test]
    fn paths_are_read() {
        let cases = [
            ("/api/v1/configmaps?watch=1", ["", "", "configmaps", "", "", ""]),
            (
                "/api/v1/namespaces/a/configmaps/b?x=y",
                ["", "", "configmaps", "a", "b", ""],
            ),
            (
                "/apis/apps/v1/namespaces/a/deployments/b/status",
                ["", "apps", "deployments", "a", "b", "status"],
            ),
            ("/api/v1/namespaces/a", ["", "", "namespaces", "", "a", ""]),
            (
                "/api/v1/namespaces/a/finalize",
                ["", "", "namespaces", "", "a", "finalize"],
            ),
            (
                "/services/apiexport/p/k/clusters/c/api/v1/namespaces/a/secrets/b",
                ["/services/apiexport/p/k/clusters/c", "", "secrets", "a", "b", ""],
            ),
            ("/version", ["", "", "", "", "", ""]),
        ];
        for (path, expected) in cases {
            assert_eq!(asked(path), expected.map(str::to_owned), "{path}");
        }
    }

    #[test]
    fn a_subresource_belongs_to_its_object() {
        let request = Request::builder()
            .uri("/api/v1/namespaces/a/services/b/status")
            .body(());
        assert_eq!(Asked::of(&request.unwrap()).path, "/api/v1/namespaces/a/services/b");
    }
}
