//! Brings a value into the form of its kind: unknown fields go, quantities and times get their one form, empty fields vanish.

use std::fmt;

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{Scalar, Shape, Struct, Unknown, quantity, time};

/// A value does not fit its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The path, with dots and no leading one.
    pub(crate) path: String,
    /// The type whose field it is; empty where it has no name.
    pub(crate) within: String,
    /// The type that belongs there.
    pub(crate) expected: &'static str,
    /// The type that is there.
    pub(crate) found: &'static str,
}

/// The paths of the fields that a kind does not have.
pub(crate) type UnknownFields = Vec<String>;

/// Brings `value` into the form of `shape` and names the fields that were dropped.
pub(crate) fn decode(shape: &Shape, value: &mut Value) -> Result<UnknownFields, Misfit> {
    let mut decoding = Decoding {
        path: Vec::new(),
        within: Vec::new(),
        unknown: Vec::new(),
    };
    decoding.value(shape, value)?;
    Ok(decoding.unknown)
}

struct Decoding {
    path: Vec<String>,
    /// The names of the types around.
    within: Vec<String>,
    unknown: UnknownFields,
}

// === impl Misfit ===

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be of type {}: \"{}\"", self.path, self.expected, self.found)
    }
}

// === impl Decoding ===

impl Decoding {
    fn value(&mut self, shape: &Shape, value: &mut Value) -> Result<(), Misfit> {
        if value.is_null() {
            return Ok(());
        }
        match shape {
            Shape::Any => Ok(()),
            Shape::Scalar(scalar) => self.scalar(*scalar, value),
            Shape::Struct(shape) => {
                let Value::Object(map) = value else {
                    return Err(self.misfit("object", value));
                };
                self.within.push(shape.name.to_string());
                self.fields(shape, map)?;
                self.within.pop();
                Ok(())
            }
            Shape::Map { value: item, .. } => {
                let Value::Object(map) = value else {
                    return Err(self.misfit("object", value));
                };
                for value in map.values_mut() {
                    self.value(item, value)?;
                }
                // A null in a map of Kubernetes reads back as the zero value, in a CRD it is dropped: nobody means either.
                map.retain(|_, value| !value.is_null());
                Ok(())
            }
            Shape::List { item, .. } => {
                let Value::Array(items) = value else {
                    return Err(self.misfit("array", value));
                };
                for (at, value) in items.iter_mut().enumerate() {
                    self.path.push(format!("[{at}]"));
                    self.value(item, value)?;
                    self.path.pop();
                }
                Ok(())
            }
        }
    }

    fn fields(&mut self, shape: &Struct, map: &mut Map<String, Value>) -> Result<(), Misfit> {
        let mut dropped = Vec::new();
        for (name, value) in map.iter_mut() {
            self.path.push(name.clone());
            match shape.fields.get(name.as_str()) {
                Some(field) => {
                    self.value(&field.shape, value)?;
                    let null = value.is_null() && !field.nullable;
                    let empty =
                        !shape.name.is_empty() && !field.required && is_left_out(&field.shape, field.omit_zero, value);
                    if null || empty {
                        dropped.push(name.clone());
                    }
                }
                None if shape.unknown == Unknown::Pruned => {
                    self.unknown.push(self.dotted());
                    dropped.push(name.clone());
                }
                None => {}
            }
            self.path.pop();
        }
        for name in dropped {
            map.remove(&name);
        }
        for (name, field) in &shape.fields {
            if let Some(default) = &field.default
                && !map.contains_key(&**name)
            {
                let mut default = default.clone();
                self.path.push(name.to_string());
                self.value(&field.shape, &mut default)?;
                self.path.pop();
                map.insert(name.to_string(), default);
            }
        }
        Ok(())
    }

