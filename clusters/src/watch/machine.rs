//! The state of one watch, and how it goes on after a failure.

use std::{collections::VecDeque, time::Duration};

use syncer_core::identity::ResourceType;
use tokio::{sync::watch, time::Instant};

use super::{WatchEvent, WatchOptions, lines::Lines};
use crate::{
    Cause, Cluster, Error, Health, Next, Restart, Then, Verb, backoff::Backoff, error::Subject, object::Decoder,
    status::Words, transport::Lease,
};

/// One watch: list, read, and go on.
pub(super) struct Machine {
    pub(super) cluster: Cluster,
    pub(super) resource: ResourceType,
    pub(super) options: WatchOptions,
    pub(super) decoder: Decoder,
    pub(super) words: Words,
    pub(super) state: State,
    /// What is still to be told; at most one page.
    pub(super) ready: VecDeque<WatchEvent>,
    pub(super) lease: Option<Lease>,
    pub(super) random: fastrand::Rng,
    pub(super) relist_at: Instant,
    /// When the last list was begun.
    pub(super) listed_at: Option<Instant>,
    /// Continue tokens that expired since the last complete list.
    pub(super) expired_tokens: u32,
    /// Whether the store may have gone back since the last stream.
    pub(super) history: History,
    backoff: Backoff,
    /// For refusals that only a person or another controller can end.
    patience: Backoff,
    health: watch::Receiver<Health>,
    told: Option<Told>,
    /// Answers in a row that kept the watch from resuming.
    refused_resumes: u32,
    /// Lists in a row that led to no watch, because their version had expired already.
    expired_in_a_row: u32,
}

/// Whether the versions that were told belong to the history that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Nothing has happened that could change it.
    Certain,
    /// A stream broke, or ended before its time: the server may be back with an older store, where a watch from a version that is still to
    /// come is accepted and silent.
    Doubtful,
}

/// Where a watch is.
pub(super) enum State {
    /// Nothing is known, or what is known is outdated: a list is next.
    Fresh,
    /// A list is being read.
    Paging(Paging),
    /// All up to this version has been told: a watch from there is next.
    Resuming(Box<str>),
    /// A stream is open.
    Reading(Box<Reading>),
    /// Something failed: goes on at `until`, or as soon as the circuit breaker closes.
    Paused { until: Instant, then: Box<State> },
}

/// A list of which some pages have been read.
pub(super) struct Paging {
    /// The token of the next page; empty for the first.
    pub(super) next: Box<str>,
    /// The version of all pages; empty before the first.
    pub(super) version: Box<str>,
    pub(super) count: usize,
    pub(super) started: Instant,
}

/// An open stream.
pub(super) struct Reading {
    pub(super) lines: Lines,
    pub(super) version: Box<str>,
    pub(super) opened: Instant,
    /// How long it was asked for.
    pub(super) asked: Duration,
    /// When something last came.
    pub(super) heard: Instant,
    /// How long it may be silent.
    pub(super) silence: Duration,
    /// Whether anything came at all.
    pub(super) fruitful: bool,
    /// The list that it begins with, until that is complete.
    pub(super) initial: Option<Initial>,
}

/// A streamed list that is not complete yet.
#[derive(Clone, Copy)]
pub(super) struct Initial {
    pub(super) count: usize,
    pub(super) started: Instant,
}

/// The cause that was told last. A dead cluster shows many faces, which are one cause.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Unreachable,
    Refused(u16, Box<str>),
    Garbled,
    TooLarge,
    Credentials,
    NoResourceVersion,
    Unvouched,
    Other,
}

const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
const FIRST_PATIENCE: Duration = Duration::from_secs(4);
const LONGEST_PATIENCE: Duration = Duration::from_mins(1);
/// A stream that ends so long before its time ended for another reason.
const EARLY: Duration = Duration::from_secs(2);
/// A stream that lived so long was a good one.
const GOOD_LIFE: Duration = Duration::from_secs(5);
/// After so many refused resumes the version itself is suspected (a server restored from a backup refuses "too large" ones).
const REFUSED_RESUMES: u32 = 4;
/// So many expired lists in a row are told.
const EXPIRED_IN_A_ROW: u32 = 3;
/// A list that follows another one so soon is delayed.
const LISTS_APART: Duration = Duration::from_secs(10);

// === impl Machine ===

