//! From a request to the verb that answers it.

use std::sync::Arc;

use http::{Method, Response, header::CONTENT_TYPE, request::Parts};

use crate::{
    answer::Body,
    discovery,
    error::Refusal,
    faults::Verb,
    kcp::view::{Execution, Seen, View},
    registry::{Nature, Resource, StatusPart},
    request::{
        options::Query,
        path::{ClusterPath, ObjectPath, Route, segments},
        representation::Representation,
    },
    server::Shared,
    state::{Now, Subject},
    verbs::{
        delete,
        list::{Scope, selector},
        patch, read,
        write::{self, WriteRequest},
    },
    write::Part,
};

/// What a request asks for, as faults tell requests apart.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The verb.
    pub(crate) verb: Verb,
    /// The plural of the resource; empty if it is not about objects.
    pub(crate) resource: String,
}

/// What `parts` asks for.
pub(crate) fn asked(parts: &Parts) -> Asked {
    let segments = segments(parts.uri.path());
    let (_, rest) = ClusterPath::split(&segments);
    let Route::Objects(path) = Route::parse(rest) else {
        return Asked {
            verb: Verb::Other,
            resource: String::new(),
        };
    };
    let watches = || Query::parse(parts.uri.query()).flag("watch") == Some(true);
    let applies = || {
        parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/apply-patch"))
    };
    let verb = match parts.method {
        Method::GET if path.name.is_some() => Verb::Get,
        Method::GET if watches() => Verb::Watch,
        Method::GET => Verb::List,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH if applies() => Verb::Apply,
        Method::PATCH => Verb::Patch,
        Method::DELETE => Verb::Delete,
        _ => Verb::Other,
    };
    Asked {
        verb,
        resource: path.gvr.resource().to_owned(),
    }
}

/// Answers a request.
///
/// # Errors
/// The refusal that the client gets.
pub(crate) fn dispatch(shared: &Arc<Shared>, parts: &Parts, body: &[u8], now: Now) -> Result<Response<Body>, Refusal> {
    let segments = segments(parts.uri.path());
    let (cluster, rest) = ClusterPath::split(&segments);
    let route = Route::parse(rest);
    let Route::Objects(path) = &route else {
        return discovery::answer(shared, &cluster, &route, parts);
    };
    let asked = asked(parts);
    let (view, seen) = {
        let state = shared.state.lock();
        let view = View::open(&state, &cluster, parts.uri.path())?;
        let seen = view.see(&state, path, asked.verb)?;
        (view, seen)
    };
    let answer = Objects {
        shared,
        cluster: view.cluster,
        seen: &seen,
        path,
        parts,
        now,
    }
    .answer(body);
    if !matches!(asked.verb, Verb::Get | Verb::List | Verb::Watch) {
        shared.state.lock().reconcile_kcp(now);
    }
    answer
}

/// A request about objects.
struct Objects<'a> {
    shared: &'a Arc<Shared>,
    cluster: Option<Arc<str>>,
    seen: &'a Seen,
    path: &'a ObjectPath,
    parts: &'a Parts,
    now: Now,
}

// === impl Objects ===

