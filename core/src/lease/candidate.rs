//! One replica that wants to lead.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Record, Timing, record::RELEASED};

/// One replica that wants to lead, and what it knows of the Lease. It decides; somebody else reads and writes.
#[derive(Clone, Debug)]
pub struct Candidate {
    identity: String,
    timing: Timing,
    standing: Standing,
    known: Known,
    /// What was seen last, to tell a renewal by.
    pub(super) pulse: Option<String>,
    /// Until when somebody else may lead; none while nobody was ever seen to.
    busy_until: Option<Duration>,
}

/// Where a replica stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody else leads, or may lead.
    Standby,
    /// It leads, and may write until then.
    Leading {
        /// When it has to have stopped, unless it renews the Lease before.
        until: Duration,
    },
    /// It led, and never will again: its process ends.
    Lost(Loss),
}

/// Why a replica does not lead any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// No renewal succeeded in time.
    #[error("the Lease was not renewed in time")]
    NotRenewed,
    /// Somebody else holds it.
    #[error("{0} holds the Lease")]
    Taken(String),
    /// It was given up, in an orderly way.
    #[error("the Lease was given up")]
    GivenUp,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The Lease is to be read: [`Candidate::observe`].
    Look,
    /// The Lease is to be written: [`Candidate::written`], [`Candidate::refused`] or [`Candidate::unanswered`].
    Write(Claim),
    /// Nothing, until the next round.
    Rest,
}

/// A write of the Lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// What it is written over, and nothing else.
    pub over: Over,
    /// The fields of its spec.
    pub spec: Value,
}

/// What a Lease is written over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// None: it is created.
    Absence,
    /// This one.
    Version {
        /// Its UID.
        uid: String,
        /// Its resourceVersion.
        version: String,
    },
}

/// What is known of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing that can be written over.
    Unread,
    /// There is none.
    Absent,
    /// It is there.
    Present(Record),
}

// === impl Candidate ===

