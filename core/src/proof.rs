//! The proof without which nothing is deleted downstream (S3).

/// Why an upstream object is believed to be gone. A belief, no proof: a withdrawn claim says DELETED too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The watch said that it was deleted.
    DeletionSeen,
    /// A complete list did not have it.
    NotInCompleteList,
}

/// What a read of the upstream object said, made after the absence was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The API server answered that this very object does not exist.
    NotFound,
    /// It exists, with this UID.
    Found {
        /// The UID of what is there now.
        uid: String,
    },
    /// No answer, or one that says nothing about the object.
    Inconclusive,
}

/// A proof that an object has to go. Only [`prove`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(Absence);

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// The object is there: it was made again, or the deletion was none.
    #[error("the upstream object exists")]
    Exists,
    /// The upstream could not be asked.
    #[error("the upstream could not confirm that the object is gone")]
    NotConfirmed,
}

/// The proof that the downstream object has to go, or why there is none (S3).
pub fn prove(absence: Absence, look: &Look) -> Result<Proof, NoProof> {
    match look {
        Look::NotFound => Ok(Proof(absence)),
        Look::Found { .. } => Err(NoProof::Exists),
        Look::Inconclusive => Err(NoProof::NotConfirmed),
    }
}

/// For the log line of the delete.
impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Absence::DeletionSeen => "deletion seen upstream and absence confirmed",
            Absence::NotInCompleteList => "not in a complete upstream list and absence confirmed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_confirmed_absence_is_a_proof() {
        for absence in [Absence::DeletionSeen, Absence::NotInCompleteList] {
            assert!(prove(absence, &Look::NotFound).is_ok());
            assert_eq!(prove(absence, &Look::Inconclusive), Err(NoProof::NotConfirmed));
            let found = Look::Found { uid: "u1".into() };
            assert_eq!(prove(absence, &found), Err(NoProof::Exists));
        }
    }

    #[test]
    fn a_proof_says_what_it_rests_on() {
        let proof = prove(Absence::DeletionSeen, &Look::NotFound).unwrap();
        assert_eq!(proof.to_string(), "deletion seen upstream and absence confirmed");
    }
}
