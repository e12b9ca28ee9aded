//! The fields of a SyncTarget.

use super::{
    Column, EMPTY, Field, Form, Kind, ListKind, Presence, Record, Rule, ServedAs, Shape, exactly_one, field, is_there,
    record, status::TARGET_STATUS,
};

/// SyncTarget: one physical cluster.
pub const SYNC_TARGET: Kind = Kind {
    kind: "SyncTarget",
    plural: "synctargets",
    about: "A physical cluster that objects are synced to.",
    spec: &SPEC,
    status: &TARGET_STATUS,
    columns: &[
        Column {
            name: "Ready",
            kind: "string",
            json_path: ".status.conditions[?(@.type==\"Ready\")].status",
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
            name: "Version",
            kind: "string",
            json_path: ".status.kubernetesVersion",
        },
        Column {
            name: "Heartbeat",
            kind: "date",
            json_path: ".status.lastSyncerHeartbeatTime",
        },
        Column {
            name: "Age",
            kind: "date",
            json_path: ".metadata.creationTimestamp",
        },
    ],
};

const SPEC: Record = Record {
    fields: FIELDS,
    rules: &[
        Rule {
            message: "needs exactly one of kubeconfigFile and kubeconfigSecretRef",
            holds: |spec| exactly_one(spec, &["kubeconfigFile", "kubeconfigSecretRef"]),
            served_as: ServedAs::FilesOnly,
        },
        Rule {
            message: "kubeconfigContext goes with kubeconfigFile; the kubeconfig in a Secret is used with its current context",
            holds: |spec| !is_there(spec, "kubeconfigContext") || is_there(spec, "kubeconfigFile"),
            served_as: ServedAs::FilesOnly,
        },
    ],
};

const FIELDS: &[Field] = &[
    field(
        "kubeconfigSecretRef",
        Shape::Object(&SECRET_KEY_REF),
        Presence::RequiredInObjects,
        "The Secret that holds the kubeconfig of the cluster.",
    ),
    field(
        "kubeconfigFile",
        Shape::Text(Form::NotEmpty),
        Presence::OnlyInFiles,
        "The kubeconfig, relative to the file that names it.",
    ),
    field(
        "kubeconfigContext",
        Shape::Text(Form::NotEmpty),
        Presence::OnlyInFiles,
        "The context in that kubeconfig; the current one by default.",
    ),
    field(
        "cells",
        Shape::Map {
            keys: Form::NotEmpty,
            values: Form::Free,
            most: 64,
        },
        Presence::Optional,
        "Free values for transforms, as target.cells.",
    ),
    field(
        "unschedulable",
        Shape::Flag,
        Presence::Default("false"),
        "Whether the cluster is cordoned: it gets nothing new and keeps what it has.",
    ),
    field(
        "evictAfter",
        Shape::Text(Form::Time),
        Presence::Nullable,
        "The time from which the cluster is drained.",
    ),
    field(
        "namespaceMapping",
        Shape::Choice(&["Hashed", "Identity"]),
        Presence::Optional,
        "How upstream namespaces are named there: Hashed by default for kcp, Identity for a plain upstream.",
    ),
    field(
        "refuse",
        Shape::List {
            of: &Shape::Text(Form::GroupResource),
            least: 0,
            most: 64,
            kind: ListKind::Set,
        },
        Presence::Optional,
        "Resources that the cluster must never get, such as secrets or deployments.apps.",
    ),
    field(
        "limits",
        Shape::Object(&LIMITS),
        EMPTY,
        "How hard its API server may be driven; what is absent is not limited, or has the default of the command line.",
    ),
    field(
        "insecureSkipTLSVerify",
        Shape::Flag,
        Presence::Default("false"),
        "Whether the certificate of its API server is not verified. Needed too where the kubeconfig in the Secret says so.",
    ),
];

const SECRET_KEY_REF: Record = record(&[
    field(
        "namespace",
        Shape::Text(Form::Label),
        Presence::Required,
        "The namespace of the Secret.",
    ),
    field(
        "name",
        Shape::Text(Form::Name),
        Presence::Required,
        "The name of the Secret.",
    ),
    field(
        "key",
        Shape::Text(Form::SecretKey),
        Presence::Default("\"kubeconfig\""),
        "The key in it.",
    ),
]);

const LIMITS: Record = record(&[
    field(
        "writesInFlight",
        Shape::Integer { least: 1, most: 4096 },
        Presence::Optional,
        "Writes that may be under way at once.",
    ),
    field(
        "requestsPerSecond",
        Shape::Positive,
        Presence::Optional,
        "Requests per second over a longer time.",
    ),
    field(
        "burst",
        Shape::Integer {
            least: 1,
            most: 1_000_000,
        },
        Presence::Optional,
        "Requests at once on top of that.",
    ),
]);
