use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    LogicalCluster,
    config::{DeletionMode, Strategy},
    marker::PayloadHash,
    object_state::ObjectState,
    plan::{Desired, Lifecycle, Live, Newcomer, Ours, Ownership, Pause, Reason, Step},
    proof::Absence,
};

use super::{fields::told_by, *};
use crate::target::{Handover, sighting::Seen};

const FIELDS: &str = r#"{"f:data":{"f:k":{}}}"#;

fn gvr() -> Gvr {
    Gvr::new("", "v1", "configmaps")
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(LogicalCluster::plain(), gvr(), "default", name)
}

fn wanted(hash: u128) -> Desired {
    Desired::Wanted {
        uid: "u1".into(),
        hash: PayloadHash(hash),
        newcomer: Newcomer::Welcome,
    }
}

/// Our object, with what was applied, at this version.
pub(crate) fn seen(hash: u128, version: &str) -> Seen {
    Seen {
        ours: Ours {
            uid: "d1".into(),
            origin_uid: "u1".into(),
            applied: Some(PayloadHash(hash)),
            ownership: Ownership::Unverified,
            lifecycle: Lifecycle::Present,
            pause: Pause::Off,
        },
        resource_version: version.into(),
        fields: FIELDS.into(),
        others: 0,
        order: 0,
        handover: Handover::None,
        content: 0,
        deletion: DeletionMode::Delete,
        policy: "web".into(),
    }
}

/// Lets the guard judge where no namespace goes; what it holds.
fn guard(
    ledger: &mut Ledger,
    suspended: impl Fn(&str) -> bool,
    complete: impl Fn(&Gvr) -> bool,
) -> BTreeMap<Arc<str>, usize> {
    ledger.guard(suspended, complete, |_| false).held
}

/// Gives `key` its turn, if it wants one.
fn turn(ledger: &mut Ledger, key: &ObjectKey) -> Option<Step> {
    if !ledger.queue(key) {
        return None;
    }
    ledger.begin(key).map(|task| task.step)
}

fn change(reason: Reason) -> Step {
    Step::Change {
        uid: "d1".into(),
        reason,
    }
}

/// A ledger in which `web` was created and is quiet.
fn created() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.listed(&gvr(), 1);
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
    ledger.learn(&key("web"), After::Applied(seen(1, "10")));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger
}

#[test]
fn our_own_write_coming_back_is_nothing() {
    let mut ledger = created();
    ledger.sight(&key("web"), seen(1, "10"), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None);
}

#[test]
fn where_leaves_are_the_targets_an_edit_looks_at_them_first() {
    let mut ledger = created();
    // A removal by somebody on the target leaves no entry of theirs.
    ledger.learn(&key("web"), After::Decided(seen(1, "11")));
    ledger.unwant(&key("web"), wanted(2), 1);
    assert!(ledger.queue(&key("web")));
    let task = ledger.begin(&key("web")).unwrap();
    assert_eq!(task.others, Others::Wrote);
}

#[test]
fn a_status_that_moves_is_nothing() {
    let mut ledger = created();
    ledger.sight(&key("web"), seen(1, "11"), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None);
}

#[test]
fn an_echo_before_its_answer_waits_for_it() {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
    ledger.sight(&key("web"), seen(2, "11"), 1);
    assert!(!ledger.queue(&key("web")), "one write in flight at most (S6)");
    ledger.learn(&key("web"), After::Applied(seen(2, "11")));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), None);
}

/// As of an API server that was restored from a backup.
#[test]
fn what_a_later_list_shows_counts_though_its_version_is_older() {
    let mut ledger = created();
    ledger.sight(&key("web"), seen(1, "10"), 1);
    ledger.sight(&key("web"), seen(0, "4"), 2);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
    // Versions begin anew.
    ledger.learn(&key("web"), After::Applied(seen(1, "5")));
    ledger.succeeded(&key("web"));
    ledger.sight(&key("web"), seen(1, "5"), 2);
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger.sight(&key("web"), seen(0, "6"), 2);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
}

