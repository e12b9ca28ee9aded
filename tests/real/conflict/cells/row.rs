//! The rows of the table: what is done, and what each strategy makes of it.

use serde_json::{Value, json};

use super::{
    edit::{Object, Way, on},
    kind::{KINDS, Kind, secret},
};
use crate::conflict::stage::{Side, Stage};

/// A strategy, as policies call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    UpstreamWins,
    LastWriteWins,
    MergeChanges,
}

/// Something that is done to an object.
pub(super) type Step = Box<dyn Fn(&Stage, &Object) + Send + Sync>;

/// When it is done.
pub(super) enum Act {
    /// While the syncer looks on.
    Watched(Vec<Step>),
    /// Both of them while the syncer looks away, the second some time after the first.
    Apart(Step, Step),
    /// The same, within one second.
    Tie(Way),
}

/// What a leaf is on the upstream, on east and on west.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) pointer: &'static str,
    pub(super) at: [Value; 3],
}

/// What people are told of a cell.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// No word of a conflict, nor of a revert.
    Nothing,
    /// An Event of this reason, about this path.
    Event(&'static str, &'static str),
    /// What the target changed stands upstream, with where it comes from.
    WrittenBack(Way),
    /// It is the target's: we do not claim it.
    Unclaimed(Way),
    /// It may be told or not.
    Anything,
}

/// One cell of the table, on an object of its own.
pub(super) struct Cell {
    pub(super) object: Object,
    pub(super) act: Act,
    pub(super) expected: Vec<Expected>,
    pub(super) told: Told,
}

// === impl Strategy ===

impl Strategy {
    /// As policies say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UpstreamWins => "UpstreamWins",
            Self::LastWriteWins => "LastWriteWins",
            Self::MergeChanges => "MergeChanges",
        }
    }

    /// One of three, in the order of the table's columns.
    fn of<T>(self, [upstream_wins, last_write_wins, merge_changes]: [T; 3]) -> T {
        match self {
            Self::UpstreamWins => upstream_wins,
            Self::LastWriteWins => last_write_wins,
            Self::MergeChanges => merge_changes,
        }
    }
}

// === impl Cell ===

impl Cell {
    fn new(kind: Kind, name: &str, act: Act, expected: Vec<Expected>, told: Told) -> Self {
        let name = name.to_owned();
        Self {
            object: Object { kind, name },
            act,
            expected,
            told,
        }
    }
}

fn all(pointer: &'static str, value: &Value) -> Expected {
    Expected {
        pointer,
        at: [value.clone(), value.clone(), value.clone()],
    }
}

fn each(pointer: &'static str, at: [&Value; 3]) -> Expected {
    Expected {
        pointer,
        at: at.map(Clone::clone),
    }
}

fn change(way: Way, side: Side, from: u32, to: u32) -> Step {
    Box::new(move |stage, object| way.change(stage, side, object, from, to))
}

/// `kubectl <arguments>` on `side`, where `{}` stands for the object.
fn kubectl(side: Side, arguments: &'static [&'static str]) -> Step {
    Box::new(move |stage, object| {
        let of = format!("{}/{}", object.kind.resource(), object.name);
        let arguments: Vec<_> = arguments
            .iter()
            .map(|one| if *one == "{}" { &*of } else { one })
            .collect();
        on(stage, side, &arguments);
    })
}

/// `kubectl patch` on `side`.
fn patch(side: Side, change: Value) -> Step {
    Box::new(move |stage, object| {
        let of = format!("{}/{}", object.kind.resource(), object.name);
        on(stage, side, &["patch", &of, "-p", &change.to_string()]);
    })
}

/// What the transforms of the policy make of every object and take out of it, and how the cells' objects have it upstream: for each kind
/// the pointer, the path, what is upstream, what goes down, and what somebody writes on the target.
pub(super) struct Produced {
    pub(super) pointer: &'static str,
    pub(super) path: &'static str,
    pub(super) upstream: Value,
    pub(super) down: Value,
    pub(super) change: Value,
}

