//! A Lease as it was read.

use std::time::Duration;

use serde_json::Value;

use super::Timing;

/// The seconds that a Lease is given by the holder that gives it up. Nobody else writes so few: it says that the holder has stopped.
pub(super) const RELEASED: u64 = 1;

/// A Lease as it was read. What makes no sense in it is read as if it were not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its UID.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// Who holds it; empty if nobody does.
    pub holder: String,
    /// How long its holder wants to be waited for.
    pub(super) duration: Option<Duration>,
    /// How often it went from one to another.
    pub(super) transitions: i64,
    /// Everything that a renewal changes; what else changes, such as a label, is none.
    pub(super) pulse: String,
}

// === impl Record ===

impl Record {
    /// The Lease of this UID and version, with this spec.
    pub fn new(uid: &str, version: &str, spec: &Value) -> Self {
        let seconds = spec.get("leaseDurationSeconds").and_then(Value::as_u64);
        let duration = seconds.map(Duration::from_secs);
        Self {
            uid: uid.to_owned(),
            version: version.to_owned(),
            holder: spec
                .get("holderIdentity")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            duration: duration.filter(|duration| !duration.is_zero() && *duration <= Timing::LONGEST),
            transitions: spec
                .get("leaseTransitions")
                .and_then(Value::as_i64)
                .unwrap_or_default()
                .max(0),
            pulse: spec.to_string(),
        }
    }

    /// Whether its last holder gave it up, and so has stopped.
    pub(super) fn is_released(&self) -> bool {
        self.holder.is_empty() && self.duration == Some(Duration::from_secs(RELEASED))
    }
}
