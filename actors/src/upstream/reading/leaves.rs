//! When the leaves of an object were written.

use syncer_clusters::Object;
use syncer_core::{
    config::Strategy,
    conflict::{LeafHasher, Moment, Schema, leaves_of},
};

use super::{Completeness, UpstreamReading, Want};
use crate::prescription::{is_namespace, is_secret};

// === impl UpstreamReading ===

impl UpstreamReading {
    /// Remembers when the leaves of `object` were written, where the later write wins.
    pub(super) fn show_leaves(&self, object: &Object, wants: &[Want]) {
        let later_wins = |want: &Want| want.prescription.spec().conflict.strategy == Strategy::LastWriteWins;
        // What is read again beside the watch follows on nothing.
        if self.completeness == Completeness::Part || is_namespace(&self.resource) || !wants.iter().any(later_wins) {
            return;
        }
        let Ok(tree) = object.to_value() else { return };
        let gvr = &self.resource.gvr;
        let hasher = if is_secret(&self.resource) {
            LeafHasher::Keyed(self.base.bodies.hash_key())
        } else {
            LeafHasher::Plain
        };
        let leaves = leaves_of(gvr, &Schema::of(gvr), hasher, &tree);
        let offset = self.base.cluster.clock_offset();
        let offset = offset.map_or(0, |offset| i64::try_from(offset.offset.as_millis()).unwrap_or_default());
        let docket = &self.base.arbiter.docket;
        let now = Moment(docket.now().0.saturating_add(offset));
        docket.shown(object.key(), leaves, now, self.succession);
    }
}
