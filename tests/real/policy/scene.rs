//! One syncer of its own, with its documents in files, between clusters that the tests of this module share.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Audit, AuditEvent, Client, Credentials, Exit, FailureReport, Kubeconfig, Scratch,
    Syncer, User, wait_for,
};

use crate::{
    objects::{ENDS_WITHIN, SOON, text},
    printed::{self, Side},
    world::BINARY,
};

/// The file of the documents.
const DOCUMENTS: &str = "documents.yaml";

/// How long nothing must be written to be taken for rest.
const REST: Duration = Duration::from_secs(3);

/// Between two looks at what was written.
const LOOK: Duration = Duration::from_millis(250);

/// Every scene acts as a user of its own, so that the audit log tells them apart.
const SCENES: [&str; 26] = [
    "select",
    "aim",
    "rank",
    "rests",
    "cells",
    "change",
    "broken",
    "typo",
    "space",
    "used",
    "hashed",
    "gone",
    "along",
    "named",
    "hush",
    "dry",
    "again",
    "outage",
    "crowd",
    "load",
    "events",
    "switch",
    "leave",
    "some",
    "taken-back",
    "told",
];

/// The clusters.
pub(super) struct Clusters {
    pub(super) upstream: ApiServer,
    pub(super) east: ApiServer,
    pub(super) west: ApiServer,
}

static CLUSTERS: LazyLock<Clusters> = LazyLock::new(|| {
    let [east, west, upstream] = start(["east", "west", "upstream"]);
    Clusters { upstream, east, west }
});

/// One test's syncer. Its targets are called `<scene>-<cluster>`, so that they own nothing of another scene's.
pub(super) struct Scene {
    name: &'static str,
    files: Scratch,
    syncer: Option<Syncer>,
    pub(super) upstream: &'static ApiServer,
    pub(super) east: &'static ApiServer,
    pub(super) west: &'static ApiServer,
    _report: FailureReport<'static>,
}

