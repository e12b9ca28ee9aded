//! Services: what is filled in, and the addresses and ports that the cluster gives.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::default;

/// The addresses and node ports in use, by logical cluster name.
#[derive(Debug, Default)]
pub(crate) struct Allocations {
    addresses: BTreeSet<String>,
    ports: BTreeSet<i64>,
    next_address: u32,
    next_port: i64,
}

/// The first and the last node port.
const NODE_PORTS: (i64, i64) = (30000, 32767);

/// Fills in what the spec of a Service leaves open.
pub(crate) fn defaults(spec: &mut Map<String, Value>) {
    default(spec, "type", "ClusterIP");
    default(spec, "sessionAffinity", "None");
    let kind = kind(spec);
    if spec.get("sessionAffinity").and_then(Value::as_str) == Some("ClientIP") {
        default(
            spec,
            "sessionAffinityConfig",
            json!({"clientIP": {"timeoutSeconds": 10800}}),
        );
    }
    if kind != "ExternalName" {
        default(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(&*kind, "NodePort" | "LoadBalancer") {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        default(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or_default();
        if port.get("targetPort").is_none_or(|target| target == "" || target == 0) {
            port.insert("targetPort".to_owned(), number);
        }
    }
}

fn kind(spec: &Map<String, Value>) -> String {
    spec.get("type")
        .and_then(Value::as_str)
        .unwrap_or("ClusterIP")
        .to_owned()
}

/// Takes over what the cluster gave before, where the new spec leaves it open.
pub(crate) fn inherit(spec: &mut Map<String, Value>, old: &Map<String, Value>) {
    let (new_kind, old_kind) = (kind(spec), kind(old));
    if new_kind == "ExternalName" {
        for field in [
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ] {
            if spec.get(field) == old.get(field) {
                spec.remove(field);
            }
        }
        return;
    }
    for field in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "healthCheckNodePort",
    ] {
        if let Some(value) = old.get(field) {
            default(spec, field, value.clone());
        }
    }
    // An address that is set on one of the two fields is set on both.
    if let Some(address) = spec.get("clusterIP").cloned()
        && Some(&address) != old.get("clusterIP")
    {
        spec.insert("clusterIPs".to_owned(), json!([address]));
    }
    if !has_node_ports(&new_kind) {
        for field in ["externalTrafficPolicy", "healthCheckNodePort"] {
            if spec.get(field) == old.get(field) {
                spec.remove(field);
            }
        }
        if has_node_ports(&old_kind) {
            for port in ports(spec) {
                port.remove("nodePort");
            }
        }
    } else if has_node_ports(&old_kind) {
        let old_ports: Vec<Value> = old.get("ports").and_then(Value::as_array).cloned().unwrap_or_default();
        for port in ports(spec) {
            let same = old_ports
                .iter()
                .find(|old| old.get("port") == port.get("port") && old.get("protocol") == port.get("protocol"));
            if let Some(given) = same.and_then(|old| old.get("nodePort")) {
                default(port, "nodePort", given.clone());
            }
        }
    }
    if new_kind != "LoadBalancer"
        && spec.get("allocateLoadBalancerNodePorts") == old.get("allocateLoadBalancerNodePorts")
    {
        spec.remove("allocateLoadBalancerNodePorts");
    }
}

fn has_node_ports(kind: &str) -> bool {
    matches!(kind, "NodePort" | "LoadBalancer")
}

fn ports(spec: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    spec.get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

// === impl Allocations ===

impl Allocations {
    /// Gives a Service the addresses and ports that its type wants and that it has not.
    pub(crate) fn allocate(&mut self, spec: &mut Map<String, Value>) {
        let kind = kind(spec);
        if kind == "ExternalName" {
            return;
        }
        if spec.get("clusterIP").is_none() {
            let address = self.address();
            spec.insert("clusterIP".to_owned(), address.into());
        }
        let address = spec.get("clusterIP").cloned().unwrap_or_default();
        if let Some(address) = address.as_str() {
            self.addresses.insert(address.to_owned());
        }
        default(spec, "clusterIPs", json!([address]));
        default(spec, "ipFamilies", json!(["IPv4"]));
        default(spec, "ipFamilyPolicy", "SingleStack");
        let wants_ports = kind == "NodePort"
            || (kind == "LoadBalancer" && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)));
        if wants_ports {
            for port in ports(spec) {
                match port.get("nodePort").and_then(Value::as_i64) {
                    Some(given) => {
                        self.ports.insert(given);
                    }
                    None => {
                        port.insert("nodePort".to_owned(), self.port().into());
                    }
                }
            }
        }
        let local = spec.get("externalTrafficPolicy").and_then(Value::as_str) == Some("Local");
        if kind == "LoadBalancer" && local && spec.get("healthCheckNodePort").is_none() {
            let port = self.port();
            spec.insert("healthCheckNodePort".to_owned(), port.into());
        }
    }

    /// Takes back what a Service that is gone held.
    pub(crate) fn release(&mut self, spec: &mut Map<String, Value>) {
        if let Some(address) = spec.get("clusterIP").and_then(Value::as_str) {
            self.addresses.remove(address);
        }
        for port in ports(spec) {
            if let Some(port) = port.get("nodePort").and_then(Value::as_i64) {
                self.ports.remove(&port);
            }
        }
        if let Some(port) = spec.get("healthCheckNodePort").and_then(Value::as_i64) {
            self.ports.remove(&port);
        }
    }

    /// The next free address of 10.96.0.0/12.
    fn address(&mut self) -> String {
        loop {
            self.next_address = (self.next_address + 1) % (1 << 20);
            let address = std::net::Ipv4Addr::from(0x0a60_0000 + self.next_address + 1).to_string();
            if self.addresses.insert(address.clone()) {
                return address;
            }
        }
    }

    /// The next free node port. When all are taken, the range starts anew: the sandbox has no traffic to mix up.
    fn port(&mut self) -> i64 {
        let (first, last) = NODE_PORTS;
        for _ in first..=last {
            self.next_port = if self.next_port < first || self.next_port >= last {
                first
            } else {
                self.next_port + 1
            };
            if self.ports.insert(self.next_port) {
                break;
            }
        }
        self.next_port
    }
}
