//! The bound, and the two ways in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::fixture::{simulate, start_root, until, within};
use crate::runtime::{
    Actor, Address, Census, Context, Failure, Message, NoRoom, Placement, Refused, Runtime, Settings, Spec,
};

/// A message that knows how many of its kind are inside.
struct Counted {
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
    handled: AtomicUsize,
}

impl Counted {
    /// Made only with a place in hand, so that it counts what is inside and not who waits outside.
    fn enter(inside: &Arc<Inside>) -> Self {
        let now = inside.now.fetch_add(1, Ordering::SeqCst) + 1;
        inside.most.fetch_max(now, Ordering::SeqCst);
        Self {
            inside: Arc::clone(inside),
        }
    }
}

impl Message for Counted {}

/// Handles one message at each turn that it is given.
struct Slow {
    gate: Arc<Notify>,
}

enum Item {
    Counted(Counted),
    Released,
}

impl Message for Item {}

impl Actor for Slow {
    const KIND: &'static str = "Slow";
    type Message = Item;

    /// The message's place moves to the answer, and is free once the gate has opened: until then the message counts as inside.
    fn handle(&mut self, message: &Item, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let Item::Counted(counted) = message else { return Ok(()) };
        let (gate, inside) = (Arc::clone(&self.gate), Arc::clone(&counted.inside));
        ctx.request(async move {
            gate.notified().await;
            inside.handled.fetch_add(1, Ordering::SeqCst);
            inside.now.fetch_sub(1, Ordering::SeqCst);
            Item::Released
        })?;
        Ok(())
    }
}

#[test]
fn a_thousand_senders_never_have_more_than_four_messages_inside() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let gate = Arc::new(Notify::new());
        let shared = Arc::clone(&gate);
        let slow = within(&root, move |ctx| {
            ctx.spawn(Spec::new("slow").mailbox(4), move || Slow {
                gate: Arc::clone(&shared),
            })
        })
        .await;
        let inside = Arc::new(Inside::default());
        let senders: Vec<_> = (0..1_000)
            .map(|_| {
                let (slow, inside) = (slow.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let place = slow.slot().await.unwrap();
                    place.send(Item::Counted(Counted::enter(&inside))).unwrap();
                })
            })
            .collect();
        until("four are inside", || inside.now.load(Ordering::SeqCst) == 4).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((inside.now.load(Ordering::SeqCst), slow.depth()), (4, 4));
        assert!(matches!(slow.try_offer(Item::Released), Err(Refused::Full(_))));
        assert!(slow.reserve().is_none());
        for handled in 1..=1_000 {
            gate.notify_one();
            until("one is handled", || inside.handled.load(Ordering::SeqCst) == handled).await;
        }
        for sender in senders {
            sender.await.unwrap();
        }
        assert_eq!(inside.most.load(Ordering::SeqCst), 4);
        until("all places are free", || slow.depth() == 0).await;
    });
}

/// Has a message for the next in the ring for each that it gets, until the hops are used up; keeps what is refused.
struct Link {
    next: Arc<Mutex<Option<Address<Hop>>>>,
    kept: Vec<usize>,
    arrived: Arc<AtomicUsize>,
}

struct Hop(usize);

impl Message for Hop {}

impl Link {
    fn pass_on(&mut self, ctx: &mut Context<Self>) {
        let Some(next) = self.next.lock().clone() else { return };
        while let Some(hops) = self.kept.pop() {
            if next.try_offer(Hop(hops)).is_err() {
                self.kept.push(hops);
                // Looked at again although no message may come: the timer needs no place.
                ctx.after(Duration::from_millis(1), Hop(0)).detach();
                return;
            }
        }
    }
}

impl Actor for Link {
    const KIND: &'static str = "Link";
    type Message = Hop;

    fn handle(&mut self, message: &Hop, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message.0 {
            0 => {}
            1 => {
                self.arrived.fetch_add(1, Ordering::SeqCst);
            }
            hops => self.kept.push(hops - 1),
        }
        self.pass_on(ctx);
        Ok(())
    }
}