#[test]
fn a_stale_event_after_an_answer_is_passed_over() {
    let mut ledger = created();
    ledger.sight(&key("web"), seen(0, "9"), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None);
}

#[test]
fn drift_seen_during_a_write_is_looked_at_after_it() {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    turn(&mut ledger, &key("web"));
    let drifted = Seen {
        fields: "{}".into(),
        ..seen(2, "12")
    };
    ledger.sight(&key("web"), drifted, 1);
    ledger.learn(&key("web"), After::Applied(seen(2, "11")));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Verify));
    ledger.learn(&key("web"), After::Verified(Ownership::Taken));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Drifted)));
}

#[test]
fn what_is_found_after_a_restart_is_verified_once_and_not_written() {
    let mut ledger = Ledger::default();
    ledger.sight(&key("web"), seen(1, "10"), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None, "the upstream has not spoken");
    ledger.unwant(&key("web"), wanted(1), 1);
    assert!(ledger.queue(&key("web")));
    let task = ledger.begin(&key("web")).unwrap();
    assert_eq!((task.step, task.fields.as_deref()), (Step::Verify, Some(FIELDS)));
    ledger.learn(&key("web"), After::Verified(Ownership::Held));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), None);
}

#[test]
fn out_of_sight_is_no_proof_of_absence() {
    let mut ledger = created();
    ledger.out_of_sight(&key("web"), "another", "12");
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger.out_of_sight(&key("web"), "d1", "12");
    assert_eq!(
        turn(&mut ledger, &key("web")),
        Some(Step::Create),
        "which is refused where anything is"
    );
}

/// It is counted as made again then.
#[test]
fn what_somebody_took_away_is_known_as_lost_until_it_is_there_again() {
    let mut ledger = created();
    ledger.out_of_sight(&key("web"), "d1", "12");
    assert!(ledger.queue(&key("web")));
    assert_eq!(ledger.begin(&key("web")).unwrap().loss, Loss::Seen);
    ledger.learn(&key("web"), After::Applied(seen(1, "12")));
    ledger.succeeded(&key("web"));
    // While a Reconciler is at it, it may be our own doing.
    ledger.unwant(&key("web"), wanted(2), 1);
    turn(&mut ledger, &key("web"));
    ledger.out_of_sight(&key("web"), "d1", "12");
    ledger.succeeded(&key("web"));
    assert!(ledger.queue(&key("web")));
    assert_eq!(ledger.begin(&key("web")).unwrap().loss, Loss::None);
}

/// A ledger in which an edit of `web` is on its way to the target.
fn changing() -> Ledger {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
    ledger
}

/// The answer to the write that is on its way: the object at `version`. What is to be done then.
fn answered(ledger: &mut Ledger, version: &str) -> Option<Step> {
    ledger.learn(&key("web"), After::Applied(seen(2, version)));
    ledger.succeeded(&key("web"));
    turn(ledger, &key("web"))
}

#[test]
fn what_goes_between_our_write_and_its_answer_is_made_again() {
    let mut ledger = changing();
    ledger.sight(&key("web"), seen(2, "11"), 1);
    ledger.out_of_sight(&key("web"), "d1", "12");
    assert_eq!(answered(&mut ledger, "11"), Some(Step::Create));

    // The first write of all, of which the watch showed the end alone.
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
    ledger.out_of_sight(&key("web"), "d1", "12");
    assert_eq!(answered(&mut ledger, "11"), Some(Step::Create));
}

#[test]
fn what_comes_back_into_sight_before_the_answer_is_there() {
    // Our write gave it back its label.
    let mut ledger = changing();
    ledger.out_of_sight(&key("web"), "d1", "11");
    assert_eq!(answered(&mut ledger, "12"), None);
    // The watch shows it again.
    let mut ledger = changing();
    ledger.out_of_sight(&key("web"), "d1", "12");
    ledger.sight(&key("web"), seen(2, "13"), 1);
    assert_eq!(answered(&mut ledger, "11"), None);
}

