use std::time::{Duration, SystemTime};

use syncer_core::{
    Gvr, LogicalCluster,
    config::ConfigDuration,
    conflict::{ApplyNeed, LeafHasher, LeafKind, LeafPath, Said, Why, leaf_id},
    field_path::FieldPath,
};

use super::*;

const RULE: FightRule = FightRule {
    threshold: 3,
    window: ConfigDuration(Duration::from_mins(5)),
};

fn verdict(manager: &str, winner: Winner) -> Verdict {
    let path = FieldPath::of_fields(["spec", "replicas"]);
    Verdict {
        leaf: leaf_id(LeafHasher::Plain, &path),
        path: LeafPath {
            path,
            kind: LeafKind::Value,
        },
        upstream: Said::default(),
        downstream: Said {
            manager: Some(manager.into()),
            ..Said::default()
        },
        winner,
        why: Why::OnlyDownstream,
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(
        LogicalCluster::plain(),
        Gvr::new("apps", "v1", "deployments"),
        "default",
        name,
    )
}

#[test]
fn the_third_revert_against_one_manager_is_a_fight_until_the_policy_changes() {
    let (arbiter, key, target) = (Docket::default(), key("web"), Arc::from("east"));
    let party = Party {
        key: &key,
        target: &target,
        shape: 1,
    };
    let revert = [verdict("kube-controller-manager", Winner::Upstream)];
    assert_eq!(arbiter.carried_out(party, &revert, Moment(0), RULE), []);
    assert_eq!(arbiter.carried_out(party, &revert, Moment(1), RULE), []);
    let noticed = arbiter.carried_out(party, &revert, Moment(2), RULE);
    assert_eq!(
        noticed,
        [Noticed {
            path: "spec.replicas".to_owned(),
            manager: "kube-controller-manager".into(),
            rivals: Vec::new(),
            until: Moment(300_002),
        }]
    );
    assert!(matches!(arbiter.resting(party, Moment(3)), Resting::Leaves(leaves) if leaves.len() == 1));
    assert_eq!(arbiter.next_end(party, Moment(3)), Some(Moment(300_002)));
    assert!(arbiter.resting(party, Moment(300_002)).is_empty(), "tried again later");
    let west = Arc::from("west");
    assert!(arbiter.resting(Party { target: &west, ..party }, Moment(3)).is_empty());
    // A rule of the policy gives the field to the target.
    assert!(arbiter.resting(Party { shape: 2, ..party }, Moment(3)).is_empty());
}

#[test]
fn write_backs_of_all_targets_are_seen_together() {
    let (arbiter, key) = (Docket::default(), key("web"));
    let targets: [Arc<str>; 2] = ["east".into(), "west".into()];
    let written = [verdict("autoscaler", Winner::WrittenBack)];
    let mut noticed = Vec::new();
    for round in 0..3 {
        let target = &targets[usize::try_from(round % 2).unwrap()];
        let party = Party {
            key: &key,
            target,
            shape: 1,
        };
        noticed = arbiter.carried_out(party, &written, Moment(round), RULE);
    }
    assert_eq!(noticed.len(), 1);
    for target in &targets {
        let party = Party {
            key: &key,
            target,
            shape: 1,
        };
        assert!(matches!(arbiter.resting(party, Moment(9)), Resting::Leaves(leaves) if leaves.len() == 1));
    }
}

#[test]
fn a_target_that_nobody_opposes_does_not_fight_and_rivals_are_named() {
    let (docket, key) = (Docket::default(), key("web"));
    let targets: [Arc<str>; 2] = ["east".into(), "west".into()];
    let written = |manager: &str, from: &str| {
        let mut verdict = verdict(manager, Winner::WrittenBack);
        verdict.upstream.target = Some(from.into());
        [verdict]
    };
    let party = |target: usize| Party {
        key: &key,
        target: &targets[target],
        shape: 1,
    };
    for round in 0..9 {
        let noticed = docket.carried_out(party(0), &written("autoscaler", "east"), Moment(round), RULE);
        assert_eq!(noticed, [], "it goes on from its own last value");
    }
    let mut noticed = Vec::new();
    for round in 10..13 {
        noticed.extend(docket.carried_out(party(1), &written("other", "east"), Moment(round), RULE));
        noticed.extend(docket.carried_out(party(0), &written("autoscaler", "west"), Moment(round), RULE));
    }
    let note = noticed[0].note("west");
    assert!(
        note.contains("other changes spec.replicas again and again, and so does autoscaler:"),
        "{note}"
    );
}

#[test]
fn what_is_decided_again_just_so_is_no_news() {
    let (arbiter, key, target) = (Docket::default(), key("web"), Arc::from("east"));
    let party = Party {
        key: &key,
        target: &target,
        shape: 1,
    };
    let kept = [verdict("bob", Winner::Downstream)];
    assert_eq!(arbiter.record(party, &kept).len(), 1);
    assert_eq!(arbiter.record(party, &kept).len(), 0);
    assert_eq!(arbiter.record(party, &[verdict("eve", Winner::Downstream)]).len(), 1);
}

/// Each edit that is kept has a verdict of its own, also one that brings a value back.
#[test]
fn the_next_edit_of_what_is_kept_is_news() {
    let (docket, key, target) = (Docket::default(), key("web"), Arc::from("east"));
    let party = Party {
        key: &key,
        target: &target,
        shape: 1,
    };
    let kept = |value: &str| {
        let mut verdict = verdict("bob", Winner::Downstream);
        verdict.downstream.value = Some(value.into());
        [verdict]
    };
    for (verdicts, news) in [(kept("7"), 1), (kept("7"), 0), (kept("8"), 1), (kept("7"), 1)] {
        assert_eq!(docket.record(party, &verdicts).len(), news);
        assert!(docket.has_decided(party));
    }
    assert_eq!(docket.record(party, &[]).len(), 0, "as the upstream has it");
    assert!(!docket.has_decided(party));
    assert_eq!(docket.record(party, &kept("7")).len(), 1);
}

#[test]
fn who_fights_over_a_field_is_known_as_long_as_it_rests() {
    let (docket, key) = (Docket::default(), key("web"));
    let targets: [Arc<str>; 2] = ["east".into(), "west".into()];
    let party = |target: usize| Party {
        key: &key,
        target: &targets[target],
        shape: 1,
    };
    for round in 0..2 {
        docket.carried_out(
            party(0),
            &[verdict("autoscaler", Winner::WrittenBack)],
            Moment(round),
            RULE,
        );
        docket.carried_out(party(1), &[verdict("other", Winner::WrittenBack)], Moment(round), RULE);
    }
    docket.carried_out(party(0), &[verdict("bob", Winner::Upstream)], Moment(3), RULE);
    let leaf = verdict("bob", Winner::Upstream).leaf;
    assert_eq!(
        docket.rivals(party(0), leaf),
        ["autoscaler".into(), "bob".into(), "other".into()]
    );
    assert_eq!(
        docket.rivals(party(1), leaf),
        ["autoscaler".into(), "other".into()],
        "a revert is one target's"
    );
}

#[test]
fn what_rests_is_told_with_fields_and_managers() {
    let fight = |path: &str, manager: &str, rivals: &[&str], until: i64| Noticed {
        path: path.to_owned(),
        manager: manager.into(),
        rivals: rivals.iter().map(|rival| (*rival).into()).collect(),
        until: Moment(until),
    };
    let two = [
        fight("spec.replicas", "hpa", &["vpa"], 2_000),
        fight("spec.paused", "", &[], 1_000),
    ];
    assert_eq!(
        Noticed::notes(&two, "east"),
        "target east: hpa changes spec.replicas again and again, and so does vpa; somebody changes spec.paused again and again: they are left alone \
         until 1970-01-01T00:00:01Z; give each field to one side in the policy (conflict.fields)"
    );
    let many: Vec<_> = (0..20)
        .map(|n| fight(&format!("data.{n}"), "bob", &[], 1_000))
        .collect();
    let note = Noticed::notes(&many, "east");
    assert!(
        note.contains("data.7 again and again; and 12 more: they are left alone"),
        "{note}"
    );
}

#[test]
fn there_is_an_end_to_the_objects_that_are_remembered() {
    let (arbiter, target) = (Docket::default(), Arc::from("east"));
    for name in 0..2 * MOST_OBJECTS {
        let key = key(&name.to_string());
        arbiter.record(
            Party {
                key: &key,
                target: &target,
                shape: 1,
            },
            &[verdict("bob", Winner::Downstream)],
        );
    }
    assert!(arbiter.cases.len() <= MOST_OBJECTS);
}

#[test]
fn the_first_look_after_a_gap_finds_what_was_written_before_it_and_the_next_ones_see_it_come() {
    let (docket, key, target) = (Docket::default(), key("web"), Arc::from("east"));
    docket.begin(&Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_millis(5_700)));
    let party = Party {
        key: &key,
        target: &target,
        shape: 1,
    };
    let clock = |offset| SideClock { offset, uncertainty: 0 };
    let clocks = Clocks {
        now: Moment(9_000),
        upstream: clock(0),
        downstream: clock(300_000),
    };
    let look = || {
        let mut sights = None;
        docket.decide(party, clocks, |memory| {
            sights = Some((memory.upstream.sight, memory.downstream.sight));
            nothing()
        });
        sights.unwrap()
    };
    let unknown = (Sight::AfterGap(Moment(i64::MAX)), Sight::AfterGap(Moment(i64::MAX)));
    assert_eq!(look(), unknown, "nothing was listed yet");
    docket.gap(None);
    docket.gap(Some(&target));
    // In whole seconds, as servers write them, and on the clock of each.
    let found = (Sight::AfterGap(Moment(5_000)), Sight::AfterGap(Moment(305_000)));
    assert_eq!(look(), found);
    assert_eq!(look(), (Sight::Watched, Sight::Watched));
    docket.gap(Some(&Arc::from("west")));
    assert_eq!(look(), (Sight::Watched, Sight::Watched), "another target's gap");
    docket.gap(Some(&target));
    assert_eq!(look(), (Sight::Watched, Sight::AfterGap(Moment(305_000))));
}

fn nothing() -> Decision {
    Decision {
        hand_over: Vec::new(),
        keep_handed_over: None,
        removals: Vec::new(),
        base_without: None,
        claim: serde_json::Value::Null,
        base: None,
        apply: ApplyNeed::None,
        write_back: Vec::new(),
        verdicts: Vec::new(),
        fallback: None,
    }
}
