//! When a Target that rehearses has planned and tried everything.

use std::sync::{Arc, atomic::Ordering};

use super::{Stage, Target, sweep};
use crate::preview::{Preview, Standing};

/// Looks in a row at which nothing moved, before a target counts as settled: the last orders that follow from a list may come after it.
const STILL: u32 = 4;

/// How long nothing moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    looks: u32,
    notes: u64,
}

// === impl Target ===

impl Target {
    /// Says how far this target is, where it rehearses.
    pub(super) fn tell_rest(&mut self) {
        let Some(preview) = self.upstream.preview.clone() else {
            return;
        };
        if let Some(standing) = self.stands(&preview) {
            preview.stands(&self.settings.name, standing);
        }
    }

    /// How it stands; `None` where whoever lost it said so.
    fn stands(&mut self, preview: &Preview) -> Option<Standing> {
        let Stage::Syncing(downstream) = &self.stage else {
            return None;
        };
        let downstream = downstream.clone();
        if self.turns.is_paused() {
            return None;
        }
        if let Some(awaited) = self.awaited(preview) {
            self.rest = Rest::default();
            return Some(Standing::Moving(awaited));
        }
        let (notes, _) = preview.activity(&self.settings.name);
        self.rest = if notes == self.rest.notes {
            Rest {
                looks: self.rest.looks.saturating_add(1),
                notes,
            }
        } else {
            Rest { looks: 1, notes }
        };
        if self.rest.looks < STILL {
            return Some(Standing::Moving("the last looks".into()));
        }
        preview.left_alone(&downstream, self.ledger.left_alone());
        let named = self.upstream.resources.iter();
        let unserved = named.filter(|resource| !downstream.resources.contains_key(&resource.gvr));
        let mut withheld: Vec<Box<str>> = self.intake.withheld().map(|gvr| gvr.to_string().into()).collect();
        withheld.sort_unstable();
        Some(Standing::Settled {
            revision: self.upstream.rulebooks.borrow().revision,
            unserved: unserved.map(|resource| resource.gvr.to_string().into()).collect(),
            withheld,
        })
    }

    /// What is awaited still, if anything is.
    fn awaited(&self, preview: &Preview) -> Option<Box<str>> {
        let Stage::Syncing(downstream) = &self.stage else {
            return Some("its API server".into());
        };
        let rules = self.upstream.rulebooks.borrow().revision;
        if self.upstream.rules_told.load(Ordering::Acquire) != rules {
            return Some("the upstream's list under the present rules".into());
        }
        let mut resources: Vec<_> = downstream.resources.keys().collect();
        resources.sort_unstable();
        let listed = |gvr: &&&syncer_core::Gvr| !self.intake.is_complete(gvr) && !self.intake.is_withheld(gvr);
        if let Some(gvr) = resources.iter().find(listed) {
            return Some(format!("the lists of {gvr}").into());
        }
        if self.intake.sweep != sweep::Progress::Over {
            return Some("the search for what no policy names any more".into());
        }
        if !self.intake.is_taken_in() || !self.intake.reports().is_empty() || self.ledger.awaits_guard() {
            return Some("what was read to be looked at".into());
        }
        let (_, passing) = preview.activity(&self.settings.name);
        if !self.turns.is_idle() || passing > 0 {
            return Some("objects that are being tried".into());
        }
        None
    }

    /// The cluster cannot be reached: nobody waits for it.
    pub(super) fn tell_unreachable(&mut self, cause: &str) {
        self.rest = Rest::default();
        if let Some(preview) = &self.upstream.preview {
            let name: &Arc<str> = &self.settings.name;
            preview.stands(name, Standing::Unreachable(cause.into()));
        }
    }
}
