//! A root that does as it is told, and a child that fails where it is told to.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::task::LocalSet;

use super::spans::install;
use crate::runtime::{Actor, Address, Context, Exit, Failure, Message, Outcome, Runtime, Settings, Spec};

/// Runs `test` on one thread with a paused clock, and sees to it that nothing leaks.
pub(crate) fn simulate<F: Future<Output = ()>>(test: impl FnOnce(Runtime) -> F) {
    install();
    let pool = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let local = LocalSet::new();
    local.block_on(&pool, async {
        let runtime = Runtime::local(Settings {
            seed: 1,
            ..Settings::default()
        });
        test(runtime).await;
    });
}

/// Waits until `condition` holds, and fails after ten seconds without it. Real seconds on a running clock.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("waited in vain: {what}");
}

/// What the root heard and the child did; outlives both.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) handled: Mutex<Vec<usize>>,
    pub(crate) exits: Mutex<Vec<Outcome>>,
    pub(crate) started: AtomicUsize,
    pub(crate) built: AtomicUsize,
    pub(crate) released: Mutex<Vec<String>>,
    pub(crate) dropped_messages: AtomicUsize,
}

impl Log {
    pub(crate) fn handled(&self) -> usize {
        self.handled.lock().len()
    }

    pub(crate) fn restarts(&self) -> usize {
        self.exits
            .lock()
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Restarting { .. }))
            .count()
    }

    pub(crate) fn quarantines(&self) -> usize {
        self.exits
            .lock()
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Quarantined { .. }))
            .count()
    }

    pub(crate) fn gave_up(&self) -> usize {
        self.exits
            .lock()
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::GaveUp { .. }))
            .count()
    }

    pub(crate) fn ended(&self) -> usize {
        self.exits
            .lock()
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Ended))
            .count()
    }
}

/// A root that runs what it is sent, and writes down what it hears of its children.
pub(crate) struct Root(pub(crate) Arc<Log>);

pub(crate) struct Do(Mutex<Option<Job>>);

type Job = Box<dyn FnOnce(&mut Context<Root>) + Send>;

impl Message for Do {}

impl Actor for Root {
    const KIND: &'static str = "Root";
    type Message = Do;

    fn handle(&mut self, message: &Do, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if let Some(job) = message.0.lock().take() {
            job(ctx);
        }
        Ok(())
    }

    fn child_exited(&mut self, exit: &Exit, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.0.exits.lock().push(exit.outcome.clone());
        Ok(())
    }
}

/// Runs `job` in the root's handler and returns what it says.
pub(crate) async fn within<T: Send + 'static>(
    root: &Address<Do>,
    job: impl FnOnce(&mut Context<Root>) -> T + Send + 'static,
) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    let job: Job = Box::new(move |ctx| drop(tell.send(job(ctx))));
    root.offer(Do(Mutex::new(Some(job)))).await.unwrap();
    told.await.unwrap()
}

pub(crate) fn start_root(runtime: &mut Runtime) -> (Address<Do>, Arc<Log>) {
    install();
    let log = Arc::new(Log::default());
    let shared = Arc::clone(&log);
    let (root, _) = runtime.start(Spec::new("root"), move || Root(Arc::clone(&shared)));
    (root, log)
}

/// Where a [`Worker`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Nowhere.
    Never,
    /// The first time it is built.
    FactoryOnce,
    /// The first time it starts.
    StartedOnce,
    /// Every time it starts.
    StartedAlways,
    /// The first time it handles this number.
    HandlerOnce(usize),
    /// Whenever it handles this number.
    HandlerAlways(usize),
    /// The first time, by an error.
    ErrorOnce(usize),
    /// In the future that the handler of this number requests, the first time.
    RequestOnce(usize),
    /// Whenever a future about this number runs.
    RequestAlways(usize),
    /// Handles this number, and never comes back from the wait for its answer.
    Hangs(usize),
}

pub(crate) struct Worker {
    log: Arc<Log>,
    fails: Fails,
    failed: Arc<AtomicUsize>,
}

pub(crate) enum Work {
    Number(
        usize,
        #[expect(dead_code, reason = "it counts by being dropped")] Option<DropCount>,
    ),
    Answer,
}

/// Counts messages that are dropped, handled or not.
pub(crate) struct DropCount(pub(crate) Arc<Log>);

impl Drop for DropCount {
    fn drop(&mut self) {
        self.0.dropped_messages.fetch_add(1, Ordering::SeqCst);
    }
}

impl Message for Work {
    fn key(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Number(number, _) => Some(Cow::Owned(format!("object-{number}"))),
            Self::Answer => None,
        }
    }
}

impl Worker {
    pub(crate) fn factory(log: &Arc<Log>, fails: Fails) -> impl Fn() -> Self + Send + 'static {
        let log = Arc::clone(log);
        let failed = Arc::new(AtomicUsize::new(0));
        move || {
            let built = log.built.fetch_add(1, Ordering::SeqCst);
            assert!(fails != Fails::FactoryOnce || built > 0, "told to fail in the factory");
            Self {
                log: Arc::clone(&log),
                fails,
                failed: Arc::clone(&failed),
            }
        }
    }

    fn first_time(&self) -> bool {
        self.failed.fetch_add(1, Ordering::SeqCst) == 0
    }
}

impl Actor for Worker {
    const KIND: &'static str = "Worker";
    type Message = Work;

    fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.log.started.fetch_add(1, Ordering::SeqCst);
        match self.fails {
            Fails::StartedOnce if self.first_time() => panic!("told to fail in started"),
            Fails::StartedAlways => Err(Failure::new("told to fail in started, always")),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, message: &Work, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Work::Number(number, _) = message else {
            return Ok(());
        };
        match self.fails {
            Fails::HandlerOnce(bad) if bad == *number && self.first_time() => panic!("told to fail on {number}"),
            Fails::HandlerAlways(bad) if bad == *number => panic!("told to fail on {number}, always"),
            Fails::ErrorOnce(bad) if bad == *number && self.first_time() => {
                return Err(Failure::new(format!("told to fail on {number}")));
            }
            Fails::RequestOnce(bad) if bad == *number && self.first_time() => {
                ctx.request(async { panic!("told to fail in a request") })?;
            }
            Fails::RequestAlways(bad) if bad == *number => {
                ctx.request(async { panic!("told to fail in a request, always") })?;
            }
            Fails::Hangs(bad) if bad == *number => ctx.request(std::future::pending())?,
            _ => ctx.request(async { Work::Answer })?,
        }
        self.log.handled.lock().push(*number);
        Ok(())
    }

    fn released(&mut self, key: &str, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.log.released.lock().push(key.to_owned());
        Ok(())
    }
}

/// Starts a worker under `root` with room for `mailbox` messages.
pub(crate) async fn start_worker(
    root: &Address<Do>,
    spec: Spec,
    factory: impl Fn() -> Worker + Send + 'static,
) -> Address<Work> {
    within(root, move |ctx| ctx.spawn(spec, factory)).await
}
