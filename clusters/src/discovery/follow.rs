//! Following what a server serves: asked again whenever a CRD or an aggregated API appears, changes or goes.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use syncer_core::built_in;
use tokio::time::Instant;

use super::Served;
use crate::{Cluster, Content, Error, WatchEvent, WatchOptions, backoff::Backoff};

/// Events come in bursts, and a CRD is served a moment after it is established.
const SETTLE: Duration = Duration::from_secs(1);
/// Servers can take some seconds until discovery shows what is served already.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_mins(1);

type Hints = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

struct Follower {
    cluster: Cluster,
    hints: Hints,
    every: Duration,
    known: Option<Served>,
    /// When to ask next.
    due: Instant,
    /// Whether a hint is to be followed by a second look.
    again: Option<Instant>,
    backoff: Backoff,
    random: fastrand::Rng,
}

// === impl Cluster ===

impl Cluster {
    /// What is served, at first and whenever that changes. It is asked again when a CRD or an aggregated API changes, and
    /// every `every` in any case (jittered by a fifth), which alone counts where those may not be watched. An error is told,
    /// and then it is tried again with growing delays.
    pub fn follow_served(&self, every: Duration) -> impl Stream<Item = Result<Served, Error>> + Send + use<> {
        let options = || WatchOptions {
            content: Content::Metadata,
            ..WatchOptions::default()
        };
        let hints = stream::select(
            self.watch(built_in::custom_resource_definitions(), options()),
            self.watch(built_in::api_services(), options()),
        );
        let follower = Follower {
            cluster: self.clone(),
            hints: Box::pin(hints),
            every,
            known: None,
            due: Instant::now(),
            again: None,
            backoff: Backoff::new(FIRST_DELAY, LONGEST_DELAY),
            random: self.shared().random(),
        };
        stream::unfold(follower, |mut follower| async move {
            let served = follower.next().await;
            Some((served, follower))
        })
    }
}

// === impl Follower ===

impl Follower {
    async fn next(&mut self) -> Result<Served, Error> {
        loop {
            self.wait().await;
            let served = match self.cluster.discover().await {
                Ok(served) => served,
                Err(error) => {
                    self.due = Instant::now() + self.backoff.next(&mut self.random);
                    return Err(error);
                }
            };
            self.backoff.reset();
            self.due = Instant::now() + self.every.mul_f64(0.8 + self.random.f64() * 0.4);
            if let Some(again) = self.again.take() {
                self.due = self.due.min(again);
            }
            if self.known.as_ref() != Some(&served) {
                self.known = Some(served.clone());
                return Ok(served);
            }
        }
    }

    /// Waits until it is time to ask.
    async fn wait(&mut self) {
        loop {
            match tokio::time::timeout_at(self.due, self.hints.next()).await {
                Ok(Some(WatchEvent::Applied(_) | WatchEvent::Deleted(_))) if self.known.is_some() => {
                    let now = Instant::now();
                    self.due = self.due.min(now + SETTLE);
                    self.again = Some(now + LOOK_AGAIN);
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}
