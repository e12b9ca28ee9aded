//! Panics and errors, at every place where they can happen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::fixture::{Fails, Log, Work, Worker, simulate, start_root, start_worker, until, within};
use crate::runtime::{
    Actor, Cause, Census, Context, Exit, Failure, Fault, Message, Outcome, Place, RestartPolicy, Runtime, Spec,
};

/// A worker with 100 messages queued, that fails as told; waits until it has handled `expected` of them.
async fn run_hundred(runtime: &mut Runtime, fails: Fails, expected: usize) -> Arc<Log> {
    let (root, log) = start_root(runtime);
    let factory = Worker::factory(&log, fails);
    // Spawned and filled in one handler: all are queued before it starts.
    within(&root, move |ctx| {
        let worker = ctx.spawn(Spec::new("worker").mailbox(100), factory);
        for number in 0..100 {
            worker.try_offer(Work::Number(number, None)).unwrap();
        }
    })
    .await;
    until("messages are handled", || log.handled() >= expected).await;
    // Whatever else would come, comes now.
    tokio::time::advance(Duration::from_millis(500)).await;
    until("the root is idle", || root.depth() == 0).await;
    assert_eq!(log.handled(), expected, "{fails:?}");
    log
}

#[test]
fn what_fails_once_is_handled_after_one_restart() {
    let cases = [
        (Fails::Never, 0),
        (Fails::FactoryOnce, 1),
        (Fails::StartedOnce, 1),
        (Fails::HandlerOnce(50), 1),
        (Fails::HandlerOnce(0), 1),
        (Fails::HandlerOnce(99), 1),
        (Fails::ErrorOnce(50), 1),
        (Fails::RequestOnce(50), 1),
    ];
    for (fails, exits) in cases {
        simulate(|mut runtime| async move {
            let log = run_hundred(&mut runtime, fails, 100).await;
            assert_eq!(
                (log.restarts(), log.exits.lock().len()),
                (exits, exits),
                "{fails:?}: {:?}",
                log.exits.lock()
            );
            let mut handled = log.handled.lock().clone();
            handled.sort_unstable();
            assert_eq!(handled, (0..100).collect::<Vec<_>>(), "{fails:?}");
        });
    }
}

#[test]
fn a_message_that_always_fails_is_quarantined_and_the_others_go_on() {
    simulate(|mut runtime| async move {
        let log = run_hundred(&mut runtime, Fails::HandlerAlways(50), 99).await;
        assert_eq!((log.restarts(), log.quarantines(), log.gave_up()), (2, 1, 0));
        let exits = log.exits.lock().clone();
        let Some(Outcome::Quarantined { key, cause, .. }) = exits.last() else {
            panic!("{exits:?}")
        };
        assert_eq!(key.as_deref(), Some("object-50"));
        assert_eq!((cause.fault, cause.place), (Fault::Panic, Place::Handler));
        assert_eq!(cause.text, "told to fail on 50, always");
        until("the key is released", || *log.released.lock() == ["object-50"]).await;
    });
}

#[test]
fn messages_about_a_key_in_quarantine_are_dropped_and_counted_until_it_is_released() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let worker = start_worker(
            &root,
            Spec::new("worker"),
            Worker::factory(&log, Fails::HandlerAlways(7)),
        )
        .await;
        worker.offer(Work::Number(7, None)).await.unwrap();
        until("the key is quarantined", || log.quarantines() == 1).await;
        let restarts = log.restarts();
        for _ in 0..10 {
            worker.offer(Work::Number(7, None)).await.unwrap();
        }
        worker.offer(Work::Number(8, None)).await.unwrap();
        until("the other is handled", || *log.handled.lock() == [8]).await;
        assert_eq!((log.restarts(), log.released.lock().len()), (restarts, 0));
        until("the key is released", || log.released.lock().len() == 1).await;
        // It fails again, and stays away for longer.
        worker.offer(Work::Number(7, None)).await.unwrap();
        until("the key is quarantined again", || log.quarantines() == 2).await;
        let lengths: Vec<_> = log.exits.lock().iter().filter_map(length).collect();
        assert!(
            lengths[0] <= Duration::from_secs(1) && lengths[1] >= Duration::from_secs(1),
            "{lengths:?}"
        );
        assert_eq!(log.gave_up(), 0);
    });
}

