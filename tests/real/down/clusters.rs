//! An upstream, a target with workloads, and the syncer between them.

use std::{
    ffi::OsString,
    path::Path,
    sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Controllers, FailureReport, RequestCounts, Scratch, Syncer, stays, wait_for,
};

use super::object::Object;
use crate::{
    objects::{ENDS_WITHIN, SOON, create_namespace, text},
    printed::{self, Side},
    world::{BINARY, arguments, syncer, writes},
};

/// How long nothing must happen to be taken for nothing happening.
const QUIET: Duration = Duration::from_secs(4);

/// What is synced.
const RESOURCES: [&str; 5] = ["deployments", "services", "configmaps", "secrets", "namespaces"];

/// One field more upstream than on the target.
pub(crate) const WIDGETS: &str = "widgets";

/// The file that the syncer follows.
const POLICIES: &str = "policies.yaml";

static SHARED: LazyLock<RwLock<Down>> = LazyLock::new(|| RwLock::new(Down::start("shared", &policies())));

/// An upstream, a target with workloads, and the syncer between them.
pub(crate) struct Down {
    pub(crate) upstream: ApiServer,
    pub(crate) east: ApiServer,
    pub(crate) syncer: Syncer,
    arguments: Vec<OsString>,
    scratch: Scratch,
}

/// One test's use of the shared clusters, beside others.
pub(crate) struct Beside {
    down: RwLockReadGuard<'static, Down>,
}

/// One test's use of the shared clusters, without any other.
pub(crate) struct Alone {
    down: RwLockWriteGuard<'static, Down>,
}

/// A policy for `namespaces` (all, if there are none), with `rules` of conflicts.
pub(crate) fn policy(name: &str, priority: i32, namespaces: &[&str], rules: &Value) -> Value {
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1",
        "kind": "SyncPolicy",
        "metadata": {"name": name},
        "spec": {
            "priority": priority,
            "resources": [
                {"group": "apps", "resource": "deployments"},
                {"group": "", "resource": "services"},
                {"group": "", "resource": "configmaps"},
                {"group": "", "resource": "secrets"},
                {"group": "example.org", "resource": WIDGETS},
            ],
            "namespaces": {"names": namespaces},
            "conflict": rules,
        },
    })
}

fn policies() -> Vec<Value> {
    let replicas = json!([{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}]);
    vec![
        policy("all", 0, &[], &json!({})),
        policy("equal", 10, &["adopt-equal"], &json!({"adoption": "IfEqual"})),
        policy(
            "adopt",
            10,
            &["adopt-always", "adopt-services"],
            &json!({"adoption": "Always"}),
        ),
        policy("report", 10, &["immutable-report"], &json!({"onImmutable": "Report"})),
        policy(
            "recreate",
            10,
            &["immutable-recreate"],
            &json!({"onImmutable": "Recreate"}),
        ),
        policy("drop", 10, &["unknown-drop"], &json!({"onUnknownField": "Drop"})),
        policy("autoscaled", 10, &["autoscaled"], &json!({"fields": replicas})),
    ]
}

/// JSON documents are YAML documents.
fn yaml(documents: &[Value]) -> String {
    let documents: Vec<_> = documents.iter().map(Value::to_string).collect();
    documents.join("\n---\n")
}

/// Defines widgets whose `spec` has `fields`, and `settings` of any form.
fn define_widgets(server: &ApiServer, fields: &[&str]) {
    let mut fields: serde_json::Map<_, _> = fields
        .iter()
        .map(|field| ((*field).to_owned(), json!({"type": "string"})))
        .collect();
    fields.insert(
        "settings".to_owned(),
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    );
    let definition = json!({
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": WIDGETS, "singular": "widget", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": {"type": "object", "properties": fields}},
                }},
            }],
        },
    });
    let client = server.client();
    client.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    wait_for("widgets to be served", SOON, || {
        client.call("GET", "/apis/example.org/v1/widgets", None).is_success()
    });
}

// === impl Down ===

