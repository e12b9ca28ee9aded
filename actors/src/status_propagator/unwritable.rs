//! Resources whose status the upstream does not take: said once, not per object.

use std::{collections::HashMap, time::Duration};

use syncer_core::Gvr;
use tokio::time::Instant;

/// How long a resource without a status subresource is left alone: it may be defined anew.
pub(super) const UNSERVED: Duration = Duration::from_mins(10);
/// How long a resource is left alone whose status may not be written: the permission may come.
pub(super) const FORBIDDEN: Duration = Duration::from_secs(30);

/// The resources that are left alone.
#[derive(Default)]
pub(super) struct Unwritable(HashMap<Gvr, LeftAlone>);

struct LeftAlone {
    until: Instant,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// There is no status subresource.
    Unserved,
    /// It may not be written.
    Forbidden,
}

// === impl Unwritable ===

impl Unwritable {
    /// There is no status subresource of `gvr`; says whether that is news.
    pub(super) fn unserved(&mut self, gvr: &Gvr, now: Instant) -> bool {
        self.leave_alone(gvr, now + UNSERVED, Why::Unserved)
    }

    /// The status of `gvr` may not be written; says whether that is news.
    pub(super) fn forbidden(&mut self, gvr: &Gvr, now: Instant) -> bool {
        self.leave_alone(gvr, now + FORBIDDEN, Why::Forbidden)
    }

    /// Until when `gvr` is left alone.
    pub(super) fn until(&self, gvr: &Gvr, now: Instant) -> Option<Instant> {
        let left_alone = self.0.get(gvr)?;
        (left_alone.until > now).then_some(left_alone.until)
    }

    fn leave_alone(&mut self, gvr: &Gvr, until: Instant, why: Why) -> bool {
        let known = self.0.insert(gvr.clone(), LeftAlone { until, why });
        known.is_none_or(|known| known.why != why)
    }
}