    fn scalar(&self, scalar: Scalar, value: &mut Value) -> Result<(), Misfit> {
        match (scalar, &*value) {
            (Scalar::Text, Value::String(_))
            | (Scalar::Boolean, Value::Bool(_))
            | (Scalar::Number, Value::Number(_))
            | (Scalar::IntOrString, Value::Number(_) | Value::String(_)) => Ok(()),
            (Scalar::Integer, Value::Number(number)) => {
                if number.is_i64() || number.is_u64() {
                    return Ok(());
                }
                Err(self.misfit(expected(scalar), value))
            }
            (Scalar::Bytes, Value::String(text)) => {
                if base64::engine::general_purpose::STANDARD.decode(text).is_ok() {
                    return Ok(());
                }
                Err(self.misfit("base64", value))
            }
            (Scalar::Time, Value::String(text)) => {
                let canonical = time::canonical(text).ok_or_else(|| self.misfit("time", value))?;
                *value = canonical.into();
                Ok(())
            }
            (Scalar::Quantity, Value::String(text)) => {
                let canonical = quantity::canonical(text).ok_or_else(|| self.misfit("quantity", value))?;
                *value = canonical.into();
                Ok(())
            }
            (Scalar::Quantity, Value::Number(number)) => {
                let canonical =
                    quantity::canonical(&number.to_string()).ok_or_else(|| self.misfit("quantity", value))?;
                *value = canonical.into();
                Ok(())
            }
            _ => Err(self.misfit(expected(scalar), value)),
        }
    }

    fn misfit(&self, expected: &'static str, value: &Value) -> Misfit {
        Misfit {
            path: self.dotted(),
            within: self.within.last().cloned().unwrap_or_default(),
            expected,
            found: type_name(value),
        }
    }

    fn dotted(&self) -> String {
        let mut dotted = String::new();
        for part in &self.path {
            if !dotted.is_empty() && !part.starts_with('[') {
                dotted.push('.');
            }
            dotted.push_str(part);
        }
        dotted
    }
}

/// A field of Kubernetes that is not written when it is empty.
fn is_left_out(shape: &Shape, omit_zero: bool, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Map { .. }, Value::Object(map)) => map.is_empty(),
        (Shape::List { .. }, Value::Array(items)) => items.is_empty(),
        (Shape::Scalar(Scalar::Text | Scalar::Bytes), Value::String(text)) => text.is_empty(),
        (Shape::Scalar(Scalar::Integer), Value::Number(number)) => omit_zero && number.as_i64() == Some(0),
        (Shape::Scalar(Scalar::Boolean), Value::Bool(value)) => omit_zero && !value,
        _ => false,
    }
}

fn expected(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Text | Scalar::Time => "string",
        Scalar::Integer => "integer",
        Scalar::Number => "number",
        Scalar::Boolean => "boolean",
        Scalar::Bytes => "base64",
        Scalar::Quantity => "quantity",
        Scalar::IntOrString => "int-or-string",
    }
}

/// What JSON calls the type of `value`.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::kubernetes::shape;

    #[test]
    fn quantities_are_canonical_and_empty_fields_go() {
        let mut value = json!({"spec": {"replicas": 0, "paused": false, "template": {"spec": {
            "hostNetwork": false, "volumes": [], "securityContext": {},
            "containers": [{"name": "a", "resources": {"limits": {"cpu": "1000m"}}, "env": [{"name": "A", "value": ""}]}]}}}});
        assert_eq!(decode(&shape("Deployment"), &mut value), Ok(vec![]));
        assert_eq!(
            value,
            json!({"spec": {"replicas": 0, "template": {"spec": {"securityContext": {},
            "containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}, "env": [{"name": "A"}]}]}}}})
        );
    }

    #[test]
    fn unknown_fields_are_named_and_dropped() {
        let mut value = json!({"data": {"a": "1"}, "foo": 1, "metadata": {"bar": {}}});
        assert_eq!(
            decode(&shape("ConfigMap"), &mut value).unwrap(),
            ["foo", "metadata.bar"]
        );
        assert_eq!(value, json!({"data": {"a": "1"}, "metadata": {}}));
    }

    #[test]
    fn a_misfit_names_its_path() {
        let mut value = json!({"spec": {"template": {"spec": {"containers": [{"name": 1}]}}}});
        let misfit = decode(&shape("Deployment"), &mut value).unwrap_err();
        assert_eq!(
            (misfit.path.as_str(), misfit.expected, misfit.found),
            ("spec.template.spec.containers[0].name", "string", "number")
        );
    }
}
