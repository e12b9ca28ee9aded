//! The propagator between API servers in memory, on a paused clock. The tests play the watches.

mod endpoints;
mod paces;
mod propagates;
mod refusals;
mod voices;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{self, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde_json::{Value, json};
use syncer_clusters::{FieldsV1Kept, Write};
use syncer_core::{LogicalCluster, Scope, marker::PayloadHash, plan::Newcomer};
use syncer_sandbox::{ApiServer, Body, NoAnswer, Options, TimerClock};
use tokio::task::LocalSet;
use tower::{Service, ServiceExt as _};

use super::*;
use crate::{
    runtime::{self, Clock, Runtime, Signals, Spec},
    upstream::WriteGate,
};

const HASH: PayloadHash = PayloadHash(7);

/// A sandbox API server in this process, and what it was asked.
#[derive(Clone)]
struct Server {
    api: ApiServer,
    asked: Arc<Mutex<Vec<(Method, String)>>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
    refused: Arc<AtomicUsize>,
}

/// What patches are answered whose path has this part.
#[derive(Clone)]
struct Refusal {
    part: &'static str,
    code: u16,
    /// How often.
    times: usize,
    /// After this time.
    delay: Duration,
}

// === impl Refusal ===

impl Refusal {
    fn of(part: &'static str, code: u16) -> Self {
        Self {
            part,
            code,
            times: usize::MAX,
            delay: Duration::ZERO,
        }
    }

    /// As an API server says it of the Deployment `web`.
    async fn answer(self) -> Result<Response<Body>, NoAnswer> {
        tokio::time::sleep(self.delay).await;
        let reason = match self.code {
            403 => "Forbidden",
            _ => "NotFound",
        };
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.code, "reason": reason,
            "message": "refused by the test", "details": {"group": "apps", "kind": "deployments", "name": "web"}});
        let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {});
        let response = Response::builder()
            .status(self.code)
            .header("content-type", "application/json");
        Ok(response.body(body.boxed_unsync()).unwrap())
    }
}

// === impl Server ===

impl Server {
    fn of(api: &ApiServer) -> Self {
        Self {
            api: api.clone(),
            asked: Arc::default(),
            refusal: Arc::default(),
            refused: Arc::default(),
        }
    }

    fn refuse(&self, refusal: Refusal) {
        *self.refusal.lock() = Some(refusal);
    }

    fn relent(&self) {
        *self.refusal.lock() = None;
    }

    /// How many patches were refused.
    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    fn refusal(&self, request: &Request<Bytes>) -> Option<Refusal> {
        let mut refusal = self.refusal.lock();
        let refusal = refusal.as_mut()?;
        let meets = request.method() == Method::PATCH && request.uri().path().contains(refusal.part);
        if !meets || refusal.times == 0 {
            return None;
        }
        refusal.times -= 1;
        self.refused.fetch_add(1, Ordering::Relaxed);
        Some(refusal.clone())
    }
}

impl Service<Request<Bytes>> for Server {
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, NoAnswer>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), NoAnswer>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let asked = (request.method().clone(), request.uri().path().to_owned());
        self.asked.lock().push(asked);
        if let Some(refusal) = self.refusal(&request) {
            return Box::pin(refusal.answer());
        }
        Box::pin(self.api.clone().oneshot(request.map(Full::new)))
    }
}

/// One API server as a test uses it, beside the propagator.
struct Side {
    server: Server,
    /// What the propagator uses: counted.
    counted: Cluster,
    /// What the test uses: not counted.
    own: Cluster,
}

impl Side {
    fn new(name: &str) -> Self {
        let clock = TimerClock::new(start_time().try_into().unwrap());
        let api = ApiServer::new(Options {
            clock: Arc::new(clock),
            ..Options::default()
        });
        let (server, uncounted) = (Server::of(&api), Server::of(&api));
        Self {
            counted: Cluster::builder(name)
                .seed(1)
                .service("http://side", server.clone())
                .unwrap(),
            own: Cluster::builder(name)
                .seed(1)
                .service("http://side", uncounted)
                .unwrap(),
            server,
        }
    }

