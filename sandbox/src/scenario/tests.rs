use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{Fleet, FleetOptions, Hand, Reach};

fn plan(seed: u64) -> Plan {
    Plan {
        seed,
        teams: vec![Team::of_namespace("red"), Team::of_namespace("blue")],
        targets: vec!["east".into(), "west".into(), "north".into()],
        kinds: Kind::ALL.to_vec(),
        objects: 12,
        changes: 40,
        length: Duration::from_mins(1),
        chaos: Chaos::Wild,
        restarts: 1,
    }
}

fn text(script: &Script) -> String {
    serde_json::to_string(script).unwrap()
}

/// Carries out all of `script`, with nothing that syncs.
fn carried_out(script: &Script, fleet: &Fleet) {
    script.prepare(fleet).unwrap();
    for step in &script.steps {
        script
            .carry_out(step, fleet)
            .unwrap_or_else(|refused| panic!("{}: {refused}", step.act));
    }
}

#[test]
fn the_same_seed_gives_the_same_script_and_another_seed_another() {
    assert_eq!(text(&plan(7).script()), text(&plan(7).script()));
    assert_ne!(text(&plan(7).script()), text(&plan(8).script()));
}

#[test]
fn a_script_shows_everything_once_however_short_it_is() {
    let script = Plan { changes: 4, ..plan(3) }.script();
    let has = |wanted: fn(&Act) -> bool| script.steps.iter().any(|step| wanted(&step.act));
    assert!(has(|act| matches!(act, Act::Edit { .. })));
    assert!(has(|act| matches!(act, Act::Drift { .. })));
    assert!(has(|act| matches!(act, Act::Conflict { .. })));
    assert!(has(|act| matches!(act, Act::Delete { .. })));
    assert!(has(|act| matches!(act, Act::TargetDies { .. })));
    assert!(has(|act| matches!(act, Act::TargetReturns { .. })));
    let kinds: BTreeSet<_> = script
        .steps
        .iter()
        .filter_map(|step| match &step.act {
            Act::Create { object, .. } => Some(object.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds.len(), 4);
}

#[test]
fn a_calm_script_has_no_trouble_and_a_wild_one_ends_all_of_its_own() {
    let troubles = |chaos| {
        let script = Plan { chaos, ..plan(1) }.script();
        let begun = script
            .steps
            .iter()
            .filter(|step| matches!(step.act, Act::TroubleBegins { .. }));
        let ended = script
            .steps
            .iter()
            .filter(|step| matches!(step.act, Act::TroubleEnds { .. }));
        (begun.count(), ended.count())
    };
    assert_eq!(troubles(Chaos::Calm), (0, 0));
    let (begun, ended) = troubles(Chaos::Wild);
    assert!(begun > 0);
    assert_eq!(begun, ended);
}

#[test]
fn no_step_shows_the_value_of_a_secret_when_it_is_told() {
    let script = Plan {
        kinds: vec![Kind::Secret],
        ..plan(5)
    }
    .script();
    for step in &script.steps {
        assert!(!step.act.to_string().contains("password"), "{}", step.act);
    }
    // It is the base64 of these that a leak would show.
    assert!(text(&script).contains("aHVzaC"));
}

#[test]
fn the_findings_of_two_runs_are_the_same_byte_for_byte() {
    let run = |seed| {
        let script = plan(seed).script();
        let fleet = Fleet::new(&FleetOptions {
            seed: fastrand::u64(..),
            ..FleetOptions::default()
        })
        .unwrap();
        carried_out(&script, &fleet);
        findings(&script, &fleet).to_string()
    };
    let first = run(9);
    assert_eq!(first, run(9));
    assert!(first.contains("Deployment team-red/") || first.contains("Deployment team-blue/"));
}

#[test]
fn teams_may_live_in_workspaces() {
    let script = Plan {
        teams: vec![Team::of_workspace("red"), Team::of_workspace("blue")],
        changes: 0,
        ..plan(2)
    }
    .script();
    let fleet = Fleet::new(&FleetOptions {
        workspaces: vec!["red".into(), "blue".into()],
        ..FleetOptions::default()
    })
    .unwrap();
    carried_out(&script, &fleet);
    assert!(
        !Hand::at(&fleet.upstream, "test")
            .list("/clusters/root:red/api/v1/namespaces/shop/configmaps")
            .is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// No step is refused, whatever the seed, and at the end every server is well.
    #[test]
    fn every_script_can_be_carried_out(seed: u64, wild: bool) {
        let chaos = if wild { Chaos::Wild } else { Chaos::Calm };
        let script = Plan { chaos, ..plan(seed) }.script();
        let fleet = Fleet::new(&FleetOptions::default()).unwrap();
        carried_out(&script, &fleet);
        for (_, server) in &fleet.targets {
            prop_assert_eq!(server.faults().reach(), Reach::Up);
        }
        prop_assert!(script.steps.windows(2).all(|two| two[0].at <= two[1].at));
    }
}
