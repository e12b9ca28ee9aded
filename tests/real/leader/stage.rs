//! Replicas of one syncer, each with users of its own, so that audit logs tell who wrote what.

use std::{
    collections::BTreeMap,
    fs,
    ops::RangeInclusive,
    path::PathBuf,
    sync::LazyLock,
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, AuditEvent, Client, Credentials, FailureReport, Kubeconfig, Scratch, Syncer, User,
    wait_for,
};

use crate::{
    objects::{SOON, create_namespace, text, versions},
    printed::{self, Side},
    world::BINARY,
};

/// Every test has a stage of its own, and each of its two replicas a user.
const STAGES: [&str; 4] = ["kill", "term", "pause", "lease"];

/// The clusters.
struct Clusters {
    upstream: ApiServer,
    east: ApiServer,
    west: ApiServer,
}

static CLUSTERS: LazyLock<Clusters> = LazyLock::new(|| {
    let start = |name, side| {
        let options = ApiServerOptions::default().named(name);
        let all = STAGES
            .iter()
            .flat_map(|stage| ["one", "two"].map(|replica| user(stage, replica)));
        printed::grant(all.fold(options, |options, user| options.user(&user)).start(), side)
    };
    thread::scope(|scope| {
        let east = scope.spawn(|| start("east", Side::Target));
        let west = scope.spawn(|| start("west", Side::Target));
        Clusters {
            upstream: start("upstream", Side::Upstream),
            east: east.join().unwrap(),
            west: west.join().unwrap(),
        }
    })
});

/// A namespace of this name, ConfigMaps in it, and the way of these to both targets.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) upstream: &'static ApiServer,
    pub(super) east: &'static ApiServer,
    pub(super) west: &'static ApiServer,
    files: Scratch,
    _report: FailureReport<'static>,
}

/// One replica.
pub(super) struct Replica {
    pub(super) syncer: Syncer,
    admin: Client,
}

/// The user that `replica` acts as on the stage `stage`.
pub(super) fn user(stage: &str, replica: &str) -> User {
    printed::user(&format!("{stage}-{replica}"))
}

// === impl Stage ===

impl Stage {
    /// The stage `name`, one of [`STAGES`].
    pub(super) fn new(name: &'static str) -> Self {
        assert!(STAGES.contains(&name), "{name} is no stage");
        let Clusters { upstream, east, west } = &*CLUSTERS;
        create_namespace(upstream, name);
        printed::grant_lease(upstream, name);
        Self {
            name,
            upstream,
            east,
            west,
            files: Scratch::new(name),
            _report: FailureReport::on([upstream.process(), east.process(), west.process()]),
        }
    }

    pub(super) fn servers(&self) -> [(&'static str, &'static ApiServer); 3] {
        [("upstream", self.upstream), ("east", self.east), ("west", self.west)]
    }

    /// Writes `kubeconfig` into a file of this name.
    pub(super) fn file(&self, name: &str, kubeconfig: &Kubeconfig) -> PathBuf {
        self.files.write(name, &kubeconfig.to_yaml())
    }

