//! What was decided about a leaf, for people to read.

use std::fmt;

use super::{
    leaf::{LeafId, LeafPath},
    time::{Certainty, Moment},
};

/// What was decided about one leaf, other than "nothing to do". Values of Secrets are keyed hashes (S8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where the leaf is.
    pub path: LeafPath,
    /// Stands for it.
    pub leaf: LeafId,
    /// The upstream's side.
    pub upstream: Said,
    /// The target's side.
    pub downstream: Said,
    /// Whose value it is now.
    pub winner: Winner,
    /// Why.
    pub why: Why,
}

/// What one side had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The value, short; `None` where there was none.
    pub value: Option<Box<str>>,
    /// Who wrote it, where that is known.
    pub manager: Option<Box<str>>,
    /// When, on our clock, where that was asked.
    pub time: Option<(Moment, Certainty)>,
    /// The target that it was written back from.
    pub target: Option<Box<str>>,
}

/// Whose value a leaf has after a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Winner {
    /// The upstream's is written downstream.
    Upstream,
    /// The target's is kept, and is not written upstream.
    Downstream,
    /// The target's is written upstream.
    WrittenBack,
    /// Both sides have the same.
    Same,
}

/// Why a leaf was decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Only the target changed it.
    OnlyDownstream,
    /// Both sides changed it, to the same value.
    SameValue,
    /// Both sides changed it, and the strategy lets the upstream win.
    Conflict,
    /// Both sides changed it, and this write was the later one.
    Later,
    /// Both sides changed it, and the times are too near to tell.
    Tie,
    /// Only the target has it, and it never came from the upstream.
    Foreign,
    /// A transform of the policy makes or removes it.
    Produced,
    /// A rule of the policy gives it to one side.
    FieldRule,
    /// It is fought over, and left alone for a while.
    Fight,
}

// === impl Why ===

impl Why {
    /// In a word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::OnlyDownstream => "only-downstream",
            Self::SameValue => "same-value",
            Self::Conflict => "conflict",
            Self::Later => "later",
            Self::Tie => "tie",
            Self::Foreign => "foreign",
            Self::Produced => "produced",
            Self::FieldRule => "field-rule",
            Self::Fight => "fight",
        }
    }

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnlyDownstream => "only the target changed it",
            Self::SameValue => "both sides changed it to the same value",
            Self::Conflict => "both sides changed it, and the upstream wins",
            Self::Later => "both sides changed it, and this is the later write",
            Self::Tie => "both sides changed it at times too near to tell, and the upstream wins",
            Self::Foreign => "only the target has it",
            Self::Produced => "a transform of the policy decides about it",
            Self::FieldRule => "a rule of the policy gives it to one side",
            Self::Fight => "it is fought over and left alone for a while",
        }
    }
}

// === impl Winner ===

impl Winner {
    /// In a word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "target",
            Self::WrittenBack => "written-back",
            Self::Same => "both",
        }
    }

    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "target",
            Self::WrittenBack => "target, written back",
            Self::Same => "both",
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Whether one of the times is only the latest that it can have been.
    pub fn is_estimate(&self) -> bool {
        let estimated = |said: &Said| matches!(said.time, Some((_, Certainty::Estimated)));
        estimated(&self.upstream) || estimated(&self.downstream)
    }

    /// Whether people are told: both sides changed the leaf, and one of them lost.
    pub fn is_conflict(&self) -> bool {
        matches!(self.why, Why::Conflict | Why::Later | Why::Tie)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: upstream {}, target {}; {}: {}",
            self.path,
            self.upstream,
            self.downstream,
            self.winner.as_str(),
            self.why.as_str()
        )?;
        if self.is_estimate() {
            f.write_str(" (times estimated)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value.as_deref().unwrap_or("none"))?;
        if let Some(manager) = &self.manager {
            write!(f, " by {manager}")?;
        }
        if let Some(target) = &self.target {
            write!(f, " from {target}")?;
        }
        if let Some((time, _)) = self.time {
            write!(f, " at {time}")?;
        }
        Ok(())
    }
}
