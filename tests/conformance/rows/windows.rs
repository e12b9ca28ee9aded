//! Virtual workspaces of kcp: what an export sees, and how it writes.

use serde_json::{Value, json};

use super::bodies::{cm, with};
use crate::row::{Row, kcp};

const RED: &str = "/clusters/$red/api/v1/namespaces/$ns/configmaps";
const GREEN: &str = "/clusters/$green/api/v1/namespaces/$ns/configmaps";
const DEPLOY: &str = "/clusters/$red/apis/apps/v1/namespaces/$ns/deployments";
const VW_CM: &str = "$vw/$red/api/v1/namespaces/$ns/configmaps";
const VW_DEPLOY: &str = "$vw/$red/apis/apps/v1/namespaces/$ns/deployments";
const WEB: &str = "$vw/$red/apis/apps/v1/namespaces/$ns/deployments/web";
const CLAIM: &str = "/clusters/$green/apis/apis.kcp.io/v1alpha2/apibindings/kubernetes";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

fn deploy(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": {"of": "$ns"}}, "spec": {"a": 1}})
}

/// Names and logical clusters of a list, sorted: the names of clusters are made up.
fn places(list: &Value) -> Value {
    let items = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let place = |item: &Value| {
        json!([
            item["metadata"]["annotations"]["kcp.io/cluster"],
            item["metadata"]["name"],
            item["kind"]
        ])
    };
    let mut places: Vec<Value> = items.iter().map(place).collect();
    places.sort_by_key(|place| place[0].to_string().len().to_string() + &place.to_string());
    json!({"kind": list["kind"], "count": places.len(), "names": items.iter().map(|item| item["metadata"]["name"].clone()).collect::<Value>()})
}

/// Types, clusters and names of events.
fn events(events: &Value) -> Value {
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    let told = events.iter().map(|event| {
        let head = &event["object"]["metadata"];
        json!([
            event["type"],
            head["annotations"]["kcp.io/cluster"],
            head["name"],
            head["deletionTimestamp"]
        ])
    });
    told.collect()
}

/// The owners of a claimed object, without the label that kcp puts on.
fn owners(object: &Value) -> Value {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let own = entries
        .iter()
        .filter(|entry| !entry["fieldsV1"].to_string().contains("claimed.internal"));
    let mut owners: Vec<_> = own
        .map(|entry| json!([entry["manager"], entry["operation"], entry["fieldsV1"]["f:data"]]))
        .collect();
    // Their order depends on the second in which each was written.
    owners.sort_by_key(Value::to_string);
    json!({"data": object["data"], "owners": owners})
}

