//! Which objects a request is about.

pub(crate) mod fields;
pub(crate) mod labels;

use serde_json::Value;

use self::{fields::FieldSelector, labels::LabelSelector};
use crate::store::stored::Stored;

/// The labels and the fields that a request selects by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    /// By label.
    pub(crate) labels: LabelSelector,
    /// By field.
    pub(crate) fields: FieldSelector,
}

// === impl Selector ===

impl Selector {
    /// Whether everything is selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    /// Whether `object` is selected.
    pub(crate) fn selects(&self, object: &Stored) -> bool {
        let label = |name: &str| {
            let at = object.labels.binary_search_by(|(label, _)| (**label).cmp(name)).ok()?;
            object.labels.get(at).map(|(_, value)| &**value)
        };
        if !self.labels.selects(label) {
            return false;
        }
        if self.fields.is_everything() {
            return true;
        }
        let mut body: Option<Value> = None;
        self.fields.selects(|path| match path {
            "metadata.name" => object.name.to_string(),
            "metadata.namespace" => object.namespace.to_string(),
            other => {
                let body = body.get_or_insert_with(|| object.value());
                let found = body.pointer(&format!("/{}", other.replace('.', "/")));
                match found {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Null) | None => String::new(),
                    Some(other) => other.to_string(),
                }
            }
        })
    }
}
