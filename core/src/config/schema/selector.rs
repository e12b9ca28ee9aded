//! The fields of selections and label selectors.

use super::{Field, Form, Presence, Record, Rule, ServedAs, Shape, field, list, map, record};

/// Names and labels: what selects targets or namespaces.
pub(super) const fn selection(names: &'static Shape) -> [Field; 2] {
    [
        field(
            "names",
            list(names, 1024),
            Presence::Optional,
            "The names that are meant; empty for any.",
        ),
        field(
            "selector",
            Shape::Object(&SELECTOR),
            Presence::Optional,
            "The labels that are asked for.",
        ),
    ]
}

/// A label selector of Kubernetes.
pub(super) const SELECTOR: Record = record(&[
    field(
        "matchLabels",
        map(Form::LabelValue),
        Presence::Optional,
        "Labels that must have these values.",
    ),
    field(
        "matchExpressions",
        list(&Shape::Object(&REQUIREMENT), 64),
        Presence::Optional,
        "Further conditions; all must hold.",
    ),
]);

const REQUIREMENT: Record = Record {
    fields: &[
        field(
            "key",
            Shape::Text(Form::QualifiedName),
            Presence::Required,
            "The label.",
        ),
        field(
            "operator",
            Shape::Choice(&["In", "NotIn", "Exists", "DoesNotExist"]),
            Presence::Required,
            "What is asked of it.",
        ),
        field(
            "values",
            list(&Shape::Text(Form::LabelValue), 256),
            Presence::Optional,
            "The values of In and NotIn.",
        ),
    ],
    rules: &[Rule {
        message: "In and NotIn need values, Exists and DoesNotExist take none",
        holds: |requirement| {
            let has_values = requirement
                .get("values")
                .and_then(|values| values.as_array())
                .is_some_and(|values| !values.is_empty());
            match requirement.get("operator").and_then(|operator| operator.as_str()) {
                Some("In" | "NotIn") => has_values,
                Some("Exists" | "DoesNotExist") => !has_values,
                _ => true,
            }
        },
        served_as: ServedAs::Cel("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)"),
    }],
};
