//! Syncers with their documents in files, between clusters that the tests of this module share.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Output},
    sync::LazyLock,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Audit, Controllers, FailureReport, Kubeconfig, Patch, Scratch, Syncer, wait_for,
};

use crate::{
    objects::{ConfigMap, ENDS_WITHIN, SOON, namespace, text, version},
    printed::{self, Side},
    world::BINARY,
};

/// Every stage acts as a user of its own, so that the audit log tells them apart.
const STAGES: [&str; 20] = [
    "drain", "past", "refuse", "absent", "orphan", "marked", "paused", "copies", "hundred", "partly", "away", "again",
    "share", "lodger", "twice", "first", "second", "hands", "unlisted", "rested",
];

/// The label by which a target's objects are known.
pub(super) const KEY_LABEL: &str = "/metadata/labels/internal.workload.kcp.io~1cluster";

/// The clusters: namespaces end on all of them but the second upstream.
pub(super) struct Clusters {
    pub(super) upstream: ApiServer,
    pub(super) other: ApiServer,
    pub(super) east: ApiServer,
    pub(super) west: ApiServer,
}

static CLUSTERS: LazyLock<Clusters> = LazyLock::new(|| {
    let start = |name: &'static str, controllers, side| {
        let options = ApiServerOptions::default()
            .named(name)
            .controllers(controllers)
            .audit(Audit::Writes);
        let known = STAGES
            .iter()
            .fold(options, |options, stage| options.user(&printed::user(stage)));
        printed::grant(known.start(), side)
    };
    thread::scope(|scope| {
        let east = scope.spawn(|| start("east", Controllers::Namespaces, Side::Target));
        let west = scope.spawn(|| start("west", Controllers::None, Side::Target));
        let other = scope.spawn(|| start("other", Controllers::None, Side::Upstream));
        Clusters {
            upstream: start("upstream", Controllers::Namespaces, Side::Upstream),
            other: other.join().unwrap(),
            east: east.join().unwrap(),
            west: west.join().unwrap(),
        }
    })
});

/// One syncer. Its targets are called `<stage>-<cluster>`, unless a test says otherwise.
pub(super) struct Stage {
    name: &'static str,
    files: Scratch,
    syncer: Option<Syncer>,
    pub(super) upstream: &'static ApiServer,
    pub(super) east: &'static ApiServer,
    pub(super) west: &'static ApiServer,
    _report: FailureReport<'static>,
}

// === impl Stage ===

impl Stage {
    /// The stage `name`, one of [`STAGES`].
    pub(super) fn new(name: &'static str) -> Self {
        Self::below(name, &CLUSTERS.upstream)
    }

    /// The same, with the second upstream.
    pub(super) fn of_other(name: &'static str) -> Self {
        Self::below(name, &CLUSTERS.other)
    }

    fn below(name: &'static str, upstream: &'static ApiServer) -> Self {
        assert!(STAGES.contains(&name), "{name} is no stage");
        let Clusters { east, west, .. } = &*CLUSTERS;
        let stage = Self {
            name,
            files: Scratch::new(name),
            syncer: None,
            upstream,
            east,
            west,
            _report: FailureReport::on([upstream.process(), east.process(), west.process()]),
        };
        for (file, server) in [("upstream", upstream), ("east", east), ("west", west)] {
            let kubeconfig = server.kubeconfig_of(&printed::user(name)).to_yaml();
            stage.files.write(&format!("{file}.kubeconfig"), &kubeconfig);
        }
        // Nobody listens on port 9 of this host.
        let nobody = stage.east.kubeconfig_of(&printed::user(name)).to_yaml();
        let nobody = nobody.replace(stage.east.url(), "https://127.0.0.1:9");
        stage.files.write("nobody.kubeconfig", &nobody);
        stage
    }

    /// Writes the file `<name>.kubeconfig`.
    pub(super) fn kubeconfig(&self, name: &str, kubeconfig: &Kubeconfig) {
        self.files.write(&format!("{name}.kubeconfig"), &kubeconfig.to_yaml());
    }

    /// The name of the target of the cluster `cluster`.
    pub(super) fn target_name(&self, cluster: &str) -> String {
        format!("{}-{cluster}", self.name)
    }

    /// A SyncTarget for the cluster `cluster`; `spec` is added to its spec.
    pub(super) fn target(&self, cluster: &str, spec: &Value) -> Value {
        target(&self.target_name(cluster), cluster, spec)
    }

    /// East and west without anything special.
    pub(super) fn targets(&self) -> [Value; 2] {
        ["east", "west"].map(|cluster| self.target(cluster, &json!({})))
    }

