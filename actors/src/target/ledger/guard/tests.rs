use std::collections::BTreeSet;

use proptest::prelude::*;
use syncer_core::{
    LogicalCluster,
    guard::{Verdict, judge},
    marker::PayloadHash,
    plan::{Lifecycle, Newcomer, Ours, Ownership, Pause},
};

use super::*;
use crate::target::{
    After, Seen,
    ledger::{
        Complaint,
        inhabitants::{Inhabitants, Stay},
    },
};

const POLICIES: [&str; 2] = ["web", "db"];
const KINDS: [&str; 2] = ["configmaps", "services"];

fn gvr(kind: usize) -> Gvr {
    Gvr::new("", "v1", KINDS[kind % KINDS.len()])
}

/// Objects spread over both kinds and three namespaces.
fn key(number: usize) -> ObjectKey {
    let namespace = format!("ns-{}", number % 3);
    ObjectKey::new(LogicalCluster::plain(), gvr(number), &namespace, &number.to_string())
}

fn namespace(number: usize) -> ObjectKey {
    let gvr = Gvr::new("", "v1", "namespaces");
    ObjectKey::new(LogicalCluster::plain(), gvr, "", &format!("ns-{}", number % 3))
}

fn seen(number: usize, policy: &str, version: u64, lifecycle: Lifecycle, pause: Pause) -> Seen {
    Seen {
        ours: Ours {
            uid: format!("d-{number}").into(),
            origin_uid: "u".into(),
            applied: Some(PayloadHash(1)),
            ownership: Ownership::Unverified,
            lifecycle,
            pause,
        },
        resource_version: version.to_string().into(),
        fields: "{}".into(),
        others: 0,
        order: 0,
        handover: crate::target::Handover::None,
        content: 0,
        deletion: syncer_core::config::DeletionMode::Delete,
        policy: policy.into(),
    }
}

fn wanted() -> Desired {
    Desired::Wanted {
        uid: "u".into(),
        hash: PayloadHash(1),
        newcomer: Newcomer::Welcome,
    }
}

/// A ledger in which `count` objects of "web" are there and wanted.
fn holding(count: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..count {
        ledger.sight(&key(number), seen(number, "web", 1, Lifecycle::Present, Pause::Off), 1);
        ledger.unwant(&key(number), wanted(), 1);
    }
    ledger
}

fn lose(ledger: &mut Ledger, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        ledger.unwant(&key(number), Desired::Gone(Absence::NotInCompleteList), 1);
    }
}

fn judged(ledger: &mut Ledger) -> Judgement {
    ledger.guard(|_| false, |_| true, |_| false)
}

fn held(count: usize) -> BTreeMap<Arc<str>, usize> {
    [("web".into(), count)]
        .into_iter()
        .filter(|(_, held)| *held > 0)
        .collect()
}

#[test]
fn what_is_held_goes_when_a_person_confirms_and_only_that() {
    let mut ledger = holding(40);
    lose(&mut ledger, 0..25);
    let judgement = judged(&mut ledger);
    assert_eq!((judgement.held, judgement.released), (held(25), Vec::new()));
    assert!((0..25).all(|number| !ledger.queue(&key(number))));
    assert_eq!(ledger.confirm().len(), 25);
    assert_eq!(judged(&mut ledger).held, held(0));
    assert!((0..25).all(|number| ledger.queue(&key(number))));
    // The rest is judged by itself.
    lose(&mut ledger, 25..37);
    assert_eq!(judged(&mut ledger).held, held(12));
    assert_eq!(ledger.confirm().len(), 12);
}

#[test]
fn a_confirmation_outlives_the_same_word_and_ends_when_the_object_is_wanted_again() {
    let mut ledger = holding(30);
    lose(&mut ledger, 0..30);
    judged(&mut ledger);
    ledger.confirm();
    lose(&mut ledger, 0..30);
    assert_eq!(judged(&mut ledger).held, held(0), "told again");
    for number in 0..20 {
        ledger.unwant(&key(number), wanted(), 1);
    }
    lose(&mut ledger, 0..20);
    assert_eq!(judged(&mut ledger).held, held(20), "wanted meanwhile");
}

#[test]
fn what_comes_later_does_not_let_go_what_is_held() {
    let mut ledger = holding(20);
    lose(&mut ledger, 0..20);
    assert_eq!(judged(&mut ledger).held, held(20));
    for number in 20..100 {
        ledger.sight(&key(number), seen(number, "web", 1, Lifecycle::Present, Pause::Off), 1);
        ledger.unwant(&key(number), wanted(), 1);
    }
    assert_eq!(
        judged(&mut ledger).held,
        held(20),
        "twenty of a hundred, but they were all"
    );
    for number in 0..10 {
        ledger.unwant(&key(number), wanted(), 1);
    }
    let judgement = judged(&mut ledger);
    assert_eq!(
        (judgement.held, judgement.released.len()),
        (held(0), 10),
        "half of them came back"
    );
}

