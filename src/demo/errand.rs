//! Something that has to arrive on a target.

use serde_json::Value;
use syncer_sandbox::scenario::ObjectName;
use tokio::time::Instant;

/// Something that has to arrive on a target.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// The object.
    pub(super) object: ObjectName,
    /// The target.
    pub(super) target: String,
    /// Since when.
    pub(super) since: Instant,
    /// Why.
    pub(super) cause: Cause,
    /// Whether anything was in its way.
    pub(super) way: Way,
    /// The step that it belongs to.
    pub(super) step: usize,
}

/// Why something has to arrive.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    /// It was made, changed or deleted upstream.
    Change,
    /// It was changed or deleted on the target.
    Drift,
    /// It was changed on both sides.
    Conflict(Box<TwoSides>),
}

/// The two sides of a conflict, as merge patches.
#[derive(Clone, Debug)]
pub(super) struct TwoSides {
    pub(super) upstream: Value,
    pub(super) downstream: Value,
}

/// Whether anything is in the way of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Both servers are well all the time.
    Clear,
    /// One of them is not, or was not.
    Disturbed,
}

/// Who won a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// The upstream's value is on both sides.
    Upstream,
    /// The target's value is on both sides.
    Downstream,
    /// The object went on, or went away, before it was settled.
    Overtaken,
}

// === impl TwoSides ===

impl TwoSides {
    /// Who won, by what the upstream says now that both sides agree.
    pub(super) fn verdict(&self, upstream: Option<&Value>) -> Verdict {
        let Some(object) = upstream else {
            return Verdict::Overtaken;
        };
        if holds(object, &self.upstream) {
            Verdict::Upstream
        } else if holds(object, &self.downstream) {
            Verdict::Downstream
        } else {
            Verdict::Overtaken
        }
    }
}

// === impl Verdict ===

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
            Self::Overtaken => "overtaken",
        }
    }
}

/// Whether `object` has every leaf of `patch`.
fn holds(object: &Value, patch: &Value) -> bool {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => patch
            .iter()
            .all(|(name, value)| object.get(name).is_some_and(|found| holds(found, value))),
        _ => object == patch,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whose_value_is_on_both_sides_has_won() {
        let sides = TwoSides {
            upstream: json!({"data": {"value": "u"}}),
            downstream: json!({"data": {"value": "d"}}),
        };
        let of = |value: &str| sides.verdict(Some(&json!({"data": {"value": value, "more": "x"}})));
        assert_eq!(of("u"), Verdict::Upstream);
        assert_eq!(of("d"), Verdict::Downstream);
        assert_eq!(of("x"), Verdict::Overtaken);
        assert_eq!(sides.verdict(None), Verdict::Overtaken);
    }
}
