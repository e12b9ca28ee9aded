//! A value held against its shape.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{DocumentPath, Origin, Problem, problem::shown, suggest};
use crate::config::schema::{Field, Form, ListKind, Presence, Record, ServedAs, Shape};

/// The look at one document.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    origin: Origin,
    problems: &'a mut Vec<Problem>,
}

// === impl Walk ===

impl<'a> Walk<'a> {
    pub(super) fn new(origin: Origin, problems: &'a mut Vec<Problem>) -> Self {
        Self { origin, problems }
    }

    /// Holds `value` against `shape`, and takes explicit nulls out of its records.
    pub(super) fn value(&mut self, shape: Shape, value: &mut Value, path: &DocumentPath) {
        let found = kind_of(value);
        match (shape, value) {
            (Shape::Any, _) | (Shape::AnyObject, Value::Object(_)) | (Shape::Flag, Value::Bool(_)) => {}
            (Shape::Object(record), value @ Value::Object(_)) => self.record(record, value, path),
            (Shape::List { of, least, most, kind }, Value::Array(items)) => {
                self.count(items.len(), least, most, path);
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(*of, item, &path.item(index));
                }
                self.each_once(kind, items, path);
            }
            (Shape::Map { keys, values, most }, Value::Object(entries)) => {
                self.count(entries.len(), 0, most, path);
                for (key, value) in entries {
                    let path = path.field(key);
                    if !keys.fits(key) {
                        self.report(&path, format!("no valid key: expected {}", keys.expectation()));
                    }
                    self.value(Shape::Text(values), value, &path);
                }
            }
            (Shape::Text(form), Value::String(text)) => self.text(form, text, path),
            (Shape::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => {}
            (Shape::Choice(choices), Value::String(text)) => {
                let message = format!(
                    "{} is none of {}{}",
                    shown(text),
                    choices.join(", "),
                    suggest(text, choices)
                );
                self.report(path, message);
            }
            (Shape::Integer { least, most }, Value::Number(number)) => match number.as_i64() {
                Some(number) if (least..=most).contains(&number) => {}
                _ => self.report(path, format!("{number} is no whole number from {least} to {most}")),
            },
            (Shape::Positive, Value::Number(number)) => {
                if number.as_f64().is_none_or(|number| number <= 0.0) {
                    self.report(path, format!("{number} is not above zero"));
                }
            }
            (shape, _) => self.report(path, format!("expected {}, found {found}", expected(shape))),
        }
    }

    /// Holds a record's fields against `record`, and takes explicit nulls out.
    pub(super) fn record(&mut self, record: &Record, value: &mut Value, path: &DocumentPath) {
        let Value::Object(fields) = value else {
            let found = kind_of(value);
            return self.report(path, format!("expected an object, found {found}"));
        };
        fields.retain(|name, value| !value.is_null() || keeps_null(record, name));
        for (name, value) in fields.iter_mut() {
            self.field(record, name, value, &path.field(name));
        }
        self.missing(record, fields, path);
        for rule in record.rules {
            let concerns = rule.served_as != ServedAs::FilesOnly || self.origin == Origin::File;
            if concerns && !(rule.holds)(fields) {
                self.report(path, rule.message);
            }
        }
    }

    fn field(&mut self, record: &Record, name: &str, value: &mut Value, path: &DocumentPath) {
        let Some(field) = record.fields.iter().find(|field| field.name == name) else {
            let known: Vec<_> = record.fields.iter().map(|field| field.name).collect();
            return self.report(path, format!("unknown field{}", suggest(name, &known)));
        };
        if field.presence == Presence::OnlyInFiles && self.origin == Origin::Object {
            return self.report(
                path,
                "for files only: put the kubeconfig into a Secret and name that in kubeconfigSecretRef",
            );
        }
        self.value(field.shape, value, path);
    }

    fn missing(&mut self, record: &Record, fields: &Map<String, Value>, path: &DocumentPath) {
        let must = |field: &&Field| match field.presence {
            Presence::Required => true,
            Presence::RequiredInObjects => self.origin == Origin::Object,
            _ => false,
        };
        let missing: Vec<_> = record
            .fields
            .iter()
            .filter(must)
            .filter(|field| !fields.contains_key(field.name))
            .collect();
        for field in missing {
            self.report(
                &path.field(field.name),
                format!("missing: expected {}", expected(field.shape)),
            );
        }
    }

    fn text(&mut self, form: Form, text: &str, path: &DocumentPath) {
        if !form.fits(text) {
            self.report(path, format!("{} is not {}", shown(text), form.expectation()));
        }
    }

    fn count(&mut self, count: usize, least: usize, most: usize, path: &DocumentPath) {
        if count < least {
            self.report(path, format!("empty: needs at least {least}"));
        }
        if count > most {
            self.report(path, format!("{count} are too many: {most} are taken"));
        }
    }

    fn each_once(&mut self, kind: ListKind, items: &[Value], path: &DocumentPath) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match kind {
                ListKind::Atomic => return,
                ListKind::Set => item.to_string(),
                ListKind::Map(keys) => identity(item, keys),
            };
            if !seen.insert(identity) {
                self.report(&path.item(index), "there already: name it once");
            }
        }
    }

    fn report(&mut self, path: &DocumentPath, message: impl Into<String>) {
        self.problems.push(path.problem(message));
    }
}

/// What tells an item from the others; an absent key counts as the empty text, the only default that keys have.
fn identity(item: &Value, keys: &[&str]) -> String {
    let key = |key: &&str| item.get(*key).map_or_else(|| "\"\"".to_owned(), Value::to_string);
    keys.iter().map(key).collect::<Vec<_>>().join(" ")
}

/// Whether null is a value of this field, as it is in a patch.
fn keeps_null(record: &Record, name: &str) -> bool {
    let field = record.fields.iter().find(|field| field.name == name);
    field.is_some_and(|field| matches!(field.shape, Shape::Any))
}

fn expected(shape: Shape) -> &'static str {
    match shape {
        Shape::Object(_) | Shape::AnyObject => "an object",
        Shape::List { .. } => "a list",
        Shape::Map { .. } => "an object of texts",
        Shape::Text(form) => form.expectation(),
        Shape::Choice(_) => "one of a few words",
        Shape::Flag => "true or false",
        Shape::Integer { .. } => "a whole number",
        Shape::Positive => "a number above zero",
        Shape::Any => "a value",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false (quote it to make it a text)",
        Value::Number(_) => "a number (quote it to make it a text)",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