impl Objects<'_> {
    fn answer(&self, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let form = Representation::negotiate(&self.parts.headers)?;
        if self
            .parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/vnd.kubernetes.protobuf"))
        {
            return Err(Refusal::unsupported_media_type());
        }
        let part = part(self.seen, self.path)?;
        let query = Query::parse(self.parts.uri.query());
        if self.path.namespace.is_some() && !self.seen.resource.is_namespaced() {
            return Err(Refusal::no_such_path());
        }
        let request = |cluster: &Arc<str>, name: &str| WriteRequest {
            subject: Subject {
                resource: Arc::clone(&self.seen.resource),
                cluster: Arc::clone(cluster),
                namespace: self.path.namespace.clone().unwrap_or_default(),
                name: name.to_owned(),
            },
            part,
            parts: self.parts,
            query: &query,
            form,
            now: self.now,
            execution: self.seen.execution,
        };
        if let Some(name) = &self.path.name {
            if self.path.namespace.is_none() && self.seen.resource.is_namespaced() {
                return Err(Refusal::no_such_path());
            }
            // Over all logical clusters there are lists and watches only.
            let cluster = self.cluster.as_ref().ok_or_else(Refusal::no_such_wildcard)?;
            return self.one(&request(cluster, name), body);
        }
        let namespaced = self.path.namespace.is_none() && self.seen.resource.is_namespaced();
        let shared = self.shared;
        match self.parts.method {
            Method::GET if self.cluster.is_none() && self.path.namespace.is_some() => Err(
                Refusal::namespaced_wildcard(self.path.namespace.as_deref().unwrap_or_default()),
            ),
            Method::GET if query.flag("watch") == Some(true) => {
                read::open_watch(shared, self.scope(&query)?, &query, form, self.now)
            }
            Method::GET => read::list(shared, &self.scope(&query)?, &query, form, self.now),
            Method::POST | Method::DELETE if namespaced => Err(Refusal::no_such_method()),
            Method::POST => {
                let cluster = self.cluster.as_ref().ok_or_else(Refusal::no_such_wildcard)?;
                write::create(shared, &request(cluster, ""), body)
            }
            Method::DELETE => {
                let cluster = self.cluster.as_ref().ok_or_else(Refusal::no_such_wildcard)?;
                delete::delete_collection(shared, &self.scope(&query)?, &request(cluster, ""), body)
            }
            _ => Err(Refusal::no_such_method()),
        }
    }

    /// Answers a request about one object.
    fn one(&self, request: &WriteRequest<'_>, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let subject = &request.subject;
        if let Some((name, value)) = &self.seen.label {
            let stored = self.shared.state.lock().get(subject);
            let hidden = stored.is_some_and(|stored| {
                !stored
                    .labels
                    .iter()
                    .any(|(own, found)| **own == **name && **found == **value)
            });
            if hidden {
                return Err(Refusal::not_found(&subject.resource, &subject.name));
            }
        }
        match self.parts.method {
            Method::GET => read::get(self.shared, subject, request.part, request.form, self.now),
            Method::PUT => write::update(self.shared, request, body),
            Method::PATCH => patch::patch(self.shared, request, body),
            Method::DELETE if request.part == Part::Object => delete::delete(self.shared, request, body),
            _ => Err(Refusal::no_such_method()),
        }
    }

    fn scope(&self, query: &Query) -> Result<Scope, Refusal> {
        let mut selector = selector(&self.seen.resource, query)?;
        if let Some((name, value)) = &self.seen.label {
            selector.labels.require(name, value);
        }
        let resource = Arc::clone(&self.seen.resource);
        Ok(Scope {
            resource,
            cluster: self.cluster.clone(),
            namespace: self.path.namespace.clone(),
            selector,
        })
    }
}

/// The part of an object that a path leads to.
fn part(seen: &Seen, path: &ObjectPath) -> Result<Part, Refusal> {
    let resource: &Resource = &seen.resource;
    match path.subresource.as_deref() {
        None => Ok(Part::Object),
        Some("status") if resource.status == StatusPart::Subresource => Ok(Part::Status),
        // A virtual workspace serves no other subresource than the status.
        Some(_) if seen.execution == Execution::Forwarded => Err(no_such_subresource(resource, path)),
        Some("scale") if resource.scale.is_some() => Ok(Part::Scale),
        // A custom resource says the same of what its definition does not have.
        Some(_) if resource.is_custom() => Err(no_such_subresource(resource, path)),
        Some("finalize") if resource.nature == Nature::Namespace => Ok(Part::Finalize),
        Some(_) => Err(Refusal::no_such_path()),
    }
}

/// As if the object were missing.
fn no_such_subresource(resource: &Resource, path: &ObjectPath) -> Refusal {
    Refusal::not_found(resource, path.name.as_deref().unwrap_or_default())
}
