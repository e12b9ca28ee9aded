//! The other arm of a union: what a default or another manager left there, and a new desired arm does not go with.

use serde_json::{Map, Value};

use super::{PatchOp, for_this_version};
use crate::{
    field_path::{FieldPath, Step, Token},
    identity::Gvr,
    kind_rules,
};

/// Handlers of which a probe or a lifecycle hook has one.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// The paths that are in `live`, under objects that `desired` sets too, that `desired` lacks, and that may be the reason
/// of a 422: the other arm of a union that is known by its shape, or a field that the refusal names (`refused`, the
/// `field` of its causes, such as `spec.strategy.rollingUpdate`).
///
/// [`union_patch`] takes them out before the apply is tried again. Identity and what is left to the cluster are never named.
pub fn union_leftover(gvr: &Gvr, live: &Value, desired: &Value, refused: &[&str]) -> Vec<FieldPath> {
    let mut search = Search {
        gvr,
        path: FieldPath::default(),
        paths: Vec::new(),
    };
    if let (Value::Object(live), Value::Object(desired)) = (live, desired) {
        for (member, value) in desired.iter().filter(|(member, _)| is_content(member)) {
            if let Some(live) = live.get(member) {
                search.enter(Step::Field(member.as_str().into()), live, value);
            }
        }
    }
    for field in refused {
        search.add_refused(field, live, desired);
    }
    search.paths
}

/// The patch that brings the unions around `leftover` (see [`union_leftover`]) to the arm that is desired; empty if there
/// is nothing to do.
///
/// A removal alone does not: as long as the other arm is chosen, the API server fills its default in again. So the
/// struct or item around goes over to its desired value as a whole, or, where that is the whole `spec`, by its plain
/// fields.
pub fn union_patch(live: &Value, desired: &Value, leftover: &[FieldPath]) -> Vec<PatchOp> {
    let mut parents: Vec<FieldPath> = leftover.iter().filter_map(FieldPath::parent).collect();
    parents.sort_by_key(FieldPath::len);
    let mut done: Vec<&FieldPath> = Vec::new();
    let mut ops = Vec::new();
    for parent in &parents {
        if done
            .iter()
            .any(|around| parent.steps().starts_with(around.steps()) && (around.len() > 1 || *around == parent))
        {
            continue;
        }
        done.push(parent);
        let (Some(tokens), Some(value)) = (parent.tokens(live), parent.find(desired)) else {
            continue;
        };
        let path = Token::pointer(&tokens);
        if parent.len() > 1 {
            let value = value.clone();
            ops.push(PatchOp::Replace { path, value });
        } else {
            ops.extend(plain_changes(&path, parent.find(live), value));
            let within = leftover.iter().filter(|leaf| leaf.parent().as_ref() == Some(parent));
            let pointers = within.filter_map(|leaf| Some(Token::pointer(&leaf.tokens(live)?)));
            ops.extend(pointers.map(|path| PatchOp::Remove { path }));
        }
    }
    for_this_version(live, ops)
}

/// Sets the plain fields of `desired` that `live` has otherwise.
fn plain_changes(path: &str, live: Option<&Value>, desired: &Value) -> Vec<PatchOp> {
    let is_plain = |value: &Value| !value.is_object() && !value.is_array() && !value.is_null();
    let fields = desired.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| is_plain(value) && live.and_then(|live| live.get(name.as_str())) != Some(value))
        .map(|(name, value)| PatchOp::Add {
            path: format!("{path}{}", Token::pointer(&[Token::Key(name)])),
            value: value.clone(),
        })
        .collect()
}

fn is_content(member: &str) -> bool {
    !matches!(member, "apiVersion" | "kind" | "metadata" | "status")
}

struct Search<'g> {
    gvr: &'g Gvr,
    path: FieldPath,
    paths: Vec<FieldPath>,
}

// === impl Search ===

