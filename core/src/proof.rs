//! The proof without which nothing is deleted downstream (S3).

use std::time::Duration;

use crate::immutable::ImmutableAction;

/// Why an upstream object is believed to be gone. A belief, no proof: a withdrawn claim says DELETED too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The watch said that it was deleted.
    DeletionSeen,
    /// A complete list did not have it.
    NotInCompleteList,
    /// It was seen, and the policies do not want it there any more.
    Unselected,
    /// A complete list did not have it, or no policy wants it, and its namespace was read with a deletionTimestamp: somebody deleted
    /// all of it at once, and meant it.
    NamespaceTerminating,
    /// The target is drained: its SyncTarget says so, and everything of it goes.
    Drained,
    /// The target refuses the resource: its SyncTarget says so.
    Refused,
    /// The binding through which its workspace showed it, and perhaps the workspace, was read with a deletionTimestamp (kcp).
    WorkspaceDeleted,
}

/// What a read of the upstream object said, made after the absence was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The API server answered that this very object does not exist.
    NotFound,
    /// It exists, and the complete, valid set of policies wants it on the target.
    Wanted,
    /// It exists, and the complete, valid set of policies does not want it on the target.
    Unwanted,
    /// It exists with a deletionTimestamp, and waits until it has left the target.
    Deleting,
    /// It exists, and the target that policies want it on is drained.
    Drained,
    /// It exists, and the target that policies want it on refuses its resource.
    Refused,
    /// It exists, and a person paused it: nothing is written to it, wanted or not.
    Paused,
    /// No answer, or one that says nothing about the object.
    Inconclusive,
    /// The binding of its workspace goes, or is gone after that was read (kcp).
    Left,
    /// The binding of its workspace does not let anything be told about it (kcp).
    Withheld,
    /// It was not found, under a claim that has not stood still for long enough; so much longer it has to (kcp).
    TooEarly(Duration),
}

/// A proof that an object has to go. Only [`prove`] and [`prove_recreation`] make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(Ground);

/// What a proof rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// Deletion seen, absence confirmed.
    DeletionSeen,
    /// Absent from a complete list, absence confirmed.
    NotInCompleteList,
    /// In a namespace that was read with a deletionTimestamp, absence confirmed.
    NamespaceTerminating,
    /// Read, and not wanted there.
    Unwanted,
    /// Read with a deletionTimestamp, which nobody takes back.
    Deleting,
    /// Read once and not wanted there, and gone since.
    UnwantedAndGone,
    /// Read, and the target is drained.
    Drained,
    /// Read, and the target refuses its resource.
    Refused,
    /// The binding of its workspace was read with a deletionTimestamp.
    Left,
    /// The target refuses a change for good, and the policy has the object made again.
    Recreation,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// The object is there: it was made again, or the deletion was none.
    #[error("the upstream object exists and is wanted there")]
    Exists,
    /// It is paused upstream.
    #[error("the upstream object is paused")]
    Paused,
    /// The upstream could not be asked.
    #[error("the upstream could not confirm that the object is gone")]
    NotConfirmed,
    /// Its workspace does not let the export see whether it is there.
    #[error("the workspace's binding does not show whether the object is there")]
    Withheld,
    /// The claim under which it is missing is too young.
    #[error("the claim under which the object is missing has to stand for {0:?} more")]
    TooEarly(Duration),
}

/// The proof that the downstream object has to go, or why there is none (S3).
pub fn prove(absence: Absence, look: &Look) -> Result<Proof, NoProof> {
    match (look, absence) {
        (Look::NotFound, Absence::DeletionSeen) => Ok(Proof(Ground::DeletionSeen)),
        // A workspace of which a new binding came: absence alone is left.
        (Look::NotFound, Absence::NotInCompleteList | Absence::WorkspaceDeleted) => {
            Ok(Proof(Ground::NotInCompleteList))
        }
        (Look::NotFound, Absence::NamespaceTerminating) => Ok(Proof(Ground::NamespaceTerminating)),
        (Look::NotFound, Absence::Unselected) => Ok(Proof(Ground::UnwantedAndGone)),
        (Look::Left, _) => Ok(Proof(Ground::Left)),
        (Look::Unwanted, _) => Ok(Proof(Ground::Unwanted)),
        (Look::Deleting, _) => Ok(Proof(Ground::Deleting)),
        (Look::NotFound, Absence::Drained) | (Look::Drained, _) => Ok(Proof(Ground::Drained)),
        (Look::NotFound, Absence::Refused) | (Look::Refused, _) => Ok(Proof(Ground::Refused)),
        (Look::Wanted, _) => Err(NoProof::Exists),
        (Look::Paused, _) => Err(NoProof::Paused),
        (Look::Inconclusive, _) => Err(NoProof::NotConfirmed),
        (Look::Withheld, _) => Err(NoProof::Withheld),
        (Look::TooEarly(longer), _) => Err(NoProof::TooEarly(*longer)),
    }
}

