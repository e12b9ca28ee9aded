//! The fields of a transform.

use super::{
    Form, Presence, Record, Rule, ServedAs, Shape, exactly_one, field, list,
    policy::{RESOURCE_REF, TARGETS},
    record,
};

/// One operation, perhaps limited to some targets or resources.
pub(super) const TRANSFORM: Record = Record {
    fields: &[
        field(
            "set",
            Shape::Object(&SET),
            Presence::Optional,
            "Sets the value at a path.",
        ),
        field(
            "remove",
            Shape::List {
                of: &Shape::Text(Form::FieldPath),
                least: 1,
                most: 64,
                kind: super::ListKind::Atomic,
            },
            Presence::Optional,
            "Removes what is at these paths.",
        ),
        field(
            "imageRegistry",
            Shape::Object(&IMAGE_REGISTRY),
            Presence::Optional,
            "Rewrites the registry of every image in a pod template.",
        ),
        field(
            "jsonPatch",
            Shape::List {
                of: &Shape::Object(&JSON_PATCH),
                least: 1,
                most: 64,
                kind: super::ListKind::Atomic,
            },
            Presence::Optional,
            "A JSON Patch (RFC 6902).",
        ),
        field(
            "mergePatch",
            Shape::AnyObject,
            Presence::Optional,
            "A JSON Merge Patch (RFC 7386).",
        ),
        field(
            "targets",
            Shape::Object(&TARGETS),
            Presence::Optional,
            "The targets that it is for; empty for all.",
        ),
        field(
            "resources",
            list(&Shape::Object(&RESOURCE_REF), 64),
            Presence::Optional,
            "The resources that it is for; empty for all.",
        ),
    ],
    rules: &[Rule {
        message: "needs exactly one operation: set, remove, imageRegistry, jsonPatch or mergePatch",
        holds: |transform| {
            exactly_one(
                transform,
                &["set", "remove", "imageRegistry", "jsonPatch", "mergePatch"],
            )
        },
        served_as: ServedAs::Cel(
            "[has(self.set), has(self.remove), has(self.imageRegistry), has(self.jsonPatch), has(self.mergePatch)].exists_one(there, there)",
        ),
    }],
};

const SET: Record = Record {
    fields: &[
        field(
            "path",
            Shape::Text(Form::FieldPath),
            Presence::Required,
            "Where, such as spec.replicas or spec.template.spec.containers[name=web].image.",
        ),
        field("value", Shape::Any, Presence::Optional, "The value."),
        field(
            "cel",
            Shape::Text(Form::Cel),
            Presence::Optional,
            "The expression that gives the value. It knows object, target, namespace and workspace.",
        ),
    ],
    rules: &[Rule {
        message: "needs exactly one of value and cel; to take a field away use remove",
        holds: |set| exactly_one(set, &["value", "cel"]),
        served_as: ServedAs::OneOf(&["value", "cel"]),
    }],
};

const IMAGE_REGISTRY: Record = record(&[
    field(
        "from",
        Shape::Text(Form::Registry),
        Presence::Required,
        "The registry, or registry and path, that images name now; docker.io stands for images that name none.",
    ),
    field(
        "to",
        Shape::Text(Form::Registry),
        Presence::Required,
        "What stands in its place.",
    ),
]);

const JSON_PATCH: Record = Record {
    fields: &[
        field(
            "op",
            Shape::Choice(&["add", "remove", "replace", "move", "copy", "test"]),
            Presence::Required,
            "What is done.",
        ),
        field(
            "path",
            Shape::Text(Form::Pointer),
            Presence::Required,
            "Where, as a JSON Pointer.",
        ),
        field(
            "from",
            Shape::Text(Form::Pointer),
            Presence::Optional,
            "Where from, of move and copy.",
        ),
        field(
            "value",
            Shape::Any,
            Presence::Optional,
            "The value of add, replace and test.",
        ),
    ],
    rules: &[
        Rule {
            message: "move and copy need from, the others take none",
            holds: |operation| match operation.get("op").and_then(|op| op.as_str()) {
                Some("move" | "copy") => super::is_there(operation, "from"),
                Some(_) => !super::is_there(operation, "from"),
                None => true,
            },
            served_as: ServedAs::Cel("(self.op in ['move', 'copy']) == has(self.from)"),
        },
        // An API server sees no untyped field in CEL, and null is a value here: only we can tell.
        Rule {
            message: "add, replace and test need a value",
            holds: |operation| {
                let needs_value = matches!(
                    operation.get("op").and_then(|op| op.as_str()),
                    Some("add" | "replace" | "test")
                );
                !needs_value || operation.contains_key("value")
            },
            served_as: ServedAs::Nowhere,
        },
    ],
};