impl Search<'_> {
    fn enter(&mut self, step: Step, live: &Value, desired: &Value) {
        self.path.push(step);
        match (live, desired) {
            (Value::Object(live), Value::Object(desired)) => self.visit(live, desired),
            (Value::Array(live), Value::Array(desired)) => self.visit_items(live, desired),
            _ => {}
        }
        self.path.pop();
    }

    fn visit(&mut self, live: &Map<String, Value>, desired: &Map<String, Value>) {
        let present = |key: &str| desired.get(key).is_some_and(|value| !value.is_null());
        for (key, value) in live {
            if present(key) {
                if let Some(desired) = desired.get(key) {
                    self.enter(Step::Field(key.as_str().into()), value, desired);
                }
            } else if self.is_other_arm(key, value, desired) {
                self.path.push(Step::Field(key.as_str().into()));
                self.add();
                self.path.pop();
            }
        }
    }

    /// Lists of named items: the only ones in which unions are merged by the API server.
    fn visit_items(&mut self, live: &[Value], desired: &[Value]) {
        for item in desired {
            let Some(name) = item.get("name").and_then(Value::as_str) else {
                continue;
            };
            let step = Step::item("name", name);
            if let Some(live) = live
                .iter()
                .find(|live| live.get("name").and_then(Value::as_str) == Some(name))
            {
                self.enter(step, live, item);
            }
        }
    }

    /// Whether `key`, which is not desired, may not stand beside what is.
    fn is_other_arm(&self, key: &str, value: &Value, desired: &Map<String, Value>) -> bool {
        let has = |key: &str| desired.get(key).is_some_and(|value| !value.is_null());
        match self.union() {
            Union::Volume => key != "name" && desired.keys().any(|arm| arm != "name" && has(arm)),
            Union::Handler => HANDLERS.contains(&key) && HANDLERS.iter().any(|arm| has(arm)),
            Union::Variable => matches!(
                (key, has("value"), has("valueFrom")),
                ("value", _, true) | ("valueFrom", true, _)
            ),
            Union::OneOf => desired.keys().any(|arm| has(arm)),
            Union::Typed if key == "sessionAffinityConfig" => desired
                .get("sessionAffinity")
                .and_then(Value::as_str)
                .is_none_or(|affinity| affinity == "None"),
            // The type says which of its siblings may be there (`rollingUpdate`, `localhostProfile`).
            Union::Typed => has("type") && (value.is_object() || self.path.len() > 1),
        }
    }

    fn union(&self) -> Union {
        let mut steps = self.path.steps().iter().rev();
        let (last, before) = (steps.next(), steps.next());
        let field = |step: Option<&Step>| match step {
            Some(Step::Field(name)) => name.to_string(),
            _ => String::new(),
        };
        if matches!(last, Some(Step::Item(_))) {
            return match field(before).as_str() {
                "volumes" => Union::Volume,
                "env" => Union::Variable,
                _ => Union::Typed,
            };
        }
        match field(last).as_str() {
            "livenessProbe" | "readinessProbe" | "startupProbe" | "postStart" | "preStop" => Union::Handler,
            "valueFrom" | "backend" | "defaultBackend" => Union::OneOf,
            _ => Union::Typed,
        }
    }

    fn add(&mut self) {
        if !kind_rules::left_to_cluster(self.gvr, &self.path) && !self.paths.contains(&self.path) {
            self.paths.push(self.path.clone());
        }
    }

    /// Adds a field that the API server names, if it is there and not desired.
    fn add_refused(&mut self, field: &str, live: &Value, desired: &Value) {
        let Some(path) = parse(field, live) else { return };
        let within_content = matches!(path.steps(), [Step::Field(member), _, ..] if is_content(member));
        if within_content && path.find(desired).is_none() && !self.covers(&path) {
            let before = std::mem::replace(&mut self.path, path);
            self.add();
            self.path = before;
        }
    }

    fn covers(&self, path: &FieldPath) -> bool {
        self.paths.iter().any(|known| path.steps().starts_with(known.steps()))
    }
}

/// The unions of the API, by the shape of what holds their arms.
enum Union {
    /// A volume: its name, and one source.
    Volume,
    /// A probe or a lifecycle hook: one handler, beside other fields.
    Handler,
    /// An environment variable: `value` or `valueFrom`.
    Variable,
    /// An object with exactly one field.
    OneOf,
    /// An object whose `type` says what else it may have.
    Typed,
}

/// A path as the API server writes it in a refusal, `spec.volumes[0].configMap` or `spec.limits[cpu]`, in terms of
/// `live`; `None` if nothing is there. Items with a name are named, so that the path fits desired too.
fn parse(field: &str, live: &Value) -> Option<FieldPath> {
    let mut path = FieldPath::default();
    let mut value = live;
    for part in field.split('.') {
        let mut brackets = part.split('[');
        let name = brackets.next()?;
        let steps = brackets.map(|inside| inside.trim_end_matches(']'));
        for (index, text) in std::iter::once(name).chain(steps).enumerate() {
            let step = match value.as_array().filter(|_| index > 0) {
                Some(items) => step_to_item(items.get(text.parse::<usize>().ok()?)?, text.parse().ok()?),
                None => Step::Field(text.into()),
            };
            value = step.get(value)?;
            path.push(step);
        }
    }
    Some(path)
}

fn step_to_item(item: &Value, index: usize) -> Step {
    match item.get("name").and_then(Value::as_str) {
        Some(name) => Step::item("name", name),
        None => Step::Index(index),
    }
}
