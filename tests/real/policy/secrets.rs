//! Secrets: which go down, and that no value of one shows anywhere (S8).

use serde_json::{Value, json};
use syncer_harness::{ApiServer, wait_for};

use super::{
    scene::{Scene, policy},
    things::{assert_absent, change, collection, config_map, deployment, namespace_with, path, wait_that, wait_there},
};
use crate::objects::SOON;

/// What must not show up anywhere.
const PLANTED: [&str; 5] = [
    "planted-first-7Jx2",
    "planted-second-Q8vD",
    "planted-third-zW5c",
    "planted-cel-L0pM",
    "planted-key-R4tY",
];

/// `text` as Secrets carry it.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let coded = text.as_bytes().chunks(3).flat_map(|chunk| {
        let bits = (0..3).fold(0, |bits, n| bits << 8 | usize::from(chunk.get(n).copied().unwrap_or(0)));
        (0..4).map(move |n| {
            if n > chunk.len() {
                return '=';
            }
            char::from(ALPHABET[bits >> (18 - 6 * n) & 63])
        })
    });
    coded.collect()
}

fn secret(namespace: &str, name: &str) -> String {
    path("secrets", namespace, name)
}

fn make(server: &ApiServer, namespace: &str, name: &str, kind: &str, data: &Value) -> Value {
    let object = json!({"metadata": {"name": name}, "type": kind, "stringData": data});
    server.client().create(&collection("secrets", namespace), &object)
}

#[test]
fn secrets_go_down_only_where_a_policy_names_them_and_some_never_do() {
    let mut scene = Scene::new("named");
    let up = scene.upstream;
    let with_file = scene.target("east", &json!({}));
    let refusing = scene.target("west", &json!({"refuse": ["secrets"]}));
    let all = |namespace: &str, resources: Value| json!({"resources": resources, "namespaces": {"names": [namespace]}, "dependencies": true});
    let maps = json!([{"group": "", "resource": "configmaps"}, {"group": "apps", "resource": "deployments"}]);
    let maps_and_secrets = json!([{"group": "", "resource": "configmaps"}, {"group": "", "resource": "secrets"}]);
    scene.write(&[
        with_file,
        refusing,
        policy("without", &all("named-without", maps)),
        policy("with", &all("named-with", maps_and_secrets)),
    ]);
    for namespace in ["named-without", "named-with"] {
        namespace_with(up, namespace, &json!({}));
        make(up, namespace, "web", "Opaque", &json!({"key": "1"}));
        make(
            up,
            namespace,
            "tls",
            "kubernetes.io/tls",
            &json!({"tls.crt": "", "tls.key": ""}),
        );
        make(up, namespace, "release", "helm.sh/release.v1", &json!({"release": "1"}));
        make(
            up,
            namespace,
            "bootstrap",
            "bootstrap.kubernetes.io/token",
            &json!({"token-id": "abcdef"}),
        );
    }
    let mut web = deployment("web", "web:1");
    web["spec"]["template"]["spec"]["volumes"] = json!([{"name": "s", "secret": {"secretName": "web"}}]);
    up.client()
        .create(&collection("deployments.apps", "named-without"), &web);
    scene.run(&[]);
    for name in ["web", "tls"] {
        wait_there(scene.east, &secret("named-with", name));
    }
    // Made later: when it has arrived, the others were looked at.
    for namespace in ["named-without", "named-with"] {
        config_map(up, namespace, "later", &json!({}));
        for server in [scene.east, scene.west] {
            wait_there(server, &path("configmaps", namespace, "later"));
        }
    }
    wait_there(scene.east, &path("deployments.apps", "named-without", "web"));
    for server in [scene.east, scene.west] {
        for name in ["web", "tls", "release", "bootstrap"] {
            assert_absent(server, &secret("named-without", name));
        }
        for name in ["release", "bootstrap"] {
            assert_absent(server, &secret("named-with", name));
        }
    }
    for name in ["web", "tls"] {
        assert_absent(scene.west, &secret("named-with", name));
    }
    scene.end();
}