    async fn create(&self, resource: &ResourceType, body: &Value) -> Object {
        let name = body["metadata"]["name"].as_str().unwrap();
        let body = Bytes::from(body.to_string());
        self.own
            .create(resource, namespace(resource), name, body, &Write::by("test"))
            .await
            .unwrap()
    }

    async fn patch(&self, resource: &ResourceType, name: &str, patch: &Value) -> Object {
        let body = Bytes::from(patch.to_string());
        self.own
            .patch_merge(resource, namespace(resource), name, body, &Write::by("test"))
            .await
            .unwrap()
    }

    async fn patch_status(&self, resource: &ResourceType, name: &str, status: &Value) -> Object {
        let body = Bytes::from(json!({"status": status}).to_string());
        self.own
            .patch_status_merge(resource, namespace(resource), name, body, &Write::by("controller"))
            .await
            .unwrap()
    }

    async fn delete(&self, resource: &ResourceType, name: &str) {
        let found = self.get(resource, name).await.unwrap();
        let proof = syncer_core::proof::prove(
            syncer_core::proof::Absence::DeletionSeen,
            &syncer_core::proof::Look::NotFound,
        )
        .unwrap();
        let preconditions = syncer_clusters::Preconditions {
            uid: found.uid().to_owned(),
            resource_version: None,
        };
        self.own
            .delete(resource, namespace(resource), name, &preconditions, &proof)
            .await
            .unwrap();
    }

    async fn get(&self, resource: &ResourceType, name: &str) -> Option<Object> {
        self.own
            .get(resource, namespace(resource), name, FieldsV1Kept::All)
            .await
            .unwrap()
    }

    /// What the propagator asked, by method.
    fn asked(&self, method: &Method) -> usize {
        self.server
            .asked
            .lock()
            .iter()
            .filter(|(asked, _)| asked == method)
            .count()
    }

    fn requests(&self) -> usize {
        self.server.asked.lock().len()
    }
}

/// An upstream, targets, and the propagator of the upstream.
struct Bench {
    upstream: Side,
    targets: BTreeMap<Arc<str>, Side>,
    work: StatusWork,
    signals: Signals,
    runtime: Runtime,
}

impl Bench {
    /// Starts the propagator.
    fn start(&mut self) {
        let work = self.work.clone();
        self.runtime
            .start(Spec::new("upstream"), move || StatusPropagator::new(work.clone()));
    }

    /// Another process: nothing is remembered.
    fn start_anew(&mut self) {
        self.runtime.stop();
        let clock = Clock::simulated(start_time() + Duration::from_hours(1));
        self.work.board = StatusBoard::new(&self.signals);
        self.work.board.begin(&clock);
        self.runtime = runtime_with(clock);
        self.start();
    }

    fn board(&self) -> &StatusBoard {
        &self.work.board
    }

    /// The upstream's watch shows `name`, which is to be on all targets.
    async fn show_upstream(&self, resource: &ResourceType, name: &str) {
        let object = self.upstream.get(resource, name).await.unwrap();
        let wish = |target: &Arc<str>| Wish {
            target: target.clone(),
            hash: HASH,
            rests: None,
            newcomer: Newcomer::Welcome,
        };
        let wishes = self.targets.keys().map(wish).collect();
        self.board().upstream_seen(&object, wishes, StatusTerms::default());
    }

    /// The watch of `target` shows its copy of the upstream's `name`, to which `applied` was applied.
    async fn show(&self, target: &str, resource: &ResourceType, name: &str, applied: PayloadHash) {
        let (target, side) = self.targets.get_key_value(target).unwrap();
        let object = side.get(resource, name).await.unwrap();
        let upstream = self.upstream.get(resource, name).await.unwrap();
        let key = upstream.key();
        self.board()
            .target_seen(target, key, &object, Some(applied), upstream.uid());
    }

    /// The controllers of `target` write this status, and the watch shows it.
    async fn report(&self, target: &str, resource: &ResourceType, name: &str, status: &Value) {
        self.targets[target].patch_status(resource, name, status).await;
        self.show(target, resource, name, HASH).await;
    }

    /// All targets are listed for `resource`.
    fn list(&self, resource: &ResourceType) {
        for target in self.targets.keys() {
            self.board().target_listed(target, &resource.gvr);
        }
    }

