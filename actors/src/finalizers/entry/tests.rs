use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn shown(version: &str, finalizers: &[&str], deleted: Option<i64>) -> Shown {
    Shown {
        uid: "u1".into(),
        version: version.into(),
        finalizers: finalizers.iter().map(|finalizer| Box::from(*finalizer)).collect(),
        deleted: deleted.map(at),
    }
}

/// How a target is reached that is dead, and of which nobody knows since when.
const DEAD: Reach = Reach::Lost { well: None };

/// East and west, which are reached as said.
fn targets(east: Reach, west: Reach) -> BTreeMap<Arc<str>, TargetState> {
    let state = |finalizer: &str, reach| TargetState {
        finalizer: finalizer.into(),
        membership: Membership::Member,
        reach,
    };
    [("east".into(), state("e", east)), ("west".into(), state("w", west))].into()
}

fn both() -> BTreeMap<Arc<str>, TargetState> {
    targets(Reach::Reached, Reach::Reached)
}

fn claims(east: Claim, west: Claim) -> Box<[TargetClaim]> {
    let claim = |target: &str, claim| TargetClaim {
        target: target.into(),
        claim,
        abandon_after: HOUR,
    };
    [claim("east", east), claim("west", west)].into()
}

/// What is to be written: the finalizers then, those that come on, those that come off.
fn written(decision: &Decision) -> Option<(Vec<&str>, Vec<&str>, Vec<&str>)> {
    let writing = decision.write.as_ref()?;
    Some((
        writing.finalizers.iter().map(|finalizer| &**finalizer).collect(),
        writing.on.iter().map(|target| &**target).collect(),
        writing.off.iter().map(|target| &**target).collect(),
    ))
}

fn names(targets: &[Arc<str>]) -> Vec<&str> {
    targets.iter().map(|target| &**target).collect()
}

#[test]
fn all_finalizers_come_on_at_once_and_nothing_is_written_when_they_are_right() {
    let mut entry = Entry::new(shown("1", &["other"], None), 1);
    assert_eq!(entry.decide(&both(), at(0)), Decision::default(), "nothing is known");
    entry.claim("u1", claims(Claim::Needs, Claim::Needs));
    let decision = entry.decide(&both(), at(0));
    let expected = (vec!["other", "e", "w"], vec!["east", "west"], vec![]);
    assert_eq!(written(&decision), Some(expected));
    entry.see(shown("2", &["other", "e", "w"], None), 1);
    assert_eq!(entry.decide(&both(), at(0)), Decision::default());
    assert_eq!(entry.claim("u1", claims(Claim::Needs, Claim::Needs)), Novelty::None);
}

#[test]
fn a_finalizer_stays_until_its_target_has_said_that_nothing_is_left() {
    let mut entry = Entry::new(shown("2", &["e", "w"], Some(0)), 1);
    entry.claim("u1", claims(Claim::Leaving, Claim::Leaving));
    let decision = entry.decide(&both(), at(1));
    assert_eq!(names(&decision.ask), ["east", "west"]);
    assert_eq!(written(&decision), None);
    assert_eq!(entry.decide(&both(), at(1)), Decision::default(), "each is asked once");
    assert_eq!(entry.part(&"west".into()), Novelty::Some);
    let decision = entry.decide(&both(), at(1));
    assert_eq!(written(&decision), Some((vec!["e"], vec![], vec!["west"])));
    entry.part(&"east".into());
    let decision = entry.decide(&both(), at(1));
    // One write for all that have left by then.
    assert_eq!(written(&decision), Some((vec![], vec![], vec!["east", "west"])));
}

#[test]
fn what_was_said_before_the_object_was_wanted_again_says_nothing() {
    let east: Arc<str> = "east".into();
    let mut entry = Entry::new(shown("2", &["e", "w"], None), 1);
    entry.claim("u1", claims(Claim::Leaving, Claim::Needs));
    assert_eq!(names(&entry.decide(&both(), at(0)).ask), ["east"]);
    entry.claim("u1", claims(Claim::Needs, Claim::Needs));
    assert_eq!(entry.part(&east), Novelty::None, "it comes too late");
    assert_eq!(entry.decide(&both(), at(0)), Decision::default());
    entry.claim("u1", claims(Claim::Leaving, Claim::Needs));
    assert_eq!(names(&entry.decide(&both(), at(0)).ask), ["east"]);
    entry.part(&east);
    assert_eq!(
        written(&entry.decide(&both(), at(0))),
        Some((vec!["w"], vec![], vec!["east"]))
    );
}

#[test]
fn a_target_that_was_built_anew_is_asked_again() {
    let mut entry = Entry::new(shown("2", &["e"], None), 1);
    entry.claim("u1", Box::default());
    assert_eq!(names(&entry.decide(&both(), at(0)).ask), ["east"]);
    entry.ask_again("east");
    assert_eq!(names(&entry.decide(&both(), at(0)).ask), ["east"]);
}

#[test]
fn a_target_that_is_on_the_list_no_longer_holds_nothing_up() {
    let mut entry = Entry::new(shown("2", &["e", "w", "stranger"], None), 1);
    let mut targets = both();
    targets.get_mut("east").unwrap().membership = Membership::Removed;
    // Not even the rules have to be asked for that.
    let decision = entry.decide(&targets, at(0));
    assert_eq!(written(&decision), Some((vec!["w", "stranger"], vec![], vec!["east"])));
}

