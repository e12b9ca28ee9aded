//! The threads that actors run on, and whether they answer.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use actix_rt::{Arbiter, ArbiterHandle, System as ActixSystem};
use serde::Serialize;
use tokio::{sync::Notify, time::timeout};

/// Where actors run.
pub(crate) enum Threads {
    /// On the `LocalSet` of the thread that started the runtime: tests and simulation.
    Local(Arc<Load>),
    /// On arbiters over one shared tokio runtime.
    Arbiters(Vec<ActorThread>),
}

/// One arbiter.
pub(crate) struct ActorThread {
    handle: ArbiterHandle,
    load: Arc<Load>,
}

/// What is known of a thread from outside.
#[derive(Default)]
pub(crate) struct Load {
    /// Actors placed here because it had the fewest.
    spread: AtomicUsize,
    asked: AtomicU64,
    answered: AtomicU64,
    answer: Notify,
}

/// Asks actor threads whether they still turn. Cheap to clone.
#[derive(Clone)]
pub struct Probe(Arc<Threads>);

/// Whether an actor thread answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadHealth {
    /// The thread's number.
    pub thread: usize,
    /// Whether it answered in time.
    pub alive: bool,
}

/// Ends the arbiters, and the thread that keeps their system, when it is dropped.
pub(crate) struct Arbiters {
    handles: Vec<ArbiterHandle>,
    system: ActixSystem,
}

// === impl Threads ===

impl Threads {
    /// The only thread is the one that runs the `LocalSet`.
    pub(crate) fn local() -> Self {
        Self::Local(Arc::default())
    }

    /// Starts `count` arbiters, at least one, over `pool`. They need an actix system, which needs a thread of its own.
    pub(crate) fn arbiters(count: usize, pool: Arc<tokio::runtime::Runtime>) -> io::Result<(Self, Arbiters)> {
        let (tell, told) = mpsc::channel();
        thread::Builder::new().name("actors".to_owned()).spawn(move || {
            let shared = Arc::clone(&pool);
            let runner = ActixSystem::with_tokio_rt(move || shared);
            let arbiters: io::Result<Vec<_>> = (0..count.max(1))
                .map(|_| {
                    Arbiter::try_with_tokio_rt({
                        let pool = Arc::clone(&pool);
                        move || Ok(pool)
                    })
                })
                .collect();
            drop(pool);
            let started = arbiters.is_ok();
            let handles = arbiters.map(|arbiters| arbiters.iter().map(Arbiter::handle).collect::<Vec<_>>());
            if tell
                .send(handles.map(|handles| (handles, ActixSystem::current())))
                .is_ok()
                && started
            {
                // Runs until `Arbiters` is dropped; its exit code says nothing.
                let _ = runner.run();
            }
        })?;
        let (handles, system) = told.recv().map_err(io::Error::other)??;
        let threads = handles
            .iter()
            .map(|handle| ActorThread {
                handle: handle.clone(),
                load: Arc::default(),
            })
            .collect();
        Ok((Self::Arbiters(threads), Arbiters { handles, system }))
    }

    /// The thread with the fewest actors that were placed this way.
    pub(crate) fn emptiest(&self) -> u16 {
        let Self::Arbiters(threads) = self else { return 0 };
        let emptiest = threads
            .iter()
            .enumerate()
            .min_by_key(|(_, thread)| thread.load.spread.load(Ordering::Relaxed));
        emptiest.and_then(|(at, _)| u16::try_from(at).ok()).unwrap_or(0)
    }

    pub(crate) fn load(&self, thread: u16) -> Option<&Arc<Load>> {
        match self {
            Self::Local(load) => Some(load),
            Self::Arbiters(threads) => threads.get(usize::from(thread)).map(|thread| &thread.load),
        }
    }

    /// Runs `start` on `thread`, from elsewhere; false when that thread is gone.
    pub(crate) fn run_on(&self, thread: u16, start: impl FnOnce() + Send + 'static) -> bool {
        match self {
            Self::Local(_) => {
                start();
                true
            }
            Self::Arbiters(threads) => threads
                .get(usize::from(thread))
                .is_some_and(|thread| thread.handle.spawn_fn(start)),
        }
    }
}

// === impl Load ===

impl Load {
    pub(crate) fn add(&self) {
        self.spread.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.spread.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the thread ran something that it was given now, within `limit`. At most one question is under way, so that asking a
    /// thread that hangs piles nothing up.
    async fn answers(self: &Arc<Self>, ask: impl FnOnce(Arc<Self>) -> bool, limit: Duration) -> bool {
        let asked = self.asked.load(Ordering::SeqCst);
        let idle = asked == self.answered.load(Ordering::SeqCst);
        let mine = idle
            && self
                .asked
                .compare_exchange(asked, asked + 1, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
        if mine && !ask(Arc::clone(self)) {
            self.answered.fetch_add(1, Ordering::SeqCst);
            return false;
        }
        let goal = self.asked.load(Ordering::SeqCst);
        let reached = async {
            loop {
                let answer = self.answer.notified();
                tokio::pin!(answer);
                answer.as_mut().enable();
                if self.answered.load(Ordering::SeqCst) >= goal {
                    return;
                }
                answer.await;
            }
        };
        timeout(limit, reached).await.is_ok()
    }

    fn answered(&self) {
        self.answered.fetch_add(1, Ordering::SeqCst);
        self.answer.notify_waiters();
    }
}

// === impl Probe ===

impl Probe {
    pub(crate) fn new(threads: Arc<Threads>) -> Self {
        Self(threads)
    }

    /// Asks every thread at once and waits for `limit` at most.
    pub async fn check(&self, limit: Duration) -> Vec<ThreadHealth> {
        match &*self.0 {
            // Whoever runs this runs on that thread.
            Threads::Local(_) => vec![ThreadHealth { thread: 0, alive: true }],
            Threads::Arbiters(threads) => {
                let questions = threads.iter().enumerate().map(|(number, thread)| async move {
                    let ask = |load: Arc<Load>| thread.handle.spawn_fn(move || load.answered());
                    ThreadHealth {
                        thread: number,
                        alive: thread.load.answers(ask, limit).await,
                    }
                });
                futures::future::join_all(questions).await
            }
        }
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Probe")
    }
}

// === impl Arbiters ===

impl Drop for Arbiters {
    fn drop(&mut self) {
        for handle in &self.handles {
            handle.stop();
        }
        self.system.stop();
    }
}
