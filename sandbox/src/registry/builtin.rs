//! The resources of Kubernetes that a workload syncer meets.

use serde_json::{Value, json};
use syncer_core::{Gvr, Scope};

use super::{Nature, Resource, ScalePaths, StatusPart};
use crate::schema::kubernetes::shape;

/// Group, version, plural, singular, kind, short names.
type Head = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// All of them.
pub(crate) fn resources() -> Vec<Resource> {
    let mut resources = vec![
        namespaced(
            ("", "v1", "configmaps", "configmap", "ConfigMap", &["cm"]),
            Nature::ConfigMap,
        ),
        namespaced(("", "v1", "secrets", "secret", "Secret", &[]), Nature::Secret),
        namespaced(("", "v1", "services", "service", "Service", &["svc"]), Nature::Service),
        namespaced(
            ("", "v1", "serviceaccounts", "serviceaccount", "ServiceAccount", &["sa"]),
            Nature::Plain,
        ),
        namespaced(("", "v1", "pods", "pod", "Pod", &["po"]), Nature::Pod),
        namespaced(("", "v1", "events", "event", "Event", &["ev"]), Nature::Plain),
        namespaced(
            ("apps", "v1", "deployments", "deployment", "Deployment", &["deploy"]),
            Nature::Deployment,
        ),
        namespaced(
            ("apps", "v1", "replicasets", "replicaset", "ReplicaSet", &["rs"]),
            Nature::ReplicaSet,
        ),
        namespaced(
            ("coordination.k8s.io", "v1", "leases", "lease", "Lease", &[]),
            Nature::Plain,
        ),
        namespaced(
            (
                "discovery.k8s.io",
                "v1",
                "endpointslices",
                "endpointslice",
                "EndpointSlice",
                &[],
            ),
            Nature::Plain,
        ),
        namespaced(
            ("events.k8s.io", "v1", "events", "event", "Event", &["ev"]),
            Nature::Plain,
        ),
    ];
    let head = ("", "v1", "namespaces", "namespace", "Namespace", &["ns"][..]);
    resources.push(resource(head, Scope::Cluster, Nature::Namespace));
    let head = (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "customresourcedefinition",
        "CustomResourceDefinition",
        &["crd", "crds"][..],
    );
    resources.push(resource(head, Scope::Cluster, Nature::Definition));
    resources
}

fn namespaced(head: Head, nature: Nature) -> Resource {
    resource(head, Scope::Namespaced, nature)
}

fn resource((group, version, plural, singular, kind, short_names): Head, scope: Scope, nature: Nature) -> Resource {
    let type_name = match (group, kind) {
        ("events.k8s.io", _) => "EventsEvent",
        (_, kind) => kind,
    };
    let mut resource = Resource::new(
        Gvr::new(group, version, plural),
        kind,
        singular,
        scope,
        shape(type_name),
    );
    resource.short_names = short_names.iter().map(|&name| name.to_owned()).collect();
    resource.nature = nature;
    resource.zero = zero(nature);
    resource.status = match nature {
        Nature::Deployment
        | Nature::ReplicaSet
        | Nature::Service
        | Nature::Namespace
        | Nature::Pod
        | Nature::Definition => StatusPart::Subresource,
        _ => StatusPart::Plain,
    };
    if matches!(
        nature,
        Nature::Deployment | Nature::ReplicaSet | Nature::Service | Nature::Pod
    ) {
        resource.categories.push("all".to_owned());
    }
    if matches!(nature, Nature::Deployment | Nature::ReplicaSet) {
        resource.scale = Some(ScalePaths {
            spec: "/spec/replicas".to_owned(),
            status: "/status/replicas".to_owned(),
            selector: Some("/spec/selector".to_owned()),
        });
    }
    resource
        .selectable
        .extend(selectable(nature, plural).iter().map(|&path| path.to_owned()));
    resource
}

fn selectable(nature: Nature, plural: &str) -> &'static [&'static str] {
    match (nature, plural) {
        (Nature::Secret, _) => &["type"],
        (Nature::Namespace, _) => &["status.phase"],
        (Nature::Pod, _) => &["spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"],
        (Nature::Service, _) => &["spec.clusterIP", "spec.type"],
        (Nature::ReplicaSet, _) => &["status.replicas"],
        (_, "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "reason",
            "type",
        ],
        _ => &[],
    }
}

/// What the API server's own types hold where nothing is set: structs that are not behind a pointer, and lists without omitempty.
fn zero(nature: Nature) -> Value {
    match nature {
        Nature::Deployment => {
            json!({"metadata": {}, "spec": {"template": {"metadata": {}, "spec": {"containers": null}}, "strategy": {}}, "status": {}})
        }
        Nature::ReplicaSet => {
            json!({"metadata": {}, "spec": {"template": {"metadata": {}, "spec": {"containers": null}}}, "status": {}})
        }
        Nature::Service => json!({"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}),
        Nature::Namespace => json!({"metadata": {}, "spec": {}, "status": {}}),
        Nature::Pod => json!({"metadata": {}, "spec": {"containers": null}, "status": {}}),
        Nature::Plain => {
            json!({"metadata": {}, "spec": {}, "involvedObject": {}, "source": {}, "regarding": {}, "deprecatedSource": {}})
        }
        Nature::Definition => json!({"metadata": {}, "spec": {"names": {}}, "status": {}}),
        Nature::ConfigMap | Nature::Secret => json!({"metadata": {}}),
        Nature::Custom => json!({}),
    }
}