/// What a transform makes of a kind.
pub(super) fn made(kind: Kind) -> Produced {
    let data = |down: Value, change: Value| Produced {
        pointer: "/data/made",
        path: "data.made",
        upstream: Value::Null,
        down,
        change: json!({"data": {"made": change}}),
    };
    match kind {
        Kind::Deployment => Produced {
            pointer: "/spec/revisionHistoryLimit",
            path: "spec.revisionHistoryLimit",
            upstream: json!(10),
            down: json!(7),
            change: json!({"spec": {"revisionHistoryLimit": 3}}),
        },
        Kind::Service => Produced {
            pointer: "/spec/sessionAffinity",
            path: "spec.sessionAffinity",
            upstream: json!("None"),
            down: json!("ClientIP"),
            change: json!({"spec": {"sessionAffinity": "None", "sessionAffinityConfig": null}}),
        },
        Kind::ConfigMap => data(json!("made"), json!("changed")),
        Kind::Secret => data(secret("made"), secret("changed")),
    }
}

/// What a transform takes out of a kind.
pub(super) fn taken_out(kind: Kind) -> Produced {
    let data = |upstream: Value, change: Value| Produced {
        pointer: "/data/private",
        path: "data.private",
        upstream,
        down: Value::Null,
        change: json!({"data": {"private": change}}),
    };
    match kind {
        Kind::Deployment => Produced {
            pointer: "/spec/minReadySeconds",
            path: "spec.minReadySeconds",
            upstream: json!(5),
            down: Value::Null,
            change: json!({"spec": {"minReadySeconds": 9}}),
        },
        Kind::Service => Produced {
            pointer: "/spec/publishNotReadyAddresses",
            path: "spec.publishNotReadyAddresses",
            upstream: json!(true),
            down: Value::Null,
            change: json!({"spec": {"publishNotReadyAddresses": true}}),
        },
        Kind::ConfigMap => data(json!("upstream only"), json!("foreign")),
        Kind::Secret => data(secret("upstream only"), secret("foreign")),
    }
}

/// A leaf that only the target has.
fn foreign(kind: Kind) -> (&'static str, &'static str, Value, Step) {
    let data = |value: Value| {
        let step = patch(Side::East, json!({"data": {"extra": value}}));
        ("/data/extra", "data.extra", value, step)
    };
    match kind {
        Kind::Deployment => (
            "/spec/template/spec/containers/0/env/2",
            "env[name=EXTRA]",
            json!({"name": "EXTRA", "value": "1"}),
            kubectl(Side::East, &["set", "env", "{}", "EXTRA=1"]),
        ),
        Kind::Service => (
            "/spec/ports/1/port",
            "spec.ports[",
            json!(81),
            patch(
                Side::East,
                json!({"spec": {"ports": [{"name": "http", "port": 80}, {"name": "extra", "port": 81}]}}),
            ),
        ),
        Kind::ConfigMap => data(json!("foreign")),
        Kind::Secret => data(secret("foreign")),
    }
}

/// A leaf that is removed: the pointer, the path, what it was, and how it is removed on a side.
fn removed(kind: Kind, side: Side) -> (&'static str, &'static str, Value, Step) {
    let data = |value: Value| ("/data/b", "data.b", value, patch(side, json!({"data": {"b": null}})));
    match kind {
        Kind::Deployment => (
            "/spec/template/spec/containers/0/env/1",
            "env[name=B]",
            json!({"name": "B", "value": "2"}),
            kubectl(side, &["set", "env", "{}", "B-"]),
        ),
        Kind::Service => (
            "/metadata/labels/tier",
            "metadata.labels.tier",
            json!("stays"),
            kubectl(side, &["label", "{}", "tier-"]),
        ),
        Kind::ConfigMap => data(json!("stays")),
        Kind::Secret => data(secret("stays")),
    }
}

/// All cells of a strategy.
pub(super) fn cells(strategy: Strategy) -> Vec<Cell> {
    KINDS.iter().flat_map(|kind| of_kind(strategy, *kind)).collect()
}

fn of_kind(strategy: Strategy, kind: Kind) -> Vec<Cell> {
    let mut cells = one_sided(strategy, kind);
    cells.extend(two_sided(strategy, kind));
    cells.extend(of_the_target_alone(strategy, kind));
    cells
}

