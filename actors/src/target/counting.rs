//! When what a Target counts means anything.

use super::{Stage, Target};

/// Looks at a target that answers, before it counts though not everything is listed: a list may fail for long, and the upstream may
/// never tell all of a resource that a claim does not cover.
const MOST_LOOKS: u32 = 15;

/// Whether the counts of a Target are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Not before both sides are listed: what was told before this process began stands until then (S5).
    Awaited {
        /// The looks at which the target answered.
        looks: u32,
    },
    /// At every look.
    Begun,
}

// === impl Target ===

impl Target {
    /// Looks whether the counts can be told by now.
    pub(super) fn look_whether_to_count(&mut self) {
        let Counting::Awaited { looks } = self.counting else {
            return;
        };
        let Stage::Syncing(downstream) = &self.stage else {
            return;
        };
        let intake = &self.intake;
        let mut resources = downstream.resources.keys();
        let listed = resources.all(|gvr| intake.is_complete(gvr) || intake.is_withheld(gvr)) && intake.is_taken_in();
        self.counting = match looks {
            _ if listed => Counting::Begun,
            _ if self.turns.is_paused() => Counting::Awaited { looks },
            MOST_LOOKS.. => Counting::Begun,
            _ => Counting::Awaited { looks: looks + 1 },
        };
    }
}
