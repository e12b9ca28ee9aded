//! A syncer whose documents are objects of its upstream: an upstream of its own, between targets that the tests share.

use std::{fs, process::Command, sync::LazyLock, thread};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Audit, AuditEvent, Exit, FailureReport, Kubeconfig, Patch, Scratch, Syncer, User,
    wait_for,
};

use crate::{
    objects::{ENDS_WITHIN, SOON},
    printed::{self, Side},
    world::BINARY,
};

/// Where the kubeconfigs lie.
pub(super) const NAMESPACE: &str = "clusters";

/// The roles that the syncer has upstream in the whole cluster, and nothing else.
const UPSTREAM_ROLES: [&str; 2] = ["tmc-syncer-upstream", "tmc-syncer-upstream-secrets"];

/// The clusters that objects go to.
pub(super) struct Targets {
    pub(super) east: ApiServer,
    pub(super) west: ApiServer,
}

/// They know two users with the same rights.
pub(super) static TARGETS: LazyLock<Targets> = LazyLock::new(|| {
    thread::scope(|scope| {
        let [east, west] = ["east", "west"].map(|name| {
            scope.spawn(move || {
                let options = ApiServerOptions::default().named(name).audit(Audit::Everything);
                let server = options.user(&printed::user("one")).user(&printed::user("two")).start();
                printed::grant(server, Side::Target)
            })
        });
        Targets {
            east: east.join().unwrap(),
            west: west.join().unwrap(),
        }
    })
});

/// One test's upstream and syncer.
pub(super) struct Scene {
    pub(super) upstream: ApiServer,
    syncer: Option<Syncer>,
    files: Scratch,
}

// === impl Scene ===

impl Scene {
    /// An upstream with the types and the printed roles, and no object of ours.
    pub(super) fn new(name: &'static str) -> Self {
        let scene = Self::without_types(name);
        scene.install_types();
        scene
    }

    /// The same without the types.
    pub(super) fn without_types(name: &'static str) -> Self {
        let upstream = ApiServerOptions::default()
            .named(name)
            .user(&plain())
            .audit(Audit::Everything)
            .start();
        let scene = Self {
            upstream,
            syncer: None,
            files: Scratch::new(name),
        };
        scene.apply("rbac");
        let user = format!("--user={}", plain().name());
        for role in UPSTREAM_ROLES {
            let of = format!("--clusterrole={role}");
            scene
                .upstream
                .kubectl(&["create", "clusterrolebinding", role, &of, &user]);
        }
        scene.upstream.kubectl(&["create", "namespace", NAMESPACE]);
        scene.upstream.kubectl(&[
            "-n",
            NAMESPACE,
            "create",
            "rolebinding",
            "kubeconfigs",
            "--clusterrole=tmc-syncer-kubeconfig-secrets",
            &user,
        ]);
        scene
    }

    /// Applies what `manifests crds` prints.
    pub(super) fn install_types(&self) {
        self.apply("crds");
        for kind in ["synctargets", "syncpolicies"] {
            wait_for(&format!("{kind} to be served"), SOON, || {
                match self.upstream.client().call("GET", &own(kind, ""), None).status {
                    200 => Ok(()),
                    status => Err(status.to_string()),
                }
            });
        }
    }

    fn apply(&self, manifests: &str) {
        let printed = Command::new(BINARY).args(["manifests", manifests]).output().unwrap();
        assert!(printed.status.success(), "{printed:?}");
        let file = self.files.path().join(format!("{manifests}.yaml"));
        fs::write(&file, printed.stdout).unwrap();
        self.upstream
            .kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
    }

    /// Starts the syncer with `arguments` beside its upstream.
    pub(super) fn run(&mut self, arguments: &[&str]) {
        self.run_by(&self.upstream.kubeconfig_of(&plain()), arguments);
    }

