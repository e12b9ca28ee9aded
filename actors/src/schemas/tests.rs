//! Asked once for all, again now and then, and not for what is built in.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::json;
use syncer_core::Scope;

use super::*;

/// A server that describes widgets from the answer with this number on, and how often it was asked.
fn server(from: usize) -> (Cluster, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let service = tower::service_fn(move |request: Request<Bytes>| {
        assert_eq!(request.uri().path(), "/openapi/v3/apis/example.org/v1");
        let known = counted.fetch_add(1, Ordering::SeqCst) >= from;
        let kinds = json!([{"group": "example.org", "version": "v1", "kind": "Widget"}]);
        let types = json!({"Widget": {"x-kubernetes-group-version-kind": kinds}});
        let body = json!({"components": {"schemas": if known { types } else { json!({}) }}});
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body.to_string())))) }
    });
    let cluster = Cluster::builder("target east").service("http://east", service);
    (cluster.unwrap(), asked)
}

fn resource(group: &str, resource: &str, kind: &str) -> ResourceType {
    ResourceType {
        gvr: Gvr::new(group, "v1", resource),
        kind: kind.into(),
        scope: Scope::Namespaced,
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_asked_for_once_and_again_when_that_is_old() {
    let ((cluster, asked), schemas) = (server(0), Schemas::default());
    let widgets = resource("example.org", "widgets", "Widget");
    assert!(matches!(*schemas.known(&widgets.gvr), Schema::Unknown));
    for _ in 0..2 {
        tokio::join!(schemas.learn(&cluster, &widgets), schemas.learn(&cluster, &widgets));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(matches!(*schemas.known(&widgets.gvr), Schema::Given(_)));
    tokio::time::advance(KEPT).await;
    schemas.learn(&cluster, &widgets).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    schemas
        .learn(&cluster, &resource("apps", "deployments", "Deployment"))
        .await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the API server's own kinds are known");
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_it_goes_on_and_asks_again_soon() {
    let ((cluster, asked), schemas) = (server(1), Schemas::default());
    let widgets = resource("example.org", "widgets", "Widget");
    for _ in 0..2 {
        schemas.learn(&cluster, &widgets).await;
        assert!(matches!(*schemas.known(&widgets.gvr), Schema::Unknown));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    tokio::time::advance(KEPT_UNKNOWN).await;
    schemas.learn(&cluster, &widgets).await;
    assert!(matches!(*schemas.known(&widgets.gvr), Schema::Given(_)));
}

#[tokio::test(start_paused = true)]
async fn there_is_an_end_to_the_kinds() {
    let ((cluster, _), schemas) = (server(0), Schemas::default());
    for number in 0..2 * MOST {
        let gvr = Gvr::new("example.org", "v1", &format!("widgets{number}"));
        schemas
            .learn(
                &cluster,
                &ResourceType {
                    gvr,
                    ..resource("example.org", "widgets", "Widget")
                },
            )
            .await;
    }
    assert_eq!(schemas.0.lock().len(), MOST);
}
