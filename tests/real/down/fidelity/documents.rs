//! One of everything.

use serde_json::{Value, json};

/// A value that API servers do not keep.
pub(super) fn is_dropped(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Value> {
    let mut all = config_maps();
    all.extend(secrets());
    all.extend(services());
    all.extend([deployment(), plain_deployment()]);
    all
}

fn config_maps() -> Vec<Value> {
    vec![
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "settings",
                "labels": {"app.kubernetes.io/name": "web"},
                "annotations": {"example.org/note": "two\nlines: \"quoted\" \u{e4}\u{1f600}"},
            },
            "data": {"mode": "fast", "empty": "", "web.yaml": "a: 1\nb: [x, y]\n"},
            "binaryData": {"blob": "AAECAwT/", "none": ""},
        }),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "fixed"},
            "immutable": true,
            "data": {"a": "1"},
        }),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nothing"}}),
    ]
}

fn secret(name: &str, kind: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": data})
}

fn secrets() -> Vec<Value> {
    let certificate = syncer_harness::Authority::new("example").client("web", "web");
    let encoded = |text: &str| base64(text.as_bytes());
    let docker = r#"{"auths":{"registry.example.org":{"auth":"dTpw"}}}"#;
    let mut all = vec![
        secret("opaque", "Opaque", &json!({"password": "czNjcjN0", "empty": ""})),
        secret(
            "pull",
            "kubernetes.io/dockerconfigjson",
            &json!({".dockerconfigjson": encoded(docker)}),
        ),
        secret(
            "old-pull",
            "kubernetes.io/dockercfg",
            &json!({".dockercfg": encoded("{}")}),
        ),
        secret(
            "basic",
            "kubernetes.io/basic-auth",
            &json!({"username": "dQ==", "password": "cA=="}),
        ),
        secret("ssh", "kubernetes.io/ssh-auth", &json!({"ssh-privatekey": "a2V5"})),
        secret(
            "tls",
            "kubernetes.io/tls",
            &json!({"tls.crt": encoded(&certificate.certificate), "tls.key": encoded(&certificate.key)}),
        ),
        secret("custom", "example.org/token", &json!({"token": "dA=="})),
    ];
    let mut fixed = secret("fixed", "Opaque", &json!({"a": "MQ=="}));
    fixed["immutable"] = json!(true);
    all.push(fixed);
    all
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0_usize, |n, at| {
            (n << 8) | usize::from(group.get(at).copied().unwrap_or(0))
        });
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * digit)) & 63]));
        }
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    text
}

fn service(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})
}

fn services() -> Vec<Value> {
    let selector = json!({"app": "web"});
    let port = json!({"name": "http", "port": 80, "targetPort": "http"});
    vec![
        service(
            "plain",
            &json!({"selector": selector, "ports": [
                port,
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "targetPort": 5353, "appProtocol": "kubernetes.io/h2c"},
            ]}),
        ),
        service(
            "fixed-address",
            &json!({"selector": selector, "clusterIP": "10.96.77.7", "ports": [port]}),
        ),
        service(
            "headless",
            &json!({
                "selector": selector, "clusterIP": "None", "publishNotReadyAddresses": true, "ports": [port],
            }),
        ),
        service(
            "sticky",
            &json!({
                "selector": selector, "ports": [port], "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 600}}, "internalTrafficPolicy": "Local",
            }),
        ),
        service(
            "node-ports",
            &json!({"type": "NodePort", "selector": selector, "ports": [
                {"name": "set", "port": 80, "nodePort": 30080},
                {"name": "given", "port": 81},
            ]}),
        ),
        service(
            "balanced",
            &json!({
                "type": "LoadBalancer", "selector": selector, "ports": [port], "externalTrafficPolicy": "Local",
                "loadBalancerClass": "example.org/lb", "loadBalancerSourceRanges": ["192.0.2.0/24"],
            }),
        ),
        service(
            "no-node-ports",
            &json!({
                "type": "LoadBalancer", "selector": selector, "ports": [port], "allocateLoadBalancerNodePorts": false,
            }),
        ),
        service(
            "elsewhere",
            &json!({"type": "ExternalName", "externalName": "db.example.org"}),
        ),
        service(
            "without-selector",
            &json!({"ports": [{"port": 5432}], "externalIPs": ["192.0.2.7"]}),
        ),
    ]
}