/// The proof that an object has to go to be made again, if that is what `action` says of a refusal to change it.
pub fn prove_recreation(action: ImmutableAction) -> Option<Proof> {
    (action == ImmutableAction::Recreate).then_some(Proof(Ground::Recreation))
}

// === impl Absence ===

impl Absence {
    /// Whether the mass-deletion guard counts it: what nobody deleted one by one, and nobody asked for by name.
    pub fn is_guarded(self) -> bool {
        matches!(self, Self::NotInCompleteList | Self::Unselected)
    }
}

/// For the log line of the delete.
impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Ground::DeletionSeen => "deletion seen upstream and absence confirmed",
            Ground::NotInCompleteList => "not in a complete upstream list and absence confirmed",
            Ground::Deleting => "read upstream with a deletionTimestamp, and it waits for this target",
            Ground::NamespaceTerminating => "its namespace was seen terminating upstream, and absence confirmed",
            Ground::Unwanted => "read upstream, and no policy wants it there",
            Ground::UnwantedAndGone => "seen upstream where no policy wanted it there, and gone since",
            Ground::Drained => "read upstream, and the target is drained",
            Ground::Refused => "read upstream, and the target refuses this resource",
            Ground::Left => "the binding of its workspace was read with a deletionTimestamp",
            Ground::Recreation => "a change of an immutable field was refused, and the policy has it made again",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Absence; 7] = [
        Absence::DeletionSeen,
        Absence::NotInCompleteList,
        Absence::Unselected,
        Absence::NamespaceTerminating,
        Absence::WorkspaceDeleted,
        Absence::Drained,
        Absence::Refused,
    ];

    #[test]
    fn what_was_deleted_or_asked_for_by_name_is_not_counted_by_the_guard() {
        let guarded: Vec<_> = ALL.into_iter().filter(|absence| absence.is_guarded()).collect();
        assert_eq!(guarded, [Absence::NotInCompleteList, Absence::Unselected]);
    }

    #[test]
    fn only_a_confirmed_absence_or_an_unwanted_object_is_a_proof() {
        for absence in ALL {
            assert!(prove(absence, &Look::NotFound).is_ok());
            for look in [Look::Unwanted, Look::Deleting, Look::Drained, Look::Refused] {
                assert!(prove(absence, &look).is_ok());
            }
            assert_eq!(prove(absence, &Look::Inconclusive), Err(NoProof::NotConfirmed));
            assert_eq!(prove(absence, &Look::Wanted), Err(NoProof::Exists));
            assert_eq!(prove(absence, &Look::Paused), Err(NoProof::Paused));
        }
    }

    #[test]
    fn what_a_binding_withholds_is_no_proof_and_its_end_is_one() {
        let absences = [
            Absence::DeletionSeen,
            Absence::NotInCompleteList,
            Absence::Unselected,
            Absence::WorkspaceDeleted,
        ];
        let moment = Duration::from_secs(7);
        for absence in absences {
            assert!(prove(absence, &Look::Left).is_ok());
            assert_eq!(prove(absence, &Look::Withheld), Err(NoProof::Withheld));
            assert_eq!(prove(absence, &Look::TooEarly(moment)), Err(NoProof::TooEarly(moment)));
        }
        let proof = prove(Absence::WorkspaceDeleted, &Look::Left).unwrap();
        assert_eq!(
            proof.to_string(),
            "the binding of its workspace was read with a deletionTimestamp"
        );
    }

    #[test]
    fn an_object_is_made_again_only_where_the_policy_says_so() {
        assert!(prove_recreation(ImmutableAction::Recreate).is_some());
        assert_eq!(prove_recreation(ImmutableAction::Report), None);
    }

    #[test]
    fn a_proof_says_what_it_rests_on() {
        let grounds = [
            (
                prove(Absence::DeletionSeen, &Look::NotFound),
                "deletion seen upstream and absence confirmed",
            ),
            (
                prove(Absence::NotInCompleteList, &Look::NotFound),
                "not in a complete upstream list and absence confirmed",
            ),
            (
                prove(Absence::NamespaceTerminating, &Look::NotFound),
                "its namespace was seen terminating upstream, and absence confirmed",
            ),
            (
                prove(Absence::Unselected, &Look::NotFound),
                "seen upstream where no policy wanted it there, and gone since",
            ),
            (
                prove(Absence::Unselected, &Look::Unwanted),
                "read upstream, and no policy wants it there",
            ),
            (
                prove(Absence::Unselected, &Look::Drained),
                "read upstream, and the target is drained",
            ),
        ];
        for (proof, text) in grounds {
            assert_eq!(proof.unwrap().to_string(), text);
        }
    }
}
