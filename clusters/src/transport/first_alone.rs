//! The first request of a connection goes alone.
//!
//! Until the first handshake shows that the server speaks HTTP/2, an HTTP client connects once per request: two hundred
//! watches that start together made 232 handshakes for four connections.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;
use tower::{Service, ServiceExt as _};

/// A channel on which requests wait for the first one to be answered.
#[derive(Clone)]
pub(super) struct FirstAlone<S> {
    inner: S,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    gate: tokio::sync::Mutex<()>,
    answered: Mutex<Option<Instant>>,
    failures: AtomicU64,
}

/// A request under way; one that is dropped before its answer has failed.
struct Attempt<'a> {
    state: &'a State,
    answered: bool,
}

/// A connection that answered so recently is taken to stand; idle ones are closed some time later.
const WARM: Duration = Duration::from_mins(1);

// === impl FirstAlone ===

impl<S> FirstAlone<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            state: Arc::default(),
        }
    }
}

impl<S, R> Service<R> for FirstAlone<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Readiness is that of the clone which sends.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (inner, state) = (self.inner.clone(), Arc::clone(&self.state));
        Box::pin(async move {
            let failures = state.failures.load(Ordering::Relaxed);
            let gate = if state.is_warm() {
                None
            } else {
                Some(state.gate.lock().await)
            };
            // Where the one before failed nobody waits in line for the same: all try at once.
            let gate = gate.filter(|_| !state.is_warm() && state.failures.load(Ordering::Relaxed) == failures);
            let mut attempt = Attempt {
                state: &state,
                answered: false,
            };
            let outcome = inner.oneshot(request).await;
            attempt.answered = outcome.is_ok();
            // In this order: who waits at the gate has to see what came of it.
            drop(attempt);
            drop(gate);
            outcome
        })
    }
}

// === impl State ===

impl State {
    fn is_warm(&self) -> bool {
        self.answered.lock().is_some_and(|at| at.elapsed() < WARM)
    }
}

// === impl Attempt ===

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        *self.state.answered.lock() = self.answered.then(Instant::now);
        if !self.answered {
            self.state.failures.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::future;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_goes_alone_and_a_failure_lets_all_go() {
        let second = Duration::from_secs(1);
        for (answer, expected) in [(Ok(()), second * 2), (Err(()), second * 2)] {
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let first = Arc::new(AtomicUsize::new(0));
            let service = tower::service_fn({
                let (now, most, first) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&first));
                move |()| {
                    let alone = first.fetch_add(1, Ordering::Relaxed) == 0;
                    let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                    async move {
                        let together = now.fetch_add(1, Ordering::Relaxed) + 1;
                        most.fetch_max(together, Ordering::Relaxed);
                        assert!(!alone || together == 1);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        now.fetch_sub(1, Ordering::Relaxed);
                        answer
                    }
                }
            });
            let service = FirstAlone::new(service);
            let start = Instant::now();
            future::join_all((0..50).map(|_| service.clone().oneshot(()))).await;
            assert_eq!((start.elapsed(), most.load(Ordering::Relaxed)), (expected, 49));
        }
    }
}