impl Down {
    /// Starts clusters of their own, and the syncer by `documents`; without any, by its options, Secrets included.
    pub(crate) fn start(name: &str, documents: &[Value]) -> Self {
        Self::start_with(name, documents, &[])
    }

    /// The same, with more options.
    pub(crate) fn start_with(name: &str, documents: &[Value], options: &[OsString]) -> Self {
        let (upstream, east) = std::thread::scope(|scope| {
            let east = scope.spawn(|| {
                let options = ApiServerOptions::default().named(&format!("{name}-east"));
                let east = options.user(&syncer()).controllers(Controllers::Workload).start();
                let east = printed::grant(east, Side::Target);
                define_widgets(&east, &["size"]);
                east
            });
            let options = ApiServerOptions::default().named(&format!("{name}-upstream"));
            let upstream = printed::grant(options.user(&syncer()).start(), Side::Upstream);
            define_widgets(&upstream, &["size", "novelty"]);
            (upstream, east.join().unwrap())
        });
        let scratch = Scratch::new(name);
        let mut arguments = arguments_between(&upstream, &[("east", &east)]);
        if documents.is_empty() {
            arguments.push("--sync-secrets".into());
        } else {
            let file = scratch.write(POLICIES, &yaml(documents));
            arguments.extend(["-f".into(), file.into()]);
        }
        arguments.extend(options.iter().cloned());
        let syncer = Syncer::start(BINARY, &arguments);
        Self {
            upstream,
            east,
            syncer,
            arguments,
            scratch,
        }
    }

