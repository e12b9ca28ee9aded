//! What was told last, for people who look at the page: bounded, in memory, gone with the process.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use super::EventKey;

/// How many different things are remembered; the one not told for longest gives way.
const MOST: usize = 200;

/// What was told last. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Recent(Arc<Mutex<VecDeque<Happening>>>);

/// One thing that was told, once or more often.
#[derive(Clone, Debug)]
struct Happening {
    key: Arc<EventKey>,
    times: u64,
    last: SystemTime,
}

/// One thing that was told, as a page shows it. It says no more than its Event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HappeningView {
    /// When it was told last, RFC 3339.
    pub last: String,
    /// How often it was told since the start, or since it was forgotten.
    pub times: u64,
    /// The reason of the Event.
    pub reason: &'static str,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub event_type: &'static str,
    /// The resource, as in `deployments.apps`.
    pub resource: String,
    /// The logical cluster; empty on a plain upstream.
    pub workspace: String,
    /// The namespace; empty for what has none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// What was told.
    pub note: String,
}

// === impl Recent ===

impl Recent {
    /// `key` was told so many `times`, the last one at `last`.
    pub(super) fn remember(&self, key: &Arc<EventKey>, times: u32, last: SystemTime) {
        let mut happenings = self.0.lock();
        let known = happenings.iter().position(|happening| happening.key == *key);
        let before = known.and_then(|place| happenings.remove(place));
        happenings.push_front(Happening {
            key: key.clone(),
            times: before.map_or(0, |before| before.times).saturating_add(u64::from(times)),
            last,
        });
        happenings.truncate(MOST);
    }

    /// What was told, the latest first.
    pub fn view(&self) -> Vec<HappeningView> {
        // Rendered outside the lock: the recorder must not wait for a page.
        let happenings: Vec<_> = self.0.lock().iter().cloned().collect();
        happenings.iter().map(Happening::view).collect()
    }
}

// === impl Happening ===

impl Happening {
    fn view(&self) -> HappeningView {
        let EventKey { subject, reason, note } = &*self.key;
        HappeningView {
            last: spelled(self.last),
            times: self.times,
            reason: reason.as_str(),
            event_type: reason.event_type().as_str(),
            resource: subject.key.gvr.to_string(),
            workspace: subject.key.cluster.to_string(),
            namespace: subject.key.namespace.to_string(),
            name: subject.key.name.to_string(),
            note: note.to_string(),
        }
    }
}

/// In whole seconds, as Events have it.
fn spelled(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::key, *};

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn the_latest_comes_first_and_what_repeats_is_counted() {
        let recent = Recent::default();
        let (one, other) = (key("", "shop", "one", "it broke"), key("", "shop", "other", "it broke"));
        recent.remember(&one, 1, at(1));
        recent.remember(&other, 1, at(2));
        recent.remember(&one, 2, at(3));
        let seen: Vec<_> = recent.view().into_iter().map(|h| (h.name, h.times, h.last)).collect();
        let expected = [("one", 3, "1970-01-01T00:00:03Z"), ("other", 1, "1970-01-01T00:00:02Z")];
        assert_eq!(
            seen,
            expected.map(|(name, times, last)| (name.to_owned(), times, last.to_owned()))
        );
    }

    #[test]
    fn it_is_bounded_and_forgets_the_oldest() {
        let recent = Recent::default();
        for number in 0..=MOST as u64 {
            recent.remember(&key("", "shop", &format!("web-{number}"), "it broke"), 1, at(number));
        }
        let seen = recent.view();
        assert_eq!(seen.len(), MOST);
        assert!(!seen.iter().any(|happening| happening.name == "web-0"));
    }

    #[test]
    fn it_says_what_the_event_says() {
        let recent = Recent::default();
        recent.remember(&key("3a1", "shop", "web", "it broke"), 1, at(0));
        let view = serde_json::to_value(recent.view()).unwrap();
        let expected = serde_json::json!([{
            "last": "1970-01-01T00:00:00Z", "times": 1, "reason": "SyncFailed", "type": "Warning",
            "resource": "configmaps", "workspace": "3a1", "namespace": "shop", "name": "web", "note": "it broke",
        }]);
        assert_eq!(view, expected);
    }
}
