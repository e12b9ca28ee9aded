//! What is wrong with a document: every error at once, each with its path.

mod document_path;
mod metadata;
mod problem;
mod set;
mod suggestion;
mod transforms;
mod walk;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

pub use self::{
    document_path::{DocumentPath, Step},
    problem::Problem,
    set::{Checked, SetProblem, set},
};
use self::{metadata::Metadata, suggestion::suggest, walk::Walk};
use super::{
    API_VERSION, SyncPolicy, SyncTarget,
    schema::{Kind, SYNC_POLICY, SYNC_TARGET},
};

/// A document that holds together by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// One physical cluster.
    SyncTarget(Arc<SyncTarget>),
    /// What goes where.
    SyncPolicy(Arc<SyncPolicy>),
}

/// Begins a problem that the table of fields did not foresee; a test shows that it foresees all.
const UNREADABLE: &str = "cannot be read: ";

/// Where a document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file of the operator's: it may name other files.
    File,
    /// An object of an API server: it may not name files of the syncer's machine.
    Object,
}

/// The document that `value` is, or all that is wrong with it.
///
/// Fields that an API server sets (`status`, `metadata.uid` and the like) are taken and left alone, so that what
/// `kubectl get -o yaml` prints is a document too. An explicit null counts as absence, as with an API server.
pub fn document(value: &Value, origin: Origin) -> Result<Document, Vec<Problem>> {
    let root = DocumentPath::default();
    let Some(fields) = value.as_object() else {
        return Err(vec![
            root.problem("expected a document with apiVersion, kind, metadata and spec"),
        ]);
    };
    let kind = kind_of(fields)?;
    let mut problems = Vec::new();
    unknown_fields(fields, &mut problems);
    let metadata = Metadata::check(fields.get("metadata"), origin, &root.field("metadata"), &mut problems);
    // An absent spec misses what a spec must have, and nothing else.
    let mut spec = fields
        .get("spec")
        .filter(|spec| !spec.is_null())
        .cloned()
        .unwrap_or_else(|| Map::new().into());
    let path = root.field("spec");
    Walk::new(origin, &mut problems).record(kind.spec, &mut spec, &path);
    if kind.kind == SYNC_POLICY.kind {
        transforms::check(&spec, &path, &mut problems);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    typed(kind, metadata, spec).map_err(|error| vec![path.problem(format!("{UNREADABLE}{error}"))])
}

fn typed(kind: &Kind, metadata: Metadata, spec: Value) -> Result<Document, serde_json::Error> {
    let Metadata {
        name,
        uid,
        labels,
        annotations,
    } = metadata;
    if kind.kind == SYNC_POLICY.kind {
        let spec = serde_json::from_value(spec)?;
        return Ok(Document::SyncPolicy(Arc::new(SyncPolicy { name, spec })));
    }
    Ok(Document::SyncTarget(Arc::new(SyncTarget {
        name,
        uid,
        labels,
        annotations,
        spec: serde_json::from_value(spec)?,
    })))
}

/// The kind of a document; a document of another kind is not looked at any further.
fn kind_of(fields: &Map<String, Value>) -> Result<&'static Kind, Vec<Problem>> {
    let root = DocumentPath::default();
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut problems = Vec::new();
    if text("apiVersion") != API_VERSION {
        let message = match text("apiVersion") {
            "" => format!("missing: write {API_VERSION}"),
            other => format!("{} is not known here: write {API_VERSION}", problem::shown(other)),
        };
        problems.push(root.field("apiVersion").problem(message));
    }
    let kinds = [&SYNC_TARGET, &SYNC_POLICY];
    let kind = kinds.into_iter().find(|kind| kind.kind == text("kind"));
    if kind.is_none() {
        let names = kinds.map(|kind| kind.kind);
        let message = match text("kind") {
            "" => "missing: write SyncTarget or SyncPolicy".to_owned(),
            other => format!(
                "{} is not known here: SyncTarget and SyncPolicy are{}",
                problem::shown(other),
                suggest(other, &names)
            ),
        };
        problems.push(root.field("kind").problem(message));
    }
    kind.filter(|_| problems.is_empty()).ok_or(problems)
}

fn unknown_fields(fields: &Map<String, Value>, problems: &mut Vec<Problem>) {
    const KNOWN: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    let unknown = fields.keys().filter(|name| !KNOWN.contains(&name.as_str()));
    let root = DocumentPath::default();
    problems.extend(unknown.map(|name| {
        root.field(name)
            .problem(format!("unknown field{}", suggest(name, &KNOWN)))
    }));
}

// === impl Document ===

impl Document {
    /// The kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SyncTarget(_) => SYNC_TARGET.kind,
            Self::SyncPolicy(_) => SYNC_POLICY.kind,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::SyncTarget(target) => &target.name,
            Self::SyncPolicy(policy) => &policy.name,
        }
    }
}

/// Texts by texts.
type Texts = BTreeMap<String, String>;
