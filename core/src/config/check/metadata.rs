//! `metadata` of a document.

use serde_json::Value;

use super::{DocumentPath, Problem, Texts, suggest, walk::Walk};
use crate::config::{
    check::Origin,
    schema::{Form, Shape},
};

/// What we read of `metadata`.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
}

/// What users write.
const WRITTEN: [&str; 3] = ["name", "labels", "annotations"];

/// What an API server adds, and `kubectl get` shows.
const SERVED: [&str; 11] = [
    "uid",
    "generateName",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "selfLink",
];

/// Said of a document without a name.
const NAMELESS: &str = "missing: every document has a name";

// === impl Metadata ===

impl Metadata {
    /// Reads `value`, and says what is wrong with it. What an API server keeps it has judged itself, by rules of its own that
    /// change: of an object nothing is judged a second time.
    pub(super) fn check(
        value: Option<&Value>,
        origin: Origin,
        path: &DocumentPath,
        problems: &mut Vec<Problem>,
    ) -> Self {
        match origin {
            Origin::File => Self::written(value, path, problems),
            Origin::Object => Self::served(value, path, problems),
        }
    }

    /// The metadata of an object of an API server.
    fn served(value: Option<&Value>, path: &DocumentPath, problems: &mut Vec<Problem>) -> Self {
        let field = |name: &str| value.and_then(|fields| fields.get(name));
        let text = |name: &str| field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("name").is_empty() {
            problems.push(path.field("name").problem(NAMELESS));
        }
        Self {
            name: text("name"),
            uid: text("uid"),
            labels: pairs(field("labels")),
            annotations: pairs(field("annotations")),
        }
    }

    /// The metadata of a document in a file.
    fn written(value: Option<&Value>, path: &DocumentPath, problems: &mut Vec<Problem>) -> Self {
        let fields = match value {
            Some(Value::Object(fields)) => fields.clone(),
            None | Some(Value::Null) => serde_json::Map::new(),
            Some(_) => {
                problems.push(path.problem("expected an object with a name"));
                return Self::default();
            }
        };
        for name in fields.keys() {
            if WRITTEN.contains(&name.as_str()) || SERVED.contains(&name.as_str()) {
                continue;
            }
            let message = match name.as_str() {
                "namespace" => "leave it out: these documents are cluster-scoped".to_owned(),
                _ => format!("unknown field{}", suggest(name, &WRITTEN)),
            };
            problems.push(path.field(name).problem(message));
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match fields.get("name") {
            None | Some(Value::Null) => problems.push(path.field("name").problem(NAMELESS)),
            Some(name) => {
                let path = path.field("name");
                Walk::new(Origin::File, problems).value(Shape::Text(Form::Name), &mut name.clone(), &path);
            }
        }
        Self {
            name: text("name"),
            uid: text("uid"),
            labels: texts(
                fields.get("labels"),
                (Form::QualifiedName, Form::LabelValue),
                &path.field("labels"),
                problems,
            ),
            annotations: texts(
                fields.get("annotations"),
                (Form::AnnotationKey, Form::Unbounded),
                &path.field("annotations"),
                problems,
            ),
        }
    }
}

/// Labels or annotations, whose keys and values have these forms.
fn texts(
    value: Option<&Value>,
    (keys, values): (Form, Form),
    path: &DocumentPath,
    problems: &mut Vec<Problem>,
) -> Texts {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Texts::new();
    };
    let shape = Shape::Map {
        keys,
        values,
        most: usize::MAX,
    };
    Walk::new(Origin::File, problems).value(shape, &mut value.clone(), path);
    pairs(Some(value))
}

/// The texts of an object.
fn pairs(value: Option<&Value>) -> Texts {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
