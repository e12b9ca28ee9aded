//! Files followed as they change.

mod snapshot;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use syncer_core::config::Configuration;
use tokio::{
    sync::watch,
    task,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{error, info, warn};

use self::snapshot::Snapshot;
use super::{FileProblem, Options, Read, Source, check, load};

/// How often the files are looked at. Looking, not being told: a mounted ConfigMap changes by a swap of symbolic links,
/// which change notices miss.
const EVERY: Duration = Duration::from_secs(2);

/// What decides at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Followed {
    /// The documents.
    pub(crate) configuration: Configuration,
    /// A fingerprint of the kubeconfig file of each target that has one: where it changes, the target is connected anew.
    pub(crate) kubeconfigs: BTreeMap<Arc<str>, u64>,
}

/// The files, the set that holds, and who is told of the next one.
#[derive(Debug)]
pub(crate) struct Following {
    sources: Vec<Source>,
    options: Options,
    /// What was last judged.
    judged: Snapshot,
    /// What was seen since then, once.
    changed: Option<Snapshot>,
    published: watch::Sender<Arc<Followed>>,
}

/// When to look at the files.
pub(crate) fn every() -> Interval {
    let mut interval = interval(EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval
}

// === impl Following ===

impl Following {
    /// Reads the files for the first time, and blocks on them. Wrong documents are an error now; later they are not.
    pub(crate) fn start(sources: Vec<Source>, options: Options) -> Result<Self, Vec<FileProblem>> {
        let loaded = load::load(&sources);
        let read = check(&loaded, &options)?;
        warn_of(&read);
        let judged = Snapshot::take(loaded, &read.configuration, &BTreeMap::new());
        let followed = Followed {
            configuration: read.configuration,
            kubeconfigs: judged.kubeconfigs.clone(),
        };
        Ok(Self {
            sources,
            options,
            judged,
            changed: None,
            published: watch::Sender::new(Arc::new(followed)),
        })
    }

    /// The set that holds, and each one that follows.
    pub(crate) fn receiver(&self) -> watch::Receiver<Arc<Followed>> {
        self.published.subscribe()
    }

    /// Looks at the files at each tick. Does not end.
    pub(crate) async fn run(mut self, mut ticks: Interval) {
        loop {
            ticks.tick().await;
            // A file system that hangs holds up this task alone, and one thread for blocking calls.
            let Ok((looked, problems)) = task::spawn_blocking(move || self.look()).await else {
                error!("the files of the configuration are not followed any more: looking at them failed; restart");
                return;
            };
            self = looked;
            for problem in problems {
                error!(%problem, "the configuration is wrong: the last good one stays");
            }
        }
    }

    /// Looks at the files once. What is wrong with them is returned once, until they change.
    fn look(mut self) -> (Self, Vec<FileProblem>) {
        let current = Arc::clone(&self.published.borrow());
        let loaded = self.judged.load_again(&self.sources);
        let seen = Snapshot::take(loaded, &current.configuration, &current.kubeconfigs);
        if seen == self.judged {
            self.changed = None;
            return (self, Vec::new());
        }
        // Seen twice alike: a file that is half written would read as targets that are gone (S3).
        if self.changed.as_ref() != Some(&seen) {
            self.changed = Some(seen);
            return (self, Vec::new());
        }
        self.changed = None;
        let problems = self.judge(seen, &current);
        (self, problems)
    }

    fn judge(&mut self, seen: Snapshot, current: &Followed) -> Vec<FileProblem> {
        // S11: what was right last goes on to hold.
        let (configuration, problems) = match self.configuration_of(&seen) {
            Ok(None) => (current.configuration.clone(), Vec::new()),
            Ok(Some(configuration)) => (configuration, Vec::new()),
            Err(problems) => (current.configuration.clone(), problems),
        };
        self.judged = Snapshot::take(seen.files, &configuration, &current.kubeconfigs);
        let followed = Followed {
            configuration,
            kubeconfigs: self.judged.kubeconfigs.clone(),
        };
        if followed != *current {
            let (targets, policies) = (&followed.configuration.targets, &followed.configuration.policies);
            info!(
                targets = targets.len(),
                policies = policies.len(),
                "the configuration has changed"
            );
            self.published.send_replace(Arc::new(followed));
        }
        problems
    }

    /// What the files say now; `None` if they are as judged before.
    fn configuration_of(&self, seen: &Snapshot) -> Result<Option<Configuration>, Vec<FileProblem>> {
        if seen.files == self.judged.files {
            return Ok(None);
        }
        let read = check(&seen.files, &self.options)?;
        warn_of(&read);
        Ok(Some(read.configuration))
    }
}

fn warn_of(read: &Read) {
    for warning in &read.warnings {
        warn!(%warning, "the configuration may not be meant so");
    }
}