/// Only one side changed the leaf.
fn one_sided(strategy: Strategy, kind: Kind) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (way, name) in [(Way::Edit, "only-upstream-edit"), (Way::Patch, "only-upstream-patch")] {
        let expected = vec![all(way.leaf(kind).pointer, &way.value(kind, 1))];
        let act = Act::Watched(vec![change(way, Side::Upstream, 0, 1)]);
        cells.push(Cell::new(kind, name, act, expected, Told::Nothing));
    }
    let (pointer, _, _, step) = removed(kind, Side::Upstream);
    cells.push(Cell::new(
        kind,
        "only-upstream-removed",
        Act::Watched(vec![step]),
        vec![all(pointer, &Value::Null)],
        Told::Nothing,
    ));
    for way in Way::all(kind) {
        let (leaf, was, now) = (way.leaf(kind), way.value(kind, 0), way.value(kind, 2));
        let at = strategy.of([[&was, &was, &was], [&now, &now, &now], [&was, &now, &was]]);
        let told = strategy.of([
            Told::Event("DriftReverted", leaf.path),
            Told::WrittenBack(*way),
            Told::Unclaimed(*way),
        ]);
        let name = format!("only-downstream-{way:?}").to_lowercase();
        let act = Act::Watched(vec![change(*way, Side::East, 0, 2)]);
        cells.push(Cell::new(kind, &name, act, vec![each(leaf.pointer, at)], told));
    }
    let (pointer, path, was, step) = removed(kind, Side::East);
    let gone = Value::Null;
    let at = strategy.of([[&was, &was, &was], [&gone, &gone, &gone], [&was, &gone, &was]]);
    // What is only missing may have been taken for an upgrade of ours: the path is told where the label is.
    let told = strategy.of([Told::Event("DriftReverted", path), Told::Nothing, Told::Nothing]);
    cells.push(Cell::new(
        kind,
        "only-downstream-removed",
        Act::Watched(vec![step]),
        vec![each(pointer, at)],
        told,
    ));
    cells
}

/// Both sides changed the leaf.
fn two_sided(strategy: Strategy, kind: Kind) -> Vec<Cell> {
    let mut cells = Vec::new();
    // Two different ways to the same leaf.
    let (one, other) = match kind {
        Kind::Deployment => (Way::Set, Way::Edit),
        Kind::Service => (Way::Edit, Way::Apply),
        Kind::ConfigMap => (Way::Apply, Way::Edit),
        Kind::Secret => (Way::Patch, Way::Edit),
    };
    let leaf = one.leaf(kind);
    let value = |n| one.value(kind, n);
    let same = Act::Apart(change(one, Side::Upstream, 0, 3), change(other, Side::East, 0, 3));
    // Where the target is heard of first, the upstream's change is none yet: that is drift.
    let told = strategy.of([Told::Anything, Told::Nothing, Told::Nothing]);
    cells.push(Cell::new(
        kind,
        "both-same",
        same,
        vec![all(leaf.pointer, &value(3))],
        told,
    ));
    let conflict = strategy.of([
        Told::Anything,
        Told::Event("Conflict", leaf.path),
        Told::Event("Conflict", leaf.path),
    ]);
    let (up, down) = (value(4), value(5));
    let upstream_later = Act::Apart(change(one, Side::East, 0, 5), change(other, Side::Upstream, 0, 4));
    cells.push(Cell::new(
        kind,
        "both-upstream-later",
        upstream_later,
        vec![all(leaf.pointer, &up)],
        conflict.clone(),
    ));
    let downstream_later = Act::Apart(change(other, Side::Upstream, 0, 4), change(one, Side::East, 0, 5));
    cells.push(Cell::new(
        kind,
        "both-downstream-later",
        downstream_later,
        vec![all(leaf.pointer, strategy.of([&up, &down, &up]))],
        conflict.clone(),
    ));
    // What one side removes and the other changes. A removal counts from when it was first seen, which is after all edits here.
    let gone = Value::Null;
    let (pointer, path, _, take) = removed(kind, Side::East);
    if matches!(kind, Kind::ConfigMap | Kind::Secret) {
        let now = if kind == Kind::Secret {
            secret("down")
        } else {
            json!("down")
        };
        let change = |side| patch(side, json!({"data": {"b": now}}));
        let told = strategy.of([
            Told::Anything,
            Told::Event("Conflict", path),
            Told::Event("Conflict", path),
        ]);
        cells.push(Cell::new(
            kind,
            "both-upstream-removes-later",
            Act::Apart(change(Side::East), removed(kind, Side::Upstream).3),
            vec![all(pointer, &gone)],
            told.clone(),
        ));
        cells.push(Cell::new(
            kind,
            "both-downstream-changes-later",
            Act::Apart(removed(kind, Side::Upstream).3, change(Side::East)),
            vec![all(pointer, &gone)],
            told.clone(),
        ));
        cells.push(Cell::new(
            kind,
            "both-upstream-changes-later",
            Act::Apart(take, change(Side::Upstream)),
            vec![all(pointer, strategy.of([&now, &gone, &now]))],
            told,
        ));
    }
    // The values follow from how often it was tried.
    cells.push(Cell::new(kind, "both-tie", Act::Tie(one), Vec::new(), conflict));
    cells
}