impl Candidate {
    /// One that has read nothing yet. `identity` is of this process alone: one that is started again is another one.
    pub fn new(identity: impl Into<String>, timing: Timing) -> Self {
        Self {
            identity: identity.into(),
            timing,
            standing: Standing::Standby,
            known: Known::Unread,
            pulse: None,
            busy_until: None,
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Where it stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Who held the Lease when it was read or written last; empty if nobody did.
    pub fn holder(&self) -> &str {
        match &self.known {
            Known::Present(record) => &record.holder,
            Known::Unread | Known::Absent => "",
        }
    }

    /// A round begins. Who does not lead reads the Lease anew.
    pub fn begin(&mut self) {
        if self.standing == Standing::Standby {
            self.known = Known::Unread;
        }
    }

    /// What is to be done at `now`; `time` is the time of day, for people.
    pub fn step(&mut self, now: Duration, time: Timestamp) -> Step {
        self.expire(now);
        let is_free = match self.standing {
            Standing::Lost(_) => return Step::Rest,
            Standing::Leading { .. } => true,
            Standing::Standby => self.busy_until.is_none_or(|until| now >= until),
        };
        match &self.known {
            Known::Unread => Step::Look,
            // Its own name in the Lease is no right to lead at once: a write that it had given up may have arrived after somebody deleted
            // the Lease of another, who may not have noticed.
            Known::Absent | Known::Present(_) if !is_free => Step::Rest,
            Known::Absent => Step::Write(self.claim(None, time)),
            Known::Present(record) => Step::Write(self.claim(Some(record), time)),
        }
    }

    /// The Lease was read; `now` is when the answer was there.
    pub fn observe(&mut self, now: Duration, record: Option<Record>) {
        let pulse = record.as_ref().map(|record| record.pulse.clone());
        let holder = record.as_ref().map(|record| record.holder.as_str()).unwrap_or_default();
        if !holder.is_empty() && holder != self.identity {
            if matches!(self.standing, Standing::Leading { .. }) {
                self.standing = Standing::Lost(Loss::Taken(holder.to_owned()));
            }
            if pulse != self.pulse {
                // Its holder wants to be waited for that long, whatever is configured here.
                let duration = record.as_ref().and_then(|record| record.duration);
                self.busy_until = Some(now + duration.unwrap_or(self.timing.duration()));
            }
        } else if record.as_ref().is_some_and(Record::is_released) {
            self.busy_until = Some(now);
        } else if holder.is_empty() && pulse != self.pulse && (self.pulse.is_some() || self.busy_until.is_some()) {
            // Deleted, or emptied by a stranger: its holder may not have noticed yet.
            self.busy_until = Some(now + self.timing.duration());
        }
        self.pulse = pulse;
        self.known = record.map_or(Known::Absent, Known::Present);
    }

    /// The write that was sent at `sent` succeeded, which is known since `now`, and the Lease is `record`.
    pub fn written(&mut self, sent: Duration, now: Duration, record: Record) {
        self.expire(now);
        let until = sent + self.timing.renew_deadline();
        self.pulse = Some(record.pulse.clone());
        self.known = Known::Present(record);
        match self.standing {
            Standing::Lost(_) => {}
            // Too late to begin by: the next round renews it.
            Standing::Standby if now >= until => {}
            Standing::Standby | Standing::Leading { .. } => self.standing = Standing::Leading { until },
        }
    }

    /// The write was refused, because the Lease is another one by now.
    pub fn refused(&mut self) {
        self.known = Known::Unread;
    }

    /// There was no answer: the write may have happened, so it is looked at, and nothing is taken for granted.
    pub fn unanswered(&mut self) {
        self.known = Known::Unread;
    }

    /// Stops leading where the time is up.
    pub fn expire(&mut self, now: Duration) {
        if matches!(self.standing, Standing::Leading { until } if now >= until) {
            self.standing = Standing::Lost(Loss::NotRenewed);
        }
    }

    /// Stops for good, leading or not. Whether it led: then the Lease is to be read, and given up.
    pub fn stop(&mut self) -> bool {
        let led = matches!(self.standing, Standing::Leading { .. });
        if !matches!(self.standing, Standing::Lost(_)) {
            self.standing = Standing::Lost(Loss::GivenUp);
        }
        led
    }

    /// The write by which others learn that they need not wait, where `record` is what the Lease is now. None if it is not ours. Only after
    /// [`Candidate::stop`], and after everything that writes has stopped.
    pub fn give_up(&self, record: &Record, time: Timestamp) -> Option<Claim> {
        let stopped = self.standing == Standing::Lost(Loss::GivenUp);
        (stopped && record.holder == self.identity).then(|| Claim {
            over: Over::of(record),
            spec: json!({
                "holderIdentity": "",
                "leaseDurationSeconds": RELEASED,
                "renewTime": micro_time(time),
            }),
        })
    }

    fn claim(&self, record: Option<&Record>, time: Timestamp) -> Claim {
        let now = micro_time(time);
        let mut spec = json!({
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.timing.duration().as_secs(),
            "renewTime": now,
        });
        let is_ours = record.is_some_and(|record| record.holder == self.identity);
        if !is_ours && let Some(spec) = spec.as_object_mut() {
            let transitions = record.map_or(0, |record| record.transitions.saturating_add(1).min(i32::MAX.into()));
            spec.insert("acquireTime".into(), now.into());
            spec.insert("leaseTransitions".into(), transitions.into());
        }
        Claim {
            over: record.map_or(Over::Absence, Over::of),
            spec,
        }
    }
}

// === impl Over ===

impl Over {
    fn of(record: &Record) -> Self {
        Self::Version {
            uid: record.uid.clone(),
            version: record.version.clone(),
        }
    }
}

/// As `metav1.MicroTime` writes it.
fn micro_time(time: Timestamp) -> String {
    format!("{time:.6}")
}