    /// A policy of the stage's name for `resources` (`configmaps`, `deployments.apps`) in the namespaces that begin with it;
    /// `more` is added to its spec.
    pub(super) fn policy(&self, resources: &[&str], namespaces: &[&str], more: &Value) -> Value {
        let resource = |name: &&str| match name.split_once('.') {
            None => json!({"group": "", "resource": name}),
            Some((resource, group)) => json!({"group": group, "resource": resource}),
        };
        let mut spec = json!({
            "resources": resources.iter().map(resource).collect::<Vec<_>>(),
            "namespaces": {"names": namespaces},
        });
        merge(&mut spec, more);
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncPolicy",
            "metadata": {"name": self.name},
            "spec": spec,
        })
    }

    /// A path in the folder of its files.
    pub(super) fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// Writes the documents, in place of those before, in one step.
    pub(super) fn write(&self, documents: &[Value]) {
        let mut yaml = String::new();
        for document in documents {
            // A write to a string cannot fail.
            let _ = writeln!(yaml, "---\n{document}");
        }
        let new = self.files.write("documents.new", &yaml);
        fs::rename(new, self.file("documents.yaml")).unwrap();
    }

    fn arguments(&self, command: &str, more: &[&str]) -> Vec<String> {
        let mut all = vec![
            command.to_owned(),
            "--upstream-kubeconfig".to_owned(),
            self.file("upstream.kubeconfig"),
        ];
        all.extend(more.iter().map(|argument| (*argument).to_owned()));
        all
    }

    /// Starts the syncer on the documents.
    pub(super) fn run(&mut self) {
        let documents = self.file("documents.yaml");
        self.syncer = Some(Syncer::start(BINARY, self.arguments("run", &["-f", &documents])));
    }

    /// The running syncer.
    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// Ends it in an orderly way.
    #[track_caller]
    pub(super) fn end(&mut self) {
        let mut syncer = self.syncer.take().unwrap();
        let exit = syncer.terminate(ENDS_WITHIN);
        assert_eq!(exit.code, Some(0), "{}", syncer.log());
        for server in [self.upstream, self.east, self.west] {
            printed::assert_enough(server, &printed::user(self.name));
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.syncer.take().unwrap().kill();
    }

    /// Runs `tmc-syncer release` to its end.
    pub(super) fn release(&self, arguments: &[&str]) -> Released {
        let output = Command::new(BINARY)
            .args(self.arguments("release", arguments))
            .args(["-o", "json"])
            .env_remove("KUBECONFIG")
            .output()
            .unwrap();
        Released(output)
    }

    /// Creates `count` ConfigMaps `object-<n>` in `namespace` upstream.
    pub(super) fn maps(&self, namespace: &str, count: usize) -> Vec<ConfigMap> {
        let maps = (0..count).map(|n| ConfigMap::new(namespace, &format!("object-{n}")));
        maps.inspect(|map| {
            map.create(self.upstream, &json!({"key": "1"}));
        })
        .collect()
    }
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

/// What `tmc-syncer release` did.
pub(super) struct Released(Output);

// === impl Released ===

impl Released {
    pub(super) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        let out = String::from_utf8_lossy(&self.0.stdout);
        let err = String::from_utf8_lossy(&self.0.stderr);
        let parsed = serde_json::from_str(&out);
        assert!(parsed.is_ok(), "{out} {err}");
        parsed.unwrap()
    }

    /// The finalizers and the markers that it took off `resource` for `target`.
    #[track_caller]
    pub(super) fn counts(&self, target: &str, resource: &str) -> (u64, u64) {
        let json = self.json();
        let rows = json["released"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["target"] == target && row["resource"] == resource);
        row.map_or((0, 0), |row| {
            (row["finalizers"].as_u64().unwrap(), row["markers"].as_u64().unwrap())
        })
    }
}

/// A SyncTarget whose kubeconfig `<file>.kubeconfig` lies beside the documents; `more` is added to its spec.
pub(super) fn target(name: &str, file: &str, more: &Value) -> Value {
    let mut spec = json!({"kubeconfigFile": format!("{file}.kubeconfig")});
    merge(&mut spec, more);
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1",
        "kind": "SyncTarget",
        "metadata": {"name": name},
        "spec": spec,
    })
}

fn merge(object: &mut Value, more: &Value) {
    let Some(members) = more.as_object() else { return };
    for (member, value) in members {
        object[member] = value.clone();
    }
}

/// Changes the object at `path` by a merge patch.
#[track_caller]
pub(super) fn change(server: &ApiServer, path: &str, change: &Value) -> Value {
    server.client().patch(path, Patch::Merge(change))
}

/// Waits until `server` holds all of `maps`.
#[track_caller]
pub(super) fn wait_all(server: &ApiServer, maps: &[ConfigMap]) {
    for map in maps {
        wait_for(&format!("{map:?}"), SOON, || map.get(server).ok_or("nothing"));
    }
}

/// Waits until `server` holds none of `maps`.
#[track_caller]
pub(super) fn wait_none(server: &ApiServer, maps: &[ConfigMap]) {
    for map in maps {
        map.wait_gone(server);
    }
}

/// Waits until `server` holds no namespace `name`.
#[track_caller]
pub(super) fn wait_namespace_gone(server: &ApiServer, name: &str) {
    wait_for(&format!("the end of namespace {name}"), Duration::from_mins(3), || {
        namespace(server, name).map_or(Ok(()), |seen| Err(seen.to_string()))
    });
}

/// Asserts that `object` carries nothing of ours.
#[track_caller]
pub(super) fn assert_nobodys(object: &Value) {
    let metadata = object["metadata"].to_string();
    for ours in ["kcp.io/", "tmc-syncer"] {
        assert!(!metadata.contains(ours), "{metadata}");
    }
}

/// Asserts that `object` is still there at `path`, as nobody wrote it.
#[track_caller]
pub(super) fn assert_untouched(server: &ApiServer, path: &str, object: &Value) {
    let seen = server.client().read(path);
    assert_eq!(version(&seen), version(object), "{seen}");
}

/// Whether `object` carries the label of a target.
pub(super) fn is_marked(object: &Value) -> bool {
    !text(object, KEY_LABEL).is_empty()
}
