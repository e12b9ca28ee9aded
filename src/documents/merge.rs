//! Files, options and objects as one set: each object counts by itself, and keeps counting as it was last good (S11).

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use syncer_actors::{OwnObject, OwnObjects, Unreadable};
use syncer_core::{
    config::{Configuration, SyncPolicy, check::Document},
    target_status::Standing,
};
use tracing::{error, info};

use super::{
    Followed, Objects,
    objects::{Collection, Knowledge, Seen},
};

/// What was good last, of each object that is there.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    targets: BTreeMap<Arc<str>, Memory>,
    policies: BTreeMap<Arc<str>, Memory>,
    /// The Secrets that objects have named: a kubeconfig does not become an ordinary Secret with the end of its SyncTarget.
    secrets: BTreeSet<(String, String)>,
}

/// What is remembered of one object.
#[derive(Debug)]
struct Memory {
    /// The document that was judged last, and how.
    judged: Result<Document, String>,
    verdict: Result<(), Refusal>,
    good: Option<Document>,
}

/// Why an object is not used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    reason: &'static str,
    message: String,
}

/// The documents of one kind, before they are one set.
struct OfKind<'a, T> {
    memories: &'a BTreeMap<Arc<str>, Memory>,
    of_files: &'a BTreeMap<Arc<str>, Arc<T>>,
    of_document: fn(&Document) -> Option<&Arc<T>>,
}

/// All that decides at one moment, from everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Merged {
    /// The documents that hold.
    pub(crate) configuration: Configuration,
    /// Fingerprints of kubeconfig files, by target.
    pub(crate) kubeconfigs: BTreeMap<Arc<str>, u64>,
    /// What is there and says nothing that can be used.
    pub(crate) unreadable: Unreadable,
    /// Secrets that objects name as kubeconfigs, or named since the start: namespace and name.
    pub(crate) secrets: BTreeSet<(String, String)>,
}

/// Whether a document can be used by itself; a sentence where it cannot.
pub(crate) type Judge<'a> = &'a dyn Fn(&Document) -> Result<(), String>;

// === impl Merge ===

impl Merge {
    /// The set that `files` and `objects` make; `fallback` is the policy where nobody gives one. A document of a file or an
    /// option wins over an object of its name.
    pub(crate) fn merge(
        &mut self,
        files: &Followed,
        objects: &Objects,
        fallback: Option<&Arc<SyncPolicy>>,
        judge: Judge<'_>,
    ) -> (Merged, OwnObjects) {
        remember(&mut self.targets, "SyncTarget", &objects.targets, judge);
        remember(&mut self.policies, "SyncPolicy", &objects.policies, judge);
        let mut merged = Merged {
            configuration: files.configuration.clone(),
            kubeconfigs: files.kubeconfigs.clone(),
            ..Merged::default()
        };
        let mut own = OwnObjects::default();
        for seen in objects.targets.objects.values() {
            let named = seen.secret.iter();
            self.secrets
                .extend(named.map(|secret| (secret.namespace.clone(), secret.name.clone())));
        }
        let targets = OfKind {
            memories: &self.targets,
            of_files: &files.configuration.targets,
            of_document: |document| match document {
                Document::SyncTarget(target) => Some(target),
                Document::SyncPolicy(_) => None,
            },
        };
        own.targets = targets.weigh(
            &objects.targets,
            &mut merged.configuration.targets,
            &mut merged.unreadable.targets,
        );
        let policies = OfKind {
            memories: &self.policies,
            of_files: &files.configuration.policies,
            of_document: |document| match document {
                Document::SyncPolicy(policy) => Some(policy),
                Document::SyncTarget(_) => None,
            },
        };
        own.policies = policies.weigh(
            &objects.policies,
            &mut merged.configuration.policies,
            &mut merged.unreadable.policies,
        );
        merged.secrets.clone_from(&self.secrets);
        merged.unreadable.others = objects.policies.knowledge == Knowledge::Withheld;
        if let Some(policy) = fallback
            && merged.configuration.policies.is_empty()
            && objects.policies.objects.is_empty()
        {
            let policies = &mut merged.configuration.policies;
            policies.insert(policy.name.as_str().into(), policy.clone());
        }
        (merged, own)
    }
}