#[test]
fn what_a_list_lacks_while_a_write_is_in_flight_is_looked_for_again() {
    let mut ledger = changing();
    ledger.listed(&gvr(), 2);
    assert_eq!(
        answered(&mut ledger, "11"),
        Some(Step::Create),
        "which is refused where anything is"
    );
    let mut ledger = changing();
    ledger.listed(&gvr(), 2);
    ledger.sight(&key("web"), seen(2, "11"), 2);
    assert_eq!(answered(&mut ledger, "11"), None);
}

#[test]
fn what_is_disowned_between_our_write_and_its_answer_is_somebody_elses() {
    let mut ledger = changing();
    ledger.sight(&key("web"), seen(2, "11"), 1);
    assert_eq!(ledger.disowned("d1"), Some(key("web")));
    assert_eq!(answered(&mut ledger, "11"), None, "left alone (S1)");
    assert_eq!(ledger.live(&key("web")), Some(&Live::Foreign));
}

#[test]
fn an_object_without_our_marker_is_left_alone_until_it_may_be_gone() {
    let mut ledger = created();
    assert_eq!(ledger.disowned("d1"), Some(key("web")));
    assert_eq!(ledger.disowned("d1"), None);
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None, "not even deleted (S1)");
    ledger.unwant(&key("web"), wanted(1), 1);
    ledger.due(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
}

#[test]
fn a_failure_waits_and_only_news_from_upstream_end_that() {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    turn(&mut ledger, &key("web"));
    assert_eq!(ledger.failed(&key("web"), Complaint::Failed), 1);
    assert_eq!(ledger.waiting(), [key("web")]);
    ledger.sight(&key("web"), seen(1, "12"), 1);
    assert_eq!(ledger.turn(&key("web")), Some(Turn::Waiting));
    ledger.unwant(&key("web"), wanted(3), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
    assert_eq!(ledger.failed(&key("web"), Complaint::Failed), 2);
}

#[test]
fn an_edit_that_failed_and_was_taken_back_is_mended() {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(ledger.outlook(&key("web")), Outlook::Open, "nothing failed");
    turn(&mut ledger, &key("web"));
    ledger.failed(&key("web"), Complaint::Failed);
    assert_eq!(ledger.outlook(&key("web")), Outlook::Open, "the edit still stands");
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(ledger.outlook(&key("web")), Outlook::Mended);
    ledger.succeeded(&key("web"));
    assert_eq!(ledger.outlook(&key("web")), Outlook::Open, "once");
}

/// What was read anew was applied before the watch told of it: once it has, nothing is waited for, and drift is seen again.
#[test]
fn a_wait_for_a_watch_that_was_behind_ends_with_its_word() {
    let mut ledger = created();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
    ledger.learn(&key("web"), After::Applied(seen(3, "11")));
    ledger.failed(&key("web"), Complaint::None);
    assert_eq!(ledger.outlook(&key("web")), Outlook::Open, "the watch is behind");
    ledger.unwant(&key("web"), wanted(3), 1);
    assert_eq!(ledger.outlook(&key("web")), Outlook::Idle);
    ledger.succeeded(&key("web"));
    assert_eq!(ledger.turn(&key("web")), Some(Turn::Quiet));
}

#[test]
fn what_waits_for_nothing_any_more_is_quiet_and_what_is_at_work_is_left_alone() {
    let mut ledger = created();
    ledger.failed(&key("web"), Complaint::Conflicted);
    ledger.end_wait(&key("web"));
    assert_eq!(ledger.turn(&key("web")), Some(Turn::Quiet));
    ledger.unwant(&key("web"), wanted(2), 1);
    assert!(ledger.queue(&key("web")));
    ledger.end_wait(&key("web"));
    assert_eq!(ledger.turn(&key("web")), Some(Turn::Queued));
}

#[test]
fn what_is_wrong_is_news_until_it_was_said_and_again_when_it_is_something_else() {
    let mut ledger = created();
    for (message, news) in [("held", true), ("held", false), ("not ours", true), ("held", true)] {
        ledger.failed(&key("web"), Complaint::Failed);
        assert_eq!(ledger.is_news(&key("web"), message), news, "{message}");
    }
    ledger.succeeded(&key("web"));
    assert!(ledger.is_news(&key("web"), "held"));
}

/// An object of somebody else is in the way.
fn refused() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
    ledger.learn(&key("web"), After::Foreign);
    ledger.failed(&key("web"), Complaint::Conflicted);
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger
}

