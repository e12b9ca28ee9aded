//! Refusals for what an object holds, as far as a syncer meets them.

use serde_json::{Value, json};

use super::names::{self, NameRule};
use crate::{
    error::Cause,
    registry::{Nature, Resource},
    schema::Shape,
};

/// The greatest size of the values of a ConfigMap or a Secret, in bytes.
const MAX_DATA: usize = 1024 * 1024;

/// What is wrong with `object`, which is new where there is no `old`.
pub(crate) fn check(resource: &Resource, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    metadata(resource, object, old, &mut causes);
    match resource.nature {
        Nature::Deployment | Nature::ReplicaSet => workload(object, old, &mut causes),
        Nature::Service => service(object, old, &mut causes),
        Nature::ConfigMap | Nature::Secret => data(resource, object, old, &mut causes),
        Nature::Custom => required(&resource.shape, object, &mut Vec::new(), &mut causes),
        _ => {}
    }
    causes
}

fn metadata(resource: &Resource, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let Some(metadata) = object.get("metadata") else { return };
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    let rule = match resource.nature {
        Nature::Namespace | Nature::Service => NameRule::Label,
        _ => NameRule::Subdomain,
    };
    if old.is_none()
        && let Some(complaint) = rule.complaint(name)
    {
        causes.push(Cause::invalid("metadata.name", &name.into(), &complaint));
    }
    names::check_metadata(metadata, causes);
    let Some(before) = old.and_then(|old| old.get("metadata")) else {
        return;
    };
    if before.get("deletionTimestamp").is_some() {
        let list = |metadata: &Value| {
            metadata
                .get("finalizers")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let had = list(before);
        let added: Vec<String> = list(metadata)
            .iter()
            .filter(|finalizer| !had.contains(finalizer))
            .map(ToString::to_string)
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &why));
        }
    }
}

fn workload(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let at = |path: &str| object.pointer(path).filter(|value| !value.is_null());
    let replicas = at("/spec/replicas").and_then(Value::as_i64).unwrap_or_default();
    if replicas < 0 {
        causes.push(Cause::invalid(
            "spec.replicas",
            &replicas.into(),
            "must be greater than or equal to 0",
        ));
    }
    let selector = at("/spec/selector");
    if selector.is_none() {
        causes.push(Cause::required("spec.selector", ""));
    }
    let labels = at("/spec/template/metadata/labels");
    let wanted = at("/spec/selector/matchLabels").and_then(Value::as_object);
    let matches = selector.is_some()
        && wanted
            .into_iter()
            .flatten()
            .all(|(name, value)| labels.and_then(|labels| labels.get(name)) == Some(value));
    if !matches {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels.unwrap_or(&Value::Null),
            "`selector` does not match template `labels`",
        ));
    }
    let containers = at("/spec/template/spec/containers")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if containers.is_empty() {
        causes.push(Cause::required("spec.template.spec.containers", ""));
    }
    let mut names = std::collections::BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let field = |name: &str| format!("spec.template.spec.containers[{index}].{name}");
        match container.get("name").and_then(Value::as_str) {
            None => causes.push(Cause::required(field("name"), "")),
            Some(name) if !names.insert(name) => {
                let message = format!("Duplicate value: {name:?}");
                causes.push(Cause {
                    reason: "FieldValueDuplicate",
                    message,
                    field: field("name"),
                });
            }
            Some(name) => {
                if let Some(complaint) = NameRule::Label.complaint(name) {
                    causes.push(Cause::invalid(field("name"), &name.into(), &complaint));
                }
            }
        }
        if container.get("image").and_then(Value::as_str).is_none_or(str::is_empty) {
            causes.push(Cause::required(field("image"), ""));
        }
        let volumes = at("/spec/template/spec/volumes")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for (at, mount) in container
            .get("volumeMounts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let name = mount.get("name").cloned().unwrap_or_default();
            if !volumes.iter().any(|volume| volume.get("name") == Some(&name)) {
                let field = field(&format!("volumeMounts[{at}].name"));
                causes.push(Cause {
                    reason: "FieldValueNotFound",
                    message: format!("Not found: {name}"),
                    field,
                });
            }
        }
    }
    let strategy = at("/spec/strategy/type").and_then(Value::as_str);
    if strategy == Some("Recreate") && at("/spec/strategy/rollingUpdate").is_some() {
        causes.push(Cause::forbidden(
            "spec.strategy.rollingUpdate",
            "may not be specified when strategy `type` is 'Recreate'",
        ));
    }
    if let Some(strategy) = strategy.filter(|strategy| !matches!(*strategy, "Recreate" | "RollingUpdate")) {
        // In the order of the API server's own type.
        let rolling = at("/spec/strategy/rollingUpdate").unwrap_or(&Value::Null);
        let shown = format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", Value::from(strategy));
        let supported = ["Recreate", "RollingUpdate"];
        causes.push(Cause::unsupported_text("spec.strategy", &shown, &supported));
    }
    let before = old.and_then(|old| old.pointer("/spec/selector"));
    if let (Some(before), Some(selector)) = (before, selector)
        && before != selector
    {
        causes.push(Cause::invalid("spec.selector", selector, "field is immutable"));
    }
}