/// Judges what is new in `collection`, and forgets what is gone.
fn remember(memories: &mut BTreeMap<Arc<str>, Memory>, kind: &str, collection: &Collection, judge: Judge<'_>) {
    memories.retain(|name, _| collection.objects.contains_key(name));
    for (name, seen) in &collection.objects {
        let before = memories.remove(name);
        let memory = match before {
            Some(memory) if memory.judged == seen.document => memory,
            before => {
                let memory = Memory::of(seen, before.and_then(|memory| memory.good), judge);
                match &memory.verdict {
                    Ok(()) => info!(kind, %name, "the object is used from here on"),
                    Err(Refusal { message, .. }) => error!(kind, %name, "the object cannot be used: {message}"),
                }
                memory
            }
        };
        memories.insert(name.clone(), memory);
    }
}

/// How an object stands that a document of a file or an option outweighs.
fn outweighed() -> Standing {
    Standing::Refused {
        reason: "NamedInFile",
        message: "a document of this name in a file or an option of the syncer counts instead: rename or remove one"
            .into(),
    }
}

// === impl OfKind ===

impl<T> OfKind<'_, T> {
    /// How each object of `collection` stands. What counts of it goes into `documents`, and the name of what is there and says nothing
    /// that can be used into `unreadable`.
    fn weigh(
        &self,
        collection: &Collection,
        documents: &mut BTreeMap<Arc<str>, Arc<T>>,
        unreadable: &mut BTreeSet<Arc<str>>,
    ) -> BTreeMap<Arc<str>, OwnObject> {
        let mut own = BTreeMap::new();
        for (name, seen) in &collection.objects {
            if self.of_files.contains_key(name) {
                own.insert(name.clone(), seen.own(outweighed()));
                continue;
            }
            let memory = self.memories.get(name);
            let standing = memory.map_or(Standing::Used, Memory::standing);
            own.insert(name.clone(), seen.own(standing));
            let good = memory.and_then(|memory| memory.good.as_ref());
            match good.and_then(self.of_document) {
                Some(document) => {
                    documents.insert(name.clone(), document.clone());
                }
                None => {
                    unreadable.insert(name.clone());
                }
            }
        }
        own
    }
}

// === impl Memory ===

impl Memory {
    fn standing(&self) -> Standing {
        match &self.verdict {
            Ok(()) => Standing::Used,
            Err(Refusal { reason, message }) => Standing::Refused {
                reason,
                message: message.clone(),
            },
        }
    }

    fn of(seen: &Seen, good: Option<Document>, judge: Judge<'_>) -> Self {
        let (reason, message) = match &seen.document {
            Ok(document) => match judge(document) {
                Ok(()) => {
                    return Self {
                        judged: seen.document.clone(),
                        verdict: Ok(()),
                        good: Some(document.clone()),
                    };
                }
                Err(message) => ("NotSupported", message),
            },
            Err(message) => ("Invalid", message.clone()),
        };
        let rest = if good.is_some() {
            "what it said before goes on to count"
        } else {
            "nothing of it counts, and nothing that it brought somewhere before is deleted"
        };
        let refusal = Refusal {
            reason,
            message: format!("{message}; {rest}"),
        };
        Self {
            judged: seen.document.clone(),
            verdict: Err(refusal),
            good,
        }
    }
}

// === impl Seen ===

impl Seen {
    fn own(&self, standing: Standing) -> OwnObject {
        OwnObject {
            uid: self.uid.clone(),
            generation: self.generation,
            standing,
            status: self.status.clone(),
        }
    }
}
