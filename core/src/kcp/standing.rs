//! What the absence of an object means in a workspace of kcp (S3).
//!
//! Claimed objects are shown through a label that arrives late and goes with the claim: a claim that is withdrawn looks like the deletion of
//! everything claimed. So an absence counts only under a binding that has stood still for a while.

use std::time::Duration;

use crate::{
    plan::Desired,
    proof::{Absence, Look},
};

/// How long a claim has to be accepted and applied before an absence under it counts.
pub const SETTLED: Duration = Duration::from_mins(1);

/// How the upstream comes by the objects of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provision {
    /// A plain API server has them.
    Plain,
    /// Our own export provides the resource: kcp keeps its objects until our finalizers are off.
    Own,
    /// Our export claims it in the workspaces that accept that: access may end at any moment, so finalizers would strand.
    Claimed,
}

/// What is known of the binding through which a workspace shows an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none: the upstream is a plain API server.
    Plain,
    /// The binding is there, and the resource is the export's own.
    Bound,
    /// The claim is accepted and applied, and nothing of it has changed for so long.
    Accepted {
        /// For how long.
        unchanged: Duration,
    },
    /// The claim is accepted for objects with certain labels: what lost the labels looks like what was deleted.
    Selected,
    /// The claim is rejected, not answered, or not applied yet.
    Unaccepted,
    /// No binding of the workspace is known: it went unseen, or its endpoint did.
    Unbound,
    /// The binding was read with a deletionTimestamp, and with it perhaps its workspace.
    Left,
}

// === impl Standing ===

impl Standing {
    /// What a read of the object comes to, which by itself said `read`.
    pub fn weigh(self, read: Look) -> Look {
        match (self, read) {
            (Self::Left, _) => Look::Left,
            (Self::Accepted { unchanged }, Look::NotFound) if unchanged < SETTLED => {
                Look::TooEarly(SETTLED.saturating_sub(unchanged))
            }
            (Self::Plain | Self::Bound | Self::Accepted { .. }, Look::NotFound) => Look::NotFound,
            (Self::Selected | Self::Unaccepted | Self::Unbound, Look::NotFound | Look::Inconclusive) => Look::Withheld,
            (_, read) => read,
        }
    }

    /// What is made of `absence` before anything is read: something that has to be confirmed, or nothing for now.
    pub fn concludes(self, absence: Absence) -> Desired {
        let on_absence = matches!(
            absence,
            Absence::DeletionSeen | Absence::NotInCompleteList | Absence::Unselected | Absence::WorkspaceDeleted
        );
        match self {
            Self::Left if on_absence => Desired::Gone(Absence::WorkspaceDeleted),
            Self::Unaccepted | Self::Unbound if on_absence => Desired::Withheld(absence),
            _ => Desired::Gone(absence),
        }
    }

    /// What is known without a read, where one could say nothing that counts.
    pub fn foregone(self) -> Option<Look> {
        match self {
            Self::Left => Some(Look::Left),
            Self::Unaccepted | Self::Unbound => Some(Look::Withheld),
            Self::Plain | Self::Bound | Self::Accepted { .. } | Self::Selected => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Standing = Standing::Accepted { unchanged: SETTLED };

    fn accepted(seconds: u64) -> Standing {
        Standing::Accepted {
            unchanged: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn an_absence_counts_only_under_a_binding_that_stands_still() {
        let cases = [
            (Standing::Plain, Look::NotFound),
            (Standing::Bound, Look::NotFound),
            (LONG, Look::NotFound),
            (accepted(3_600), Look::NotFound),
            (accepted(59), Look::TooEarly(Duration::from_secs(1))),
            (accepted(0), Look::TooEarly(SETTLED)),
            (Standing::Selected, Look::Withheld),
            (Standing::Unaccepted, Look::Withheld),
            (Standing::Unbound, Look::Withheld),
            (Standing::Left, Look::Left),
        ];
        for (standing, expected) in cases {
            assert_eq!(standing.weigh(Look::NotFound), expected, "{standing:?}");
        }
    }

    #[test]
    fn what_was_read_stands_whatever_the_binding_says_but_that_it_goes() {
        let standings = [
            Standing::Plain,
            Standing::Bound,
            LONG,
            accepted(0),
            Standing::Selected,
            Standing::Unaccepted,
            Standing::Unbound,
        ];
        for standing in standings {
            for read in [Look::Wanted, Look::Unwanted] {
                assert_eq!(standing.weigh(read.clone()), read, "{standing:?}");
            }
            let unread = standing.weigh(Look::Inconclusive);
            assert!(
                matches!(unread, Look::Inconclusive | Look::Withheld),
                "{standing:?}: {unread:?}"
            );
            assert_ne!(standing.foregone(), Some(Look::NotFound), "{standing:?}");
        }
        for read in [Look::Wanted, Look::Unwanted, Look::Inconclusive, Look::NotFound] {
            assert_eq!(Standing::Left.weigh(read), Look::Left);
        }
    }

    #[test]
    fn an_absence_is_weighed_before_the_guard_counts_it() {
        let withheld = Desired::Withheld(Absence::NotInCompleteList);
        let gone = Desired::Gone(Absence::NotInCompleteList);
        let cases = [
            (Standing::Plain, &gone),
            (Standing::Bound, &gone),
            (accepted(0), &gone),
            (Standing::Selected, &gone),
            (Standing::Unaccepted, &withheld),
            (Standing::Unbound, &withheld),
            (Standing::Left, &Desired::Gone(Absence::WorkspaceDeleted)),
        ];
        for (standing, expected) in cases {
            assert_eq!(
                standing.concludes(Absence::NotInCompleteList),
                *expected,
                "{standing:?}"
            );
        }
    }

    #[test]
    fn no_request_is_made_where_its_answer_says_nothing() {
        let foregone = [
            (Standing::Left, Some(Look::Left)),
            (Standing::Unaccepted, Some(Look::Withheld)),
            (Standing::Unbound, Some(Look::Withheld)),
            (Standing::Selected, None),
            (Standing::Bound, None),
            (LONG, None),
        ];
        for (standing, expected) in foregone {
            assert_eq!(standing.foregone(), expected, "{standing:?}");
        }
    }
}
