//! One syncer with its documents in a file, between an upstream and two targets that the tests of this module share.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, AuditEvent, Client, Credentials, FailureReport, Kubeconfig, Program, Scratch, Syncer,
    Testbed, User, stays, wait_for,
};

use crate::{
    objects::{SOON, create_namespace, text},
    world::BINARY,
};

/// How long nothing must happen to be taken for nothing happening.
const QUIET: Duration = Duration::from_secs(4);

/// What hashes over Secrets are made with.
const HASH_KEY: &str = "a key of the tests, as long as it needs";

/// Every stage acts as a user of its own, so that the audit log tells them apart, and has a namespace of its name.
const STAGES: [&str; 16] = [
    "switched",
    "cells-upstream",
    "cells-last",
    "cells-merge",
    "unions",
    "lists",
    "orders",
    "kept",
    "fields",
    "given",
    "managers",
    "keep",
    "invalid",
    "statuses",
    "killed",
    "immutable",
];

/// The clusters.
struct Clusters {
    upstream: ApiServer,
    east: ApiServer,
    west: ApiServer,
}

static CLUSTERS: LazyLock<Clusters> = LazyLock::new(|| {
    let start = |name: &'static str| {
        let options = ApiServerOptions::default().named(name);
        let known = STAGES
            .iter()
            .fold(options, |options, stage| options.user(&User::admin(stage)));
        known.start()
    };
    thread::scope(|scope| {
        let east = scope.spawn(|| start("conflict-east"));
        let west = scope.spawn(|| start("conflict-west"));
        Clusters {
            upstream: start("conflict-upstream"),
            east: east.join().unwrap(),
            west: west.join().unwrap(),
        }
    })
});

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Where people say what they want.
    Upstream,
    /// The target on which others change things.
    East,
    /// The other target.
    West,
}

/// All three.
pub(super) const SIDES: [Side; 3] = [Side::Upstream, Side::East, Side::West];

/// One syncer.
pub(super) struct Stage {
    name: &'static str,
    files: Arc<Scratch>,
    syncer: Option<Syncer>,
    _report: FailureReport<'static>,
}

// === impl Side ===

impl Side {
    /// Its server.
    pub(super) fn server(self) -> &'static ApiServer {
        let Clusters { upstream, east, west } = &*CLUSTERS;
        match self {
            Self::Upstream => upstream,
            Self::East => east,
            Self::West => west,
        }
    }

    /// Runs kubectl there as an administrator.
    #[track_caller]
    pub(super) fn kubectl(self, arguments: &[&str]) -> String {
        self.server().kubectl(arguments)
    }

    /// `kubectl edit`, with an editor that replaces `from` by `to`.
    #[track_caller]
    pub(super) fn edit(self, namespace: &str, object: &str, from: &str, to: &str) {
        let server = self.server();
        let output = Command::new(Testbed::locate().find(Program::Kubectl).unwrap())
            .arg("--kubeconfig")
            .arg(server.write(server.kubeconfig()))
            .args(["-n", namespace, "edit", object])
            .env("KUBE_EDITOR", format!("sed -i 's#{from}#{to}#'"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains("edited"),
            "{object}: {from} -> {to}: {output:?}"
        );
    }
}

// === impl Stage ===

impl Stage {
    /// The stage `name`, one of [`STAGES`], with its namespace upstream.
    pub(super) fn new(name: &'static str) -> Self {
        assert!(STAGES.contains(&name), "{name} is no stage");
        let servers = SIDES.map(Side::server);
        let files = Scratch::new(name);
        for (file, server) in ["upstream", "east", "west"].iter().zip(servers) {
            let kubeconfig = server.kubeconfig_of(&User::admin(name)).to_yaml();
            files.write(&format!("{file}.kubeconfig"), &kubeconfig);
        }
        // Without a key that outlives a restart, Secrets would be the upstream's after it.
        files.write("hash-key", HASH_KEY);
        create_namespace(Side::Upstream.server(), name);
        Self {
            name,
            files: Arc::new(files),
            syncer: None,
            _report: FailureReport::on(servers.map(ApiServer::process)),
        }
    }

