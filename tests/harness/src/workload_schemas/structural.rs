//! From the OpenAPI of a built-in type to the structural schema that a custom resource needs.
//!
//! What an API server of Kubernetes fills in or checks in code stays with the target: defaults and enumerations are left out, so that
//! an object reads back as it was written, and a newer target's values pass. Two things must be in: keys of keyed lists, which are
//! required or have a default; and numbers that are written as text too.

use serde_json::{Map, Value, json};

/// What a resource quantity looks like as text, as Kubernetes' own definitions have it.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

/// Deeper is a type that contains itself, which a structural schema cannot say.
const DEEPEST: usize = 40;

/// Members that say nothing to a structural schema, or that are left to the target.
const LEFT_OUT: [&str; 6] = [
    "default",
    "enum",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
];

/// Members that mean the same on both sides.
const TAKEN_OVER: [&str; 6] = [
    "type",
    "format",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
];

/// The structural schema of the object that `document` calls `name`.
pub(super) fn object(document: &Value, name: &str) -> Result<Value, String> {
    let definitions = document
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .ok_or("the OpenAPI has no schemas")?;
    let origin = definitions
        .get(name)
        .ok_or_else(|| format!("the OpenAPI has no schema {name}"))?;
    let mut schema = Source { definitions }.schema(origin, name, 0)?;
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.ok_or_else(|| format!("{name}: no object with properties"))?;
    // An API server checks these of every object, and takes no word about them.
    for (member, kind) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        properties.insert(member.to_owned(), json!({"type": kind}));
    }
    Ok(schema)
}

/// The definitions that references point into.
struct Source<'a> {
    definitions: &'a Map<String, Value>,
}

// === impl Source ===

impl Source<'_> {
    fn schema(&self, origin: &Value, at: &str, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(format!("{at}: contains itself"));
        }
        let origin = self.resolved(origin, at)?;
        let mut schema = Map::new();
        if let Some(about) = origin.get("description").and_then(Value::as_str) {
            schema.insert("description".to_owned(), first_sentence(about).into());
        }
        if let Some(kinds) = origin.get("oneOf") {
            schema.append(&mut number_or_text(kinds, at)?);
            return Ok(Value::Object(schema));
        }
        for (member, value) in &origin {
            match member.as_str() {
                "description" => {}
                "properties" => {
                    let properties = value.as_object().into_iter().flatten();
                    let properties = properties.map(|(name, property)| {
                        let property = self.schema(property, &format!("{at}.{name}"), depth + 1)?;
                        Ok((name.clone(), property))
                    });
                    let properties: Map<_, _> = properties.collect::<Result<_, String>>()?;
                    schema.insert(member.clone(), properties.into());
                }
                "items" | "additionalProperties" => {
                    schema.insert(member.clone(), self.schema(value, &format!("{at}[]"), depth + 1)?);
                }
                known if TAKEN_OVER.contains(&known) => {
                    schema.insert(member.clone(), value.clone());
                }
                known if LEFT_OUT.contains(&known) => {}
                unknown => return Err(format!("{at}: a structural schema has no {unknown}")),
            }
        }
        self.settle_keys(&origin, &mut schema, at)?;
        let is_free = schema.get("type") == Some(&json!("object"))
            && !schema.contains_key("properties")
            && !schema.contains_key("additionalProperties");
        if is_free {
            schema.insert("x-kubernetes-preserve-unknown-fields".to_owned(), true.into());
        }
        Ok(Value::Object(schema))
    }

    /// `origin` with what it refers to; what it says itself counts first.
    fn resolved(&self, origin: &Value, at: &str) -> Result<Map<String, Value>, String> {
        let mut resolved = origin.as_object().cloned().ok_or_else(|| format!("{at}: no schema"))?;
        let mut parts = Vec::new();
        if let Some(Value::Array(all)) = resolved.remove("allOf") {
            parts.extend(all);
        }
        if let Some(reference) = resolved.remove("$ref") {
            let name = reference
                .as_str()
                .and_then(|path| path.rsplit('/').next())
                .unwrap_or_default();
            let part = self
                .definitions
                .get(name)
                .ok_or_else(|| format!("{at}: the OpenAPI has no schema {name}"))?;
            parts.push(part.clone());
        }
        for part in parts {
            for (member, value) in self.resolved(&part, at)? {
                resolved.entry(member).or_insert(value);
            }
        }
        Ok(resolved)
    }

    /// Gives every key of a keyed list its default, or makes it required: an item without its key cannot be told from others.
    fn settle_keys(
        &self,
        origin: &Map<String, Value>,
        schema: &mut Map<String, Value>,
        at: &str,
    ) -> Result<(), String> {
        let Some(keys) = origin.get("x-kubernetes-list-map-keys").and_then(Value::as_array) else {
            return Ok(());
        };
        let item = self.resolved(origin.get("items").unwrap_or(&Value::Null), at)?;
        let Some(Value::Object(settled)) = schema.get_mut("items") else {
            return Err(format!("{at}: a keyed list of no objects"));
        };
        for key in keys.iter().filter_map(Value::as_str) {
            let required = settled.entry("required").or_insert_with(|| json!([]));
            let Some(required) = required.as_array_mut() else {
                return Err(format!("{at}: required is no list"));
            };
            if required.iter().any(|name| name == key) {
                continue;
            }
            let default = item
                .get("properties")
                .and_then(|properties| properties.get(key)?.get("default"));
            match default {
                None => required.push(key.into()),
                Some(default) => {
                    let property = settled
                        .get_mut("properties")
                        .and_then(|properties| properties.get_mut(key));
                    let property = property.ok_or_else(|| format!("{at}: items have no {key}"))?;
                    property["default"] = default.clone();
                }
            }
        }
        if settled.get("required") == Some(&json!([])) {
            settled.remove("required");
        }
        Ok(())
    }
}

