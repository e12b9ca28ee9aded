//! kcp's side: logical clusters behind `/clusters/<name>`, exports with their virtual workspaces, bindings and claims.
//!
//! Kept by level: after each write [`reconcile`](State::reconcile_kcp) makes workspaces, bindings, slices and claim labels what the objects
//! say. A claim is a label on the claimed objects, as in kcp: the virtual workspace selects by it, so that a claim that is withdrawn shows as
//! DELETED events of objects that still exist.

mod binding;
mod claims;
mod export;
mod resources;
pub(crate) mod view;
mod workspace;

pub(crate) use self::workspace::{names_cluster, with_cluster, without_cluster};

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;
use syncer_core::Gvr;

use self::{claims::AcceptedClaim, export::Export};
use crate::{
    registry::Resource,
    request::options::{FieldValidation, Origin, Run, WriteOptions},
    state::{Now, State, Subject},
    store::{key::Key, stored::Stored},
    write::{Claim, Part, form::Arrival, update::Replacement},
};

/// The part of the state that only a kcp has.
#[derive(Debug, Default)]
pub(crate) struct Kcp {
    /// The URL that published addresses begin with.
    pub(crate) url: String,
    /// The paths of the logical clusters, by name.
    paths: IndexMap<Arc<str>, String>,
    /// The exports, by the name of their logical cluster and their own.
    exports: IndexMap<(Arc<str>, String), Export>,
    /// The claims that are accepted, by the logical cluster that accepted them.
    claims: IndexMap<Arc<str>, Vec<AcceptedClaim>>,
}

/// The logical cluster that a path without one leads to.
pub(crate) const ROOT: &str = "root";
/// The annotation that names the logical cluster of an object.
pub(crate) const CLUSTER: &str = "kcp.io/cluster";

// === impl Kcp ===

impl Kcp {
    /// The logical cluster that `name` means: a name or a path.
    pub(crate) fn resolve(&self, name: &str) -> Option<Arc<str>> {
        if let Some((found, _)) = self.paths.get_key_value(name) {
            return Some(Arc::clone(found));
        }
        self.paths
            .iter()
            .find(|(_, path)| *path == name)
            .map(|(found, _)| Arc::clone(found))
    }
}

// === impl State ===

impl State {
    /// Turns a new state into that of a kcp with its root workspace.
    pub(crate) fn become_kcp(&mut self, now: Now) {
        self.registries.clear();
        self.kcp = Some(Kcp {
            url: "https://sandbox".to_owned(),
            ..Kcp::default()
        });
        self.add_logical_cluster(&ROOT.into(), ROOT, now);
    }

    /// Makes everything what the objects say; nothing on a plain server.
    pub(crate) fn reconcile_kcp(&mut self, now: Now) {
        // Each pass may make work for the next one: a workspace that goes frees a binding, which frees an export.
        for _ in 0..PASSES {
            if self.kcp.is_none() {
                return;
            }
            let before = self.store.version();
            self.reconcile_workspaces(now);
            self.reconcile_exports(now);
            self.reconcile_bindings(now);
            self.reconcile_slices(now);
            self.reconcile_claims(now);
            if self.store.version() == before {
                return;
            }
        }
    }

    /// All objects of a resource of kcp's own, over all logical clusters.
    fn kcp_objects(&self, gvr: &Gvr) -> Vec<(Subject, Arc<Stored>)> {
        let Some(resource) = self.resource(ROOT, gvr) else {
            return Vec::new();
        };
        self.objects_with(&resource, &Key::prefix(None, None))
    }

    fn objects_with(&self, resource: &Arc<Resource>, prefix: &Key) -> Vec<(Subject, Arc<Stored>)> {
        let Some(collection) = self.store.collection(&resource.collection) else {
            return Vec::new();
        };
        collection
            .range(prefix, None)
            .map(|(_, object)| (Subject::of(resource, object), Arc::clone(object)))
            .collect()
    }

    /// Writes a part of an object as kcp itself; a refusal means that the object has gone on, and the next pass sees it.
    fn settle(&mut self, subject: &Subject, part: Part, now: Now, change: impl FnOnce(&mut Value)) {
        let Some(old) = self.get(subject) else { return };
        let mut new = old.value();
        change(&mut new);
        let replacement = Replacement {
            subject,
            part,
            old: &old,
            new,
            claim: Claim::Update,
            arrival: Arrival::Patch,
        };
        if let Err(refusal) = self.replace(replacement, &own_options(), now) {
            tracing::debug!(object = ?old, refusal = refusal.message(), "kcp in the sandbox could not settle an object");
        }
    }
}

/// The passes after which a reconciliation gives way to the next request.
const PASSES: usize = 16;

fn own_options() -> WriteOptions {
    WriteOptions {
        manager: "kcp".to_owned(),
        manager_is_given: true,
        run: Run::Real,
        validation: FieldValidation::Ignore,
        force: None,
        origin: Origin::Server,
    }
}

/// A condition that holds.
fn condition(kind: &str, now: Now) -> Value {
    serde_json::json!({"type": kind, "status": "True", "lastTransitionTime": now.seconds()})
}

/// `conditions`, with the times of those that were there before.
fn with_times(conditions: Vec<Value>, object: &Value) -> Value {
    let before = object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let same = |a: &Value, b: &Value| {
        ["type", "status", "reason"]
            .iter()
            .all(|field| a.get(field) == b.get(field))
    };
    let kept = conditions
        .into_iter()
        .map(|new| before.iter().find(|old| same(old, &new)).cloned().unwrap_or(new));
    Value::Array(kept.collect())
}

/// A short text that stands for `text`: what kcp makes of a hash in base 36.
fn short_hash(text: &str) -> String {
    let mut hash = text.bytes().fold(0x6c62_272e_07bb_0142_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut short = String::new();
    for _ in 0..12 {
        let digit = u32::try_from(hash % 36)
            .ok()
            .and_then(|digit| char::from_digit(digit, 36));
        short.extend(digit);
        hash /= 36;
    }
    short
}

/// Whether an object is on its way out.
fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    object
        .pointer(path)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Adds or removes one finalizer.
fn set_finalizer(object: &mut Value, finalizer: &str, hold: Held) {
    let Some(head) = crate::object::child(object, "metadata") else {
        return;
    };
    let mut finalizers: Vec<Value> = head
        .get("finalizers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    finalizers.retain(|found| found != finalizer);
    if hold == Held::Yes {
        finalizers.push(finalizer.into());
    }
    head.insert("finalizers".to_owned(), finalizers.into());
}

/// Whether a finalizer holds an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Yes,
    No,
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    list(object, "/metadata/finalizers")
        .iter()
        .any(|found| found == finalizer)
}
