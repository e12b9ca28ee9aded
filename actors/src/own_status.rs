//! Writes the status of SyncTargets and SyncPolicies that are objects: when a condition changes, and else with the heartbeat.

mod carried;
mod facts;
mod line;
mod news;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_clusters::{Cluster, Error, Next, Write};
use syncer_core::{
    config::schema::{self, SYNC_POLICY, SYNC_TARGET},
    marker::FIELD_MANAGER,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use self::{
    facts::{Learned, learned},
    line::{Line, Step},
};
use crate::{
    events::Events,
    own_objects::{OwnObject, OwnObjects, OwnObjectsReceiver},
    runtime::Clock,
    settings::Writes,
    target_report::TargetReports,
};

/// How long a change waits for others that come with it.
const SETTLE: Duration = Duration::from_millis(300);
/// The time between two looks at what has to be said.
const LOOK: Duration = Duration::from_secs(5);
/// Statuses written at once.
const IN_FLIGHT: usize = 8;
/// How long one write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the writer works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OwnStatus {
    /// The API server that the objects are on.
    pub(crate) cluster: Cluster,
    pub(crate) objects: OwnObjectsReceiver,
    pub(crate) reports: TargetReports,
    pub(crate) events: Events,
    pub(crate) clock: Clock,
    pub(crate) writes: Writes,
}

/// The kinds of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// SyncTarget.
    Target,
    /// SyncPolicy.
    Policy,
}

/// One object.
type Subject = (Kind, Arc<str>);

/// A status on its way.
struct Writing {
    subject: Subject,
    uid: Arc<str>,
    status: Value,
}

/// What came of a write.
enum Outcome {
    /// The status stands there.
    Written(Value),
    /// The API server refused it, or could not be reached.
    Failed(Error),
    /// There was no answer in time: it may stand there.
    Late,
}

/// What has been written, and when.
struct Book {
    work: OwnStatus,
    lines: HashMap<Subject, Line>,
}

// === impl OwnStatus ===

impl OwnStatus {
    /// Writes, without end. Nothing that fails here touches the sync; it is tried again.
    pub(crate) async fn run(mut self) {
        if self.writes != Writes::Done {
            // A dry run writes nothing.
            return std::future::pending().await;
        }
        let mut book = Book {
            work: self.clone(),
            lines: HashMap::new(),
        };
        loop {
            let objects = self.objects.borrow_and_update().clone();
            book.round(&objects).await;
            let gone = tokio::select! {
                () = self.reports.urgent() => false,
                changed = self.objects.changed() => changed.is_err(),
                () = tokio::time::sleep(LOOK) => false,
            };
            if gone {
                return self.last_rounds(book).await;
            }
            tokio::time::sleep(SETTLE).await;
        }
    }

    /// Nobody follows the objects any more: those that are known stay.
    async fn last_rounds(self, mut book: Book) {
        loop {
            let objects = self.objects.borrow().clone();
            tokio::select! {
                () = self.reports.urgent() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(LOOK) => {}
            }
            book.round(&objects).await;
        }
    }

    async fn write(&self, writing: Writing) -> (Subject, Outcome) {
        let Writing { subject, uid, status } = writing;
        let body = json!({"metadata": {"uid": *uid}, "status": status});
        let resource = subject.0.schema().resource_type();
        let options = Write::by(FIELD_MANAGER);
        let writing =
            self.cluster
                .patch_status_merge(&resource, "", &subject.1, Bytes::from(body.to_string()), &options);
        let outcome = match tokio::time::timeout(PATIENCE, writing).await {
            Ok(Ok(_)) => Outcome::Written(status),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::Late,
        };
        (subject, outcome)
    }
}

// === impl Book ===

impl Book {
    /// Looks at every object once, and writes what is due.
    async fn round(&mut self, objects: &OwnObjects) {
        if self.work.reports.replaced().is_some() {
            // Another upstream answers: these objects are not there (S3, S4).
            self.tell_replaced(objects);
            return;
        }
        let (now, time) = (Instant::now(), self.time());
        let mut writings = Vec::new();
        let targets = objects
            .targets
            .iter()
            .map(|(name, object)| (Kind::Target, name, object));
        let policies = objects
            .policies
            .iter()
            .map(|(name, object)| (Kind::Policy, name, object));
        let mut there = std::collections::HashSet::new();
        for (kind, name, object) in targets.chain(policies) {
            let subject = (kind, name.clone());
            there.insert(subject.clone());
            writings.extend(self.look(subject, object, now, time));
        }
        self.lines.retain(|subject, _| there.contains(subject));
        let work = self.work.clone();
        let mut answers = stream::iter(writings)
            .map(|writing| work.write(writing))
            .buffer_unordered(IN_FLIGHT);
        let mut answered = Vec::new();
        while let Some(answer) = answers.next().await {
            answered.push(answer);
        }
        drop(answers);
        for (subject, outcome) in answered {
            self.written(&subject, outcome);
        }
    }

    /// What has to be written of one object now, if anything.
    fn look(&mut self, subject: Subject, object: &OwnObject, now: Instant, time: Timestamp) -> Option<Writing> {
        let reports = &self.work.reports;
        let line = self
            .lines
            .entry(subject.clone())
            .or_insert_with(|| Line::new(object, now));
        line.see(object, now);
        let (conditions, status) = match subject.0 {
            Kind::Target => facts::of_target(&subject.1, object, reports, line.known(), time),
            Kind::Policy => {
                let report = reports.policy(&subject.1);
                let counts = line.counts(&report);
                facts::of_policy(object, report, counts, line.known(), time)
            }
        };
        if subject.0 == Kind::Target {
            if line.is_patient(now) && learned(&subject.1, object, reports) == Learned::NotYet {
                return None;
            }
            news::tell_lacks(&self.work.events, &subject, object, reports);
        }
        match line.step(&conditions, &status, now) {
            Step::Rest => None,
            Step::Write => {
                news::tell(&self.work.events, &subject, object, line.known(), &conditions);
                Some(Writing {
                    subject,
                    uid: object.uid.clone(),
                    status,
                })
            }
        }
    }

    fn written(&mut self, subject: &Subject, outcome: Outcome) {
        let now = Instant::now();
        let Some(line) = self.lines.get_mut(subject) else {
            return;
        };
        match outcome {
            Outcome::Written(status) => line.written(status, now),
            Outcome::Late => {
                line.failed(now);
                debug!(kind = subject.0.schema().kind, name = %subject.1, "the status was not written in time");
            }
            Outcome::Failed(error) => {
                // Replaced or gone: the watch will say so.
                let is_ours_to_say = !matches!(error.next(), Next::LookAgain | Next::NotFound);
                if line.failed(now) && is_ours_to_say {
                    warn!(kind = subject.0.schema().kind, name = %subject.1, "cannot write the status: {error}");
                }
            }
        }
    }

    fn tell_replaced(&self, objects: &OwnObjects) {
        for (name, object) in &objects.targets {
            let subject = (Kind::Target, name.clone());
            news::tell_replaced(&self.work.events, &subject, object, &self.work.reports);
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::try_from(self.work.clock.time()).unwrap_or_default()
    }
}

// === impl Kind ===

impl Kind {
    fn schema(self) -> &'static schema::Kind {
        match self {
            Self::Target => &SYNC_TARGET,
            Self::Policy => &SYNC_POLICY,
        }
    }
}
