//! The fields of a SyncPolicy that say how conflicts are settled, how status comes back and what is deleted.

use super::{EMPTY, Form, Presence, Record, Shape, field, list, record};

/// How drift and conflicts are settled.
pub(super) const CONFLICT: Record = record(&[
    field(
        "strategy",
        Shape::Choice(&["UpstreamWins", "LastWriteWins", "MergeChanges"]),
        Presence::Default("\"UpstreamWins\""),
        "Which side wins a field: always the upstream, the side that wrote it last, or the side that changed it.",
    ),
    field(
        "fields",
        list(&Shape::Object(&FIELD_RULE), 256),
        Presence::Optional,
        "Fields that belong to one side, whatever the strategy.",
    ),
    field(
        "ignoreManagers",
        list(&Shape::Text(Form::NotEmpty), 64),
        Presence::Nullable,
        "Field managers whose foreign fields are not looked at; null for the default list.",
    ),
    field(
        "adoption",
        Shape::Choice(&["Never", "IfEqual", "Always"]),
        Presence::Default("\"Never\""),
        "What is done with an object of the same name that is not ours.",
    ),
    field(
        "foreign",
        Shape::Choice(&["Remove", "Keep"]),
        Presence::Default("\"Remove\""),
        "What is done with fields that others added, under UpstreamWins.",
    ),
    field(
        "onImmutable",
        Shape::Choice(&["Auto", "Report", "Recreate"]),
        Presence::Default("\"Auto\""),
        "What is done when a change of an immutable field is refused. Auto recreates Secrets and ConfigMaps.",
    ),
    field(
        "onUnknownField",
        Shape::Choice(&["Report", "Drop"]),
        Presence::Default("\"Report\""),
        "What is done with a field that a cluster does not know.",
    ),
    field(
        "maxRetries",
        Shape::Integer { least: 0, most: 100 },
        Presence::Default("5"),
        "How often a decision is made anew after a 409.",
    ),
    field(
        "retryDelay",
        Shape::Text(Form::PositiveDuration),
        Presence::Default("\"100ms\""),
        "The time between two of those, growing, with jitter.",
    ),
    field("fight", Shape::Object(&FIGHT), EMPTY, "When a fight is recognised."),
]);

const FIGHT: Record = record(&[
    field(
        "threshold",
        Shape::Integer { least: 1, most: 1000 },
        Presence::Default("3"),
        "So many reverts of one field against one manager …",
    ),
    field(
        "window",
        Shape::Text(Form::PositiveDuration),
        Presence::Default("\"5m\""),
        "… within this time.",
    ),
]);

const FIELD_RULE: Record = record(&[
    field(
        "resource",
        Shape::Text(Form::GroupResource),
        Presence::Optional,
        "The resource as kubectl takes it, such as deployments.apps; all resources if absent.",
    ),
    field(
        "path",
        Shape::Text(Form::FieldPath),
        Presence::Required,
        "The path, such as spec.replicas.",
    ),
    field(
        "owner",
        Shape::Choice(&["Upstream", "Downstream"]),
        Presence::Required,
        "Whose it is.",
    ),
]);

/// How status comes back.
pub(super) const STATUS: Record = record(&[
    field(
        "interval",
        Shape::Text(Form::PositiveDuration),
        Presence::Default("\"10s\""),
        "The time between two full rounds.",
    ),
    field(
        "minInterval",
        Shape::Text(Form::Duration),
        Presence::Default("\"500ms\""),
        "The shortest time between two writes of the status of one object.",
    ),
    field(
        "aggregation",
        Shape::Choice(&["Combined", "First"]),
        Presence::Default("\"Combined\""),
        "How the reports of several targets become one: by the rule of the kind, or that of the first target by name.",
    ),
    field(
        "staleAfter",
        Shape::Text(Form::PositiveDuration),
        Presence::Default("\"5m\""),
        "How long the part of a silent target counts.",
    ),
]);

/// What becomes of downstream objects that are not wanted any more.
pub(super) const DELETION: Record = record(&[
    field(
        "mode",
        Shape::Choice(&["Delete", "Orphan"]),
        Presence::Default("\"Delete\""),
        "Whether they are deleted, or stay without our markers.",
    ),
    field(
        "waitForDownstream",
        Shape::Choice(&["Auto", "Always", "Never"]),
        Presence::Default("\"Auto\""),
        "Whether an upstream object waits for its downstream objects to be gone.",
    ),
    field(
        "abandonAfter",
        Shape::Text(Form::PositiveDuration),
        Presence::Default("\"1h\""),
        "How long a dead cluster may hold up an upstream deletion.",
    ),
]);