fn plain_deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "plain"},
        "spec": {
            "selector": {"matchLabels": {"app": "plain"}},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"labels": {"app": "plain"}},
                "spec": {"containers": [{"name": "main", "image": "example.org/plain:1"}]},
            },
        },
    })
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"example.org/team": "web"}},
        "spec": {
            "replicas": 2,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 120,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "0%"}},
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}],
            },
            "template": {
                "metadata": {"labels": {"app": "web", "tier": "front"}, "annotations": {"example.org/scrape": "true"}},
                "spec": pod(),
            },
        },
    })
}

fn pod() -> Value {
    json!({
        "initContainers": [
            {"name": "prepare", "image": "example.org/prepare:1", "command": ["sh", "-c", "exit 0"],
             "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]},
            {"name": "sidecar", "image": "example.org/sidecar:1", "restartPolicy": "Always"},
        ],
        "containers": [web(), {"name": "logs", "image": "example.org/logs:1", "tty": true, "stdin": true}],
        "volumes": volumes(),
        "imagePullSecrets": [{"name": "pull"}],
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "shareProcessNamespace": true,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["192.0.2.53"], "searches": ["example.org"], "options": [{"name": "ndots", "value": "2"}]},
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a.example.org", "b.example.org"]}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 2000, "supplementalGroups": [1, 2],
            "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],
            "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [
            {"key": "dedicated", "operator": "Equal", "value": "web", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        ],
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]},
            ]}},
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "podAffinityTerm": {
                "topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}},
            }}]},
        },
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "web"}},
        }],
    })
}

fn web() -> Value {
    json!({
        "name": "web",
        "image": "example.org/web:1.2",
        "imagePullPolicy": "Always",
        "command": ["web"],
        "args": ["--port", "8080", ""],
        "workingDir": "/srv",
        "ports": [
            {"name": "http", "containerPort": 8080},
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
        ],
        "envFrom": [
            {"configMapRef": {"name": "settings"}, "prefix": "S_"},
            {"secretRef": {"name": "opaque", "optional": true}},
        ],
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "EMPTY", "value": ""},
            {"name": "BUILT", "value": "$(PLAIN)-$$(NOT)"},
            {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "opaque", "key": "password", "optional": true}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {
                "containerName": "web", "resource": "limits.cpu", "divisor": "1m"}}},
        ],
        "resources": {
            "requests": {"cpu": "1000m", "memory": "0.5Gi"},
            "limits": {"cpu": 2, "memory": "1024Mi"},
        },
        "startupProbe": {"httpGet": {"path": "/", "port": "http", "scheme": "HTTP",
            "httpHeaders": [{"name": "X-Probe", "value": "1"}]}, "failureThreshold": 30},
        "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 7, "terminationGracePeriodSeconds": 3},
        "readinessProbe": {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 1, "successThreshold": 2},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "postStart": {"exec": {"command": ["true"]}}},
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "settings", "mountPath": "/etc/web/web.yaml", "subPath": "web.yaml", "readOnly": true},
            {"name": "secret", "mountPath": "/etc/secret"},
            {"name": "all", "mountPath": "/etc/all"},
        ],
    })
}

fn volumes() -> Value {
    json!([
        {"name": "scratch", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "settings", "configMap": {"name": "settings", "defaultMode": 0o440,
            "items": [{"key": "web.yaml", "path": "web.yaml", "mode": 0o444}]}},
        {"name": "secret", "secret": {"secretName": "tls", "optional": true}},
        {"name": "host", "hostPath": {"path": "/var/empty", "type": "DirectoryOrCreate"}},
        {"name": "labels", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "all", "projected": {"sources": [
            {"configMap": {"name": "settings"}},
            {"secret": {"name": "opaque"}},
            {"downwardAPI": {"items": [{"path": "cpu",
                "resourceFieldRef": {"containerName": "web", "resource": "limits.cpu"}}]}},
            {"serviceAccountToken": {"path": "token", "audience": "example", "expirationSeconds": 600}},
        ]}},
    ])
}
