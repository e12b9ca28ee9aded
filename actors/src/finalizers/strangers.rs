//! Finalizers of targets that the rules never named.

use syncer_core::ObjectKey;
use tracing::warn;

use super::FinalizerKeeper;

/// How many of them are told of.
const MOST_STRANGERS: usize = 64;

// === impl FinalizerKeeper ===

impl FinalizerKeeper {
    /// A finalizer of a target that the rules never named may be another syncer's: it stays, and that is said once.
    pub(super) fn tell_strangers(&mut self, key: &ObjectKey) {
        for finalizer in self.work.board.strangers(key) {
            if self.strangers.len() >= MOST_STRANGERS || self.strangers.contains(&finalizer) {
                continue;
            }
            warn!(
                %finalizer, kind = %key.gvr, namespace = %key.namespace, name = %key.name,
                "upstream objects carry a finalizer of a target that is not on the list, which holds up their deletion; if no other syncer \
                 has that target, take it off with release --target"
            );
            self.strangers.insert(finalizer);
        }
    }
}
