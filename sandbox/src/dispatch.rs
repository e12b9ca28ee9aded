//! From a request to the verb that answers it.

use std::sync::Arc;

use http::{Method, Response, header::CONTENT_TYPE, request::Parts};

use crate::{
    answer::Body,
    discovery,
    error::Refusal,
    faults::Verb,
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
    if cluster != ClusterPath::Base {
        return Err(Refusal::no_such_path());
    }
    let cluster: Arc<str> = "".into();
    let route = Route::parse(rest);
    let Route::Objects(path) = &route else {
        return discovery::answer(shared, &cluster, &route, parts);
    };
    let resource = shared.state.lock().lookup(&cluster, &path.gvr)?;
    objects(shared, Some(cluster), &resource, path, parts, body, now)
}

/// Answers a request about objects of `resource` in `cluster`, or in all clusters.
pub(crate) fn objects(
    shared: &Arc<Shared>,
    cluster: Option<Arc<str>>,
    resource: &Arc<Resource>,
    path: &ObjectPath,
    parts: &Parts,
    body: &[u8],
    now: Now,
) -> Result<Response<Body>, Refusal> {
    let form = Representation::negotiate(&parts.headers)?;
    if parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/vnd.kubernetes.protobuf"))
    {
        return Err(Refusal::unsupported_media_type());
    }
    let query = Query::parse(parts.uri.query());
    let part = part(resource, path)?;
    if path.namespace.is_some() && !resource.is_namespaced() {
        return Err(Refusal::no_such_path());
    }
    let request = |cluster: Arc<str>, name: &str| WriteRequest {
        subject: Subject {
            resource: Arc::clone(resource),
            cluster,
            namespace: path.namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
        },
        part,
        parts,
        query: &query,
        form,
        now,
    };
    if let Some(name) = &path.name {
        if path.namespace.is_none() && resource.is_namespaced() {
            return Err(Refusal::no_such_path());
        }
        let Some(cluster) = cluster else {
            return Err(Refusal::no_such_method());
        };
        let request = request(cluster, name);
        return match parts.method {
            Method::GET => read::get(shared, &request.subject, part, form, now),
            Method::PUT => write::update(shared, &request, body),
            Method::PATCH => patch::patch(shared, &request, body),
            Method::DELETE if part == Part::Object => delete::delete(shared, &request, body),
            _ => Err(Refusal::no_such_method()),
        };
    }
    let scope = |cluster: Option<Arc<str>>| -> Result<Scope, Refusal> {
        let selector = selector(resource, &query)?;
        Ok(Scope {
            resource: Arc::clone(resource),
            cluster,
            namespace: path.namespace.clone(),
            selector,
        })
    };
    match parts.method {
        Method::GET if query.flag("watch") == Some(true) => {
            read::open_watch(shared, scope(cluster)?, &query, form, now)
        }
        Method::GET => read::list(shared, &scope(cluster)?, &query, form, now),
        Method::POST | Method::DELETE if path.namespace.is_none() && resource.is_namespaced() => {
            Err(Refusal::no_such_method())
        }
        Method::POST => {
            let cluster = cluster.ok_or_else(Refusal::no_such_method)?;
            write::create(shared, &request(cluster, ""), body)
        }
        Method::DELETE => {
            let cluster = cluster.ok_or_else(Refusal::no_such_method)?;
            delete::delete_collection(shared, &scope(Some(Arc::clone(&cluster)))?, &request(cluster, ""), body)
        }
        _ => Err(Refusal::no_such_method()),
    }
}

/// The part of an object that a path leads to.
fn part(resource: &Resource, path: &ObjectPath) -> Result<Part, Refusal> {
    match path.subresource.as_deref() {
        None => Ok(Part::Object),
        Some("status") if resource.status == StatusPart::Subresource => Ok(Part::Status),
        Some("scale") if resource.scale.is_some() => Ok(Part::Scale),
        Some("finalize") if resource.nature == Nature::Namespace => Ok(Part::Finalize),
        Some(_) => Err(Refusal::no_such_path()),
    }
}