/// The resources that discovery shows.
fn resources(list: &Value) -> Value {
    let resources = list["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = resources
        .iter()
        .map(|resource| format!("{} {}", resource["name"], resource["verbs"]))
        .collect();
    names.sort();
    json!({"kind": list["kind"], "names": names})
}

fn groups(list: &Value) -> Value {
    let groups = list["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = groups.iter().map(|group| group["name"].to_string()).collect();
    names.sort();
    json!(names)
}

/// Two Deployments of one name in two workspaces.
fn both(name: &'static str) -> Row {
    kcp(name)
        .post(DEPLOY, deploy("web"))
        .is(201)
        .keep("from", "/metadata/resourceVersion")
        .post("/clusters/$blue/apis/apps/v1/namespaces/$ns/deployments", deploy("web"))
        .is(201)
        .get("$vw/*/apis/apps/v1/deployments?labelSelector=of%3D$ns")
        .in_time()
        .is(200)
        .shows("/items/1/metadata/name", "web")
        .status_only()
}

/// A ConfigMap that the export sees.
fn claimed(name: &'static str) -> Row {
    kcp(name)
        .post(RED, cm("a", json!({"k": "v"})))
        .is(201)
        .status_only()
        .keep("uid", "/metadata/uid")
        .get(format!("{VW_CM}/a"))
        .in_time()
        .is(200)
        .status_only()
        .keep("rv", "/metadata/resourceVersion")
}

fn deployed(name: &'static str) -> Row {
    kcp(name)
        .post(DEPLOY, deploy("web"))
        .is(201)
        .keep("uid", "/metadata/uid")
        .keep("rv", "/metadata/resourceVersion")
}

fn claim(state: &str) -> Value {
    json!([{"op": "replace", "path": "/spec/permissionClaims/0/state", "value": state}])
}

/// A claim on `green` that is withdrawn, and the export's view of an object then.
fn withdrawn(name: &'static str) -> Row {
    kcp(name)
        .json_patch(CLAIM, claim("Accepted"))
        .is(200)
        .status_only()
        .post(GREEN, cm("kept", json!({})))
        .is(201)
        .status_only()
        .get("$vw/$green/api/v1/namespaces/$ns/configmaps/kept")
        .in_time()
        .is(200)
        .status_only()
        .get("$vw/*/api/v1/configmaps?limit=1")
        .is(200)
        .status_only()
        .keep("from", "/metadata/resourceVersion")
        .json_patch(CLAIM, claim("Rejected"))
        .is(200)
        .status_only()
}

pub(super) fn rows() -> Vec<Row> {
    let applied = |value: &str, more: &str| {
        let data = if more.is_empty() {
            json!({"k": value})
        } else {
            json!({"k": value, "l": more})
        };
        cm("a", data)
    };
    let a = &*format!("{VW_CM}/a");
    let status = &*format!("{WEB}/status");
    let all = "$vw/*/apis/apps/v1/deployments";
    vec![
        both("a list over all workspaces").get(format!("{all}?labelSelector=of%3D$ns")).is(200).seen(places),
        both("a list over all workspaces goes page by page")
            .get(format!("{all}?labelSelector=of%3D$ns&limit=1"))
            .is(200)
            .keep("next", "/metadata/continue")
            .seen(places)
            .get(format!("{all}?labelSelector=of%3D$ns&limit=1&continue=$next"))
            .is(200)
            .seen(places),
        both("metadata over all workspaces").get(format!("{all}?labelSelector=of%3D$ns")).accept(PARTIAL_LIST).is(200).seen(places),
        both("a watch over all workspaces")
            .watch(format!("{all}?watch=1&labelSelector=of%3D$ns&resourceVersion=$from"), 1)
            .is(200)
            .seen(events),
        both("a list of one namespace over all workspaces is refused")
            .get("$vw/*/apis/apps/v1/namespaces/$ns/deployments")
            .is(400),
        both("one object over all workspaces is refused").get("$vw/*/apis/apps/v1/namespaces/$ns/deployments/web"),
        both("a create over all workspaces is refused").post("$vw/*/apis/apps/v1/namespaces/$ns/deployments", deploy("x")),
        both("a delete over all workspaces is refused").delete("$vw/*/apis/apps/v1/namespaces/$ns/deployments/web"),
        both("a list of one namespace of claimed objects over all workspaces is refused")
            .get("$vw/*/api/v1/namespaces/$ns/configmaps"),
        both("an object of one workspace").get(WEB).is(200).shows("/metadata/annotations/kcp.io~1cluster", "$red"),
        kcp("what is neither exported nor claimed is not found")
            .get("$vw/*/api/v1/secrets")
            .is(404)
            .get("$vw/$red/api/v1/namespaces/$ns/secrets/x")
            .is(403)
            .get("$vw/$red/api/v1/namespaces/$ns/secrets")
            .get("$vw/$red/api/v1/secrets")
            .post("$vw/$red/api/v1/namespaces/$ns/secrets", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}))
            .get("$vw/$red/apis/batch/v1/namespaces/$ns/jobs/x"),
        kcp("a group that nobody exports is not found").get("$vw/*/apis/batch/v1/jobs").is(404),
        kcp("an object that is not there").get(format!("{VW_DEPLOY}/none")).is(404).get(format!("{VW_CM}/none")).is(404),
        kcp("an export that is not there")
            .get("/services/apiexport/$compute/nope/clusters/*/api/v1/configmaps"),
        kcp("a logical cluster that is not there, through the virtual workspace")
            .get("$vw/nope/apis/apps/v1/namespaces/$ns/deployments/web")
            .get("$vw/nope/api/v1/namespaces/$ns/configmaps/a"),
        kcp("a workspace that has not bound the export")
            .get("$vw/$compute/apis/apps/v1/namespaces/default/deployments/web")
            .get("$vw/$compute/api/v1/namespaces/default/configmaps/a"),
        deployed("no subresource but the status").get(format!("{WEB}/scale")),
        deployed("a status write with an old version").merge(status, json!({"metadata": {"resourceVersion": "1"}, "status": {"replicas": 1}})).is(409),
        deployed("a status write for another UID").merge(status, json!({"metadata": {"uid": "x"}, "status": {"replicas": 1}})).is(409),
        deployed("a status write with version and UID goes through")
            .merge(status, json!({"metadata": {"resourceVersion": "$rv", "uid": "$uid"}, "status": {"replicas": 1}}))
            .is(200)
            .shows("/status/replicas", 1),
        deployed("a status write without a manager is kcp's")
            .merge(status, json!({"status": {"replicas": 1}}))
            .is(200)
            .shows("/metadata/managedFields/0/manager", "kcp"),
        deployed("a status write by a manager")
            .merge(format!("{status}?fieldManager=syncer"), json!({"status": {"replicas": 1}}))
            .is(200),
        deployed("a merge patch of the object").merge(WEB, json!({"spec": {"b": 1}})).is(200).shows("/metadata/generation", 2),
        deployed("a JSON patch whose test holds")
            .json_patch(WEB, json!([{"op": "test", "path": "/metadata/uid", "value": "$uid"}, {"op": "add", "path": "/spec/b", "value": 1}]))
            .is(200),
        deployed("a JSON patch whose test fails").json_patch(WEB, json!([{"op": "test", "path": "/metadata/uid", "value": "x"}])),
        deployed("a strategic merge patch").strategic(WEB, json!({"spec": {"b": 1}})),
        deployed("an update from an old version")
            .merge(WEB, json!({"spec": {"b": 1}}))
            .is(200)
            .put(WEB, with(deploy("web"), "/metadata/resourceVersion", json!("$rv")))
            .is(409),
        deployed("an update that changes nothing makes a new version")
            .get(WEB)
            .keep("read", "")
            .put(WEB, json!("$read"))
            .is(200)
            .get(format!("{DEPLOY}/web"))
            .keep("read", "")
            .put(format!("{DEPLOY}/web"), json!("$read"))
            .is(200)
            .watch(format!("{all}?watch=1&labelSelector=of%3D$ns&resourceVersion=$rv&timeoutSeconds=1"), usize::MAX)
            .is(200)
            .seen(events),
        deployed("a patch that changes nothing")
            .merge(WEB, json!({"spec": {"a": 1}}))
            .is(200)
            .merge(format!("{DEPLOY}/web"), json!({"spec": {"a": 1}}))
            .is(200)
            .json_patch(format!("{DEPLOY}/web"), json!([{"op": "replace", "path": "/spec/a", "value": 1}]))
            .is(200),
        deployed("a status patch that changes nothing")
            .merge(format!("{status}?fieldManager=me"), json!({"status": {"replicas": 1}}))
            .is(200)
            .merge(format!("{status}?fieldManager=me"), json!({"status": {"replicas": 1}}))
            .is(200),
        kcp("an apply that changes nothing")
            .apply("me", &format!("{DEPLOY}/web"), deploy("web"))
            .is(201)
            .apply("me", &format!("{DEPLOY}/web"), deploy("web"))
            .is(200),
        kcp("writes of a ConfigMap that change nothing")
            .post("/clusters/$compute/api/v1/namespaces/default/configmaps", cm("$ns", json!({"k": "v"})))
            .is(201)
            .put("/clusters/$compute/api/v1/namespaces/default/configmaps/$ns", cm("$ns", json!({"k": "v"})))
            .is(200)
            // A new version or not: it depends on whether the second has passed.
            .status_only()
            .merge("/clusters/$compute/api/v1/namespaces/default/configmaps/$ns", json!({"data": {"k": "v"}}))
            .is(200),
        kcp("a create through the virtual workspace").post(VW_DEPLOY, deploy("web")).is(201),
        kcp("a name is taken once through the virtual workspace").post(VW_DEPLOY, deploy("web")).is(201).post(VW_DEPLOY, deploy("web")).is(409),
        deployed("a delete for another UID").delete_with(WEB, json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}})),
        deployed("a delete for the present UID").delete_with(WEB, json!({"preconditions": {"uid": "$uid"}})).is(200),
        deployed("a finalizer holds a bound object until the virtual workspace takes it off")
            .merge(WEB, json!({"metadata": {"finalizers": ["x.io/f"]}}))
            .is(200)
            .delete(&*format!("{DEPLOY}/web"))
            .is(200)
            .merge(WEB, json!({"metadata": {"finalizers": null}}))
            .is(200)
            .get(WEB)
            .is(404),
        kcp("an apply creates, as an update of its author").apply("me", a, applied("1", "x")).seen(owners).get(a).in_time().is(200).seen(owners),
        claimed("an apply over what is there conflicts with the update").apply("me", a, applied("2", "")).is(409),
        kcp("a second apply conflicts with the first")
            .apply("me", a, applied("1", "x"))
            .status_only()
            .get(a)
            .in_time()
            .is(200)
            .status_only()
            .apply("me", a, applied("2", "x"))
            .is(409),
        claimed("an apply by force removes nothing by omission")
            .force("me", a, applied("1", "x"))
            .is(200)
            .seen(owners)
            .force("me", a, applied("2", ""))
            .is(200)
            .shows("/data/l", "x")
            .seen(owners),
        claimed("a merge patch of a claimed object").merge(format!("{a}?fieldManager=me"), json!({"data": {"k": "w"}})).is(200).seen(owners),
        claimed("the label of a claim comes back")
            .merge(format!("{RED}/a"), json!({"metadata": {"labels": null}}))
            .is(200)
            .status_only()
            .get(a)
            .in_time()
            .is(200)
            .seen(owners),
        claimed("a finalizer on a claimed object")
            .merge(a, json!({"metadata": {"finalizers": ["x.io/f"]}}))
            .is(200)
            .status_only()
            .delete(format!("{RED}/a"))
            .is(200)
            .status_only()
            .get(a)
            .shows("/metadata/finalizers/0", "x.io/f")
            .shows("/metadata/deletionGracePeriodSeconds", 0)
            .status_only()
            .merge(a, json!({"metadata": {"finalizers": null}}))
            .is(200)
            .status_only()
            .get(a)
            .is(404),
        claimed("a delete of a claimed object for another UID")
            .delete_with(a, json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}))
            .is(409),
        claimed("a claimed object is created through the virtual workspace")
            .post(VW_CM, cm("b", json!({"k": "v"})))
            .is(201)
            .seen(owners)
            .get(format!("{VW_CM}/b"))
            .in_time()
            .is(200)
            .seen(owners),
        kcp("a dry-run create through the virtual workspace")
            .post(format!("{VW_DEPLOY}?dryRun=All"), deploy("web"))
            .is(201)
            .status_only()
            .get(WEB)
            .is(404),
        claimed("a delete of a claimed object").delete(a).is(200).status_only().get(format!("{RED}/a")).is(404),
        kcp("the resources of the virtual workspace").get("$vw/*/apis/apps/v1").is(200).seen(resources),
        kcp("the resources of a workspace").get("/clusters/$red/apis/apps/v1").is(200).seen(resources),
        kcp("discovery of a logical cluster that is not there")
            .get("/clusters/root:nope/api/v1")
            .is(403)
            .get("$vw/nope/api/v1")
            .seen(resources)
            .get("$vw/nope/apis")
            .seen(groups),
        kcp("the claimed resources of the virtual workspace").get("$vw/*/api/v1").is(200).seen(resources),
        kcp("the groups of the virtual workspace").get("$vw/*/apis").is(200).seen(groups),
        kcp("bindings are seen through the virtual workspace")
            .get("$vw/*/apis/apis.kcp.io/v1alpha2/apibindings")
            .is(200)
            .seen(places),
        withdrawn("a withdrawn claim shows as deletes of objects that still exist")
            .watch("$vw/*/api/v1/configmaps?watch=1&resourceVersion=$from&fieldSelector=metadata.name%3Dkept", 1)
            .is(200)
            .shows("/0/type", "DELETED")
            .seen(events)
            .get(format!("{GREEN}/kept"))
            .is(200)
            .status_only()
            .get("$vw/$green/api/v1/namespaces/$ns/configmaps/kept")
            .in_time()
            .is(403)
            .fields(&["/reason", "/kind"])
            .merge("$vw/$green/api/v1/namespaces/$ns/configmaps/kept", json!({"metadata": {"finalizers": null}}))
            .is(403)
            .post("$vw/$green/api/v1/namespaces/$ns/configmaps", cm("more", json!({})))
            .is(403)
            .delete("$vw/$green/api/v1/namespaces/$ns/configmaps/kept")
            .is(403)
            .get(CLAIM)
            .in_time()
            .lacks("/status/appliedPermissionClaims/1")
            .fields(&["/status/appliedPermissionClaims"])
            .json_patch(CLAIM, claim("Accepted"))
            .is(200)
            .status_only()
            .get("$vw/$green/api/v1/namespaces/$ns/configmaps/kept")
            .in_time()
            .is(200)
            .status_only(),
    ]
}
