//! The shape of a custom kind, out of its structural schema.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Field, ListKey, ListKeys, Scalar, Shape, Struct, Unknown, kubernetes};

/// The shape of a whole object whose CRD has the schema `schema`.
pub(crate) fn object(schema: &Value) -> Arc<Shape> {
    let mut shape = structure(schema);
    let text = || Field::new(Arc::new(Shape::Scalar(Scalar::Text)));
    shape.fields.insert("apiVersion".into(), text());
    shape.fields.insert("kind".into(), text());
    shape
        .fields
        .insert("metadata".into(), Field::new(kubernetes::shape("ObjectMeta")));
    Arc::new(Shape::Struct(shape))
}

fn shape(schema: &Value) -> Arc<Shape> {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
    if flag("x-kubernetes-int-or-string") {
        return Arc::new(Shape::Scalar(Scalar::IntOrString));
    }
    let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => scalar(Scalar::Text),
        Some("integer") => scalar(Scalar::Integer),
        Some("number") => scalar(Scalar::Number),
        Some("boolean") => scalar(Scalar::Boolean),
        Some("array") => {
            let item = schema.get("items").map_or_else(|| Arc::new(Shape::Any), shape);
            Arc::new(Shape::List {
                item,
                keys: list_keys(schema),
            })
        }
        Some("object") => match schema.get("additionalProperties") {
            Some(value @ Value::Object(_)) => Arc::new(Shape::Map {
                value: shape(value),
                atomic,
            }),
            Some(Value::Bool(true)) => Arc::new(Shape::Any),
            _ if schema.get("properties").is_none() && flag("x-kubernetes-preserve-unknown-fields") => {
                Arc::new(Shape::Any)
            }
            _ if flag("x-kubernetes-embedded-resource") => object(schema),
            _ => Arc::new(Shape::Struct(structure(schema))),
        },
        _ => Arc::new(Shape::Any),
    }
}

fn structure(schema: &Value) -> Struct {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let fields: BTreeMap<Box<str>, Field> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| {
            properties
                .iter()
                .map(|(name, schema)| (name.as_str().into(), field(schema, required.contains(&name.as_str()))))
                .collect()
        })
        .unwrap_or_default();
    let keeps = schema
        .get("x-kubernetes-preserve-unknown-fields")
        .and_then(Value::as_bool)
        == Some(true);
    Struct {
        name: "".into(),
        fields,
        atomic: schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic"),
        unknown: if keeps { Unknown::Kept } else { Unknown::Pruned },
    }
}

fn field(schema: &Value, required: bool) -> Field {
    let mut field = Field::new(shape(schema));
    field.required = required;
    field.default = schema.get("default").cloned();
    field.nullable = schema.get("nullable").and_then(Value::as_bool) == Some(true);
    field
}

fn list_keys(schema: &Value) -> ListKeys {
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKeys::Set,
        Some("map") => {
            let default = |name: &str| schema.pointer(&format!("/items/properties/{name}/default")).cloned();
            let keys = schema
                .get("x-kubernetes-list-map-keys")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            ListKeys::Map(
                keys.iter()
                    .filter_map(Value::as_str)
                    .map(|name| ListKey {
                        name: name.into(),
                        default: default(name),
                    })
                    .collect(),
            )
        }
        _ => ListKeys::Atomic,
    }
}

fn scalar(scalar: Scalar) -> Arc<Shape> {
    Arc::new(Shape::Scalar(scalar))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::decode::decode;

    #[test]
    fn defaults_are_filled_and_unknown_fields_pruned() {
        let shape = object(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "default": {}, "properties": {
            "size": {"type": "integer", "default": 3}, "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "gone": {"type": "string", "nullable": true}}}}}),
        );
        let mut value = json!({"metadata": {"name": "a"}, "foo": 1});
        assert_eq!(decode(&shape, &mut value).unwrap(), ["foo"]);
        assert_eq!(value, json!({"metadata": {"name": "a"}, "spec": {"size": 3}}));
        let mut value = json!({"spec": {"size": 1, "free": {"a": [1]}, "gone": null}});
        assert_eq!(decode(&shape, &mut value), Ok(vec![]));
        assert_eq!(value, json!({"spec": {"size": 1, "free": {"a": [1]}, "gone": null}}));
    }
}
