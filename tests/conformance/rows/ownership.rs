//! Server-side apply: who owns what, and what becomes of it.

use serde_json::{Value, json};

use super::bodies::{CM, DEPLOY, SVC, at, cm, deploy, deploy_of, labelled, service, with};
use crate::row::{Row, plain};

/// A ConfigMap that holds nothing.
fn bare(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

pub(super) fn rows() -> Vec<Row> {
    let a = &*at(CM, "a");
    let web = &*at(DEPLOY, "web");
    let env = |env| deploy_of("web", json!([{"name": "web", "image": "nginx:1", "env": env}]));
    let applied = |name| {
        plain(name)
            .apply("one", a, cm("a", json!({"k": "v", "l": "v"})))
            .is(201)
    };
    vec![
        applied("an apply over the value of another names the manager")
            .apply("two", a, cm("a", json!({"k": "w"})))
            .is(409)
            .shows("/details/causes/0/field", ".data.k"),
        applied("an apply over several values names all of them")
            .apply("two", a, cm("a", json!({"k": "w", "l": "w"})))
            .is(409),
        applied("an apply by force takes the field").force("two", a, cm("a", json!({"k": "w"}))).is(200),
        applied("the same value is owned together").apply("two", a, cm("a", json!({"k": "v"}))).is(200),
        applied("what is left out is removed")
            .apply("one", a, cm("a", json!({"k": "v"})))
            .is(200)
            .lacks("/data/l"),
        applied("what is left out stays while another owns it too")
            .apply("two", a, cm("a", json!({"l": "v"})))
            .is(200)
            .apply("one", a, cm("a", json!({"k": "v"})))
            .is(200)
            .shows("/data/l", "v")
            .apply("two", a, bare("a"))
            .is(200)
            .lacks("/data/l"),
        applied("a manager that gives up everything leaves the others")
            .apply("two", a, cm("a", json!({"m": "v"})))
            .is(200)
            .apply("one", a, bare("a"))
            .is(200),
        applied("an update takes the field out of the Apply entry")
            .merge(format!("{a}?fieldManager=editor"), json!({"data": {"k": "w"}}))
            .is(200)
            .apply("one", a, cm("a", json!({"k": "v", "l": "v"})))
            .is(409),
        applied("an update that removes takes the field out of the Apply entry")
            .merge(format!("{a}?fieldManager=editor"), json!({"data": {"k": null}}))
            .is(200)
            .apply("one", a, cm("a", json!({"k": "v", "l": "v"})))
            .is(200)
            .shows("/data/k", "v"),
        applied("an update to the same value leaves the Apply entry alone")
            .merge(format!("{a}?fieldManager=editor"), json!({"data": {"k": "v"}}))
            .is(200),
        applied("update and apply of one manager are two entries")
            .merge(format!("{a}?fieldManager=one"), json!({"data": {"m": "v"}}))
            .is(200)
            .apply("one", a, cm("a", json!({"k": "v", "l": "v", "m": "w"})))
            .is(409),
        plain("what a create owns is a conflict for an apply")
            .post(CM, cm("a", json!({"k": "v"})))
            .apply("one", a, cm("a", json!({"k": "w"})))
            .is(409)
            .force("one", a, cm("a", json!({"k": "w"})))
            .is(200),
        plain("a field handed over first is not reset when it is left out")
            .apply("one", web, with(deploy("web"), "/spec/replicas", json!(5)))
            .is(201)
            .keep("rv", "/metadata/resourceVersion")
            .apply("handover", web, json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "resourceVersion": "$rv"}, "spec": {"replicas": 5}}))
            .is(200)
            .apply("one", web, deploy("web"))
            .is(200)
            .shows("/spec/replicas", 5),
        plain("a field left out without a handover is reset to its default")
            .apply("one", web, with(deploy("web"), "/spec/replicas", json!(5)))
            .is(201)
            .apply("one", web, deploy("web"))
            .is(200)
            .shows("/spec/replicas", 1),
        plain("a scale takes replicas out of the Apply entry")
            .apply("one", web, with(deploy("web"), "/spec/replicas", json!(2)))
            .is(201)
            .merge(format!("{web}/scale?fieldManager=hpa"), json!({"spec": {"replicas": 7}}))
            .is(200)
            .get(web)
            .apply("one", web, with(deploy("web"), "/spec/replicas", json!(2)))
            .is(409),
        plain("items of a keyed list have owners of their own")
            .apply("one", web, env(json!([{"name": "A", "value": "1"}])))
            .is(201)
            .apply("two", web, json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [
                {"name": "web", "env": [{"name": "B", "value": "2"}]}]}}}}))
            .is(200)
            .apply("one", web, env(json!([])))
            .is(200)
            .shows("/spec/template/spec/containers/0/env/0/name", "B"),
        plain("items of a keyed list are merged in order")
            .apply("one", web, env(json!([{"name": "A", "value": "1"}, {"name": "C", "value": "3"}])))
            .is(201)
            .apply("one", web, env(json!([{"name": "C", "value": "3"}, {"name": "B", "value": "2"}, {"name": "A", "value": "1"}])))
            .is(200),
        plain("an atomic list belongs to one manager as a whole")
            .apply("one", web, deploy_of("web", json!([{"name": "web", "image": "i", "args": ["a", "b"]}])))
            .is(201)
            .apply("two", web, json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [
                {"name": "web", "args": ["a", "b", "c"]}]}}}}))
            .is(409),
        plain("ports of a Service are keyed by port and protocol")
            .apply("one", &at(SVC, "s"), service("s", json!({"ports": [{"port": 80, "name": "a"}]})))
            .is(201)
            .apply("two", &at(SVC, "s"), service("s", json!({"ports": [{"port": 81, "name": "b"}]})))
            .is(200),
        plain("a selector of a Service is atomic")
            .apply("one", &at(SVC, "s"), service("s", json!({"selector": {"a": "1"}, "ports": [{"port": 80}]})))
            .is(201)
            .apply("two", &at(SVC, "s"), service("s", json!({"selector": {"b": "1"}})))
            .is(409),
        plain("finalizers are a set with owners of their own")
            .apply("one", a, with(bare("a"), "/metadata/finalizers", json!(["x.io/one"])))
            .is(201)
            .apply("two", a, with(bare("a"), "/metadata/finalizers", json!(["x.io/two"])))
            .is(200)
            .apply("one", a, bare("a"))
            .is(200)
            .shows("/metadata/finalizers", json!(["x.io/two"])),
        plain("labels have owners of their own")
            .apply("one", a, labelled("a", json!({"x": "1"})))
            .is(201)
            .apply("two", a, labelled("a", json!({"y": "1"})))
            .is(200)
            .apply("one", a, labelled("a", json!({})))
            .is(200)
            .shows("/metadata/labels", json!({"y": "1"})),
        plain("an owner of an object is an item of a keyed list")
            .post(CM, cm("parent", json!({})))
            .keep("parent", "/metadata/uid")
            .apply("one", a, with(cm("a", json!({})), "/metadata/ownerReferences", json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": "$parent"}])))
            .is(201),
        plain("an object without managedFields is taken over at its first apply")
            .post(CM, cm("a", json!({"k": "v"})))
            .merge(a, json!({"metadata": {"managedFields": [{}]}}))
            .is(200)
            .apply("one", a, cm("a", json!({"k": "v"})))
            .is(200),
    ]
}