#[test]
fn a_change_knows_whether_others_wrote_before_it() {
    for (others, expected) in [(0, Others::None), (7, Others::Wrote)] {
        let mut ledger = created();
        ledger.sight(
            &key("web"),
            Seen {
                others,
                ..seen(1, "11")
            },
            1,
        );
        if turn(&mut ledger, &key("web")).is_some() {
            ledger.learn(&key("web"), After::Verified(Ownership::Held));
            ledger.succeeded(&key("web"));
        }
        ledger.unwant(&key("web"), wanted(2), 1);
        assert!(ledger.queue(&key("web")));
        let task = ledger.begin(&key("web")).unwrap();
        assert_eq!((task.step, task.others), (change(Reason::Edited), expected));
    }
}

#[test]
fn news_from_upstream_try_again_where_somebody_elses_object_was() {
    let mut ledger = refused();
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
}

#[test]
fn what_was_refused_and_is_gone_upstream_is_forgotten() {
    let mut ledger = refused();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    assert_eq!(ledger.len(), 0);
}

#[test]
fn what_is_gone_on_both_sides_is_forgotten() {
    let mut ledger = created();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    let confirm = Step::ConfirmAbsence {
        absence: Absence::DeletionSeen,
        uid: "d1".into(),
    };
    assert_eq!(turn(&mut ledger, &key("web")), Some(confirm));
    ledger.learn(&key("web"), After::Absent);
    ledger.succeeded(&key("web"));
    assert_eq!(ledger.len(), 0);
}

#[test]
fn a_refuted_absence_leaves_the_object_and_waits_for_the_watch() {
    let mut ledger = created();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    turn(&mut ledger, &key("web"));
    ledger.absence_refuted(&key("web"));
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), None);
    assert!(
        !ledger.is_unnamed(&key("web")),
        "the upstream has it, so its watch will tell"
    );
}

/// In kcp a read may be refused although the binding lets the object be seen: nothing tells when that is over.
#[test]
fn what_the_upstream_refused_to_show_stays_and_is_asked_for_again() {
    let mut ledger = created();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    let confirm = Some(Step::ConfirmAbsence {
        absence: Absence::DeletionSeen,
        uid: "d1".into(),
    });
    assert_eq!(turn(&mut ledger, &key("web")), confirm);
    ledger.withheld(&key("web"));
    ledger.failed(&key("web"), Complaint::None);
    assert!(!ledger.queue(&key("web")), "it stays");
    assert_eq!(ledger.states().0.of(ObjectState::Unknown), 1);
    ledger.due(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), confirm);
}

#[test]
fn what_a_cordoned_target_does_not_get_is_none_of_its_objects() {
    let kept_out = |hash| match wanted(hash) {
        Desired::Wanted { uid, hash, .. } => Desired::Wanted {
            uid,
            hash,
            newcomer: Newcomer::KeptOut,
        },
        other => other,
    };
    let mut ledger = created();
    ledger.unwant(&key("web"), kept_out(1), 1);
    ledger.unwant(&key("new"), kept_out(1), 1);
    for name in ["web", "new"] {
        assert_eq!(turn(&mut ledger, &key(name)), None);
    }
    let counts = ledger.states().0;
    assert_eq!(
        (counts.desired(), counts.of(ObjectState::Synced)),
        (1, 1),
        "what it keeps"
    );
    ledger.unwant(&key("new"), wanted(1), 1);
    assert_eq!(ledger.states().0.of(ObjectState::Pending), 1, "it may go there now");
}

