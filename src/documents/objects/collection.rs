//! From the events of a watch to what a collection holds.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, value::RawValue};
use syncer_clusters::Object;
use syncer_core::config::check::{self, Origin, Problem};

use super::{Collection, Knowledge, Seen};

/// How many problems of one object are shown: the rest comes up when these are mended.
const MOST_PROBLEMS: usize = 8;

/// The names of a list that is being read.
pub(super) type Listing = BTreeSet<Arc<str>>;

// === impl Collection ===

impl Collection {
    /// `object` is there, in this state.
    pub(super) fn applied(&mut self, object: &Object, listing: Option<&mut Listing>) {
        let name = object.key().name.clone();
        if let Some(listing) = listing {
            listing.insert(name.clone());
        }
        self.objects.insert(name, Seen::of(object));
    }

    /// `object` is gone; another one of its name is not.
    pub(super) fn deleted(&mut self, object: &Object) {
        let name = &object.key().name;
        if self.objects.get(name).is_some_and(|seen| *seen.uid == *object.uid()) {
            self.objects.remove(name);
        }
    }

    /// A complete list had these and no others.
    pub(super) fn listed(&mut self, listing: &Listing) {
        self.objects.retain(|name, _| listing.contains(name));
        self.knowledge = Knowledge::Listed;
    }

    /// There is no answer that says what there is. What was known stays: a kind that is not served any more, or not shown, may
    /// come back with all its objects (S3, S11).
    pub(super) fn refused(&mut self, knowledge: Knowledge) {
        if self.knowledge != Knowledge::Listed {
            self.knowledge = knowledge;
        }
    }
}

// === impl Seen ===

impl Seen {
    fn of(object: &Object) -> Self {
        let tree = object.to_value().unwrap_or_default();
        let reference = tree.pointer("/spec/kubeconfigSecretRef").cloned();
        let status = object.member("status").map(RawValue::get);
        let status: Value = status
            .and_then(|status| serde_json::from_str(status).ok())
            .unwrap_or_default();
        Self {
            uid: object.uid().into(),
            generation: object.generation(),
            document: check::document(&tree, Origin::Object).map_err(|problems| said(&problems)),
            secret: reference.and_then(|reference| serde_json::from_value(reference).ok()),
            status: status.into(),
        }
    }
}

fn said(problems: &[Problem]) -> String {
    let shown = problems.iter().take(MOST_PROBLEMS).map(ToString::to_string);
    let mut said: Vec<_> = shown.collect();
    if problems.len() > MOST_PROBLEMS {
        said.push(format!("and {} more", problems.len() - MOST_PROBLEMS));
    }
    said.join("; ")
}
