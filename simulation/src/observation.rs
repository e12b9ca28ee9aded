//! What has been observed so far, shared by all wires, the log and the kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use syncer_sandbox::ApiServer;
use tokio::{sync::Notify, time::Instant};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    checks::{self, docket::Docket},
    outcome::{Broken, Invariant},
    request::Asked,
    wire::{Change, Side},
};

/// What has been observed. Cheap to clone; clones observe together.
#[derive(Clone, Debug)]
pub(crate) struct Observation(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    upstream: ApiServer,
    /// Rung when the syncer has sent the request at which it is to be killed.
    killed: Notify,
    start: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    trace: u64,
    requests: u64,
    writes: u64,
    /// Writes that do not come by themselves.
    deliberate: u64,
    last_write: String,
    /// The writes in a row that changed nothing, by server and object, and the most there were.
    idle: BTreeMap<String, u64>,
    most_idle: u64,
    /// Writes under way, by server and object.
    flights: BTreeMap<String, usize>,
    step: (usize, String),
    broken: Option<Broken>,
    restarted: bool,
    swallowed: usize,
    hidden: BTreeSet<String>,
    /// What the checks of deletions go by, where they have rules that change.
    docket: Option<Docket>,
    /// The number of the request at which the syncer is to be killed.
    kill_at: Option<u64>,
    deletes: Deletes,
}

/// Deletes downstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deletes {
    /// Those that were issued and carried out.
    pub issued: u64,
    /// Those for which there was no proof, or that the mass-deletion guard held: none was issued.
    pub refused: u64,
    /// Those that were issued within moments of a change of what they were about: either way is right.
    pub in_passing: u64,
}

/// Whether a write changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It did.
    Some,
    /// It did not.
    None,
}

/// A request under way. Dropped, it is not any more.
#[derive(Debug)]
#[must_use = "a request is under way until this is dropped"]
pub(crate) struct Flight {
    observation: Observation,
    object: Option<String>,
}

// === impl Observation ===

impl Observation {
    pub(crate) fn new(upstream: &ApiServer) -> Self {
        Self(Arc::new(Inner {
            upstream: upstream.clone(),
            killed: Notify::new(),
            start: Instant::now(),
            seen: Mutex::default(),
        }))
    }

    /// The simulated time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.start.elapsed()
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A step begins.
    pub(crate) fn step(&self, number: usize, what: String) {
        tracing::info!(at = self.micros(), "step {number}: {what}");
        self.trace(&[what.as_bytes()]);
        self.0.seen.lock().step = (number, what);
    }

    /// An invariant broke. The first one counts: what follows may follow from it.
    pub(crate) fn broke(&self, invariant: Invariant, seen: String) {
        let at = self.elapsed();
        let mut state = self.0.seen.lock();
        if state.broken.is_some() {
            return;
        }
        let (step, during) = state.step.clone();
        state.broken = Some(Broken {
            invariant,
            seen,
            step,
            during,
            at,
        });
    }

    pub(crate) fn broken(&self) -> Option<Broken> {
        self.0.seen.lock().broken.clone()
    }

    /// A request leaves the syncer.
    pub(crate) fn sent(&self, side: &Side, asked: &Asked, body: &[u8]) -> Flight {
        self.trace(&[
            b"sent",
            side.name().as_bytes(),
            asked.method.as_str().as_bytes(),
            asked.path.as_bytes(),
            body,
        ]);
        let bytes = body.len();
        tracing::debug!(
            at = self.micros(),
            server = side.name(),
            bytes,
            "sent {} {}",
            asked.method,
            asked.path
        );
        let object = (asked.is_write() && !asked.name.is_empty()).then(|| format!("{} {}", side.name(), asked.path));
        let under_way = {
            let mut seen = self.0.seen.lock();
            seen.requests += 1;
            if seen.kill_at == Some(seen.requests) {
                self.0.killed.notify_one();
            }
            if asked.is_write() {
                seen.writes += 1;
                if !asked.is_pulse() {
                    seen.deliberate += 1;
                    seen.last_write = format!("{} {} on {}", asked.method, asked.path, side.name());
                }
            }
            object.as_ref().map_or(0, |object| {
                let flights = seen.flights.entry(object.clone()).or_default();
                *flights += 1;
                *flights
            })
        };
        if under_way > 1 {
            let seen = format!("{under_way} writes to {} on {} at once", asked.path, side.name());
            self.broke(Invariant::S6, seen);
        }
        if let Some(docket) = self.current_docket()
            && let Some((invariant, seen)) = docket.sent(self, side, asked)
        {
            self.broke(invariant, seen);
        }
        for (invariant, seen) in checks::sent(&self.0.upstream, side, asked, body) {
            self.broke(invariant, seen);
        }
        Flight {
            observation: self.clone(),
            object,
        }
    }