/// Starts servers side by side that know the user of every scene and log every request.
pub(super) fn start<const N: usize>(names: [&'static str; N]) -> [ApiServer; N] {
    thread::scope(|scope| {
        let started = names.map(|name| {
            scope.spawn(move || {
                let options = ApiServerOptions::default().named(name).audit(Audit::Everything);
                let known = SCENES
                    .iter()
                    .fold(options, |options, scene| options.user(&printed::user(scene)));
                let side = if name == "upstream" {
                    Side::Upstream
                } else {
                    Side::Target
                };
                printed::grant(known.user(&User::new("limited")).start(), side)
            })
        });
        started.map(|thread| thread.join().unwrap())
    })
}

// === impl Scene ===

impl Scene {
    /// The scene `name`, one of [`SCENES`], on the shared clusters.
    pub(super) fn new(name: &'static str) -> Self {
        let Clusters { upstream, east, west } = &*CLUSTERS;
        Self::between(name, upstream, east, west)
    }

    fn between(
        name: &'static str,
        upstream: &'static ApiServer,
        east: &'static ApiServer,
        west: &'static ApiServer,
    ) -> Self {
        assert!(SCENES.contains(&name), "{name} is no scene");
        let scene = Self {
            name,
            files: Scratch::new(name),
            syncer: None,
            upstream,
            east,
            west,
            _report: FailureReport::on([upstream.process(), east.process(), west.process()]),
        };
        for (file, server) in [("upstream", upstream), ("east", east), ("west", west)] {
            scene.kubeconfig(file, &server.kubeconfig_of(&scene.user()));
        }
        scene
    }

    /// Who the syncer of this scene is.
    pub(super) fn user(&self) -> User {
        printed::user(self.name)
    }

    /// The name of the target of the cluster `cluster`.
    pub(super) fn target_name(&self, cluster: &str) -> String {
        format!("{}-{cluster}", self.name)
    }

    /// Writes the file `<name>.kubeconfig`.
    pub(super) fn kubeconfig(&self, name: &str, kubeconfig: &Kubeconfig) -> PathBuf {
        self.files.write(&format!("{name}.kubeconfig"), &kubeconfig.to_yaml())
    }

    /// A SyncTarget for the cluster `cluster`, whose kubeconfig lies beside the file; `spec` is added to its spec.
    pub(super) fn target(&self, cluster: &str, spec: &Value) -> Value {
        let mut target = json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncTarget",
            "metadata": {"name": self.target_name(cluster), "labels": {"cluster": cluster}},
            "spec": {"kubeconfigFile": format!("{cluster}.kubeconfig")},
        });
        merge(&mut target["spec"], spec);
        target
    }

    /// East and west without anything special.
    pub(super) fn targets(&self) -> [Value; 2] {
        ["east", "west"].map(|cluster| self.target(cluster, &json!({})))
    }

    /// Writes the documents, in place of those before, in one step.
    pub(super) fn write(&self, documents: &[Value]) {
        let mut yaml = String::new();
        for document in documents {
            // A write to a string cannot fail.
            let _ = writeln!(yaml, "---\n{document}");
        }
        self.write_text(&yaml);
    }

    /// Writes `text` as the documents.
    pub(super) fn write_text(&self, text: &str) {
        let new = self.files.write("documents.new", text);
        fs::rename(new, self.files.path().join(DOCUMENTS)).unwrap();
    }

    /// Starts the syncer on the documents, with further arguments.
    pub(super) fn run(&mut self, arguments: &[&str]) {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        let mut all = vec![
            "run".to_owned(),
            "--upstream-kubeconfig".to_owned(),
            file("upstream.kubeconfig"),
            "-f".to_owned(),
            file(DOCUMENTS),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self.syncer = Some(Syncer::start(BINARY, all));
    }

    /// The running syncer.
    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// Ends it in an orderly way.
    #[track_caller]
    pub(super) fn end(&mut self) {
        let mut syncer = self.syncer.take().unwrap();
        let Exit { code, .. } = syncer.terminate(ENDS_WITHIN);
        assert_eq!(code, Some(0), "{}", syncer.log());
        for server in [self.upstream, self.east, self.west] {
            printed::assert_enough(server, &self.user());
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.syncer.take().unwrap().kill();
    }

    /// A page of its admin server, once that answers.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> String {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", self.syncer().admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        wait_for(&format!("the page {path}"), SOON, || {
            admin.try_call("GET", path, "", None)
        })
        .text
    }

    /// How many objects of the target of `cluster` are in `state`, by its metrics.
    #[track_caller]
    pub(super) fn objects(&self, cluster: &str, state: &str) -> u64 {
        let target = format!("target=\"{}\"", self.target_name(cluster));
        let state = format!("state=\"{state}\"");
        let metrics = self.page("/metrics");
        let line = metrics
            .lines()
            .find(|line| line.starts_with("tmc_syncer_objects{") && line.contains(&target) && line.contains(&state));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .map_or(0, |count| format!("{count}").parse().unwrap_or(0))
    }

    /// Waits until the target of `cluster` has `count` objects in `state`.
    #[track_caller]
    pub(super) fn wait_objects(&self, cluster: &str, state: &str, count: u64) {
        wait_for(&format!("{count} objects {state} on {cluster}"), SOON, || {
            let seen = self.objects(cluster, state);
            if seen == count { Ok(()) } else { Err(seen) }
        });
    }

    /// What the syncer of this scene asked `server`, oldest first.
    pub(super) fn requests(&self, server: &ApiServer) -> Vec<AuditEvent> {
        let user = self.user();
        let events = server.audit().into_iter();
        events.filter(|event| event.user == user.name()).collect()
    }

    /// What it changed or tried to change on `server`, Events apart.
    pub(super) fn writes(&self, server: &ApiServer) -> Vec<AuditEvent> {
        let mut writes = self.requests(server);
        writes.retain(|event| event.is_write() && event.resource != "events");
        writes
    }

    /// Waits until nothing was written on any server for a while: what follows an edit, statuses among it, has then followed.
    #[track_caller]
    pub(super) fn comes_to_rest(&self) {
        let written = || [self.upstream, self.east, self.west].map(|server| self.writes(server).len());
        let mut seen = (written(), Instant::now());
        wait_for("rest", SOON, || {
            thread::sleep(LOOK);
            let now = written();
            if now != seen.0 {
                seen = (now, Instant::now());
            }
            if seen.1.elapsed() >= REST {
                Ok(())
            } else {
                Err(format!("{now:?} writes"))
            }
        });
    }

    /// Waits for an Event of `reason` about the upstream object `name` whose text has all of `parts`.
    #[track_caller]
    pub(super) fn wait_event(&self, namespace: &str, name: &str, reason: &str, parts: &[&str]) -> Value {
        let path = format!("/api/v1/namespaces/{namespace}/events");
        wait_for(
            &format!("the Event {reason} of {namespace}/{name} with {parts:?}"),
            SOON,
            || {
                let events = self.upstream.client().items(&path);
                let found = events.iter().find(|event| {
                    let message = text(event, "/message");
                    text(event, "/involvedObject/name") == name
                        && text(event, "/reason") == reason
                        && parts.iter().all(|part| message.contains(part))
                });
                found.cloned().ok_or_else(|| format!("{events:?}"))
            },
        )
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(syncer) = &self.syncer
            && thread::panicking()
        {
            drop(FailureReport::on([syncer.process()]));
        }
    }
}

/// A SyncPolicy.
pub(super) fn policy(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1",
        "kind": "SyncPolicy",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// ConfigMaps as a policy names them.
pub(super) fn config_maps() -> Value {
    json!([{"group": "", "resource": "configmaps"}])
}

/// Adds the members of `more` to `object`.
pub(super) fn merge(object: &mut Value, more: &Value) {
    let Some(members) = more.as_object() else { return };
    for (member, value) in members {
        object[member] = value.clone();
    }
}
