//! The proof without which nothing is deleted downstream (S3).

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
    /// The target is drained: its SyncTarget says so, and everything of it goes.
    Drained,
    /// The target refuses the resource: its SyncTarget says so.
    Refused,
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
    /// It exists, and the target that policies want it on is drained.
    Drained,
    /// It exists, and the target that policies want it on refuses its resource.
    Refused,
    /// It exists, and a person paused it: nothing is written to it, wanted or not.
    Paused,
    /// No answer, or one that says nothing about the object.
    Inconclusive,
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
    /// Read, and not wanted there.
    Unwanted,
    /// Read, and the target is drained.
    Drained,
    /// Read, and the target refuses its resource.
    Refused,
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
}

/// The proof that the downstream object has to go, or why there is none (S3).
pub fn prove(absence: Absence, look: &Look) -> Result<Proof, NoProof> {
    match (look, absence) {
        (Look::NotFound, Absence::DeletionSeen) => Ok(Proof(Ground::DeletionSeen)),
        (Look::NotFound, Absence::NotInCompleteList | Absence::Unselected | Absence::Drained | Absence::Refused) => {
            Ok(Proof(Ground::NotInCompleteList))
        }
        (Look::Unwanted, _) => Ok(Proof(Ground::Unwanted)),
        (Look::Drained, _) => Ok(Proof(Ground::Drained)),
        (Look::Refused, _) => Ok(Proof(Ground::Refused)),
        (Look::Wanted, _) => Err(NoProof::Exists),
        (Look::Paused, _) => Err(NoProof::Paused),
        (Look::Inconclusive, _) => Err(NoProof::NotConfirmed),
    }
}

/// The proof that an object has to go to be made again, if that is what `action` says of a refusal to change it.
pub fn prove_recreation(action: ImmutableAction) -> Option<Proof> {
    (action == ImmutableAction::Recreate).then_some(Proof(Ground::Recreation))
}

/// For the log line of the delete.
impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Ground::DeletionSeen => "deletion seen upstream and absence confirmed",
            Ground::NotInCompleteList => "not in a complete upstream list and absence confirmed",
            Ground::Unwanted => "read upstream, and no policy wants it there",
            Ground::Drained => "read upstream, and the target is drained",
            Ground::Refused => "read upstream, and the target refuses this resource",
            Ground::Recreation => "a change of an immutable field was refused, and the policy has it made again",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_confirmed_absence_or_an_unwanted_object_is_a_proof() {
        let absences = [
            Absence::DeletionSeen,
            Absence::NotInCompleteList,
            Absence::Unselected,
            Absence::Drained,
            Absence::Refused,
        ];
        for absence in absences {
            assert!(prove(absence, &Look::NotFound).is_ok());
            for look in [Look::Unwanted, Look::Drained, Look::Refused] {
                assert!(prove(absence, &look).is_ok());
            }
            assert_eq!(prove(absence, &Look::Inconclusive), Err(NoProof::NotConfirmed));
            assert_eq!(prove(absence, &Look::Wanted), Err(NoProof::Exists));
            assert_eq!(prove(absence, &Look::Paused), Err(NoProof::Paused));
        }
    }

    #[test]
    fn an_object_is_made_again_only_where_the_policy_says_so() {
        assert!(prove_recreation(ImmutableAction::Recreate).is_some());
        assert_eq!(prove_recreation(ImmutableAction::Report), None);
    }

    #[test]
    fn a_proof_says_what_it_rests_on() {
        let proof = prove(Absence::DeletionSeen, &Look::NotFound).unwrap();
        assert_eq!(proof.to_string(), "deletion seen upstream and absence confirmed");
        let drained = prove(Absence::Unselected, &Look::Drained).unwrap();
        assert_eq!(drained.to_string(), "read upstream, and the target is drained");
    }
}
