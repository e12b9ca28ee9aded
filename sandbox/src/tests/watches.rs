use std::time::Duration;

use serde_json::{Value, json};

use super::client::{MAPS, MERGE, Watch, config_map, delete, get, patch, post, server, server_with};
use crate::{ApiServer, ExpiredWatch, InitialEvents, Options};

async fn watch(server: &ApiServer, query: &str) -> Watch {
    Watch::open(server, &format!("{MAPS}?watch=1&{query}")).await
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_tells_what_happened_after_it() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let version = server.resource_version();
    post(&server, MAPS, &config_map("b", "v")).await;
    let mut watch = watch(&server, &format!("resourceVersion={version}")).await;
    patch(&server, &format!("{MAPS}/a"), MERGE, &json!({"data": {"k": "w"}})).await;
    delete(&server, &format!("{MAPS}/b"), &Value::Null).await;
    assert_eq!(watch.names(3).await, ["ADDED b", "MODIFIED a", "DELETED b"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_event_of_an_object_has_the_version_of_its_delete() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let mut watch = watch(&server, "resourceVersion=0").await;
    assert_eq!(watch.names(1).await, ["ADDED a"]);
    delete(&server, &format!("{MAPS}/a"), &Value::Null).await;
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (kind.as_str(), object["metadata"]["resourceVersion"].as_str()),
        ("DELETED", Some(&*server.resource_version().to_string()))
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_comes_and_goes_with_its_labels() {
    let server = server();
    let mut watch = watch(
        &server,
        &format!("labelSelector=l=1&resourceVersion={}", server.resource_version()),
    )
    .await;
    post(&server, MAPS, &config_map("a", "v")).await;
    let label = |value: Value| json!({"metadata": {"labels": {"l": value}}});
    patch(&server, &format!("{MAPS}/a"), MERGE, &label(json!("1"))).await;
    patch(&server, &format!("{MAPS}/a"), MERGE, &json!({"data": {"k": "w"}})).await;
    patch(&server, &format!("{MAPS}/a"), MERGE, &label(Value::Null)).await;
    assert_eq!(watch.names(2).await, ["ADDED a", "MODIFIED a"]);
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (kind.as_str(), &object["metadata"]["labels"]["l"]),
        ("DELETED", &json!("1")),
        "the last state that was selected"
    );
}

#[tokio::test(start_paused = true)]
async fn initial_events_end_with_a_bookmark() {
    let server = server();
    post(&server, MAPS, &config_map("a", "v")).await;
    let mut watch = watch(
        &server,
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    )
    .await;
    assert_eq!(watch.names(1).await, ["ADDED a"]);
    let (kind, object) = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (
            kind.as_str(),
            &object["metadata"]["annotations"]["k8s.io/initial-events-end"]
        ),
        ("BOOKMARK", &json!("true"))
    );
}

#[tokio::test(start_paused = true)]
async fn initial_events_may_be_refused_or_ignored() {
    let query = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"
    );
    let refusing = server_with(Options {
        initial_events: InitialEvents::Refused,
        ..Options::default()
    });
    assert_eq!(get(&refusing, &query).await.status, 422);
    let ignoring = server_with(Options {
        initial_events: InitialEvents::Ignored,
        ..Options::default()
    });
    post(&ignoring, MAPS, &config_map("a", "v")).await;
    let answer = get(&ignoring, &query).await;
    assert!(
        answer.text.contains("ADDED") && !answer.text.contains("initial-events-end"),
        "{}",
        answer.text
    );
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_at_their_interval_and_the_stream_ends_in_time() {
    let server = server();
    let mut watch = watch(
        &server,
        &format!(
            "allowWatchBookmarks=true&timeoutSeconds=100&resourceVersion={}",
            server.resource_version()
        ),
    )
    .await;
    let start = tokio::time::Instant::now();
    assert_eq!(watch.names(1).await, ["BOOKMARK -"]);
    assert_eq!(start.elapsed(), Duration::from_mins(1));
    assert_eq!(watch.names(1).await, ["BOOKMARK -"]);
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(98),
        "the last one comes shortly before the end"
    );
    assert!(watch.next().await.is_none());
    assert_eq!(start.elapsed(), Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_version_is_an_error_event_or_a_status() {
    let server = server();
    let version = server.resource_version();
    post(&server, MAPS, &config_map("a", "v")).await;
    server.forget_history();
    let mut stream = watch(&server, &format!("resourceVersion={version}")).await;
    let (kind, status) = stream.next().await.unwrap().unwrap();
    assert_eq!(
        (kind.as_str(), &status["code"], &status["reason"]),
        ("ERROR", &json!(410), &json!("Expired"))
    );
    assert!(stream.next().await.is_none());

    let server = server_with(Options {
        expired_watch: ExpiredWatch::Status,
        ..Options::default()
    });
    post(&server, MAPS, &config_map("a", "v")).await;
    server.forget_history();
    assert_eq!(
        get(&server, &format!("{MAPS}?watch=1&resourceVersion={version}"))
            .await
            .status,
        410
    );
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_falls_behind_is_told_and_the_loss_is_counted() {
    let server = server_with(Options {
        history: 4,
        ..Options::default()
    });
    let mut watch = watch(&server, &format!("resourceVersion={}", server.resource_version())).await;
    for n in 0..6 {
        post(&server, MAPS, &config_map(&format!("o{n}"), "v")).await;
    }
    assert_eq!(watch.next().await.unwrap().unwrap().0, "ERROR");
    assert_eq!(server.dropped_changes("configmaps"), 2);
}