/// What the upstream does not have, what a transform decides, and what is gone.
fn of_the_target_alone(strategy: Strategy, kind: Kind) -> Vec<Cell> {
    let mut cells = Vec::new();
    let nothing = Value::Null;
    let (pointer, path, value, step) = foreign(kind);
    let at = strategy.of([
        [&nothing, &nothing, &nothing],
        [&value, &value, &value],
        [&nothing, &value, &nothing],
    ]);
    let told = strategy.of([Told::Event("DriftReverted", path), Told::Nothing, Told::Nothing]);
    cells.push(Cell::new(
        kind,
        "foreign-leaf",
        Act::Watched(vec![step]),
        vec![each(pointer, at)],
        told,
    ));
    let mut metadata = vec![
        kubectl(Side::East, &["label", "{}", "theirs=1"]),
        kubectl(Side::East, &["annotate", "{}", "example.org/theirs=1"]),
    ];
    let one = json!("1");
    let mut expected = vec![
        each("/metadata/labels/theirs", [&nothing, &one, &nothing]),
        each("/metadata/annotations/example.org~1theirs", [&nothing, &one, &nothing]),
    ];
    if kind == Kind::Deployment {
        let template = json!({"spec": {"template": {"metadata": {
            "annotations": {"sidecar.example.org/injected": "1"}, "labels": {"theirs": "1"},
        }}}});
        metadata.push(patch(Side::East, template));
        expected.push(each(
            "/spec/template/metadata/annotations/sidecar.example.org~1injected",
            [&nothing, &one, &nothing],
        ));
        expected.push(each(
            "/spec/template/metadata/labels/theirs",
            [&nothing, &one, &nothing],
        ));
        // The value is the time: that it is there is looked at by itself.
        metadata.push(kubectl(Side::East, &["rollout", "restart", "{}"]));
    }
    cells.push(Cell::new(
        kind,
        "foreign-metadata",
        Act::Watched(metadata),
        expected,
        Told::Nothing,
    ));
    for (name, produced) in [("transform-makes", made(kind)), ("transform-removes", taken_out(kind))] {
        let Produced {
            pointer,
            path,
            upstream,
            down,
            change,
        } = produced;
        cells.push(Cell::new(
            kind,
            name,
            Act::Watched(vec![patch(Side::East, change)]),
            vec![each(pointer, [&upstream, &down, &down])],
            // A union is told as one, with its arms in brackets.
            Told::Event("DriftReverted", path.rsplit('.').next().unwrap_or(path)),
        ));
    }
    let way = Way::Edit;
    cells.push(Cell::new(
        kind,
        "deleted-downstream",
        Act::Watched(vec![kubectl(Side::East, &["delete", "{}", "--wait=false"])]),
        vec![all(way.leaf(kind).pointer, &way.value(kind, 0))],
        Told::Anything,
    ));
    cells
}
