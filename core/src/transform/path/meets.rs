//! Whether a path and a field of an object have to do with each other.

use serde_json::Value;

use super::{Path, Step};
use crate::field_path::{self, FieldPath};

// === impl Path ===

impl Path {
    /// Whether it may name `field`, something in it or something around it.
    ///
    /// Told by the steps alone, because what a transform removed is in no object. Where they cannot tell, as a place in a
    /// list against an item known by its keys, the answer is yes: such a field counts as upstream's.
    pub fn meets(&self, field: &FieldPath) -> bool {
        self.steps()
            .iter()
            .zip(field.steps())
            .all(|(step, of_field)| step.may_be(of_field))
    }

    /// Whether it may name `field` or something around it, so that `field` is a part of what it names.
    pub fn holds(&self, field: &FieldPath) -> bool {
        self.steps().len() <= field.len() && self.meets(field)
    }

    /// Whether it decides about `field` as a whole: it names it, something around it, or a part of that very struct. An item of a list that only
    /// has a part of such a name is none: a rule about all images says nothing about which containers there are.
    pub fn covers(&self, field: &FieldPath) -> bool {
        let is_item = !matches!(field.steps().last(), Some(field_path::Step::Field(_)) | None);
        self.meets(field) && (self.steps().len() <= field.len() || !is_item)
    }
}

// === impl Step ===

impl Step {
    fn may_be(&self, of_field: &field_path::Step) -> bool {
        match (self, of_field) {
            (Self::Key(key), field_path::Step::Field(name)) => key == name,
            (Self::Key(_), _) | (_, field_path::Step::Field(_)) => false,
            (Self::Index(index), field_path::Step::Index(at)) => index == at,
            (Self::Where(conditions), field_path::Step::Item(keys)) => conditions
                .iter()
                .all(|(key, wanted)| keys.get(&**key).is_none_or(|value| is_written(value, wanted))),
            _ => true,
        }
    }
}

/// Whether `value` is what a person writes as `text`.
pub(super) fn is_written(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Number(number) => number.to_string() == text,
        Value::Bool(truth) => truth.to_string() == text,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_meets_what_it_names_what_is_in_it_and_around_it() {
        let field = |names: &[&str]| FieldPath::of_fields(names.iter().copied());
        let cases = [
            ("spec.replicas", &["spec", "replicas"][..], true),
            ("spec.replicas", &["spec"], true),
            ("spec", &["spec", "replicas"], true),
            ("spec.replicas", &["spec", "paused"], false),
            ("spec.replicas", &["status", "replicas"], false),
            ("metadata.labels[\"a.b/c\"]", &["metadata", "labels", "a.b/c"], true),
            ("spec[*].x", &["spec", "x"], false),
        ];
        for (text, names, expected) in cases {
            assert_eq!(
                Path::parse(text).unwrap().meets(&field(names)),
                expected,
                "{text} {names:?}"
            );
        }
    }

    #[test]
    fn an_item_is_not_covered_by_a_path_that_names_a_part_of_items() {
        let path = |text: &str| Path::parse(text).unwrap();
        let field = |tail: &[field_path::Step]| {
            let mut field = FieldPath::of_fields(["spec", "containers"]);
            for step in tail {
                field.push(step.clone());
            }
            field
        };
        let web = field_path::Step::item("name", "web");
        let image = field_path::Step::Field("image".into());
        let (list, item, image) = (
            field(&[]),
            field(std::slice::from_ref(&web)),
            field(&[web.clone(), image]),
        );
        for (text, of, holds, covers) in [
            ("spec.containers[*].image", &image, true, true),
            ("spec.containers[*].image", &item, false, false),
            ("spec.containers[*].image", &list, false, true),
            ("spec.containers[*]", &item, true, true),
            ("spec.containers[name=log]", &item, false, false),
            ("spec.containers", &item, true, true),
        ] {
            assert_eq!(
                (path(text).holds(of), path(text).covers(of)),
                (holds, covers),
                "{text} {of}"
            );
        }
    }

    #[test]
    fn items_are_told_apart_where_their_keys_say_so() {
        let item = |keys: Value| field_path::Step::Item(keys.as_object().unwrap().clone());
        let step = |text: &str| Path::parse(&format!("x{text}")).unwrap().steps()[1].clone();
        let cases = [
            ("[name=web]", item(json!({"name": "web"})), true),
            ("[name=web]", item(json!({"name": "log"})), false),
            (
                "[port=80,protocol=TCP]",
                item(json!({"port": 80, "protocol": "TCP"})),
                true,
            ),
            (
                "[port=80,protocol=TCP]",
                item(json!({"port": 81, "protocol": "TCP"})),
                false,
            ),
            ("[image=a]", item(json!({"name": "web"})), true),
            ("[0]", item(json!({"name": "web"})), true),
            ("[*]", item(json!({"name": "web"})), true),
            ("[0]", field_path::Step::Index(0), true),
            ("[0]", field_path::Step::Index(1), false),
            ("[*]", field_path::Step::Element(json!("a")), true),
        ];
        for (text, of_field, expected) in cases {
            assert_eq!(step(text).may_be(&of_field), expected, "{text} {of_field:?}");
        }
    }
}
