//! What reaches the upstream.

use syncer_core::status::Endpoints;

use super::*;

#[test]
fn what_two_targets_report_is_summed_upstream_and_nothing_but_status_is_written() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench.report("west", &deployments(), "web", &ready(5)).await;
        let status = bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        assert_eq!(
            (&status["replicas"], &status["observedGeneration"]),
            (&json!(10), &json!(1))
        );
        assert_eq!(conditions(&status)["workload.kcp.io/Synced"], ["True", "Synced"]);
        let paths = bench.upstream.server.asked.lock().clone();
        let path = "/apis/apps/v1/namespaces/default/deployments/web/status";
        assert!(
            paths
                .iter()
                .all(|(method, asked)| method == Method::PATCH && asked == path),
            "{paths:?}"
        );
        let object = bench.upstream.get(&deployments(), "web").await.unwrap();
        assert_eq!((object.generation(), object.labels().iter().count()), (1, 0));
    });
}

#[test]
fn at_rest_no_round_asks_the_upstream_anything() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        bench.show_upstream(&deployments(), "web").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let requests = bench.upstream.requests();
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(bench.upstream.requests(), requests);
    });
}

#[test]
fn another_process_with_nothing_changed_writes_nothing() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        bench.start_anew();
        bench.show_upstream(&deployments(), "web").await;
        for target in ["east", "west"] {
            bench.show(target, &deployments(), "web", HASH).await;
        }
        bench.list(&deployments());
        let requests = bench.upstream.requests();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(bench.upstream.requests(), requests);
    });
}

#[test]
fn a_status_that_was_set_back_is_written_again() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        // As an upstream does that is restored from a backup.
        bench
            .upstream
            .patch_status(&deployments(), "web", &json!({"readyReplicas": 1}))
            .await;
        bench.show_upstream(&deployments(), "web").await;
        bench
            .until("five ready again", "web", |status| status["readyReplicas"] == 5)
            .await;
    });
}

#[test]
fn a_generation_is_not_observed_before_its_targets_hold_it() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("generation 1", "web", |status| status["observedGeneration"] == 1)
            .await;
        let edit = json!({"spec": {"minReadySeconds": 1}});
        bench.upstream.patch(&deployments(), "web", &edit).await;
        let object = bench.upstream.get(&deployments(), "web").await.unwrap();
        let next = PayloadHash(8);
        let wishes = ["east", "west"].map(|target| Wish {
            target: target.into(),
            hash: next,
            rests: None,
            newcomer: Newcomer::Welcome,
        });
        bench
            .board()
            .upstream_seen(&object, wishes.to_vec(), StatusTerms::default());
        for (target, observed) in [("east", 1), ("west", 2)] {
            bench.targets[target].patch(&deployments(), "web", &edit).await;
            let mut status = ready(5);
            status["observedGeneration"] = json!(2);
            bench.targets[target].patch_status(&deployments(), "web", &status).await;
            bench.show(target, &deployments(), "web", next).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            let shown = bench.status(&deployments(), "web").await;
            assert_eq!(shown["observedGeneration"], observed, "after {target}");
        }
    });
}

/// A cordoned target gets nothing new: what it does not hold keeps no rollout from its end.
#[test]
fn a_cordoned_target_without_a_copy_has_no_say_once_it_is_listed() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        let (resource, body) = (deployments(), deployment("web"));
        bench.upstream.create(&resource, &body).await;
        let object = bench.upstream.get(&resource, "web").await.unwrap();
        let show = |west: Newcomer| {
            let wishes = [("east", Newcomer::Welcome), ("west", west)].map(|(target, newcomer)| Wish {
                target: target.into(),
                hash: HASH,
                rests: None,
                newcomer,
            });
            bench
                .board()
                .upstream_seen(&object, wishes.to_vec(), StatusTerms::default());
        };
        bench.targets["east"].create(&resource, &body).await;
        let (east, west): (Arc<str>, Arc<str>) = ("east".into(), "west".into());
        for target in [&east, &west] {
            bench.board().target_list_started(target, &resource.gvr);
        }
        bench.report("east", &resource, "web", &ready(5)).await;
        bench.board().target_listed(&east, &resource.gvr);
        show(Newcomer::KeptOut);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(bench.writes(), 0, "west may hold it: nobody knows yet (S5)");

        bench.board().target_listed(&west, &resource.gvr);
        let status = bench
            .until("what east reports", "web", |status| status["observedGeneration"] == 1)
            .await;
        assert_eq!(status["readyReplicas"], 5);
        assert_eq!(conditions(&status)["workload.kcp.io/Synced"], ["True", "Synced"]);
        assert!(!status.to_string().contains("west"), "{status}");

        // What a cordoned target keeps it reports.
        bench.targets["west"].create(&resource, &body).await;
        bench.report("west", &resource, "web", &ready(3)).await;
        bench
            .until("both of them", "web", |status| status["readyReplicas"] == 8)
            .await;
    });
}

#[test]
fn a_copy_of_the_object_that_had_the_name_before_says_nothing_of_the_new_one() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        let body = deployment("web");
        bench.targets["east"].create(&deployments(), &body).await;
        bench.targets["east"]
            .patch_status(&deployments(), "web", &ready(5))
            .await;
        bench.upstream.create(&deployments(), &body).await;
        let copy = bench.targets["east"].get(&deployments(), "web").await.unwrap();
        let east: Arc<str> = "east".into();
        bench
            .board()
            .target_seen(&east, &key("web"), &copy, Some(HASH), "the UID before");
        bench.list(&deployments());
        bench.show_upstream(&deployments(), "web").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(bench.status(&deployments(), "web").await.get("readyReplicas"), None);
    });
}