fn length(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Quarantined { length, .. } => Some(*length),
        _ => None,
    }
}

#[test]
fn many_poisonous_objects_do_not_make_an_actor_give_up() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let shared = Arc::clone(&log);
        let worker = within(&root, move |ctx| {
            let odd = move || Odd(Arc::clone(&shared));
            ctx.spawn(Spec::new("odd").mailbox(100), odd)
        })
        .await;
        for number in 0..100 {
            worker.offer(Work::Number(number, None)).await.unwrap();
        }
        until("the even ones are handled", || log.handled() == 50).await;
        until("the odd ones are quarantined", || log.quarantines() == 50).await;
        assert_eq!(log.gave_up(), 0);
    });
}

/// Panics on odd numbers.
struct Odd(Arc<Log>);

impl Actor for Odd {
    const KIND: &'static str = "Odd";
    type Message = Work;

    fn handle(&mut self, message: &Work, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        if let Work::Number(number, _) = message {
            assert!(number % 2 == 0, "{number} is odd");
            self.0.handled.lock().push(*number);
        }
        Ok(())
    }
}

#[test]
fn an_object_whose_requests_panic_twice_is_quarantined() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let worker = start_worker(
            &root,
            Spec::new("worker"),
            Worker::factory(&log, Fails::RequestAlways(7)),
        )
        .await;
        for expected in 1..=2 {
            worker.offer(Work::Number(7, None)).await.unwrap();
            until("the request panics", || log.restarts() == expected).await;
        }
        until("the key is quarantined", || log.quarantines() == 1).await;
        let exits = log.exits.lock().clone();
        let Some(Outcome::Quarantined { key, cause, .. }) = exits.last() else {
            panic!("{exits:?}")
        };
        assert_eq!((key.as_deref(), cause.place), (Some("object-7"), Place::Request));
    });
}

#[test]
fn an_actor_that_dies_at_its_start_rests_longer_each_time_and_then_gives_up() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let policy = RestartPolicy {
            limit: 6,
            window: Duration::from_mins(1),
            initial: Duration::from_millis(100),
            max: Duration::from_secs(1),
        };
        let begun = tokio::time::Instant::now();
        let worker = start_worker(
            &root,
            Spec::new("worker").restarts(policy),
            Worker::factory(&log, Fails::StartedAlways),
        )
        .await;
        until("it gives up", || log.gave_up() == 1).await;
        assert_eq!((log.started.load(Ordering::SeqCst), log.restarts()), (7, 6));
        let delays: Vec<_> = log.exits.lock().iter().filter_map(delay).collect();
        for (delay, full) in delays
            .iter()
            .zip([100, 200, 400, 800, 1000, 1000].map(Duration::from_millis))
        {
            assert!(*delay >= full / 2 && *delay <= full, "{delays:?}");
        }
        assert!(begun.elapsed() >= delays.iter().sum::<Duration>());
        assert!(worker.is_closed());
        assert!(worker.try_offer(Work::Answer).is_err());
    });
}

fn delay(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Restarting { delay, .. } => Some(*delay),
        _ => None,
    }
}

/// Dies at every start; writes down how far a neighbour had come.
struct Dying {
    neighbour: Arc<AtomicUsize>,
    seen: Arc<parking_lot::Mutex<Vec<usize>>>,
}

impl Actor for Dying {
    const KIND: &'static str = "Dying";
    type Message = Work;

    fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.seen.lock().push(self.neighbour.load(Ordering::SeqCst));
        Err(Failure::new("told to die"))
    }

    fn handle(&mut self, _message: &Work, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Always has one more message for itself.
struct Busy(Arc<AtomicUsize>);

struct Again;

impl Message for Again {}

impl Actor for Busy {
    const KIND: &'static str = "Busy";
    type Message = Again;

    fn handle(&mut self, _message: &Again, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        ctx.address().try_offer(Again)?;
        Ok(())
    }
}

#[test]
fn every_other_actor_gets_its_turn_between_two_restarts() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let turns = Arc::new(AtomicUsize::new(0));
        let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let policy = RestartPolicy {
            limit: 100,
            window: Duration::from_hours(1),
            initial: Duration::ZERO,
            max: Duration::ZERO,
        };
        let (counter, neighbour, watched) = (Arc::clone(&turns), Arc::clone(&turns), Arc::clone(&seen));
        let busy = within(&root, move |ctx| {
            let dying = move || Dying {
                neighbour: Arc::clone(&neighbour),
                seen: Arc::clone(&watched),
            };
            ctx.spawn(Spec::new("dying").restarts(policy), dying);
            ctx.spawn(Spec::new("busy"), move || Busy(Arc::clone(&counter)))
        })
        .await;
        busy.offer(Again).await.unwrap();
        // The clock of a busy thread does not advance by itself.
        while log.gave_up() == 0 {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let seen = seen.lock().clone();
        assert_eq!(seen.len(), 101);
        assert!(
            seen.windows(2).skip(1).all(|pair| pair[1] > pair[0]),
            "a restart without a turn in between"
        );
    });
}

/// A root that lets its child's end escalate.
struct Strict(RestartPolicy);

impl Actor for Strict {
    const KIND: &'static str = "Strict";
    type Message = Work;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let seen = Arc::default();
        let dying = move || Dying {
            neighbour: Arc::default(),
            seen: Arc::clone(&seen),
        };
        ctx.spawn(Spec::new("east").restarts(self.0), dying);
        Ok(())
    }

    fn handle(&mut self, _message: &Work, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn what_a_child_cannot_survive_escalates_to_the_end_of_the_runtime() {
    simulate(|mut runtime| async move {
        let policy = RestartPolicy {
            limit: 2,
            ..RestartPolicy::default()
        };
        let (root, ended) = runtime.start(Spec::new("root").restarts(policy), move || Strict(policy));
        let escalation = ended.wait().await.unwrap_err();
        assert_eq!(
            escalation.to_string(),
            "Strict root gave up after an error in child_exited: \
             Dying east: gave up after an error in started: told to die"
        );
        drop(root);
        until("nothing is left", || runtime.census() == Census::default()).await;
    });
}

#[test]
fn without_restarts_the_first_failure_is_final() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let spec = Spec::new("worker").restarts(RestartPolicy::NEVER);
        let worker = start_worker(&root, spec, Worker::factory(&log, Fails::ErrorOnce(1))).await;
        worker.offer(Work::Number(1, None)).await.unwrap();
        until("it gives up", || log.gave_up() == 1).await;
        let cause = Cause {
            place: Place::Handler,
            fault: Fault::Error,
            text: "told to fail on 1".to_owned(),
        };
        let exits = log.exits.lock().clone();
        assert!(
            matches!(&exits[..], [Outcome::GaveUp { cause: known }] if *known == cause),
            "{exits:?}"
        );
    });
}

/// Requests a write and then fails, the first time.
struct Writer {
    writes: Arc<AtomicUsize>,
    tries: Arc<AtomicUsize>,
}

impl Actor for Writer {
    const KIND: &'static str = "Writer";
    type Message = Again;

    fn handle(&mut self, _message: &Again, ctx: &mut Context<Self>) -> Result<(), Failure> {
        if self.tries.load(Ordering::SeqCst) > 1 {
            return Ok(());
        }
        let writes = Arc::clone(&self.writes);
        ctx.request(async move {
            writes.fetch_add(1, Ordering::SeqCst);
            Again
        })?;
        assert!(
            self.tries.fetch_add(1, Ordering::SeqCst) > 0,
            "told to fail after the request"
        );
        Ok(())
    }
}