/// Of the two types that have two forms: a port or a share (`IntOrString`), and a quantity.
fn number_or_text(kinds: &Value, at: &str) -> Result<Map<String, Value>, String> {
    let mut kinds: Vec<_> = kinds
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|kind| kind["type"].as_str())
        .collect();
    kinds.sort_unstable();
    let mut schema = Map::new();
    match kinds.as_slice() {
        ["integer", "string"] => {}
        ["number", "string"] => {
            schema.insert("pattern".to_owned(), QUANTITY.into());
        }
        _ => return Err(format!("{at}: a structural schema has no oneOf of {kinds:?}")),
    }
    schema.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
    schema.insert("x-kubernetes-int-or-string".to_owned(), true.into());
    Ok(schema)
}

/// What `kubectl explain` shows: all of it would not fit into what `kubectl apply` keeps on an object.
fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    let ends = line.match_indices(". ").map(|(at, _)| at + 1);
    let mut ends = ends.filter(|end| {
        line.get(end + 1..)
            .is_some_and(|rest| rest.starts_with(char::is_uppercase))
    });
    ends.next().and_then(|end| line.get(..end)).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(spec: &Value) -> Result<Value, String> {
        let document = json!({"components": {"schemas": {
            "Thing": {"type": "object", "properties": {
                "metadata": {"type": "object", "properties": {"a": {"type": "string"}}},
                "spec": spec,
            }},
            "Port": {"type": "object", "description": "One port. Two sentences.", "required": ["port"], "properties": {
                "port": {"type": "integer", "format": "int32", "default": 0},
                "protocol": {"type": "string", "default": "TCP", "enum": ["TCP", "UDP"]},
                "name": {"type": "string"},
            }},
            "Share": {"description": "A share.", "format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
            "Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "Self": {"type": "object", "properties": {"again": {"$ref": "#/components/schemas/Self"}}},
        }}});
        object(&document, "Thing").map(|schema| schema["properties"]["spec"].clone())
    }

    fn of(name: &str) -> Value {
        json!({"default": {}, "allOf": [{"$ref": format!("#/components/schemas/{name}")}]})
    }

    #[test]
    fn defaults_and_enumerations_stay_with_the_target() {
        let port = made(&of("Port")).unwrap();
        assert_eq!(
            port,
            json!({"type": "object", "description": "One port.", "required": ["port"], "properties": {
                "port": {"type": "integer", "format": "int32"}, "protocol": {"type": "string"}, "name": {"type": "string"},
            }})
        );
    }

    /// A keyed list is refused by an API server unless each key is required or has a default.
    #[test]
    fn keys_of_lists_are_required_or_have_a_default() {
        let list = |keys: &Value| {
            json!({"type": "array", "items": of("Port"), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys,
                "x-kubernetes-patch-strategy": "merge"})
        };
        let ports = made(&list(&json!(["port", "protocol"]))).unwrap();
        assert_eq!(ports["items"]["properties"]["protocol"]["default"], "TCP");
        assert_eq!(ports["items"]["required"], json!(["port"]));
        assert_eq!(ports["x-kubernetes-patch-strategy"], Value::Null);
        let named = made(&list(&json!(["name"]))).unwrap();
        assert_eq!(named["items"]["required"], json!(["port", "name"]));
    }

    #[test]
    fn numbers_written_as_text_pass() {
        let share = made(&of("Share")).unwrap();
        assert_eq!(
            share,
            json!({"description": "A share.", "anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true})
        );
        let quantity = made(&json!({"type": "object", "additionalProperties": of("Quantity")})).unwrap();
        assert_eq!(quantity["additionalProperties"]["pattern"], QUANTITY);
    }

    #[test]
    fn free_objects_keep_what_they_hold() {
        let free = made(&json!({"type": "object"})).unwrap();
        assert_eq!(
            free,
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
        );
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        let refused = [
            (of("Self"), "contains itself"),
            (of("Nothing"), "the OpenAPI has no schema Nothing"),
            (json!({"oneOf": [{"type": "object"}]}), "oneOf"),
            (json!({"type": "string", "x-kubernetes-new": 1}), "no x-kubernetes-new"),
        ];
        for (spec, part) in refused {
            let error = made(&spec).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_description_is_its_first_sentence() {
        for (text, first) in [
            ("One. Two.", "One."),
            ("Such as i.e. this one.\nMore", "Such as i.e. this one."),
            ("", ""),
        ] {
            assert_eq!(first_sentence(text), first);
        }
    }
}
