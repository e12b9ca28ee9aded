//! What the upstream refuses or does not answer: of one tenant, of one object, or of a write that went through.

use syncer_sandbox::{Effect, Fault, FaultPlan, Verb, Which};

use super::*;

/// The Deployment `name` in `namespace`, on the upstream and on east.
async fn deploy_in(bench: &Bench, namespace: &str, name: &str) {
    let (resource, mut body) = (deployments(), deployment(name));
    body["metadata"]["namespace"] = json!(namespace);
    let body = Bytes::from(body.to_string());
    let options = Write::by("test");
    for side in [&bench.upstream, &bench.targets["east"]] {
        side.own
            .create(&resource, namespace, name, body.clone(), &options)
            .await
            .unwrap();
    }
    let object = read(&bench.upstream, namespace, name).await;
    let wish = Wish {
        target: "east".into(),
        hash: HASH,
        rests: None,
        newcomer: Newcomer::Welcome,
    };
    bench.board().upstream_seen(&object, vec![wish], StatusTerms::default());
}

async fn read(side: &Side, namespace: &str, name: &str) -> Object {
    side.own
        .get(&deployments(), namespace, name, FieldsV1Kept::None)
        .await
        .unwrap()
        .unwrap()
}

async fn report_in(bench: &Bench, namespace: &str, name: &str, status: &Value) {
    let body = Bytes::from(json!({"status": status}).to_string());
    let options = Write::by("controller");
    let copy = bench.targets["east"]
        .own
        .patch_status_merge(&deployments(), namespace, name, body, &options)
        .await
        .unwrap();
    let upstream = read(&bench.upstream, namespace, name).await;
    bench
        .board()
        .target_seen(&"east".into(), upstream.key(), &copy, Some(HASH), upstream.uid());
}

/// How many replicas are shown as ready.
async fn shown(bench: &Bench, namespace: &str, name: &str) -> Value {
    let object = read(&bench.upstream, namespace, name).await;
    upstream_side::status_of(&object)["readyReplicas"].clone()
}

#[test]
fn what_may_not_be_written_in_one_namespace_holds_up_no_other() {
    simulate(&["east"], |mut bench| async move {
        let namespaces = resource("", "v1", "namespaces", "Namespace", Scope::Cluster);
        for side in [&bench.upstream, &bench.targets["east"]] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shut"}});
            side.create(&namespaces, &body).await;
        }
        bench.upstream.server.refuse(Refusal::of("/namespaces/shut/", 403));
        bench.start();
        bench.list(&deployments());
        let names: Vec<String> = (0..8).map(|number| format!("web-{number}")).collect();
        for namespace in ["shut", "default"] {
            for name in &names {
                deploy_in(&bench, namespace, name).await;
            }
        }
        for second in 0..40 {
            let ready_now = second % 4 + 1;
            for namespace in ["shut", "default"] {
                for name in &names {
                    report_in(&bench, namespace, name, &ready(ready_now)).await;
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            for name in &names {
                assert_eq!(
                    shown(&bench, "default", name).await,
                    ready_now,
                    "{name} after {second} s"
                );
            }
        }
        let refused = bench.upstream.server.refused();
        assert!((1..=3 * names.len()).contains(&refused), "{refused} refusals");
        // The permission comes.
        bench.upstream.server.relent();
        tokio::time::sleep(Duration::from_secs(31)).await;
        for name in &names {
            assert_eq!(shown(&bench, "shut", name).await, shown(&bench, "default", name).await);
        }
    });
}

#[test]
fn an_object_that_was_replaced_while_it_was_written_does_not_silence_its_kind() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        let missing = Refusal {
            times: 1,
            delay: Duration::from_millis(100),
            ..Refusal::of("/deployments/web/status", 404)
        };
        bench.upstream.server.refuse(missing);
        bench.report("east", &deployments(), "web", &ready(1)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        // Deleted and made again while the write is under way, and the watch has shown it.
        bench.upstream.delete(&deployments(), "web").await;
        bench.upstream.create(&deployments(), &deployment("web")).await;
        bench.board().upstream_gone(&key("web"));
        bench.show_upstream(&deployments(), "web").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.upstream.server.refused(), 1);
        let begun = Instant::now();
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
}

#[test]
fn one_word_of_a_missing_subresource_is_not_believed_of_a_kind_that_has_one() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(1)).await;
        bench
            .until("one ready", "web", |status| status["readyReplicas"] == 1)
            .await;
        let missing = Refusal {
            times: 1,
            ..Refusal::of("/deployments/web/status", 404)
        };
        bench.upstream.server.refuse(missing);
        bench.report("east", &deployments(), "web", &ready(5)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(bench.upstream.server.refused(), 1);
        assert_eq!(bench.status(&deployments(), "web").await["readyReplicas"], 5);
    });
}

#[test]
fn answers_that_are_lost_make_no_rival() {
    for effect in [Effect::DropAnswer, Effect::LateStatus { code: 500 }] {
        simulate(&["east"], move |mut bench| async move {
            bench.start();
            bench.deploy("web").await;
            bench.report("east", &deployments(), "web", &ready(5)).await;
            bench
                .until("five ready", "web", |status| status["readyReplicas"] == 5)
                .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            for round in 0..5 {
                // The write goes through, and its answer does not come back.
                bench.upstream.server.api.faults().set(FaultPlan {
                    faults: vec![Fault {
                        which: Which {
                            verbs: vec![Verb::Patch],
                            ..Which::default()
                        },
                        effect: effect.clone(),
                        odds: 1.0,
                        times: Some(1),
                    }],
                });
                bench.report("east", &deployments(), "web", &ready(1)).await;
                bench
                    .until("one ready", "web", |status| status["readyReplicas"] == 1)
                    .await;
                bench.show_upstream(&deployments(), "web").await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                let begun = Instant::now();
                bench.report("east", &deployments(), "web", &ready(5)).await;
                bench
                    .until("five ready", "web", |status| status["readyReplicas"] == 5)
                    .await;
                assert!(
                    begun.elapsed() < Duration::from_secs(1),
                    "round {round}: {:?}",
                    begun.elapsed()
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            assert_eq!(bench.metric("tmc_syncer_status_contended_total"), 0);
        });
    }
}