#[test]
fn a_handler_that_fails_has_started_no_write() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let (writes, tries) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&writes), Arc::clone(&tries));
        let actor = within(&root, move |ctx| {
            let factory = move || Writer {
                writes: Arc::clone(&counters.0),
                tries: Arc::clone(&counters.1),
            };
            ctx.spawn(Spec::new("writer").mailbox(1), factory)
        })
        .await;
        actor.offer(Again).await.unwrap();
        until("it was tried twice", || tries.load(Ordering::SeqCst) == 2).await;
        until("its mailbox is empty", || actor.depth() == 0).await;
        assert_eq!((writes.load(Ordering::SeqCst), log.restarts()), (1, 1));
    });
}

/// Lives as long as its count says; the count of a key is never above one.
struct Single(Arc<AtomicUsize>);

impl Single {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "two actors of one key");
        Self(Arc::clone(alive))
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Actor for Single {
    const KIND: &'static str = "Single";
    type Message = Again;

    fn handle(&mut self, _message: &Again, ctx: &mut Context<Self>) -> Result<(), Failure> {
        ctx.stop();
        Ok(())
    }
}

#[test]
fn no_two_actors_of_one_key_live_at_once() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let alive = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&alive);
        let last = within(&root, move |ctx| {
            let mut last = None;
            for _ in 0..50 {
                let alive = Arc::clone(&shared);
                last = Some(ctx.spawn(Spec::new("one"), move || Single::new(&alive)));
            }
            last.unwrap()
        })
        .await;
        until("the last one lives", || alive.load(Ordering::SeqCst) == 1).await;
        last.offer(Again).await.unwrap();
        until("it ended", || log.ended() == 1).await;
        assert_eq!((alive.load(Ordering::SeqCst), log.exits.lock().len()), (0, 1));
    });
}

/// Fails once; its children, one per life, write down when they end.
struct Parent {
    failed: Arc<AtomicUsize>,
    events: Arc<parking_lot::Mutex<Vec<&'static str>>>,
}

struct Child(Arc<parking_lot::Mutex<Vec<&'static str>>>);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.lock().push("child ended");
    }
}

impl Actor for Child {
    const KIND: &'static str = "Child";
    type Message = Again;

    fn handle(&mut self, _message: &Again, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        self.events.lock().push("parent ended");
    }
}

impl Actor for Parent {
    const KIND: &'static str = "Parent";
    type Message = Again;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.events.lock().push("parent started");
        let events = Arc::clone(&self.events);
        ctx.spawn(Spec::new("child"), move || {
            events.lock().push("child built");
            Child(Arc::clone(&events))
        });
        Ok(())
    }

    fn handle(&mut self, _message: &Again, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        match self.failed.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Failure::new("told to fail")),
            _ => Ok(()),
        }
    }

    fn child_exited(&mut self, _exit: &Exit, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn children_of_a_failed_incarnation_end_before_the_next_begins() {
    simulate(|mut runtime| async move {
        let events = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (shared, failed) = (Arc::clone(&events), Arc::default());
        let factory = move || Parent {
            failed: Arc::clone(&failed),
            events: Arc::clone(&shared),
        };
        let (parent, ended) = runtime.start(Spec::new("parent"), factory);
        until("the child lives", || events.lock().last() == Some(&"child built")).await;
        events.lock().clear();
        parent.offer(Again).await.unwrap();
        until("there is a new child", || events.lock().last() == Some(&"child built")).await;
        let life = ["parent ended", "child ended", "parent started", "child built"];
        assert_eq!(
            *events.lock(),
            life,
            "the state goes first, then the children, then a new life begins"
        );
        events.lock().clear();
        runtime.stop();
        ended.wait().await.unwrap();
        assert_eq!(
            *events.lock(),
            ["child ended", "parent ended"],
            "children stop before their parent"
        );
    });
}
