//! What is there when all has come to rest, without what differs from run to run.

use serde_json::{Map, Value, json};

use super::{Kind, Script};
use crate::{Fleet, Hand};

/// What is left of the metadata of an object.
const OF_METADATA: [&str; 3] = ["name", "namespace", "labels"];

/// What servers give out in the order in which objects happen to arrive.
const ALLOCATED: [&str; 5] = [
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
];

/// All objects of the kinds of a scenario on all servers: by server and path, each without times, UIDs, versions and what is allocated.
pub fn findings(script: &Script, fleet: &Fleet) -> Value {
    let mut servers = Map::new();
    for team in &script.teams {
        let hand = Hand::at(&fleet.upstream, "kubectl");
        let objects = Kind::ALL.iter().flat_map(|kind| {
            let path = format!("{}{}", team.base, kind.path_in(&team.namespace));
            listed(&hand, &path, *kind, |_| true)
        });
        servers.insert(format!("upstream {}", team.name), Value::Object(objects.collect()));
    }
    for (name, server) in &fleet.targets {
        let hand = Hand::at(server, "kubectl");
        let objects = Kind::ALL.iter().flat_map(|kind| {
            let ours = |object: &Value| script.origin(object).is_some();
            listed(&hand, &kind.path(), *kind, ours)
        });
        servers.insert(format!("target {name}"), Value::Object(objects.collect()));
    }
    Value::Object(servers)
}

fn listed(hand: &Hand, path: &str, kind: Kind, wanted: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
    let objects = hand.list(path).into_iter().filter(|object| {
        // Every cluster makes this one for itself.
        wanted(object) && object.pointer("/metadata/name").and_then(Value::as_str) != Some("kube-root-ca.crt")
    });
    let named = objects.map(|object| {
        let text = |name: &str| {
            object
                .pointer(&format!("/metadata/{name}"))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let path = format!("{} {}/{}", kind.name(), text("namespace"), text("name"));
        (path, pruned(kind, object.clone()))
    });
    named.collect()
}

/// `object` without times, UIDs, versions, marks, and what is allocated.
pub fn pruned(kind: Kind, mut object: Value) -> Value {
    let Some(fields) = object.as_object_mut() else {
        return object;
    };
    fields.remove("apiVersion");
    fields.remove("kind");
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        metadata.retain(|name, _| OF_METADATA.contains(&name.as_str()));
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            // The key of a target is a hash that holds the upstream's UID: its presence is what counts.
            if let Some(key) = labels.get_mut("internal.workload.kcp.io/cluster") {
                *key = "here".into();
            }
        }
    }
    match kind {
        Kind::Service => prune_service(fields),
        Kind::Deployment => {
            if let Some(status) = fields.get_mut("status") {
                *status = settled(status);
            }
        }
        Kind::ConfigMap | Kind::Secret => {}
    }
    object
}

fn prune_service(fields: &mut Map<String, Value>) {
    if let Some(Value::Object(spec)) = fields.get_mut("spec") {
        spec.retain(|name, _| !ALLOCATED.contains(&name.as_str()));
        if let Some(Value::Array(ports)) = spec.get_mut("ports") {
            for port in ports.iter_mut().filter_map(Value::as_object_mut) {
                port.remove("nodePort");
            }
        }
    }
    // An address is drawn from what was allocated: whether there is one is what counts.
    if let Some(status) = fields.get_mut("status") {
        let addresses = status.pointer("/loadBalancer/ingress").and_then(Value::as_array);
        *status = json!({"addresses": addresses.map_or(0, Vec::len)});
    }
}

/// What of a Deployment's status does not depend on how often it was written on the way.
fn settled(status: &Value) -> Value {
    let counts = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
    let counts = counts
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), status.get(*name)?.clone())));
    Value::Object(counts.collect())
}