    /// The namespace of its objects.
    pub(super) fn namespace(&self) -> &'static str {
        self.name
    }

    /// The name of the target on `side`.
    pub(super) fn target(&self, side: Side) -> String {
        match side {
            Side::West => format!("{}-west", self.name),
            Side::Upstream | Side::East => format!("{}-east", self.name),
        }
    }

    /// A file of its own.
    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        self.files.write(name, content)
    }

    /// Both targets, and one policy for the four kinds in its namespace with these rules of conflicts; `more` is added to its spec.
    /// In place of what was said before, in one step.
    pub(super) fn says(&self, conflict: &Value, more: &Value) {
        self.write(&[Self::policy(self.name, conflict, more)]);
    }

    /// The same with a policy for each of several namespaces, which are called `<stage>-<suffix>`.
    pub(super) fn says_each(&self, rules: &[(&str, Value)]) {
        let policies = rules
            .iter()
            .map(|(suffix, conflict)| Self::policy(&format!("{}-{suffix}", self.name), conflict, &json!({})));
        self.write(&policies.collect::<Vec<_>>());
    }

    fn policy(namespace: &str, conflict: &Value, more: &Value) -> Value {
        let mut spec = json!({
            "resources": [
                {"group": "apps", "resource": "deployments"},
                {"group": "", "resource": "services"},
                {"group": "", "resource": "configmaps"},
                {"group": "", "resource": "secrets"},
            ],
            "namespaces": {"names": [namespace]},
            "conflict": conflict,
        });
        for (member, value) in more.as_object().into_iter().flatten() {
            spec[member] = value.clone();
        }
        document("SyncPolicy", namespace, &spec)
    }

    fn write(&self, policies: &[Value]) {
        let target = |side: Side, file: &str| {
            let spec = json!({"kubeconfigFile": format!("{file}.kubeconfig")});
            document("SyncTarget", &self.target(side), &spec)
        };
        let mut all = vec![target(Side::East, "east"), target(Side::West, "west")];
        all.extend_from_slice(policies);
        let all: Vec<_> = all.iter().map(Value::to_string).collect();
        let new = self.files.write("documents.new", &all.join("\n---\n"));
        fs::rename(new, self.files.path().join("documents.yaml")).unwrap();
    }

    /// Makes `objects` upstream, as `kubectl apply -f` does.
    #[track_caller]
    pub(super) fn apply(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let file = self.file("objects.json", &list.to_string());
        Side::Upstream.kubectl(&["-n", self.name, "apply", "-f", &file.display().to_string()]);
    }

    /// Starts the syncer.
    pub(super) fn run(&mut self) {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        let arguments = [
            "run".to_owned(),
            "--upstream-kubeconfig".to_owned(),
            file("upstream.kubeconfig"),
            "-f".to_owned(),
            file("documents.yaml"),
            "--hash-key-file".to_owned(),
            file("hash-key"),
            "--log-level".to_owned(),
            "debug".to_owned(),
        ];
        self.syncer = Some(Syncer::start(BINARY, arguments));
    }

    /// The running syncer.
    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// Ends it at once; its log.
    pub(super) fn kill(&mut self) -> String {
        let mut syncer = self.syncer.take().unwrap();
        syncer.kill();
        syncer.log()
    }

    /// A page of its admin server, once that answers.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> String {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", self.syncer().admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        let answer = wait_for(&format!("the page {path}"), SOON, || {
            admin.try_call("GET", path, "", None)
        });
        answer.text
    }

    /// The sum of the counters of `family` whose labels have all of `labels`.
    #[track_caller]
    pub(super) fn counter(&self, family: &str, labels: &[&str]) -> u64 {
        let metrics = self.page("/metrics");
        let lines = metrics.lines().filter(|line| {
            line.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|label| line.contains(label))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.split('.').next()?.parse::<u64>().ok());
        values.sum()
    }

    /// What it changed or tried to change on `side`, Events apart.
    pub(super) fn writes(&self, side: Side) -> Vec<AuditEvent> {
        let mut writes = side.server().writes_of(&User::admin(self.name));
        writes.retain(|event| event.resource != "events" && !event.uri.contains("dryRun"));
        writes
    }

    /// Nothing is written on any side for a while, once what was under way is through.
    #[track_caller]
    pub(super) fn stays_quiet(&self, what: &str) {
        let count = || SIDES.map(|side| self.writes(side).len());
        let (mut before, mut since) = (count(), Instant::now());
        wait_for(&format!("rest {what}"), SOON, || {
            let now = count();
            if now != before {
                (before, since) = (now, Instant::now());
            }
            if since.elapsed() >= QUIET / 4 {
                Ok(())
            } else {
                Err(format!("{now:?} writes"))
            }
        });
        stays(what, QUIET, || {
            let now = SIDES.map(|side| self.writes(side));
            let new: Vec<_> = now
                .iter()
                .zip(before)
                .flat_map(|(now, before)| &now[before..])
                .collect();
            if new.is_empty() {
                Ok(())
            } else {
                Err(format!("{new:?}"))
            }
        });
    }
}

/// A document of ours.
fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// The Events about the upstream object `kind` `name`, with their reason and their text.
pub(super) fn events(namespace: &str, kind: &str, name: &str) -> Vec<(String, String)> {
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let all = Side::Upstream.server().client().items(&path);
    let of = all
        .iter()
        .filter(|event| text(event, "/involvedObject/name") == name && text(event, "/involvedObject/kind") == kind);
    of.map(|event| (text(event, "/reason").to_owned(), text(event, "/message").to_owned()))
        .collect()
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(syncer) = &self.syncer
            && thread::panicking()
        {
            drop(FailureReport::on([syncer.process()]));
        }
    }
}
