//! Reading shapes out of the OpenAPI document that an API server publishes for a group and version.

use serde_json::{Map, Value};

use super::{ListKind, MapKind, Shape};
use crate::identity::Gvr;

/// The deepest schema that is read; what lies deeper is not known.
const DEEPEST: usize = 64;
/// The most nodes of one schema that are read: types may name each other without end.
const MOST_NODES: usize = 50_000;

/// A document being read.
struct Reading<'d> {
    types: Option<&'d Map<String, Value>>,
    /// How many nodes may still be read.
    left: usize,
    /// The types that are being read: one that names itself has no end.
    open: Vec<&'d str>,
}

/// The shape of `kind` in the group and version of `gvr`; `None` if the document does not describe it.
pub(super) fn shape(document: &Value, gvr: &Gvr, kind: &str) -> Option<Shape> {
    let types = document.pointer("/components/schemas")?.as_object()?;
    let is_it = |schema: &&Value| {
        let kinds = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        kinds.into_iter().flatten().any(|entry| {
            let says = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
            says("group") == gvr.group() && says("version") == gvr.version() && says("kind") == kind
        })
    };
    let schema = types.values().find(is_it)?;
    let mut reading = Reading {
        types: Some(types),
        left: MOST_NODES,
        open: Vec::new(),
    };
    Some(reading.shape(schema, 0))
}

// === impl Reading ===

impl<'d> Reading<'d> {
    fn shape(&mut self, schema: &'d Value, depth: usize) -> Shape {
        if depth == DEEPEST || self.left == 0 {
            return Shape::default();
        }
        self.left -= 1;
        let Some((name, named)) = self.named(schema) else {
            return self.own(schema, depth);
        };
        if self.open.contains(&name) {
            return Shape::default();
        }
        self.open.push(name);
        let mut shape = self.shape(named, depth + 1);
        self.open.pop();
        // What stands beside the name counts before what the type says.
        if schema.get("x-kubernetes-list-type").is_some() {
            shape.list = ListKind::read(schema);
        }
        if is_atomic(schema) {
            shape.map = MapKind::Atomic;
        }
        shape
    }

    /// The type that `schema` only names.
    fn named(&self, schema: &'d Value) -> Option<(&'d str, &'d Value)> {
        let first = schema.get("allOf").and_then(|all| all.get(0));
        let name = schema.get("$ref").or_else(|| first?.get("$ref"))?.as_str()?;
        let name = name.strip_prefix("#/components/schemas/")?;
        let (name, named) = self.types?.get_key_value(name)?;
        Some((name, named))
    }

    fn own(&mut self, schema: &'d Value, depth: usize) -> Shape {
        let fields = schema.get("properties").and_then(Value::as_object);
        let fields = fields.into_iter().flatten();
        let rest = ["items", "additionalProperties"]
            .iter()
            .find_map(|name| schema.get(name));
        Shape {
            fields: fields
                .map(|(name, field)| (name.as_str().into(), self.shape(field, depth + 1)))
                .collect(),
            rest: rest
                .filter(|rest| rest.is_object())
                .map(|rest| Box::new(self.shape(rest, depth + 1))),
            list: ListKind::read(schema),
            map: if is_atomic(schema) {
                MapKind::Atomic
            } else {
                MapKind::Granular
            },
        }
    }
}