    /// Starts the replica `name`, with its Lease in the stage's namespace of the upstream.
    pub(super) fn start(&self, name: &str, more: &[&str]) -> Replica {
        let by = user(self.name, name);
        let file = |cluster: &str, server: &ApiServer| {
            self.file(&format!("{name}-{cluster}.kubeconfig"), &server.kubeconfig_of(&by))
        };
        let target = |cluster: &str, server: &ApiServer| {
            json!({
                "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget",
                "metadata": {"name": format!("{}-{cluster}", self.name)},
                "spec": {"kubeconfigFile": file(cluster, server)},
            })
        };
        let policy = json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": self.name},
            "spec": {"resources": [{"group": "", "resource": "configmaps"}], "namespaces": {"names": [self.name]}},
        });
        let documents = [target("east", self.east), target("west", self.west), policy];
        let documents = documents.map(|document| format!("---\n{document}\n")).concat();
        let documents = self.files.write(&format!("{name}.yaml"), &documents);
        let upstream = file("upstream", self.upstream);
        let mut arguments: Vec<String> = ["run", "--leader-elect", "--lease-namespace", self.name, "-f"]
            .map(str::to_owned)
            .into();
        arguments.push(documents.display().to_string());
        arguments.extend(["--upstream-kubeconfig".to_owned(), upstream.display().to_string()]);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        Replica::of(Syncer::start(BINARY, arguments))
    }

    /// Starts both, one after the other; the first leads.
    pub(super) fn both(&self, more: &[&str]) -> (Replica, Replica) {
        let one = self.start("one", more);
        one.wait_leads();
        let two = self.start("two", more);
        two.wait_stands_by();
        (one, two)
    }

    /// Makes ConfigMaps upstream with these numbers, one after the other, in a thread of its own.
    pub(super) fn load(&self, numbers: std::ops::Range<usize>) -> JoinHandle<()> {
        let (client, path) = (
            self.upstream.client().clone(),
            format!("/api/v1/namespaces/{}/configmaps", self.name),
        );
        thread::spawn(move || {
            for number in numbers {
                client.create(
                    &path,
                    &json!({"metadata": {"name": name(number)}, "data": {"number": number.to_string()}}),
                );
            }
        })
    }

    /// Waits until both targets have `count` ConfigMaps.
    pub(super) fn wait_arrived(&self, count: usize) {
        for (cluster, server) in [("east", self.east), ("west", self.west)] {
            wait_for(&format!("{count} ConfigMaps on {cluster}"), SOON * 2, || {
                let there = versions(server, self.name).len();
                if there == count { Ok(()) } else { Err(there.to_string()) }
            });
        }
    }

    /// Waits until east has so many ConfigMaps at least.
    pub(super) fn wait_some(&self, count: usize) {
        wait_for(&format!("{count} ConfigMaps or more on east"), SOON, || {
            let there = versions(self.east, self.name).len();
            if there >= count { Ok(()) } else { Err(there.to_string()) }
        });
    }

    /// What `replica` wrote on `server`, Events and the Lease apart: what was refused is not among it.
    pub(super) fn writes(&self, server: &ApiServer, replica: &str) -> Vec<AuditEvent> {
        let all = server.writes_of(&user(self.name, replica)).into_iter();
        all.filter(|event| event.code < 400 && event.resource != "events" && event.resource != "leases")
            .collect()
    }

    /// How often each ConfigMap was written on `server`, by both replicas together.
    pub(super) fn writes_by_name(&self, server: &ApiServer) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for replica in ["one", "two"] {
            for event in self.writes(server, replica) {
                if event.resource == "configmaps" && event.namespace == self.name {
                    *counts.entry(event.name).or_default() += 1;
                }
            }
        }
        counts
    }

    /// Each of `count` ConfigMaps was written on each target by one request, no matter by whom.
    #[track_caller]
    pub(super) fn assert_written_once(&self, count: usize) {
        self.assert_written(count..=count);
    }

    /// No ConfigMap was written twice on any server, and for so many of them the server says that it was. It says of what was in flight when
    /// its client was killed that it failed, and does it all the same.
    #[track_caller]
    pub(super) fn assert_written(&self, count: RangeInclusive<usize>) {
        for (cluster, server) in [("east", self.east), ("west", self.west)] {
            let writes = self.writes_by_name(server);
            assert!(
                count.contains(&writes.len()),
                "{cluster}: {} of {count:?}",
                writes.len()
            );
            let more: Vec<_> = writes.iter().filter(|(_, count)| **count != 1).collect();
            assert!(more.is_empty(), "{cluster}: {more:?}");
        }
    }

    /// Nothing that the replica `old` asked for after the first write of the replica `new` was done.
    #[track_caller]
    pub(super) fn assert_handed_over(&self, old: &str, new: &str) {
        for (cluster, server) in self.servers() {
            let new = self.writes(server, new);
            let Some(first) = new.first() else {
                continue;
            };
            let late: Vec<_> = self.writes(server, old);
            let late: Vec<_> = late
                .iter()
                .filter(|event| !event.received_after(first).is_zero())
                .collect();
            assert!(late.is_empty(), "{cluster}: {late:?} after {first:?}");
        }
    }

    /// The Lease.
    pub(super) fn lease(&self) -> Value {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases/tmc-syncer",
            self.name
        );
        self.upstream.client().read(&path)
    }

    /// The time `field` of the Lease.
    #[track_caller]
    pub(super) fn lease_time(&self, field: &str) -> jiff::Timestamp {
        let lease = self.lease();
        text(&lease, &format!("/spec/{field}")).parse().unwrap()
    }
}

// === impl Replica ===

impl Replica {
    pub(super) fn of(syncer: Syncer) -> Self {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", syncer.admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        Self { syncer, admin }
    }

    /// What `/debug/leader` says; null while nobody answers.
    pub(super) fn position(&self) -> Value {
        let answer = self.admin.try_call("GET", "/debug/leader", "application/json", None);
        answer.map(|reply| reply.json()).unwrap_or_default()
    }

    /// What the path of the admin server answers.
    pub(super) fn page(&self, path: &str) -> (u16, String) {
        let reply = self.admin.call("GET", path, None);
        (reply.status, reply.text)
    }

    pub(super) fn wait_leads(&self) {
        self.wait_is("leading");
    }

    pub(super) fn wait_stands_by(&self) {
        self.wait_is("standby");
        wait_for("a standby that is ready", SOON, || match self.page("/readyz") {
            (200, _) => Ok(()),
            (_, body) => Err(body),
        });
    }

    fn wait_is(&self, role: &str) {
        wait_for(&format!("a replica that is {role}"), SOON * 2, || {
            let position = self.position();
            if text(&position, "/election") == role {
                Ok(())
            } else {
                Err(format!("{position}\n{}", self.syncer.process().log_tail()))
            }
        });
    }
}

/// The name of the ConfigMap with this number.
pub(super) fn name(number: usize) -> String {
    format!("c-{number:04}")
}

/// Applies what `tmc-syncer manifests` prints of `what` to `server`.
pub(super) fn apply_manifests(server: &ApiServer, what: &str, files: &Scratch) {
    let printed = std::process::Command::new(BINARY)
        .args(["manifests", what])
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let file = files.path().join(format!("{what}.yaml"));
    fs::write(&file, printed.stdout).unwrap();
    server.kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
}
