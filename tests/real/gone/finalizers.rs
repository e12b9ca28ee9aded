//! Upstream objects that wait until they have left their targets (`deletion.waitForDownstream: Always`).

use std::{fs, time::Duration};

use serde_json::{Value, json};
use syncer_core::naming::{finalizer, target_key};
use syncer_harness::{ApiServer, AuditEvent, Patch, Scratch, Syncer, poll, stays, wait_for};

use crate::{
    objects::{ConfigMap, SOON, create_namespace, text},
    world::{BINARY, World, syncer},
};

/// Short enough to be waited for where nobody looks at the waiting.
const ABANDON_AFTER: Duration = Duration::from_secs(8);
/// Long enough to be seen waiting on a slow machine: what has to happen before it is over takes a second or two on an idle one.
const ABANDON_LATE: Duration = Duration::from_secs(30);
/// How long nothing may be written.
const REST: Duration = Duration::from_secs(5);

/// The clusters, and the documents by which a syncer goes.
struct Stage {
    world: World,
    files: Scratch,
    abandon_after: Duration,
}

// === impl Stage ===

impl Stage {
    fn new(name: &str) -> Self {
        let stage = Self {
            world: World::start(),
            files: Scratch::new(name),
            abandon_after: ABANDON_AFTER,
        };
        create_namespace(&stage.world.upstream, "web");
        stage
    }

    /// Writes the documents: these targets, and a policy that has objects wait as `waits` says.
    fn documents(&self, targets: &[&str], waits: &str) {
        let mut documents: Vec<Value> = targets
            .iter()
            .map(|name| {
                let server = self.server(name);
                json!({
                    "apiVersion": "workload.kcp.io/v1alpha1",
                    "kind": "SyncTarget",
                    "metadata": {"name": name},
                    "spec": {"kubeconfigFile": server.write(&server.kubeconfig_of(&syncer()))},
                })
            })
            .collect();
        documents.push(json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncPolicy",
            "metadata": {"name": "web"},
            "spec": {
                "resources": [{"group": "", "resource": "configmaps"}],
                "namespaces": {"names": ["web"]},
                "deletion": {"waitForDownstream": waits, "abandonAfter": format!("{}s", self.abandon_after.as_secs())},
            },
        }));
        let text: Vec<String> = documents.iter().map(Value::to_string).collect();
        let new = self.files.write("documents.new", &text.join("\n---\n"));
        fs::rename(new, self.files.path().join("documents.yaml")).unwrap();
    }

    fn server(&self, name: &str) -> &ApiServer {
        match name {
            "east" => &self.world.east,
            _ => &self.world.west,
        }
    }

    fn run(&self) -> Syncer {
        let upstream = &self.world.upstream;
        let kubeconfig = upstream.write(&upstream.kubeconfig_of(&syncer()));
        let arguments = [
            "run".into(),
            "--upstream-kubeconfig".into(),
            kubeconfig.into_os_string(),
            "-f".into(),
            self.files.path().join("documents.yaml").into_os_string(),
        ];
        Syncer::start(BINARY, arguments)
    }

    fn finalizer(&self, target: &str) -> String {
        finalizer(&target_key(&self.world.upstream.id(), target))
    }

    /// Waits until the upstream object carries the finalizers of exactly these targets of ours, beside those of `others`.
    #[track_caller]
    fn wait_finalizers(&self, object: &ConfigMap, others: &[&str], targets: &[&str]) {
        let ours = targets.iter().map(|target| self.finalizer(target));
        let mut expected: Vec<String> = others.iter().map(|other| (*other).to_owned()).chain(ours).collect();
        expected.sort();
        wait_for(&format!("the finalizers {expected:?} of {object:?}"), SOON, || {
            let found = object.get(&self.world.upstream).ok_or("nothing")?;
            let mut carried = finalizers(&found);
            carried.sort();
            if carried == expected { Ok(()) } else { Err("others") }
        });
    }

    /// What the syncer wrote upstream, Events apart.
    fn writes_upstream(&self) -> Vec<AuditEvent> {
        let mut writes = self.world.upstream.writes_of(&syncer());
        writes.retain(|event| event.resource != "events");
        writes
    }
}

fn finalizers(object: &Value) -> Vec<String> {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    let finalizers = finalizers.into_iter().flatten().filter_map(Value::as_str);
    finalizers.map(str::to_owned).collect()
}

