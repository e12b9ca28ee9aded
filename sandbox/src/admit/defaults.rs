//! The values that the API server fills in.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::{default, pods, service};
use crate::object::child;
use crate::registry::{Nature, Resource};

/// Fills in what `object` leaves open.
pub(crate) fn apply(resource: &Resource, object: &mut Value) {
    match resource.nature {
        Nature::Deployment => deployment(object),
        Nature::ReplicaSet => {
            let Some(spec) = child(object, "spec") else { return };
            default(spec, "replicas", 1);
            template(spec);
        }
        Nature::Pod => {
            if let Some(spec) = child(object, "spec") {
                pods::spec(spec);
                default(spec, "enableServiceLinks", true);
            }
            if let Some(status) = child(object, "status") {
                default(status, "phase", "Pending");
            }
        }
        Nature::Service => {
            if let Some(spec) = child(object, "spec") {
                service::defaults(spec);
            }
            let ingress = object
                .pointer_mut("/status/loadBalancer/ingress")
                .and_then(Value::as_array_mut);
            for address in ingress
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
                .filter(|address| address.contains_key("ip"))
            {
                default(address, "ipMode", "VIP");
            }
        }
        Nature::Secret => secret(object),
        Nature::Namespace => namespace(object),
        Nature::Definition => definition(object),
        Nature::Plain if resource.kind() == "EndpointSlice" => endpoint_slice(object),
        Nature::ConfigMap | Nature::Plain | Nature::Custom => {}
    }
}

fn deployment(object: &mut Value) {
    let Some(spec) = child(object, "spec") else { return };
    default(spec, "replicas", 1);
    default(spec, "revisionHistoryLimit", 10);
    default(spec, "progressDeadlineSeconds", 600);
    default(spec, "strategy", json!({}));
    if let Some(strategy) = spec.get_mut("strategy").and_then(Value::as_object_mut) {
        default(strategy, "type", "RollingUpdate");
        if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
            default(strategy, "rollingUpdate", json!({}));
            if let Some(rolling) = strategy.get_mut("rollingUpdate").and_then(Value::as_object_mut) {
                default(rolling, "maxUnavailable", "25%");
                default(rolling, "maxSurge", "25%");
            }
        }
    }
    template(spec);
}

fn template(spec: &mut Map<String, Value>) {
    default(spec, "template", json!({}));
    let Some(template) = spec.get_mut("template") else {
        return;
    };
    // The metadata of a template keeps a null creationTimestamp out of the way; nothing else is known to fill in there.
    if let Some(spec) = child(template, "spec") {
        pods::spec(spec);
    }
}

/// `stringData` is written to `data`, and never kept.
fn secret(object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = object.remove("stringData") {
        let data = object.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if let Some(data) = data.as_object_mut() {
            for (name, text) in texts {
                let text = text.as_str().unwrap_or_default();
                data.insert(name, base64::engine::general_purpose::STANDARD.encode(text).into());
            }
        }
    }
    default(object, "type", "Opaque");
}

fn namespace(object: &mut Value) {
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if name.is_empty() {
        return;
    }
    let Some(metadata) = child(object, "metadata") else {
        return;
    };
    let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    if let Some(labels) = labels.as_object_mut() {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

fn endpoint_slice(object: &mut Value) {
    let ports = object.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        default(port, "name", "");
        default(port, "protocol", "TCP");
    }
}

fn definition(object: &mut Value) {
    let Some(spec) = child(object, "spec") else { return };
    default(spec, "conversion", json!({"strategy": "None"}));
    let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(kind) = names.get("kind").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    default(names, "singular", kind.to_lowercase());
    default(names, "listKind", format!("{kind}List"));
}
