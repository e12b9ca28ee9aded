//! What the actor kit costs, beside bare actix: a message on one thread and across threads, a start, a restart, an idle actor.
//!
//! `cargo bench --bench actor_kit`. The kit's price is the difference between its number and the one of actix of the same name. Memory is
//! measured in processes of their own, or what one frees the other would use again.

#![expect(clippy::print_stdout, reason = "a bench speaks on stdout")]

use std::{
    hint::black_box,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix::AsyncContext as _;
use criterion::{Criterion, Throughput};
use syncer_actors::runtime::{
    Actor, Address, Context, Failure, Message, Placement, Refused, RestartPolicy, Runtime, Settings, Spec,
};
use tokio::{
    runtime::Builder,
    task::{LocalSet, yield_now},
};

/// Messages that are sent before the receiver gets its turn.
const BATCH: u64 = 512;

/// Idle actors whose memory is measured.
const IDLE: usize = 100_000;

/// Tells a process of this bench which actors to measure.
const MEMORY: &str = "ACTOR_KIT_BENCH_MEMORY";

type Failed = Box<dyn std::error::Error>;

// The same actor twice: it counts.

struct Counting(Arc<AtomicU64>);

#[derive(Clone, Copy)]
enum Count {
    One,
    Stop,
}

impl Message for Count {}

impl Actor for Counting {
    const KIND: &'static str = "Counting";
    type Message = Count;

    fn handle(&mut self, message: &Count, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::Release);
        if matches!(message, Count::Stop) {
            ctx.stop();
        }
        Ok(())
    }
}

struct Bare(Arc<AtomicU64>);

struct BareCount(Count);

impl actix::Message for BareCount {
    type Result = ();
}

impl actix::Actor for Bare {
    type Context = actix::Context<Self>;
}

impl actix::Handler<BareCount> for Bare {
    type Result = ();

    fn handle(&mut self, message: BareCount, ctx: &mut Self::Context) {
        self.0.fetch_add(1, Ordering::Release);
        if matches!(message.0, Count::Stop) {
            actix::ActorContext::stop(ctx);
        }
    }
}

/// A root that starts children when it is told to.
struct Root(Arc<AtomicU64>);

enum Order {
    /// Starts this many, each with one message after which it stops.
    Brief(u64),
    /// Starts this many that stay.
    Idle(usize),
    /// Starts one that fails this often.
    Failing(u64),
}

impl Message for Order {}

impl Actor for Root {
    const KIND: &'static str = "Root";
    type Message = Order;

    fn handle(&mut self, order: &Order, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match order {
            Order::Brief(count) => {
                for number in 0..*count {
                    let counter = Arc::clone(&self.0);
                    let child = ctx.spawn(Spec::new(number.to_string()), move || Counting(Arc::clone(&counter)));
                    child.try_offer(Count::Stop)?;
                }
            }
            Order::Idle(count) => {
                for number in 0..*count {
                    let counter = Arc::clone(&self.0);
                    ctx.spawn(Spec::new(number.to_string()), move || Counting(Arc::clone(&counter)));
                }
            }
            Order::Failing(count) => {
                let (counter, until) = (Arc::clone(&self.0), *count);
                let policy = RestartPolicy {
                    limit: u16::MAX,
                    initial: Duration::ZERO,
                    max: Duration::ZERO,
                    ..RestartPolicy::default()
                };
                let spec = Spec::new("failing").restarts(policy);
                ctx.spawn(spec, move || Failing {
                    starts: Arc::clone(&counter),
                    until,
                });
            }
        }
        Ok(())
    }
}

/// Fails at its start until it has started often enough.
struct Failing {
    starts: Arc<AtomicU64>,
    until: u64,
}

impl Actor for Failing {
    const KIND: &'static str = "Failing";
    type Message = Count;

    fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.starts.fetch_add(1, Ordering::Release) < self.until {
            return Err(Failure::new("told to fail"));
        }
        Ok(())
    }

    fn handle(&mut self, _message: &Count, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn settings() -> Settings {
    Settings {
        seed: 1,
        ..Settings::default()
    }
}

/// Runs `act` on one thread.
fn on_one_thread<F: Future>(paused: bool, act: impl FnOnce() -> F) -> Result<F::Output, Failed> {
    let pool = Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()?;
    Ok(LocalSet::new().block_on(&pool, act()))
}

async fn until(counter: &AtomicU64, expected: u64) {
    while counter.load(Ordering::Acquire) < expected {
        yield_now().await;
    }
}

/// Sends `messages` through `send`, a batch at a time, and returns how long it took until all were handled.
async fn hop(counter: &AtomicU64, messages: u64, send: impl Fn()) -> Duration {
    let (begun, before) = (Instant::now(), counter.load(Ordering::Acquire));
    let mut queued = 0;
    while queued < messages {
        let batch = BATCH.min(messages - queued);
        (0..batch).for_each(|_| send());
        queued += batch;
        until(counter, before + queued).await;
    }
    begun.elapsed()
}

fn spec() -> Spec {
    Spec::new("counting").mailbox(1024)
}

fn on_a_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one hop on a thread");
    group.throughput(Throughput::Elements(1));
    group.bench_function("kit", |bench| {
        bench.iter_custom(|messages| {
            let took = on_one_thread(false, || async move {
                let counter = Arc::new(AtomicU64::new(0));
                let shared = Arc::clone(&counter);
                let mut runtime = Runtime::local(settings());
                let (to, _) = runtime.start(spec(), move || Counting(Arc::clone(&shared)));
                hop(&counter, messages, || drop(black_box(to.try_offer(Count::One)))).await
            });
            took.unwrap_or_default()
        });
    });
    group.bench_function("actix", |bench| {
        bench.iter_custom(|messages| {
            let took = on_one_thread(false, || async move {
                let counter = Arc::new(AtomicU64::new(0));
                let to = actix::Actor::start(Bare(Arc::clone(&counter)));
                hop(&counter, messages, || bare_send(&to, Count::One)).await
            });
            took.unwrap_or_default()
        });
    });
    group.finish();
}

#[expect(clippy::disallowed_methods, reason = "bare actix is what the kit is compared with")]
fn bare_send(to: &actix::Addr<Bare>, count: Count) {
    to.do_send(BareCount(count));
}

/// Sends from the calling thread as fast as the mailbox takes it.
fn flood(to: &Address<Count>, counter: &AtomicU64, messages: u64) -> Duration {
    let (begun, before) = (Instant::now(), counter.load(Ordering::Acquire));
    for _ in 0..messages {
        while let Err(Refused::Full(_)) = to.try_offer(Count::One) {
            std::thread::yield_now();
        }
    }
    while counter.load(Ordering::Acquire) < before + messages {
        std::thread::yield_now();
    }
    begun.elapsed()
}

/// The same without a bound, held to as many messages as the kit's mailbox takes.
fn bare_flood(to: &actix::Addr<Bare>, counter: &AtomicU64, messages: u64) -> Duration {
    let (begun, before) = (Instant::now(), counter.load(Ordering::Acquire));
    for sent in 0..messages {
        while sent - (counter.load(Ordering::Acquire) - before) >= 1024 {
            std::thread::yield_now();
        }
        bare_send(to, Count::One);
    }
    while counter.load(Ordering::Acquire) < before + messages {
        std::thread::yield_now();
    }
    begun.elapsed()
}

fn across_threads(criterion: &mut Criterion) -> Result<(), Failed> {
    let pool = Arc::new(Builder::new_multi_thread().worker_threads(1).enable_all().build()?);
    let mut runtime = Runtime::threaded(settings(), 1, &pool)?;
    let counter = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&counter);
    let (to, _) = runtime.start(spec().placement(Placement::Spread), move || {
        Counting(Arc::clone(&shared))
    });

    let bare_counter = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&bare_counter);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = on_one_thread(false, || async move {
            let context = actix::Context::<Bare>::new();
            let _ = tell.send(context.address());
            context.run(Bare(shared));
            std::future::pending::<()>().await;
        });
    });
    let bare = told.recv()?;

    let mut group = criterion.benchmark_group("one hop across threads");
    group.throughput(Throughput::Elements(1));
    group.bench_function("kit", |bench| {
        bench.iter_custom(|messages| flood(&to, &counter, messages));
    });
    group.bench_function("actix", |bench| {
        bench.iter_custom(|messages| bare_flood(&bare, &bare_counter, messages));
    });
    group.finish();
    Ok(())
}

