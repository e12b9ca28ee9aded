//! Conditions of our own types: what is stated, whether it is so, how bad it is, why, and since when.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is stated.
    pub kind: &'static str,
    /// Whether it is so.
    pub truth: Truth,
    /// How bad it is as it is; none where it is well.
    pub severity: Option<Severity>,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence; empty where the word says it all. At most [`LONGEST_MESSAGE`] bytes are shown.
    pub message: String,
    /// Whether a change of it is written at once, or with the next heartbeat.
    pub urgency: Urgency,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is.
    True,
    /// It is not.
    False,
    /// Nobody knows.
    Unknown,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody has to do something.
    Error,
    /// Somebody may have to.
    Warning,
    /// Nobody has to.
    Info,
}

/// Whether a change is written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It is.
    AtOnce,
    /// It waits for the next heartbeat: it comes and goes with the work.
    WithHeartbeat,
}

/// The longest message, in bytes.
pub const LONGEST_MESSAGE: usize = 1024;

// === impl Condition ===

impl Condition {
    /// All is well: `kind` is so.
    pub fn good(kind: &'static str, reason: &'static str) -> Self {
        Self {
            kind,
            truth: Truth::True,
            severity: None,
            reason,
            message: String::new(),
            urgency: Urgency::AtOnce,
        }
    }

    /// `kind` is not so.
    pub fn bad(kind: &'static str, severity: Severity, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::False,
            severity: Some(severity),
            message: message.into(),
            ..Self::good(kind, reason)
        }
    }

    /// Nobody knows whether `kind` is so.
    pub fn unknown(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::Unknown,
            message: message.into(),
            ..Self::good(kind, reason)
        }
    }

    /// The same, with another truth: for what is better not so.
    #[must_use]
    pub fn being(mut self, truth: Truth) -> Self {
        self.truth = truth;
        self
    }

    /// The same, written with the next heartbeat.
    #[must_use]
    pub fn with_heartbeat(mut self) -> Self {
        self.urgency = Urgency::WithHeartbeat;
        self
    }

    /// As it is written: since `now`, or since when it has been so in `status`.
    fn written(&self, status: &Value, generation: i64, now: Timestamp) -> Value {
        let mut written = Map::new();
        written.insert("type".into(), self.kind.into());
        written.insert("status".into(), self.truth.as_str().into());
        if let Some(severity) = self.severity {
            written.insert("severity".into(), severity.as_str().into());
        }
        written.insert("reason".into(), self.reason.into());
        if !self.message.is_empty() {
            let end = self.message.floor_char_boundary(LONGEST_MESSAGE);
            written.insert("message".into(), self.message.get(..end).unwrap_or_default().into());
        }
        let since = known(status, self.kind)
            .filter(|known| known.get("status").and_then(Value::as_str) == Some(self.truth.as_str()))
            .and_then(|known| known.get("lastTransitionTime")?.as_str())
            .map_or_else(|| second(now), str::to_owned);
        written.insert("lastTransitionTime".into(), since.into());
        if generation > 0 {
            written.insert("observedGeneration".into(), json!(generation));
        }
        Value::Object(written)
    }
}

/// `conditions` as they are written into a status that was `status` before; of an object of this generation, 0 for none.
pub fn written(conditions: &[Condition], status: &Value, generation: i64, now: Timestamp) -> Value {
    let written = conditions.iter();
    written
        .map(|condition| condition.written(status, generation, now))
        .collect()
}

/// Whether one of `conditions` that is written at once differs from what `status` says, in more than its words.
pub fn is_news(conditions: &[Condition], status: &Value) -> bool {
    let urgent = conditions
        .iter()
        .filter(|condition| condition.urgency == Urgency::AtOnce);
    let said = |condition: &Condition| {
        let known = known(status, condition.kind)?;
        let text = |name| known.get(name).and_then(Value::as_str).unwrap_or_default();
        let severity = condition.severity.map_or("", Severity::as_str);
        Some(
            text("status") == condition.truth.as_str()
                && text("reason") == condition.reason
                && text("severity") == severity,
        )
    };
    urgent.into_iter().any(|condition| said(condition) != Some(true))
}

/// The condition `kind` in `status`.
pub fn known<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status.get("conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
}

/// `time` in whole seconds, as the API has times.
pub fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}

// === impl Truth ===

impl Truth {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

// === impl Severity ===

impl Severity {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Info => "Info",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(conditions: &[Condition], before: &Value, now: i64) -> Value {
        json!({"conditions": written(conditions, before, 3, at(now))})
    }

    #[test]
    fn the_time_moves_with_the_truth_alone() {
        let good = [Condition::good("Ready", "AllIsWell")];
        let first = status(&good, &Value::Null, 1);
        assert_eq!(
            first["conditions"][0],
            json!({"type": "Ready", "status": "True", "reason": "AllIsWell",
                "lastTransitionTime": "1970-01-01T00:00:01Z", "observedGeneration": 3})
        );
        assert_eq!(status(&good, &first, 2), first);
        let bad = |reason| [Condition::bad("Ready", Severity::Error, reason, "gone")];
        let lost = status(&bad("Lost"), &first, 3);
        assert_eq!(lost["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:03Z");
        assert_eq!(lost["conditions"][0]["severity"], "Error");
        let refused = status(&bad("Refused"), &lost, 4);
        assert_eq!(refused["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:03Z");
    }

    #[test]
    fn other_words_are_no_news_and_what_waits_for_the_heartbeat_is_none() {
        let bad = |reason, message: &str| [Condition::bad("Ready", Severity::Error, reason, message)];
        let known = status(&bad("Lost", "a"), &Value::Null, 1);
        assert!(!is_news(&bad("Lost", "b"), &known));
        assert!(is_news(&bad("Refused", "a"), &known));
        assert!(is_news(&[Condition::good("Ready", "Lost")], &known));
        assert!(is_news(&bad("Lost", "a"), &Value::Null));
        assert!(!is_news(
            &[Condition::good("Synced", "Synced").with_heartbeat()],
            &known
        ));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = Condition::bad("Ready", Severity::Info, "Long", "ä".repeat(LONGEST_MESSAGE));
        let shown = written(&[long], &Value::Null, 0, at(1));
        assert_eq!(shown[0]["message"].as_str().unwrap().len(), LONGEST_MESSAGE);
        assert_eq!(shown[0].get("observedGeneration"), None);
    }
}