#[test]
fn a_ring_of_full_mailboxes_drains() {
    const LINKS: usize = 8;
    const BOUND: usize = 4;
    const HOPS: usize = 100;
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let arrived = Arc::new(AtomicUsize::new(0));
        let shared = Arc::clone(&arrived);
        let ring = within(&root, move |ctx| {
            let slots: Vec<Arc<Mutex<Option<Address<Hop>>>>> = (0..LINKS).map(|_| Arc::default()).collect();
            let ring: Vec<_> = (0..LINKS)
                .map(|at| {
                    let (next, arrived) = (Arc::clone(&slots[at]), Arc::clone(&shared));
                    let link = move || Link {
                        next: Arc::clone(&next),
                        kept: Vec::new(),
                        arrived: Arc::clone(&arrived),
                    };
                    ctx.spawn(Spec::new(format!("link-{at}")).mailbox(BOUND), link)
                })
                .collect();
            for at in 0..LINKS {
                *slots[at].lock() = Some(ring[(at + 1) % LINKS].clone());
            }
            // All full before any of them runs.
            for link in &ring {
                for _ in 0..BOUND {
                    link.try_offer(Hop(HOPS)).unwrap();
                }
                assert!(link.try_offer(Hop(HOPS)).is_err());
            }
            ring
        })
        .await;
        until("every message went round", || {
            arrived.load(Ordering::SeqCst) == LINKS * BOUND
        })
        .await;
        until("the ring is empty", || ring.iter().all(|link| link.depth() == 0)).await;
        assert_eq!(log.exits.lock().len(), 0);
    });
}

/// Requests as often as it is told, and writes down what was refused.
struct Asker {
    refused: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
    at_start: usize,
}

enum Ask {
    Times(usize),
    Answer,
}

impl Message for Ask {}

impl Asker {
    fn ask(&self, times: usize, ctx: &mut Context<Self>) {
        for _ in 0..times {
            if ctx.request(async { Ask::Answer }) == Err(NoRoom) {
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

impl Actor for Asker {
    const KIND: &'static str = "Asker";
    type Message = Ask;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.ask(self.at_start, ctx);
        Ok(())
    }

    fn handle(&mut self, message: &Ask, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            Ask::Times(times) => self.ask(*times, ctx),
            Ask::Answer => {
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
        }
        Ok(())
    }
}

#[test]
fn a_request_takes_its_messages_place_then_a_free_one_then_is_refused() {
    // The bound, the messages queued behind the one that asks, how often it asks, and how often it is refused.
    let cases = [
        (1, 0, 1, 0),
        (1, 0, 2, 1),
        (4, 0, 4, 0),
        (4, 0, 6, 2),
        (4, 3, 1, 0),
        (4, 3, 2, 1),
        (4, 2, 3, 1),
    ];
    for (bound, queued, times, expected) in cases {
        simulate(|mut runtime| async move {
            let (root, _log) = start_root(&mut runtime);
            let (refused, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let counters = (Arc::clone(&refused), Arc::clone(&answered));
            let asker = within(&root, move |ctx| {
                let asker = ctx.spawn(Spec::new("asker").mailbox(bound), move || Asker {
                    refused: Arc::clone(&counters.0),
                    answered: Arc::clone(&counters.1),
                    at_start: 0,
                });
                asker.try_offer(Ask::Times(times)).unwrap();
                for _ in 0..queued {
                    asker.try_offer(Ask::Times(0)).unwrap();
                }
                asker
            })
            .await;
            until("all is answered", || {
                answered.load(Ordering::SeqCst) == times - expected
            })
            .await;
            until("all places are free", || asker.depth() == 0).await;
            assert_eq!(
                refused.load(Ordering::SeqCst),
                expected,
                "bound {bound}, {queued} queued, {times} requests"
            );
        });
    }
}

#[test]
fn a_request_at_the_start_waits_for_a_place_under_a_full_mailbox() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let (refused, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&refused), Arc::clone(&answered));
        within(&root, move |ctx| {
            let asker = ctx.spawn(Spec::new("asker").mailbox(2), move || Asker {
                refused: Arc::clone(&counters.0),
                answered: Arc::clone(&counters.1),
                at_start: 3,
            });
            asker.try_offer(Ask::Times(0)).unwrap();
            asker.try_offer(Ask::Times(0)).unwrap();
        })
        .await;
        until("two are answered", || answered.load(Ordering::SeqCst) == 2).await;
        assert_eq!(refused.load(Ordering::SeqCst), 1, "no more than the mailbox takes");
    });
}

