//! Load balancers: a Service of this type gets an address.

use serde_json::{Value, json};

/// The status that the Service should have, if it has another one.
pub(crate) fn status(service: &Value) -> Option<Value> {
    let wants = service.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer");
    let has = service.pointer("/status/loadBalancer/ingress/0").is_some();
    if wants == has {
        return None;
    }
    if !wants {
        return Some(json!({"loadBalancer": {}}));
    }
    // The node port or, without one, the last part of the cluster address makes the address unlike the others.
    let port = service.pointer("/spec/ports/0/nodePort").and_then(Value::as_u64);
    let address = service
        .pointer("/spec/clusterIP")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<std::net::Ipv4Addr>().ok());
    let number = port
        .or_else(|| address.map(|address| u64::from(u32::from(address))))
        .unwrap_or_default();
    let ip = format!("198.18.{}.{}", number / 256 % 256, number % 256);
    Some(json!({"loadBalancer": {"ingress": [{"ip": ip}]}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancer_gets_an_address_and_gives_it_back() {
        let balancer =
            json!({"spec": {"type": "LoadBalancer", "ports": [{"nodePort": 30001}]}, "status": {"loadBalancer": {}}});
        assert_eq!(
            status(&balancer),
            Some(json!({"loadBalancer": {"ingress": [{"ip": "198.18.117.49"}]}}))
        );
        let done =
            json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
        assert_eq!(status(&done), None);
        let back = json!({"spec": {"type": "ClusterIP"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
        assert_eq!(status(&back), Some(json!({"loadBalancer": {}})));
    }
}
