//! Actors on more than one thread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::Duration,
};

use parking_lot::Mutex;
use prometheus_client::registry::Registry;

use super::fixture::{Fails, Work, Worker, simulate, start_root, start_worker, until, within};
use crate::runtime::{
    Actor, Census, Context, Failure, Message, Placement, Runtime, Settings, Signals, Spec, ThreadHealth,
};

fn pool() -> Arc<tokio::runtime::Runtime> {
    Arc::new(
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap(),
    )
}

/// Says which thread it runs on, its I/O too.
struct Whereabouts {
    seen: Arc<Mutex<Vec<(String, ThreadId)>>>,
    children: bool,
}

enum Tell {
    Where,
    Answer(ThreadId),
}

impl Message for Tell {}

impl Actor for Whereabouts {
    const KIND: &'static str = "Whereabouts";
    type Message = Tell;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.children {
            let seen = Arc::clone(&self.seen);
            let key = ctx.key().to_owned();
            let child = ctx.spawn(Spec::new(key), move || Self {
                seen: Arc::clone(&seen),
                children: false,
            });
            child.try_offer(Tell::Where)?;
        }
        Ok(())
    }

    fn handle(&mut self, message: &Tell, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let here = std::thread::current().id();
        match message {
            Tell::Where => {
                self.seen.lock().push((ctx.key().to_owned(), here));
                ctx.request(async { Tell::Answer(std::thread::current().id()) })?;
            }
            Tell::Answer(there) => {
                assert_ne!(here, *there, "I/O runs on the worker pool");
                self.seen.lock().push((ctx.key().to_owned(), here));
            }
        }
        Ok(())
    }
}

#[test]
fn targets_are_spread_and_what_belongs_to_one_shares_its_thread() {
    let pool = pool();
    let mut runtime = Runtime::threaded(Settings::default(), 3, &pool).unwrap();
    pool.block_on(async {
        let (root, _log) = start_root(&mut runtime);
        let seen = Arc::new(Mutex::new(Vec::new()));
        for target in 0..6 {
            let seen = Arc::clone(&seen);
            let target = within(&root, move |ctx| {
                let spec = Spec::new(format!("target-{target}")).placement(Placement::Spread);
                ctx.spawn(spec, move || Whereabouts {
                    seen: Arc::clone(&seen),
                    children: true,
                })
            })
            .await;
            target.offer(Tell::Where).await.unwrap();
        }
        // Each target and its child says it twice: in the handler and with the answer.
        until("all have spoken", || seen.lock().len() == 24).await;
        let mut threads = BTreeMap::<String, Vec<ThreadId>>::new();
        for (key, thread) in seen.lock().iter() {
            threads.entry(key.clone()).or_default().push(*thread);
        }
        assert!(
            threads
                .values()
                .all(|threads| threads.windows(2).all(|pair| pair[0] == pair[1])),
            "{threads:?}"
        );
        let mut load = Vec::<(ThreadId, usize)>::new();
        for thread in threads.values().map(|threads| threads[0]) {
            match load.iter_mut().find(|(known, _)| *known == thread) {
                Some((_, count)) => *count += 1,
                None => load.push((thread, 1)),
            }
        }
        assert_eq!(load.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 2, 2]);
        drop(root);
        runtime.stop();
        runtime.ended().wait().await.unwrap();
        until("nothing is left", || runtime.census() == Census::default()).await;
    });
}

/// Hangs until it is let go.
struct Hanging(Arc<Barrier>);

enum Hang {
    Now,
    Nothing,
}

impl Message for Hang {}

impl Actor for Hanging {
    const KIND: &'static str = "Hanging";
    type Message = Hang;

    fn handle(&mut self, message: &Hang, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        if matches!(message, Hang::Now) {
            self.0.wait();
            self.0.wait();
        }
        Ok(())
    }
}

