//! One API server in memory.

mod answering;
mod no_answer;
mod options;

use std::{pin::Pin, sync::Arc, task};

use bytes::Buf;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use indexmap::IndexMap;
use parking_lot::Mutex;

use self::answering::refusal;
pub use self::{
    no_answer::NoAnswer,
    options::{BearerToken, ExpiredWatch, Flavor, InitialEvents, Options},
};
use crate::{
    admit::service::Allocations,
    answer::Body,
    clock::Clock,
    dispatch,
    error::Refusal,
    faults::{Effect, Faults},
    kubernetes,
    registry::Registry,
    state::{Now, State},
    store::Store,
};

/// One API server in memory. Cheap to clone: all clones are the same server.
///
/// It is a [`tower::Service`]; [`ApiServer::serve`] puts it behind a TCP port.
#[derive(Clone, Debug)]
pub struct ApiServer(pub(crate) Arc<Shared>);

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) options: Mutex<Options>,
    pub(crate) faults: Faults,
}

/// The largest body of a request, in bytes, as on the API server.
const MAX_BODY: usize = 3 * 1024 * 1024;

// === impl ApiServer ===

impl ApiServer {
    /// A server with the namespaces that every cluster has.
    pub fn new(options: Options) -> Self {
        let mut state = State {
            store: Store::new(options.history),
            registries: IndexMap::from([("".into(), Registry::kubernetes())]),
            chance: fastrand::Rng::with_seed(options.seed),
            allocations: Allocations::default(),
            kcp: None,
            namespaces: options.namespaces,
        };
        let now = Now(options.clock.now());
        match options.flavor {
            Flavor::Kubernetes => kubernetes::furnish(&mut state, "", now),
            Flavor::Kcp => state.become_kcp(now),
        }
        let faults = Faults::new(options.seed.wrapping_add(1));
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            options: Mutex::new(options),
            faults,
        }))
    }

    /// The faults of this server.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Forgets all history: watches that resume and pages that go on are answered with 410.
    pub fn forget_history(&self) {
        self.0.state.lock().store.forget();
    }

    /// Puts another clock in place of the present one: a clock that jumps, or is wrong.
    pub fn set_clock(&self, clock: Arc<dyn Clock>) {
        self.0.options.lock().clock = clock;
    }

    /// Asks for another bearer token from now on, or for none.
    pub fn set_token(&self, token: Option<BearerToken>) {
        self.0.options.lock().token = token;
    }

    /// The resourceVersion of the last write.
    pub fn resource_version(&self) -> u64 {
        self.0.state.lock().store.version()
    }

    /// The number of objects of a resource, by its name with the group, such as `deployments.apps`.
    pub fn count(&self, resource: &str) -> usize {
        self.0
            .state
            .lock()
            .store
            .collection(resource)
            .map_or(0, crate::store::collection::Collection::len)
    }

    /// How many changes were dropped from the history of a resource because it was full.
    pub fn dropped_changes(&self, resource: &str) -> u64 {
        self.0
            .state
            .lock()
            .store
            .collection(resource)
            .map_or(0, crate::store::collection::Collection::dropped)
    }

    /// The name of the logical cluster at a path such as `root:org:team`.
    pub fn logical_cluster(&self, path: &str) -> Option<String> {
        self.0
            .state
            .lock()
            .kcp
            .as_ref()?
            .resolve(path)
            .map(|name| name.to_string())
    }

    /// Publishes addresses that begin with `url` from now on: those of workspaces and of virtual workspaces.
    pub fn set_url(&self, url: &str) {
        let now = self.0.now();
        let mut state = self.0.state.lock();
        if let Some(kcp) = &mut state.kcp {
            url.clone_into(&mut kcp.url);
        }
        state.reconcile_kcp(now);
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Body>, NoAnswer>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let shared = self.0;
        shared.reachable().await?;
        let (parts, body) = request.into_parts();
        let asked = dispatch::asked(&parts);
        let verdict = shared.faults.verdict(asked.verb, &asked.resource);
        if !verdict.delay.is_zero() {
            tokio::time::sleep(verdict.delay).await;
            shared.reachable().await?;
        }
        match &verdict.effect {
            Some(Effect::Drop) => return Err(NoAnswer::reset()),
            Some(Effect::Hang) => std::future::pending::<()>().await,
            Some(Effect::Status { code, retry_after }) => return Ok(shared.dated(refusal(*code, *retry_after).into())),
            _ => {}
        }
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            let message = format!("Request entity too large: limit is {MAX_BODY}");
            let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message);
            return Ok(shared.dated(refusal.into()));
        };
        let body = body.to_bytes();
        let response = shared.carry_out(&parts, &body);
        let response = shared.spoil(response, &verdict).await?;
        Ok(shared.dated(response))
    }
}

impl<B> tower::Service<Request<B>> for ApiServer
where
    B: http_body::Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Self::Error>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
