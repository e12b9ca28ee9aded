//! Values for the chart: each that the schema knows, with what it does, and wrong ones.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::helm::Helm;

/// What the chart makes of the right values, in their order.
pub(super) static RENDERED: LazyLock<Vec<Rendered>> = LazyLock::new(|| {
    let helm = Helm::new();
    let rendered = right().into_iter().map(|(values, expected)| Rendered {
        text: helm
            .template(&values)
            .map_err(|why| format!("{values}: {why}"))
            .unwrap(),
        values,
        expected,
    });
    rendered.collect()
});

/// A case and what came of it.
pub(super) struct Rendered {
    pub(super) values: Value,
    pub(super) expected: &'static str,
    pub(super) text: String,
}

/// Values, and a piece of what is rendered from them that is not rendered without them.
pub(super) type Case = (Value, &'static str);

/// At least one for every value that the schema knows, and for every word of its enumerations.
#[expect(clippy::too_many_lines, reason = "a table")]
fn right() -> Vec<Case> {
    let east = json!({"name": "east", "kubeconfig": {"existingSecret": "east"}});
    let with_target = |key: &str, value: &Value| {
        let mut target = east.clone();
        target[key] = value.clone();
        json!({"targets": [target]})
    };
    let kcp = |kubeconfig: &Value| json!({"upstream": {"kind": "kcp", "kubeconfig": kubeconfig}});
    vec![
        (
            json!({"component": "syncer", "global": {"a": "b"}, "commonLabels": {"a": "b"}}),
            "a: b",
        ),
        (json!({"component": "target"}), "name: tmc-syncer-target\n"),
        (
            json!({"component": "target", "sync": {"secrets": true}}),
            "name: tmc-syncer-target-secrets\n",
        ),
        (
            json!({"component": "target", "rbac": {"namespaces": true}}),
            "name: tmc-syncer-target-namespaces\n",
        ),
        (json!({"nameOverride": "other"}), "app.kubernetes.io/name: other"),
        (json!({"fullnameOverride": "other"}), "name: other\n"),
        (
            json!({"upstream": {"kind": "plain", "kubeconfig": {"existingSecret": "up"}}}),
            "secretName: up\n",
        ),
        (
            kcp(&json!({"existingSecret": "up", "key": "config"})),
            "key: \"config\"",
        ),
        (kcp(&json!({"inline": "abc"})), "kubeconfig: YWJj\n"),
        (
            kcp(&json!({"inline": "abc", "context": "a b"})),
            "\"--upstream-context=a b\"",
        ),
        (
            json!({"upstream": {"kind": "kcp", "endpointSlice": "compute.example.org", "kubeconfig": {"inline": "a"}}}),
            "--endpoint-slice=compute.example.org",
        ),
        (
            json!({"targets": [east]}),
            "\"--target=east=/etc/tmc-syncer/targets/east/kubeconfig\"",
        ),
        (with_target("name", &json!("west.eu")), "--target=west.eu="),
        (
            with_target("kubeconfig", &json!({"existingSecret": "a", "key": "config"})),
            "key: \"config\"",
        ),
        (
            with_target("kubeconfig", &json!({"inline": "abc"})),
            "kubeconfig: YWJj\n",
        ),
        (
            with_target("kubeconfig", &json!({"inline": "abc", "context": "c"})),
            "kubeconfig#c\"",
        ),
        (with_target("labels", &json!({"region": "eu"})), "region: eu"),
        (
            with_target("spec", &json!({"cells": {"zone": "1"}})),
            "kubeconfigFile: /etc/tmc-syncer/targets/east/kubeconfig",
        ),
        (
            json!({"policies": [{"name": "web", "spec": {"resources": [{"resource": "configmaps"}]}}]}),
            "kind: SyncPolicy",
        ),
        (
            json!({"sync": {"strategy": "UpstreamWins", "statusInterval": "20s"}}),
            "--strategy=UpstreamWins",
        ),
        (
            json!({"sync": {"strategy": "LastWriteWins", "namespaceMapping": ""}}),
            "--strategy=LastWriteWins",
        ),
        (json!({"sync": {"strategy": "MergeChanges"}}), "--strategy=MergeChanges"),
        (
            json!({"sync": {"strategy": "", "namespaceMapping": "Identity"}}),
            "--namespace-mapping=Identity",
        ),
        (
            json!({"sync": {"namespaceMapping": "Hashed"}}),
            "--namespace-mapping=Hashed",
        ),
        (json!({"sync": {"statusInterval": "1m30s"}}), "--status-interval=1m30s"),
        (json!({"sync": {"secrets": true}}), "--sync-secrets"),
        (json!({"sync": {"dryRun": true}}), "--dry-run"),
        (
            json!({"sync": {"confirmMassDeletion": 12_345_678}}),
            "--confirm-mass-deletion=12345678",
        ),
        (json!({"sync": {"confirmMassDeletion": 0}}), "--confirm-mass-deletion=0"),
        (
            json!({"sync": {"previousUpstream": "0a-1b"}}),
            "--previous-upstream=0a-1b",
        ),
        (
            json!({"hashKey": {"existingSecret": "hash"}}),
            "--hash-key-file=/etc/tmc-syncer/hash-key/key",
        ),
        (json!({"hashKey": {"existingSecret": "hash", "key": "k"}}), "key: \"k\""),
        (json!({"limits": {"bodyCache": "128MiB"}}), "--body-cache=128MiB"),
        (json!({"limits": {"threads": 4}}), "--threads=4"),
        (json!({"limits": {"writesInFlight": 16}}), "--writes-in-flight=16"),
        (json!({"limits": {"reconcilers": 65_536}}), "--reconcilers=65536"),
        (json!({"limits": {"mailbox": 128}}), "--mailbox=128"),
        (
            json!({"replicas": 2, "leaderElection": {"enabled": true}}),
            "replicas: 2",
        ),
        (json!({"replicas": 0}), "replicas: 0"),
        (json!({"leaderElection": {"enabled": true}}), "--lease-name=tmc-syncer"),
        (
            json!({"leaderElection": {"enabled": true, "leaseDuration": "60s"}}),
            "--lease-duration=60s",
        ),
        (
            json!({"leaderElection": {"enabled": true, "renewDeadline": "14s"}}),
            "--lease-renew-deadline=14s",
        ),
        (
            json!({"leaderElection": {"enabled": true, "retryPeriod": "4s"}}),
            "--lease-retry-period=4s",
        ),
        (
            json!({"log": {"level": "info,syncer_clusters=debug", "format": "text"}}),
            "syncer_clusters=debug",
        ),
        (json!({"log": {"format": "json"}}), "--log-format=json"),
        (
            json!({"tracing": {"endpoint": "http://collector:4317"}}),
            "--otlp-endpoint=http://collector:4317",
        ),
        (json!({"tracing": {"sample": 0.05}}), "--trace-sample=0.05"),
        (json!({"tracing": {"sample": 0}}), "--trace-sample=0"),
        (json!({"tracing": {"sample": 1}}), "--trace-sample=1"),
        (json!({"health": {"port": 9090}}), "--health-address=0.0.0.0:9090"),
        (json!({"admin": {"port": 9091}}), "--admin-address=127.0.0.1:9091"),
        (json!({"extraArgs": ["--threads=3"]}), "--threads=3"),
        (
            json!({"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]}),
            "name: HTTPS_PROXY",
        ),
        (
            json!({"image": {"repository": "registry.example.org/tmc-syncer", "tag": "9.9"}}),
            "registry.example.org/tmc-syncer:9.9",
        ),
        (
            json!({"image": {"digest": format!("sha256:{}", "0".repeat(64)), "pullPolicy": "IfNotPresent"}}),
            "tmc-syncer@sha256:000",
        ),
        (json!({"image": {"pullPolicy": "Always"}}), "imagePullPolicy: Always"),
        (json!({"image": {"pullPolicy": "Never"}}), "imagePullPolicy: Never"),
        (json!({"imagePullSecrets": [{"name": "pull"}]}), "name: pull"),
        (
            json!({"serviceAccount": {"name": "robot", "create": true}}),
            "serviceAccountName: robot",
        ),
        (json!({"serviceAccount": {"annotations": {"c": "d"}}}), "c: d"),
        (
            json!({"rbac": {"create": true, "kubeconfigNamespaces": ["clusters"]}}),
            "namespace: clusters",
        ),
        (
            json!({"rbac": {"finalizers": true}}),
            "name: tmc-syncer-upstream-finalizers\n",
        ),
        (
            json!({"rbac": {"finalizers": true}, "sync": {"secrets": true}}),
            "name: tmc-syncer-upstream-finalizers-secrets\n",
        ),
        (
            json!({"rbac": {"dependencies": true}}),
            "name: tmc-syncer-upstream-dependencies\n",
        ),
        (
            json!({"component": "target", "rbac": {"dependencies": true}}),
            "name: tmc-syncer-target-dependencies\n",
        ),
        (
            json!({"rbac": {"writeBack": true}}),
            "name: tmc-syncer-upstream-write-back\n",
        ),
        (
            json!({"rbac": {"writeBack": true}, "sync": {"secrets": true}}),
            "name: tmc-syncer-upstream-write-back-secrets\n",
        ),
        (
            json!({"rbac": {"extraRules": [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}]}}),
            "name: tmc-syncer-extra\n",
        ),
        (json!({"resources": {"requests": {"cpu": "3"}}}), "cpu: \"3\""),
        (json!({"resources": {"limits": {"memory": "3Gi"}}}), "memory: 3Gi"),
        (
            json!({"podDisruptionBudget": {"enabled": true, "maxUnavailable": "50%"}}),
            "maxUnavailable: 50%",
        ),
        (json!({"service": {"enabled": true, "annotations": {"e": "f"}}}), "e: f"),
        (
            json!({"serviceMonitor": {"enabled": true, "interval": "15s", "labels": {"g": "h"}}}),
            "interval: 15s",
        ),
        (json!({"networkPolicy": {"enabled": true}}), "kind: NetworkPolicy"),
        (
            json!({"networkPolicy": {"enabled": true, "from": [{"podSelector": {}}], "egress": [{"ports": [{"port": 6443}]}]}}),
            "policyTypes: [Ingress, Egress]",
        ),
        (
            json!({"terminationGracePeriodSeconds": 45}),
            "terminationGracePeriodSeconds: 45",
        ),
        (json!({"podAnnotations": {"i": "j"}}), "i: j"),
        (json!({"podLabels": {"k": "l"}}), "k: l"),
        (
            json!({"priorityClassName": "system-cluster-critical"}),
            "priorityClassName: system-cluster-critical",
        ),
        (json!({"nodeSelector": {"disk": "ssd"}}), "disk: ssd"),
        (json!({"tolerations": [{"operator": "Exists"}]}), "operator: Exists"),
        (json!({"affinity": {"podAntiAffinity": {}}}), "podAntiAffinity: {}"),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]}),
            "maxSkew: 1",
        ),
    ]
}