#[test]
fn a_thread_that_hangs_fails_its_probe_and_the_tree_still_answers() {
    let pool = pool();
    let mut runtime = Runtime::threaded(Settings::default(), 2, &pool).unwrap();
    pool.block_on(async {
        let (root, _log) = start_root(&mut runtime);
        let barrier = Arc::new(Barrier::new(2));
        let shared = Arc::clone(&barrier);
        // The first of the two threads has the root; this is put onto the same count of spread actors, so place one there first.
        let hanging = within(&root, move |ctx| {
            ctx.spawn(Spec::new("filler").placement(Placement::Spread), || {
                Hanging(Arc::new(Barrier::new(1)))
            });
            ctx.spawn(
                Spec::new("hanging").mailbox(8).placement(Placement::Spread),
                move || Hanging(Arc::clone(&shared)),
            )
        })
        .await;
        let probe = runtime.probe();
        let healthy = |alive: [bool; 2]| {
            alive
                .into_iter()
                .enumerate()
                .map(|(thread, alive)| ThreadHealth { thread, alive })
                .collect::<Vec<_>>()
        };
        assert_eq!(probe.check(Duration::from_secs(10)).await, healthy([true, true]));
        hanging.offer(Hang::Now).await.unwrap();
        barrier.wait();
        hanging.offer(Hang::Nothing).await.unwrap();
        for _ in 0..3 {
            assert_eq!(probe.check(Duration::from_millis(50)).await, healthy([true, false]));
        }
        let tree = runtime.tree().view(10).unwrap();
        let hung = tree.children.iter().find(|child| child.key == "hanging").unwrap();
        assert_eq!((hung.mailbox_depth, hung.mailbox_capacity, hung.thread), (2, 8, 1));
        barrier.wait();
        assert_eq!(probe.check(Duration::from_secs(10)).await, healthy([true, true]));
    });
}

/// Hangs at its end until it is let go: its child does, on another thread.
struct SlowToEnd(Arc<Barrier>);

impl Actor for SlowToEnd {
    const KIND: &'static str = "SlowToEnd";
    type Message = Hang;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let barrier = Arc::clone(&self.0);
        let spec = Spec::new("child").placement(Placement::Spread);
        let child = ctx.spawn(spec, move || Hanging(Arc::clone(&barrier)));
        child.try_offer(Hang::Now)?;
        Ok(())
    }

    fn handle(&mut self, _message: &Hang, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn whoever_waits_in_line_for_a_key_waits_for_the_oldest_even_when_those_between_are_stopped() {
    let pool = pool();
    let mut runtime = Runtime::threaded(Settings::default(), 2, &pool).unwrap();
    pool.block_on(async {
        let (root, log) = start_root(&mut runtime);
        let (hanging, free) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(1)));
        let (shared, quick) = (Arc::clone(&hanging), Arc::clone(&free));
        within(&root, move |ctx| {
            // The filler takes the root's thread, so that what hangs does so on the other.
            ctx.spawn(Spec::new("filler").placement(Placement::Spread), move || {
                Hanging(Arc::clone(&quick))
            });
            ctx.spawn(Spec::new("one"), move || SlowToEnd(Arc::clone(&shared)));
        })
        .await;
        // The child hangs now.
        hanging.wait();
        let shared = Arc::clone(&log);
        within(&root, move |ctx| {
            for number in 0..3 {
                let (free, log) = (Arc::clone(&free), Arc::clone(&shared));
                ctx.spawn(Spec::new("one"), move || {
                    log.handled.lock().push(number);
                    SlowToEnd(Arc::clone(&free))
                });
            }
        })
        .await;
        // Its thread turns, and nobody of that key has begun.
        for _ in 0..10 {
            within(&root, |_| ()).await;
        }
        assert_eq!(log.handled(), 0, "two actors of one key");
        hanging.wait();
        until("the last one begins", || *log.handled.lock() == [2]).await;
    });
}

