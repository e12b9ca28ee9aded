//! What an Event says in one word, and how loud.

use std::fmt;

/// The `reason` of an Event on an upstream object, or on a SyncTarget for what concerns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventReason {
    /// The object is on its target again; said only after a failure.
    Synced,
    /// The object could not be written to a target.
    SyncFailed,
    /// Upstream and target changed the same field differently.
    Conflict,
    /// Somebody changed the downstream object, and the change was taken back.
    DriftReverted,
    /// Somebody changes the same field again and again: it is left alone for a while.
    FightDetected,
    /// An object of somebody else has the name downstream.
    AdoptionRefused,
    /// The target does not let a field be changed.
    ImmutableField,
    /// A transform of the policy fails: what went down last stays (S11).
    TransformFailed,
    /// Another policy decides for this object and target.
    Shadowed,
    /// Another upstream object has the downstream name.
    NameTaken,
    /// Another manager writes the object's status: it is not written any more.
    StatusContended,
    /// The target's API server cannot be reached.
    TargetUnreachable,
    /// Too much would be deleted at once: nothing is, until it is confirmed (S3).
    MassDeletionHeld,
    /// Another upstream answers under the address: nothing is written or deleted.
    UpstreamReplaced,
    /// A namespace on the target is somebody else's: it is used as it is, without the labels and annotations it was to have.
    NamespaceNotOurs,
}

/// The `type` of an Event, which decides how `kubectl` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventType {
    /// Nobody has to do anything.
    Normal,
    /// Somebody may have to.
    Warning,
}

// === impl EventReason ===

impl EventReason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Synced,
        Self::SyncFailed,
        Self::Conflict,
        Self::DriftReverted,
        Self::FightDetected,
        Self::AdoptionRefused,
        Self::ImmutableField,
        Self::TransformFailed,
        Self::Shadowed,
        Self::NameTaken,
        Self::StatusContended,
        Self::TargetUnreachable,
        Self::MassDeletionHeld,
        Self::UpstreamReplaced,
        Self::NamespaceNotOurs,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::SyncFailed => "SyncFailed",
            Self::Conflict => "Conflict",
            Self::DriftReverted => "DriftReverted",
            Self::FightDetected => "FightDetected",
            Self::AdoptionRefused => "AdoptionRefused",
            Self::ImmutableField => "ImmutableField",
            Self::TransformFailed => "TransformFailed",
            Self::Shadowed => "Shadowed",
            Self::NameTaken => "NameTaken",
            Self::StatusContended => "StatusContended",
            Self::TargetUnreachable => "TargetUnreachable",
            Self::MassDeletionHeld => "MassDeletionHeld",
            Self::UpstreamReplaced => "UpstreamReplaced",
            Self::NamespaceNotOurs => "NamespaceNotOurs",
        }
    }

    /// How loud it is.
    pub fn event_type(self) -> EventType {
        match self {
            Self::Synced | Self::DriftReverted | Self::Shadowed => EventType::Normal,
            Self::SyncFailed
            | Self::Conflict
            | Self::FightDetected
            | Self::AdoptionRefused
            | Self::ImmutableField
            | Self::TransformFailed
            | Self::NameTaken
            | Self::StatusContended
            | Self::TargetUnreachable
            | Self::MassDeletionHeld
            | Self::UpstreamReplaced
            | Self::NamespaceNotOurs => EventType::Warning,
        }
    }
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl EventType ===

impl EventType {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The words are what users filter by: they change for nobody.
    #[test]
    fn the_words_are_those_of_the_documentation() {
        let words = EventReason::ALL.map(EventReason::as_str);
        let expected = "Synced SyncFailed Conflict DriftReverted FightDetected AdoptionRefused ImmutableField \
            TransformFailed Shadowed NameTaken StatusContended TargetUnreachable MassDeletionHeld UpstreamReplaced \
            NamespaceNotOurs";
        assert_eq!(words.join(" "), expected);
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
    }

    #[test]
    fn what_somebody_may_have_to_act_on_is_a_warning() {
        let quiet: Vec<_> = EventReason::ALL
            .into_iter()
            .filter(|reason| reason.event_type() == EventType::Normal)
            .collect();
        assert_eq!(
            quiet,
            [EventReason::Synced, EventReason::DriftReverted, EventReason::Shadowed]
        );
    }
}
