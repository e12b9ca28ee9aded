//! A provider with consumers, two targets that all tests share, and the syncer between them.

use std::{
    path::PathBuf,
    sync::{LazyLock, RwLockReadGuard},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Authority, Client, Credentials, FailureReport, Kcp, Kubeconfig, Patch, Syncer, User,
    stays, wait_for,
};

use super::provider::{Consumer, KCP_SOON, Provider, kcp};
use crate::{
    printed::{self, Side},
    world::BINARY,
};

pub(crate) const CONFIG_MAPS: &str = "/api/v1/configmaps";
pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
const BINDING: &str = "/apis/apis.kcp.io/v1alpha2/apibindings/kubernetes";

/// By when what waits for a claim to stand still for a minute is done: where the claim wavers, the minute begins anew.
pub(crate) const SETTLED: Duration = Duration::from_mins(5);
/// How long nothing may happen where nothing may happen.
pub(crate) const QUIET: Duration = Duration::from_secs(4);

/// The targets of all tests: each works under keys and in namespaces of its own, since each has a provider of its own.
static TARGETS: LazyLock<[ApiServer; 2]> = LazyLock::new(|| {
    thread::scope(|scope| {
        let start = || printed::grant(ApiServerOptions::default().user(&user()).start(), Side::Target);
        let west = scope.spawn(start);
        [start(), west.join().unwrap()]
    })
});

/// A provider, and the syncer of its export.
pub(crate) struct Scene<'a> {
    pub(crate) kcp: &'a Kcp,
    pub(crate) provider: Provider,
    /// An authority that the syncer trusts beside kcp's own.
    pub(crate) authority: Authority,
    slice: String,
    syncer: Option<Syncer>,
}

/// One target of a scene.
pub(crate) fn target(number: usize) -> &'static ApiServer {
    &TARGETS[number]
}

/// Who the syncer is on the targets.
fn user() -> User {
    printed::user("syncer")
}

/// The file by which the syncer reaches a target.
pub(crate) fn reached(number: usize) -> PathBuf {
    target(number).write(&target(number).kubeconfig_of(&user()))
}

/// The kcp that a test shares with others.
pub(crate) fn shared() -> RwLockReadGuard<'static, Kcp> {
    kcp()
}

// === impl Scene ===

impl<'a> Scene<'a> {
    /// A provider with the name `name`.
    #[track_caller]
    pub(crate) fn new(kcp: &'a Kcp, name: &str) -> Self {
        Self {
            kcp,
            provider: Provider::make(kcp, name),
            authority: Authority::new("endpoints"),
            slice: "kubernetes".to_owned(),
            syncer: None,
        }
    }

    /// Lets go of kcp; the syncer runs on.
    pub(crate) fn leave(mut self) -> (Provider, Syncer) {
        let syncer = self.syncer.take().unwrap();
        let provider = Provider::clone(&self.provider);
        (provider, syncer)
    }

    /// Goes on with kcp as it is now.
    pub(crate) fn resumed(kcp: &'a Kcp, (provider, syncer): (Provider, Syncer)) -> Self {
        Self {
            kcp,
            provider,
            authority: Authority::new("endpoints"),
            slice: "kubernetes".to_owned(),
            syncer: Some(syncer),
        }
    }

    /// Follows the endpoint slice `slice`, which this makes.
    #[track_caller]
    pub(crate) fn with_slice(mut self, slice: &str) -> Self {
        slice.clone_into(&mut self.slice);
        self.make_slice();
        self
    }

    /// Follows the endpoint slice `slice`, which the test makes.
    pub(crate) fn following(mut self, slice: &str) -> Self {
        slice.clone_into(&mut self.slice);
        self
    }

    #[track_caller]
    pub(crate) fn make_slice(&self) {
        let object = json!({
            "apiVersion": "apis.kcp.io/v1alpha1",
            "kind": "APIExportEndpointSlice",
            "metadata": {"name": self.slice},
            "spec": {"export": {"path": self.provider.path, "name": "kubernetes"}},
        });
        self.kcp.client(&self.provider.path).create(SLICES, &object);
    }

    #[track_caller]
    pub(crate) fn delete_slice(&self) {
        self.kcp
            .client(&self.provider.path)
            .delete(&format!("{SLICES}/{}", self.slice));
    }