#[test]
fn what_a_complete_upstream_did_not_name_is_absent() {
    let mut ledger = Ledger::default();
    ledger.sight(&key("orphan"), seen(1, "10"), 1);
    ledger.unwant(&key("web"), wanted(1), 1);
    ledger.complete(&gvr(), 1, Absence::NotInCompleteList);
    assert_eq!(guard(&mut ledger, |_| false, |_| true), BTreeMap::new());
    let confirm = Step::ConfirmAbsence {
        absence: Absence::NotInCompleteList,
        uid: "d1".into(),
    };
    assert_eq!(turn(&mut ledger, &key("orphan")), Some(confirm));
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
}

#[test]
fn an_upstream_that_was_built_anew_repeats_or_withdraws_its_word() {
    let mut ledger = created();
    ledger.complete(&gvr(), 1, Absence::NotInCompleteList);
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger.complete(&gvr(), 2, Absence::NotInCompleteList);
    assert_eq!(turn(&mut ledger, &key("web")), None, "the guard has not judged");
    guard(&mut ledger, |_| false, |_| true);
    assert!(matches!(
        turn(&mut ledger, &key("web")),
        Some(Step::ConfirmAbsence { .. })
    ));
}

#[test]
fn a_mass_deletion_is_held_until_the_objects_are_seen_again() {
    let mut ledger = Ledger::default();
    let names: Vec<_> = (0..20).map(|number| key(&number.to_string())).collect();
    for (number, key) in names.iter().enumerate() {
        let mut seen = seen(1, "10");
        seen.ours.uid = format!("d{number}").into();
        ledger.sight(key, seen, 1);
    }
    ledger.complete(&gvr(), 1, Absence::NotInCompleteList);
    assert_eq!(
        guard(&mut ledger, |_| false, |_| true),
        BTreeMap::from([("web".into(), 20)])
    );
    for key in &names {
        assert_eq!(turn(&mut ledger, key), None);
    }
    for key in names.iter().take(15) {
        ledger.unwant(key, wanted(1), 1);
    }
    assert_eq!(
        guard(&mut ledger, |_| false, |_| true),
        BTreeMap::new(),
        "five of twenty may go"
    );
    assert!(matches!(
        turn(&mut ledger, &names[19]),
        Some(Step::ConfirmAbsence { .. })
    ));
    assert_eq!(turn(&mut ledger, &names[0]), Some(Step::Verify));
}

#[test]
fn a_downstream_list_puts_out_of_sight_what_it_does_not_have() {
    let mut ledger = created();
    ledger.sight(&key("web"), seen(1, "10"), 1);
    ledger.listed(&gvr(), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None);
    ledger.listed(&gvr(), 2);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
}

#[test]
fn the_guard_counts_by_policy() {
    let mut ledger = Ledger::default();
    for number in 0..40 {
        let mut seen = seen(1, "10");
        seen.ours.uid = format!("d{number}").into();
        seen.policy = if number < 12 { "small".into() } else { "large".into() };
        ledger.sight(&key(&number.to_string()), seen, 1);
    }
    for number in 12..40 {
        ledger.unwant(&key(&number.to_string()), wanted(1), 1);
    }
    ledger.complete(&gvr(), 1, Absence::NotInCompleteList);
    assert_eq!(
        guard(&mut ledger, |_| false, |_| true),
        BTreeMap::from([("small".into(), 12)]),
        "twelve of forty, but all of one policy"
    );
    assert_eq!(turn(&mut ledger, &key("3")), None);
}

