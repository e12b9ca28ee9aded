//! One namespace of a stage, with kubectl in it.

use serde_json::{Value, json};
use syncer_harness::wait_for;

use crate::{
    conflict::{
        cells::kind::Kind,
        stage::{SIDES, Side, Stage, events},
    },
    objects::{SOON, create_namespace},
};

/// The strategies, each with the end of the name of its namespace.
pub(super) const STRATEGIES: [(&str, &str); 3] = [
    ("upstream", "UpstreamWins"),
    ("last", "LastWriteWins"),
    ("merge", "MergeChanges"),
];

/// One namespace of a stage.
pub(super) struct Site<'a> {
    pub(super) stage: &'a Stage,
    pub(super) namespace: String,
}

/// A stage with a namespace for each strategy; `rules` are added to what its policy says of conflicts.
pub(super) fn stage_of_strategies(name: &'static str, rules: &Value) -> Stage {
    let mut stage = Stage::new(name);
    let each = STRATEGIES.map(|(suffix, strategy)| {
        let mut conflict = rules.clone();
        conflict["strategy"] = json!(strategy);
        create_namespace(Side::Upstream.server(), &format!("{name}-{suffix}"));
        (suffix, conflict)
    });
    stage.says_each(&each);
    stage.run();
    stage
}

// === impl Site ===

impl<'a> Site<'a> {
    /// Those of [`stage_of_strategies`], in the order of the table's columns.
    pub(super) fn of_strategies(stage: &'a Stage) -> [Self; 3] {
        STRATEGIES.map(|(suffix, _)| Self {
            stage,
            namespace: format!("{}-{suffix}", stage.namespace()),
        })
    }

    /// Makes the object upstream, with `body` over what its kind has, and waits until both targets hold it.
    #[track_caller]
    pub(super) fn make(&self, kind: Kind, name: &str, body: &Value) {
        let mut whole = body.clone();
        whole["apiVersion"] = json!(kind.api_version());
        whole["kind"] = json!(kind.name());
        whole["metadata"] = json!({"name": name, "namespace": self.namespace});
        let file = self
            .stage
            .file(&format!("{}-{name}.json", self.namespace), &whole.to_string());
        self.kubectl(Side::Upstream, &["apply", "-f", &file.display().to_string()]);
        for side in [Side::East, Side::West] {
            wait_for(&format!("{name} of {} on {side:?}", self.namespace), SOON, || {
                !kind.read(side.server(), &self.namespace, name).is_null()
            });
        }
    }

    #[track_caller]
    pub(super) fn kubectl(&self, side: Side, arguments: &[&str]) {
        side.kubectl(&[&["-n", &self.namespace], arguments].concat());
    }

    /// `kubectl patch --type=json`.
    #[track_caller]
    pub(super) fn json_patch(&self, side: Side, kind: Kind, name: &str, operations: &Value) {
        let of = format!("{}/{name}", kind.resource());
        self.kubectl(side, &["patch", &of, "--type=json", "-p", &operations.to_string()]);
    }

    /// `kubectl patch`.
    #[track_caller]
    pub(super) fn patch(&self, side: Side, kind: Kind, name: &str, change: &Value) {
        let of = format!("{}/{name}", kind.resource());
        self.kubectl(side, &["patch", &of, "-p", &change.to_string()]);
    }

    /// `kubectl apply --server-side` as `manager`.
    #[track_caller]
    pub(super) fn apply_as(&self, manager: &str, side: Side, kind: Kind, name: &str, change: &Value) {
        let mut body = change.clone();
        body["apiVersion"] = json!(kind.api_version());
        body["kind"] = json!(kind.name());
        body["metadata"] = json!({"name": name});
        let file = self
            .stage
            .file(&format!("{}-{name}-{manager}.json", self.namespace), &body.to_string());
        let manager = format!("--field-manager={manager}");
        let file = file.display().to_string();
        self.kubectl(
            side,
            &["apply", "-f", &file, "--server-side", &manager, "--force-conflicts"],
        );
    }

    /// What is at `pointer` on the upstream, east and west.
    pub(super) fn sees(&self, kind: Kind, name: &str, pointer: &str) -> [Value; 3] {
        SIDES.map(|side| {
            let object = kind.read(side.server(), &self.namespace, name);
            object.pointer(pointer).cloned().unwrap_or_default()
        })
    }

    /// Waits until the upstream, east and west have these at `pointer`.
    #[track_caller]
    pub(super) fn wait(&self, kind: Kind, name: &str, pointer: &str, wanted: &[Value; 3]) {
        let what = format!("{pointer} of {name} in {} to be {wanted:?}", self.namespace);
        wait_for(&what, SOON, || {
            let seen = self.sees(kind, name, pointer);
            if seen == *wanted {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    }

    /// Waits for an Event of `reason` about it whose text has all of `parts`.
    #[track_caller]
    pub(super) fn wait_event(&self, kind: Kind, name: &str, reason: &str, parts: &[&str]) -> String {
        let what = format!("the Event {reason} of {name} in {} with {parts:?}", self.namespace);
        wait_for(&what, SOON, || {
            let events = self.events(kind, name);
            let found = events
                .iter()
                .find(|(said, note)| said == reason && parts.iter().all(|part| note.contains(part)));
            found.map(|(_, note)| note.clone()).ok_or_else(|| format!("{events:?}"))
        })
    }

    /// The Events about it.
    pub(super) fn events(&self, kind: Kind, name: &str) -> Vec<(String, String)> {
        events(&self.namespace, kind.name(), name)
    }
}

/// The same on the upstream, on east and on west.
pub(super) fn all(value: &Value) -> [Value; 3] {
    [value.clone(), value.clone(), value.clone()]
}

/// A value that a strategy leaves on east alone, writes everywhere, or takes back.
pub(super) fn by_strategy(was: &Value, now: &Value) -> [[Value; 3]; 3] {
    [all(was), all(now), [was.clone(), now.clone(), was.clone()]]
}
