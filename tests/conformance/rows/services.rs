//! Services, ConfigMaps and Secrets: what the server allocates and what may not change.

use serde_json::json;

use super::bodies::{CM, SECRETS, SVC, at, cm, secret, service, with};
use crate::row::{Row, plain};

pub(super) fn rows() -> Vec<Row> {
    let s = at(SVC, "s");
    let a = at(CM, "a");
    let web = |name| {
        plain(name)
            .post(
                SVC,
                service("s", json!({"selector": {"app": "web"}, "ports": [{"port": 80}]})),
            )
            .is(201)
    };
    vec![
        web("a Service gets an address and defaults").shows("/spec/type", "ClusterIP").shows("/spec/sessionAffinity", "None"),
        plain("a headless Service has no address")
            .post(SVC, service("s", json!({"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]})))
            .is(201)
            .shows("/spec/clusterIPs", json!(["None"])),
        plain("a NodePort Service gets ports")
            .post(SVC, service("s", json!({"type": "NodePort", "ports": [{"port": 80}]})))
            .is(201)
            .shows("/spec/externalTrafficPolicy", "Cluster"),
        plain("a LoadBalancer Service gets ports and waits for an address")
            .post(SVC, service("s", json!({"type": "LoadBalancer", "ports": [{"port": 80}, {"port": 81, "name": "b"}]})))
            .is(422)
            .post(SVC, service("s", json!({"type": "LoadBalancer", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]})))
            .is(201)
            .shows("/status", json!({"loadBalancer": {}}))
            .shows("/spec/allocateLoadBalancerNodePorts", true),
        plain("an ExternalName Service has neither")
            .post(SVC, service("s", json!({"type": "ExternalName", "externalName": "example.com"})))
            .is(201)
            .lacks("/spec/clusterIP"),
        web("the address of a Service may not change").merge(&*s, json!({"spec": {"clusterIP": "10.96.77.77"}})).is(422),
        web("an update without the address keeps it")
            .keep("ip", "/spec/clusterIP")
            .put(&*s, service("s", json!({"selector": {"app": "web"}, "ports": [{"port": 81}]})))
            .is(200)
            .shows("/spec/clusterIP", "$ip"),
        web("from ClusterIP to NodePort a port is allocated").merge(&*s, json!({"spec": {"type": "NodePort"}})).is(200),
        plain("from NodePort to ClusterIP the port is given back")
            .post(SVC, service("s", json!({"type": "NodePort", "ports": [{"port": 80}]})))
            .is(201)
            .strategic(&*s, json!({"spec": {"type": "ClusterIP"}}))
            .is(200)
            .lacks("/spec/ports/0/nodePort"),
        plain("a Service needs ports").post(SVC, service("s", json!({"selector": {"app": "web"}}))).is(422),
        plain("a port must be in range").post(SVC, service("s", json!({"ports": [{"port": 70000}]}))).is(422),
        plain("an unknown type of Service is refused")
            .post(SVC, service("s", json!({"type": "Magic", "ports": [{"port": 80}]})))
            .is(422),
        plain("the address of a load balancer is part of the status")
            .post(SVC, service("s", json!({"type": "LoadBalancer", "ports": [{"port": 80}]})))
            .is(201)
            .merge(format!("{s}/status"), json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}))
            .is(200)
            .shows("/status/loadBalancer/ingress/0/ipMode", "VIP"),
        plain("a deleted Service is answered with itself")
            .post(SVC, service("s", json!({"ports": [{"port": 80}]})))
            .delete(&*s)
            .is(200)
            .shows("/kind", "Service"),
        plain("an immutable ConfigMap does not change")
            .post(CM, with(cm("a", json!({"k": "v"})), "/immutable", json!(true)))
            .is(201)
            .merge(&*a, json!({"data": {"k": "w"}}))
            .is(422)
            .merge(&*a, json!({"immutable": false}))
            .is(422)
            .merge(&*a, json!({"metadata": {"labels": {"x": "y"}}}))
            .is(200),
        plain("an immutable Secret does not change")
            .post(SECRETS, with(secret("s", json!({"k": "dg=="})), "/immutable", json!(true)))
            .is(201)
            .merge(at(SECRETS, "s"), json!({"data": {"k": "dw=="}}))
            .is(422),
        plain("the type of a Secret may not change")
            .post(SECRETS, secret("s", json!({})))
            .is(201)
            .merge(at(SECRETS, "s"), json!({"type": "example.com/own"}))
            .is(422),
        plain("data of a Secret must be base64").post(SECRETS, secret("s", json!({"k": "%%%"}))).is(400),
        plain("a TLS Secret needs certificate and key")
            .post(SECRETS, json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "kubernetes.io/tls", "data": {}}))
            .is(422),
        plain("a ConfigMap holds text and bytes")
            .post(CM, with(cm("a", json!({"k": "v"})), "/binaryData", json!({"b": "AAE="})))
            .is(201),
        plain("a key in both text and bytes is invalid")
            .post(CM, with(cm("a", json!({"k": "v"})), "/binaryData", json!({"k": "AAE="})))
            .is(422),
    ]
}
