//! An upstream without controllers, and two targets where Deployments run.

use std::{
    ffi::OsString,
    process::Output,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Client, Controllers, Credentials, FailureReport, Kubeconfig, Patch, Scratch, Syncer,
    wait_for,
};

use crate::{
    objects::create_namespace,
    printed::{self, Side},
    world::{BINARY, arguments, syncer},
};

/// By when a status must have come back on a loaded machine.
pub(super) const SOON: Duration = Duration::from_mins(3);

/// One test at a time: each has a syncer of its own.
static FIELD: LazyLock<Mutex<Field>> = LazyLock::new(|| Mutex::new(Field::start()));

/// The clusters.
pub(super) struct Field {
    pub(super) upstream: ApiServer,
    pub(super) east: ApiServer,
    pub(super) west: ApiServer,
    scratch: Scratch,
}

// === impl Field ===

impl Field {
    fn start() -> Self {
        let start = |name, controllers, side| {
            let options = ApiServerOptions::default().named(name).controllers(controllers);
            printed::grant(options.user(&syncer()).start(), side)
        };
        thread::scope(|scope| {
            let east = scope.spawn(|| start("status-east", Controllers::Workload, Side::Target));
            let west = scope.spawn(|| start("status-west", Controllers::Workload, Side::Target));
            Self {
                upstream: start("status-upstream", Controllers::None, Side::Upstream),
                east: east.join().unwrap(),
                west: west.join().unwrap(),
                scratch: Scratch::new("status"),
            }
        })
    }

    pub(super) fn get() -> MutexGuard<'static, Self> {
        FIELD.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the syncer; a target counts for `stale_after` when it is silent.
    pub(super) fn run(&self, stale_after: &str) -> Syncer {
        let resources = json!([{"group": "apps", "resource": "deployments"}, {"group": "", "resource": "services"}]);
        self.run_with(stale_after, &resources)
    }

    /// Runs the syncer for `resources`.
    pub(super) fn run_with(&self, stale_after: &str, resources: &Value) -> Syncer {
        self.run_on(&["east", "west"], stale_after, resources)
    }

    /// Runs the syncer for `resources` with these of the targets.
    pub(super) fn run_on(&self, targets: &[&str], stale_after: &str, resources: &Value) -> Syncer {
        let policy = json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncPolicy",
            "metadata": {"name": "all"},
            "spec": {
                "resources": resources,
                "status": {"staleAfter": stale_after, "interval": "2s"},
            },
        });
        let file = self.scratch.write("policy.yaml", &policy.to_string());
        let written = |server: &ApiServer| server.write(&server.kubeconfig_of(&syncer()));
        let (upstream, east, west) = (written(&self.upstream), written(&self.east), written(&self.west));
        let mut named = vec![("east", &*east), ("west", &*west)];
        named.retain(|(name, _)| targets.contains(name));
        let mut arguments = arguments(&upstream, &named);
        arguments.extend(["-f".into(), OsString::from(file)]);
        Syncer::start(BINARY, arguments)
    }

    /// What the syncer counted.
    #[track_caller]
    pub(super) fn metrics_of(syncer: &Syncer) -> String {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", syncer.admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        wait_for("the metrics", SOON, || admin.try_call("GET", "/metrics", "", None)).text
    }

    /// What `kubectl rollout status` says upstream of the Deployment `web`, when it has waited for so many seconds at most.
    pub(super) fn rollout(&self, namespace: &str, seconds: u64) -> Output {
        let timeout = format!("--timeout={seconds}s");
        self.upstream
            .try_kubectl(&["rollout", "status", "-n", namespace, "deployment/web", &timeout])
    }

    pub(super) fn report(&self) -> FailureReport<'_> {
        FailureReport::on([self.upstream.process(), self.east.process(), self.west.process()])
    }

    /// Makes the namespace and in it the Deployment `web` of five replicas upstream; its path.
    pub(super) fn deploy(&self, namespace: &str, deadline: u32) -> String {
        create_namespace(&self.upstream, namespace);
        let labels = json!({"app": "web"});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "replicas": 5, "progressDeadlineSeconds": deadline,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.org/web:1"}]}},
            },
        });
        let collection = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
        self.upstream.client().create(&collection, &deployment);
        format!("{collection}/web")
    }

    /// The status that the upstream shows.
    pub(super) fn status(&self, path: &str) -> Value {
        self.upstream.client().read(path)["status"].clone()
    }

    /// Waits until the status upstream is as `is` says.
    #[track_caller]
    pub(super) fn wait(&self, what: &str, path: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, SOON, || {
            let status = self.status(path);
            if is(&status) {
                Ok(status)
            } else {
                Err(status.to_string())
            }
        })
    }

    /// Waits until all ten are ready upstream.
    #[track_caller]
    pub(super) fn wait_ten(&self, path: &str) -> Value {
        self.wait("ten ready replicas", path, |status| {
            status["replicas"] == 10 && status["readyReplicas"] == 10 && status["observedGeneration"].is_i64()
        })
    }

    /// Waits until the upstream shows all ten, ready or not.
    #[track_caller]
    pub(super) fn wait_made(&self, path: &str) {
        self.wait("ten replicas", path, |status| status["replicas"] == 10);
    }

    /// Allows no pod in `namespace` on west. The quota controller does not run: its part is played.
    pub(super) fn forbid_pods(&self, namespace: &str) -> String {
        create_namespace(&self.west, namespace);
        let collection = format!("/api/v1/namespaces/{namespace}/resourcequotas");
        let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
        self.west.client().create(&collection, &quota);
        let path = format!("{collection}/none");
        let status = json!({"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}});
        self.west
            .client()
            .patch(&format!("{path}/status"), Patch::Merge(&status));
        path
    }
}

/// Status, reason and message of the condition `kind`.
pub(super) fn condition(status: &Value, kind: &str) -> [String; 3] {
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|condition| condition["type"] == kind);
    ["status", "reason", "message"].map(|field| {
        let text = found.and_then(|found| found[field].as_str());
        text.unwrap_or_default().to_owned()
    })
}

/// What the syncer promises for its end.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(30);