#[test]
fn an_object_waits_until_it_has_left_all_targets() {
    let stage = Stage::new("finalizers");
    let World { upstream, east, west } = &stage.world;
    stage.documents(&["east", "west"], "Always");
    let object = ConfigMap::new("web", "settings");
    object.create(upstream, &json!({"k": "1"}));
    upstream.client().patch(
        &object.path(),
        Patch::Merge(&json!({"metadata": {"finalizers": ["example.org/other"]}})),
    );
    let mut syncer = stage.run();
    for server in [east, west] {
        object.wait_data(server, &json!({"k": "1"}));
    }
    // All in one write, before the first one downstream, and beside what others set.
    stage.wait_finalizers(&object, &["example.org/other"], &["east", "west"]);
    let writes = stage.writes_upstream();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(
        (writes[0].verb.as_str(), writes[0].name.as_str()),
        ("patch", "settings"),
        "{writes:?}"
    );
    for precondition in ["uid", "resourceVersion"] {
        assert!(!text(&writes[0].body, &format!("/metadata/{precondition}")).is_empty());
    }
    for server in [east, west] {
        let created = object.get(server).unwrap();
        assert_eq!(finalizers(&created), Vec::<String>::new(), "none of them goes down");
    }

    // A restart writes nothing, on no side (S5).
    syncer.kill();
    let syncer = stage.run();
    let edited = ConfigMap::new("web", "later");
    edited.create(upstream, &json!({"k": "2"}));
    edited.wait_data(east, &json!({"k": "2"}));
    edited.wait_data(west, &json!({"k": "2"}));
    stays("nothing written", REST, || stage.writes_upstream().len() == 2);

    // Somebody takes one off: it comes back.
    upstream.client().patch(
        &object.path(),
        Patch::Merge(&json!({"metadata": {"finalizers": ["example.org/other", stage.finalizer("east")]}})),
    );
    stage.wait_finalizers(&object, &["example.org/other"], &["east", "west"]);

    // A policy that has nothing wait takes them off; the copies stay.
    stage.documents(&["east", "west"], "Never");
    stage.wait_finalizers(&object, &["example.org/other"], &[]);
    stage.documents(&["east", "west"], "Always");
    stage.wait_finalizers(&object, &["example.org/other"], &["east", "west"]);
    assert!(object.get(east).is_some() && object.get(west).is_some());

    // A target that is not on the list any more holds nothing up, and keeps what it has.
    stage.documents(&["east"], "Always");
    stage.wait_finalizers(&object, &["example.org/other"], &["east"]);
    stage.documents(&["east", "west"], "Always");
    stage.wait_finalizers(&object, &["example.org/other"], &["east", "west"]);
    assert!(object.get(west).is_some());

    // While west's copy is held by somebody there, the upstream object stays.
    let hold = json!({"metadata": {"finalizers": ["example.org/hold"]}});
    west.client().patch(&object.path(), Patch::Merge(&hold));
    object.delete(upstream);
    object.wait_gone(east);
    stage.wait_finalizers(&object, &["example.org/other"], &["west"]);
    stays("it waits for west", REST, || object.get(upstream).is_some());
    west.client()
        .patch(&object.path(), Patch::Merge(&json!({"metadata": {"finalizers": null}})));
    object.wait_gone(west);
    stage.wait_finalizers(&object, &["example.org/other"], &[]);
    upstream
        .client()
        .patch(&object.path(), Patch::Merge(&json!({"metadata": {"finalizers": null}})));
    object.wait_gone(upstream);
    edited.delete(upstream);
    for server in [upstream, east, west] {
        edited.wait_gone(server);
    }
    syncer.wait_for_log(&["deleted, UID ", "deletionTimestamp"], SOON);
}

#[test]
fn a_dead_target_holds_a_deletion_up_for_so_long_and_gives_up_what_it_holds_when_it_returns() {
    let mut stage = Stage::new("abandon");
    stage.abandon_after = ABANDON_LATE;
    stage.documents(&["east", "west"], "Always");
    let object = ConfigMap::new("web", "settings");
    object.create(&stage.world.upstream, &json!({"k": "1"}));
    let syncer = stage.run();
    for server in [&stage.world.east, &stage.world.west] {
        object.wait_data(server, &json!({"k": "1"}));
    }
    stage.world.west.kill();
    object.delete(&stage.world.upstream);
    object.wait_gone(&stage.world.east);
    stage.wait_finalizers(&object, &[], &["west"]);
    stays("it waits for west", REST, || {
        object.get(&stage.world.upstream).is_some()
    });
    object.wait_gone(&stage.world.upstream);
    syncer.wait_for_log(&["WARN", "west", "settings", "left behind"], SOON);
    stage.world.west.start_again();
    object.wait_gone(&stage.world.west);
}

/// Nothing but what stands on the API servers tells a syncer after `kill -9` where the one before it was.
#[test]
fn killed_again_and_again_a_deletion_with_one_dead_target_ends_right_after_restart() {
    let mut stage = Stage::new("killed");
    stage.documents(&["east", "west"], "Always");
    let objects: Vec<_> = (0..6).map(|n| ConfigMap::new("web", &format!("c-{n}"))).collect();
    for object in &objects {
        object.create(&stage.world.upstream, &json!({"k": "1"}));
    }
    let mut first = stage.run();
    for object in &objects {
        for server in [&stage.world.east, &stage.world.west] {
            object.wait_data(server, &json!({"k": "1"}));
        }
    }
    first.kill();
    stage.world.west.kill();
    for object in &objects {
        object.delete(&stage.world.upstream);
    }
    // Each life ends after one write more than the one before it, or when it has nothing left to write.
    let writes = |stage: &Stage| stage.writes_upstream().len() + stage.world.east.writes_of(&syncer()).len();
    for most in 0..10 {
        let before = writes(&stage);
        let mut life = stage.run();
        let _ = poll(Duration::from_secs(2), || writes(&stage) - before > most);
        life.kill();
    }
    let _last = stage.run();
    for object in &objects {
        object.wait_gone(&stage.world.east);
        object.wait_gone(&stage.world.upstream);
    }
    stage.world.west.start_again();
    for object in &objects {
        object.wait_gone(&stage.world.west);
    }
    // A kill may cut a request off before its body: that one deletes nothing.
    let mut deletes = stage.world.east.writes_of(&syncer());
    deletes.retain(|event| event.verb == "delete" && event.code == 200);
    let names_uid = |event: &AuditEvent| !text(&event.body, "/preconditions/uid").is_empty();
    assert!(deletes.iter().all(names_uid), "{deletes:?}");
    assert!(!deletes.is_empty(), "nothing was deleted");
}