#[test]
fn a_namespace_that_goes_takes_its_objects_along_without_a_question() {
    let mut ledger = holding(60);
    lose(&mut ledger, 0..60);
    let judgement = ledger.guard(|_| false, |_| true, |key| *key.namespace == *"ns-0");
    assert_eq!((judgement.held, judgement.released.len()), (held(40), 20));
    assert_eq!(ledger.depart(&namespace(1)).len(), 20, "held before it was read");
    assert!(ledger.queue(&key(0)) && ledger.queue(&key(1)) && !ledger.queue(&key(2)));
    assert_eq!(judged(&mut ledger).held, held(0), "twenty of sixty");
}

#[test]
fn what_is_paused_or_on_its_way_out_is_not_held() {
    let mut ledger = holding(30);
    for number in 0..5 {
        ledger.sight(&key(number), seen(number, "web", 2, Lifecycle::Present, Pause::On), 1);
    }
    for number in 5..10 {
        ledger.sight(
            &key(number),
            seen(number, "web", 2, Lifecycle::Terminating, Pause::Off),
            1,
        );
    }
    lose(&mut ledger, 0..30);
    assert_eq!(judged(&mut ledger).held, held(20));
    assert_eq!(ledger.confirm().len(), 20);
}

#[test]
fn what_is_held_stays_held_while_lists_are_under_way() {
    let mut ledger = holding(20);
    lose(&mut ledger, 0..20);
    judged(&mut ledger);
    let judgement = ledger.guard(|_| false, |_| false, |_| false);
    assert_eq!((judgement.held, judgement.released), (held(20), Vec::new()));
    assert_eq!(judged(&mut ledger).held, held(20));
}

#[test]
fn a_deletion_that_is_doubted_is_judged_like_any_absence() {
    let mut ledger = holding(20);
    for number in 0..20 {
        ledger.unwant(&key(number), Desired::Gone(Absence::DeletionSeen), 1);
    }
    assert_eq!(judged(&mut ledger).held, held(0), "seen one by one");
    for number in 0..20 {
        ledger.doubt(&key(number));
    }
    assert_eq!(judged(&mut ledger).held, held(20));
}

/// What happens to a ledger.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Wanted(usize),
    Gone(usize, Absence),
    Sighted(usize, usize, Lifecycle, Pause),
    OutOfSight(usize),
    Disowned(usize),
    Turn(usize, bool),
    Listed(usize),
    Complete(usize, u64),
    Judged,
    Departs(usize),
    Confirmed,
}

fn happens() -> impl Strategy<Value = Happens> {
    let number = 0_usize..40;
    let absence = prop_oneof![
        Just(Absence::NotInCompleteList),
        Just(Absence::Unselected),
        Just(Absence::DeletionSeen)
    ];
    let lifecycle = prop_oneof![9 => Just(Lifecycle::Present), 1 => Just(Lifecycle::Terminating)];
    let pause = prop_oneof![9 => Just(Pause::Off), 1 => Just(Pause::On)];
    prop_oneof![
        4 => number.clone().prop_map(Happens::Wanted),
        8 => (number.clone(), absence).prop_map(|(number, absence)| Happens::Gone(number, absence)),
        8 => (number.clone(), 0_usize..2, lifecycle, pause)
            .prop_map(|(number, policy, lifecycle, pause)| Happens::Sighted(number, policy, lifecycle, pause)),
        2 => number.clone().prop_map(Happens::OutOfSight),
        1 => number.clone().prop_map(Happens::Disowned),
        3 => (number.clone(), any::<bool>()).prop_map(|(number, gone)| Happens::Turn(number, gone)),
        1 => number.clone().prop_map(Happens::Listed),
        1 => (number.clone(), 1_u64..4).prop_map(|(number, incarnation)| Happens::Complete(number, incarnation)),
        3 => Just(Happens::Judged),
        1 => number.prop_map(Happens::Departs),
        1 => Just(Happens::Confirmed),
    ]
}