#[test]
fn the_tree_shows_kind_key_state_depth_restarts_and_last_error_and_counts_the_rest() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        for number in 0..20 {
            let fails = if number == 3 { Fails::ErrorOnce(1) } else { Fails::Never };
            let worker = start_worker(&root, Spec::new(format!("{number:02}")), Worker::factory(&log, fails)).await;
            worker.offer(Work::Number(1, None)).await.unwrap();
        }
        until("all have worked", || log.handled() == 20).await;
        let tree = runtime.tree().view(5).unwrap();
        assert_eq!(
            (tree.kind, tree.key.as_str(), tree.children.len(), tree.more_children),
            ("Root", "root", 5, 15)
        );
        let failed = serde_json::to_value(&tree.children[3]).unwrap();
        let expected = serde_json::json!({
            "kind": "Worker", "key": "03", "state": "running", "thread": 0, "mailbox_depth": 0, "mailbox_capacity": 64,
            "restarts": 1, "last_error": "an error in a handler: told to fail on 1",
        });
        assert_eq!(failed, expected);
    });
}

#[test]
fn metrics_have_their_names_and_labels() {
    simulate(|_| async {
        let signals = Signals::new();
        let mut registry = Registry::default();
        signals.register(&mut registry);
        let settings = Settings {
            seed: 1,
            signals: signals.clone(),
            ..Settings::default()
        };
        let mut runtime = Runtime::local(settings);
        let (root, log) = start_root(&mut runtime);
        let factory = Worker::factory(&log, Fails::HandlerAlways(1));
        let worker = start_worker(&root, Spec::new("worker").mailbox(2), factory).await;
        worker.offer(Work::Number(1, None)).await.unwrap();
        until("it is quarantined", || log.quarantines() == 1).await;
        until("its mailbox is empty", || worker.depth() == 0).await;
        let held = [worker.reserve().unwrap(), worker.reserve().unwrap()];
        assert!(worker.try_offer(Work::Answer).is_err());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            r#"tmc_syncer_actors{kind="Worker"} 1"#,
            r#"tmc_syncer_actors{kind="Root"} 1"#,
            r#"tmc_syncer_mailbox_depth{kind="Worker"} 2"#,
            r#"tmc_syncer_mailbox_refused_total{kind="Worker"} 1"#,
            r#"tmc_syncer_actor_restarts_total{kind="Worker",cause="panic"} 2"#,
            r#"tmc_syncer_actor_quarantines_total{kind="Worker"} 1"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
        drop(held);
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let trace = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&trace);
        simulate(move |_| async move {
            let mut runtime = Runtime::local(Settings {
                seed,
                ..Settings::default()
            });
            let (root, log) = start_root(&mut runtime);
            let begun = tokio::time::Instant::now();
            for number in 0..8 {
                let factory = Worker::factory(&log, Fails::HandlerAlways(number));
                let worker = start_worker(&root, Spec::new(format!("{number}")), factory).await;
                for message in 0..8 {
                    worker.offer(Work::Number(message, None)).await.unwrap();
                }
            }
            until("all is done", || log.handled() == 56 && log.quarantines() == 8).await;
            shared.lock().push(format!(
                "{:?} {:?} {:?}",
                log.handled.lock(),
                log.exits.lock(),
                begun.elapsed()
            ));
        });
        trace.lock().clone()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_runtime_that_is_dropped_ends_its_threads() {
    let pool = pool();
    let alive = Arc::new(AtomicUsize::new(0));
    let runtime = {
        let mut runtime = Runtime::threaded(Settings::default(), 2, &pool).unwrap();
        let counter = Arc::clone(&alive);
        pool.block_on(async {
            let (root, _log) = start_root(&mut runtime);
            within(&root, move |ctx| {
                for number in 0..4 {
                    let alive = Arc::clone(&counter);
                    let spec = Spec::new(format!("{number}")).placement(Placement::Spread);
                    ctx.spawn(spec, move || Alive::new(&alive));
                }
            })
            .await;
            until("all live", || alive.load(Ordering::SeqCst) == 4).await;
        });
        runtime
    };
    drop(runtime);
    pool.block_on(until("all are gone", || alive.load(Ordering::SeqCst) == 0));
}

/// Counted while it lives.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Actor for Alive {
    const KIND: &'static str = "Alive";
    type Message = Tell;

    fn handle(&mut self, _message: &Tell, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
