//! Clusters with a running syncer, for tests that only look at what it does.

use std::sync::LazyLock;

use syncer_harness::{FailureReport, Syncer};

use crate::world::World;

static SHARED: LazyLock<(World, Syncer)> = LazyLock::new(|| {
    let world = World::start();
    let syncer = world.run();
    (world, syncer)
});

/// One test's use of the shared clusters.
pub(super) struct Shared {
    pub(super) world: &'static World,
    _reports: [FailureReport<'static>; 2],
}

// === impl Shared ===

impl Shared {
    pub(super) fn get() -> Self {
        let (world, syncer) = &*SHARED;
        Self {
            world,
            _reports: [FailureReport::on([syncer.process()]), world.report()],
        }
    }
}
