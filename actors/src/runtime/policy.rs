//! How a child is started: its key, its bound, where it runs and how often it may fail.

use std::{sync::Arc, time::Duration};

/// How to start an actor.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) key: Arc<str>,
    pub(crate) mailbox: usize,
    pub(crate) restarts: RestartPolicy,
    pub(crate) placement: Placement,
}

/// How often an actor may fail, and how long it rests in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How many failures in the window are answered by a restart; the next one is final.
    /// Failures that ended in the quarantine of a key do not count: one poisonous object must not take the others along.
    pub limit: u16,
    /// The window.
    pub window: Duration,
    /// The rest after the first failure; it doubles with each further one in the window. At least a millisecond.
    pub initial: Duration,
    /// The longest rest.
    pub max: Duration,
}

/// A [`RestartPolicy`] as each of many actors keeps it: in milliseconds, up to 49 days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    limit: u16,
    window: u32,
    initial: u32,
    max: u32,
}

/// The thread that an actor runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Its parent's.
    #[default]
    WithParent,
    /// The one with the fewest actors placed this way.
    Spread,
}

// === impl Spec ===

impl Spec {
    /// How many messages a mailbox takes unless told otherwise.
    pub const MAILBOX: usize = 64;

    /// An actor with `key`, unique among the children of its kind and parent.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self {
            key: key.into(),
            mailbox: Self::MAILBOX,
            restarts: RestartPolicy::default(),
            placement: Placement::default(),
        }
    }

    /// Bounds the mailbox to `messages`, at least one.
    #[must_use]
    pub fn mailbox(mut self, messages: usize) -> Self {
        self.mailbox = messages.clamp(1, tokio::sync::Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        self
    }

    /// Restarts it by `policy`.
    #[must_use]
    pub fn restarts(mut self, policy: RestartPolicy) -> Self {
        self.restarts = policy;
        self
    }

    /// Runs it where `placement` says.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }
}

// === impl RestartPolicy ===

impl RestartPolicy {
    /// Every failure is final: the parent decides what comes next.
    pub const NEVER: Self = Self {
        limit: 0,
        ..Self::DEFAULT
    };

    const DEFAULT: Self = Self {
        limit: 5,
        window: Duration::from_mins(1),
        initial: Duration::from_millis(20),
        max: Duration::from_secs(10),
    };
}

impl Default for RestartPolicy {
    /// Five failures a minute, resting from 20 ms to 10 s.
    fn default() -> Self {
        Self::DEFAULT
    }
}

// === impl Terms ===

impl Terms {
    pub(crate) fn policy(self) -> RestartPolicy {
        let duration = |millis| Duration::from_millis(u64::from(millis));
        RestartPolicy {
            limit: self.limit,
            window: duration(self.window),
            initial: duration(self.initial),
            max: duration(self.max),
        }
    }
}

impl From<RestartPolicy> for Terms {
    fn from(policy: RestartPolicy) -> Self {
        let millis = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        Self {
            limit: policy.limit,
            window: millis(policy.window),
            initial: millis(policy.initial),
            max: millis(policy.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_say_what_the_policy_says() {
        for policy in [RestartPolicy::default(), RestartPolicy::NEVER] {
            assert_eq!(Terms::from(policy).policy(), policy);
        }
        let long = RestartPolicy {
            window: Duration::MAX,
            ..RestartPolicy::default()
        };
        assert!(Terms::from(long).policy().window > Duration::from_hours(24 * 49));
    }
}
