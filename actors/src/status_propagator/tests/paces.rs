//! How often the upstream is written, and what happens when a write does not go through.

use syncer_sandbox::{Effect, Fault, FaultPlan, Verb, Which};

use super::*;

#[test]
fn the_first_change_goes_at_once_and_the_last_state_always() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (before, begun) = (bench.writes(), Instant::now());
        bench.report("east", &deployments(), "web", &ready(1)).await;
        bench
            .until("the first change", "web", |status| status["readyReplicas"] == 1)
            .await;
        assert!(begun.elapsed() < Duration::from_millis(50), "{:?}", begun.elapsed());
        // Forty changes in two seconds: one write each half second, and the last.
        for change in 0..40 {
            bench
                .report("east", &deployments(), "web", &ready(2 + change % 3))
                .await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("the last state", "web", |status| status["readyReplicas"] == 5)
            .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let writes = bench.writes() - before;
        assert!((4..=6).contains(&writes), "{writes} writes");
    });
}

#[test]
fn a_conflict_is_answered_by_looking_again() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        // An edit that the watch has not shown yet.
        let edit = json!({"metadata": {"labels": {"edited": "yes"}}});
        bench.upstream.patch(&deployments(), "web", &edit).await;
        let (writes, reads) = (bench.writes(), bench.upstream.asked(&Method::GET));
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        assert_eq!(
            (bench.writes() - writes, bench.upstream.asked(&Method::GET) - reads),
            (2, 1)
        );
        let object = bench.upstream.get(&deployments(), "web").await.unwrap();
        assert_eq!(object.labels().get("edited"), Some("yes"));
    });
}

/// Edits `name` every `period`, `times` times, and the watch shows each `lag` later. Returns when all were shown.
async fn edit(bench: &Bench, name: &str, times: u32, period: Duration, lag: Duration) {
    for number in 0..times {
        let edit = json!({"metadata": {"labels": {"edit": number.to_string()}}});
        bench.upstream.patch(&deployments(), name, &edit).await;
        tokio::time::sleep(lag).await;
        bench.show_upstream(&deployments(), name).await;
        tokio::time::sleep(period.saturating_sub(lag)).await;
    }
}

#[test]
fn beside_fifty_edits_a_second_of_the_same_object_writes_do_not_conflict() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        let writes = bench.writes();
        let edits = edit(&bench, "web", 500, Duration::from_millis(20), Duration::from_millis(3));
        let reports = async {
            for change in 0..90 {
                bench
                    .report("east", &deployments(), "web", &ready(change % 5 + 1))
                    .await;
                tokio::time::sleep(Duration::from_millis(107)).await;
            }
        };
        tokio::join!(edits, reports);
        bench
            .until("the last state", "web", |status| status["readyReplicas"] == 5)
            .await;
        let object = bench.upstream.get(&deployments(), "web").await.unwrap();
        assert_eq!(object.labels().get("edit"), Some("499"));
        let (writes, conflicts) = (bench.writes() - writes, bench.conflicts());
        assert!((15..=24).contains(&writes), "{writes} writes");
        assert_eq!(conflicts, 0, "of {writes} writes");
    });
}

#[test]
fn an_object_that_is_edited_all_the_time_is_written_all_the_same() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        // More often than any write could keep clear of.
        let edits = edit(&bench, "web", 1_500, Duration::from_millis(2), Duration::from_millis(1));
        let reports = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let begun = Instant::now();
            bench.report("east", &deployments(), "web", &ready(5)).await;
            bench
                .until("five ready", "web", |status| status["readyReplicas"] == 5)
                .await;
            begun.elapsed()
        };
        let ((), took) = tokio::join!(edits, reports);
        assert!(took < Duration::from_millis(500), "{took:?}");
    });
}

#[test]
fn an_edited_object_whose_status_was_wiped_once_has_no_second_writer() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let edits = edit(&bench, "web", 200, Duration::from_millis(20), Duration::from_millis(3));
        let wipe = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let wiped = json!({"readyReplicas": null});
            bench.upstream.patch_status(&deployments(), "web", &wiped).await;
        };
        tokio::join!(edits, wipe);
        bench.show_upstream(&deployments(), "web").await;
        let begun = Instant::now();
        bench
            .until("five ready again", "web", |status| status["readyReplicas"] == 5)
            .await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
}