#[test]
fn a_hash_that_says_nothing_is_compared_by_value_once() {
    let mut ledger = Ledger::default();
    let mut old = seen(9, "10");
    old.ours.applied = None;
    ledger.sight(&key("web"), old.clone(), 1);
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Compare { uid: "d1".into() }));
    ledger.learn(
        &key("web"),
        After::Equal {
            seen: old.clone(),
            hash: PayloadHash(1),
        },
    );
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), None);
    old.resource_version = "11".into();
    ledger.sight(&key("web"), old, 1);
    assert_eq!(turn(&mut ledger, &key("web")), None, "a status that moved is nothing");
}

#[test]
fn what_others_write_beside_us_is_looked_at() {
    let mut ledger = created();
    let mut edited = seen(1, "11");
    edited.others = 7;
    ledger.sight(&key("web"), edited, 1);
    assert!(ledger.queue(&key("web")));
    let task = ledger.begin(&key("web")).unwrap();
    assert_eq!((task.step, task.others), (Step::Verify, Others::Wrote));
}

#[test]
fn a_step_that_was_reported_waits_for_news() {
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
    ledger.reported(&key("web"));
    assert_eq!(ledger.turn(&key("web")), Some(Turn::Reported));
    ledger.unwant(&key("web"), wanted(2), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
}

#[test]
fn nothing_goes_while_a_policy_rests_or_not_everything_of_it_was_listed() {
    let mut ledger = Ledger::default();
    ledger.sight(&key("orphan"), seen(1, "10"), 1);
    ledger.complete(&gvr(), 1, Absence::NotInCompleteList);
    assert_eq!(guard(&mut ledger, |policy| policy == "web", |_| true), BTreeMap::new());
    assert_eq!(turn(&mut ledger, &key("orphan")), None, "the policy is suspended");
    assert_eq!(
        guard(&mut ledger, |_| false, |listed| *listed != gvr()),
        BTreeMap::new()
    );
    assert_eq!(turn(&mut ledger, &key("orphan")), None, "more may be missing");
    guard(&mut ledger, |_| false, |_| true);
    assert!(matches!(
        turn(&mut ledger, &key("orphan")),
        Some(Step::ConfirmAbsence { .. })
    ));
}

#[test]
fn what_comes_into_being_when_it_is_not_wanted_any_more_awaits_judgement() {
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), wanted(1), 1);
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::Create));
    ledger.unwant(&key("web"), Desired::Gone(Absence::Unselected), 1);
    guard(&mut ledger, |_| false, |_| true);
    assert!(!ledger.awaits_guard(), "nothing is there yet");
    ledger.learn(&key("web"), After::Applied(seen(1, "10")));
    ledger.succeeded(&key("web"));
    assert!(ledger.awaits_guard());
}

#[test]
fn the_owner_is_told_once_until_it_works_again() {
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), wanted(1), 1);
    turn(&mut ledger, &key("web"));
    ledger.failed(&key("web"), Complaint::Failed);
    assert_eq!(ledger.word(&key("web")), Word::None);
    ledger.give_word(&key("web"));
    ledger.failed(&key("web"), Complaint::Failed);
    assert_eq!(ledger.word(&key("web")), Word::Given);
    ledger.succeeded(&key("web"));
    assert_eq!(ledger.word(&key("web")), Word::None);
}

#[test]
fn an_edit_during_a_comparison_is_not_taken_for_what_was_compared() {
    let mut ledger = Ledger::default();
    let mut old = seen(9, "10");
    old.ours.applied = None;
    ledger.sight(&key("web"), old.clone(), 1);
    ledger.unwant(&key("web"), wanted(1), 1);
    assert!(matches!(turn(&mut ledger, &key("web")), Some(Step::Compare { .. })));
    ledger.unwant(&key("web"), wanted(2), 1);
    ledger.learn(
        &key("web"),
        After::Equal {
            seen: old,
            hash: PayloadHash(1),
        },
    );
    ledger.succeeded(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(change(Reason::Edited)));
}

