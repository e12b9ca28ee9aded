//! A played node: pods on it get ready without running.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{ApiServer, OrFail, Process, Program, wait_for};

/// A loaded machine starts slowly.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// The node.
const NODE: &str = "node-1";

/// What kwok plays: the node gets ready; a pod gets ready at once, unless one of its images contains `broken`, which then
/// waits for its image for ever; a deleted pod goes.
const STAGES: &str = r#"
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-gets-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: NotIn, values: ["True"]}
  next:
    statusTemplate: |
      phase: Running
      conditions:
      - type: Ready
        status: "True"
        reason: Played
        message: played
        lastHeartbeatTime: {{ Now | Quote }}
        lastTransitionTime: {{ Now | Quote }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-gets-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
    - {key: '.status.phase', operator: In, values: [Pending]}
    - {key: '.spec.containers.[].image | select( test("broken") )', operator: DoesNotExist}
  next:
    statusTemplate: |
      phase: Running
      startTime: {{ Now | Quote }}
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ Now | Quote }}}
      - {type: ContainersReady, status: "True", lastTransitionTime: {{ Now | Quote }}}
      - {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        ready: true
        restartCount: 0
        state: {running: {startedAt: {{ Now | Quote }}}}
      {{ end }}
      {{ $ips := PodIPsWith .spec.nodeName false ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
      {{ with $ips }}
      podIP: {{ index . 0 | Quote }}
      podIPs:
      {{ range . }}
      - ip: {{ . | Quote }}
      {{ end }}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-waits-for-its-image}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.deletionTimestamp', operator: DoesNotExist}
    - {key: '.status.containerStatuses', operator: DoesNotExist}
    - {key: '.spec.containers.[].image | select( test("broken") )', operator: Exists}
  next:
    statusTemplate: |
      phase: Pending
      startTime: {{ Now | Quote }}
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        image: {{ .image | Quote }}
        ready: false
        restartCount: 0
        state: {waiting: {reason: ImagePullBackOff, message: no such image}}
      {{ end }}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: deleted-pod-goes}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.deletionTimestamp', operator: Exists}
  next:
    finalizers: {empty: true}
    delete: true
"#;

/// A kwok at an API server, with one node.
pub struct Kwok {
    _process: Process,
}

// === impl Kwok ===

impl Kwok {
    /// Starts it for `server`, adds the node and waits until that is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(server: &ApiServer) -> Self {
        let program = server.testbed().find(Program::Kwok).or_fail("start kwok");
        let files = server.scratch();
        let stages = files.write("kwok.yaml", STAGES);
        let kubeconfig = server.write(server.kubeconfig());
        let mut command = Command::new(program);
        command
            .args(["--manage-all-nodes=true", "--cidr=10.200.0.1/16"])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--config")
            .arg(stages)
            // Its own configuration of the user must not leak into tests.
            .env("KWOK_WORKDIR", files.path().join("kwok"));
        let mut process = Process::start("kwok", command, &files.path().join("kwok.log"));
        add_node(server);
        let path = format!("/api/v1/nodes/{NODE}");
        let ready = process.wait_ready(READY_WITHIN, || is_schedulable(&server.client().read(&path)));
        ready.or_fail("start kwok");
        Self { _process: process }
    }
}

fn add_node(server: &ApiServer) {
    let room = json!({"cpu": "1k", "memory": "1Ti", "pods": "100k"});
    server.client().create(
        "/api/v1/nodes",
        &json!({
            "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}},
            "status": {"capacity": room, "allocatable": room},
        }),
    );
    // Pods name it, and admission refuses them without it.
    wait_for("service account default", READY_WITHIN, || {
        server
            .client()
            .get("/api/v1/namespaces/default/serviceaccounts/default")
    });
}

/// Ready, and without the taints that a new node starts with.
fn is_schedulable(node: &Value) -> Result<(), String> {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    let tainted = node
        .pointer("/spec/taints")
        .and_then(Value::as_array)
        .is_some_and(|taints| !taints.is_empty());
    if conditions.is_some_and(|conditions| conditions.iter().any(ready)) && !tainted {
        return Ok(());
    }
    Err(node.to_string())
}
