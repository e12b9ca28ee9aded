//! API servers of the sandbox in this process, as the clients of tests reach them, and the paused clock of those tests.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use syncer_sandbox::{ApiServer, Body, NoAnswer};
use tokio::{task::LocalSet, time::Instant};
use tower::{Service, service_fn};

/// How long nothing may happen where nothing may happen.
pub(crate) const QUIET: Duration = Duration::from_mins(10);

/// Answers as `server` does; `heard` hears each request first.
pub(crate) fn service(
    server: ApiServer,
    heard: impl Fn(&Request<Bytes>) + Clone + Send + Sync + 'static,
) -> impl Service<Request<Bytes>, Response = Response<Body>, Error = NoAnswer, Future = impl Send> + Clone + Send + Sync
{
    service_fn(move |request: Request<Bytes>| {
        heard(&request);
        server.clone().call(request.map(Full::new))
    })
}

/// Waits until `holds`, and says where it did not.
#[track_caller]
pub(crate) fn until(by: Duration, holds: impl Fn() -> bool) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let end = Instant::now() + by;
        while !holds() {
            assert!(Instant::now() < end, "not within {by:?}: {at}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// `holds` all the time, for [`QUIET`].
#[track_caller]
pub(crate) fn throughout(holds: impl Fn() -> bool) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let end = Instant::now() + QUIET;
        while Instant::now() < end {
            assert!(holds(), "no longer: {at}");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
}

/// Runs `test` under a clock that goes on only when nobody has anything to do.
pub(crate) fn play(test: impl AsyncFnOnce()) {
    let pool = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&pool, test());
}