/// What turns something off, and a piece of what is rendered only without that.
pub(super) fn off() -> Vec<Case> {
    vec![
        (
            json!({"serviceAccount": {"create": false, "name": "there"}}),
            "kind: ServiceAccount\nmetadata",
        ),
        (json!({"rbac": {"create": false}}), "kind: ClusterRole"),
        (
            json!({"podDisruptionBudget": {"enabled": false}}),
            "kind: PodDisruptionBudget",
        ),
        (json!({"service": {"enabled": false}}), "kind: Service\n"),
        (json!({"hashKey": {"existingSecret": "hash"}}), "tmc-syncer-own-secrets"),
        (
            json!({"upstream": {"kubeconfig": {"existingSecret": "up"}}}),
            "name: tmc-syncer-upstream\n",
        ),
        (json!({"component": "target"}), "kind: Deployment"),
    ]
}

/// Values that are refused, and what the refusal names.
pub(super) fn wrong() -> Vec<Case> {
    let kubeconfig = json!({"existingSecret": "a"});
    vec![
        (json!({"replica": 1}), "replica"),
        (json!({"resources": {"limit": {}}}), "limit"),
        (json!({"component": "both"}), "component"),
        (json!({"component": null}), "component"),
        (json!({"upstream": {"kind": "k3s"}}), "kind"),
        (json!({"upstream": {"kind": "kcp"}}), "kubeconfig"),
        (json!({"upstream": {"kubeconfig": {"path": "/etc/kubeconfig"}}}), "path"),
        (json!({"upstream": {"kubeconfig": {"key": "../../etc/passwd"}}}), "key"),
        (json!({"upstream": {"endpointSlice": "a b"}}), "endpointSlice"),
        (json!({"targets": [{"name": "east"}]}), "kubeconfig"),
        (json!({"targets": [{"name": "east", "kubeconfig": {}}]}), "kubeconfig"),
        (
            json!({"targets": [{"name": "../east", "kubeconfig": kubeconfig}]}),
            "name",
        ),
        (
            json!({"targets": [{"name": "a".repeat(200), "kubeconfig": kubeconfig}]}),
            "name",
        ),
        (json!({"targets": {"east": kubeconfig}}), "targets"),
        (json!({"policies": [{"name": "web"}]}), "spec"),
        (json!({"sync": {"strategy": "upstream"}}), "strategy"),
        (json!({"sync": {"namespaceMapping": "hashed"}}), "namespaceMapping"),
        (json!({"sync": {"statusInterval": "10"}}), "statusInterval"),
        (json!({"sync": {"secrets": "yes"}}), "secrets"),
        (json!({"sync": {"confirmMassDeletion": -1}}), "confirmMassDeletion"),
        (json!({"limits": {"threads": 0}}), "threads"),
        (json!({"limits": {"bodyCache": "64MB"}}), "bodyCache"),
        (json!({"limits": {"mailbox": "many"}}), "mailbox"),
        (json!({"replicas": 2}), "leaderElection"),
        (
            json!({"leaderElection": {"enabled": true}, "sync": {"dryRun": true}}),
            "dryRun",
        ),
        (json!({"leaderElection": {"leaseDuration": "15"}}), "leaseDuration"),
        (json!({"leaderElection": {"retryPeriod": "500ms"}}), "retryPeriod"),
        (
            json!({"leaderElection": {"enabled": true, "leaseDuration": "3601s"}}),
            "leaseDuration",
        ),
        (
            json!({"leaderElection": {"enabled": true, "leaseDuration": "10s"}}),
            "renewDeadline",
        ),
        (
            json!({"leaderElection": {"enabled": true, "retryPeriod": "5s"}}),
            "retryPeriod",
        ),
        (json!({"tracing": {"sample": 1.5}}), "sample"),
        (json!({"tracing": {"sample": "all"}}), "sample"),
        (json!({"replicas": -1}), "replicas"),
        (json!({"log": {"format": "xml"}}), "format"),
        (json!({"tracing": {"endpoint": "collector:4317"}}), "endpoint"),
        (json!({"health": {"port": 80}}), "port"),
        (json!({"admin": {"port": 70_000}}), "port"),
        (json!({"extraArgs": ["threads=3"]}), "extraArgs"),
        (json!({"image": {"digest": "sha256:1"}}), "digest"),
        (json!({"image": {"pullPolicy": "Sometimes"}}), "pullPolicy"),
        (json!({"rbac": {"kubeconfigNamespaces": ["A"]}}), "kubeconfigNamespaces"),
        (json!({"rbac": {"extraRules": [{"resources": ["jobs"]}]}}), "verbs"),
        (
            json!({"podDisruptionBudget": {"maxUnavailable": "half"}}),
            "maxUnavailable",
        ),
        (json!({"serviceMonitor": {"interval": "often"}}), "interval"),
        (
            json!({"terminationGracePeriodSeconds": 5}),
            "terminationGracePeriodSeconds",
        ),
        (json!({"nodeSelector": ["a"]}), "nodeSelector"),
        // Not the schema, but the templates.
        (
            json!({"serviceMonitor": {"enabled": true}, "service": {"enabled": false}}),
            "service.enabled",
        ),
        (json!({"serviceAccount": {"create": false}}), "serviceAccount.name"),
    ]
}
