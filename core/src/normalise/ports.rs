//! Container ports: the first of a number and protocol counts.

use serde_json::{Map, Value};

use super::{Duplicate, Needed, duplicate, plain, unique};
use crate::field_path::FieldPath;

/// What may name a port of its container.
const REFERRERS: [&str; 4] = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

/// Leaves of each number and protocol the first.
pub(super) fn keep_first(container: &mut Map<String, Value>, path: &FieldPath) -> Result<(), Duplicate> {
    let mut names = Vec::new();
    for referrer in REFERRERS.iter().filter_map(|referrer| container.get(*referrer)) {
        collect_port_names(referrer, &mut names);
    }
    let Some(Value::Array(ports)) = container.get_mut("ports") else {
        return Ok(());
    };
    unique(ports, key, |kept, dropped| may_go(kept, dropped, &names)).map_err(|((number, protocol), why)| {
        duplicate(
            path,
            "ports",
            &format!("containerPort={},protocol={}", plain(&number), plain(&protocol)),
            why,
        )
    })
}

fn key(port: &Value) -> Option<(Value, Value)> {
    let protocol = port.get("protocol").cloned().unwrap_or_else(|| "TCP".into());
    Some((port.get("containerPort")?.clone(), protocol))
}

fn may_go(kept: &Value, dropped: &Value, names: &[String]) -> Result<(), Needed> {
    let name = |port: &Value| port.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let dropped_name = name(dropped);
    if dropped_name != name(kept) && names.contains(&dropped_name) {
        return Err(Needed::PortName { name: dropped_name });
    }
    let published = |port: &Value| (port.get("hostPort").cloned(), port.get("hostIP").cloned());
    if dropped.get("hostPort").is_some() && published(kept) != published(dropped) {
        return Err(Needed::HostPort);
    }
    Ok(())
}

/// The names under `port` anywhere in a probe or hook.
fn collect_port_names(value: &Value, names: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(name) if key == "port" => names.push(name.clone()),
            value => collect_port_names(value, names),
        }
    }
}
