//! What is counted is shown, under the names that dashboards use.

use prometheus_client::encoding::text::encode;

use prometheus_client::registry::Registry;

use super::*;

fn shown(metrics: &Metrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

fn assert_shows(metrics: &Metrics, lines: &[&str]) {
    let text = shown(metrics);
    for line in lines {
        assert!(
            text.lines().any(|shown| shown.starts_with(line)),
            "{line} is not in {text}"
        );
    }
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = Metrics::default();
    metrics.body_reads.inc();
    metrics.reached(&"east".into());
    metrics.lost(&"west".into());
    metrics.upstream_clock(0.5);
    metrics.target_clock(&"east".into(), -300.25);
    metrics.wrote(WriteSide::Downstream, WriteVerb::Apply, WriteResult::Ok);
    metrics.conflict(Strategy::LastWriteWins, Verdict::WrittenBack);
    metrics.drifted(&"east".into(), DriftAction::Reverted);
    metrics.propagated(Direction::Down, Stage::Applied, Duration::from_millis(3));
    metrics.status_lagged(Duration::from_millis(3));
    metrics.status_contended();
    metrics.event_written(WriteVerb::Create);
    metrics.event_lost(EventLoss::Crowded, 3);
    assert_shows(
        &metrics,
        &[
            "tmc_syncer_body_reads_total 1",
            "tmc_syncer_target_reachable{target=\"east\"} 1",
            "tmc_syncer_target_reachable{target=\"west\"} 0",
            "tmc_syncer_clock_offset_seconds{side=\"upstream\",target=\"\"} 0.5",
            "tmc_syncer_clock_offset_seconds{side=\"downstream\",target=\"east\"} -300.25",
            "tmc_syncer_writes_total{side=\"downstream\",verb=\"apply\",result=\"ok\"} 1",
            "tmc_syncer_conflicts_total{strategy=\"last_write_wins\",verdict=\"written_back\"} 1",
            "tmc_syncer_drift_total{target=\"east\",action=\"reverted\"} 1",
            "tmc_syncer_propagation_duration_seconds_count{direction=\"down\",stage=\"applied\"} 1",
            "tmc_syncer_propagation_duration_seconds_bucket{le=\"0.004\",direction=\"down\",stage=\"applied\"} 1",
            "tmc_syncer_status_lag_seconds_count 1",
            "tmc_syncer_status_contended_total 1",
            "tmc_syncer_events_total{verb=\"create\"} 1",
            "tmc_syncer_events_lost_total{cause=\"crowded\"} 3",
        ],
    );
}

#[test]
fn a_targets_objects_are_shown_in_every_state() {
    let metrics = Metrics::default();
    let east = "east".into();
    let states = [
        ObjectState::Synced,
        ObjectState::Synced,
        ObjectState::Failed,
        ObjectState::Held,
    ];
    metrics.objects(&east, &states.into_iter().collect());
    metrics.objects(&east, &states[1..].iter().copied().collect());
    assert_shows(
        &metrics,
        &[
            "tmc_syncer_objects{target=\"east\",state=\"desired\"} 2",
            "tmc_syncer_objects{target=\"east\",state=\"synced\"} 1",
            "tmc_syncer_objects{target=\"east\",state=\"pending\"} 0",
            "tmc_syncer_objects{target=\"east\",state=\"failed\"} 1",
            "tmc_syncer_objects{target=\"east\",state=\"conflicted\"} 0",
            "tmc_syncer_objects{target=\"east\",state=\"unknown\"} 0",
            "tmc_syncer_objects{target=\"east\",state=\"held\"} 1",
            "tmc_syncer_objects{target=\"east\",state=\"paused\"} 0",
        ],
    );
}

#[test]
fn a_queue_is_shown_as_dashboards_know_it() {
    let metrics = Metrics::default();
    let queue = metrics.queue(&"east".into());
    for _ in 0..3 {
        queue.added();
    }
    queue.begun(Duration::from_millis(1));
    queue.withdrawn();
    queue.done(Duration::from_millis(2));
    metrics.queue(&"east".into()).retried();
    assert_shows(
        &metrics,
        &[
            "workqueue_depth{name=\"east\"} 1",
            "workqueue_adds_total{name=\"east\"} 3",
            "workqueue_queue_duration_seconds_count{name=\"east\"} 1",
            "workqueue_work_duration_seconds_count{name=\"east\"} 1",
            "workqueue_retries_total{name=\"east\"} 1",
        ],
    );
    queue.emptied();
    assert_shows(&metrics, &["workqueue_depth{name=\"east\"} 0"]);
}

#[test]
fn nothing_is_shown_of_a_target_that_is_gone() {
    let metrics = Metrics::default();
    let (east, west) = ("east".into(), "west".into());
    for target in [&east, &west] {
        metrics.reached(target);
        metrics.objects(target, &ObjectCounts::default());
        metrics.drifted(target, DriftAction::Recreated);
        metrics.queue(target).added();
    }
    metrics.forget_target(&east);
    let text = shown(&metrics);
    assert!(!text.contains("east"), "{text}");
    assert!(text.contains("west"), "{text}");
}
