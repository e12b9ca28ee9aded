//! What a server says about itself: versions, resources, health.

use std::sync::Arc;

use http::{Response, StatusCode, header::ACCEPT, request::Parts};
use serde_json::{Value, json};
use syncer_core::Scope;

use crate::object::put;
use crate::{
    answer::{self, Body},
    error::{Details, Refusal},
    kcp::view::{Execution, View},
    registry::{Nature, Registry, Resource, StatusPart},
    request::{
        path::{ClusterPath, Route},
        representation::Representation,
    },
    schema::openapi,
    server::Shared,
};

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
/// The same in the order in which definitions have them.
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request that is not about objects.
///
/// # Errors
/// The path leads nowhere.
pub(crate) fn answer(
    shared: &Shared,
    cluster: &ClusterPath,
    route: &Route,
    parts: &Parts,
) -> Result<Response<Body>, Refusal> {
    if matches!(route, Route::Health) {
        return Ok(answer::typed(StatusCode::OK, "text/plain; charset=utf-8", "ok"));
    }
    if matches!(route, Route::OpenApiV2)
        && parts
            .headers
            .get(ACCEPT)
            .is_some_and(|accept| !accept.as_bytes().windows(4).any(|word| word == b"json"))
    {
        return Err(Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: application/json",
        ));
    }
    let state = shared.state.lock();
    let view = View::open(&state, cluster, parts.uri.path())?;
    let unseen = || {
        let path = parts.uri.path();
        let path = path.find("/api").and_then(|start| path.get(start..)).unwrap_or(path);
        let message = format!("forbidden: User \"kcp-admin\" cannot get path {path:?}: access denied");
        Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message).with(Details::default())
    };
    let registry = view.registry(&state).ok_or_else(unseen)?;
    drop(state);
    describe(&registry, route, parts, view.execution())
}

/// Answers for the resources of `registry`.
///
/// # Errors
/// The path leads nowhere.
fn describe(
    registry: &Registry,
    route: &Route,
    parts: &Parts,
    execution: Execution,
) -> Result<Response<Body>, Refusal> {
    let aggregated = || matches!(Representation::negotiate(&parts.headers), Ok(Representation::Discovery));
    let body = match route {
        Route::Version => version(),
        Route::CoreVersions | Route::Groups if aggregated() => {
            let list = aggregated_list(registry, matches!(route, Route::CoreVersions), execution);
            return Ok(answer::typed(StatusCode::OK, AGGREGATED, list.to_string()));
        }
        Route::CoreVersions => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        Route::Groups => {
            let groups: Vec<Value> = named_groups(registry)
                .map(|(name, versions)| group(name, &versions))
                .collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        Route::Group(name) => {
            let found = named_groups(registry).find(|(found, _)| found == name);
            let (name, versions) = found.ok_or_else(Refusal::no_such_path)?;
            let mut body = group(name, &versions);
            put(&mut body, "kind", "APIGroup");
            put(&mut body, "apiVersion", "v1");
            body
        }
        Route::Resources { group, version } => {
            let resources: Vec<Value> = of(registry, group, version)
                .flat_map(|resource| legacy(resource, execution))
                .collect();
            if resources.is_empty() {
                return Err(Refusal::no_such_path());
            }
            let group_version = if group.is_empty() {
                version.clone()
            } else {
                format!("{group}/{version}")
            };
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources})
        }
        Route::OpenApiV2 => openapi::v2(registry),
        Route::OpenApiV3Index => openapi::v3_index(registry),
        Route::OpenApiV3 { group, version } => {
            let resources: Vec<&Arc<Resource>> = of(registry, group, version).collect();
            if resources.is_empty() {
                return Err(Refusal::no_such_path());
            }
            openapi::v3(&resources)
        }
        Route::Health | Route::Objects(_) | Route::Nowhere => return Err(Refusal::bare()),
    };
    Ok(answer::value(StatusCode::OK, &body))
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.2+sandbox", "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": "",
    })
}

fn named_groups(registry: &Registry) -> impl Iterator<Item = (&str, Vec<&str>)> {
    registry.groups().into_iter().filter(|(name, _)| !name.is_empty())
}

