//! What an API server does not let a status take back, and what it wants in every status.

use serde_json::{Map, Value};

use super::{StatusKind, Upstream};

const COLLISIONS: &str = "collisionCount";

/// Keeps in `status` what must not shrink, and fills in what must not lack: one such field would have the whole status refused.
pub(super) fn hold(status: &mut Map<String, Value>, upstream: Upstream<'_>) {
    if counts_collisions(upstream.kind) {
        let known = upstream.status.get(COLLISIONS).and_then(Value::as_i64);
        keep_collisions(status, known);
    }
    // An object that says nothing has no status at all.
    if status.is_empty() {
        return;
    }
    for counter in upstream.kind.required_counters() {
        status.entry(*counter).or_insert_with(|| 0.into());
    }
}

/// Keeps the highest of the `collisionCount`s that targets report.
pub(super) fn collisions<'a>(
    status: &mut Map<String, Value>,
    kind: StatusKind,
    reported: impl Iterator<Item = &'a Value>,
) {
    if counts_collisions(kind) {
        keep_collisions(status, reported.filter_map(Value::as_i64).max());
    }
}

/// It names revisions and replica sets that have never been there, so it never goes back.
fn keep_collisions(status: &mut Map<String, Value>, known: Option<i64>) {
    let shown = status.get(COLLISIONS).and_then(Value::as_i64);
    if let Some(most) = shown.max(known) {
        status.insert(COLLISIONS.to_owned(), most.into());
    }
}

fn counts_collisions(kind: StatusKind) -> bool {
    matches!(
        kind,
        StatusKind::Deployment | StatusKind::StatefulSet | StatusKind::DaemonSet
    )
}