fn is_atomic(schema: &Value) -> bool {
    schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        conflict::{Schema, schema::Hint},
        field_path::FieldPath,
    };

    fn widgets() -> Gvr {
        Gvr::new("example.org", "v1", "widgets")
    }

    /// A document whose kind `Widget` has `spec`.
    fn document(spec: &Value) -> Value {
        let kinds = |kind: &str| json!([{"group": "example.org", "version": "v1", "kind": kind}]);
        json!({"components": {"schemas": {
            "org.example.v1.WidgetList": {"type": "object", "x-kubernetes-group-version-kind": kinds("WidgetList")},
            "org.example.v1.Widget": {
                "type": "object", "properties": {"spec": spec}, "x-kubernetes-group-version-kind": kinds("Widget"),
            },
            "Part": {"type": "object", "properties": {
                "id": {"type": "string"}, "side": {"type": "string", "default": "left"},
                "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            }},
        }}})
    }

    fn read(spec: &Value) -> Schema {
        Schema::of_open_api(&document(spec), &widgets(), "Widget").unwrap()
    }

    #[test]
    fn a_schema_says_which_lists_have_keys() {
        let schema = read(&json!({"type": "object", "properties": {
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id", "side"],
                "items": {"type": "object", "properties": {"id": {"type": "string"}, "side": {"type": "string", "default": "left"},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}}}},
            "words": {"type": "array", "items": {"type": "string"}},
            "pick": {"type": "object", "x-kubernetes-map-type": "atomic"},
        }}));
        let gvr = widgets();
        let spec = schema.root().field("spec");
        let at = |names: &[&str]| FieldPath::of_fields(names.iter().copied());
        let parts = spec.field("parts");
        let kind = parts.list(&gvr, &at(&["spec", "parts"]));
        let step = kind.step_to(&json!({"id": "a"})).unwrap();
        assert_eq!(step.to_string(), "[id=a,side=left]");
        let tags = parts.item().field("tags").list(&gvr, &at(&["spec", "parts", "tags"]));
        assert_eq!(tags, ListKind::Set);
        assert_eq!(
            spec.field("words").list(&gvr, &at(&["spec", "words"])),
            ListKind::Atomic
        );
        assert_eq!(spec.field("pick").map(&at(&["spec", "pick"])), MapKind::Atomic);
        assert_eq!(spec.field("else").map(&at(&["spec", "else"])), MapKind::Granular);
    }

    #[test]
    fn types_that_are_named_are_followed_but_not_round_in_circles() {
        let part = json!({"$ref": "#/components/schemas/Part"});
        let schema = read(&json!({"type": "object", "properties": {
            "one": {"allOf": [part], "default": {}},
            "pick": {"allOf": [part], "x-kubernetes-map-type": "atomic"},
            "none": {"$ref": "#/components/schemas/Gone"},
        }}));
        let spec = schema.root().field("spec");
        let path = FieldPath::of_fields(["spec"]);
        assert_eq!(spec.field("one").field("tags").list(&widgets(), &path), ListKind::Set);
        assert_eq!(spec.field("pick").map(&path), MapKind::Atomic);
        let within = spec.field("one").field("parts").item();
        assert!(matches!(within.field("tags"), Hint::Unknown), "{within:?}");
        assert!(matches!(spec.field("none").field("a"), Hint::Unknown));
    }

    #[test]
    fn a_schema_without_end_is_read_to_a_depth_and_a_wide_one_to_a_size() {
        let mut deep = json!({"type": "string"});
        for _ in 0..200 {
            deep = json!({"type": "object", "properties": {"a": deep}});
        }
        assert!(matches!(read(&deep), Schema::Given(_)));
        // Each type names the next one ten times.
        let mut types = Map::new();
        for n in 0..30 {
            let next = json!({"$ref": format!("#/components/schemas/T{}", n + 1)});
            let fields: Map<String, Value> = (0..10).map(|field| (field.to_string(), next.clone())).collect();
            types.insert(format!("T{n}"), json!({"properties": fields}));
        }
        let mut wide = document(&json!({"$ref": "#/components/schemas/T0"}));
        wide["components"]["schemas"]
            .as_object_mut()
            .unwrap()
            .append(&mut types);
        assert!(Schema::of_open_api(&wide, &widgets(), "Widget").is_some());
    }

    #[test]
    fn what_is_not_described_is_not_known() {
        for document in [
            json!(null),
            json!({"components": {"schemas": []}}),
            document(&json!({})),
        ] {
            assert!(Schema::of_open_api(&document, &widgets(), "Gadget").is_none());
        }
    }
}