fn carry_out(ledger: &mut Ledger, step: Happens, version: u64) {
    match step {
        Happens::Wanted(number) => ledger.unwant(&key(number), wanted(), 1),
        Happens::Gone(number, absence) => ledger.unwant(&key(number), Desired::Gone(absence), 1),
        Happens::Sighted(number, policy, lifecycle, pause) => {
            let policy = POLICIES.get(policy).copied().unwrap_or_default();
            ledger.sight(&key(number), seen(number, policy, version, lifecycle, pause), version);
        }
        Happens::OutOfSight(number) => ledger.out_of_sight(&key(number), &format!("d-{number}"), "99"),
        Happens::Disowned(number) => {
            ledger.disowned(&format!("d-{number}"));
        }
        Happens::Turn(number, gone) => {
            if ledger.queue(&key(number)) && ledger.begin(&key(number)).is_some() {
                if gone {
                    ledger.learn(&key(number), After::Absent);
                    ledger.succeeded(&key(number));
                } else {
                    ledger.failed(&key(number), Complaint::Failed);
                }
            }
        }
        Happens::Listed(number) => ledger.listed(&gvr(number), version.saturating_sub(20)),
        Happens::Complete(number, incarnation) => {
            ledger.complete(&gvr(number), incarnation, Absence::NotInCompleteList);
        }
        Happens::Judged => {
            judged(ledger);
        }
        Happens::Departs(number) => {
            ledger.depart(&namespace(number));
        }
        Happens::Confirmed => {
            ledger.confirm();
        }
    }
}

/// What the guard counts, by a walk over all records: kinds, and what is missing by how it was judged.
type Walked = BTreeMap<Arc<str>, (BTreeSet<Gvr>, usize, [BTreeSet<ObjectKey>; 3])>;

fn walk(ledger: &Ledger) -> Walked {
    let mut walked = Walked::new();
    for (key, record) in &ledger.records {
        let Live::Ours(ours) = &record.live else { continue };
        let missing = matches!(
            record.desired,
            Desired::Gone(Absence::NotInCompleteList | Absence::Unselected)
        ) && ours.pause == Pause::Off;
        if ours.lifecycle == Lifecycle::Terminating || (missing && record.admission == Admission::Confirmed) {
            continue;
        }
        let (kinds, all, [unjudged, held, admitted]) = walked.entry(record.policy.clone()).or_default();
        kinds.insert(key.gvr.clone());
        *all += 1;
        if missing {
            let set = match record.admission {
                Admission::Unjudged => unjudged,
                Admission::Held => held,
                Admission::Admitted | Admission::Confirmed => admitted,
            };
            set.insert(key.clone());
        }
    }
    walked
}

fn counted(ledger: &Ledger) -> Walked {
    let shares = ledger.records.tally().shares();
    let counted = shares.map(|(policy, share)| {
        let missing = [
            share.unjudged().cloned().collect(),
            share.held().cloned().collect(),
            share.admitted().cloned().collect(),
        ];
        (policy.clone(), (share.kinds().cloned().collect(), share.all(), missing))
    });
    counted.collect()
}

/// What keeps `namespace`, by a walk over all records.
fn keepers(ledger: &Ledger, namespace: &ObjectKey) -> Option<Inhabitants> {
    let inside = |key: &ObjectKey| key.home().as_ref() == Some(namespace);
    let stays: BTreeMap<_, _> = (ledger.records.iter())
        .filter(|(key, _)| inside(key))
        .filter_map(|(key, record)| Some((key, record.stay()?)))
        .collect();
    let mut remaining = stays.iter().filter(|(_, stay)| **stay == Stay::Remains);
    match remaining.next() {
        Some((key, _)) => Some(Inhabitants::Remaining((*key).clone())),
        None => (!stays.is_empty()).then_some(Inhabitants::Leaving),
    }
}

proptest! {
    /// Whatever happens, the counts are those of a walk over all records, and so is what keeps a namespace; and after each judgement no more of a policy may go than
    /// the guard admits.
    #[test]
    fn the_counts_are_those_of_a_walk(steps in prop::collection::vec(happens(), 0..200)) {
        let mut ledger = Ledger::default();
        for (version, step) in (1..).zip(steps) {
            let judges = matches!(step, Happens::Judged);
            carry_out(&mut ledger, step, version);
            let walked = walk(&ledger);
            prop_assert_eq!(&counted(&ledger), &walked);
            for namespace in (0..3).map(namespace) {
                prop_assert_eq!(ledger.inhabitants(&namespace), keepers(&ledger, &namespace));
            }
            for (_, all, [unjudged, held, admitted]) in walked.values().filter(|_| judges) {
                prop_assert!(unjudged.is_empty());
                prop_assert!(held.is_empty() || admitted.is_empty());
                prop_assert_eq!(judge(admitted.len(), *all), Verdict::Admitted);
            }
        }
    }
}
