//! The table of fields as a structural schema.

use serde_json::{Map, Value, json};
use syncer_core::config::schema::{Field, Form, ListKind, Presence, Record, Rule, ServedAs, Shape};

/// The schema of `record`, without the fields that only files have.
pub(super) fn record(record: &Record) -> Value {
    let served = || {
        record
            .fields
            .iter()
            .filter(|field| field.presence != Presence::OnlyInFiles)
    };
    let properties: Map<_, _> = served().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<_> = served()
        .filter(|field| matches!(field.presence, Presence::Required | Presence::RequiredInObjects))
        .map(|field| field.name)
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        put(&mut schema, "required", json!(required));
    }
    for rule in record.rules {
        add_rule(&mut schema, rule);
    }
    schema
}

fn add_rule(schema: &mut Value, rule: &Rule) {
    match rule.served_as {
        ServedAs::Cel(expression) => {
            let rule = json!({"rule": expression, "message": rule.message});
            match schema.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut) {
                Some(rules) => rules.push(rule),
                None => put(schema, "x-kubernetes-validations", json!([rule])),
            }
        }
        ServedAs::OneOf(fields) => {
            let alternatives: Vec<_> = fields.iter().map(|field| json!({"required": [field]})).collect();
            put(schema, "oneOf", alternatives);
        }
        ServedAs::FilesOnly | ServedAs::Nowhere => {}
    }
}

/// Sets a member of a schema.
pub(super) fn put(schema: &mut Value, name: &str, value: impl Into<Value>) {
    if let Value::Object(members) = schema {
        members.insert(name.to_owned(), value.into());
    }
}

fn property(field: &Field) -> Value {
    let mut schema = shape(field.shape);
    put(&mut schema, "description", field.about);
    match field.presence {
        // What is written as null is one way to say that it is absent.
        Presence::Nullable => put(&mut schema, "nullable", true),
        Presence::Default(default) => put(
            &mut schema,
            "default",
            serde_json::from_str::<Value>(default).unwrap_or_default(),
        ),
        _ => {}
    }
    schema
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Object(fields) => record(fields),
        Shape::List { of, least, most, kind } => list(*of, least, most, kind),
        Shape::Map { values, most, .. } => {
            json!({"type": "object", "maxProperties": most, "additionalProperties": text(values)})
        }
        Shape::Text(form) => text(form),
        Shape::Choice(choices) => json!({"type": "string", "enum": choices}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Integer { least, most } => integer(least, most),
        Shape::Positive => json!({"type": "number", "minimum": 0, "exclusiveMinimum": true}),
        Shape::Any => json!({"nullable": true, "x-kubernetes-preserve-unknown-fields": true}),
        Shape::AnyObject => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    }
}

fn list(of: Shape, least: usize, most: usize, kind: ListKind) -> Value {
    let mut schema = json!({"type": "array", "maxItems": most, "items": shape(of)});
    if least > 0 {
        put(&mut schema, "minItems", least);
    }
    match kind {
        ListKind::Atomic => put(&mut schema, "x-kubernetes-list-type", "atomic"),
        ListKind::Set => put(&mut schema, "x-kubernetes-list-type", "set"),
        ListKind::Map(keys) => {
            put(&mut schema, "x-kubernetes-list-type", "map");
            put(&mut schema, "x-kubernetes-list-map-keys", json!(keys));
        }
    }
    schema
}

fn integer(least: i64, most: i64) -> Value {
    let format = if i32::try_from(most).is_ok() { "int32" } else { "int64" };
    let mut schema = json!({"type": "integer", "format": format, "minimum": least});
    if most < i64::MAX {
        put(&mut schema, "maximum", most);
    }
    schema
}

fn text(form: Form) -> Value {
    if form == Form::Time {
        return json!({"type": "string", "format": "date-time"});
    }
    let mut schema = json!({"type": "string"});
    if let Some(pattern) = form.pattern() {
        put(&mut schema, "pattern", pattern);
    }
    if form.shortest() > 0 {
        put(&mut schema, "minLength", form.shortest());
    }
    if form.longest() < usize::MAX {
        put(&mut schema, "maxLength", form.longest());
    }
    schema
}