    /// A workspace that has bound the export.
    #[track_caller]
    pub(crate) fn consumer(&self, name: &str) -> Consumer {
        self.provider.consumer(self.kcp, name)
    }

    /// Starts the syncer, as the ServiceAccount that is printed for it.
    #[track_caller]
    pub(crate) fn run(&mut self) {
        self.run_with(&[]);
    }

    /// The same with `more` arguments.
    #[track_caller]
    pub(crate) fn run_with(&mut self, more: &[&str]) {
        let slice = self.slice.clone();
        let also = self.authority.certificate();
        self.start(&self.trusting(&[&also]), &slice, more);
    }

    /// How the syncer reaches the provider, trusting `authorities` beside kcp's own.
    #[track_caller]
    pub(crate) fn trusting(&self, authorities: &[&str]) -> Kubeconfig {
        let mut kubeconfig = self.provider.syncer(self.kcp);
        kubeconfig.authority.push('\n');
        kubeconfig.authority.extend(authorities.iter().copied());
        kubeconfig
    }

    /// Starts it with east and west as SyncTargets of the provider, and what policies the test has made there.
    #[track_caller]
    pub(crate) fn run_with_objects(&mut self) {
        for (number, name) in ["east", "west"].into_iter().enumerate() {
            let kubeconfig = target(number).kubeconfig_of(&user());
            self.provider.target(self.kcp, name, &kubeconfig);
        }
        self.run_on_objects();
    }

    /// Starts it with the SyncTargets and policies that the test has made in the provider.
    #[track_caller]
    pub(crate) fn run_on_objects(&mut self) {
        let upstream = self.kcp.write(&self.provider.syncer(self.kcp)).display().to_string();
        let arguments = [
            "run",
            "--upstream-kubeconfig",
            &upstream,
            "--endpoint-slice",
            &self.slice,
        ];
        self.syncer = Some(Syncer::start(BINARY, arguments));
    }

    /// Starts it on the slice `slice` of the workspace that `upstream` leads to.
    #[track_caller]
    pub(crate) fn run_as(&mut self, upstream: &Kubeconfig, slice: &str) {
        self.start(upstream, slice, &[]);
    }

    #[track_caller]
    fn start(&mut self, upstream: &Kubeconfig, slice: &str, more: &[&str]) {
        let upstream = self.kcp.write(upstream);
        let mut arguments = vec![
            "run".to_owned(),
            "--upstream-kubeconfig".to_owned(),
            upstream.display().to_string(),
            "--endpoint-slice".to_owned(),
            slice.to_owned(),
        ];
        for (number, name) in ["east", "west"].into_iter().enumerate() {
            let file = reached(number);
            arguments.extend(["--target".to_owned(), format!("{name}={}", file.display())]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        self.syncer = Some(Syncer::start(BINARY, arguments));
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.syncer.take().unwrap().kill();
    }

    pub(crate) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// How many objects of east are in `state`, by the syncer's metrics.
    #[track_caller]
    pub(crate) fn objects(&self, state: &str) -> u64 {
        let page = self.page("/metrics");
        let line = page.lines().find(|line| {
            line.starts_with("tmc_syncer_objects{")
                && line.contains("target=\"east\"")
                && line.contains(&format!("state=\"{state}\""))
        });
        line.and_then(|line| line.rsplit(' ').next()?.split('.').next()?.parse().ok())
            .unwrap_or(0)
    }

    /// A page of the syncer's admin server, once that answers.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", self.syncer().admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        wait_for(&format!("the page {path}"), KCP_SOON, || {
            admin.try_call("GET", path, "", None)
        })
        .text
    }

    #[track_caller]
    pub(crate) fn wait_objects(&self, state: &str, holds: impl Fn(u64) -> bool) {
        wait_for(&format!("the count of objects {state}"), KCP_SOON, || {
            let seen = self.objects(state);
            if holds(seen) { Ok(()) } else { Err(seen) }
        });
    }

    /// Answers the claim on ConfigMaps in `consumer`.
    #[track_caller]
    pub(crate) fn answer(&self, consumer: &Consumer, state: &str) {
        let client = consumer.client(self.kcp);
        let binding = client.read(BINDING);
        let claims = binding["spec"]["permissionClaims"].as_array().unwrap();
        let at = claims
            .iter()
            .position(|claim| claim["resource"] == "configmaps")
            .unwrap();
        let path = format!("/spec/permissionClaims/{at}/state");
        client.patch(
            BINDING,
            Patch::Json(&json!([{"op": "replace", "path": path, "value": state}])),
        );
    }

    #[track_caller]
    pub(crate) fn delete_binding(&self, consumer: &Consumer) {
        consumer.client(self.kcp).delete(BINDING);
    }

    #[track_caller]
    pub(crate) fn wait_unbound(&self, consumer: &Consumer) {
        let client = consumer.client(self.kcp);
        wait_for("the end of the binding", KCP_SOON, || match client.get(BINDING) {
            None => Ok(()),
            Some(binding) => Err(binding["status"].to_string()),
        });
    }

    #[track_caller]
    pub(crate) fn config_map(&self, consumer: &Consumer, name: &str, data: &Value) {
        let object = json!({"metadata": {"name": name}, "data": data});
        consumer
            .client(self.kcp)
            .create("/api/v1/namespaces/default/configmaps", &object);
    }

    #[track_caller]
    pub(crate) fn edit(&self, consumer: &Consumer, name: &str, data: &Value) {
        let path = format!("/api/v1/namespaces/default/configmaps/{name}");
        consumer
            .client(self.kcp)
            .patch(&path, Patch::Merge(&json!({"data": data})));
    }

    #[track_caller]
    pub(crate) fn delete_config_map(&self, consumer: &Consumer, name: &str) {
        let path = format!("/api/v1/namespaces/default/configmaps/{name}");
        consumer.client(self.kcp).delete(&path);
    }

    #[track_caller]
    pub(crate) fn deployment(&self, consumer: &Consumer, name: &str, replicas: u32) {
        let labels = json!({"app": name});
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
                },
            },
        });
        consumer
            .client(self.kcp)
            .create("/apis/apps/v1/namespaces/default/deployments", &object);
    }
}

