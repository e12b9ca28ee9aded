//! The next step for one object on one target.

use crate::{marker::PayloadHash, proof::Absence};

/// What the upstream wants of an object on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desired {
    /// Nothing is known of the upstream object yet, or nothing is to be done about it for now (a pause, a suspended policy, a
    /// namespace that nothing needs any more): whatever is downstream stays as it is.
    Unknown,
    /// It has to be there like this.
    Wanted {
        /// The UID of the upstream object.
        uid: Box<str>,
        /// The hash of what has to be applied.
        hash: PayloadHash,
        /// Whether it may be made there.
        newcomer: Newcomer,
    },
    /// It is believed to be gone, or not to be wanted there any more.
    Gone(Absence),
    /// The same, but the binding of its workspace does not let it be told (kcp): whatever is downstream stays as it is.
    Withheld(Absence),
}

/// Whether an object that a target does not have may be made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// It may.
    Welcome,
    /// The target is cordoned: it keeps what it has and gets nothing new.
    KeptOut,
}

/// What is known of the downstream object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// It was not seen: absent, or there without our label. Only an attempt to create it tells.
    Unseen,
    /// It is there and carries our marker for this very upstream object.
    Ours(Ours),
    /// Something is there that is not ours (S1).
    Foreign,
}

/// A downstream object of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Its UID, the precondition of every change and delete (S1, S2).
    pub uid: Box<str>,
    /// The UID of the upstream object that was applied last.
    pub origin_uid: Box<str>,
    /// The hash of what was applied last; `None` if that was written by another version of the hash, or under another key.
    pub applied: Option<PayloadHash>,
    /// Whether our entry in managedFields still owns what was applied.
    pub ownership: Ownership,
    /// Whether it is being deleted.
    pub lifecycle: Lifecycle,
    /// Whether a person asked to leave it alone.
    pub pause: Pause,
}

/// Whether a person asked, by annotation on the downstream object, that nothing is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nobody did.
    Off,
    /// Nothing is written to it.
    On,
}

/// Whether our entry in managedFields owns every leaf that we applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It does.
    Held,
    /// Somebody took or removed a leaf: drift.
    Taken,
    /// Not compared yet.
    Unverified,
}

/// Whether an object is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// It is here to stay.
    Present,
    /// It has a deletionTimestamp.
    Terminating,
}

/// The one thing to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Upstream and target agree, or nothing is known.
    Nothing,
    /// Apply where nothing is there; an answer of 409 means: look.
    Create,
    /// Apply over the object with this UID.
    Change {
        /// The UID of the downstream object.
        uid: Box<str>,
        /// What the change is for.
        reason: Reason,
    },
    /// Compare our entry in managedFields with what was applied, and look for what others added.
    Verify,
    /// The hash says nothing (another version of it, another key): compare what is there with what is wanted, by value.
    Compare {
        /// The UID of the downstream object.
        uid: Box<str>,
    },
    /// Ask the upstream whether the object is really gone; with a proof, delete the downstream object with this UID.
    ConfirmAbsence {
        /// Why it is believed to be gone.
        absence: Absence,
        /// The UID of the downstream object.
        uid: Box<str>,
    },
    /// Read the target: if nothing of ours is left there, the upstream object need not wait for it any longer.
    ConfirmGone,
    /// The downstream object is terminating: the watch says when it is gone.
    AwaitTermination,
    /// There is an object of somebody else in the way.
    Refuse,
}

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The upstream object changed.
    Edited,
    /// The upstream object was made again under the same name: the marker gets its new UID, the object stays.
    Rebound,
    /// Somebody changed the downstream object.
    Drifted,
}

/// The next step for an object of which the upstream wants `desired` and the target shows `live`.
pub fn plan(desired: &Desired, live: &Live) -> Step {
    match (desired, live) {
        (Desired::Unknown | Desired::Withheld(_), _) | (Desired::Gone(_), Live::Unseen | Live::Foreign) => {
            Step::Nothing
        }
        (Desired::Wanted { .. }, Live::Foreign) => Step::Refuse,
        (Desired::Wanted { newcomer, .. }, Live::Unseen) => match newcomer {
            Newcomer::Welcome => Step::Create,
            Newcomer::KeptOut => Step::Nothing,
        },
        (_, Live::Ours(ours)) if ours.pause == Pause::On => Step::Nothing,
        (_, Live::Ours(ours)) if ours.lifecycle == Lifecycle::Terminating => Step::AwaitTermination,
        (Desired::Wanted { uid, hash, .. }, Live::Ours(ours)) => plan_present(uid, *hash, ours),
        (Desired::Gone(absence), Live::Ours(ours)) => Step::ConfirmAbsence {
            absence: *absence,
            uid: ours.uid.clone(),
        },
    }
}

/// The next step where the upstream object waits until nothing of ours is left on the target. What a filtered watch does not show may
/// be there without our label: only a read tells.
pub fn farewell(desired: &Desired, live: &Live) -> Step {
    match (desired, live, plan(desired, live)) {
        (Desired::Unknown | Desired::Gone(_) | Desired::Withheld(_), Live::Unseen | Live::Foreign, Step::Nothing) => {
            Step::ConfirmGone
        }
        (_, _, step) => step,
    }
}

