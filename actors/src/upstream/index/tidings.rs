//! What has to be told to whom.

use std::sync::Arc;

use syncer_core::ObjectKey;
use tokio::time::Instant;

use crate::target::Order;

/// What has to be told to whom.
pub(crate) type Tidings = Vec<Tiding>;

/// A target, an object, and what is ordered of it there.
pub(crate) type Tiding = (Arc<str>, ObjectKey, Order);

/// The same, with the time at which the news was read.
pub(crate) fn dated((target, key, mut order): Tiding, at: Instant) -> Tiding {
    if let Order::Wanted { seen, .. } = &mut order {
        *seen = Some(at);
    }
    (target, key, order)
}