#[test]
fn a_slot_that_is_dropped_frees_its_place_and_one_that_is_used_keeps_it() {
    simulate(|mut runtime| async move {
        let (root, _log) = start_root(&mut runtime);
        let slow = within(&root, |ctx| {
            ctx.spawn(Spec::new("slow").mailbox(1), || Slow { gate: Arc::default() })
        })
        .await;
        let place = slow.reserve().unwrap();
        assert_eq!(slow.depth(), 1);
        assert!(matches!(slow.try_offer(Item::Released), Err(Refused::Full(_))));
        drop(place);
        assert_eq!(slow.depth(), 0);
        slow.reserve().unwrap().send(Item::Released).unwrap();
        assert_eq!(slow.depth(), 1);
        until("it is handled", || slow.depth() == 0).await;
    });
}

/// Takes numbers, and counts what is inside by itself.
struct Sink {
    inside: Arc<Inside>,
}

impl Actor for Sink {
    const KIND: &'static str = "Sink";
    type Message = Counted;

    fn handle(&mut self, _message: &Counted, _ctx: &mut Context<Self>) -> Result<(), Failure> {
        self.inside.now.fetch_sub(1, Ordering::SeqCst);
        self.inside.handled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Instead of a model checker: the gate's own logic is a tokio semaphore (checked under loom by its authors) and one flag, and loom
/// runs neither actix's queue nor tokio's semaphore without rebuilding them. So real threads race for real: offers, refusals, slots
/// that are dropped, futures that are dropped while they wait, and an actor that is stopped in the midst of it.
#[test]
fn threads_that_race_for_places_neither_exceed_the_bound_nor_lose_one() {
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
        let inside = Arc::new(Inside::default());
        let shared = Arc::clone(&inside);
        let sink = within(&root, move |ctx| {
            let spec = Spec::new("sink").mailbox(4).placement(Placement::Spread);
            ctx.spawn(spec, move || Sink {
                inside: Arc::clone(&shared),
            })
        })
        .await;
        let sent = Arc::new(AtomicUsize::new(0));
        let racers: Vec<_> = (0..32)
            .map(|racer| {
                let (sink, inside, sent) = (sink.clone(), Arc::clone(&inside), Arc::clone(&sent));
                tokio::spawn(async move {
                    for turn in 0..500 {
                        match (racer + turn) % 4 {
                            0 => drop(sink.reserve()),
                            1 => {
                                // Polled once and given up while it waits.
                                let mut waiting = std::pin::pin!(sink.slot());
                                drop(futures::poll!(waiting.as_mut()));
                            }
                            2 => {
                                if let Some(slot) = sink.reserve() {
                                    slot.send(Counted::enter(&inside)).unwrap();
                                    sent.fetch_add(1, Ordering::SeqCst);
                                }
                            }
                            _ => {
                                let slot = sink.slot().await.unwrap();
                                slot.send(Counted::enter(&inside)).unwrap();
                                sent.fetch_add(1, Ordering::SeqCst);
                            }
                        }
                    }
                })
            })
            .collect();
        for racer in racers {
            racer.await.unwrap();
        }
        let sent = sent.load(Ordering::SeqCst);
        until("all are handled", || inside.handled.load(Ordering::SeqCst) == sent).await;
        assert!(
            inside.most.load(Ordering::SeqCst) <= 4,
            "{}",
            inside.most.load(Ordering::SeqCst)
        );
        until("all places are free", || sink.depth() == 0).await;
        // Whoever waits when the actor stops hears of it.
        let stopping = Arc::new(AtomicBool::new(false));
        let late: Vec<_> = (0..32)
            .map(|_| {
                let (sink, inside, stopping) = (sink.clone(), Arc::clone(&inside), Arc::clone(&stopping));
                tokio::spawn(async move {
                    while sink.offer(Counted::enter(&inside)).await.is_ok() {
                        stopping.store(true, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        until("they are at it", || stopping.load(Ordering::SeqCst)).await;
        within(&root, |ctx| ctx.stop_child(Sink::KIND, "sink")).await;
        for late in late {
            late.await.unwrap();
        }
        drop((sink, root));
        runtime.stop();
        runtime.ended().wait().await.unwrap();
        until("nothing is left", || runtime.census() == Census::default()).await;
    });
}
