//! Messages to come.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::fixture::{simulate, start_root, until, within};
use crate::runtime::{Actor, Address, Context, Failure, Message, Runtime, Spec, Timer};

/// Keeps timers, and writes down what fired when.
struct Clockwork {
    fired: Arc<Mutex<Vec<(u32, Duration)>>>,
    begun: Instant,
    kept: Vec<Timer>,
    restarting: bool,
}

enum Tick {
    Set(Vec<(u32, u64)>),
    CancelAll,
    Fail,
    Fired(u32),
}

impl Message for Tick {}

impl Actor for Clockwork {
    const KIND: &'static str = "Clockwork";
    type Message = Tick;

    fn handle(&mut self, message: &Tick, ctx: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            Tick::Set(timers) => {
                for (name, millis) in timers {
                    self.kept
                        .push(ctx.after(Duration::from_millis(*millis), Tick::Fired(*name)));
                }
            }
            Tick::CancelAll => self.kept.clear(),
            Tick::Fail if self.restarting => {}
            Tick::Fail => return Err(Failure::new("told to fail")),
            Tick::Fired(name) => self.fired.lock().push((*name, self.begun.elapsed())),
        }
        Ok(())
    }
}

type Fired = Arc<Mutex<Vec<(u32, Duration)>>>;

async fn clockwork(runtime: &mut Runtime) -> (Address<Tick>, Fired) {
    let (root, _log) = start_root(runtime);
    let fired = Fired::default();
    let shared = Arc::clone(&fired);
    let begun = Instant::now();
    let lives = Arc::new(Mutex::new(0));
    let clockwork = within(&root, move |ctx| {
        ctx.spawn(Spec::new("clockwork").mailbox(4), move || {
            *lives.lock() += 1;
            Clockwork {
                fired: Arc::clone(&shared),
                begun,
                kept: Vec::new(),
                restarting: *lives.lock() > 1,
            }
        })
    })
    .await;
    (clockwork, fired)
}

fn names(fired: &Fired) -> Vec<u32> {
    fired.lock().iter().map(|(name, _)| *name).collect()
}

#[test]
fn timers_fire_in_order_at_their_time() {
    simulate(|mut runtime| async move {
        let (clockwork, fired) = clockwork(&mut runtime).await;
        clockwork
            .offer(Tick::Set(vec![(3, 300), (1, 100), (2, 200), (4, 300), (0, 0)]))
            .await
            .unwrap();
        until("all fired", || fired.lock().len() == 5).await;
        assert_eq!(names(&fired), [0, 1, 2, 3, 4]);
        for (name, at) in fired.lock().iter() {
            let due = Duration::from_millis([0, 100, 200, 300, 300][*name as usize]);
            assert!(*at >= due && *at <= due + Duration::from_millis(5), "{name} at {at:?}");
        }
    });
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    simulate(|mut runtime| async move {
        let (clockwork, fired) = clockwork(&mut runtime).await;
        clockwork
            .offer(Tick::Set((0..1_000).map(|name| (name, 100)).collect()))
            .await
            .unwrap();
        clockwork.offer(Tick::CancelAll).await.unwrap();
        clockwork.offer(Tick::Set(vec![(7_777, 200)])).await.unwrap();
        until("the last one fired", || !fired.lock().is_empty()).await;
        assert_eq!(names(&fired), [7_777]);
    });
}

#[test]
fn the_timers_of_a_failed_incarnation_do_not_fire() {
    simulate(|mut runtime| async move {
        let (clockwork, fired) = clockwork(&mut runtime).await;
        clockwork.offer(Tick::Set(vec![(1, 100)])).await.unwrap();
        clockwork.offer(Tick::Fail).await.unwrap();
        clockwork.offer(Tick::Set(vec![(2, 500)])).await.unwrap();
        until("the new one fired", || !fired.lock().is_empty()).await;
        assert_eq!(names(&fired), [2]);
    });
}

#[test]
fn a_full_mailbox_does_not_keep_a_timer_from_firing() {
    simulate(|mut runtime| async move {
        let (clockwork, fired) = clockwork(&mut runtime).await;
        clockwork.offer(Tick::Set(vec![(1, 100)])).await.unwrap();
        until("it is set", || clockwork.depth() == 0).await;
        let held: Vec<_> = std::iter::from_fn(|| clockwork.reserve()).collect();
        assert_eq!(held.len(), 4);
        until("it fired", || names(&fired) == [1]).await;
    });
}
