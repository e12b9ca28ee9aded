//! The three strategies with kcp as the upstream: no server-side apply there, managedFields come from Updates, and what is written back goes
//! through the virtual workspace, by what the printed claims and roles allow.

use std::{thread, time::Duration};

use serde_json::{Value, json};
use syncer_harness::{Client, Kcp, Patch, Scratch, stays, wait_for};

use super::{
    provider::{Consumer, KCP_SOON},
    scene::{QUIET, Scene, copy, shared, target},
};

/// Between two writes of which one is the later.
const APART: Duration = Duration::from_secs(4);
const EAST: usize = 0;
const WEST: usize = 1;

/// A field of an object of one of the four kinds, as kubectl names both.
#[derive(Clone, Copy, Debug)]
struct Field {
    kind: &'static str,
    /// All of them on a server.
    all: &'static str,
    pointer: &'static str,
}

const FIELDS: [Field; 4] = [
    Field {
        kind: "deployment",
        all: "/apis/apps/v1/deployments",
        pointer: "/spec/template/spec/containers/0/image",
    },
    Field {
        kind: "service",
        all: "/api/v1/services",
        pointer: "/spec/ports/0/targetPort",
    },
    Field {
        kind: "configmap",
        all: "/api/v1/configmaps",
        pointer: "/data/a",
    },
    Field {
        kind: "secret",
        all: "/api/v1/secrets",
        pointer: "/data/a",
    },
];

// === impl Field ===

impl Field {
    fn body(self) -> Value {
        let labels = json!({"app": "web"});
        let mut body = match self.kind {
            "deployment" => json!({"spec": {
                "replicas": 1, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": self.value(0)}]}},
            }}),
            "service" => json!({"spec": {
                "selector": labels, "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": self.value(0)}],
            }}),
            _ => json!({"data": {"a": self.value(0), "b": self.value(0)}}),
        };
        let (version, kind) = match self.kind {
            "deployment" => ("apps/v1", "Deployment"),
            "service" => ("v1", "Service"),
            "secret" => ("v1", "Secret"),
            _ => ("v1", "ConfigMap"),
        };
        body["apiVersion"] = json!(version);
        body["kind"] = json!(kind);
        body["metadata"] = json!({"name": "web"});
        body
    }

    /// The `number`th value.
    fn value(self, number: u32) -> Value {
        match self.kind {
            "deployment" => format!("example.org/web:{number}").into(),
            "service" => json!(8_000 + number),
            // The letters A to Z, as a Secret has them.
            "secret" => ["QQ==", "Qg==", "Qw==", "RA==", "RQ==", "Rg=="][number as usize].into(),
            _ => number.to_string().into(),
        }
    }

    fn patch(self, number: u32) -> Value {
        json!([{"op": "replace", "path": self.pointer, "value": self.value(number)}])
    }

    /// In the workspace, where all is in the namespace `default`.
    fn path(self) -> String {
        let (group, resource) = self.all.rsplit_once('/').unwrap();
        format!("{group}/namespaces/default/{resource}/web")
    }

    fn of(self, object: &Value) -> Value {
        object.pointer(self.pointer).cloned().unwrap_or_default()
    }
}

/// A workspace under one strategy, with an object of each kind.
struct Workspace<'a> {
    kcp: &'a Kcp,
    consumer: Consumer,
}

// === impl Workspace ===

