//! Shapes as OpenAPI, as kubectl reads them: which parameters a resource takes, and how its lists merge.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Field, ListKeys, Merge, Scalar, Shape, Struct, Unknown};
use crate::object::put;
use crate::registry::{Registry, Resource};

/// The group versions that have a document.
pub(crate) fn v3_index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = if group.is_empty() {
                format!("api/{version}")
            } else {
                format!("apis/{group}/{version}")
            };
            let url = format!("/openapi/v3/{path}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({ "paths": paths })
}

/// The document of one group version.
pub(crate) fn v3(resources: &[&Arc<Resource>]) -> Value {
    let mut writer = Writer {
        prefix: "#/components/schemas/",
        types: BTreeMap::new(),
    };
    let paths = paths(resources, &mut writer);
    json!({"openapi": "3.0.0", "info": info(), "paths": paths, "components": {"schemas": writer.types}})
}

/// The document of everything, in the old form.
pub(crate) fn v2(registry: &Registry) -> Value {
    let mut writer = Writer {
        prefix: "#/definitions/",
        types: BTreeMap::new(),
    };
    let resources: Vec<&Arc<Resource>> = registry.iter().collect();
    let paths = paths(&resources, &mut writer);
    json!({"swagger": "2.0", "info": info(), "paths": paths, "definitions": writer.types})
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": "v1.37.2"})
}

struct Writer {
    prefix: &'static str,
    types: BTreeMap<String, Value>,
}

fn paths(resources: &[&Arc<Resource>], writer: &mut Writer) -> Map<String, Value> {
    let mut paths = Map::new();
    for resource in resources {
        let kind = json!({"group": resource.group(), "version": resource.gvr.version(), "kind": resource.kind()});
        let mut schema = match &*resource.shape {
            Shape::Struct(shape) => writer.structure(shape),
            other => writer.shape(other),
        };
        put(&mut schema, "x-kubernetes-group-version-kind", json!([kind]));
        let name = if resource.is_custom() {
            format!("{}.{}.{}", resource.group(), resource.gvr.version(), resource.kind())
        } else {
            type_name(resource)
        };
        writer.types.insert(name, schema);
        let base = if resource.group().is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}", resource.gvr.api_version())
        };
        let place = if resource.is_namespaced() {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
            .to_vec();
        let operation = |action: &str| json!({"parameters": parameters, "responses": {}, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind});
        let collection = format!("{base}{place}/{}", resource.plural());
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({"get": operation("get"), "put": operation("put"), "patch": operation("patch")}),
        );
        paths.insert(collection, json!({"get": operation("list"), "post": operation("post")}));
    }
    paths
}

fn type_name(resource: &Resource) -> String {
    match &*resource.shape {
        Shape::Struct(shape) if !shape.name.is_empty() => shape.name.to_string(),
        _ => resource.kind().to_owned(),
    }
}

// === impl Writer ===

impl Writer {
    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Scalar(scalar) => scalar_schema(*scalar),
            Shape::Any => json!({"x-kubernetes-preserve-unknown-fields": true}),
            Shape::Map { value, atomic } => {
                let mut schema = json!({"type": "object", "additionalProperties": self.shape(value)});
                if *atomic {
                    put(&mut schema, "x-kubernetes-map-type", "atomic");
                }
                schema
            }
            Shape::List { item, keys } => {
                let mut schema = json!({"type": "array", "items": self.shape(item)});
                match keys {
                    ListKeys::Atomic => put(&mut schema, "x-kubernetes-list-type", "atomic"),
                    ListKeys::Set => put(&mut schema, "x-kubernetes-list-type", "set"),
                    ListKeys::Map(keys) => {
                        put(&mut schema, "x-kubernetes-list-type", "map");
                        put(
                            &mut schema,
                            "x-kubernetes-list-map-keys",
                            keys.iter().map(|key| Value::from(&*key.name)).collect::<Value>(),
                        );
                    }
                }
                schema
            }
            Shape::Struct(shape) if shape.name.is_empty() => self.structure(shape),
            Shape::Struct(shape) => {
                if !self.types.contains_key(&*shape.name) {
                    self.types.insert(shape.name.to_string(), Value::Null);
                    let schema = self.structure(shape);
                    self.types.insert(shape.name.to_string(), schema);
                }
                json!({"$ref": format!("{}{}", self.prefix, shape.name)})
            }
        }
    }

    fn structure(&mut self, shape: &Struct) -> Value {
        let properties: Map<String, Value> = shape
            .fields
            .iter()
            .map(|(name, field)| (name.to_string(), self.field(field)))
            .collect();
        let mut schema = json!({"type": "object", "properties": properties});
        let required: Vec<&str> = shape
            .fields
            .iter()
            .filter(|(_, field)| field.required)
            .map(|(name, _)| &**name)
            .collect();
        if !required.is_empty() {
            put(&mut schema, "required", json!(required));
        }
        if shape.atomic {
            put(&mut schema, "x-kubernetes-map-type", "atomic");
        }
        if shape.unknown == Unknown::Kept {
            put(&mut schema, "x-kubernetes-preserve-unknown-fields", true);
        }
        schema
    }

    fn field(&mut self, field: &Field) -> Value {
        let mut schema = self.shape(&field.shape);
        let strategy = match (&field.merge, field.retain_keys) {
            (Merge::Replace, false) => return schema,
            (Merge::Replace, true) => "retainKeys",
            (_, false) => "merge",
            (_, true) => "merge,retainKeys",
        };
        if schema.get("$ref").is_some() {
            schema = json!({"allOf": [schema]});
        }
        put(&mut schema, "x-kubernetes-patch-strategy", strategy);
        if let Merge::By(key) = &field.merge {
            put(&mut schema, "x-kubernetes-patch-merge-key", &**key);
        }
        schema
    }
}

fn scalar_schema(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Text | Scalar::Quantity => json!({"type": "string"}),
        Scalar::Bytes => json!({"type": "string", "format": "byte"}),
        Scalar::Time => json!({"type": "string", "format": "date-time"}),
        Scalar::IntOrString => json!({"type": "string", "format": "int-or-string"}),
        Scalar::Integer => json!({"type": "integer"}),
        Scalar::Number => json!({"type": "number"}),
        Scalar::Boolean => json!({"type": "boolean"}),
    }
}
