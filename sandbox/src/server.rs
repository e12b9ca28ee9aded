//! One API server in memory.

use std::{convert::Infallible, fmt, io, pin::Pin, sync::Arc, task, time::Duration};

use bytes::{Buf, Bytes};
use http::{Request, Response, StatusCode, header, request::Parts};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use indexmap::IndexMap;
use parking_lot::Mutex;

use crate::{
    admit::service::Allocations,
    answer::{Body, body},
    clock::{Clock, SystemClock},
    dispatch,
    error::{Details, Refusal},
    faults::{Effect, Faults, Reach, Verdict},
    kubernetes,
    registry::Registry,
    state::{NamespaceLifecycle, Now, State},
    store::Store,
};

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where UIDs, generated names and the draw of faults come from.
    pub seed: u64,
    /// How many changes of each resource are remembered for watches and pages.
    pub history: usize,
    /// How often a watch that asked for bookmarks gets one.
    pub bookmark_interval: Duration,
    /// What becomes of `sendInitialEvents`.
    pub initial_events: InitialEvents,
    /// How a watch from a forgotten version is refused.
    pub expired_watch: ExpiredWatch,
    /// Which kind of server it is.
    pub flavor: Flavor,
    /// Who empties a namespace that is deleted.
    pub namespaces: NamespaceLifecycle,
    /// The bearer token that every request must carry; none is asked for if `None`.
    pub token: Option<BearerToken>,
}

/// A bearer token. It is not shown by `Debug` (S8).
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

/// Which kind of server it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// A Kubernetes API server.
    #[default]
    Kubernetes,
    /// A kcp shard with its front proxy and its virtual workspaces; the base path leads to the workspace `root`.
    Kcp,
}

/// What becomes of `sendInitialEvents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialEvents {
    /// The objects are sent, and a bookmark when they are through.
    #[default]
    Sent,
    /// 422, as where the feature is off.
    Refused,
    /// Nothing: the watch begins as if it had not been asked for.
    Ignored,
}

/// How a watch from a forgotten version is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiredWatch {
    /// By an `ERROR` event in a stream that began well, as kube-apiserver does.
    #[default]
    Event,
    /// By HTTP status 410, as proxies and other servers may.
    Status,
}

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

/// Why there was no answer: the connection failed.
#[derive(Debug)]
pub struct NoAnswer(io::Error);

/// The largest body of a request, in bytes, as on the API server.
const MAX_BODY: usize = 3 * 1024 * 1024;

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            seed: 0,
            history: 20_000,
            bookmark_interval: Duration::from_mins(1),
            initial_events: InitialEvents::default(),
            expired_watch: ExpiredWatch::default(),
            flavor: Flavor::default(),
            namespaces: NamespaceLifecycle::default(),
            token: None,
        }
    }
}

// === impl BearerToken ===

impl BearerToken {
    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for BearerToken {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

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

// === impl Shared ===

impl Shared {
    /// The present.
    pub(crate) fn now(&self) -> Now {
        Now(self.options.lock().clock.now())
    }

    /// Waits while the server is silent.
    async fn reachable(&self) -> Result<(), NoAnswer> {
        let mut line = self.faults.line();
        loop {
            match line.reach() {
                Reach::Up => return Ok(()),
                Reach::Refused => return Err(NoAnswer(io::ErrorKind::ConnectionRefused.into())),
                Reach::Silent => line.changed().await,
            }
        }
    }

    /// Does what is asked.
    fn carry_out(self: &Arc<Self>, parts: &Parts, body: &Bytes) -> Response<Body> {
        let unauthorized = {
            let options = self.options.lock();
            let expected = options.token.as_ref().map(|token| format!("Bearer {}", token.reveal()));
            expected.is_some_and(|expected| {
                parts
                    .headers
                    .get(header::AUTHORIZATION)
                    .is_none_or(|sent| sent.as_bytes() != expected.as_bytes())
            })
        };
        if unauthorized {
            return Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized").into();
        }
        dispatch::dispatch(self, parts, body, self.now()).unwrap_or_else(Into::into)
    }

    /// Does to an answer what a fault does after the work is done.
    async fn spoil(&self, response: Response<Body>, verdict: &Verdict) -> Result<Response<Body>, NoAnswer> {
        match &verdict.effect {
            Some(Effect::LateStatus { code }) => Ok(refusal(*code, None).into()),
            Some(Effect::DropAnswer) => Err(NoAnswer::reset()),
            Some(Effect::Truncate) => {
                let (parts, mut body) = response.into_parts();
                // A watch breaks after its first event, anything else in its middle.
                let first = match body.frame().await {
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    _ => Bytes::new(),
                };
                let half = if body.is_end_stream() {
                    first.slice(..first.len() / 2)
                } else {
                    first
                };
                let broken = futures::stream::iter([Ok(half), Err(io::ErrorKind::UnexpectedEof.into())]);
                let mut response = Response::from_parts(parts, body::pieces(broken));
                response.headers_mut().remove(header::CONTENT_LENGTH);
                Ok(response)
            }
            _ => Ok(response),
        }
    }

    /// Dates an answer by the clock of the server: clients measure its offset.
    fn dated(&self, mut response: Response<Body>) -> Response<Body> {
        let date = self.now().0.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = header::HeaderValue::from_str(&date) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }
}

/// The refusal that a fault answers with.
fn refusal(code: u16, retry_after: Option<u32>) -> Refusal {
    let (reason, message) = match code {
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: planned fault"),
        404 => ("NotFound", "the server could not find the requested resource"),
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "The resourceVersion for the provided list is too old."),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        500 => ("InternalError", "Internal error occurred: planned fault"),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        _ => ("", "planned fault"),
    };
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Refusal::new(status, reason, message).with(Details {
        retry_after_seconds: retry_after,
        ..Details::default()
    })
}

// === impl NoAnswer ===

impl NoAnswer {
    fn reset() -> Self {
        Self(io::ErrorKind::ConnectionReset.into())
    }

    /// The kind of failure.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sandbox server gave no answer: {}", self.0)
    }
}

impl std::error::Error for NoAnswer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<Infallible> for NoAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
