//! Leader election: keeps a Lease in step with what `core::lease` decides, opens the [`Fence`] while it leads, and says where it stands.
//!
//! It is a task beside the actor tree, and not a part of it: it renews the Lease while the tree drains, and outlives whatever happens there.

mod leadership;

#[cfg(test)]
mod tests;

use std::{
    mem::{Discriminant, discriminant},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family, metrics::gauge::Gauge, registry::Registry};
use serde_json::{Value, json};
use syncer_clusters::{Cause, Cluster, Error, Fence, FieldsV1Kept, Next, Object, Status, Write};
use syncer_core::{
    Gvr, ResourceType, Scope,
    lease::{Candidate, Claim, Loss, Over, Record, Standing, Step, Timing},
    marker::FIELD_MANAGER,
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::{error, info, warn};

pub use self::leadership::{Leadership, Position, Role};
use crate::runtime::{Chance, Clock};

/// How often one round reads and writes at most: a look, a write that was refused, and both again.
const STEPS: usize = 4;
/// How often the same trouble is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// What an election needs.
#[derive(Clone, Debug)]
pub struct Election {
    /// Where the Lease is. A client of its own: no fence, and nothing that would keep it waiting.
    pub cluster: Cluster,
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who this process is: nobody else, not even the process that starts in its place.
    pub identity: String,
    /// How long it lasts.
    pub timing: Timing,
    /// What lets the writes of this process through.
    pub fence: Fence,
    /// The time of day, for people.
    pub clock: Clock,
}

/// An election that goes on.
pub struct Candidacy {
    leadership: Leadership,
    begin: Option<oneshot::Sender<()>>,
    give_up: oneshot::Sender<()>,
    task: JoinHandle<Loss>,
}

/// The gauge that every dashboard of Kubernetes knows: whether this process leads.
#[derive(Clone, Debug, Default)]
pub struct LeaderStatus(Family<LeaseLabels, Gauge>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeaseLabels {
    name: String,
}

/// The task.
struct Elector {
    election: Election,
    candidate: Candidate,
    /// What the durations of the candidate count from.
    origin: Instant,
    position: watch::Sender<Position>,
    status: Gauge,
    chance: Chance,
    /// The trouble that was told last, and when.
    told: Option<Told>,
}

/// Trouble that was told: what is told again only now and then.
struct Told {
    cause: Discriminant<Cause>,
    code: Option<u16>,
    text: String,
    at: Instant,
}

// === impl Election ===

impl Election {
    /// Makes everything ready, in a task of the present runtime: [`Candidacy::begin`] begins. `status` is set to 0, and to 1 while this process leads.
    pub fn prepare(self, status: &LeaderStatus, chance: Chance) -> Candidacy {
        let name = self.name.clone();
        let gauge = status.0.get_or_create_owned(&LeaseLabels { name });
        gauge.set(0);
        let position = Position::standby(&self);
        let (position, receiver) = watch::channel(position);
        let (begin, start) = oneshot::channel();
        let (give_up, told) = oneshot::channel();
        let elector = Elector {
            candidate: Candidate::new(self.identity.clone(), self.timing),
            origin: Instant::now(),
            election: self,
            position,
            status: gauge,
            chance,
            told: None,
        };
        Candidacy {
            leadership: Leadership::of(receiver),
            begin: Some(begin),
            give_up,
            task: tokio::spawn(async move {
                match start.await {
                    Ok(()) => elector.run(told).await,
                    Err(_) => Loss::GivenUp,
                }
            }),
        }
    }
}

// === impl Candidacy ===

impl Candidacy {
    /// Begins: from here on this process may lead.
    pub fn begin(&mut self) {
        if let Some(begin) = self.begin.take() {
            // A task that has ended is heard of by `lost`.
            let _ = begin.send(());
        }
    }

    /// Where this process stands.
    pub fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// Returns when this process may lead no more; it then has to end.
    pub async fn lost(&mut self) -> Loss {
        // A task that panicked renews nothing.
        (&mut self.task).await.unwrap_or(Loss::NotRenewed)
    }

    /// Gives the Lease up, if it is held: others take over at once. Only when nothing is in flight any more; nothing can be written after it.
    pub async fn give_up(mut self, patience: Duration) {
        // One that has ended has nothing to give up.
        let _ = self.give_up.send(());
        if timeout(patience, &mut self.task).await.is_err() {
            warn!("the Lease could not be given up within {patience:?}: others wait until it is over");
            self.task.abort();
        }
    }
}

// === impl LeaderStatus ===

impl LeaderStatus {
    /// Shows it in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "leader_election_master_status",
            "Whether this process leads, by the name of the Lease: 1 or 0",
            self.0.clone(),
        );
    }
}

