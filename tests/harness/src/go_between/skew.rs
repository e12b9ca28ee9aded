//! What an API server would answer whose clock is wrong: its `Date`, and the times that it writes into metadata. What controllers and
//! clients write themselves (conditions, annotations) has their time, and stays.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde_json::Value;

/// How far a clock is ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skew(SignedDuration);

// === impl Skew ===

impl Skew {
    /// Ahead by so many seconds.
    pub(super) fn of_seconds(seconds: i64) -> Self {
        Self(SignedDuration::from_secs(seconds))
    }

    pub(super) fn is_none(self) -> bool {
        self.0.is_zero()
    }

    /// The `Date` of an answer.
    pub(super) fn date(self, header: &str) -> String {
        let shifted = rfc2822::parse(header)
            .ok()
            .and_then(|date| date.timestamp().checked_add(self.0).ok());
        let printed = shifted.and_then(|date| rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok());
        printed.unwrap_or_else(|| header.to_owned())
    }

    /// A JSON document: an object, a list, or the event of a watch. Anything else stays as it is.
    pub(super) fn document(self, text: &[u8]) -> Vec<u8> {
        let Ok(mut document) = serde_json::from_slice::<Value>(text) else {
            return text.to_vec();
        };
        self.object(&mut document);
        if let Some(object) = document.get_mut("object") {
            self.object(object);
        }
        let items = document.get_mut("items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            self.object(item);
        }
        let mut shifted = document.to_string().into_bytes();
        if text.ends_with(b"\n") {
            shifted.push(b'\n');
        }
        shifted
    }

    fn object(self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        for field in ["creationTimestamp", "deletionTimestamp"] {
            if let Some(time) = metadata.get_mut(field) {
                self.time(time);
            }
        }
        let entries = metadata.get_mut("managedFields").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            if let Some(time) = entry.get_mut("time") {
                self.time(time);
            }
        }
    }

    fn time(self, time: &mut Value) {
        let parsed = time.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if let Some(shifted) = parsed.and_then(|parsed| parsed.checked_add(self.0).ok()) {
            *time = shifted.to_string().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AHEAD: Skew = Skew(SignedDuration::from_mins(5));

    #[test]
    fn the_date_is_that_of_the_wrong_clock() {
        assert_eq!(
            AHEAD.date("Mon, 23 Nov 2026 23:58:00 GMT"),
            "Tue, 24 Nov 2026 00:03:00 GMT"
        );
        assert_eq!(AHEAD.date("yesterday"), "yesterday");
    }

    #[test]
    fn times_of_metadata_move_and_what_people_write_stays() {
        let object = |time: &str| {
            json!({
                "metadata": {
                    "creationTimestamp": time, "annotations": {"time": "2026-11-23T10:00:00Z"},
                    "managedFields": [{"manager": "kubectl", "time": time}],
                },
                "data": {"time": "2026-11-23T10:00:00Z"},
            })
        };
        let (before, after) = (object("2026-11-23T10:00:00Z"), object("2026-11-23T10:05:00Z"));
        let shifted =
            |document: &Value| serde_json::from_slice::<Value>(&AHEAD.document(document.to_string().as_bytes()));
        assert_eq!(shifted(&before).unwrap(), after);
        let (list, moved) = (
            json!({"metadata": {}, "items": [before]}),
            json!({"metadata": {}, "items": [after]}),
        );
        assert_eq!(shifted(&list).unwrap(), moved);
        let (event, moved) = (
            json!({"type": "ADDED", "object": before}),
            json!({"type": "ADDED", "object": after}),
        );
        assert_eq!(shifted(&event).unwrap(), moved);
        assert_eq!(AHEAD.document(b"ok\n"), b"ok\n");
    }
}
