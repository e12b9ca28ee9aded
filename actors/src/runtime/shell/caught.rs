//! Running code that is not ours: what it throws becomes a cause.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::warn;

use crate::runtime::{Failure, Place, exit::Cause};

/// Runs code that is not ours.
pub(super) fn caught<T>(place: Place, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failure)) => Err(Cause::error(place, failure)),
        Err(panic) => Err(Cause::panic(place, &*panic)),
    }
}

/// Drops something of which we do not know what its drop does.
pub(super) fn drop_caught<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let cause = Cause::panic(Place::Task, &*panic);
        warn!(%cause, "a drop panicked");
    }
}

/// Runs code of ours that drops things that are not.
pub(super) fn quietly(run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        let cause = Cause::panic(Place::Task, &*panic);
        warn!(%cause, "a drop panicked");
    }
}