#[test]
fn an_object_made_again_under_the_same_name_is_not_written_for_the_one_before() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        let found = bench.upstream.get(&deployments(), "web").await.unwrap();
        bench.upstream.delete(&deployments(), "web").await;
        bench.upstream.create(&deployments(), &deployment("web")).await;
        let (_, east) = bench.targets.first_key_value().unwrap();
        let copy = east.patch_status(&deployments(), "web", &ready(5)).await;
        let name: Arc<str> = "east".into();
        bench
            .board()
            .target_seen(&name, &key("web"), &copy, Some(HASH), found.uid());
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(bench.status(&deployments(), "web").await, json!({}));
        // Neither as fast as the network goes, nor over a version that was refused.
        assert!(bench.writes() <= 2, "{} writes", bench.writes());
        assert!(bench.upstream.requests() < 40, "{} requests", bench.upstream.requests());
    });
}

#[test]
fn a_write_that_fails_is_tried_again_until_it_goes_through() {
    simulate(&["east"], |mut bench| async move {
        let fault = |code| Fault {
            which: Which {
                verbs: vec![Verb::Patch],
                ..Which::default()
            },
            effect: Effect::Status {
                code,
                retry_after: None,
            },
            odds: 1.0,
            times: Some(2),
        };
        bench.start();
        bench.upstream.server.api.faults().set(FaultPlan {
            faults: vec![fault(500), fault(422), fault(503)],
        });
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        // The test's own writes meet no fault: they are done.
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        assert!(bench.writes() >= 7, "{} writes", bench.writes());
    });
}

#[test]
fn a_resource_without_a_status_subresource_is_tried_once_and_not_per_object() {
    simulate(&["east"], |mut bench| async move {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let version = |subresources: Value| json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": subresources});
        let definition = |subresources: Value| {
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.org"},
                "spec": {"group": "example.org", "scope": "Namespaced", "versions": [version(subresources)],
                    "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}}})
        };
        bench.upstream.create(&definitions(), &definition(json!({}))).await;
        bench.targets["east"]
            .create(&definitions(), &definition(json!({"status": {}})))
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.start();
        for name in ["a", "b", "c"] {
            let body = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": name, "namespace": "default"}});
            bench.upstream.create(&widgets(), &body).await;
            bench.targets["east"].create(&widgets(), &body).await;
            bench.show_upstream(&widgets(), name).await;
            bench.report("east", &widgets(), name, &json!({"phase": "Ready"})).await;
        }
        bench.list(&widgets());
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!((1..=3).contains(&bench.writes()), "{} writes", bench.writes());
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert!((1..=3).contains(&bench.writes()), "{} writes", bench.writes());
    });
}

#[test]
fn a_status_that_somebody_else_writes_too_is_left_alone_for_a_while() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        let before = bench.writes();
        for _ in 0..30 {
            let other = json!({"readyReplicas": null});
            bench.upstream.patch_status(&deployments(), "web", &other).await;
            bench.show_upstream(&deployments(), "web").await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let writes = bench.writes() - before;
        assert!((1..=3).contains(&writes), "{writes} writes against another controller");
        assert_eq!(bench.metric("tmc_syncer_status_contended_total"), 1);
        // It goes away, and after the pause the status is right again.
        bench
            .until("five ready again", "web", |status| status["readyReplicas"] == 5)
            .await;
    });
}

#[test]
fn a_thousand_objects_rolling_at_once_are_written_at_most_once_per_interval() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        let names: Vec<String> = (0..100).map(|number| format!("web-{number}")).collect();
        for name in &names {
            bench.deploy(name).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = bench.writes();
        for round in 0..20 {
            for name in &names {
                bench.report("east", &deployments(), name, &ready(round % 5 + 1)).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        for name in &names {
            assert_eq!(bench.status(&deployments(), name).await["readyReplicas"], 5);
        }
        // Two seconds: the first, three more, and the last.
        let writes = bench.writes() - before;
        assert!(writes <= 6 * names.len(), "{writes} writes");
    });
}

#[test]
fn a_propagator_that_was_built_anew_goes_on() {
    simulate(&["east"], |mut bench| async move {
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        // Taken by one that is gone: only the board knows.
        assert!(!bench.board().take(10).is_empty());
        bench.start();
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
    });
}
