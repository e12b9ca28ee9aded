//! The runtime: starts the root actor, and says how it ended.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::{
    Actor, Address, Chance, Clock, Probe, Signals, Spec, Tree,
    exit::Cause,
    node::Parent,
    shell,
    threads::{Arbiters, Threads},
};

/// What is injected into a runtime.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The seed of every actor's randomness.
    pub seed: u64,
    /// The clock.
    pub clock: Clock,
    /// Where things are counted.
    pub signals: Signals,
}

/// Runs one tree of actors. Dropped, its threads end.
pub struct Runtime {
    system: Arc<System>,
    chance: Chance,
    tree: Tree,
    ended: watch::Sender<Option<Result<(), Escalation>>>,
    _arbiters: Option<Arbiters>,
}

/// What all actors of a runtime share.
pub(crate) struct System {
    pub(crate) clock: Clock,
    pub(crate) signals: Signals,
    pub(crate) threads: Arc<Threads>,
    /// Where I/O runs.
    pub(crate) pool: Handle,
    actors: AtomicUsize,
    pub(crate) requests: AtomicUsize,
}

/// What lives now. All zero once the root has ended and its addresses are dropped: nothing leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Actors, those that have ended but are still known by an address included.
    pub actors: usize,
    /// Futures of requests.
    pub requests: usize,
}

/// The root gave up: the process should end and say why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind} {key} gave up after {cause}")]
pub struct Escalation {
    /// The root's kind.
    pub kind: &'static str,
    /// The root's key.
    pub key: Arc<str>,
    /// Why it failed the last time.
    pub cause: Cause,
}

/// Waits for the root's end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ended(watch::Receiver<Option<Result<(), Escalation>>>);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// What was in flight was finished.
    Clean,
    /// The deadline passed; what was still in flight was dropped.
    Forced,
    /// It did not even stop in time: an actor thread hangs.
    Stuck,
}

// === impl Settings ===

impl Default for Settings {
    /// The machine's clock, a random seed, counters of its own.
    fn default() -> Self {
        Self {
            seed: fastrand::u64(..),
            clock: Clock::system(),
            signals: Signals::new(),
        }
    }
}

// === impl Runtime ===

impl Runtime {
    /// How long a stop may take after the deadline of a drain.
    const STOP_LIMIT: Duration = Duration::from_secs(2);

    /// A runtime whose actors run on the `LocalSet` that starts the root, and whose I/O runs on the current tokio runtime. On a
    /// single-threaded runtime with a paused clock, one seed gives one run. Has to be called inside a tokio runtime.
    pub fn local(settings: Settings) -> Self {
        Self::new(settings, Threads::local(), Handle::current(), None)
    }

    /// A runtime whose actors run on `threads` arbiters, at least one, and whose I/O runs on the workers of `pool`.
    pub fn threaded(settings: Settings, threads: usize, pool: &Arc<tokio::runtime::Runtime>) -> io::Result<Self> {
        let (threads, arbiters) = Threads::arbiters(threads, Arc::clone(pool))?;
        Ok(Self::new(settings, threads, pool.handle().clone(), Some(arbiters)))
    }

    fn new(settings: Settings, threads: Threads, pool: Handle, arbiters: Option<Arbiters>) -> Self {
        let Settings { seed, clock, signals } = settings;
        let system = Arc::new(System {
            clock,
            signals,
            threads: Arc::new(threads),
            pool,
            actors: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        Self {
            system,
            chance: Chance::new(seed),
            tree: Tree::default(),
            ended: watch::Sender::new(None),
            _arbiters: arbiters,
        }
    }

    /// Starts the root, in place of an earlier one if there was. A local runtime does so inside its `LocalSet`.
    pub fn start<A: Actor>(
        &mut self,
        spec: Spec,
        factory: impl Fn() -> A + Send + 'static,
    ) -> (Address<A::Message>, Ended) {
        let ended = watch::Sender::new(None);
        self.ended = ended.clone();
        let system = Arc::clone(&self.system);
        let launch = shell::prepare(
            Parent::Runtime(ended),
            system,
            0,
            spec,
            factory,
            Chance::new(self.chance.bits()),
        );
        let node = Arc::clone(&launch.gate().node);
        self.tree.plant(&node);
        self.system.signals.add_root(&node);
        let address = Address(Arc::clone(launch.gate()));
        let thread = node.thread;
        self.system.threads.run_on(thread, move || launch.start(thread, None));
        (address, self.ended())
    }

    /// Waits for the root's end: clean, or the message that ends the process.
    pub fn ended(&self) -> Ended {
        Ended(self.ended.subscribe())
    }

    /// Stops the root and with it everything, at once.
    pub fn stop(&self) {
        if let Some(root) = self.tree.root() {
            root.ask_stop();
        }
    }

    /// Drains the root and with it everything; what is not done by `deadline` from now is dropped.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        let Some(root) = self.tree.root() else {
            return Drained::Clean;
        };
        root.ask_drain();
        drop(root);
        if timeout(deadline, self.ended().wait()).await.is_ok() {
            return Drained::Clean;
        }
        self.stop();
        match timeout(Self::STOP_LIMIT, self.ended().wait()).await {
            Ok(_) => Drained::Forced,
            Err(_) => Drained::Stuck,
        }
    }

    /// The live tree.
    pub fn tree(&self) -> Tree {
        self.tree.clone()
    }

    /// Whether the actor threads answer.
    pub fn probe(&self) -> Probe {
        Probe::new(Arc::clone(&self.system.threads))
    }

    /// What lives now.
    pub fn census(&self) -> Census {
        Census {
            actors: self.system.actors.load(Ordering::SeqCst),
            requests: self.system.requests.load(Ordering::SeqCst),
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("census", &self.census())
            .finish_non_exhaustive()
    }
}

// === impl System ===

impl System {
    pub(crate) fn actor_added(&self, thread: u16, spread: bool) {
        self.actors.fetch_add(1, Ordering::SeqCst);
        if spread && let Some(load) = self.threads.load(thread) {
            load.add();
        }
    }

    pub(crate) fn actor_removed(&self, thread: u16, spread: bool) {
        self.actors.fetch_sub(1, Ordering::SeqCst);
        if spread && let Some(load) = self.threads.load(thread) {
            load.remove();
        }
    }
}

// === impl Ended ===

impl Ended {
    /// Waits for the root's end.
    pub async fn wait(mut self) -> Result<(), Escalation> {
        match self.0.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            // The runtime is gone and took the root with it.
            Err(_) => Ok(()),
        }
    }
}
