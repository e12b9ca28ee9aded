//! The probe behind an open circuit breaker.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http::{Method, StatusCode};
use tokio::{runtime::Handle, time::Instant};

use super::{Call, Cluster, JSON, Shared};
use crate::{Cause, Verb, error::Subject, url::Path};

const DEADLINE: Duration = Duration::from_secs(5);
/// A server that answers but is not ready (500 while it starts) is asked again so soon, and so often before it has to do:
/// a check that never passes must not keep a cluster out that otherwise works.
const UNREADY_INTERVAL: Duration = Duration::from_secs(1);
const UNREADY_PROBES: u32 = 20;

/// Probes in the background until the breaker closes or the cluster is dropped.
pub(crate) fn start(shared: &Arc<Shared>) {
    // Outside of a runtime nothing can wait; the next request finds the probe overdue and starts it.
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(run(Arc::downgrade(shared)));
    }
}

async fn run(shared: Weak<Shared>) {
    let mut unready = 0;
    loop {
        let Some(due) = shared.upgrade().and_then(|shared| shared.breaker.next_probe()) else {
            return;
        };
        tokio::time::sleep_until(due).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match probe(&shared).await {
            Ok(()) => return shared.breaker.succeeded(),
            Err(Cause::Api(_)) if unready >= UNREADY_PROBES => return shared.breaker.succeeded(),
            Err(Cause::Api(status)) => {
                unready += 1;
                shared
                    .breaker
                    .probe_unready(&Cause::Api(status), Instant::now() + UNREADY_INTERVAL);
            }
            Err(cause) => shared.breaker.probe_failed(&cause, Instant::now()),
        }
    }
}

/// Whether the server answers, and is not just starting. What it says about our rights does not matter here.
async fn probe(shared: &Arc<Shared>) -> Result<(), Cause> {
    let server = Cluster::of_shared(Arc::clone(shared), "");
    let call = Call {
        subject: Subject::server(Verb::Probe),
        method: Method::GET,
        path: Path::fixed("/readyz"),
        accept: JSON,
        body: None,
    };
    let channel = shared.lanes().request().ok_or(Cause::Busy)?;
    match server.exchange(channel, &call, DEADLINE).await {
        Err(Cause::Api(status)) if status.code() < StatusCode::INTERNAL_SERVER_ERROR.as_u16() => Ok(()),
        Err(cause) => Err(cause),
        Ok(_) => Ok(()),
    }
}
