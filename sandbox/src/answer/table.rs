//! Tables, as kubectl prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::encode::ListHead;
use crate::{
    registry::{Nature, Resource},
    state::Now,
    store::stored::Stored,
};

/// Whether a table names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heads {
    /// It does.
    Shown,
    /// It does not: it continues another one.
    Hidden,
}

/// Name, type and priority of a column.
type Head = (&'static str, &'static str, i64);

/// The table of `objects`.
pub(crate) fn table(resource: &Resource, list: &ListHead, objects: &[&Stored], now: Now, heads: Heads) -> Value {
    let rows: Vec<Value> = objects.iter().map(|object| row(resource, object, now)).collect();
    let columns = match heads {
        Heads::Shown => Value::Array(columns(resource)),
        Heads::Hidden => Value::Null,
    };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list.to_json(), "columnDefinitions": columns, "rows": rows})
}

fn columns(resource: &Resource) -> Vec<Value> {
    let column = |name: &str, kind: &str, priority: i64| {
        let format = if name == "Name" { "name" } else { "" };
        json!({"name": name, "type": kind, "format": format, "description": name, "priority": priority})
    };
    if resource.is_custom() {
        let mut columns = vec![column("Name", "string", 0)];
        columns.extend(
            resource
                .columns
                .iter()
                .map(|own| column(&own.name, &own.cell_type, own.priority)),
        );
        if resource.columns.is_empty() {
            columns.push(column("Age", "date", 0));
        }
        return columns;
    }
    heads(resource.nature)
        .iter()
        .map(|(name, kind, priority)| column(name, kind, *priority))
        .collect()
}

fn heads(nature: Nature) -> &'static [Head] {
    match nature {
        Nature::Deployment => &[
            ("Name", "string", 0),
            ("Ready", "string", 0),
            ("Up-to-date", "string", 0),
            ("Available", "string", 0),
            ("Age", "string", 0),
            ("Containers", "string", 1),
            ("Images", "string", 1),
            ("Selector", "string", 1),
        ],
        Nature::Service => &[
            ("Name", "string", 0),
            ("Type", "string", 0),
            ("Cluster-IP", "string", 0),
            ("External-IP", "string", 0),
            ("Port(s)", "string", 0),
            ("Age", "string", 0),
            ("Selector", "string", 1),
        ],
        Nature::ConfigMap => &[("Name", "string", 0), ("Data", "string", 0), ("Age", "string", 0)],
        Nature::Secret => &[
            ("Name", "string", 0),
            ("Type", "string", 0),
            ("Data", "string", 0),
            ("Age", "string", 0),
        ],
        Nature::Namespace => &[("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)],
        Nature::Pod => &[
            ("Name", "string", 0),
            ("Ready", "string", 0),
            ("Status", "string", 0),
            ("Age", "string", 0),
        ],
        Nature::Definition => &[("Name", "string", 0), ("Created At", "date", 0)],
        Nature::ReplicaSet | Nature::Plain | Nature::Custom => &[("Name", "string", 0), ("Age", "string", 0)],
    }
}

fn row(resource: &Resource, stored: &Stored, now: Now) -> Value {
    let object = stored.value();
    let name = json!(&*stored.name);
    let age = json!(age(&object, now));
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let size = |path: &str| {
        object
            .pointer(path)
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    };
    let cells = match resource.nature {
        Nature::Deployment => {
            let containers = |field: &str| {
                let list = object
                    .pointer("/spec/template/spec/containers")
                    .and_then(Value::as_array);
                list.into_iter()
                    .flatten()
                    .filter_map(|container| container.get(field)?.as_str())
                    .collect::<Vec<_>>()
                    .join(",")
            };
            let ready = format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas"));
            let [updated, available] = ["/status/updatedReplicas", "/status/availableReplicas"].map(number);
            json!([
                name,
                ready,
                updated,
                available,
                age,
                containers("name"),
                containers("image"),
                selector(object.pointer("/spec/selector/matchLabels"))
            ])
        }
        Nature::Service => {
            json!([
                name,
                text("/spec/type"),
                address(text("/spec/clusterIP")),
                external(&object),
                ports(&object),
                age,
                selector(object.pointer("/spec/selector"))
            ])
        }
        Nature::ConfigMap => json!([name, size("/data") + size("/binaryData"), age]),
        Nature::Secret => json!([name, text("/type"), size("/data"), age]),
        Nature::Namespace => json!([name, text("/status/phase"), age]),
        Nature::Pod => {
            let count = object
                .pointer("/spec/containers")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            json!([name, format!("0/{count}"), text("/status/phase"), age])
        }
        Nature::Definition => json!([name, text("/metadata/creationTimestamp")]),
        Nature::Custom => {
            let mut cells = vec![name];
            cells.extend(resource.columns.iter().map(|column| {
                let found = object
                    .pointer(&column.path.replace('.', "/"))
                    .cloned()
                    .unwrap_or_default();
                if column.cell_type == "date" {
                    since(found.as_str(), now).into()
                } else {
                    found
                }
            }));
            if resource.columns.is_empty() {
                cells.push(age);
            }
            Value::Array(cells)
        }
        Nature::ReplicaSet | Nature::Plain => json!([name, age]),
    };
    json!({"cells": cells, "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")}})
}

fn address(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn selector(labels: Option<&Value>) -> String {
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let pairs: Vec<String> = labels
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() {
        "<none>".to_owned()
    } else {
        pairs.join(",")
    }
}

fn external(service: &Value) -> String {
    let ingress = service
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let addresses: Vec<&str> = ingress
        .filter_map(|one| one.get("ip").or_else(|| one.get("hostname"))?.as_str())
        .collect();
    match service.pointer("/spec/type").and_then(Value::as_str) {
        Some("LoadBalancer") if addresses.is_empty() => "<pending>".to_owned(),
        Some("LoadBalancer") => addresses.join(","),
        Some("ExternalName") => service
            .pointer("/spec/externalName")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        _ => "<none>".to_owned(),
    }
}

fn ports(service: &Value) -> String {
    let ports = service
        .pointer("/spec/ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ports: Vec<String> = ports
        .map(|port| {
            let number = |name: &str| port.get(name).and_then(Value::as_i64);
            let node = number("nodePort").map(|node| format!(":{node}")).unwrap_or_default();
            let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            format!("{}{node}/{protocol}", number("port").unwrap_or_default())
        })
        .collect();
    if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    }
}

fn age(object: &Value, now: Now) -> String {
    since(
        object.pointer("/metadata/creationTimestamp").and_then(Value::as_str),
        now,
    )
}

/// The time since `start`, in the short form of kubectl.
fn since(start: Option<&str>, now: Now) -> String {
    let Some(start) = start.and_then(|start| start.parse::<Timestamp>().ok()) else {
        return "<unknown>".to_owned();
    };
    let seconds = now.0.duration_since(start).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 && seconds % 60 > 0 => format!("{minutes}m{}s", seconds % 60),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 && minutes % 60 > 0 => format!("{hours}h{}m", minutes % 60),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 && hours % 24 > 0 => format!("{days}d{}h", hours % 24),
        () => format!("{days}d"),
    }
}
