//! Where a process stands in an election, as others see it.

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::Election;

/// Follows where this process stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Position>);

/// Where a process stands, as a debug page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Whether it leads.
    #[serde(rename = "election")]
    pub role: Role,
    /// The Lease: `namespace/name`.
    pub lease: String,
    /// Who this process is.
    pub identity: String,
    /// Who held the Lease when it was seen last; empty while nobody was seen to.
    pub holder: String,
    /// Since when it stands there.
    pub since: Timestamp,
    /// What keeps it from reading or writing the Lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Whether the Lease was tried to be read at all.
    #[serde(skip)]
    pub(super) was_tried: bool,
}

/// Whether a process leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Somebody else does, or may.
    Standby,
    /// It does.
    Leading,
    /// It did, and never will again.
    Lost,
}

// === impl Leadership ===

impl Leadership {
    pub(super) fn of(position: watch::Receiver<Position>) -> Self {
        Self(position)
    }

    /// Where it stands now.
    pub fn position(&self) -> Position {
        self.0.borrow().clone()
    }

    /// Whether this process leads, as far as it knows. What it writes is judged by the fence, not by this.
    pub fn leads(&self) -> bool {
        self.0.borrow().role == Role::Leading
    }

    /// Whether the Lease could be read the last time, and written where it had to be.
    pub fn can_use_the_lease(&self) -> bool {
        let position = self.0.borrow();
        position.was_tried && position.problem.is_none()
    }

    /// Returns when this process leads; never, if it never does.
    pub async fn leading(&self) {
        let mut position = self.0.clone();
        if position
            .wait_for(|position| position.role == Role::Leading)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}

// === impl Position ===

impl Position {
    pub(super) fn standby(election: &Election) -> Self {
        Self {
            role: Role::Standby,
            lease: election.lease(),
            identity: election.identity.clone(),
            holder: String::new(),
            since: Timestamp::try_from(election.clock.time()).unwrap_or_default(),
            problem: None,
            was_tried: false,
        }
    }
}
