//! API servers without anything beside them.

use std::{sync::LazyLock, thread, time::Duration};

use serde_json::json;
use syncer_harness::{ApiServer, ApiServerOptions, Authority, Client, Kubeconfig, Patch, User, stays, wait_for};

const SOON: Duration = Duration::from_secs(90);

/// Servers that the tests here only call.
static PAIR: LazyLock<(ApiServer, ApiServer)> = LazyLock::new(|| {
    thread::scope(|scope| {
        let first = scope.spawn(|| ApiServerOptions::default().named("first").user(&reader()).start());
        let second = ApiServerOptions::default().named("second").start();
        (first.join().unwrap(), second)
    })
});

fn reader() -> User {
    User::new("reader")
}

fn config_map(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn servers_side_by_side_share_nothing() {
    let (first, second) = &*PAIR;
    first.client().create(CONFIG_MAPS, &config_map("only-here"));
    assert!(first.client().get(&format!("{CONFIG_MAPS}/only-here")).is_some());
    assert!(second.client().get(&format!("{CONFIG_MAPS}/only-here")).is_none());
    assert_ne!(first.id(), second.id());
}

#[test]
fn an_object_can_be_changed_in_every_way() {
    let client = PAIR.0.client();
    let path = format!("{CONFIG_MAPS}/changed");
    client.create(CONFIG_MAPS, &config_map("changed"));

    client.patch(&path, Patch::Merge(&json!({"data": {"a": null, "b": "2"}})));
    client.patch(&path, Patch::Strategic(&json!({"data": {"c": "3"}})));
    client.patch(
        &path,
        Patch::Json(&json!([{"op": "add", "path": "/data/d", "value": "4"}])),
    );
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"b": "x", "e": "5"}});
    assert_eq!(
        client
            .try_patch(
                &path,
                Patch::Apply {
                    manager: "m",
                    body: &applied
                }
            )
            .status,
        409
    );
    let seen = client.patch(
        &path,
        Patch::ForceApply {
            manager: "m",
            body: &applied,
        },
    );
    assert_eq!(seen["data"], json!({"b": "x", "c": "3", "d": "4", "e": "5"}));

    client.delete(&path);
    assert_eq!(client.get(&path), None);
}

#[test]
fn kubectl_acts_as_a_person_would() {
    let server = &PAIR.0;
    server.kubectl(&["create", "configmap", "by-hand", "--from-literal=a=1"]);
    assert_eq!(
        server.kubectl(&["get", "configmap", "by-hand", "-o", "jsonpath={.data.a}"]),
        "1"
    );
    assert!(!server.try_kubectl(&["get", "configmap", "absent"]).status.success());
}

#[test]
fn a_server_counts_what_it_is_asked() {
    // The counts are of the whole server, so no other test may write Events here.
    let server = &PAIR.1;
    let before = server.request_counts();
    let body = json!({"metadata": {"name": "counted"}, "involvedObject": {"namespace": "default"}});
    server.client().create("/api/v1/namespaces/default/events", &body);
    let since = server.request_counts().since(&before).writes_to(&["events"]);
    let seen: Vec<_> = since
        .iter()
        .map(|(kind, count)| (kind.verb.as_str(), kind.code.as_str(), count))
        .collect();
    assert_eq!(seen, [("POST", "201", 1)]);
}

#[test]
fn the_audit_log_holds_writes_with_user_and_body() {
    let server = &PAIR.0;
    let client = server.client();
    let uid = client.create(CONFIG_MAPS, &config_map("audited"))["metadata"]["uid"].clone();
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}});
    assert!(
        client
            .call("DELETE", &format!("{CONFIG_MAPS}/audited"), Some(&options))
            .is_success()
    );

    let events = wait_for("the audited deletion", SOON, || {
        let events: Vec<_> = server
            .audit()
            .into_iter()
            .filter(|event| event.name == "audited")
            .collect();
        events.iter().any(|event| event.verb == "delete").then_some(events)
    });
    let last = events.last().unwrap();
    assert_eq!(
        (last.verb.as_str(), last.user.as_str(), last.code),
        ("delete", "admin", 200)
    );
    assert_eq!(last.body["preconditions"]["uid"], uid);
    let writes: Vec<_> = server
        .writes_of(&User::admin("admin"))
        .into_iter()
        .filter(|e| e.name == "audited")
        .collect();
    assert_eq!(writes.len(), 2, "{writes:?}");
}

#[test]
fn a_user_may_do_only_what_is_granted() {
    let server = &PAIR.0;
    let client = server.client_as(&reader());
    assert_eq!(client.call("GET", "/api/v1/configmaps", None).status, 403);
    server.grant(
        &reader(),
        &json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]),
    );
    wait_for("the grant", SOON, || {
        client.call("GET", "/api/v1/configmaps", None).is_success()
    });
    assert_eq!(
        client.call("POST", CONFIG_MAPS, Some(&config_map("refused"))).status,
        403
    );
}

#[test]
fn a_client_certificate_is_a_user_too() {
    let server = &PAIR.0;
    let admin = Client::new(&server.kubeconfig_with_certificate("somebody", "system:masters"));
    assert!(admin.call("GET", "/api/v1/secrets", None).is_success());
    let nobody = Client::new(&server.kubeconfig_with_certificate("nobody", "nothing"));
    assert_eq!(nobody.call("GET", "/api/v1/secrets", None).status, 403);
}

#[test]
fn a_wrong_token_and_a_wrong_authority_are_refused() {
    let server = &PAIR.0;
    assert_eq!(
        server
            .client_as(&User::new("stranger"))
            .call("GET", "/api/v1/secrets", None)
            .status,
        401
    );
    let kubeconfig = Kubeconfig {
        authority: Authority::new("other").certificate(),
        ..server.kubeconfig().clone()
    };
    let error = Client::new(&kubeconfig)
        .try_call("GET", "/readyz", "", None)
        .unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn a_server_comes_back_at_the_same_place_with_its_data() {
    let mut server = ApiServerOptions::default().named("restarted").start();
    let id = server.id();
    let url = server.url().to_owned();
    server.client().create(CONFIG_MAPS, &config_map("kept"));

    let exit = server.stop();
    assert_eq!(exit.code, Some(0));
    assert!(server.client().try_call("GET", "/readyz", "", None).is_err());
    server.start_again();
    server.kill();
    server.start_again();

    assert_eq!((server.id(), server.url()), (id, url.as_str()));
    assert!(server.client().get(&format!("{CONFIG_MAPS}/kept")).is_some());

    server.pause();
    let client = server.client().clone();
    let call = thread::spawn(move || client.call("GET", CONFIG_MAPS, None).status);
    stays("unanswered", Duration::from_millis(300), || !call.is_finished());
    server.resume();
    assert_eq!(call.join().unwrap(), 200);
}
