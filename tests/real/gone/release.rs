//! `tmc-syncer release`: what it lets go of, and what it leaves alone.

use serde_json::{Value, json};
use syncer_harness::target_key;

use super::stage::{KEY_LABEL, Stage, assert_nobodys, assert_untouched, change, target, wait_all};
use crate::objects::{ConfigMap, create_namespace, namespace, text, uid, versions};

/// The finalizers of the object at `path` upstream.
fn finalizers(stage: &Stage, path: &str) -> Value {
    stage.upstream.client().read(path)["metadata"]["finalizers"].clone()
}

#[test]
fn two_syncers_share_a_target_under_one_name_and_one_leaves_without_the_other_noticing() {
    let mut one = Stage::new("first");
    let mut two = Stage::of_other("second");
    for stage in [&one, &two] {
        // The same name, the same namespace, the same server.
        let name = if stage.upstream.id() == one.upstream.id() {
            "mine"
        } else {
            "theirs"
        };
        let policy = stage.policy(&["configmaps", "secrets"], &["both"], &json!({}));
        stage.write(&[target("shared", "east", &json!({})), policy]);
        create_namespace(stage.upstream, "both");
        let map = ConfigMap::new("both", name);
        map.create(stage.upstream, &json!({"key": "1"}));
        let secret = json!({"metadata": {"name": name}, "stringData": {"key": "1"}});
        stage
            .upstream
            .client()
            .create("/api/v1/namespaces/both/secrets", &secret);
    }
    let (mine, theirs) = (ConfigMap::new("both", "mine"), ConfigMap::new("both", "theirs"));
    let secret = |name: &str| format!("/api/v1/namespaces/both/secrets/{name}");
    let there = |path: &str| {
        syncer_harness::wait_for(path, crate::objects::SOON, || {
            one.east.client().get(path).ok_or("nothing")
        })
    };
    one.run();
    wait_all(one.east, std::slice::from_ref(&mine));
    two.run();
    wait_all(two.east, std::slice::from_ref(&theirs));
    there(&secret("mine"));
    let their_secret = there(&secret("theirs"));
    let before = versions(one.east, "both");

    // Both restart: neither takes the other's for its own.
    one.end();
    two.end();
    one.run();
    two.run();
    let late = ConfigMap::new("both", "late");
    late.create(two.upstream, &json!({"key": "1"}));
    wait_all(two.east, std::slice::from_ref(&late));
    let now = versions(one.east, "both");
    assert!(
        before.iter().all(|(name, version)| now.get(name) == Some(version)),
        "{now:?}"
    );

    // One is to go. A dry run first: it says the same, and writes nothing.
    one.end();
    let documents = one.file("documents.yaml");
    let arguments = ["-f", documents.as_str(), "--markers"];
    let dry = one.release(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(
        (dry.code(), dry.counts("shared", "configmaps")),
        (Some(0), (0, 1)),
        "{}",
        dry.json()
    );
    assert_eq!(versions(one.east, "both"), now);
    let done = one.release(&arguments);
    assert_eq!(done.code(), Some(0), "{}", done.json());
    assert_eq!(done.counts("shared", "configmaps"), (0, 1));
    assert_eq!(done.counts("shared", "secrets"), (0, 1));
    assert_eq!(done.counts("shared", "namespaces"), (0, 1));
    let left = mine.get(one.east).unwrap();
    assert_nobodys(&left);
    assert_eq!(left["data"], json!({"key": "1"}));
    assert_nobodys(&one.east.client().read(&secret("mine")));
    assert_nobodys(&namespace(one.east, "both").unwrap());
    // Nothing of the other's was touched, and it goes on.
    let after = versions(one.east, "both");
    for name in ["theirs", "late"] {
        assert_eq!(after.get(name), now.get(name), "{name}");
    }
    assert_untouched(one.east, &secret("theirs"), &their_secret);
    change(two.upstream, &theirs.path(), &json!({"data": {"key": "2"}}));
    theirs.wait_data(two.east, &json!({"key": "2"}));
    let key = target_key(&two.upstream.id(), "shared");
    assert_eq!(text(&theirs.get(two.east).unwrap(), KEY_LABEL), key);
    // A second time there is nothing left to do.
    let again = one.release(&arguments);
    assert_eq!(
        (again.code(), again.json()["released"].clone()),
        (Some(0), json!([])),
        "{}",
        again.json()
    );
    assert_untouched(one.east, &mine.path(), &left);
    two.end();
}

#[test]
fn finalizers_come_off_for_one_target_or_for_all_and_a_dead_target_holds_up_nothing() {
    let mut stage = Stage::new("hands");
    let [east, _] = stage.targets();
    let policy = stage.policy(&["configmaps"], &["let-go"], &json!({}));
    let dead = target("hands-dead", "nobody", &json!({}));
    stage.write(&[east, dead, policy]);
    create_namespace(stage.upstream, "let-go");
    let maps = stage.maps("let-go", 3);
    stage.run();
    wait_all(stage.east, &maps);
    stage.end();
    let id = stage.upstream.id();
    let finalizer = |target: &str| format!("workload.kcp.io/syncer-{}", target_key(&id, target));
    let (of_east, of_dead) = (finalizer("hands-east"), finalizer("hands-dead"));
    // Of another syncer on this upstream, whose targets nobody here knows.
    let foreign = finalizer("elsewhere");
    let hold = |path: &str, finalizers: &[&str]| {
        change(stage.upstream, path, &json!({"metadata": {"finalizers": finalizers}}))
    };
    hold(&maps[0].path(), &[&of_east, "example.org/theirs", &of_dead]);
    hold(&maps[1].path(), &[&foreign]);
    let secret = json!({"metadata": {"name": "held", "finalizers": [of_dead]}, "stringData": {"key": "1"}});
    stage
        .upstream
        .client()
        .create("/api/v1/namespaces/let-go/secrets", &secret);
    let secret = "/api/v1/namespaces/let-go/secrets/held";
    // One is being deleted already, and waits for us.
    hold(&maps[2].path(), &[&of_east]);
    maps[2].delete(stage.upstream);
    assert!(maps[2].get(stage.upstream).is_some());

    // One target, by its name alone.
    let documents = stage.file("documents.yaml");
    let done = stage.release(&["--target", "hands-east"]);
    assert_eq!(
        (done.code(), done.counts("hands-east", "configmaps")),
        (Some(0), (2, 0)),
        "{}",
        done.json()
    );
    assert_eq!(
        finalizers(&stage, &maps[0].path()),
        json!(["example.org/theirs", of_dead])
    );
    assert_eq!(maps[2].get(stage.upstream), None, "its end waited for nothing else");
    let kept = maps[1].get(stage.upstream).unwrap();

    // All of the files, markers too: one target is dead, which is said, and the rest is done.
    let done = stage.release(&["-f", &documents, "--markers"]);
    assert_eq!(done.code(), Some(1), "{}", done.json());
    assert_eq!(done.counts("hands-dead", "configmaps"), (1, 0));
    assert_eq!(done.counts("hands-dead", "secrets"), (1, 0));
    assert_eq!(done.counts("hands-east", "configmaps"), (0, 3));
    let failures = done.json()["failures"].clone();
    assert_eq!(failures.as_array().map(Vec::len), Some(1), "{failures}");
    assert_eq!(failures[0]["cluster"], "target hands-dead");
    assert_eq!(finalizers(&stage, &maps[0].path()), json!(["example.org/theirs"]));
    assert_eq!(finalizers(&stage, secret), Value::Null);
    assert_nobodys(&maps[0].get(stage.east).unwrap());
    // What is not ours was not written (S1, S4).
    assert_untouched(stage.upstream, &maps[1].path(), &kept);
    assert_eq!(uid(&maps[1].get(stage.upstream).unwrap()), uid(&kept));
    hold(&maps[1].path(), &[]);
    hold(&maps[0].path(), &[]);
}
