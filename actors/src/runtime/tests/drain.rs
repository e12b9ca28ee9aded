//! Stop and drain.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::fixture::{DropCount, Fails, Work, Worker, simulate, start_root, start_worker, until, within};
use crate::runtime::{Actor, Address, Census, Context, Drained, Failure, Message, Runtime, Spec};

#[test]
fn a_full_mailbox_does_not_delay_a_stop() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let factory = Worker::factory(&log, Fails::Never);
        let shared = Arc::clone(&log);
        let worker = within(&root, move |ctx| {
            let worker = ctx.spawn(Spec::new("worker").mailbox(1_000), factory);
            for number in 0..1_000 {
                worker
                    .try_offer(Work::Number(number, Some(DropCount(Arc::clone(&shared)))))
                    .unwrap();
            }
            ctx.stop_child(Worker::KIND, "worker");
            worker
        })
        .await;
        until("it has ended", || log.ended() == 1).await;
        assert_eq!(log.handled(), 0, "a stop comes before what is queued");
        assert_eq!(
            log.dropped_messages.load(Ordering::SeqCst),
            1_000,
            "no message stays behind"
        );
        assert!(matches!(
            worker.offer(Work::Answer).await,
            Err(crate::runtime::Closed(Work::Answer))
        ));
    });
}

#[test]
fn an_actor_that_rests_between_restarts_stops_at_once() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let rest = Duration::from_hours(1);
        let policy = crate::runtime::RestartPolicy {
            initial: rest,
            max: rest,
            ..Default::default()
        };
        let spec = Spec::new("worker").restarts(policy);
        start_worker(&root, spec, Worker::factory(&log, Fails::StartedAlways)).await;
        until("it rests", || log.restarts() == 1).await;
        let begun = tokio::time::Instant::now();
        within(&root, |ctx| ctx.stop_child(Worker::KIND, "worker")).await;
        until("it has ended", || log.ended() == 1).await;
        assert!(begun.elapsed() < Duration::from_secs(1));
    });
}

/// Writes as it is told; each write takes a second.
struct Writer {
    written: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    draining: bool,
}

enum Write {
    One,
    Done,
}

impl Message for Write {}

impl Actor for Writer {
    const KIND: &'static str = "Writer";
    type Message = Write;

    fn handle(&mut self, message: &Write, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            Write::One if self.draining => {
                self.refused.fetch_add(1, Ordering::SeqCst);
            }
            Write::One => ctx.request(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Write::Done
            })?,
            Write::Done => {
                self.written.fetch_add(1, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    fn drain(&mut self, _ctx: &mut Context<Self>) {
        self.draining = true;
    }
}

/// Starts a writer with `writes` in flight under a root.
async fn writer(runtime: &mut Runtime, writes: usize) -> (Address<Write>, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (root, _log) = start_root(runtime);
    let (written, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (Arc::clone(&written), Arc::clone(&refused));
    let address = within(&root, move |ctx| {
        ctx.spawn(Spec::new("writer"), move || Writer {
            written: Arc::clone(&counters.0),
            refused: Arc::clone(&counters.1),
            draining: false,
        })
    })
    .await;
    for _ in 0..writes {
        address.offer(Write::One).await.unwrap();
    }
    until("the writes are in flight", || runtime.census().requests == writes).await;
    (address, written, refused)
}

#[test]
fn a_drain_finishes_what_is_in_flight_and_takes_nothing_new() {
    simulate(|mut runtime| async move {
        let (writer, written, refused) = writer(&mut runtime, 8).await;
        let late = writer.reserve().unwrap();
        let other = writer.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(other.try_offer(Write::One).is_err(), "it drains");
            assert!(other.offer(Write::One).await.is_err(), "it drains");
            // A place that was held before the drain is still good.
            late.send(Write::One).unwrap();
        });
        let begun = tokio::time::Instant::now();
        assert_eq!(runtime.drain(Duration::from_secs(10)).await, Drained::Clean);
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert_eq!((written.load(Ordering::SeqCst), refused.load(Ordering::SeqCst)), (8, 1));
        drop(writer);
        until("nothing is left", || runtime.census() == Census::default()).await;
    });
}

#[test]
fn a_drain_ends_at_its_deadline() {
    simulate(|mut runtime| async move {
        let (writer, written, _refused) = writer(&mut runtime, 8).await;
        let begun = tokio::time::Instant::now();
        assert_eq!(runtime.drain(Duration::from_millis(300)).await, Drained::Forced);
        assert!(begun.elapsed() < Duration::from_millis(400));
        assert_eq!(written.load(Ordering::SeqCst), 0);
        drop(writer);
        until("nothing is left", || runtime.census() == Census::default()).await;
    });
}

#[test]
fn a_hanging_request_is_aborted_by_a_stop() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let worker = start_worker(&root, Spec::new("worker"), Worker::factory(&log, Fails::Hangs(1))).await;
        worker.offer(Work::Number(1, None)).await.unwrap();
        until("it is in flight", || runtime.census().requests == 1).await;
        within(&root, |ctx| ctx.stop_child(Worker::KIND, "worker")).await;
        until("it is aborted", || runtime.census().requests == 0).await;
    });
}

#[test]
fn ten_thousand_actors_leave_nothing_behind() {
    simulate(|mut runtime| async move {
        let (root, log) = start_root(&mut runtime);
        let before = (
            runtime.census(),
            tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        );
        for round in 1..=2 {
            for batch in 0..100 {
                let shared = Arc::clone(&log);
                within(&root, move |ctx| {
                    for number in 0..100 {
                        let factory = Worker::factory(&shared, Fails::Never);
                        let worker = ctx.spawn(Spec::new(format!("{batch}-{number}")), factory);
                        worker
                            .try_offer(Work::Number(number, Some(DropCount(Arc::clone(&shared)))))
                            .unwrap();
                    }
                })
                .await;
            }
            until("all have worked", || log.handled() == round * 10_000).await;
            assert_eq!(runtime.census().actors, before.0.actors + 10_000);
            within(&root, |ctx| {
                for batch in 0..100 {
                    for number in 0..100 {
                        ctx.stop_child(Worker::KIND, &format!("{batch}-{number}"));
                    }
                }
            })
            .await;
            until("all have ended", || log.ended() == round * 10_000).await;
            let after = || {
                (
                    runtime.census(),
                    tokio::runtime::Handle::current().metrics().num_alive_tasks(),
                )
            };
            until("nothing is left of them", || after() == before).await;
            assert_eq!(log.dropped_messages.load(Ordering::SeqCst), round * 10_000);
            let tree = runtime.tree().view(10).unwrap();
            assert_eq!((tree.children.len(), tree.more_children), (0, 0));
        }
    });
}