    /// The Deployment `name` on the upstream and on all targets, all of it shown and listed.
    async fn deploy(&self, name: &str) {
        let (resource, body) = (deployments(), deployment(name));
        self.upstream.create(&resource, &body).await;
        for (target, side) in &self.targets {
            side.create(&resource, &body).await;
            self.board().target_list_started(target, &resource.gvr);
            self.show(target, &resource, name, HASH).await;
        }
        self.list(&resource);
        self.show_upstream(&resource, name).await;
    }

    /// The status of the upstream object.
    async fn status(&self, resource: &ResourceType, name: &str) -> Value {
        upstream_side::status_of(&self.upstream.get(resource, name).await.unwrap())
    }

    /// Waits until the status of the Deployment `name` is as `is` says.
    async fn until(&self, what: &str, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        for turn in 0..3_000 {
            let status = self.status(&deployments(), name).await;
            if is(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(if turn < 100 { 10 } else { 500 })).await;
        }
        panic!("waited in vain for {what}: {}", self.status(&deployments(), name).await);
    }

    fn writes(&self) -> usize {
        self.upstream.asked(&Method::PATCH)
    }

    /// The value of a metric, by its name and labels; zero if it is not shown.
    fn metric(&self, name: &str) -> usize {
        let mut registry = Registry::default();
        self.work.metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }

    fn conflicts(&self) -> usize {
        self.metric("tmc_syncer_writes_total{side=\"upstream\",verb=\"patch_status\",result=\"conflict\"}")
    }
}

fn namespace(resource: &ResourceType) -> &'static str {
    match resource.scope {
        Scope::Namespaced => "default",
        Scope::Cluster => "",
    }
}

fn resource(group: &str, version: &str, plural: &str, kind: &str, scope: Scope) -> ResourceType {
    ResourceType {
        gvr: Gvr::new(group, version, plural),
        kind: kind.into(),
        scope,
    }
}

fn deployments() -> ResourceType {
    resource("apps", "v1", "deployments", "Deployment", Scope::Namespaced)
}

fn services() -> ResourceType {
    resource("", "v1", "services", "Service", Scope::Namespaced)
}

fn widgets() -> ResourceType {
    resource("example.org", "v1", "widgets", "Widget", Scope::Namespaced)
}

fn definitions() -> ResourceType {
    let group = "apiextensions.k8s.io";
    resource(
        group,
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        Scope::Cluster,
    )
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(LogicalCluster::plain(), deployments().gvr, "default", name)
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"}, "spec": {
        "replicas": 5, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}})
}

/// What a Deployment's controller says of `ready` pods out of five.
fn ready(ready: i64) -> Value {
    json!({"observedGeneration": 1, "replicas": 5, "updatedReplicas": 5, "readyReplicas": ready, "availableReplicas": ready})
}

fn start_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn runtime_with(clock: Clock) -> Runtime {
    Runtime::local(runtime::Settings {
        seed: 1,
        clock,
        ..runtime::Settings::default()
    })
}

/// Runs `test` with the named targets.
fn simulate<F: Future<Output = ()>>(targets: &[&str], test: impl FnOnce(Bench) -> F) {
    let pool = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&pool, async {
        let (signals, metrics) = (Signals::new(), Metrics::default());
        let clock = Clock::simulated(start_time());
        let upstream = Side::new("upstream");
        let work = StatusWork {
            board: StatusBoard::new(&signals),
            cluster: upstream.counted.clone(),
            resources: [deployments(), services(), widgets()].into(),
            rulebooks: None,
            events: Events::new(&signals, &metrics, &crate::events::Recent::default()),
            metrics,
            gate: WriteGate::default(),
        };
        work.board.begin(&clock);
        test(Bench {
            upstream,
            targets: targets.iter().map(|name| (Arc::from(*name), Side::new(name))).collect(),
            work,
            signals,
            runtime: runtime_with(clock),
        })
        .await;
    });
}

fn conditions(status: &Value) -> BTreeMap<String, [String; 2]> {
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|condition| {
            let words = [text(condition, "status"), text(condition, "reason")];
            (text(condition, "type"), words)
        })
        .collect()
}
