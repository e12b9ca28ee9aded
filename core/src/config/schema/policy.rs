//! The fields of a SyncPolicy.

use super::{
    Column, EMPTY, Field, Form, Kind, ListKind, Presence, Record, Shape, field, list,
    policy_rules::{CONFLICT, DELETION, STATUS},
    record,
    selector::{SELECTOR, selection},
    status::POLICY_STATUS,
    transform::TRANSFORM,
};

/// SyncPolicy: what goes where, and how.
pub const SYNC_POLICY: Kind = Kind {
    kind: "SyncPolicy",
    plural: "syncpolicies",
    about: "What goes to which clusters, and how.",
    spec: &SPEC,
    status: &POLICY_STATUS,
    columns: &[
        Column {
            name: "Priority",
            kind: "integer",
            json_path: ".spec.priority",
        },
        Column {
            name: "Strategy",
            kind: "string",
            json_path: ".spec.conflict.strategy",
        },
        Column {
            name: "Ready",
            kind: "string",
            json_path: ".status.conditions[?(@.type==\"Ready\")].status",
        },
        Column {
            name: "Selected",
            kind: "integer",
            json_path: ".status.objects.selected",
        },
        Column {
            name: "Synced",
            kind: "integer",
            json_path: ".status.objects.synced",
        },
        Column {
            name: "Failed",
            kind: "integer",
            json_path: ".status.objects.failed",
        },
        Column {
            name: "Age",
            kind: "date",
            json_path: ".metadata.creationTimestamp",
        },
    ],
};

const SPEC: Record = record(&[
    field(
        "priority",
        Shape::Integer {
            least: i32::MIN as i64,
            most: i32::MAX as i64,
        },
        Presence::Default("0"),
        "Where several policies select one object for one target, the higher one decides, then the first by name.",
    ),
    field(
        "suspend",
        Shape::Flag,
        Presence::Default("false"),
        "Whether nothing is written for its objects for now.",
    ),
    field(
        "resources",
        Shape::List {
            of: &Shape::Object(&RESOURCE_REF),
            least: 1,
            most: 64,
            kind: ListKind::Map(&["group", "resource"]),
        },
        Presence::Required,
        "The resources that it selects.",
    ),
    field(
        "workspaces",
        Shape::Object(&WORKSPACES),
        Presence::Optional,
        "The workspaces of kcp that it selects; empty selects all.",
    ),
    field(
        "allowClusterScoped",
        Shape::Flag,
        Presence::Default("false"),
        "Whether cluster-scoped resources may be selected.",
    ),
    field(
        "dependencies",
        Shape::Flag,
        Presence::Default("false"),
        "Whether the ConfigMaps, Secrets and ServiceAccounts that a selected pod template names go along.",
    ),
    field(
        "namespaceMetadata",
        Shape::Object(&NAMESPACE_METADATA),
        Presence::Optional,
        "Labels and annotations of downstream namespaces that win over those of upstream.",
    ),
    field(
        "namespaces",
        Shape::Object(&record(&selection(&Shape::Text(Form::Label)))),
        Presence::Optional,
        "The namespaces that it selects; empty selects all, names and selector must both match.",
    ),
    field(
        "objects",
        Shape::Object(&SELECTOR),
        Presence::Optional,
        "The labels of the objects that it selects; empty selects all.",
    ),
    field(
        "targets",
        Shape::Object(&TARGETS),
        Presence::Optional,
        "The targets that they go to; empty selects all, names and selector must both match.",
    ),
    field(
        "transforms",
        list(&Shape::Object(&TRANSFORM), 64),
        Presence::Optional,
        "What is changed on the way, in order.",
    ),
    field(
        "conflict",
        Shape::Object(&CONFLICT),
        EMPTY,
        "How drift and conflicts are settled.",
    ),
    field("status", Shape::Object(&STATUS), EMPTY, "How status comes back."),
    field(
        "deletion",
        Shape::Object(&DELETION),
        EMPTY,
        "What becomes of downstream objects that are not wanted any more.",
    ),
]);

/// What selects targets.
pub(super) const TARGETS: Record = record(&selection(&Shape::Text(Form::Name)));

/// A resource by group and plural name.
pub(super) const RESOURCE_REF: Record = record(RESOURCE_REF_FIELDS);

const RESOURCE_REF_FIELDS: &[Field] = &[
    field(
        "group",
        Shape::Text(Form::Group),
        Presence::Default("\"\""),
        "The API group; empty for the core group.",
    ),
    field(
        "resource",
        Shape::Text(Form::Resource),
        Presence::Required,
        "The plural, lower-case name.",
    ),
];

const WORKSPACES: Record = record(&[
    field(
        "names",
        list(&Shape::Text(Form::Label), 1024),
        Presence::Optional,
        "Names of logical clusters.",
    ),
    field(
        "paths",
        list(&Shape::Text(Form::WorkspacePath), 1024),
        Presence::Optional,
        "Workspace paths, such as root:org:team.",
    ),
]);

const NAMESPACE_METADATA: Record = record(&[
    field("labels", free_keys(Form::LabelValue), Presence::Optional, "Labels."),
    field("annotations", free_keys(Form::Free), Presence::Optional, "Annotations."),
]);

/// Labels or annotations that a policy sets.
const fn free_keys(values: Form) -> Shape {
    Shape::Map {
        keys: Form::SettableKey,
        values,
        most: 64,
    }
}