impl Machine {
    pub(super) fn new(cluster: &Cluster, resource: ResourceType, options: WatchOptions) -> Self {
        let (cluster, decoder) = if options.wildcard {
            (
                cluster.wildcard(),
                Decoder::of_many(resource.clone(), options.managed_fields.clone()),
            )
        } else {
            let decoder = Decoder::of_one(
                resource.clone(),
                cluster.logical_cluster().clone(),
                options.managed_fields.clone(),
            );
            (cluster.clone(), decoder)
        };
        Self {
            decoder,
            words: Words::about(&resource.gvr),
            state: State::Fresh,
            ready: VecDeque::new(),
            lease: None,
            random: cluster.shared().random(),
            relist_at: Instant::now(),
            listed_at: None,
            expired_tokens: 0,
            history: History::Certain,
            backoff: Backoff::new(FIRST_DELAY, LONGEST_DELAY),
            patience: Backoff::new(FIRST_PATIENCE, LONGEST_PATIENCE),
            health: cluster.health(),
            told: None,
            refused_resumes: 0,
            expired_in_a_row: 0,
            cluster,
            resource,
            options,
        }
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            self.step().await;
        }
    }

    /// Waits for `until`. While the breaker is open only its closing counts, so that a dead cluster is left alone.
    pub(super) async fn pause(&mut self, until: Instant) {
        if *self.health.borrow_and_update() == Health::Closed {
            return tokio::time::sleep_until(until).await;
        }
        // The sender lives in the cluster, which lives here.
        let _ = self.health.wait_for(|health| *health == Health::Closed).await;
        self.backoff.reset();
    }

    /// A page of a list arrived: whatever was wrong is over.
    pub(super) fn recovered(&mut self) {
        self.patience.reset();
        if self.told.take().is_some() {
            self.ready.push_back(WatchEvent::Recovered);
        }
    }

    /// A watch was accepted. That ends an outage; what else was wrong may show again with its first line.
    pub(super) fn accepted(&mut self) {
        if self.told == Some(Told::Unreachable) {
            self.recovered();
        }
    }

    /// When an open stream counts as good though nothing came; none if nothing is to be told then.
    pub(super) fn to_be_told_good(&self, reading: &Reading) -> Option<Instant> {
        self.told.as_ref().map(|_| reading.opened + GOOD_LIFE)
    }

    /// A stream showed that it works.
    pub(super) fn proved_good(&mut self) {
        self.backoff.reset();
        self.refused_resumes = 0;
        self.expired_in_a_row = 0;
        self.recovered();
    }

    /// The server ended a stream in order, as it does every few minutes.
    pub(super) fn ended(&mut self, reading: &Reading) {
        self.restarted(Restart::Ended);
        if reading.opened.elapsed() + EARLY < reading.asked {
            self.history = History::Doubtful;
        }
        let good = reading.opened.elapsed() >= GOOD_LIFE;
        if good {
            self.proved_good();
        }
        let then = reading.onwards();
        // A server, or a proxy, that ends streams at once must not be asked hot.
        self.state = if good { then } else { self.paused(then) };
    }

    /// The version or the token is too old.
    pub(super) fn expired(&mut self, verb: Verb, cause: Cause) {
        self.release();
        self.restarted(Restart::Expired);
        self.expired_in_a_row += 1;
        if self.listed_at.is_none_or(|at| at.elapsed() >= LISTS_APART) {
            self.state = State::Fresh;
            return;
        }
        let delay = self.backoff.next(&mut self.random);
        if self.expired_in_a_row >= EXPIRED_IN_A_ROW {
            self.tell(verb, cause, Then::Relist, delay);
        }
        self.pause_for(delay, State::Fresh);
    }

    /// A request or a stream failed for `cause`; `retry` is what was being done.
    pub(super) fn failed(&mut self, verb: Verb, cause: Cause, retry: State) {
        let error = self.error(verb, cause);
        let next = error.next();
        let cause = error.cause().clone();
        if cause.is_unreachable() {
            return self.unreachable(verb, cause, retry);
        }
        self.release();
        if matches!(cause, Cause::Unvouched(_)) {
            // Versions and tokens of another server say nothing, so all is listed anew.
            return self.refused(verb, cause);
        }
        match next {
            Next::Expired => self.expired(verb, cause),
            // What happened meanwhile was withheld from us, so it is listed anew. 404 and 403 end by someone's doing, not by asking hot.
            Next::Reauthenticate
            | Next::Forbidden
            | Next::Unserved
            | Next::NotFound
            | Next::NamespaceMissing
            | Next::Terminating => self.refused(verb, cause),
            Next::Wait(after) => {
                self.restarted(Restart::Refused);
                let delay = after.max(self.backoff.next(&mut self.random));
                let delay = delay.mul_f64(1.0 + self.random.f64() / 5.0);
                let then = self.doubting(retry);
                self.tell(verb, cause, then.name(), delay);
                self.pause_for(delay, then);
            }
            Next::LookAgain | Next::Backoff | Next::Invalid => {
                self.restarted(if matches!(cause, Cause::Api(_)) {
                    Restart::Refused
                } else {
                    Restart::Garbled
                });
                let delay = self.backoff.next(&mut self.random);
                let then = self.doubting(retry);
                self.tell(verb, cause, then.name(), delay);
                self.pause_for(delay, then);
            }
        }
    }

    /// Only somebody's doing ends this.
    fn refused(&mut self, verb: Verb, cause: Cause) {
        self.restarted(Restart::Refused);
        let delay = self.patience.next(&mut self.random);
        self.tell(verb, cause, Then::Relist, delay);
        self.pause_for(delay, State::Fresh);
    }

    fn unreachable(&mut self, verb: Verb, cause: Cause, retry: State) {
        if matches!(cause, Cause::Deadline(_))
            && let Some(lease) = &self.lease
        {
            lease.crowded();
        }
        self.release();
        self.history = History::Doubtful;
        self.restarted(if matches!(cause, Cause::Stalled(_)) {
            Restart::Stalled
        } else {
            Restart::Broken
        });
        let delay = self.backoff.next(&mut self.random);
        let (then, after) = match &*self.health.borrow_and_update() {
            Health::Open { next_probe, .. } => (Then::Probe, next_probe.saturating_duration_since(Instant::now())),
            Health::Closed => (retry.name(), delay),
        };
        self.tell(verb, cause, then, after);
        self.pause_for(delay, retry);
    }

    /// After many refusals the version that is resumed from is given up.
    fn doubting(&mut self, retry: State) -> State {
        let State::Resuming(_) = retry else {
            return retry;
        };
        self.refused_resumes += 1;
        if self.refused_resumes < REFUSED_RESUMES {
            return retry;
        }
        self.refused_resumes = 0;
        State::Fresh
    }

    fn tell(&mut self, verb: Verb, cause: Cause, then: Then, after: Duration) {
        let told = Told::of(&cause);
        if self.told.as_ref() == Some(&told) {
            return;
        }
        self.told = Some(told);
        let error = self.error(verb, cause).with_plan(then, after);
        self.ready.push_back(WatchEvent::Interrupted(error));
    }

    fn error(&self, verb: Verb, cause: Cause) -> Error {
        let subject = Subject::collection(verb, &self.resource.gvr, &self.options.namespace);
        Error::new(&self.cluster.shared().name, subject, cause)
    }

    pub(super) fn restarted(&self, restart: Restart) {
        self.cluster
            .shared()
            .observer
            .watch_restarted(self.cluster.name(), restart);
    }

    fn paused(&mut self, then: State) -> State {
        let until = Instant::now() + self.backoff.next(&mut self.random);
        State::Paused {
            until,
            then: Box::new(then),
        }
    }

    fn pause_for(&mut self, delay: Duration, then: State) {
        self.state = State::Paused {
            until: Instant::now() + delay,
            then: Box::new(then),
        };
    }

    /// Gives the place on a lane back: nobody knows how long this takes.
    fn release(&mut self) {
        self.lease = None;
    }
}

// === impl State ===

impl State {
    fn name(&self) -> Then {
        match self {
            Self::Fresh => Then::Relist,
            Self::Paging(_) => Then::RetryPage,
            Self::Resuming(_) | Self::Reading(_) | Self::Paused { .. } => Then::Resume,
        }
    }
}

// === impl Reading ===

impl Reading {
    /// Where it goes on after this stream: a streamed list that is not complete starts over.
    pub(super) fn onwards(&self) -> State {
        match self.initial {
            Some(_) => State::Fresh,
            None => State::Resuming(self.version.clone()),
        }
    }
}

// === impl Told ===

impl Told {
    fn of(cause: &Cause) -> Self {
        match cause {
            cause if cause.is_unreachable() => Self::Unreachable,
            Cause::Api(status) => Self::Refused(status.code(), status.reason().into()),
            Cause::Decode(_) => Self::Garbled,
            Cause::TooLarge(_) => Self::TooLarge,
            Cause::Credentials(_) => Self::Credentials,
            Cause::NoResourceVersion => Self::NoResourceVersion,
            Cause::Unvouched(_) => Self::Unvouched,
            _ => Self::Other,
        }
    }
}