    /// Shows all logs if the test fails.
    pub(crate) fn report(&self) -> FailureReport<'_> {
        FailureReport::on([self.syncer.process(), self.upstream.process(), self.east.process()])
    }

    /// Writes other documents in place of those that the syncer follows.
    pub(crate) fn follow(&self, documents: &[Value]) {
        self.scratch.write(POLICIES, &yaml(documents));
    }

    /// Ends the syncer and starts it again.
    pub(crate) fn restart(&mut self) {
        self.restart_after(|_| {});
    }

    /// Ends the syncer, lets `others` do what they do, and starts it again.
    pub(crate) fn restart_after(&mut self, others: impl FnOnce(&Self)) {
        let exit = self.syncer.terminate(ENDS_WITHIN);
        assert_eq!(exit.code, Some(0), "{}", self.syncer.log());
        others(self);
        self.syncer = Syncer::start(BINARY, &self.arguments);
    }

    /// Makes the namespace `name` upstream.
    pub(crate) fn namespace(&self, name: &str) {
        create_namespace(&self.upstream, name);
    }

    /// Makes `object` upstream and waits until the target holds it; what the target holds.
    #[track_caller]
    pub(crate) fn sync(&self, object: &Object, body: &Value) -> Value {
        object.create(&self.upstream, body);
        self.wait_alike(object)
    }

    /// Waits until the target says of `object` what the upstream says, but for what each cluster sets; what the target holds.
    #[track_caller]
    pub(crate) fn wait_alike(&self, object: &Object) -> Value {
        wait_for(&format!("{} to be alike", object.path()), SOON, || {
            let wanted = object.content(&object.read(&self.upstream));
            let seen = object.get(&self.east).ok_or("nothing")?;
            let held = object.content(&seen);
            if held == wanted {
                Ok(seen)
            } else {
                Err(format!("{held} instead of {wanted}"))
            }
        })
    }

    /// Waits for an Event with `reason` about `object` upstream whose note has all of `parts`.
    #[track_caller]
    pub(crate) fn wait_event(&self, object: &Object, reason: &str, parts: &[&str]) -> Value {
        wait_for(&format!("event {reason} with {parts:?}"), SOON, || {
            let events = self.events(object);
            let found = events.iter().find(|event| {
                text(event, "/reason") == reason && parts.iter().all(|part| text(event, "/message").contains(part))
            });
            found.cloned().ok_or_else(|| format!("{events:?}"))
        })
    }

    /// The Events about `object` upstream.
    pub(crate) fn events(&self, object: &Object) -> Vec<Value> {
        let all = self
            .upstream
            .client()
            .items(&format!("/api/v1/namespaces/{}/events", object.namespace));
        all.into_iter()
            .filter(|event| text(event, "/involvedObject/name") == object.name)
            .collect()
    }

    /// Waits until nothing was written on the target for a while: what follows an edit has then followed.
    #[track_caller]
    pub(crate) fn comes_to_rest(&self) {
        let mut seen = (self.written(), Instant::now());
        wait_for("the writes to end", SOON, || {
            let now = self.written();
            if now != seen.0 {
                seen = (now, Instant::now());
            }
            if seen.1.elapsed() >= QUIET / 2 {
                Ok(())
            } else {
                Err(format!("{:?}", seen.0))
            }
        });
    }

    /// Nothing is written on the target for a while: not by the syncer in `namespace` (by the audit log; what other tests left is tried
    /// again now and then), nor by anyone to what is synced (by the API server's own count).
    #[track_caller]
    pub(crate) fn stays_quiet(&self, namespace: &str, what: &str) {
        let tried = || {
            let all = writes(&self.east).into_iter();
            all.filter(|event| event.namespace == namespace || event.name == namespace)
                .filter(|event| !event.uri.contains("dryRun"))
                .collect::<Vec<_>>()
        };
        let (written, log) = (self.written(), tried());
        stays(what, QUIET, || {
            let now = tried();
            if now.len() == log.len() {
                Ok(())
            } else {
                Err(format!("{:?}", &now[log.len()..]))
            }
        });
        assert_eq!(self.written().since(&written), RequestCounts::default(), "{what}");
    }

    /// Writes on the target to what is synced that changed something, status apart.
    pub(crate) fn written(&self) -> RequestCounts {
        let counts = self.east.request_counts();
        counts
            .writes_to(&RESOURCES)
            .only(|kind| kind.subresource.is_empty() && kind.code.starts_with('2'))
    }

    /// Reads of single objects on the target, of what is synced.
    pub(crate) fn reads(&self) -> RequestCounts {
        let is_read = |verb: &str, resource: &str| verb == "GET" && RESOURCES.contains(&resource);
        self.east
            .request_counts()
            .only(|kind| is_read(&kind.verb, &kind.resource) && kind.resource != "namespaces")
    }

    /// Makes a ConfigMap upstream and waits, without a read of it, until the target has it: what was planned before was done.
    #[track_caller]
    pub(crate) fn wait_turn(&self, namespace: &str, name: &str) {
        let later = Object::config_map(namespace, name);
        later.create(&self.upstream, &json!({"data": {"later": "1"}}));
        wait_for("a later object", SOON, || {
            let query = format!("{}?fieldSelector=metadata.name%3D{name}", later.collection());
            !self.east.client().items(&query).is_empty()
        });
    }
}

/// The arguments to run the syncer between `upstream` and `targets`.
pub(crate) fn arguments_between(upstream: &ApiServer, targets: &[(&str, &ApiServer)]) -> Vec<OsString> {
    let file = |server: &ApiServer| server.write(&server.kubeconfig_of(&syncer()));
    let files: Vec<_> = targets.iter().map(|(name, server)| (*name, file(server))).collect();
    let targets: Vec<(&str, &Path)> = files.iter().map(|(name, file)| (*name, file.as_path())).collect();
    arguments(&file(upstream), &targets)
}

// === impl Beside ===

impl Beside {
    pub(crate) fn others() -> Self {
        Self {
            down: SHARED.read().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl std::ops::Deref for Beside {
    type Target = Down;

    fn deref(&self) -> &Down {
        &self.down
    }
}

// === impl Alone ===

impl Alone {
    pub(crate) fn here() -> Self {
        Self {
            down: SHARED.write().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl std::ops::Deref for Alone {
    type Target = Down;

    fn deref(&self) -> &Down {
        &self.down
    }
}

impl std::ops::DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Down {
        &mut self.down
    }
}
