//! Single requests against a scripted server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt as _;
use syncer_core::{
    built_in,
    identity::LogicalCluster,
    proof::{Absence, Look, Proof, prove},
};
use tokio::time::Instant;

use super::*;
use crate::{
    FieldsV1Kept, Next, WatchOptions,
    scripted::{Answer, Script, config_maps, object},
};

fn not_found(kind: &str, name: &str) -> Answer {
    let body =
        format!(r#"{{"kind":"Status","reason":"NotFound","details":{{"name":"{name}","kind":"{kind}"}},"code":404}}"#);
    Answer::Whole(404, Vec::new(), body)
}

fn proof() -> Proof {
    prove(Absence::DeletionSeen, &Look::NotFound).unwrap()
}

fn preconditions() -> Preconditions {
    Preconditions {
        uid: "u-1".into(),
        resource_version: None,
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_true_not_found_of_the_object_is_none() {
    let cases = [
        (not_found("configmaps", "web"), Ok(())),
        (not_found("namespaces", "default"), Err(Next::NamespaceMissing)),
        (not_found("configmaps", "other"), Err(Next::Unserved)),
        (Answer::status(404, "NotFound"), Err(Next::Unserved)),
        (
            Answer::Whole(404, Vec::new(), "404 page not found".into()),
            Err(Next::Unserved),
        ),
        (Answer::status(403, "Forbidden"), Err(Next::Forbidden)),
    ];
    for (answer, expected) in cases {
        let cluster = Script::of([answer]).cluster();
        let found = cluster.get(&config_maps(), "default", "web", FieldsV1Kept::None).await;
        assert_eq!(
            found
                .map(|object| assert!(object.is_none()))
                .map_err(|error| error.next()),
            expected
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_what_the_api_expects() {
    let script = Script::of([]).then_always(|| Answer::json(object("web", 7)));
    let cluster = script.cluster();
    let (resource, body) = (config_maps(), Bytes::from_static(b"{}"));
    let mut apply = Apply::forced("tmc-syncer");
    cluster
        .apply(&resource, "default", "web", body.clone(), &apply)
        .await
        .unwrap();
    apply.dry_run = true;
    apply.force = false;
    apply.unknown_fields = UnknownFields::Refuse;
    cluster
        .apply(&resource, "default", "web", body.clone(), &apply)
        .await
        .unwrap();
    let write = Write::by("tmc-syncer");
    cluster
        .patch_json(&resource, "default", "web", body.clone(), &write)
        .await
        .unwrap();
    cluster
        .logical(&LogicalCluster::new("1abc"))
        .patch_status_merge(&resource, "default", "web", body.clone(), &write)
        .await
        .unwrap();
    cluster.create(&resource, "default", "web", body, &write).await.unwrap();
    cluster
        .delete(&resource, "default", "web", &preconditions(), &proof())
        .await
        .unwrap();
    let base = "/api/v1/namespaces/default/configmaps";
    let expected = [
        format!("PATCH {base}/web?fieldManager=tmc-syncer&force=true"),
        format!("PATCH {base}/web?fieldManager=tmc-syncer&force=false&dryRun=All&fieldValidation=Strict"),
        format!("PATCH {base}/web?fieldManager=tmc-syncer"),
        format!("PATCH /clusters/1abc{base}/web/status?fieldManager=tmc-syncer"),
        format!("POST {base}?fieldManager=tmc-syncer"),
        format!("DELETE {base}/web"),
    ];
    assert_eq!(script.lines(), expected);
    let delete = script.asked().pop().unwrap().body;
    assert_eq!(
        delete,
        r#"{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Background","preconditions":{"uid":"u-1"}}"#
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_that_could_meet_more_than_one_object() {
    let script = Script::of([]);
    let cluster = script.cluster();
    let no_uid = Preconditions {
        uid: String::new(),
        resource_version: None,
    };
    let results = [
        cluster
            .delete(&config_maps(), "default", "", &preconditions(), &proof())
            .await,
        cluster
            .delete(&config_maps(), "", "web", &preconditions(), &proof())
            .await,
        cluster
            .delete(&config_maps(), "default", "..", &preconditions(), &proof())
            .await,
        cluster
            .delete(&config_maps(), "default", "web", &no_uid, &proof())
            .await,
    ];
    for result in results {
        assert_eq!(result.unwrap_err().next(), Next::Invalid);
    }
    assert_eq!(script.lines(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_tells_gone_from_terminating() {
    let terminating = r#"{"kind":"ConfigMap","metadata":{"name":"web","deletionTimestamp":"2026-11-23T09:00:00Z"}}"#;
    let cases = [
        (
            Answer::json(r#"{"kind":"Status","status":"Success","metadata":{}}"#),
            Deletion::Gone,
        ),
        (Answer::json(terminating), Deletion::Terminating),
        (
            Answer::json(r#"{"kind":"ConfigMap","metadata":{"name":"web"}}"#),
            Deletion::Gone,
        ),
        (not_found("configmaps", "web"), Deletion::Gone),
    ];
    for (answer, expected) in cases {
        let cluster = Script::of([answer]).cluster();
        assert_eq!(
            cluster
                .delete(&config_maps(), "default", "web", &preconditions(), &proof())
                .await
                .unwrap(),
            expected
        );
    }
    let unserved = Script::of([Answer::Whole(404, Vec::new(), String::new())]).cluster();
    assert_eq!(
        unserved
            .delete(&config_maps(), "default", "web", &preconditions(), &proof())
            .await
            .unwrap_err()
            .next(),
        Next::Unserved
    );
}

#[tokio::test(start_paused = true)]
async fn warnings_are_offered_and_not_for_secrets() {
    let warned = || {
        Answer::Whole(
            200,
            vec![("warning", r#"299 - "unknown field \"spec.x\"""#.into())],
            object("web", 7),
        )
    };
    let script = Script::of([warned(), warned()]);
    let cluster = script.cluster();
    let write = Write::by("tmc-syncer");
    let object = cluster
        .patch_merge(&config_maps(), "default", "web", Bytes::new(), &write)
        .await
        .unwrap();
    assert_eq!(object.warnings().collect::<Vec<_>>(), [r#"unknown field "spec.x""#]);
    let secret = cluster
        .patch_merge(&built_in::secrets(), "default", "web", Bytes::new(), &write)
        .await
        .unwrap();
    assert_eq!(secret.warnings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_request_has_a_deadline() {
    let cluster = Script::of([Answer::Silence]).cluster();
    let start = Instant::now();
    let error = cluster
        .get(&config_maps(), "default", "web", FieldsV1Kept::None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "east: get configmaps default/web: no answer within 30.0s"
    );
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_dead_cluster_answers_at_once_and_closes_when_it_is_back() {
    let script = Script::of([]).then_always(|| Answer::Refused);
    let cluster = script.cluster();
    let resource = config_maps();
    let get = || cluster.get(&resource, "default", "web", FieldsV1Kept::None);
    for _ in 0..3 {
        assert_eq!(get().await.unwrap_err().next(), Next::Backoff);
    }
    let asked = script.asked().len();
    let error = get().await.unwrap_err();
    assert!(
        matches!(error.next(), Next::Wait(wait) if wait <= Duration::from_millis(200)),
        "{error}"
    );
    assert_eq!(script.asked().len(), asked, "nothing was sent");
    let day = Duration::from_hours(24);
    tokio::time::sleep(day).await;
    let probes = script.asked().len() - asked;
    assert!(probes < 24 * 60 * 4 + 20, "{probes} probes a day");
    script.push(Answer::json("ok"));
    let mut health = cluster.health();
    health.wait_for(|health| *health == Health::Closed).await.unwrap();
    script.push(Answer::json(object("web", 7)));
    assert!(get().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_ready_keeps_the_breaker_open_but_not_for_ever() {
    let script = Script::of([Answer::Refused, Answer::Refused, Answer::Refused])
        .then_always(|| Answer::status(500, "InternalError"));
    let cluster = script.cluster();
    for _ in 0..3 {
        let _ = cluster.get(&config_maps(), "default", "web", FieldsV1Kept::None).await;
    }
    let start = Instant::now();
    cluster
        .health()
        .wait_for(|health| *health == Health::Closed)
        .await
        .unwrap();
    let waited = start.elapsed();
    assert!(
        waited > Duration::from_secs(15) && waited < Duration::from_secs(30),
        "{waited:?}"
    );
}

#[test]
fn logical_clusters_replace_a_workspace_and_extend_an_endpoint() {
    let cluster = |url| Cluster::builder("kcp").service(url, Script::of([])).unwrap();
    let cases = [
        ("https://kcp.test", "https://kcp.test/clusters/1abc"),
        ("https://kcp.test/clusters/root:org", "https://kcp.test/clusters/1abc"),
        (
            "https://kcp.test/services/apiexport/root/shop",
            "https://kcp.test/services/apiexport/root/shop/clusters/1abc",
        ),
    ];
    for (url, expected) in cases {
        let cluster = cluster(url);
        let logical = cluster.logical(&LogicalCluster::new("1abc"));
        assert_eq!(logical.url(), expected);
        assert_eq!(logical.logical(&LogicalCluster::plain()).url(), url);
        assert_eq!(
            logical.logical(&LogicalCluster::new("2xyz")).url(),
            expected.replace("1abc", "2xyz")
        );
        assert!(Arc::ptr_eq(logical.shared(), cluster.shared()));
    }
    let cluster = cluster("https://kcp.test");
    assert!(Arc::ptr_eq(
        cluster.with_base("https://kcp.test/services/x").unwrap().shared(),
        cluster.shared()
    ));
    assert!(!Arc::ptr_eq(
        cluster.with_base("https://shard.test/services/x").unwrap().shared(),
        cluster.shared()
    ));
    assert!(cluster.with_base("/services/x").is_err());
}

#[test]
fn the_credentials_of_a_server_with_tls_are_sent_to_none_without() {
    let [secured, plain] = ["https://kcp.test", "http://kcp.test"]
        .map(|url| Cluster::builder("kcp").service(url, Script::of([])).unwrap());
    for url in ["http://kcp.test/services/x", "http://shard.test", "ftp://shard.test"] {
        let said = secured.with_base(url).unwrap_err().to_string();
        assert!(said.contains("in clear"), "{url}: {said}");
    }
    for url in ["http://kcp.test/services/x", "http://shard.test", "https://shard.test"] {
        assert!(plain.with_base(url).is_ok(), "{url}");
    }
    // Which of several endpoints fails is said in its errors.
    let elsewhere = secured.with_base("https://shard.test:6443/services/x").unwrap();
    assert_eq!(elsewhere.name(), "kcp at https://shard.test:6443");
    assert_eq!(secured.with_base("https://kcp.test/services/x").unwrap().name(), "kcp");
}

/// S8: the value is in every answer, and in no error, whatever goes wrong, and in no log at the finest level.
#[test]
fn no_value_of_a_secret_appears_in_an_error_or_a_log() {
    let log = crate::scripted::Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let shown = tracing::subscriber::with_default(subscriber, || runtime.block_on(secret_errors()));
    assert!(shown.len() >= 20, "{shown:?}");
    for text in shown.iter().chain([&log.text()]) {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    }
}

async fn secret_errors() -> Vec<String> {
    const SECRET: &str =
        r#"{"metadata":{"name":"web","namespace":"default"},"data":{"password":"aHVudGVyMg==","p2":"hunter2"}}"#;
    let said = r#"{"kind":"Status","message":"Invalid value: \"hunter2\"","reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","field":"data","message":"hunter2"}]},"code":422}"#;
    let answers = || {
        [
            Answer::json(SECRET.replace("\"data\"", "data")),
            Answer::json(SECRET.replace(
                r#"{"metadata":{"name":"web""#,
                r#"{"metadata":{"name":{"hunter2":"hunter2"}"#,
            )),
            Answer::json(SECRET.replace("}}", "")),
            Answer::json("hunter2"),
            Answer::Whole(422, vec![("warning", "299 - \"hunter2\"".into())], said.into()),
            Answer::Whole(500, Vec::new(), SECRET.into()),
            Answer::Whole(404, Vec::new(), SECRET.into()),
            Answer::Stream(vec![
                crate::scripted::Piece::Text(SECRET.into()),
                crate::scripted::Piece::Broken,
            ]),
            Answer::lines(&[&crate::scripted::event("ADDED", &SECRET.replace("\"web\"", "hunter2"))]),
            Answer::lines(&[&crate::scripted::event("ERROR", said)]),
            Answer::lines(&[&crate::scripted::event("hunter2", SECRET)]),
        ]
    };
    let mut shown = Vec::new();
    for n in 0..answers().len() {
        let answer = || answers().into_iter().nth(n).unwrap();
        let script = Script::of([answer()]);
        if let Err(error) = script
            .cluster()
            .get(&built_in::secrets(), "default", "web", FieldsV1Kept::All)
            .await
        {
            shown.push(format!("{error} {error:?} {:?}", error.cause()));
        }
        let script = Script::of([answer()]);
        let body = Bytes::from_static(SECRET.as_bytes());
        if let Err(error) = script
            .cluster()
            .apply(
                &built_in::secrets(),
                "default",
                "web",
                body,
                &Apply::forced("tmc-syncer"),
            )
            .await
        {
            shown.push(format!("{error} {error:?} {:?}", error.cause()));
        }
        for script in [
            Script::of([answer()]),
            Script::of([Answer::json(crate::scripted::page("10", "", &[])), answer()]),
        ] {
            let mut watch = Box::pin(script.cluster().watch(built_in::secrets(), WatchOptions::default()));
            while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(5), watch.next()).await {
                shown.push(format!("{event:?}"));
            }
        }
    }
    shown
}

#[tokio::test(start_paused = true)]
async fn a_routed_cluster_finds_each_logical_cluster_at_its_endpoint() {
    let script = Script::of([]).then_always(|| Answer::json(object("web", 7)));
    let provider = script.cluster();
    let routes = Routes::default();
    let upstream = provider.routed(routes.clone());
    let (red, blue) = (LogicalCluster::new("red"), LogicalCluster::new("blue"));
    let endpoint = |name: &str| {
        let url = format!("{}/services/apiexport/x/{name}", provider.server());
        provider.with_base(&url).unwrap()
    };
    routes.lead(&red, &endpoint("one"));
    assert!(
        upstream
            .logical(&red)
            .url()
            .ends_with("/services/apiexport/x/one/clusters/red")
    );
    assert_eq!(upstream.logical(&LogicalCluster::plain()).url(), provider.url());
    // It moves, and what was made before goes on under the old address until it is asked for again.
    routes.lead(&red, &endpoint("two"));
    assert!(
        upstream
            .logical(&red)
            .url()
            .ends_with("/services/apiexport/x/two/clusters/red")
    );

    let lost = upstream.logical(&blue);
    let answer = lost.get(&config_maps(), "default", "web", FieldsV1Kept::None).await;
    let error = answer.unwrap_err();
    assert_eq!(error.next(), Next::Backoff);
    assert!(
        error
            .to_string()
            .contains("no endpoint is known that serves workspace blue"),
        "{error}"
    );
    assert_eq!(script.asked().len(), 0, "nothing is sent to a place that is a guess");
    routes.lead(&blue, &endpoint("one"));
    assert!(
        upstream
            .logical(&blue)
            .get(&config_maps(), "default", "web", FieldsV1Kept::None)
            .await
            .is_ok()
    );
    routes.forget(&blue);
    assert!(routes.endpoint(&blue).is_none());
}

/// Counts what was put off.
#[derive(Default)]
struct PutOff(AtomicUsize);

impl crate::Observer for PutOff {
    fn put_off(&self, _: &str, _: crate::Verb) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_finds_no_place_is_counted_and_not_sent() {
    let script = Script::of([]).then_always(|| Answer::json(object("web", 1)));
    let (observer, limits) = (
        Arc::new(PutOff::default()),
        Limits {
            requests_per_second: Some(0.01),
            ..Limits::default()
        },
    );
    let counted = observer.clone();
    let cluster = script.cluster_with(move |builder| builder.limits(limits).observer(counted));
    let read = || async { cluster.get(&config_maps(), "default", "web", FieldsV1Kept::None).await };
    assert!(read().await.is_ok());
    assert_eq!(observer.0.load(Ordering::Relaxed), 0);
    assert_eq!(read().await.unwrap_err().cause(), &Cause::Busy);
    assert_eq!((observer.0.load(Ordering::Relaxed), script.asked().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fence_lets_reads_through_and_writes_only_while_it_is_open() {
    let script = Script::of([]).then_always(|| Answer::json(object("web", 1)));
    let fence = crate::Fence::new();
    let cluster = script.cluster_with(|builder| builder.fenced(Some(fence.clone())));
    let body = || Bytes::from_static(b"{}");
    let (kind, options) = (config_maps(), Write::by("us"));
    let write = || cluster.patch_merge(&kind, "default", "web", body(), &options);
    let refused = |outcome: Result<crate::Object, crate::Error>| {
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.cause(), error.next()),
            (&Cause::Fenced, Next::Backoff),
            "{error}"
        );
        assert!(!error.is_unreachable());
    };
    refused(write().await);
    refused(cluster.create(&kind, "default", "web", body(), &options).await);
    refused(
        cluster
            .apply(&kind, "default", "web", body(), &Apply::forced("us"))
            .await,
    );
    assert!(
        cluster
            .delete(&kind, "default", "web", &preconditions(), &proof())
            .await
            .is_err()
    );
    assert_eq!(script.asked().len(), 0, "nothing was sent");
    assert!(cluster.get(&kind, "default", "web", FieldsV1Kept::None).await.is_ok());
    // What is derived from it stands behind the same fence.
    let other = cluster.with_base("http://elsewhere/services/x").unwrap();
    refused(other.patch_merge(&kind, "default", "web", body(), &options).await);
    assert!(fence.open_until(Instant::now() + Duration::from_secs(1)));
    assert!(write().await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    refused(write().await);
    assert!(cluster.get(&kind, "default", "web", FieldsV1Kept::None).await.is_ok());
    assert_eq!(script.asked().len(), 3);
}
