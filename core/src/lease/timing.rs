//! How long a Lease lasts, and how often it is renewed.

use std::time::Duration;

/// How long a Lease lasts, and how often it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    duration: Duration,
    renew_deadline: Duration,
    retry_period: Duration,
}

/// Why such times make no election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongTiming {
    /// A Lease counts in seconds.
    #[error("the lease duration has to be whole seconds, from 1 s to 1 h")]
    Duration,
    /// Others would take over from a leader that still writes.
    #[error("the renew deadline has to be shorter than the lease duration, or two would lead at once")]
    Deadline,
    /// One try that fails would end the leader.
    #[error("the retry period has to be shorter than half of the renew deadline, and not nothing")]
    Retry,
}

// === impl Timing ===

impl Timing {
    /// The longest duration of a Lease that is believed.
    pub const LONGEST: Duration = Duration::from_hours(1);

    /// A Lease of `duration`, whose holder stops where it was not renewed for `renew_deadline`, and that is looked at every
    /// `retry_period`.
    pub fn new(duration: Duration, renew_deadline: Duration, retry_period: Duration) -> Result<Self, WrongTiming> {
        if duration.as_secs() == 0 || duration.subsec_nanos() != 0 || duration > Self::LONGEST {
            return Err(WrongTiming::Duration);
        }
        if renew_deadline >= duration {
            return Err(WrongTiming::Deadline);
        }
        if retry_period.is_zero() || retry_period.saturating_mul(2) >= renew_deadline {
            return Err(WrongTiming::Retry);
        }
        Ok(Self {
            duration,
            renew_deadline,
            retry_period,
        })
    }

    /// How long others wait for a holder that is silent.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How long a holder writes on after its last renewal.
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// The time between two looks at the Lease.
    pub fn retry_period(&self) -> Duration {
        self.retry_period
    }
}

impl Default for Timing {
    /// As the components of Kubernetes have it: 15 s, 10 s, 2 s.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}
