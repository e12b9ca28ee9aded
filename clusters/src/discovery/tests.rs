use std::time::Duration;

use futures::StreamExt as _;
use syncer_core::identity::{Gvr, Scope};

use crate::{
    Next,
    scripted::{Answer, Script, event, page},
};

const CORE: &str = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"metadata":{"name":""},"versions":[{"version":"v1","freshness":"Current","resources":[
  {"resource":"configmaps","responseKind":{"group":"","version":"v1","kind":"ConfigMap"},"scope":"Namespaced","verbs":["get","list","watch","patch"]},
  {"resource":"namespaces","responseKind":{"kind":"Namespace"},"scope":"Cluster","verbs":["get"],"subresources":[{"subresource":"status","verbs":["get"]}]}]}]}]}"#;
const GROUPS: &str = r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[
  {"version":"v1","freshness":"Current","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":["patch"],"subresources":[{"subresource":"status"},{"subresource":"scale"}]}]},
  {"version":"v1beta1","freshness":"Current","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":["patch"]}]}]},
  {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1","freshness":"Stale"}]}]}"#;

fn aggregated() -> [Answer; 2] {
    [Answer::json(CORE), Answer::json(GROUPS)]
}

fn slow() -> Vec<Answer> {
    let group =
        r#"{"name":"apps","versions":[{"version":"v1beta1"},{"version":"v1"}],"preferredVersion":{"version":"v1"}}"#;
    let broken = r#"{"name":"metrics.k8s.io","versions":[{"version":"v1"}]}"#;
    let deployments = |below: &str| {
        format!(
            r#"{{"kind":"APIResourceList","resources":[{{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["patch"]}}{below}]}}"#
        )
    };
    vec![
        Answer::json(r#"{"kind":"APIVersions","versions":["v1"]}"#),
        Answer::json(
            r#"{"kind":"APIResourceList","resources":[{"name":"configmaps","kind":"ConfigMap","namespaced":true,"verbs":["get","list","watch","patch"]},
            {"name":"namespaces","kind":"Namespace","namespaced":false,"verbs":["get"]},{"name":"namespaces/status","kind":"Namespace","namespaced":false,"verbs":["get"]}]}"#,
        ),
        Answer::json(format!(r#"{{"kind":"APIGroupList","groups":[{group},{broken}]}}"#)),
        Answer::json(deployments(
            r#",{"name":"deployments/status","kind":"Deployment"},{"name":"deployments/scale","kind":"Scale"}"#,
        )),
        Answer::json(deployments("")),
        Answer::status(503, "ServiceUnavailable"),
    ]
}

#[tokio::test(start_paused = true)]
async fn both_ways_find_the_same() {
    let fast = Script::of(aggregated()).cluster().discover().await.unwrap();
    let script = Script::of(slow());
    let slow = script.cluster().discover().await.unwrap();
    assert_eq!(fast, slow);
    assert_eq!(
        script.lines(),
        [
            "GET /api",
            "GET /api/v1",
            "GET /apis",
            "GET /apis/apps/v1",
            "GET /apis/apps/v1beta1",
            "GET /apis/metrics.k8s.io/v1"
        ]
    );
    let deployments = fast.resource_type("apps", "deployments").unwrap();
    assert_eq!(
        (deployments.gvr.version(), &*deployments.kind, deployments.scope),
        ("v1", "Deployment", Scope::Namespaced)
    );
    assert_eq!(fast.resource_type("", "namespaces").unwrap().scope, Scope::Cluster);
    assert_eq!(fast.versions("apps", "deployments").len(), 2);
    let served = fast.resource(&deployments.gvr).unwrap();
    assert!(
        served.has_subresource("status")
            && served.has_subresource("scale")
            && served.has_verb("patch")
            && !served.has_verb("list")
    );
    assert!(fast.resource(&Gvr::new("apps", "v2", "deployments")).is_none());
    assert!(fast.resource_type("apps", "statefulsets").is_none() && !fast.is_doubtful("apps"));
    assert!(
        fast.is_doubtful("metrics.k8s.io"),
        "a group whose server is down is not known to be unserved"
    );
}

#[tokio::test(start_paused = true)]
async fn a_virtual_workspace_without_a_core_group_is_discovered() {
    let script = Script::of([
        Answer::Whole(404, Vec::new(), "404 page not found".into()),
        Answer::json(GROUPS),
    ]);
    assert!(
        script
            .cluster()
            .discover()
            .await
            .unwrap()
            .resource_type("apps", "deployments")
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_an_error_and_not_nothing() {
    for (answer, next) in [
        (Answer::status(401, "Unauthorized"), Next::Reauthenticate),
        (Answer::status(403, "Forbidden"), Next::Forbidden),
        (Answer::Refused, Next::Backoff),
        (Answer::json("<html>"), Next::Backoff),
        (Answer::json("{}"), Next::Backoff),
    ] {
        assert_eq!(
            Script::of([answer]).cluster().discover().await.unwrap_err().next(),
            next
        );
    }
}

/// Answers discovery by what it holds, and lets the watch of CRDs speak once.
#[tokio::test(start_paused = true)]
async fn a_new_crd_is_noticed_within_seconds() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let appeared = Arc::new(AtomicBool::new(false));
    let service = tower::service_fn({
        let appeared = Arc::clone(&appeared);
        move |request: http::Request<bytes::Bytes>| {
            let script = match (request.uri().path(), request.uri().query().unwrap_or_default()) {
                ("/api", _) => Script::of([Answer::json(CORE)]),
                ("/apis", _) => {
                    let name = if appeared.load(Ordering::Relaxed) {
                        "statefulsets"
                    } else {
                        "deployments"
                    };
                    Script::of([Answer::json(GROUPS.replace("deployments", name))])
                }
                (path, _) if path.ends_with("apiservices") => Script::of([Answer::status(403, "Forbidden")]),
                (_, query) if query.contains("limit") => Script::of([Answer::json(page("10", "", &[]))]),
                _ => {
                    let line = event("ADDED", r#"{"metadata":{"name":"x","resourceVersion":"11"}}"#);
                    let wait = crate::scripted::Piece::After(Duration::from_secs(100));
                    let appeared = Arc::clone(&appeared);
                    let script = Script::of([Answer::Stream(vec![
                        wait,
                        crate::scripted::Piece::Text(format!("{line}\n")),
                        crate::scripted::Piece::Silence,
                    ])]);
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_secs(99)).await;
                        appeared.store(true, Ordering::Relaxed);
                    });
                    script
                }
            };
            tower::ServiceExt::oneshot(script, request)
        }
    });
    let cluster = crate::Cluster::builder("east")
        .seed(7)
        .service("http://east.test", service)
        .unwrap();
    let mut served = Box::pin(cluster.follow_served(Duration::from_hours(1)));
    assert!(
        served
            .next()
            .await
            .unwrap()
            .unwrap()
            .resource_type("apps", "deployments")
            .is_some()
    );
    let start = tokio::time::Instant::now();
    assert!(
        served
            .next()
            .await
            .unwrap()
            .unwrap()
            .resource_type("apps", "statefulsets")
            .is_some()
    );
    assert!(start.elapsed() < Duration::from_secs(105), "{:?}", start.elapsed());
}