    /// Starts the syncer with `arguments`, which reaches its upstream as `kubeconfig` says.
    pub(super) fn run_by(&mut self, kubeconfig: &Kubeconfig, arguments: &[&str]) {
        let kubeconfig = self.upstream.write(kubeconfig);
        let mut all = vec![
            "run".to_owned(),
            "--upstream-kubeconfig".to_owned(),
            kubeconfig.display().to_string(),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self.syncer = Some(Syncer::start(BINARY, all));
    }

    /// The running syncer.
    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// The syncer, to be looked at by itself.
    pub(super) fn take_syncer(&mut self) -> Syncer {
        self.syncer.take().unwrap()
    }

    /// Ends it in an orderly way.
    #[track_caller]
    pub(super) fn end(&mut self) {
        let mut syncer = self.syncer.take().unwrap();
        let Exit { code, .. } = syncer.terminate(ENDS_WITHIN);
        assert_eq!(code, Some(0), "{}", syncer.log());
    }

    /// Writes the Secret `name` with this text under `kubeconfig`, in place of one that is there.
    pub(super) fn secret(&self, name: &str, text: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE},
            "stringData": {"kubeconfig": text},
        });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{name}");
        let apply = Patch::ForceApply {
            manager: "test",
            body: &secret,
        };
        self.upstream.client().patch(&path, apply);
    }

    /// Makes the SyncTarget `name`, whose kubeconfig is in the Secret of its name.
    pub(super) fn target(&self, name: &str) {
        let target = json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": name},
            "spec": {"kubeconfigSecretRef": {"namespace": NAMESPACE, "name": name}},
        });
        self.upstream.client().create(&own("synctargets", ""), &target);
    }

    /// Makes a target for `server`, with the kubeconfig of user `user`.
    pub(super) fn target_of(&self, name: &str, server: &ApiServer, user: &str) {
        self.secret(name, &kubeconfig(server, user).to_yaml());
        self.target(name);
    }

    /// Makes a SyncPolicy.
    pub(super) fn policy(&self, name: &str, spec: &Value) {
        let policy = json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": name}, "spec": spec,
        });
        self.upstream.client().create(&own("syncpolicies", ""), &policy);
    }

    /// Changes one of our objects.
    pub(super) fn change(&self, kind: &str, name: &str, change: &Value) {
        self.upstream.client().patch(&own(kind, name), Patch::Merge(change));
    }

    /// Waits until condition `kind` of an object of ours has this status and reason, and returns the object.
    #[track_caller]
    pub(super) fn wait_condition(&self, object: (&str, &str), kind: &str, expected: (&str, &str)) -> Value {
        let path = own(object.0, object.1);
        wait_for(&format!("{kind} of {} to be {expected:?}", object.1), SOON, || {
            let seen = self.upstream.client().read(&path);
            let found = condition(&seen, kind).cloned().unwrap_or_default();
            if (found["status"].as_str(), found["reason"].as_str()) == (Some(expected.0), Some(expected.1)) {
                Ok(seen)
            } else {
                Err(seen["status"].to_string())
            }
        })
    }

    /// Waits for an Event of `reason` about an object of ours.
    #[track_caller]
    pub(super) fn wait_event(&self, kind: &str, name: &str, reason: &str) {
        wait_for(&format!("the Event {reason} of {name}"), SOON, || {
            let events = self.upstream.client().items("/api/v1/namespaces/default/events");
            let found = events.iter().any(|event| {
                let about = &event["involvedObject"];
                event["reason"] == reason && about["kind"] == kind && about["name"] == name
            });
            if found { Ok(()) } else { Err(format!("{events:?}")) }
        });
    }

    /// What the syncer asked its upstream, oldest first.
    pub(super) fn requests(&self) -> Vec<AuditEvent> {
        let user = plain();
        let events = self.upstream.audit().into_iter();
        events.filter(|event| event.user == user.name()).collect()
    }

    /// The statuses that it wrote on an object of ours.
    pub(super) fn status_writes(&self, kind: &str, name: &str) -> usize {
        let requests = self.requests().into_iter();
        requests
            .filter(|event| event.is_write() && event.resource == kind && event.name == name)
            .inspect(|event| assert_eq!(event.subresource, "status", "{event:?}"))
            .count()
    }

    /// Asserts that the printed roles were enough.
    #[track_caller]
    pub(super) fn assert_allowed(&self) {
        let refused: Vec<_> = self
            .requests()
            .into_iter()
            .filter(|event| event.code == 403)
            .map(|event| format!("{} {}", event.verb, event.uri))
            .collect();
        assert!(refused.is_empty(), "refused {refused:?}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(FailureReport::on([self.upstream.process()]));
            if let Some(syncer) = &self.syncer {
                drop(FailureReport::on([syncer.process()]));
            }
        }
    }
}

/// Who the syncer is upstream.
pub(super) fn plain() -> User {
    User::new("plain")
}

/// How `user` reaches `server`.
pub(super) fn kubeconfig(server: &ApiServer, user: &str) -> Kubeconfig {
    server.kubeconfig_of(&printed::user(match user {
        "one" => "one",
        _ => "two",
    }))
}

/// The path of an object of ours; of all of its kind where the name is empty.
pub(super) fn own(kind: &str, name: &str) -> String {
    let collection = format!("/apis/workload.kcp.io/v1alpha1/{kind}");
    if name.is_empty() {
        collection
    } else {
        format!("{collection}/{name}")
    }
}

/// Condition `kind` of `object`.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// A policy for the ConfigMaps of one namespace.
pub(super) fn config_maps_of(namespace: &str) -> Value {
    json!({"resources": [{"resource": "configmaps"}], "namespaces": {"names": [namespace]}})
}
