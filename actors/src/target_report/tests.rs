use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;
use syncer_core::{Gvr, LogicalCluster, ObjectKey};

use super::*;

fn east() -> Arc<str> {
    "east".into()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn object(name: &str) -> ObjectKey {
    ObjectKey {
        cluster: LogicalCluster::plain(),
        gvr: Gvr::new("", "v1", "configmaps"),
        namespace: "default".into(),
        name: name.into(),
    }
}

fn resource(name: &str, state: ServedState) -> SyncedResource {
    SyncedResource {
        group: "".into(),
        resource: name.into(),
        versions: vec!["v1".into()],
        state,
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_people_are_to_hear_of_wakes_and_a_heartbeat_alone_does_not() {
    let reports = TargetReports::default();
    let woken = || {
        let reports = reports.clone();
        async move {
            tokio::time::timeout(Duration::from_millis(1), reports.urgent())
                .await
                .is_ok()
        }
    };
    reports.heartbeat(&east(), at(1), "v1.37.0");
    assert!(woken().await, "reached for the first time");
    reports.heartbeat(&east(), at(21), "v1.37.0");
    reports.objects(&east(), ObjectCounts::default());
    assert!(!woken().await, "nothing new");
    reports.reach(
        &east(),
        Reach::Unreachable {
            cause: "no route".into(),
        },
    );
    assert!(woken().await, "lost");
    reports.reach(
        &east(),
        Reach::Unreachable {
            cause: "refused".into(),
        },
    );
    assert!(!woken().await, "lost for another reason");
    reports.held(&east(), [("web".into(), 12)].into());
    assert!(woken().await, "held");
    reports.refused(&east(), "secrets", "forbidden");
    assert!(woken().await, "not allowed");
    reports.allowed(&east(), "configmaps");
    assert!(!woken().await, "another resource");
    reports.allowed(&east(), "secrets");
    assert!(woken().await, "allowed");
    assert!(reports.urgent().now_or_never().is_none());
}

#[test]
fn a_resource_is_accepted_once_it_is_listed() {
    let reports = TargetReports::default();
    let (maps, widgets) = (Gvr::new("", "v1", "configmaps"), Gvr::new("", "v1", "widgets"));
    reports.resources(
        &east(),
        vec![
            resource("configmaps", ServedState::Pending),
            resource("secrets", ServedState::Pending),
            resource("widgets", ServedState::Incompatible),
        ],
    );
    reports.resource_listed(&east(), &maps);
    reports.resource_listed(&east(), &widgets);
    assert_eq!(reports.get("east").unwrap().listed, Listed::Not);
    reports.resource_listed(&east(), &Gvr::new("", "v1", "secrets"));
    let report = reports.get("east").unwrap();
    assert_eq!(report.listed, Listed::Whole);
    assert_eq!(report.resources[0].state, ServedState::Accepted);
}

#[test]
fn what_was_left_behind_is_counted_and_at_most_a_hundred_are_named() {
    let reports = TargetReports::default();
    for n in 0..150 {
        reports.abandon(&east(), &object(&format!("web-{n}")));
    }
    reports.abandon(&east(), &object("web-7"));
    let abandoned = reports.abandoned("east");
    assert_eq!((abandoned.count, abandoned.objects.len()), (150, MOST_NAMED));
    assert_eq!(abandoned.named().next(), Some(object("web-0")));
    for n in 0..150 {
        reports.reclaimed(&east(), &object(&format!("web-{n}")));
    }
    reports.reclaimed(&east(), &object("other"));
    assert_eq!(reports.abandoned("east"), Abandoned::default());
}

#[test]
fn what_is_remembered_is_told_once_and_overwrites_nothing() {
    let reports = TargetReports::default();
    let remembered = Remembered {
        heartbeat: Some(at(5)),
        confirmed_deletion: "12".into(),
        abandoned: Abandoned {
            count: 1,
            objects: vec!["configmaps.v1/default/a".into()],
        },
    };
    reports.remember(&east(), remembered.clone());
    assert_eq!(&*reports.confirmed_value("east"), "12");
    assert_eq!(reports.remembered("east"), Some(remembered));
    reports.confirmed(&east(), "20");
    reports.remember(&east(), Remembered::default());
    assert_eq!(&*reports.confirmed_value("east"), "20");
    assert_eq!(reports.abandoned("east").count, 1);
    reports.forget("east");
    assert_eq!(reports.get("east"), None);
}

#[test]
fn a_target_from_before_is_uncounted_until_it_is_counted_and_a_new_one_never_is() {
    let reports = TargetReports::default();
    let [web, east, west, north]: [Arc<str>; 4] = ["web", "east", "west", "north"].map(Arc::from);
    let expect = |names: &[&Arc<str>]| reports.expect(names.iter().copied());
    let uncounted = || {
        let uncounted = reports.policy(&web).uncounted?;
        Some(uncounted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    expect(&[]);
    assert_eq!(uncounted(), None, "no rules were told yet");
    expect(&[&east, &west]);
    assert_eq!(uncounted().as_deref(), Some("east west"));
    reports.objects(&east, ObjectCounts::default());
    assert_eq!(uncounted().as_deref(), Some("west"));
    expect(&[&east, &west, &north]);
    assert_eq!(uncounted().as_deref(), Some("west"), "north had nothing before");
    let heartbeat = Some(at(5));
    reports.remember(
        &north,
        Remembered {
            heartbeat,
            ..Remembered::default()
        },
    );
    assert_eq!(uncounted().as_deref(), Some("north west"), "it had");
    expect(&[&east]);
    assert_eq!(uncounted().as_deref(), Some(""), "the others are gone");
}
