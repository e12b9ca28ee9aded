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
