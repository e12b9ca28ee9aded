//! `MergeChanges` and `LastWriteWins` on one target, with kubectl as a person uses it, for the four kinds.

use serde_json::{Value, json};
use syncer_harness::{ApiServer, Scratch, wait_for};

use crate::{
    down::{
        clusters::{Down, policy},
        object::{Object, deployment},
    },
    objects::SOON,
};

/// One field of an object of each kind: where it is, and what it is to be.
struct Field {
    object: Object,
    kind: &'static str,
    body: Value,
    pointer: &'static str,
    /// What it starts with, and what it is changed to.
    values: [Value; 3],
}

fn fields(namespace: &str) -> [Field; 4] {
    let image = |n: u32| json!(format!("example.org/web:{n}"));
    [
        Field {
            object: Object::deployment(namespace, "web"),
            kind: "deployment",
            body: deployment("example.org/web:1"),
            pointer: "/spec/template/spec/containers/0/image",
            values: [image(1), image(2), image(3)],
        },
        Field {
            object: Object::service(namespace, "web"),
            kind: "service",
            body: json!({"spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}),
            pointer: "/spec/ports/0/targetPort",
            values: [json!(8080), json!(9001), json!(9002)],
        },
        Field {
            object: Object::config_map(namespace, "web"),
            kind: "configmap",
            body: json!({"data": {"a": "1", "b": "1"}}),
            pointer: "/data/a",
            values: [json!("1"), json!("2"), json!("3")],
        },
        Field {
            object: Object::secret(namespace, "web"),
            kind: "secret",
            body: json!({"data": {"a": "MQ==", "b": "MQ=="}}),
            pointer: "/data/a",
            values: [json!("MQ=="), json!("Mg=="), json!("Mw==")],
        },
    ]
}

// === impl Field ===

impl Field {
    /// `kubectl patch` to the `n`th value.
    fn set(&self, server: &ApiServer, n: usize) {
        let patch = json!([{"op": "replace", "path": self.pointer, "value": self.values[n]}]).to_string();
        self.kubectl(server, &["patch", self.kind, "web", "--type=json", "-p", &patch]);
    }

    fn kubectl(&self, server: &ApiServer, arguments: &[&str]) {
        server.kubectl(&[&["-n", &self.object.namespace], arguments].concat());
    }

    #[track_caller]
    fn wait(&self, server: &ApiServer, n: usize) {
        let wanted = &self.values[n];
        wait_for(
            &format!("{} of a {} to be {wanted}", self.pointer, self.kind),
            SOON,
            || {
                let held = self.object.read(server);
                let found = held.pointer(self.pointer).cloned().unwrap_or_default();
                if found == *wanted {
                    Ok(())
                } else {
                    Err(held.to_string())
                }
            },
        );
    }
}

/// Clusters under `strategy`, with an object of each kind in `namespace`.
fn start(name: &str, strategy: &str, namespace: &str) -> (Down, [Field; 4], Scratch) {
    // Hashes over Secrets hold over a restart under a key that does.
    let key = Scratch::new(&format!("{name}-key"));
    let file = key.write("key", "0123456789abcdef0123456789abcdef");
    let rules = policy("all", 0, &[], &json!({"strategy": strategy}));
    let down = Down::start_with(name, &[rules], &["--hash-key-file".into(), file.into()]);
    down.namespace(namespace);
    let fields = fields(namespace);
    for field in &fields {
        down.sync(&field.object, &field.body);
    }
    (down, fields, key)
}

#[test]
fn merge_changes_keeps_what_one_side_changed_and_lets_the_upstream_win_where_both_did() {
    let (mut down, fields, _key) = start("merge", "MergeChanges", "merge");
    for field in &fields {
        field.set(&down.east, 1);
        field.kubectl(&down.east, &["label", field.kind, "web", "by=bob"]);
    }
    // Only the target changed it: kept, not written back; and what only upstream changes goes down beside it.
    for field in &fields {
        field.kubectl(&down.upstream, &["annotate", field.kind, "web", "example.org/note=up"]);
    }
    for field in &fields {
        wait_for("the upstream's annotation", SOON, || {
            field.object.read(&down.east)["metadata"]["annotations"]["example.org/note"] == "up"
        });
        field.wait(&down.east, 1);
        field.wait(&down.upstream, 0);
        let held = field.object.read(&down.east);
        assert_eq!(held["metadata"]["labels"]["by"], "bob", "{held}");
    }
    down.comes_to_rest();
    down.stays_quiet("merge", "with fields of the target");
    // It outlives a restart.
    down.restart();
    down.wait_turn("merge", "later");
    down.comes_to_rest();
    down.stays_quiet("merge", "with fields of the target, after a restart");
    // Both: the upstream's, and it is told.
    for field in &fields {
        field.wait(&down.east, 1);
        field.set(&down.upstream, 2);
    }
    for field in &fields {
        field.wait(&down.east, 2);
        let event = down.wait_event(&field.object, "Conflict", &["east", "upstream"]);
        let shown = event.to_string();
        assert!(!shown.contains("Mg==") && !shown.contains("Mw=="), "{shown}");
    }
    down.comes_to_rest();
    down.stays_quiet("merge", "after conflicts");
}

#[test]
fn last_write_wins_writes_back_and_the_later_of_two_writes_stays() {
    let (down, fields, _key) = start("last", "LastWriteWins", "last");
    for field in &fields {
        field.set(&down.east, 1);
    }
    for field in &fields {
        field.wait(&down.upstream, 1);
        field.wait(&down.east, 1);
        let annotations = field.object.read(&down.upstream)["metadata"]["annotations"].clone();
        let written = annotations["workload.kcp.io/written-back"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(written.contains("\"target\":\"east\""), "{annotations}");
        assert!(!written.contains("Mg=="), "no value of a Secret: {written}");
    }
    down.comes_to_rest();
    down.stays_quiet("last", "after write-backs");
    // An edit upstream after that is an ordinary change.
    for field in &fields {
        field.set(&down.upstream, 2);
        field.wait(&down.east, 2);
    }
    down.comes_to_rest();
    down.stays_quiet("last", "after edits");
    // What only the target has is written back; labels stay.
    let map = &fields[2].object;
    map.merge(
        &down.east,
        &json!({"data": {"z": "x"}, "metadata": {"labels": {"by": "bob"}}}),
    );
    wait_for("the foreign key upstream", SOON, || {
        map.read(&down.upstream)["data"]["z"] == "x"
    });
    assert_eq!(map.read(&down.upstream)["metadata"]["labels"], Value::Null);
    // A removal too.
    map.merge(&down.east, &json!({"data": {"b": null}}));
    wait_for("the removal upstream", SOON, || {
        map.read(&down.upstream)["data"]["b"] == Value::Null
    });
    down.comes_to_rest();
    down.stays_quiet("last", "in the end");
}
