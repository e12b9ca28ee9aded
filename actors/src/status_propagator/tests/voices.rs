//! Targets that are not heard.

use super::*;

const REPORTING: &str = "workload.kcp.io/TargetsReporting";

fn says(status: &Value, words: [&str; 2]) -> bool {
    conditions(status).get(REPORTING).is_some_and(|said| *said == words)
}

#[test]
fn after_a_start_nothing_is_written_until_every_target_has_spoken() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        // Killed and started while west is down.
        bench.start_anew();
        let east: Arc<str> = "east".into();
        bench.show_upstream(&deployments(), "web").await;
        bench.show("east", &deployments(), "web", HASH).await;
        bench.board().target_listed(&east, &deployments().gvr);
        let requests = bench.upstream.requests();
        for _ in 0..28 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(bench.status(&deployments(), "web").await["readyReplicas"], 10);
        }
        assert_eq!(bench.upstream.requests(), requests);
        // Its time is over: it is left out, and the status says so.
        tokio::time::sleep(Duration::from_secs(40)).await;
        let status = bench.status(&deployments(), "web").await;
        assert_eq!(status["readyReplicas"], 5);
        assert!(says(&status, ["False", "TargetLeftOut"]), "{status}");
        // It comes back, and nobody edits anything.
        let west: Arc<str> = "west".into();
        bench.show("west", &deployments(), "web", HASH).await;
        bench.board().target_listed(&west, &deployments().gvr);
        bench
            .until("ten ready again", "web", |status| status["readyReplicas"] == 10)
            .await;
    });
}

#[test]
fn a_stored_heartbeat_shortens_the_wait_for_a_target_that_died_before_the_start() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.deploy("web").await;
        bench.start_anew();
        let east: Arc<str> = "east".into();
        let started: jiff::Timestamp = (start_time() + Duration::from_hours(1)).try_into().unwrap();
        let heartbeat = started - Duration::from_mins(4);
        bench.board().target_remembered(&"west".into(), heartbeat);
        bench.show_upstream(&deployments(), "web").await;
        bench.show("east", &deployments(), "web", HASH).await;
        bench.board().target_listed(&east, &deployments().gvr);
        tokio::time::sleep(Duration::from_secs(55)).await;
        assert_eq!(bench.writes(), 0);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(says(
            &bench.status(&deployments(), "web").await,
            ["False", "TargetLeftOut"]
        ));
    });
}

#[test]
fn after_a_long_absence_of_ours_no_target_is_left_out_before_it_had_a_chance_to_be_heard() {
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
        let writes = bench.writes();
        let started: jiff::Timestamp = (start_time() + Duration::from_hours(1)).try_into().unwrap();
        let [east, west]: [Arc<str>; 2] = ["east".into(), "west".into()];
        for target in [&east, &west] {
            bench
                .board()
                .target_remembered(target, started - Duration::from_mins(50));
        }
        bench.show_upstream(&deployments(), "web").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.show("east", &deployments(), "web", HASH).await;
        bench.board().target_listed(&east, &deployments().gvr);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(bench.writes(), writes, "no partial sum");
        // West had its chance, and was last heard long ago.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let status = bench.status(&deployments(), "web").await;
        assert_eq!(status["readyReplicas"], 5);
        assert!(says(&status, ["False", "TargetLeftOut"]), "{status}");
    });
}

#[test]
fn a_target_that_dies_keeps_its_part_is_marked_and_left_out_in_the_end() {
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
        bench.board().target_lost(&west);
        let marked = bench
            .until("the mark", "web", |status| says(status, ["False", "TargetSilent"]))
            .await;
        assert_eq!(marked["readyReplicas"], 10);
        let left_out = bench
            .until("the end of its time", "web", |status| {
                says(status, ["False", "TargetLeftOut"])
            })
            .await;
        assert_eq!(left_out["readyReplicas"], 5);
        let writes = bench.writes();
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(bench.writes(), writes, "nothing changes while it is away");
        bench.board().target_reached(&west);
        let back = bench
            .until("its return", "web", |status| says(status, ["True", "AllReporting"]))
            .await;
        assert_eq!(back["readyReplicas"], 10);
    });
}

#[test]
fn an_api_server_that_restarts_costs_no_write() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench
            .until("a first status", "web", |status| !status["conditions"].is_null())
            .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let writes = bench.writes();
        let west: Arc<str> = "west".into();
        for _ in 0..20 {
            bench.board().target_lost(&west);
            tokio::time::sleep(Duration::from_secs(8)).await;
            bench.board().target_reached(&west);
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        assert_eq!(bench.writes(), writes);
    });
}

#[test]
fn a_target_that_is_removed_does_not_count_any_more() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        bench.board().target_removed(&"west".into());
        bench.targets.remove("west");
        bench.show_upstream(&deployments(), "web").await;
        let status = bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        assert!(says(&status, ["True", "AllReporting"]), "{status}");
    });
}

#[test]
fn a_target_that_is_added_later_is_waited_for_from_then_on() {
    simulate(&["east"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        bench.report("east", &deployments(), "web", &ready(5)).await;
        bench
            .until("five ready", "web", |status| status["readyReplicas"] == 5)
            .await;
        // Long after the start: its time does not begin there.
        tokio::time::sleep(Duration::from_hours(1)).await;
        bench.targets.insert("west".into(), Side::new("west"));
        bench.show_upstream(&deployments(), "web").await;
        tokio::time::sleep(Duration::from_mins(4)).await;
        assert!(says(
            &bench.status(&deployments(), "web").await,
            ["True", "AllReporting"]
        ));
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert!(says(
            &bench.status(&deployments(), "web").await,
            ["False", "TargetLeftOut"]
        ));
    });
}

#[test]
fn a_target_that_is_connected_anew_leaves_no_gap_in_the_sum() {
    simulate(&["east", "west"], |mut bench| async move {
        bench.start();
        bench.deploy("web").await;
        for target in ["east", "west"] {
            bench.report(target, &deployments(), "web", &ready(5)).await;
        }
        bench
            .until("ten ready", "web", |status| status["readyReplicas"] == 10)
            .await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        let west: Arc<str> = "west".into();
        bench.board().target_removed(&west);
        // What was stored before our start is long over.
        let stored: jiff::Timestamp = start_time().try_into().unwrap();
        bench.board().target_remembered(&west, stored);
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(bench.status(&deployments(), "web").await["readyReplicas"], 10);
        }
        bench.show("west", &deployments(), "web", HASH).await;
        bench.board().target_listed(&west, &deployments().gvr);
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(bench.status(&deployments(), "web").await["readyReplicas"], 10);
    });
}

/// The first list of a target's endpoints may come later than that of its Services; what stands upstream is not taken back meanwhile (S5).
#[test]
fn nothing_is_said_of_a_service_before_the_endpoints_of_every_target_are_listed() {
    for word in [StatusBoard::slices_listed, StatusBoard::slices_withheld] {
        simulate(&["east", "west"], move |mut bench| async move {
            bench.start();
            let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
            bench.upstream.create(&services(), &body).await;
            for target in ["east", "west"] {
                bench.board().slices_awaited(&target.into());
                bench.targets[target].create(&services(), &body).await;
                bench
                    .report(target, &services(), "web", &json!({"loadBalancer": {}}))
                    .await;
            }
            bench.list(&services());
            bench.show_upstream(&services(), "web").await;
            bench.board().slices_listed(&"east".into());
            tokio::time::sleep(Duration::from_secs(20)).await;
            assert_eq!(bench.writes(), 0, "west has not said what endpoints it has");
            word(bench.board(), &"west".into());
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(bench.writes(), 1);
        });
    }
}