fn of<'a>(registry: &'a Registry, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Resource>> {
    registry
        .iter()
        .filter(move |resource| resource.group() == group && resource.gvr.version() == version)
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version = |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let list: Vec<Value> = versions.iter().map(|found| version(found)).collect();
    json!({"name": name, "versions": list, "preferredVersion": versions.first().map(|first| version(first))})
}

/// What can be done with a resource.
fn verbs(resource: &Resource, execution: Execution) -> Vec<&'static str> {
    if resource.is_custom() && execution == Execution::Direct {
        return CUSTOM_VERBS.to_vec();
    }
    VERBS
        .into_iter()
        .filter(|verb| !(is_finalized(resource, execution) && *verb == "deletecollection"))
        .collect()
}

/// Whether it is the kind of namespaces with all that is particular to it, which a virtual workspace does not know.
fn is_finalized(resource: &Resource, execution: Execution) -> bool {
    resource.nature == Nature::Namespace && execution == Execution::Direct
}

/// A resource and its subresources, in the old form.
fn legacy(resource: &Resource, execution: Execution) -> Vec<Value> {
    let namespaced = resource.is_namespaced();
    let mut own = json!({
        "name": resource.plural(), "singularName": resource.singular, "namespaced": namespaced, "kind": resource.kind(), "verbs": verbs(resource, execution),
    });
    if !resource.short_names.is_empty() {
        put(&mut own, "shortNames", json!(resource.short_names));
    }
    if !resource.categories.is_empty() {
        put(&mut own, "categories", json!(resource.categories));
    }
    let mut all = vec![own];
    let part = |name: &str| format!("{}/{name}", resource.plural());
    if resource.status == StatusPart::Subresource {
        all.push(json!({"name": part("status"), "singularName": "", "namespaced": namespaced, "kind": resource.kind(), "verbs": PART_VERBS}));
    }
    if is_finalized(resource, execution) {
        all.push(json!({"name": part("finalize"), "singularName": "", "namespaced": false, "kind": resource.kind(), "verbs": ["update"]}));
    }
    if resource.scale.is_some() {
        all.push(json!({
            "name": part("scale"), "singularName": "", "namespaced": namespaced, "group": "autoscaling", "version": "v1", "kind": "Scale",
            "verbs": PART_VERBS,
        }));
    }
    all
}

/// All groups with all resources, in the aggregated form.
fn aggregated_list(registry: &Registry, core: bool, execution: Execution) -> Value {
    let groups = registry.groups();
    let groups = groups.iter().filter(|(name, _)| name.is_empty() == core);
    let items: Vec<Value> = groups
        .map(|(name, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = of(registry, name, version)
                        .map(|resource| aggregated(resource, execution))
                        .collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if core {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": name, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated(resource: &Resource, execution: Execution) -> Value {
    // Built-in kinds are named as those of the group version around them.
    let (group, version) = if resource.is_custom() {
        (resource.group(), resource.gvr.version())
    } else {
        ("", "")
    };
    let kind = json!({"group": group, "version": version, "kind": resource.kind()});
    let mut parts = Vec::new();
    if is_finalized(resource, execution) {
        parts.push(json!({"subresource": "finalize", "responseKind": kind, "verbs": ["update"]}));
    }
    if resource.status == StatusPart::Subresource {
        parts.push(json!({"subresource": "status", "responseKind": kind, "verbs": PART_VERBS}));
    }
    if resource.scale.is_some() {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        parts.push(json!({"subresource": "scale", "responseKind": scale, "verbs": PART_VERBS}));
    }
    let scope = match resource.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    let mut own = json!({
        "resource": resource.plural(), "responseKind": kind, "scope": scope, "singularResource": resource.singular, "verbs": verbs(resource, execution),
    });
    for (name, list) in [
        ("shortNames", &resource.short_names),
        ("categories", &resource.categories),
    ] {
        if !list.is_empty() {
            put(&mut own, name, json!(list));
        }
    }
    if !parts.is_empty() {
        put(&mut own, "subresources", Value::Array(parts));
    }
    own
}