#[test]
fn what_is_gone_on_both_sides_is_forgotten() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        bench.board().upstream_gone(&key("web"));
        let east: Arc<str> = "east".into();
        bench.board().target_gone(&east, &key("web"));
        assert_eq!(bench.board().len(), 0);
        let requests = bench.upstream.requests();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(bench.upstream.requests(), requests);
    });
}

#[test]
fn a_copy_that_a_complete_list_did_not_have_does_not_count() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        let west: Arc<str> = "west".into();
        bench.board().target_list_started(&west, &deployments().gvr);
        bench.board().target_listed(&west, &deployments().gvr);
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
    });
}

#[test]
fn what_keeps_an_object_from_being_synced_is_said_and_taken_back() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        let west: Arc<str> = "west".into();
        let problem = syncer_core::status::Problem {
            reason: "NameTaken".into(),
            message: "another object has the name".into(),
        };
        bench.board().problem(&west, &key("web"), Some(problem));
        let says = |status: &Value, words: [&str; 2]| {
            conditions(status)
                .get("workload.kcp.io/Synced")
                .is_some_and(|said| *said == words)
        };
        bench
            .until("the problem", "web", |status| says(status, ["False", "NameTaken"]))
            .await;
        bench.board().problem(&west, &key("web"), None);
        bench
            .until("its end", "web", |status| says(status, ["True", "Synced"]))
            .await;
    });
}

#[test]
fn addresses_and_endpoints_of_a_service_come_up_and_go_away() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
        bench.upstream.create(&services(), &body).await;
        for (target, ip) in [("east", "10.0.0.2"), ("west", "10.0.0.1")] {
            bench.targets[target].create(&services(), &body).await;
            let status = json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
            bench.report(target, &services(), "web", &status).await;
            bench.board().slices_listed(&target.into());
        }
        bench.list(&services());
        bench.show_upstream(&services(), "web").await;
        let addresses = |status: &Value| -> Vec<String> {
            let ingress = status["loadBalancer"]["ingress"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            ingress
                .iter()
                .map(|address| address["ip"].as_str().unwrap().to_owned())
                .collect()
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        let status = bench.status(&services(), "web").await;
        assert_eq!(addresses(&status), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(
            conditions(&status)["workload.kcp.io/EndpointsReady"],
            ["False", "NoReadyEndpoint"]
        );

        let key = bench.upstream.get(&services(), "web").await.unwrap().key().clone();
        for target in bench.targets.keys() {
            bench
                .board()
                .endpoints(target, &key, Some(Endpoints { ready: 1, total: 1 }));
        }
        bench
            .report("east", &services(), "web", &json!({"loadBalancer": {"ingress": null}}))
            .await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = bench.status(&services(), "web").await;
        assert_eq!(addresses(&status), ["10.0.0.1"]);
        assert_eq!(
            conditions(&status)["workload.kcp.io/EndpointsReady"],
            ["True", "EndpointsReady"]
        );
        assert!(
            status.to_string().contains("east: 1 of 1 ready; west: 1 of 1 ready"),
            "{status}"
        );
        for target in bench.targets.keys() {
            bench.board().endpoints(target, &key, None);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = bench.status(&services(), "web").await;
        assert_eq!(
            conditions(&status)["workload.kcp.io/EndpointsReady"],
            ["False", "NoReadyEndpoint"]
        );
    });
}

#[test]
fn an_upstream_that_was_restored_counts_though_its_versions_are_older() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        let backup = bench.upstream.get(&deployments(), "web").await.unwrap();
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let wish = Wish {
            target: "east".into(),
            hash: HASH,
            rests: None,
            newcomer: Newcomer::Welcome,
        };
        let writes = bench.writes();
        // Late news of the same list is old news.
        bench
            .board()
            .upstream_seen(&backup, vec![wish.clone()], StatusTerms::default());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(bench.writes(), writes);
        // A list that begins now shows what is there now.
        bench.board().upstream_list_started(&deployments().gvr);
        bench.board().upstream_seen(&backup, vec![wish], StatusTerms::default());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(bench.writes() > writes, "its status is missing there");
    });
}

#[test]
fn the_board_keeps_a_few_hundred_bytes_of_an_object_and_target() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": "2026-11-23T12:00:00Z", "lastUpdateTime": "2026-11-23T12:00:00Z"})
        };
        let mut status = ready(5);
        status["conditions"] = json!([
            condition(
                "Available",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability."
            ),
            condition(
                "Progressing",
                "NewReplicaSetAvailable",
                "ReplicaSet \"web-6c8f79d5b4\" has successfully progressed."
            ),
        ]);
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &status).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        bench.show_upstream(&deployments(), "web").await;
        let size = bench.board().size(&key("web"));
        println!("{size} bytes of a Deployment on two targets");
        assert!(size < 2 * 700, "{size}");
    });
}

#[test]
fn a_copy_that_is_paused_on_its_target_is_told_upstream() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        let pause = |paused: &Value| json!({"metadata": {"annotations": {"workload.kcp.io/paused": paused}}});
        let synced = |status: &Value| conditions(status).get("workload.kcp.io/Synced").cloned();
        bench.targets["west"]
            .patch(&deployments(), "web", &pause(&json!("true")))
            .await;
        bench.show("west", &deployments(), "web", HASH).await;
        let status = bench
            .until("the pause", "web", |status| {
                synced(status).is_some_and(|words| words == ["False", "Paused"])
            })
            .await;
        assert!(status.to_string().contains("west: nothing is written"), "{status}");
        bench.targets["west"]
            .patch(&deployments(), "web", &pause(&Value::Null))
            .await;
        bench.show("west", &deployments(), "web", HASH).await;
        bench
            .until("the end of it", "web", |status| {
                synced(status).is_some_and(|words| words == ["True", "Synced"])
            })
            .await;
    });
}