#[test]
fn a_farewell_ends_with_a_look_and_leaves_no_record() {
    let mut ledger = created();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    ledger.say_farewell(&key("web"));
    assert!(matches!(
        turn(&mut ledger, &key("web")),
        Some(Step::ConfirmAbsence { .. })
    ));
    ledger.learn(&key("web"), After::Absent);
    ledger.succeeded(&key("web"));
    // A delete that was answered with an object that goes later: only a read tells.
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::ConfirmGone));
    ledger.learn(&key("web"), After::Absent);
    assert!(ledger.part(&key("web")));
    ledger.succeeded(&key("web"));
    ledger.forget_if_void(&key("web"));
    assert_eq!(ledger.len(), 0);
}

#[test]
fn a_farewell_to_what_was_never_there_is_said_after_a_look() {
    let mut ledger = Ledger::default();
    ledger.say_farewell(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::ConfirmGone));
    ledger.learn(&key("web"), After::Foreign);
    assert!(ledger.part(&key("web")));
    assert!(!ledger.part(&key("web")), "once");
    ledger.succeeded(&key("web"));
    ledger.forget_if_void(&key("web"));
    assert_eq!(ledger.len(), 0);
}

#[test]
fn what_a_look_finds_without_our_label_is_ours_to_remove() {
    let mut ledger = Ledger::default();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    ledger.say_farewell(&key("web"));
    assert_eq!(turn(&mut ledger, &key("web")), Some(Step::ConfirmGone));
    ledger.learn(&key("web"), After::Seen(seen(1, "9")));
    assert!(!ledger.part(&key("web")), "it is there");
    ledger.succeeded(&key("web"));
    assert!(matches!(
        turn(&mut ledger, &key("web")),
        Some(Step::ConfirmAbsence { .. })
    ));
}

#[test]
fn who_is_wanted_again_says_no_farewell() {
    let mut ledger = created();
    ledger.unwant(&key("web"), Desired::Gone(Absence::DeletionSeen), 1);
    ledger.say_farewell(&key("web"));
    ledger.unwant(&key("web"), wanted(1), 1);
    ledger.learn(&key("web"), After::Absent);
    assert!(!ledger.part(&key("web")));
}

/// No entry of managedFields moves with the order of a list.
#[test]
fn another_order_of_what_is_ours_is_looked_at() {
    let mut ledger = created();
    let moved = |version: &str, order: u64| Seen {
        order,
        ..seen(1, version)
    };
    ledger.sight(&key("web"), moved("11", 7), 1);
    assert!(ledger.queue(&key("web")));
    let task = ledger.begin(&key("web")).unwrap();
    assert_eq!((task.step, task.order), (Step::Verify, 7));
    ledger.learn(&key("web"), After::Applied(moved("12", 0)));
    ledger.succeeded(&key("web"));
    ledger.sight(&key("web"), moved("13", 0), 1);
    assert_eq!(turn(&mut ledger, &key("web")), None, "it is as it was applied");
}

/// Who writes what is theirs again owns what they owned before.
#[test]
fn another_value_of_what_others_have_is_looked_at_where_it_is_kept() {
    let edited = |content: u64| Seen {
        others: 3,
        content,
        ..seen(1, "11")
    };
    for (strategy, looked_at) in [
        (None, false),
        (Some(Strategy::UpstreamWins), false),
        (Some(Strategy::LastWriteWins), false),
        (Some(Strategy::MergeChanges), true),
    ] {
        let differs = told_by(strategy, &edited(1)) != told_by(strategy, &edited(2));
        assert_eq!(differs, looked_at, "{strategy:?}");
        assert_eq!(
            told_by(strategy, &edited(1)),
            told_by(strategy, &edited(1)),
            "a status: {strategy:?}"
        );
    }
}
