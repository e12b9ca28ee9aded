//! What of an object an expression sees.

use std::collections::BTreeSet;

use serde_json::Value;

/// Top-level members of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Members {
    /// None of them.
    None,
    /// These.
    Some(BTreeSet<String>),
    /// All, or it cannot be told.
    All,
}

// === impl Members ===

impl Members {
    /// Notes that `member` is read.
    pub(super) fn note(&mut self, member: &str) {
        match self {
            Self::All => {}
            Self::Some(names) => {
                names.insert(member.to_owned());
            }
            Self::None => *self = Self::Some(BTreeSet::from([member.to_owned()])),
        }
    }

    /// What an expression sees of `object`: the members that it names, never the status, and of the metadata only what
    /// people write. `None` if it does not look at the object.
    pub(super) fn view(&self, object: &Value) -> Option<Value> {
        let seen: Vec<_> = match (self, object.as_object()) {
            (Self::None, _) => return None,
            (_, None) => Vec::new(),
            (Self::Some(names), Some(members)) => members.iter().filter(|(name, _)| names.contains(*name)).collect(),
            (Self::All, Some(members)) => members.iter().collect(),
        };
        let view = seen
            .into_iter()
            .filter(|(name, _)| *name != "status")
            .map(|(name, member)| {
                let member = if name == "metadata" {
                    written_metadata(member)
                } else {
                    member.clone()
                };
                (name.clone(), member)
            });
        Some(Value::Object(view.collect()))
    }
}

fn written_metadata(metadata: &Value) -> Value {
    let Some(metadata) = metadata.as_object() else {
        return Value::Null;
    };
    let written = ["name", "namespace", "labels", "annotations"];
    let view = metadata.iter().filter(|(name, _)| written.contains(&name.as_str()));
    Value::Object(view.map(|(name, member)| (name.clone(), member.clone())).collect())
}