// === impl Elector ===

impl Elector {
    async fn run(mut self, mut told: oneshot::Receiver<()>) -> Loss {
        let loss = loop {
            let round = async {
                self.round().await;
                sleep(self.pause()).await;
            };
            tokio::select! {
                biased;
                told = &mut told => {
                    // Whoever drops the other end does not say that nothing is in flight: others wait until the Lease is over.
                    if told.is_ok() {
                        self.give_up().await;
                    }
                    self.candidate.stop();
                    break Loss::GivenUp;
                }
                () = round => {}
            }
            if let Standing::Lost(loss) = self.candidate.standing() {
                break loss.clone();
            }
        };
        // Whatever ended it: nothing of this process is written any more.
        self.election.fence.close();
        self.publish();
        loss
    }

    /// Brings the Lease in step, once. Ends early when the time of a leader is up.
    async fn round(&mut self) {
        let until = match self.candidate.standing() {
            Standing::Leading { until } => Some(self.origin + *until),
            Standing::Standby | Standing::Lost(_) => None,
        };
        let expired = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = expired => {}
            result = self.steps() => self.tell(result),
        }
        self.candidate.expire(self.now());
        self.publish();
    }

    async fn steps(&mut self) -> Result<(), Error> {
        self.candidate.begin();
        for _ in 0..STEPS {
            match self.candidate.step(self.now(), self.time()) {
                Step::Rest => break,
                Step::Look => {
                    let record = self.read().await?;
                    self.candidate.observe(self.now(), record);
                }
                Step::Write(claim) => {
                    let sent = self.now();
                    match self.write(&claim).await {
                        Ok(record) => {
                            self.written(sent, record);
                            break;
                        }
                        Err(error) if matches!(error.next(), Next::LookAgain | Next::NotFound) => {
                            self.candidate.refused();
                        }
                        Err(error) => {
                            self.candidate.unanswered();
                            return Err(error);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn written(&mut self, sent: Duration, record: Record) {
        self.candidate.written(sent, self.now(), record);
        if let Standing::Leading { until } = *self.candidate.standing()
            && !self.election.fence.open_until(self.origin + until)
        {
            // It fell in the meantime, and nobody opens it again.
            self.candidate.expire(Duration::MAX);
        }
    }

    /// Empties the Lease, if it is ours. Nothing of this process is written any more, whatever comes of it.
    async fn give_up(&mut self) {
        self.election.fence.close();
        if !self.candidate.stop() {
            return;
        }
        for _ in 0..STEPS {
            let claim = match self.read().await {
                Ok(record) => record.and_then(|record| self.candidate.give_up(&record, self.time())),
                Err(error) => {
                    return warn!("the Lease could not be given up, so others wait until it is over: {error}");
                }
            };
            let Some(claim) = claim else {
                return;
            };
            match self.write(&claim).await {
                Ok(_) => return info!(lease = %self.election.lease(), "the Lease was given up"),
                Err(error) if error.next() == Next::LookAgain => {}
                Err(error) => {
                    return warn!("the Lease could not be given up, so others wait until it is over: {error}");
                }
            }
        }
    }

    async fn read(&self) -> Result<Option<Record>, Error> {
        let Election {
            cluster,
            namespace,
            name,
            ..
        } = &self.election;
        let found = cluster.get(&leases(), namespace, name, FieldsV1Kept::None).await?;
        Ok(found.as_ref().map(record))
    }

    async fn write(&self, claim: &Claim) -> Result<Record, Error> {
        let Election {
            cluster,
            namespace,
            name,
            ..
        } = &self.election;
        let options = Write::by(FIELD_MANAGER);
        let written = match &claim.over {
            Over::Absence => {
                let body = json!({
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": claim.spec,
                });
                let body = Bytes::from(body.to_string());
                cluster.create(&leases(), namespace, name, body, &options).await?
            }
            Over::Version { uid, version } => {
                let body = json!({"metadata": {"uid": uid, "resourceVersion": version}, "spec": claim.spec});
                let body = Bytes::from(body.to_string());
                cluster.patch_merge(&leases(), namespace, name, body, &options).await?
            }
        };
        Ok(record(&written))
    }

    /// Tells of trouble: at once, and then only now and then.
    fn tell(&mut self, result: Result<(), Error>) {
        let Err(error) = result else {
            if self.told.take().is_some() {
                info!(lease = %self.election.lease(), "the Lease can be read and written again");
            }
            self.set_problem(None);
            return;
        };
        let text = self.advised(&error);
        self.set_problem(Some(text.clone()));
        let told = Told {
            cause: discriminant(error.cause()),
            code: error.status().map(Status::code),
            text,
            at: Instant::now(),
        };
        if self.told.as_ref().is_some_and(|last| last.covers(&told)) {
            return;
        }
        let text = &told.text;
        match self.candidate.standing() {
            Standing::Leading { until } => {
                let left = until.saturating_sub(self.now());
                warn!("the Lease was not renewed; without it this process ends in {left:.1?}: {text}");
            }
            Standing::Standby | Standing::Lost(_) => error!("this process cannot lead: {text}"),
        }
        self.told = Some(told);
    }

    /// What went wrong, and what to do about it.
    fn advised(&self, error: &Error) -> String {
        let Election { namespace, name, .. } = &self.election;
        let advice = match error.next() {
            Next::Forbidden => format!(
                "allow get, create and patch of leases.coordination.k8s.io in namespace {namespace} there: bind the role \
                 tmc-syncer-leader-election of `tmc-syncer manifests rbac`, for the Lease {name}"
            ),
            Next::NamespaceMissing => {
                format!("create namespace {namespace} there, or name another with --lease-namespace")
            }
            Next::Unserved => "it serves no Leases: name a cluster that does with --lease-kubeconfig".to_owned(),
            Next::Reauthenticate => "renew its credentials".to_owned(),
            _ => return error.to_string(),
        };
        format!("{error}; {advice}")
    }

    fn set_problem(&self, problem: Option<String>) {
        self.position.send_if_modified(|position| {
            let is_news = !position.was_tried || position.problem != problem;
            position.was_tried = true;
            position.problem = problem;
            is_news
        });
    }

    /// Says where it stands, where that is news.
    fn publish(&mut self) {
        let role = match self.candidate.standing() {
            Standing::Standby => Role::Standby,
            Standing::Leading { .. } => Role::Leading,
            Standing::Lost(_) => Role::Lost,
        };
        self.status.set(i64::from(role == Role::Leading));
        let (holder, time) = (self.candidate.holder(), self.time());
        let was = self.position.borrow().role;
        self.position.send_if_modified(|position| {
            let is_news = position.role != role || (position.holder != holder && !holder.is_empty());
            if position.role != role {
                position.since = time;
            }
            if !holder.is_empty() {
                holder.clone_into(&mut position.holder);
            }
            position.role = role;
            is_news
        });
        if was == role {
            return;
        }
        let (lease, identity) = (self.election.lease(), self.election.identity.as_str());
        match self.candidate.standing() {
            Standing::Leading { .. } => info!(%lease, %identity, "this process leads"),
            Standing::Lost(Loss::GivenUp) | Standing::Standby => {}
            Standing::Lost(loss) => {
                let cause = self
                    .told
                    .take()
                    .map_or_else(String::new, |told| format!(": {}", told.text));
                error!(%lease, %identity, "this process leads no more, and writes nothing from here on: {loss}{cause}");
            }
        }
    }

    /// The rest between two rounds: a leader's is exact, those of the others do not all end at once.
    fn pause(&mut self) -> Duration {
        let period = self.election.timing.retry_period();
        match self.candidate.standing() {
            Standing::Lost(_) => Duration::ZERO,
            Standing::Leading { until } => period.min(until.saturating_sub(self.now())),
            Standing::Standby => {
                let spread = u64::try_from((period / 5).as_millis()).unwrap_or_default();
                period + Duration::from_millis(self.chance.below(spread + 1))
            }
        }
    }

    /// By the clock that does not jump.
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn time(&self) -> Timestamp {
        Timestamp::try_from(self.election.clock.time()).unwrap_or_default()
    }
}

impl Election {
    /// `namespace/name`.
    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

// === impl Told ===

impl Told {
    /// Whether `other` says nothing new so soon.
    fn covers(&self, other: &Self) -> bool {
        self.cause == other.cause && self.code == other.code && other.at < self.at + TELL_EVERY
    }
}

fn record(object: &Object) -> Record {
    let spec: Value = object
        .member("spec")
        .and_then(|spec| serde_json::from_str(spec.get()).ok())
        .unwrap_or_default();
    Record::new(object.uid(), object.resource_version(), &spec)
}

fn leases() -> ResourceType {
    ResourceType {
        gvr: Gvr::new("coordination.k8s.io", "v1", "leases"),
        kind: "Lease".into(),
        scope: Scope::Namespaced,
    }
}
