use serde_json::{Value, json};

use super::client::{MAPS, MERGE, config_map, delete, get, patch, post, server, server_with};
use crate::{ApiServer, Options};

async fn fill(server: &ApiServer, count: usize) {
    for n in 0..count {
        assert_eq!(post(server, MAPS, &config_map(&format!("o{n}"), "v")).await.status, 201);
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_show_one_version_whatever_happens_between_them() {
    let server = server();
    fill(&server, 5).await;
    let first = get(&server, &format!("{MAPS}?limit=2")).await.json();
    assert_eq!(
        (names(&first), &first["metadata"]["remainingItemCount"]),
        (vec!["o0", "o1"], &json!(3))
    );
    post(&server, MAPS, &config_map("o1a", "new")).await;
    delete(&server, &format!("{MAPS}/o3"), &Value::Null).await;
    patch(
        &server,
        &format!("{MAPS}/o4"),
        MERGE,
        &json!({"data": {"k": "changed"}}),
    )
    .await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = get(&server, &format!("{MAPS}?limit=9&continue={token}")).await.json();
    assert_eq!(names(&rest), ["o2", "o3", "o4"]);
    assert_eq!(rest["items"][2]["data"]["k"], "v");
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let exact = format!(
        "{MAPS}?resourceVersionMatch=Exact&resourceVersion={}",
        first["metadata"]["resourceVersion"].as_str().unwrap()
    );
    assert_eq!(names(&get(&server, &exact).await.json()).len(), 5);
}

#[tokio::test]
async fn an_expired_token_offers_an_inconsistent_rest() {
    let server = server();
    fill(&server, 3).await;
    let first = get(&server, &format!("{MAPS}?limit=1")).await.json();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    post(&server, MAPS, &config_map("x", "v")).await;
    server.forget_history();
    let refused = get(&server, &format!("{MAPS}?limit=1&continue={token}")).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["reason"]),
        (410, &json!("Expired"))
    );
    let inconsistent = refused.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(
        names(&get(&server, &format!("{MAPS}?continue={inconsistent}")).await.json()),
        ["o1", "o2", "x"]
    );
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let exact = get(
        &server,
        &format!("{MAPS}?resourceVersionMatch=Exact&resourceVersion={version}"),
    )
    .await;
    assert_eq!(
        exact.refusal(),
        (410, "The resourceVersion for the provided list is too old.".to_owned())
    );
}

#[tokio::test]
async fn a_list_from_the_cache_knows_no_pages() {
    let server = server();
    fill(&server, 3).await;
    assert_eq!(
        names(&get(&server, &format!("{MAPS}?limit=1&resourceVersion=0")).await.json()).len(),
        3
    );
}

#[tokio::test]
async fn selectors_and_options_are_checked() {
    let server = server();
    fill(&server, 2).await;
    let cases = [
        (
            "fieldSelector=data.k=v",
            400,
            "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        ),
        ("continue=abc", 400, ""),
        (
            "resourceVersion=999999",
            504,
            "Timeout: Too large resource version: 999999, current: 107",
        ),
        (
            "resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "sendInitialEvents=true",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
    ];
    for (query, code, message) in cases {
        let (found, text) = get(&server, &format!("{MAPS}?{query}")).await.refusal();
        assert_eq!(found, code, "{query}");
        assert!(message.is_empty() || text == message, "{text}");
    }
    assert_eq!(
        names(
            &get(&server, &format!("{MAPS}?fieldSelector=metadata.name=o1"))
                .await
                .json()
        ),
        ["o1"]
    );
}

#[tokio::test]
async fn items_of_built_in_kinds_have_no_kind() {
    let server = server();
    fill(&server, 1).await;
    let list = get(&server, MAPS).await.json();
    assert_eq!(
        (&list["kind"], list["items"][0].get("kind")),
        (&json!("ConfigMapList"), None)
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_objects() {
    let run = async || {
        let server = server_with(Options::default());
        fill(&server, 3).await;
        post(&server, MAPS, &json!({"metadata": {"generateName": "g-"}})).await;
        get(&server, "/api/v1/configmaps").await.text
    };
    assert_eq!(run().await, run().await);
}