/// Starts `count` in batches, each with one message after which it stops.
async fn brief(count: u64, counter: &AtomicU64, start: impl AsyncFn(u64)) -> Duration {
    let begun = Instant::now();
    let mut started = 0;
    while started < count {
        let batch = BATCH.min(count - started);
        start(batch).await;
        started += batch;
        until(counter, started).await;
    }
    begun.elapsed()
}

fn starts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start, one message, stop");
    group.bench_function("kit", |bench| {
        bench.iter_custom(|count| {
            let took = on_one_thread(false, || async move {
                let counter = Arc::new(AtomicU64::new(0));
                let shared = Arc::clone(&counter);
                let mut runtime = Runtime::local(settings());
                let (root, _) = runtime.start(Spec::new("root"), move || Root(Arc::clone(&shared)));
                brief(count, &counter, async |batch| {
                    drop(root.offer(Order::Brief(batch)).await);
                })
                .await
            });
            took.unwrap_or_default()
        });
    });
    group.bench_function("actix", |bench| {
        bench.iter_custom(|count| {
            let took = on_one_thread(false, || async move {
                let counter = Arc::new(AtomicU64::new(0));
                let shared = Arc::clone(&counter);
                let start = async move |batch| {
                    (0..batch).for_each(|_| bare_send(&actix::Actor::start(Bare(Arc::clone(&shared))), Count::Stop));
                };
                brief(count, &counter, start).await
            });
            took.unwrap_or_default()
        });
    });
    group.finish();
}

/// Without the rest between two lives: the clock is paused and jumps over it.
fn restarts(criterion: &mut Criterion) {
    criterion.bench_function("restart", |bench| {
        bench.iter_custom(|count| {
            let took = on_one_thread(true, || async move {
                let counter = Arc::new(AtomicU64::new(0));
                let shared = Arc::clone(&counter);
                let mut runtime = Runtime::local(settings());
                let (root, _) = runtime.start(Spec::new("root"), move || Root(Arc::clone(&shared)));
                let begun = Instant::now();
                drop(root.offer(Order::Failing(count)).await);
                while counter.load(Ordering::Acquire) <= count {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                begun.elapsed()
            });
            took.unwrap_or_default()
        });
    });
}

/// Bytes that this process holds.
fn resident() -> Result<usize, Failed> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split_whitespace().nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}

/// What an idle actor takes, in a process that does nothing else.
fn measure(which: &str) -> Result<(), Failed> {
    let bytes = on_one_thread(false, || async {
        let counter = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&counter);
        let mut runtime = Runtime::local(settings());
        let (root, _) = runtime.start(Spec::new("root"), move || Root(Arc::clone(&shared)));
        drop(root.offer(Order::Idle(1)).await);
        yield_now().await;
        let before = resident()?;
        let mut bare = Vec::with_capacity(IDLE);
        if which == "kit" {
            drop(root.offer(Order::Idle(IDLE)).await);
        } else {
            bare.extend((0..IDLE).map(|_| actix::Actor::start(Bare(Arc::clone(&counter)))));
        }
        for _ in 0..100 {
            yield_now().await;
        }
        let after = resident()?;
        drop(bare);
        Ok::<_, Failed>((after - before) / IDLE)
    })??;
    println!("{bytes}");
    Ok(())
}

fn memory() -> Result<(), Failed> {
    let bytes = |which: &str| -> Result<usize, Failed> {
        let output = Command::new(std::env::current_exe()?).env(MEMORY, which).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    let (kit, actix) = (bytes("kit")?, bytes("actix")?);
    println!("idle actor: {kit} B with the kit, {actix} B with actix alone");
    Ok(())
}

fn main() -> Result<(), Failed> {
    if let Ok(which) = std::env::var(MEMORY) {
        return measure(&which);
    }
    memory()?;
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    on_a_thread(&mut criterion);
    across_threads(&mut criterion)?;
    starts(&mut criterion);
    restarts(&mut criterion);
    criterion.final_summary();
    Ok(())
}
