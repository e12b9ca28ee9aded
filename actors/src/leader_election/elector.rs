//! The task that holds the Lease, or waits for it.

mod publish;
mod trouble;

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use syncer_clusters::{Error, Next};
use syncer_core::lease::{Candidate, Loss, Record, Standing, Step};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use self::trouble::Told;
use super::{Election, Position};
use crate::runtime::Chance;

/// How often one round reads and writes at most: a look, a write that was refused, and both again.
const STEPS: usize = 4;

/// Brings the Lease in step with what the candidate decides.
pub(super) struct Elector {
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

// === impl Elector ===

impl Elector {
    /// One that stands by, and says so in `position`.
    pub(super) fn new(election: Election, position: watch::Sender<Position>, status: Gauge, chance: Chance) -> Self {
        Self {
            candidate: Candidate::new(election.identity.clone(), election.timing),
            origin: Instant::now(),
            election,
            position,
            status,
            chance,
            told: None,
        }
    }

    /// Stands for election until this process may lead no more; `told` has it give the Lease up.
    pub(super) async fn run(mut self, mut told: oneshot::Receiver<()>) -> Loss {
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
                    let record = self.election.read().await?;
                    self.candidate.observe(self.now(), record);
                }
                Step::Write(claim) => {
                    let sent = self.now();
                    match self.election.write(&claim).await {
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
            let claim = match self.election.read().await {
                Ok(record) => record.and_then(|record| self.candidate.give_up(&record, self.time())),
                Err(error) => {
                    return warn!("the Lease could not be given up, so others wait until it is over: {error}");
                }
            };
            let Some(claim) = claim else {
                return;
            };
            match self.election.write(&claim).await {
                Ok(_) => return info!(lease = %self.election.lease(), "the Lease was given up"),
                Err(error) if error.next() == Next::LookAgain => {}
                Err(error) => {
                    return warn!("the Lease could not be given up, so others wait until it is over: {error}");
                }
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