fn plan_present(uid: &str, hash: PayloadHash, ours: &Ours) -> Step {
    let change = |reason| Step::Change {
        uid: ours.uid.clone(),
        reason,
    };
    if *ours.origin_uid != *uid {
        return change(Reason::Rebound);
    }
    let Some(applied) = ours.applied else {
        return Step::Compare { uid: ours.uid.clone() };
    };
    if applied != hash {
        return change(Reason::Edited);
    }
    match ours.ownership {
        Ownership::Held => Step::Nothing,
        Ownership::Unverified => Step::Verify,
        Ownership::Taken => change(Reason::Drifted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: PayloadHash = PayloadHash(7);

    fn wanted() -> Desired {
        Desired::Wanted {
            uid: "u1".into(),
            hash: HASH,
            newcomer: Newcomer::Welcome,
        }
    }

    fn ours() -> Ours {
        Ours {
            uid: "d1".into(),
            origin_uid: "u1".into(),
            applied: Some(HASH),
            ownership: Ownership::Held,
            lifecycle: Lifecycle::Present,
            pause: Pause::Off,
        }
    }

    fn change(reason: Reason) -> Step {
        Step::Change {
            uid: "d1".into(),
            reason,
        }
    }

    #[test]
    fn a_farewell_ends_with_a_look_at_what_is_out_of_sight() {
        let gone = Desired::Gone(Absence::DeletionSeen);
        let terminating = Ours {
            lifecycle: Lifecycle::Terminating,
            ..ours()
        };
        let paused = Ours {
            pause: Pause::On,
            ..ours()
        };
        let cases = [
            (gone.clone(), Live::Unseen, Step::ConfirmGone),
            (gone.clone(), Live::Foreign, Step::ConfirmGone),
            (Desired::Unknown, Live::Unseen, Step::ConfirmGone),
            (Desired::Unknown, Live::Ours(ours()), Step::Nothing),
            (gone.clone(), Live::Ours(paused), Step::Nothing),
            (gone.clone(), Live::Ours(terminating), Step::AwaitTermination),
            (wanted(), Live::Unseen, Step::Create),
            (wanted(), Live::Ours(ours()), Step::Nothing),
        ];
        for (desired, live, step) in cases {
            assert_eq!(farewell(&desired, &live), step, "{desired:?} {live:?}");
        }
    }

    #[test]
    fn every_pair_has_one_next_step() {
        let gone = Desired::Gone(Absence::DeletionSeen);
        let other_hash = Ours {
            applied: Some(PayloadHash(8)),
            ..ours()
        };
        let no_hash = Ours {
            applied: None,
            ..ours()
        };
        let other_uid = Ours {
            origin_uid: "u0".into(),
            ..ours()
        };
        let taken = Ours {
            ownership: Ownership::Taken,
            ..ours()
        };
        let paused = Ours {
            pause: Pause::On,
            applied: None,
            ..ours()
        };
        let kept_out = Desired::Wanted {
            uid: "u1".into(),
            hash: HASH,
            newcomer: Newcomer::KeptOut,
        };
        let unverified = Ours {
            ownership: Ownership::Unverified,
            ..ours()
        };
        let terminating = Ours {
            lifecycle: Lifecycle::Terminating,
            ..ours()
        };
        let confirm = Step::ConfirmAbsence {
            absence: Absence::DeletionSeen,
            uid: "d1".into(),
        };
        let cases = [
            (Desired::Unknown, Live::Unseen, Step::Nothing),
            (Desired::Unknown, Live::Ours(ours()), Step::Nothing),
            (Desired::Unknown, Live::Ours(taken.clone()), Step::Nothing),
            (Desired::Unknown, Live::Foreign, Step::Nothing),
            (
                Desired::Withheld(Absence::DeletionSeen),
                Live::Ours(ours()),
                Step::Nothing,
            ),
            (wanted(), Live::Unseen, Step::Create),
            (wanted(), Live::Foreign, Step::Refuse),
            (wanted(), Live::Ours(ours()), Step::Nothing),
            (wanted(), Live::Ours(other_hash), change(Reason::Edited)),
            (wanted(), Live::Ours(no_hash), Step::Compare { uid: "d1".into() }),
            (kept_out.clone(), Live::Unseen, Step::Nothing),
            (kept_out.clone(), Live::Ours(ours()), Step::Nothing),
            (kept_out, Live::Ours(taken.clone()), change(Reason::Drifted)),
            (wanted(), Live::Ours(paused.clone()), Step::Nothing),
            (gone.clone(), Live::Ours(paused), Step::Nothing),
            (wanted(), Live::Ours(other_uid), change(Reason::Rebound)),
            (wanted(), Live::Ours(taken), change(Reason::Drifted)),
            (wanted(), Live::Ours(unverified), Step::Verify),
            (wanted(), Live::Ours(terminating.clone()), Step::AwaitTermination),
            (gone.clone(), Live::Unseen, Step::Nothing),
            (gone.clone(), Live::Foreign, Step::Nothing),
            (gone.clone(), Live::Ours(ours()), confirm),
            (gone, Live::Ours(terminating), Step::AwaitTermination),
        ];
        for (desired, live, step) in cases {
            assert_eq!(plan(&desired, &live), step, "{desired:?} {live:?}");
        }
    }
}