impl Workspace<'_> {
    fn client(&self) -> Client {
        self.consumer.client(self.kcp)
    }

    fn make(&self) {
        for field in FIELDS {
            let path = field.path();
            let (collection, _) = path.rsplit_once('/').unwrap();
            self.client().create(collection, &field.body());
        }
    }

    /// kubectl as a person of the workspace uses it.
    fn kubectl(&self, field: Field, number: u32) {
        let patch = field.patch(number).to_string();
        let arguments = ["patch", "-n", "default", field.kind, "web", "--type=json", "-p", &patch];
        let output = self.kcp.kubectl(&self.consumer.path, &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn edit(&self, field: Field, number: u32) {
        self.client().patch(
            &format!("{}?fieldManager=kubectl-edit", field.path()),
            Patch::Json(&field.patch(number)),
        );
    }

    /// Somebody on a target edits the copy there.
    fn edit_copy(&self, at: usize, field: Field, number: u32) {
        let held = copy(target(at), field.all, &self.consumer, "web").unwrap();
        let namespace = held["metadata"]["namespace"].as_str().unwrap();
        let (group, resource) = field.all.rsplit_once('/').unwrap();
        let path = format!("{group}/namespaces/{namespace}/{resource}/web?fieldManager=kubectl-edit");
        target(at).client().patch(&path, Patch::Json(&field.patch(number)));
    }

    /// What the workspace, east and west have.
    fn seen(&self, field: Field) -> [Value; 3] {
        let held =
            |at: usize| copy(target(at), field.all, &self.consumer, "web").map_or(Value::Null, |held| field.of(&held));
        [field.of(&self.client().read(&field.path())), held(EAST), held(WEST)]
    }

    #[track_caller]
    fn wait(&self, field: Field, numbers: [u32; 3]) {
        let wanted = numbers.map(|number| field.value(number));
        wait_for(
            &format!("{numbers:?} in the {} of {}", field.kind, self.consumer.path),
            KCP_SOON,
            || {
                let seen = self.seen(field);
                if seen == wanted {
                    Ok(())
                } else {
                    Err(format!("{seen:?}"))
                }
            },
        );
    }
}

/// Waits until all that is awaited is there, and it stays so.
#[track_caller]
fn wait_all(workspaces: &[(&Workspace<'_>, [u32; 3])]) {
    for (workspace, numbers) in workspaces {
        for field in FIELDS {
            workspace.wait(field, *numbers);
        }
    }
}

/// The policy `name` for the four kinds in `workspaces`.
fn policy(name: &str, strategy: &str, workspaces: &[&Workspace<'_>]) -> Value {
    let names: Vec<_> = workspaces.iter().map(|workspace| &workspace.consumer.cluster).collect();
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": name},
        "spec": {
            "resources": [
                {"group": "apps", "resource": "deployments"}, {"resource": "services"},
                {"resource": "configmaps"}, {"resource": "secrets"},
            ],
            "namespaces": {"names": ["default"]},
            "workspaces": {"names": names},
            "conflict": {"strategy": strategy},
        },
    })
}

/// Both sides write while the syncer does not look, one of them later.
fn both(scene: &Scene<'_>, earlier: impl Fn(Field), later: impl Fn(Field)) {
    scene.syncer().pause();
    for field in FIELDS {
        earlier(field);
    }
    thread::sleep(APART);
    for field in FIELDS {
        later(field);
    }
    scene.syncer().resume();
}

/// Waits until nothing is written any more, in no workspace and on no target, and sees that it stays so.
fn wait_rest(all: [&Workspace<'_>; 4]) {
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    let versions = || {
        all.map(|workspace| {
            FIELDS.map(|field| {
                let held = |at: usize| copy(target(at), field.all, &workspace.consumer, "web");
                let copies = [EAST, WEST].map(|at| held(at).map(|held| version(&held)));
                (version(&workspace.client().read(&field.path())), copies)
            })
        })
    };
    let mut before = versions();
    wait_for("rest", KCP_SOON, || {
        thread::sleep(Duration::from_secs(2));
        let now = versions();
        let is_same = now == before;
        before = now;
        is_same
    });
    stays("at rest", QUIET, || versions() == before);
}

#[test]
fn each_strategy_settles_what_both_sides_of_a_workspace_change() {
    let kcp = shared();
    let mut scene = Scene::new(&kcp, "strategies");
    let [up, last, merge, twin] = ["up", "last", "merge", "twin"].map(|name| Workspace {
        kcp: &kcp,
        consumer: scene.consumer(&format!("strategies-{name}")),
    });
    let files = Scratch::new("strategies");
    let policies = [
        policy("up", "UpstreamWins", &[&up]),
        // Its twin has objects of the same names, and nobody touches them.
        policy("last", "LastWriteWins", &[&last, &twin]),
        policy("merge", "MergeChanges", &[&merge]),
    ];
    let documents = json!({"apiVersion": "v1", "kind": "List", "items": policies});
    let file = files.write("policies.yaml", &documents.to_string());
    // With a key, what both sides agreed on about a Secret is known for good.
    let key = files.write("hash.key", "0123456789abcdef0123456789abcdef");
    scene.run_with(&["-f", file.to_str().unwrap(), "--hash-key-file", key.to_str().unwrap()]);
    let all = [&up, &last, &merge, &twin];
    for workspace in all {
        workspace.make();
    }
    wait_all(&all.map(|workspace| (workspace, [0, 0, 0])));

    // Only the upstream: by kubectl in one of the workspaces.
    for field in FIELDS {
        last.kubectl(field, 1);
        up.edit(field, 1);
        merge.edit(field, 1);
    }
    wait_all(&[(&up, [1, 1, 1]), (&last, [1, 1, 1]), (&merge, [1, 1, 1])]);

    // Only a target.
    let edited = [&up, &last, &merge];
    for field in FIELDS {
        for workspace in edited {
            workspace.edit_copy(EAST, field, 2);
        }
    }
    wait_all(&[(&up, [1, 1, 1]), (&last, [2, 2, 2]), (&merge, [1, 2, 1])]);
    for field in FIELDS {
        let object = last.client().read(&field.path());
        let written = object["metadata"]["annotations"]["workload.kcp.io/written-back"].as_str();
        let written = written.unwrap_or_default();
        let says = written.contains("\"target\":\"east\"") && !written.contains("Qw==");
        assert!(says, "{written}");
    }

    // Both, differently: first the target, then the upstream; and the other way round.
    let edit_copies = |at, field, number| {
        for workspace in edited {
            workspace.edit_copy(at, field, number);
        }
    };
    let edit_all = |field, number| {
        for workspace in edited {
            workspace.edit(field, number);
        }
    };
    both(&scene, |field| edit_copies(EAST, field, 3), |field| edit_all(field, 4));
    wait_all(&[(&up, [4, 4, 4]), (&last, [4, 4, 4]), (&merge, [4, 4, 4])]);
    both(&scene, |field| edit_all(field, 5), |field| edit_copies(WEST, field, 3));
    wait_all(&[(&up, [5, 5, 5]), (&last, [3, 3, 3]), (&merge, [5, 5, 5])]);
    wait_all(&[(&twin, [0, 0, 0])]);

    // Who wrote what, and when, is read from the managedFields that Updates left.
    let told = scene.syncer().log();
    let of_last = format!("workspace={} ", last.consumer.cluster);
    let mut decided = told
        .lines()
        .filter(|line| line.contains("decided: ") && line.contains(&of_last));
    let image = decided.find(|line| {
        line.contains("\"example.org/web:5\" by kubectl-edit at ")
            && line.contains("\"example.org/web:3\" by kubectl-edit at ")
    });
    assert!(image.is_some(), "{told}");
    assert!(!told.contains("Qw==") && !told.contains("RA=="), "no value of a Secret");
    wait_rest(all);
}