#[test]
fn an_object_that_was_made_again_is_another_one() {
    let mut entry = Entry::new(shown("2", &["e"], Some(0)), 1);
    entry.claim("u1", claims(Claim::Leaving, Claim::Leaving));
    entry.decide(&both(), at(0));
    entry.part(&"east".into());
    let again = Shown {
        uid: "u2".into(),
        ..shown("9", &["e"], None)
    };
    entry.see(again, 1);
    assert_eq!(entry.decide(&both(), at(0)), Decision::default());
    assert_eq!(
        entry.claim("u1", claims(Claim::None, Claim::None)),
        Novelty::None,
        "said of the one before"
    );
}

#[test]
fn an_event_that_is_older_than_an_answer_is_passed_over() {
    let mut entry = Entry::new(shown("5", &["e"], None), 1);
    entry.see(shown("4", &[], None), 2);
    assert!(entry.has("e"));
    assert_eq!(entry.list(), 2);
    entry.see(shown("6", &[], None), 2);
    assert!(!entry.has("e"));
}

#[test]
fn a_dead_target_holds_a_deletion_up_for_so_long_and_no_longer() {
    let dead = targets(Reach::Reached, DEAD);
    let hour = i64::try_from(HOUR.as_secs()).unwrap();
    let mut entry = Entry::new(shown("2", &["e", "w"], Some(0)), 1);
    entry.claim("u1", claims(Claim::Leaving, Claim::Leaving));
    let decision = entry.decide(&dead, at(10));
    assert_eq!(
        (written(&decision), decision.due, names(&decision.abandon)),
        (None, Some(at(hour)), vec![])
    );
    entry.part(&"east".into());
    assert!(entry.decide(&dead, at(11)).write.is_some());
    entry.see(shown("3", &["w"], Some(0)), 1);
    assert_eq!(entry.decide(&dead, at(hour - 1)).due, Some(at(hour)));
    let decision = entry.decide(&dead, at(hour));
    assert_eq!(names(&decision.abandon), ["west"]);
    assert_eq!(written(&decision), Some((vec![], vec![], vec!["west"])));
    let decision = entry.decide(&dead, at(hour));
    assert!(decision.abandon.is_empty(), "it is left behind once");
    assert!(decision.write.is_some(), "until the upstream has heard it");
}

#[test]
fn what_a_target_held_up_while_it_was_well_does_not_count() {
    let hour = i64::try_from(HOUR.as_secs()).unwrap();
    let mut entry = Entry::new(shown("2", &["w"], Some(0)), 1);
    entry.claim("u1", claims(Claim::None, Claim::Leaving));
    let lost = |well| targets(Reach::Reached, Reach::Lost { well: Some(at(well)) });
    // Long after the deletion it is lost for a moment, and once more.
    for well in [2 * hour, 3 * hour] {
        let decision = entry.decide(&lost(well), at(well + 1));
        assert_eq!(
            (written(&decision), decision.due, names(&decision.abandon)),
            (None, Some(at(well + hour)), vec![])
        );
        assert_eq!(entry.decide(&both(), at(well + hour)), Decision::default());
    }
    assert_eq!(names(&entry.decide(&lost(4 * hour), at(5 * hour)).abandon), ["west"]);
    // What was lost before the deletion counts from that.
    let mut entry = Entry::new(shown("2", &["w"], Some(0)), 1);
    entry.claim("u1", claims(Claim::None, Claim::Leaving));
    assert_eq!(entry.decide(&lost(-7), at(1)).due, Some(at(hour)));
}

#[test]
fn only_a_dead_target_and_only_a_deletion_has_a_limit() {
    let late = at(1_000_000);
    for reach in [Reach::Reached, Reach::Unknown] {
        let mut entry = Entry::new(shown("2", &["e"], Some(0)), 1);
        entry.claim("u1", claims(Claim::Leaving, Claim::Leaving));
        let decision = entry.decide(&targets(reach, reach), late);
        assert!(decision.abandon.is_empty() && decision.write.is_none(), "{reach:?}");
    }
    let mut entry = Entry::new(shown("2", &["e"], None), 1);
    entry.claim("u1", claims(Claim::Leaving, Claim::Needs));
    let decision = entry.decide(&targets(DEAD, DEAD), late);
    assert!(decision.abandon.is_empty() && decision.due.is_none());
}

#[test]
fn what_is_not_decided_stays_as_it_is() {
    for finalizers in [&["e"][..], &[]] {
        let mut entry = Entry::new(shown("2", finalizers, None), 1);
        entry.claim("u1", claims(Claim::Undecided, Claim::Undecided));
        assert_eq!(entry.decide(&both(), at(0)), Decision::default(), "{finalizers:?}");
    }
}

#[test]
fn a_policy_that_has_nothing_wait_any_more_takes_them_off_at_once() {
    let mut entry = Entry::new(shown("2", &["e", "w", "other"], None), 1);
    entry.claim("u1", claims(Claim::None, Claim::None));
    let decision = entry.decide(&both(), at(0));
    assert_eq!(written(&decision), Some((vec!["other"], vec![], vec!["east", "west"])));
}
