use super::*;
use crate::{condition::known, object_state::ObjectState};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A target with which all is well.
fn well() -> Facts {
    Facts {
        standing: Standing::Used,
        generation: 2,
        reach: Reach::Reached,
        refusals: Vec::new(),
        heartbeat: Some(at(1000)),
        is_listed: true,
        resources: vec![json!({"group": "", "resource": "configmaps", "versions": ["v1"], "state": "Accepted"})],
        objects: Some(ObjectCounts::from_iter([ObjectState::Synced, ObjectState::Synced])),
        held: Vec::new(),
        confirmed_deletion: String::new(),
        abandoned: (0, Vec::new()),
        kubernetes_version: "v1.37.0".to_owned(),
    }
}

fn said(facts: &Facts, kind: &str, now: i64) -> (String, String, String) {
    let status = status(facts, &Value::Null, at(now));
    let condition = known(&status, kind).unwrap();
    let text = |name: &str| {
        condition
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (text("status"), text("severity"), text("reason"))
}

fn expect(facts: &Facts, kind: &str, expected: (&str, &str, &str)) {
    let (status, severity, reason) = said(facts, kind, 1001);
    assert_eq!((&*status, &*severity, &*reason), expected, "{kind} of {facts:?}");
}

#[test]
fn a_target_with_which_all_is_well_says_so() {
    let status = status(&well(), &Value::Null, at(1001));
    let conditions = status["conditions"].as_array().unwrap();
    let kinds: Vec<_> = conditions
        .iter()
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "Ready",
            "Reachable",
            "Authorized",
            "HeartbeatHealthy",
            "Synced",
            "MassDeletionHeld"
        ]
    );
    for kind in &kinds[..5] {
        assert_eq!(known(&status, kind).unwrap()["status"], "True", "{kind}");
    }
    assert_eq!(status["lastSyncerHeartbeatTime"], "1970-01-01T00:16:40Z");
    assert_eq!(status["objects"]["desired"], 2);
    assert_eq!(status["kubernetesVersion"], "v1.37.0");
    assert_eq!(status["abandoned"], json!({"count": 0, "objects": []}));
}

#[test]
fn what_is_wrong_is_stated_with_its_severity_and_reason() {
    let objects = |state| Facts {
        objects: Some(ObjectCounts::from_iter([state])),
        ..well()
    };
    let refused = Standing::Refused {
        reason: "Invalid",
        message: "spec.a: unknown field".into(),
    };
    let held = vec![("web".to_owned(), 12), ("api".to_owned(), 20)];
    let cases = [
        (
            Facts {
                standing: refused,
                ..well()
            },
            "Ready",
            ("False", "Error", "Invalid"),
        ),
        (
            Facts {
                reach: Reach::Unreachable("no route".into()),
                ..well()
            },
            "Ready",
            ("False", "Error", "Unreachable"),
        ),
        (
            Facts {
                reach: Reach::NoKubeconfig("no such file".into()),
                ..well()
            },
            "Reachable",
            ("False", "Error", "NoKubeconfig"),
        ),
        (
            Facts {
                refusals: vec![("secrets".into(), "forbidden".into())],
                ..well()
            },
            "Authorized",
            ("False", "Error", "Refused"),
        ),
        (
            Facts {
                heartbeat: Some(at(900)),
                ..well()
            },
            "HeartbeatHealthy",
            ("False", "Error", "HeartbeatLost"),
        ),
        (
            Facts {
                heartbeat: None,
                ..well()
            },
            "Ready",
            ("Unknown", "", "NoHeartbeatYet"),
        ),
        (
            Facts {
                is_listed: false,
                ..well()
            },
            "Ready",
            ("Unknown", "", "NotTriedYet"),
        ),
        (
            Facts {
                objects: None,
                ..well()
            },
            "Synced",
            ("Unknown", "", "Listing"),
        ),
        (objects(ObjectState::Failed), "Synced", ("False", "Warning", "Failed")),
        (objects(ObjectState::Failed), "Ready", ("True", "", "InStep")),
        (
            objects(ObjectState::Conflicted),
            "Synced",
            ("False", "Warning", "Conflicted"),
        ),
        (objects(ObjectState::Pending), "Synced", ("False", "Info", "Pending")),
        (objects(ObjectState::Unknown), "Synced", ("False", "Info", "Unknown")),
        (well(), "MassDeletionHeld", ("False", "", "NothingHeld")),
        (
            Facts { held, ..well() },
            "MassDeletionHeld",
            ("True", "Warning", "Held"),
        ),
    ];
    for (facts, kind, expected) in cases {
        expect(&facts, kind, expected);
    }
}

#[test]
fn what_is_held_says_how_many_of_which_policy_and_how_to_confirm_it() {
    let facts = Facts {
        held: vec![("api".to_owned(), 20), ("web".to_owned(), 12)],
        ..well()
    };
    let status = status(&facts, &Value::Null, at(1001));
    let message = known(&status, "MassDeletionHeld").unwrap()["message"].as_str().unwrap();
    for part in [
        "32 objects",
        "20 of policy api",
        "12 of policy web",
        "confirm-deletion: \"32\"",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_is_not_learned_yet_is_not_unsaid() {
    let before = status(&well(), &Value::Null, at(1001));
    let begun = Facts {
        heartbeat: None,
        kubernetes_version: String::new(),
        resources: Vec::new(),
        objects: None,
        ..well()
    };
    let after = status(&begun, &before, at(1002));
    for field in [
        "lastSyncerHeartbeatTime",
        "kubernetesVersion",
        "syncedResources",
        "objects",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(
        status(&begun, &Value::Null, at(1002)).get("objects"),
        None,
        "nobody counted any"
    );
}

#[test]
fn a_clock_that_was_set_back_makes_no_heartbeat_old() {
    let (status, ..) = said(&well(), "HeartbeatHealthy", 10);
    assert_eq!(status, "True");
}