    /// A server has carried a request out, or failed to.
    pub(crate) fn answered(&self, side: &Side, asked: &Asked, code: u16) {
        tracing::debug!(
            at = self.micros(),
            server = side.name(),
            code,
            "answered {} {}",
            asked.method,
            asked.path
        );
        self.trace(&[
            b"answered",
            side.name().as_bytes(),
            asked.path.as_bytes(),
            &code.to_le_bytes(),
        ]);
    }

    /// A request changed an object.
    pub(crate) fn changed(&self, side: &Side, asked: &Asked, change: &Change) {
        let docket = self.current_docket();
        if asked.method == http::Method::DELETE && *side != Side::Upstream {
            self.count_deletes(|deletes| deletes.issued += 1);
        }
        if let Some(docket) = docket {
            for (invariant, seen) in docket.changed(self, side, asked, change) {
                self.broke(invariant, seen);
            }
            return;
        }
        for (invariant, seen) in checks::changed(&self.0.upstream, side, asked, change) {
            self.broke(invariant, seen);
        }
    }

    /// A write was carried out, and changed something or nothing.
    pub(crate) fn wrote(&self, side: &Side, asked: &Asked, effect: Effect) {
        let mut seen = self.0.seen.lock();
        let object = format!("{} {}", side.name(), asked.path);
        let idle = seen.idle.entry(object).or_default();
        *idle = match effect {
            Effect::Some => 0,
            Effect::None => *idle + 1,
        };
        let idle = *idle;
        seen.most_idle = seen.most_idle.max(idle);
    }

    /// The most writes in a row to one object that changed nothing.
    pub(crate) fn most_idle_writes(&self) -> u64 {
        self.0.seen.lock().most_idle
    }

    /// How many writes there were that do not come by themselves, and the last of them.
    pub(crate) fn deliberate_writes(&self) -> (u64, String) {
        let seen = self.0.seen.lock();
        (seen.deliberate, seen.last_write.clone())
    }

    /// The syncer is to be killed when it has sent its request with this number.
    pub(crate) fn kill_at(&self, number: u64) {
        self.0.seen.lock().kill_at = Some(number);
    }

    /// Returns when it has.
    pub(crate) async fn killed(&self) {
        self.0.killed.notified().await;
    }

    /// Deletes are checked by `docket` from here on.
    pub(crate) fn keep(&self, docket: Docket) {
        self.0.seen.lock().docket = Some(docket);
    }

    /// Lets `change` change what deletes are checked by.
    pub(crate) fn docket(&self, change: impl FnOnce(&mut Docket)) {
        if let Some(docket) = &mut self.0.seen.lock().docket {
            change(docket);
        }
    }

    /// What deletes are checked by.
    pub(crate) fn current_docket(&self) -> Option<Docket> {
        self.0.seen.lock().docket.clone()
    }

    /// The upstream id.
    pub(crate) fn upstream_id(&self) -> String {
        checks::upstream_id(&self.0.upstream)
    }

    /// Deletes, so far.
    pub(crate) fn deletes(&self) -> Deletes {
        self.0.seen.lock().deletes
    }

    /// Counts deletes.
    pub(crate) fn count_deletes(&self, count: impl FnOnce(&mut Deletes)) {
        count(&mut self.0.seen.lock().deletes);
    }

    /// Requests, writes, and the hash over all of it.
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        let seen = self.0.seen.lock();
        (seen.requests, seen.writes, seen.trace)
    }

    pub(crate) fn restarted(&self) {
        self.0.seen.lock().restarted = true;
    }

    pub(crate) fn has_restarted(&self) -> bool {
        self.0.seen.lock().restarted
    }

    /// Whether fewer than `limit` answers were swallowed; counts one more if so.
    pub(crate) fn swallowed_fewer_than(&self, limit: usize) -> bool {
        let mut seen = self.0.seen.lock();
        let fewer = seen.swallowed < limit;
        seen.swallowed += usize::from(fewer);
        fewer
    }

    pub(crate) fn hide(&self, path: String) {
        self.0.seen.lock().hidden.insert(path);
    }

    pub(crate) fn is_hidden(&self, path: &str) -> bool {
        self.0.seen.lock().hidden.contains(path)
    }

    /// Adds to the trace. The sum of hashes does not hang on the order of what is at one instant, which no seed decides.
    fn trace(&self, parts: &[&[u8]]) {
        let mut hash = Xxh3::with_seed(self.micros());
        for part in parts {
            hash.update(part);
            hash.update(b"\n");
        }
        let mut seen = self.0.seen.lock();
        seen.trace = seen.trace.wrapping_add(hash.digest());
    }
}

// === impl Seen ===

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seen").field("step", &self.step).finish_non_exhaustive()
    }
}

// === impl Side ===

impl Side {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Upstream => "upstream",
            Self::Target(name) => name,
        }
    }
}

// === impl Flight ===

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let mut seen = self.observation.0.seen.lock();
        if let Some(flights) = seen.flights.get_mut(&object) {
            *flights = flights.saturating_sub(1);
        }
    }
}
