//! What decides, kept current: files, objects and kubeconfigs in, rulebooks and the standing of objects out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use syncer_actors::{
    OwnObjects, Rulebook, TargetReports,
    target_report::{Abandoned, Remembered},
};
use syncer_core::{
    config::{Configuration, SyncPolicy, check::Document},
    target_status::Standing,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{error, info, warn};

use crate::{
    documents::{Followed, KubeconfigSecrets, Merge, Merged, Objects},
    rulebooks::{Surroundings, UnusableRules, evictions},
};

/// How long a Secret that was named just now may take to be read.
const FIRST_READ: Duration = Duration::from_secs(2);

/// Makes rulebooks of whatever changes.
pub(crate) struct Configurator {
    pub(crate) surroundings: Surroundings,
    pub(crate) secrets: KubeconfigSecrets,
    /// The policy where nobody gives one.
    pub(crate) fallback: Option<Arc<SyncPolicy>>,
    pub(crate) files: watch::Receiver<Arc<Followed>>,
    pub(crate) objects: watch::Receiver<Arc<Objects>>,
    pub(crate) reports: TargetReports,
}

/// Where it publishes.
pub(crate) struct Published {
    pub(crate) rulebooks: watch::Sender<Arc<Rulebook>>,
    pub(crate) own_objects: watch::Sender<Arc<OwnObjects>>,
}

/// What the last rulebook was made of.
#[derive(Default, PartialEq)]
struct Basis {
    merged: Merged,
    /// Fingerprints of the kubeconfigs in use out of Secrets.
    kubeconfigs: BTreeMap<Arc<str>, u64>,
}

// === impl Configurator ===

impl Configurator {
    /// The rulebook of the files and options alone: whether they can be used at all.
    pub(crate) fn of_files(&self) -> Result<Rulebook, UnusableRules> {
        let merged = self.merge(&mut Merge::default(), &Objects::default()).0;
        self.surroundings.rulebook(&merged, 1)
    }

    /// The rulebook while it is not known what there is: of no rules at all, by which nothing is done.
    pub(crate) fn unknown(&self) -> Result<Rulebook, UnusableRules> {
        self.surroundings.rulebook(&Merged::default(), 0)
    }

    /// Follows everything. Within a runtime; does not end while anybody changes anything.
    pub(crate) async fn run(mut self, published: Published) {
        let mut merge = Merge::default();
        let mut basis: Option<Basis> = None;
        let mut rotated = self.secrets.changes();
        let mut evicted = None;
        // Until when Secrets that were named just now may keep what is new waiting: connected without them, a target would be
        // connected twice.
        let mut patience: Option<Instant> = None;
        loop {
            let objects = self.objects.borrow_and_update().clone();
            rotated.borrow_and_update();
            self.files.mark_unchanged();
            if objects.are_known() {
                patience = self.publish(&mut merge, &objects, &mut basis, patience, &published);
            }
            // Of the rules that hold from here on; once each, since documents that cannot be used leave the old rules as they are.
            let next = published.rulebooks.borrow().rules.next_eviction();
            let eviction = next.filter(|next| evicted != Some(*next));
            tokio::select! {
                Ok(()) = self.files.changed() => {}
                Ok(()) = self.objects.changed() => {}
                Ok(()) = rotated.changed() => {}
                () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {}
                () = evictions::reached(eviction, &self.surroundings.clock), if eviction.is_some() => {
                    evicted = eviction;
                    basis = None;
                }
                else => return,
            }
        }
    }

    /// Publishes what is new, or says until when it waits for Secrets.
    fn publish(
        &self,
        merge: &mut Merge,
        objects: &Objects,
        basis: &mut Option<Basis>,
        patience: Option<Instant>,
        published: &Published,
    ) -> Option<Instant> {
        let (merged, mut own) = self.merge(merge, objects);
        let targets = &merged.configuration.targets;
        self.secrets.follow(targets.values());
        for (name, object) in &mut own.targets {
            if let (Standing::Used, Some(target)) = (&object.standing, targets.get(name))
                && let Some(problem) = self.secrets.problem(target)
            {
                object.standing = Standing::Refused {
                    reason: problem.reason,
                    message: problem.message,
                };
            }
            self.reports.remember(name, remembered(&object.status));
        }
        published.own_objects.send_if_modified(|known| {
            let is_news = **known != own;
            if is_news {
                *known = Arc::new(own);
            }
            is_news
        });
        let kubeconfigs = targets
            .iter()
            .filter_map(|(name, target)| Some((name.clone(), self.secrets.fingerprint(target)?)))
            .collect();
        let new = Basis { merged, kubeconfigs };
        if basis.as_ref() == Some(&new) {
            return None;
        }
        if new
            .merged
            .configuration
            .targets
            .values()
            .any(|target| self.secrets.is_awaited(target))
        {
            let until = patience.unwrap_or_else(|| Instant::now() + FIRST_READ);
            if until > Instant::now() {
                return Some(until);
            }
        }
        self.make(&new, published);
        // One that makes no rules is not tried again until it changes; the last one stays (S11).
        *basis = Some(new);
        None
    }

    fn make(&self, basis: &Basis, published: &Published) {
        let revision = published.rulebooks.borrow().revision + 1;
        match self.surroundings.rulebook(&basis.merged, revision) {
            Ok(rulebook) => {
                let Configuration { targets, policies } = &basis.merged.configuration;
                info!(
                    targets = targets.len(),
                    policies = policies.len(),
                    revision,
                    "these documents count"
                );
                if targets.is_empty() {
                    warn!("there is no target yet: make a SyncTarget, or name one with --target or in a file");
                }
                evictions::tell(&rulebook.rules, Some(&published.rulebooks.borrow().rules));
                published.rulebooks.send_replace(Arc::new(rulebook));
            }
            Err(cause) => error!("the new documents are not used, what held before holds: {cause}"),
        }
    }

    fn merge(&self, merge: &mut Merge, objects: &Objects) -> (Merged, OwnObjects) {
        let files = self.files.borrow().clone();
        merge.merge(&files, objects, self.fallback.as_ref(), &|document| {
            self.judge(document)
        })
    }

    /// Whether `document` could be used if it were alone.
    fn judge(&self, document: &Document) -> Result<(), String> {
        let mut alone = Merged::default();
        match document {
            Document::SyncTarget(target) => {
                alone
                    .configuration
                    .targets
                    .insert(target.name.as_str().into(), target.clone());
            }
            Document::SyncPolicy(policy) => {
                alone
                    .configuration
                    .policies
                    .insert(policy.name.as_str().into(), policy.clone());
            }
        }
        let rulebook = self.surroundings.rulebook(&alone, 0);
        rulebook.map(drop).map_err(|cause| cause.to_string())
    }
}

/// What the status of a SyncTarget says from before this process began.
fn remembered(status: &Value) -> Remembered {
    let text = |field: &str| status.get(field).and_then(Value::as_str).unwrap_or_default();
    let names = status.pointer("/abandoned/objects").and_then(Value::as_array);
    Remembered {
        heartbeat: text("lastSyncerHeartbeatTime").parse::<Timestamp>().ok(),
        confirmed_deletion: text("confirmedDeletion").into(),
        abandoned: Abandoned {
            count: status
                .pointer("/abandoned/count")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            objects: names
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_status_says_is_read_back() {
        let status = json!({
            "lastSyncerHeartbeatTime": "2026-11-23T15:00:00Z", "confirmedDeletion": "12",
            "abandoned": {"count": 2, "objects": ["configmaps.v1/default/a", 7]},
        });
        let read = remembered(&status);
        assert_eq!(read.heartbeat, Some("2026-11-23T15:00:00Z".parse().unwrap()));
        assert_eq!((&*read.confirmed_deletion, read.abandoned.count), ("12", 2));
        assert_eq!(read.abandoned.objects, ["configmaps.v1/default/a".into()]);
        assert_eq!(remembered(&Value::Null), Remembered::default());
    }
}
