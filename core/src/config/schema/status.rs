//! The fields of status: what we report, never what is read from files.

use super::{Field, Form, ListKind, Presence, Record, Shape, field, list, record};

/// The status of a SyncTarget.
pub(super) const TARGET_STATUS: Record = record(&[
    CONDITIONS,
    field(
        "lastSyncerHeartbeatTime",
        Shape::Text(Form::Time),
        Presence::Nullable,
        "When the syncer last reached the cluster.",
    ),
    field(
        "syncedResources",
        list(&Shape::Object(&SYNCED_RESOURCE), 256),
        Presence::Optional,
        "The resources that are synced to the cluster.",
    ),
    field(
        "objects",
        Shape::Object(&record(&[
            count("desired", "Objects that are wanted there."),
            count("synced", "Objects that are as they should be."),
            count("pending", "Objects that are on their way."),
            count("failed", "Objects that cannot be synced."),
            count("conflicted", "Objects with a conflict that is not settled."),
            count("unknown", "Objects of which nothing is known for now."),
        ])),
        Presence::Optional,
        "How many objects stand how.",
    ),
    field(
        "abandoned",
        Shape::Object(&record(&[
            count("count", "How many."),
            field(
                "objects",
                list(&Shape::Text(Form::Unbounded), 100),
                Presence::Optional,
                "The first hundred of them.",
            ),
        ])),
        Presence::Optional,
        "Objects left behind when a deletion had waited too long for the cluster.",
    ),
    field(
        "confirmedDeletion",
        Shape::Text(Form::Unbounded),
        Presence::Optional,
        "The confirmation of a mass deletion that was carried out.",
    ),
    field(
        "kubernetesVersion",
        Shape::Text(Form::Unbounded),
        Presence::Optional,
        "The version of its API server.",
    ),
]);

/// The status of a SyncPolicy.
pub(super) const POLICY_STATUS: Record = record(&[
    CONDITIONS,
    field(
        "objects",
        Shape::Object(&record(&[
            count("selected", "Objects that the policy selects."),
            count("synced", "Objects that are as they should be."),
            count("failed", "Objects that cannot be synced."),
            count("conflicted", "Objects with a conflict that is not settled."),
        ])),
        Presence::Optional,
        "How many objects stand how.",
    ),
]);

const fn count(name: &'static str, about: &'static str) -> Field {
    let any = Shape::Integer {
        least: 0,
        most: i64::MAX,
    };
    field(name, any, Presence::Optional, about)
}

const CONDITIONS: Field = field(
    "conditions",
    Shape::List {
        of: &Shape::Object(&CONDITION),
        least: 0,
        most: 64,
        kind: ListKind::Map(&["type"]),
    },
    Presence::Optional,
    "How it stands.",
);

const CONDITION: Record = record(&[
    field(
        "type",
        Shape::Text(Form::QualifiedName),
        Presence::Required,
        "What is stated.",
    ),
    field(
        "status",
        Shape::Choice(&["True", "False", "Unknown"]),
        Presence::Required,
        "Whether it is so.",
    ),
    field(
        "severity",
        Shape::Text(Form::Unbounded),
        Presence::Optional,
        "How bad it is where it is not so.",
    ),
    field(
        "reason",
        Shape::Text(Form::Unbounded),
        Presence::Optional,
        "Why, in one word.",
    ),
    field(
        "message",
        Shape::Text(Form::Unbounded),
        Presence::Optional,
        "Why, in a sentence.",
    ),
    field(
        "lastTransitionTime",
        Shape::Text(Form::Time),
        Presence::Optional,
        "Since when.",
    ),
    field(
        "observedGeneration",
        Shape::Integer {
            least: 0,
            most: i64::MAX,
        },
        Presence::Optional,
        "The generation that this is about.",
    ),
]);

const SYNCED_RESOURCE: Record = record(&[
    field("group", Shape::Text(Form::Group), Presence::Optional, "Its API group."),
    field(
        "resource",
        Shape::Text(Form::Resource),
        Presence::Required,
        "Its plural name.",
    ),
    field(
        "versions",
        list(&Shape::Text(Form::Label), 16),
        Presence::Optional,
        "The versions that it is synced in.",
    ),
    field(
        "state",
        Shape::Choice(&["Accepted", "Pending", "Incompatible"]),
        Presence::Optional,
        "Whether the cluster takes it.",
    ),
]);