fn service(object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or_default();
    let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
    let ports = spec
        .get("ports")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        if ports.len() > 1 && port.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.ports[{index}].name"), ""));
        }
        let number = port.get("port").and_then(Value::as_i64).unwrap_or_default();
        if !(1..=65535).contains(&number) {
            causes.push(Cause::invalid(
                format!("spec.ports[{index}].port"),
                &number.into(),
                "must be between 1 and 65535, inclusive",
            ));
        }
        if let Some(target) = port
            .get("targetPort")
            .and_then(Value::as_i64)
            .filter(|target| !(1..=65535).contains(target))
        {
            causes.push(Cause::invalid(
                format!("spec.ports[{index}].targetPort"),
                &target.into(),
                "must be between 1 and 65535, inclusive",
            ));
        }
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&kind) {
        causes.push(Cause::unsupported("spec.type", &kind.into(), &kinds));
    }
    let before = old.and_then(|old| old.pointer("/spec/clusterIPs"));
    let addresses = spec.get("clusterIPs");
    if let (Some(before), Some(addresses)) = (before, addresses)
        && before != addresses
        && kind != "ExternalName"
    {
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            addresses,
            "may not change once set",
        ));
    }
}

fn data(resource: &Resource, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (name, value) in object.get(field).and_then(Value::as_object).into_iter().flatten() {
            size += value.as_str().unwrap_or_default().len();
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if name.is_empty() || !name.chars().all(allowed) {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or \
                           'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                causes.push(Cause::invalid(format!("{field}[{name}]"), &name.as_str().into(), why));
            }
        }
    }
    if size > MAX_DATA {
        let field = if resource.nature == Nature::Secret {
            "data"
        } else {
            "[]"
        };
        let message = format!("Too long: may not be more than {MAX_DATA} bytes");
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message,
            field: field.to_owned(),
        });
    }
    let has = |field: &str, name: &str| object.get(field).and_then(|map| map.get(name)).is_some();
    for name in object
        .get("data")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(serde_json::Map::keys)
    {
        if has("binaryData", name) {
            let why = "duplicate of key present in binaryData";
            causes.push(Cause::invalid(format!("data[{name}]"), &name.as_str().into(), why));
        }
    }
    if resource.nature == Nature::Secret && object.get("type") == Some(&json!("kubernetes.io/tls")) {
        for name in ["tls.crt", "tls.key"].into_iter().filter(|name| !has("data", name)) {
            causes.push(Cause::required(format!("data[{name}]"), ""));
        }
    }
    let Some(old) = old else { return };
    if resource.nature == Nature::Secret && old.get("type") != object.get("type") {
        causes.push(Cause::invalid(
            "type",
            object.get("type").unwrap_or(&Value::Null),
            "field is immutable",
        ));
    }
    if old.get("immutable") != Some(&json!(true)) {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    for field in ["immutable", "data", "binaryData"] {
        if old.get(field) != object.get(field) {
            causes.push(Cause::forbidden(field, why));
        }
    }
}

/// The fields that a custom kind must have.
fn required(shape: &Shape, value: &Value, path: &mut Vec<String>, causes: &mut Vec<Cause>) {
    match (shape, value) {
        (Shape::Struct(shape), Value::Object(map)) => {
            for (name, field) in &shape.fields {
                path.push(name.to_string());
                match map.get(&**name) {
                    Some(value) => required(&field.shape, value, path, causes),
                    None if field.required => causes.push(Cause::required(path.join("."), "")),
                    None => {}
                }
                path.pop();
            }
        }
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            for (name, value) in map {
                path.push(name.clone());
                required(shape, value, path, causes);
                path.pop();
            }
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for value in items {
                required(item, value, path, causes);
            }
        }
        _ => {}
    }
}
