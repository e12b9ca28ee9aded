//! The coalescing hand-over.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::fixture::{Do, simulate, start_root, until, within};
use crate::runtime::{
    Actor, Address, Context, Failure, Full, Message, Outbox, Placement, RestartPolicy, Runtime, Settings, Signals,
    Spec, Wake,
};

/// Takes batches, and fails as it is told: before it takes, so that nothing taken is lost.
struct Receiver {
    outbox: Outbox<u32, u64>,
    batch: usize,
    seen: Seen,
    failures: Arc<AtomicUsize>,
    wakes: Arc<AtomicUsize>,
}

type Seen = Arc<Mutex<BTreeMap<u32, Vec<u64>>>>;

enum Work {
    Waiting(#[expect(dead_code, reason = "it says something by being dropped")] Wake),
    Nothing,
}

impl Message for Work {}

impl Actor for Receiver {
    const KIND: &'static str = "Receiver";
    type Message = Work;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.outbox.bind(&ctx.address(), Work::Waiting);
        Ok(())
    }

    fn handle(&mut self, message: &Work, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Work::Waiting(_) = message else { return Ok(()) };
        self.wakes.fetch_add(1, Ordering::SeqCst);
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            panic!("told to fail before it takes");
        }
        for taken in self.outbox.take(self.batch) {
            self.seen.lock().entry(taken.key).or_default().push(taken.value);
        }
        Ok(())
    }
}

struct Bench {
    outbox: Outbox<u32, u64>,
    seen: Seen,
    failures: Arc<AtomicUsize>,
    wakes: Arc<AtomicUsize>,
}

impl Bench {
    fn new() -> Self {
        Self {
            outbox: Outbox::newest("test", &Signals::new()),
            seen: Seen::default(),
            failures: Arc::default(),
            wakes: Arc::default(),
        }
    }

    async fn start(&self, root: &Address<Do>, spec: Spec, batch: usize) -> Address<Work> {
        let (outbox, seen) = (self.outbox.clone(), Arc::clone(&self.seen));
        let (failures, wakes) = (Arc::clone(&self.failures), Arc::clone(&self.wakes));
        let factory = move || Receiver {
            outbox: outbox.clone(),
            batch,
            seen: Arc::clone(&seen),
            failures: Arc::clone(&failures),
            wakes: Arc::clone(&wakes),
        };
        within(root, move |ctx| ctx.spawn(spec, factory)).await
    }

    fn newest(&self) -> BTreeMap<u32, u64> {
        self.seen
            .lock()
            .iter()
            .filter_map(|(key, values)| Some((*key, *values.last()?)))
            .collect()
    }
}

#[test]
fn a_hundred_thousand_keys_arrive_once_each_with_the_newest_value_by_few_messages() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let bench = Bench::new();
        for round in 0..3 {
            for key in 0..100_000 {
                bench.outbox.put(key, round).unwrap();
            }
        }
        assert_eq!(bench.outbox.len(), 100_000);
        bench.start(&root, Spec::new("receiver"), 1_000).await;
        until("all arrived", || bench.outbox.is_empty()).await;
        assert!(bench.seen.lock().values().all(|values| *values == [2]));
        assert_eq!(
            (bench.seen.lock().len(), bench.wakes.load(Ordering::SeqCst)),
            (100_000, 100)
        );
    });
}

#[test]
fn a_full_mailbox_holds_up_neither_the_sender_nor_the_hand_over() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let bench = Bench::new();
        let receiver = bench.start(&root, Spec::new("receiver").mailbox(1), 10).await;
        until("it is idle", || receiver.depth() == 0).await;
        let held = receiver.reserve().unwrap();
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        for key in 0..1_000 {
            bench.outbox.put(key, 1).unwrap();
        }
        let waiting = tokio::runtime::Handle::current().metrics().num_alive_tasks() - tasks;
        assert_eq!(
            (waiting, bench.wakes.load(Ordering::SeqCst)),
            (1, 0),
            "one task waits, however much is put"
        );
        held.send(Work::Nothing).unwrap();
        until("all arrived", || bench.outbox.is_empty()).await;
        assert_eq!(bench.wakes.load(Ordering::SeqCst), 100);
    });
}

#[test]
fn nothing_is_lost_when_the_receiver_restarts_or_is_replaced() {
    // How often it fails in a row: once (the wake-up is tried again), twice (it is dropped), until it gives up and is replaced.
    for failures in [1, 2, 3, 4, 7] {
        simulate(|mut runtime| async move {
            let (root, log) = start_root(&mut runtime);
            let bench = Bench::new();
            bench.failures.store(failures, Ordering::SeqCst);
            let spec = Spec::new("receiver").restarts(RestartPolicy {
                limit: 5,
                ..RestartPolicy::default()
            });
            bench.start(&root, spec.clone(), 7).await;
            for key in 0..100 {
                bench.outbox.put(key, 1).unwrap();
            }
            until("it recovered or gave up", || {
                bench.outbox.is_empty() || log.gave_up() == 1
            })
            .await;
            assert_eq!(log.gave_up() == 1, failures > 5, "{failures}");
            bench.outbox.put(100, 1).unwrap();
            if failures > 5 {
                bench.start(&root, spec, 7).await;
            }
            until("all arrived", || bench.seen.lock().len() == 101).await;
        });
    }
}

