//! Other forms of answers: metadata only, tables; and what a server says about itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bodies::{CM, DEPLOY, NS, SVC, at, cm, deploy, service};
use crate::row::{Row, plain};

const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The resources of the kinds that a syncer works with.
fn resources(list: &Value) -> Value {
    let known = [
        "configmaps",
        "secrets",
        "services",
        "services/status",
        "namespaces",
        "namespaces/status",
        "namespaces/finalize",
        "deployments",
        "deployments/status",
        "deployments/scale",
        "events",
        "leases",
    ];
    let resources = list["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found: BTreeMap<String, Value> = resources
        .iter()
        .filter_map(|resource| {
            let name = resource["name"].as_str().filter(|name| known.contains(name))?;
            let mut resource = resource.clone();
            resource.as_object_mut()?.remove("storageVersionHash");
            Some((name.to_owned(), resource))
        })
        .collect();
    json!({"kind": list["kind"], "groupVersion": list["groupVersion"], "resources": found})
}

/// The columns and cells of a table without ages.
fn table(table: &Value) -> Value {
    let columns = table["columnDefinitions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let names: Vec<Value> = columns
        .iter()
        .map(|column| json!([column["name"], column["type"], column["format"], column["priority"]]))
        .collect();
    let rows = table["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let cells = row["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
            let cells: Vec<&Value> = cells
                .iter()
                .zip(columns)
                .filter(|(_, column)| column["name"] != "Age" && column["name"] != "Cluster-IP")
                .map(|(cell, _)| cell)
                .collect();
            json!({"cells": cells, "object": [row["object"]["kind"], row["object"]["metadata"]["name"]]})
        })
        .collect();
    json!({"kind": table["kind"], "apiVersion": table["apiVersion"], "columns": names, "rows": rows})
}

/// Whether the groups that a syncer works with are there.
fn groups(list: &Value) -> Value {
    let known = ["apps", "coordination.k8s.io", "apiextensions.k8s.io"];
    let groups = list["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<&str> = groups
        .iter()
        .filter_map(|group| group["name"].as_str())
        .filter(|name| known.contains(name))
        .collect();
    found.sort_unstable();
    json!({"kind": list["kind"], "groups": found})
}

/// The Deployment of an aggregated discovery document.
fn deployments(list: &Value) -> Value {
    let groups = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let apps = groups.iter().find(|group| group["metadata"]["name"] == "apps");
    let resources = apps.and_then(|apps| apps["versions"][0]["resources"].as_array());
    let found = resources
        .into_iter()
        .flatten()
        .find(|resource| resource["resource"] == "deployments");
    let found = found.cloned().unwrap_or_default();
    let verbs = found["verbs"].clone();
    json!({"kind": list["kind"], "apiVersion": list["apiVersion"], "scope": found["scope"], "verbs": verbs, "short": found["shortNames"], "kinds": found["responseKind"]})
}

/// How an OpenAPI document names Deployments and describes the list of their containers.
fn schema(document: &Value) -> Value {
    let schemas = document["components"]["schemas"].as_object();
    let kind = json!([{"group": "apps", "version": "v1", "kind": "Deployment"}]);
    let mut found = schemas
        .into_iter()
        .flat_map(|schemas| schemas.values())
        .find(|schema| schema["x-kubernetes-group-version-kind"] == kind)
        .cloned()
        .unwrap_or_default();
    for step in ["spec", "template", "spec", "containers"] {
        let next = &found["properties"][step];
        let reference = [&next["$ref"], &next["allOf"][0]["$ref"]]
            .into_iter()
            .find_map(Value::as_str);
        found = match reference.and_then(|path| document.pointer(path.trim_start_matches('#'))) {
            Some(named) => named.clone(),
            None => next.clone(),
        };
    }
    let remarks = [
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-patch-merge-key",
    ];
    remarks.map(|remark| found[remark].clone()).into_iter().collect()
}

/// Which documents of the kinds that a syncer works with are there.
fn documents(index: &Value) -> Value {
    let known = ["api/v1", "apis/apps/v1"];
    let found = known.map(|path| index["paths"][path]["serverRelativeURL"].is_string());
    json!(found)
}

pub(super) fn rows() -> Vec<Row> {
    let a = at(CM, "a");
    vec![
        plain("metadata only of an object")
            .post(CM, cm("a", json!({"k": "v"})))
            .get(&*a)
            .accept(PARTIAL)
            .is(200)
            .shows("/kind", "PartialObjectMetadata")
            .lacks("/data"),
        plain("metadata only of a list")
            .post(CM, cm("a", json!({"k": "v"})))
            .get(CM)
            .accept(PARTIAL_LIST)
            .is(200)
            .shows("/kind", "PartialObjectMetadataList")
            .lacks("/items/0/data"),
        plain("metadata only of a watch")
            .post(CM, cm("a", json!({"k": "v"})))
            .watch(format!("{CM}?watch=1"), 1)
            .accept(PARTIAL)
            .is(200)
            .shows("/0/object/kind", "PartialObjectMetadata"),
        plain("a write may be answered with metadata only")
            .post(CM, cm("a", json!({"k": "v"})))
            .accept(PARTIAL)
            .is(201)
            .merge(&*a, json!({"data": {"k": "w"}}))
            .accept(PARTIAL)
            .is(200),
        plain("a table of ConfigMaps")
            .post(CM, cm("a", json!({"k": "v", "l": "v"})))
            .get(CM)
            .accept(TABLE)
            .is(200)
            .seen(table),
        plain("a table of Deployments")
            .post(DEPLOY, deploy("web"))
            .get(DEPLOY)
            .accept(TABLE)
            .is(200)
            .seen(table),
        plain("a table of Services")
            .post(SVC, service("s", json!({"ports": [{"port": 80}]})))
            .get(SVC)
            .accept(TABLE)
            .is(200)
            .seen(table),
        plain("a table of one namespace")
            .get(at(NS, "$ns"))
            .accept(TABLE)
            .is(200)
            .seen(table),
        plain("a form that nobody knows falls back or is refused")
            .get(&*a)
            .accept("application/xml")
            .is(406),
        plain("the resources of the core group")
            .get("/api/v1")
            .is(200)
            .seen(resources),
        plain("the resources of the group apps")
            .get("/apis/apps/v1")
            .is(200)
            .seen(resources),
        plain("the groups").get("/apis").is(200).seen(groups),
        plain("one group")
            .get("/apis/apps")
            .is(200)
            .shows("/preferredVersion/version", "v1"),
        plain("the versions of the core group")
            .get("/api")
            .is(200)
            .fields(&["/kind", "/versions"]),
        plain("aggregated discovery")
            .get("/apis")
            .accept(AGGREGATED)
            .is(200)
            .seen(deployments),
        plain("OpenAPI: the index").get("/openapi/v3").is(200).seen(documents),
        plain("OpenAPI: a group version")
            .get("/openapi/v3/apis/apps/v1")
            .is(200)
            .seen(schema),
        plain("health").get("/readyz").is(200).get("/livez").is(200),
        plain("the version")
            .get("/version")
            .is(200)
            .shows("/major", "1")
            .fields(&["/major"]),
        plain("a path that leads nowhere").get("/nowhere").is(404).status_only(),
    ]
}