/// S8: values are planted, everything goes wrong that can, and nothing that a person may see has them.
#[test]
fn no_value_of_a_secret_shows_anywhere() {
    let mut scene = Scene::new("hush");
    let up = scene.upstream;
    let [east, west] = scene.targets();
    let spec = json!({
        "resources": [{"group": "", "resource": "secrets"}, {"group": "", "resource": "configmaps"}],
        "namespaces": {"names": ["hush"]},
        "conflict": {"onImmutable": "Report"},
        "transforms": [
            // Fails, and has looked at a value.
            {"set": {"path": "metadata.labels.x", "cel":
                "object.metadata.name != 'computed' ? 'plain' : {'a': 'b'}[object.data.key]"}},
            // What the target refuses: a label may not look so.
            {"set": {"path": "metadata.labels.y", "cel": "object.metadata.name != 'refused' ? 'plain' : object.data.key + '!'"},
             "resources": [{"group": "", "resource": "secrets"}]},
        ],
    });
    scene.write(&[east, west, policy("hush", &spec)]);
    namespace_with(up, "hush", &json!({}));
    namespace_with(scene.east, "hush", &json!({}));
    make(scene.east, "hush", "foreign", "Opaque", &json!({"theirs": PLANTED[4]}));
    make(
        up,
        "hush",
        "web",
        "Opaque",
        &json!({"key": PLANTED[0], PLANTED[4]: "1"}),
    );
    make(up, "hush", "foreign", "Opaque", &json!({"key": PLANTED[1]}));
    make(up, "hush", "computed", "Opaque", &json!({"key": PLANTED[3]}));
    make(up, "hush", "refused", "Opaque", &json!({"key": PLANTED[2]}));
    let fixed = json!({"metadata": {"name": "fixed"}, "immutable": true, "stringData": {"key": PLANTED[0]}});
    up.client().create(&collection("secrets", "hush"), &fixed);
    scene.run(&["--log-level", "trace"]);

    for server in [scene.east, scene.west] {
        wait_there(server, &secret("hush", "web"));
        wait_there(server, &secret("hush", "fixed"));
    }
    scene.wait_event("hush", "foreign", "AdoptionRefused", &["hush-east"]);
    scene.wait_event("hush", "computed", "TransformFailed", &["hush"]);
    scene.wait_event("hush", "refused", "SyncFailed", &["hush-east"]);
    // An immutable one is made anew with another value, a value is edited on either side.
    up.client().delete(&secret("hush", "fixed"));
    let fixed = json!({"metadata": {"name": "fixed"}, "immutable": true, "stringData": {"key": PLANTED[2]}});
    up.client().create(&collection("secrets", "hush"), &fixed);
    let edited = base64(PLANTED[1]);
    change(up, &secret("hush", "web"), &json!({"data": {"key": edited}}));
    for server in [scene.east, scene.west] {
        wait_that(server, &secret("hush", "web"), |seen| {
            seen["data"]["key"] == json!(edited)
        });
    }
    change(
        scene.west,
        &secret("hush", "web"),
        &json!({"data": {"key": base64(PLANTED[2]), "added": "MQ=="}}),
    );
    wait_that(scene.west, &secret("hush", "web"), |seen| {
        seen["data"]["key"] == json!(edited) && seen["data"]["added"].is_null()
    });
    scene.wait_event("hush", "web", "DriftReverted", &["hush-west"]);
    scene.syncer().wait_for_log(&["not synced", "refused"], SOON);

    let mut shown = vec![
        ("the log", scene.syncer().log()),
        ("/metrics", scene.page("/metrics")),
        ("/debug/actors", scene.page("/debug/actors?children=1000")),
        ("/readyz", scene.page("/readyz?verbose")),
    ];
    for (name, server) in [("upstream", up), ("east", scene.east), ("west", scene.west)] {
        let events = server.client().items("/api/v1/events");
        shown.push((name, json!(events).to_string()));
        // Everything of a Secret but its data.
        let mut secrets = server.client().items(&collection("secrets", "hush"));
        for secret in &mut secrets {
            secret["data"] = Value::Null;
            // Names of keys are no values; of an object of theirs we write nothing.
            secret["metadata"]["managedFields"] = Value::Null;
        }
        shown.push((name, json!(secrets).to_string()));
    }
    assert!(shown[0].1.contains("handle"), "spans of the trace level are shown");
    for planted in PLANTED.iter().take(4) {
        // Base64 from any of its three offsets, without the ends that depend on neighbours.
        let coded = ["", "a", "aa"].map(|before| {
            let whole = base64(&format!("{before}{planted}"));
            whole.chars().skip(4).take(16).collect::<String>()
        });
        for (place, text) in &shown {
            assert!(!text.contains(planted), "{planted} in {place}");
            for coded in &coded {
                assert!(!text.contains(coded.as_str()), "{planted} as {coded} in {place}");
            }
        }
    }
    scene.end();
    // Another start reads it all again.
    scene.run(&["--log-level", "trace"]);
    scene
        .syncer()
        .wait_for_log(&["listed the target", "hush-east", "secrets"], SOON);
    wait_for("west in step", SOON, || scene.objects("west", "synced") >= 3);
    let log = scene.syncer().log();
    for planted in PLANTED.iter().take(4) {
        assert!(!log.contains(planted) && !log.contains(&base64(planted)), "{planted}");
    }
    scene.end();
}