#[test]
fn a_receiver_that_takes_nothing_is_not_rung_for_ever() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let bench = Bench::new();
        let receiver = bench.start(&root, Spec::new("receiver"), 0).await;
        bench.outbox.put(1, 1).unwrap();
        until("it was woken", || bench.wakes.load(Ordering::SeqCst) == 1).await;
        until("it is idle", || receiver.depth() == 0).await;
        tokio::time::advance(std::time::Duration::from_mins(1)).await;
        assert_eq!(bench.wakes.load(Ordering::SeqCst), 1);
        bench.outbox.ring();
        until("it was rung", || bench.wakes.load(Ordering::SeqCst) == 2).await;
    });
}

#[test]
fn an_outbox_at_its_limit_gives_further_keys_back() {
    let outbox = Outbox::limited("test", &Signals::new(), 2, |older: &mut u64, newer| *older += newer);
    outbox.put("a", 1).unwrap();
    outbox.put("b", 1).unwrap();
    assert!(matches!(outbox.put("c", 5), Err(Full("c", 5))));
    outbox.put("a", 2).unwrap();
    let taken: Vec<_> = outbox
        .take(10)
        .into_iter()
        .map(|taken| (taken.key, taken.value))
        .collect();
    assert_eq!(taken, [("a", 3), ("b", 1)]);
    outbox.put("c", 5).unwrap();
}

#[test]
fn threads_that_put_at_once_lose_nothing() {
    let pool = Arc::new(
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap(),
    );
    let mut runtime = Runtime::threaded(Settings::default(), 2, &pool).unwrap();
    pool.block_on(async {
        let (root, _log) = start_root(&mut runtime);
        let bench = Bench::new();
        let spec = Spec::new("receiver").mailbox(1).placement(Placement::Spread);
        bench.start(&root, spec, 16).await;
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let outbox = bench.outbox.clone();
                tokio::spawn(async move {
                    for value in 0..2_000_u32 {
                        // Each writer has keys of its own, so that the newest value is known.
                        outbox.put(writer * 1_000 + value % 50, u64::from(value)).unwrap();
                        if value % 64 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let expected: BTreeMap<_, _> = (0..8)
            .flat_map(|writer| (0..50).map(move |key| (writer * 1_000 + key, u64::from(1_950 + key))))
            .collect();
        until("the newest arrived", || bench.newest() == expected).await;
        let in_order = |values: &Vec<u64>| values.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(
            bench.seen.lock().values().all(in_order),
            "an older value after a newer one"
        );
    });
}

proptest! {
    /// Whatever is put and taken in whatever order: each key's values merge into their sum, none is lost, and keys come first come, first served.
    #[test]
    fn what_is_put_is_what_is_taken(steps in prop::collection::vec((0_u8..8, 0_u8..6), 0..200)) {
        let outbox = Outbox::merging("test", &Signals::new(), |older: &mut u64, newer| *older += newer);
        let (mut put, mut got) = (BTreeMap::<u8, u64>::new(), BTreeMap::<u8, u64>::new());
        let mut model = Vec::new();
        for (key, action) in steps {
            if action == 0 {
                for taken in outbox.take(usize::from(key)) {
                    prop_assert_eq!(model.remove(0), taken.key);
                    *got.entry(taken.key).or_default() += taken.value;
                }
                continue;
            }
            *put.entry(key).or_default() += u64::from(action);
            outbox.put(key, u64::from(action)).unwrap();
            if !model.contains(&key) {
                model.push(key);
            }
            prop_assert_eq!(outbox.len(), model.len());
        }
        for taken in outbox.take(usize::MAX) {
            *got.entry(taken.key).or_default() += taken.value;
        }
        prop_assert_eq!(put, got);
        prop_assert!(outbox.is_empty());
    }
}

/// A list is complete, is in doubt, and is complete again: an old word in an early place would be taken for the last.
#[test]
fn what_is_put_last_is_taken_after_all_that_was_put_before() {
    let outbox = Outbox::newest("test", &Signals::new());
    let (complete, doubt) = (1, 2);
    outbox.put_last(complete, 1_u64).unwrap();
    outbox.put(7, 1).unwrap();
    outbox.put_last(doubt, 1).unwrap();
    outbox.put(8, 1).unwrap();
    outbox.put_last(complete, 2).unwrap();
    assert_eq!(outbox.len(), 4);
    let taken: Vec<_> = outbox
        .take(9)
        .into_iter()
        .map(|taken| (taken.key, taken.value))
        .collect();
    assert_eq!(taken, [(7, 1), (doubt, 1), (8, 1), (complete, 2)]);
    assert!(outbox.is_empty());
}