pub(crate) const SLICES: &str = "/apis/apis.kcp.io/v1alpha1/apiexportendpointslices";

/// The copy on `target` of the object `name` of `consumer` in `collection`.
pub(crate) fn copy(target: &ApiServer, collection: &str, consumer: &Consumer, name: &str) -> Option<Value> {
    let copies = target.client().items(collection);
    copies.into_iter().find(|object| {
        let origin = object["metadata"]["annotations"]["workload.kcp.io/origin"]
            .as_str()
            .unwrap_or("null");
        let origin: Value = serde_json::from_str(origin).unwrap_or_default();
        object["metadata"]["name"] == name && origin["cluster"] == consumer.cluster.as_str()
    })
}

/// Waits for the copy of a ConfigMap with `data` on both targets.
#[track_caller]
pub(crate) fn wait_data(consumer: &Consumer, name: &str, data: &Value) {
    for number in 0..2 {
        wait_for(&format!("{name} of {} with {data}", consumer.path), KCP_SOON, || {
            let seen = copy(target(number), CONFIG_MAPS, consumer, name);
            match seen {
                Some(object) if object["data"] == *data => Ok(object),
                seen => Err(format!("{seen:?}")),
            }
        });
    }
}

/// Waits until neither target has a copy.
#[track_caller]
pub(crate) fn wait_gone(collection: &str, consumer: &Consumer, name: &str, by: Duration) {
    for number in 0..2 {
        wait_for(&format!("the end of {name} of {}", consumer.path), by, || {
            match copy(target(number), collection, consumer, name) {
                None => Ok(()),
                Some(object) => Err(object["metadata"].to_string()),
            }
        });
    }
}

/// The copies `names` of ConfigMaps stay where they are for a while, on both targets.
#[track_caller]
pub(crate) fn stay(consumer: &Consumer, names: &[&str]) {
    stays("on both targets", QUIET, || {
        let missing = names
            .iter()
            .find(|name| (0..2).any(|number| copy(target(number), CONFIG_MAPS, consumer, name).is_none()));
        missing.map_or(Ok(()), |name| Err((*name).to_owned()))
    });
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(syncer) = &self.syncer
        {
            drop(FailureReport::on([syncer.process(), self.kcp.process()]));
        }
    }
}
