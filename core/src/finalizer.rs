//! Our finalizers on upstream objects: which objects carry them, and when they come off.
//!
//! There is one per target (`naming::finalizer`). It is set before anything is written there, so that the upstream object cannot
//! vanish before its copy has, and taken off when nothing of ours is left on that target. All targets' finalizers of an object are
//! changed by one write.

use crate::{config::WaitForDownstream, identity::Gvr, kcp::Provision};

/// How every finalizer of ours begins, whichever syncer set it.
pub const PREFIX: &str = "workload.kcp.io/syncer-";

/// Whether the deletion of an upstream object waits for its downstream objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It does: the object carries a finalizer for each target that it is on.
    Waits,
    /// It does not: the object carries no finalizer of ours.
    Free,
}

/// What a target means for the finalizer of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The object has to be there: the finalizer has to be on before anything is written there.
    Needs,
    /// The object is, or may be, there and has to go: the finalizer stays while it is on.
    Leaving,
    /// Nothing is decided, or nothing is to be written for now: the finalizer stays as it is, on or off.
    Undecided,
    /// The target holds nothing that the object waits for: the finalizer comes off.
    None,
}

/// Whether an upstream object is being deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is here to stay.
    Present,
    /// It has a deletionTimestamp: API servers let finalizers come off, and none be added.
    Terminating,
}

/// Whether objects of `gvr` wait for their targets where the policy says `asked` and the upstream has them by `provision`.
///
/// Namespaces never wait. What is in them does, so they cannot vanish before it; but a downstream namespace stays while it holds
/// anything of others, and that must not hold the upstream's hostage. A claimed object never waits: withdrawing the claim would
/// strand it.
pub fn waits(asked: WaitForDownstream, provision: Provision, gvr: &Gvr) -> Waiting {
    if gvr.group().is_empty() && gvr.resource() == "namespaces" {
        return Waiting::Free;
    }
    match (asked, provision) {
        (WaitForDownstream::Always, Provision::Plain | Provision::Own) | (WaitForDownstream::Auto, Provision::Own) => {
            Waiting::Waits
        }
        (WaitForDownstream::Never, _) | (_, Provision::Claimed) | (WaitForDownstream::Auto, Provision::Plain) => {
            Waiting::Free
        }
    }
}

/// The finalizers that an object should have, where they are not those that it has. `claims` names the finalizer of each target of
/// this syncer; what is nobody's there stays, whoever set it.
pub fn corrected<'a>(
    present: &[Box<str>],
    phase: Phase,
    claims: impl IntoIterator<Item = (&'a str, Claim)>,
) -> Option<Vec<Box<str>>> {
    let mut finalizers = present.to_vec();
    for (finalizer, claim) in claims {
        match claim {
            Claim::Needs if phase == Phase::Present => {
                if !finalizers.iter().any(|present| **present == *finalizer) {
                    finalizers.push(finalizer.into());
                }
            }
            Claim::None => finalizers.retain(|present| **present != *finalizer),
            Claim::Needs | Claim::Leaving | Claim::Undecided => {}
        }
    }
    (finalizers != present).then_some(finalizers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is there, how the object is, what a and b mean for it, what it should have.
    type Case = (
        &'static [&'static str],
        Phase,
        Claim,
        Claim,
        Option<&'static [&'static str]>,
    );

    #[test]
    fn objects_wait_where_it_is_safe_and_asked_for() {
        use Provision::{Claimed, Own, Plain};
        use WaitForDownstream::{Always, Auto, Never};
        let deployments = Gvr::new("apps", "v1", "deployments");
        let cases = [
            (Auto, Plain, Waiting::Free),
            (Auto, Own, Waiting::Waits),
            (Auto, Claimed, Waiting::Free),
            (Always, Plain, Waiting::Waits),
            (Always, Own, Waiting::Waits),
            (Always, Claimed, Waiting::Free),
            (Never, Plain, Waiting::Free),
            (Never, Own, Waiting::Free),
            (Never, Claimed, Waiting::Free),
        ];
        for (asked, provision, expected) in cases {
            assert_eq!(
                waits(asked, provision, &deployments),
                expected,
                "{asked:?} {provision:?}"
            );
            let namespaces = Gvr::new("", "v1", "namespaces");
            assert_eq!(
                waits(asked, provision, &namespaces),
                Waiting::Free,
                "{asked:?} {provision:?}"
            );
        }
    }

    #[test]
    fn all_finalizers_of_an_object_are_corrected_at_once() {
        use Claim::{Leaving, Needs, None, Undecided};
        use Phase::{Present, Terminating};
        let list = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect::<Vec<Box<str>>>();
        let cases: [Case; 14] = [
            (&[], Present, None, None, Option::None),
            (&[], Present, Needs, Needs, Some(&["a", "b"])),
            (&["other"], Present, Needs, None, Some(&["other", "a"])),
            (&["a", "b"], Present, Needs, Needs, Option::None),
            (&["b", "other", "a"], Present, Needs, Needs, Option::None),
            (&["a", "b"], Present, Needs, None, Some(&["a"])),
            (&["a", "b"], Present, Needs, Leaving, Option::None),
            (&["a"], Present, Needs, Leaving, Option::None),
            (&["a"], Present, Undecided, Undecided, Option::None),
            (&["a", "other"], Terminating, None, None, Some(&["other"])),
            (&["a", "other", "b"], Terminating, None, Leaving, Some(&["other", "b"])),
            // None may be added to what is being deleted.
            (&["other"], Terminating, Needs, Needs, Option::None),
            (&["stranger"], Terminating, None, None, Option::None),
            (&["a", "b"], Present, None, None, Some(&[])),
        ];
        for (present, phase, a, b, expected) in cases {
            let corrected = corrected(&list(present), phase, [("a", a), ("b", b)]);
            assert_eq!(corrected, expected.map(list), "{present:?} {phase:?} {a:?} {b:?}");
        }
    }
}
