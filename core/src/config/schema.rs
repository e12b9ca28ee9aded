//! The documents as data: every field with its form, its default and the rules between fields.
//!
//! One table, two readers: [`super::check`] finds what is wrong with a document, and the custom resource definitions are
//! printed from it, so that files and objects obey the same rules.

mod form;
mod policy;
mod policy_rules;
mod selector;
mod status;
mod target;
mod transform;

use serde_json::{Map, Value};

use super::API_GROUP;
use crate::identity::ResourceType;

pub use self::{form::Form, policy::SYNC_POLICY, target::SYNC_TARGET};

/// A kind of document.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name, such as `SyncTarget`.
    pub kind: &'static str,
    /// The resource that it is served as.
    pub plural: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What users write.
    pub spec: &'static Record,
    /// What we report.
    pub status: &'static Record,
    /// What `kubectl get` shows.
    pub columns: &'static [Column],
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// `string`, `integer` or `date`.
    pub kind: &'static str,
    /// Where its value is.
    pub json_path: &'static str,
}

/// An object with known fields.
#[derive(Debug)]
pub struct Record {
    /// Its fields.
    pub fields: &'static [Field],
    /// What must hold between them.
    pub rules: &'static [Rule],
}

/// A field of a record.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it means, for `kubectl explain`.
    pub about: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// Whether it must be there.
    pub presence: Presence,
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It must in an object; in a file another field may stand for it.
    RequiredInObjects,
    /// It need not.
    Optional,
    /// It need not, and may be spelt out as null.
    Nullable,
    /// It has this value, in JSON, where it is absent.
    Default(&'static str),
    /// It need not, and objects cannot have it: it names something on the syncer's own machine.
    OnlyInFiles,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// An object with known fields.
    Object(&'static Record),
    /// A list of at most `most` items.
    List {
        /// What its items are.
        of: &'static Shape,
        /// How many at least.
        least: usize,
        /// How many at most.
        most: usize,
        /// What tells its items apart.
        kind: ListKind,
    },
    /// An object with free keys and texts as values.
    Map {
        /// The form of its keys.
        keys: Form,
        /// The form of its values.
        values: Form,
        /// How many entries at most.
        most: usize,
    },
    /// A text.
    Text(Form),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number.
    Integer {
        /// The least.
        least: i64,
        /// The greatest.
        most: i64,
    },
    /// A number above zero.
    Positive,
    /// Anything, null included.
    Any,
    /// An object with any fields.
    AnyObject,
}

/// What tells the items of a list apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Nothing: the list is one value.
    Atomic,
    /// Their value: none may be there twice.
    Set,
    /// These fields: no two items may have them equal.
    Map(&'static [&'static str]),
}

/// What must hold between the fields of a record.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What to say where it does not hold.
    pub message: &'static str,
    /// Whether it holds; a record of the wrong shape passes, since that is reported already.
    pub holds: fn(&Map<String, Value>) -> bool,
    /// How the API server is told.
    pub served_as: ServedAs,
}

/// How an API server is told of a [`Rule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedAs {
    /// As this CEL expression.
    Cel(&'static str),
    /// As `oneOf`: exactly one of these fields is there. For fields without a type, which CEL does not see.
    OneOf(&'static [&'static str]),
    /// Not at all, and it holds for files only.
    FilesOnly,
    /// Not at all: we alone can tell.
    Nowhere,
}

// === impl Kind ===

impl Kind {
    /// The resource that objects of this kind are served as.
    pub fn resource_type(&self) -> ResourceType {
        ResourceType::cluster_scoped(API_GROUP, "v1alpha1", self.plural, self.kind)
    }
}

/// `{}`: an object whose fields have defaults.
const EMPTY: Presence = Presence::Default("{}");

const fn field(name: &'static str, shape: Shape, presence: Presence, about: &'static str) -> Field {
    Field {
        name,
        about,
        shape,
        presence,
    }
}

const fn record(fields: &'static [Field]) -> Record {
    Record { fields, rules: &[] }
}

const fn list(of: &'static Shape, most: usize) -> Shape {
    Shape::List {
        of,
        least: 0,
        most,
        kind: ListKind::Atomic,
    }
}

/// Labels or the like: keys are qualified names.
const fn map(values: Form) -> Shape {
    Shape::Map {
        keys: Form::QualifiedName,
        values,
        most: 64,
    }
}

/// Whether exactly one of `names` is there. The API server sees an explicit null as absence, and so do we.
fn exactly_one(record: &Map<String, Value>, names: &[&str]) -> bool {
    names.iter().filter(|name| is_there(record, name)).count() == 1
}

fn is_there(record: &Map<String, Value>, name: &str) -> bool {
    record.get(name).is_some_and(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::{super::API_VERSION, *};

    #[test]
    fn both_kinds_are_served_in_the_version_that_documents_name() {
        for kind in [SYNC_TARGET, SYNC_POLICY] {
            assert_eq!(kind.resource_type().gvr.api_version(), API_VERSION, "{}", kind.kind);
        }
    }
}
