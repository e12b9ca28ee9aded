//! `tmc-syncer diff`: what each target would get, on real API servers, with exactly the printed rights, and without a trace.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, Audit, FailureReport, Kubeconfig, Patch, Scratch, Syncer, User, wait_for,
};

use crate::{
    objects::{SOON, create_namespace, text},
    printed::{self, Side},
    world::BINARY,
};

/// Every scene acts as a user of its own.
const SCENES: [&str; 5] = ["diff-use", "diff-change", "diff-dead", "diff-held", "diff-rights"];

/// The Secret's value, and as it lies in the API server.
const PASSWORD: (&str, &str) = ("tell-nobody-this", "dGVsbC1ub2JvZHktdGhpcw==");

/// Where what the syncer may write lies.
const LOOKED_AT: [&str; 8] = [
    "/api/v1/namespaces",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/services",
    "/apis/apps/v1/deployments",
    "/api/v1/events",
    "/apis/events.k8s.io/v1/events",
    "/apis/coordination.k8s.io/v1/leases",
];

struct Clusters {
    upstream: ApiServer,
    east: ApiServer,
    west: ApiServer,
}

static CLUSTERS: LazyLock<Clusters> = LazyLock::new(|| {
    let start = |name: &'static str, side| {
        let options = ApiServerOptions::default().named(name).audit(Audit::Everything);
        let known = SCENES
            .iter()
            .fold(options, |options, scene| options.user(&printed::user(scene)));
        printed::grant(known.user(&User::new("onlooker")).start(), side)
    };
    Clusters {
        upstream: start("upstream", Side::Upstream),
        east: start("east", Side::Target),
        west: start("west", Side::Target),
    }
});

/// One test's files. Its targets and its namespace are called after it.
struct Scene {
    name: &'static str,
    files: Scratch,
    clusters: &'static Clusters,
    _report: FailureReport<'static>,
}

/// What a run of `diff` came to.
struct Shown {
    code: Option<i32>,
    out: String,
    err: String,
}

// === impl Scene ===

impl Scene {
    fn new(name: &'static str) -> Self {
        assert!(SCENES.contains(&name));
        let clusters = &*CLUSTERS;
        let Clusters { upstream, east, west } = clusters;
        let scene = Self {
            name,
            files: Scratch::new(name),
            clusters,
            _report: FailureReport::on([upstream.process(), east.process(), west.process()]),
        };
        for (file, server) in [("upstream", upstream), ("east", east), ("west", west)] {
            scene.kubeconfig(file, &server.kubeconfig_of(&printed::user(name)));
        }
        scene.files.write("hash.key", "a key of this test, long enough");
        scene
    }

    fn kubeconfig(&self, file: &str, kubeconfig: &Kubeconfig) {
        self.files.write(&format!("{file}.kubeconfig"), &kubeconfig.to_yaml());
    }

    /// East and west, and one policy that sends what is in the scene's namespaces to both.
    fn documents(&self, policy: &Value) {
        let mut documents: Vec<_> = ["east", "west"]
            .map(|cluster| {
                json!({
                    "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget",
                    "metadata": {"name": format!("{}-{cluster}", self.name)},
                    "spec": {"kubeconfigFile": format!("{cluster}.kubeconfig")},
                })
            })
            .into();
        let mut spec = json!({
            "resources": [
                {"group": "", "resource": "configmaps"}, {"group": "", "resource": "secrets"}, {"group": "", "resource": "services"},
                {"group": "apps", "resource": "deployments"},
            ],
            "namespaces": {"names": [self.name]},
        });
        for (member, value) in policy.as_object().into_iter().flatten() {
            spec[member] = value.clone();
        }
        let metadata = json!({"name": self.name});
        documents.push(
            json!({"apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": metadata, "spec": spec}),
        );
        let text: Vec<_> = documents.iter().map(Value::to_string).collect();
        self.files.write("documents.yaml", &text.join("\n---\n"));
    }

    fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    fn arguments(&self, command: &str) -> Vec<String> {
        let upstream = self.file("upstream.kubeconfig");
        let (documents, key) = (self.file("documents.yaml"), self.file("hash.key"));
        let all = [
            command,
            "--upstream-kubeconfig",
            &upstream,
            "-f",
            &documents,
            "--hash-key-file",
            &key,
        ];
        all.map(str::to_owned).into()
    }

    fn diff(&self, arguments: &[&str]) -> Shown {
        let output = Command::new(BINARY)
            .args(self.arguments("diff"))
            .args(arguments)
            .env_remove("KUBECONFIG")
            .output();
        Shown::of(output.unwrap())
    }

    fn json(&self) -> Value {
        let shown = self.diff(&["-o", "json"]);
        serde_json::from_str(&shown.out).unwrap()
    }

    fn run(&self) -> Syncer {
        Syncer::start(BINARY, self.arguments("run"))
    }

    fn create(&self, collection: &str, object: &Value) {
        let (root, plural) = collection.rsplit_once('/').unwrap();
        let path = format!("{root}/namespaces/{}/{plural}", self.name);
        self.clusters.upstream.client().create(&path, object);
    }

    /// A namespace with three ConfigMaps, a Secret, a Service and a Deployment.
    fn furnish(&self) {
        create_namespace(&self.clusters.upstream, self.name);
        for name in ["edited", "deleted", "drifted"] {
            self.create(
                "/api/v1/configmaps",
                &json!({"metadata": {"name": name}, "data": {"color": "red"}}),
            );
        }
        let secret = json!({"metadata": {"name": "login"}, "stringData": {"password": PASSWORD.0}});
        self.create("/api/v1/secrets", &secret);
        let service =
            json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
        self.create("/api/v1/services", &service);
        let deployment = json!({"metadata": {"name": "web"}, "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "nginx"}]}},
        }});
        self.create("/apis/apps/v1/deployments", &deployment);
    }

    fn deployment(&self) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments/web", self.name)
    }

    #[track_caller]
    fn change(&self, server: &ApiServer, path: &str, change: &Value) {
        assert!(path.contains(self.name), "an object of this scene");
        server.client().patch(path, Patch::Merge(change));
    }

    /// Where what a difference is about is.
    fn place(&self, difference: &Value) -> (&'static ApiServer, String) {
        let member = |name: &str| difference[name].as_str().unwrap();
        let server = if member("target").ends_with("-east") {
            &self.clusters.east
        } else {
            &self.clusters.west
        };
        let (plural, root) = match member("resource").split_once('.') {
            Some((plural, group)) => (plural, format!("/apis/{group}/v1")),
            None => (member("resource"), "/api/v1".to_owned()),
        };
        let path = match member("namespace") {
            "" => format!("{root}/{plural}/{}", member("name")),
            namespace => format!("{root}/namespaces/{namespace}/{plural}/{}", member("name")),
        };
        (server, path)
    }

    /// What `diff` shows once a run has done everything: nothing.
    #[track_caller]
    fn diff_at_rest(&self) -> Shown {
        wait_for("a diff without a difference", SOON, || {
            let shown = self.diff(&[]);
            if shown.code == Some(0) {
                Ok(shown)
            } else {
                Err(format!("{} {}", shown.out, shown.err))
            }
        })
    }

    /// After a diff without a difference: a run that gets to the end of its lists writes what is edited then, and nothing else on targets.
    #[track_caller]
    fn assert_a_run_writes_nothing_else(&self) {
        let Clusters { upstream, west, .. } = self.clusters;
        let before = self.everything();
        let mut syncer = self.run();
        let target = format!("{}-west", self.name);
        syncer.wait_for_log(&["listed the target", &target, "secrets"], SOON);
        self.change(upstream, &self.map("edited"), &json!({"data": {"color": "last"}}));
        wait_for("what was edited last", SOON, || {
            let map = west.client().get(&self.map("edited"));
            map.is_some_and(|map| map["data"]["color"] == "last")
        });
        syncer.terminate(SOON);
        let mut after = self.everything();
        after.retain(|path, version| before.get(path) != Some(version) && !path.starts_with("upstream"));
        let others: Vec<_> = after.keys().filter(|path| !path.ends_with("/edited")).collect();
        assert!(
            others.is_empty(),
            "after a diff without a difference a run wrote {others:?}"
        );
    }

    fn map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.name)
    }

    /// What all three servers hold, by path and version.
    fn everything(&self) -> BTreeMap<String, String> {
        let Clusters { upstream, east, west } = self.clusters;
        let mut all = BTreeMap::new();
        for (side, server) in [("upstream", upstream), ("east", east), ("west", west)] {
            for collection in LOOKED_AT {
                for object in server.client().items(collection) {
                    let (namespace, name) = (text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
                    // Of others that work at the same time nothing is said here.
                    if namespace == self.name || (namespace.is_empty() && name == self.name) {
                        let version = text(&object, "/metadata/resourceVersion").to_owned();
                        all.insert(format!("{side} {collection} {namespace}/{name}"), version);
                    }
                }
            }
        }
        all
    }

    /// Asserts that whoever asked for this scene wrote nothing that lasts.
    fn assert_no_trace(&self) {
        let Clusters { upstream, east, west } = self.clusters;
        let user = printed::user(self.name);
        for server in [upstream, east, west] {
            let written = server.writes_of(&user);
            let lasting: Vec<_> = written
                .iter()
                .filter(|event| !event.uri.contains("dryRun=All"))
                .collect();
            assert!(lasting.is_empty(), "{lasting:?}");
            printed::assert_enough(server, &user);
        }
        assert!(upstream.writes_of(&user).is_empty(), "nothing is tried upstream");
    }
}

// === impl Shown ===

impl Shown {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn has(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{} {}", self.out, self.err);
        for part in parts {
            assert!(self.out.contains(part), "{part:?} is not in {} {}", self.out, self.err);
        }
        for secret in [PASSWORD.0, PASSWORD.1] {
            assert!(
                !self.out.contains(secret) && !self.err.contains(secret),
                "a value of a Secret is shown"
            );
        }
    }
}

/// How many differences are shown.
fn headlines(out: &str) -> usize {
    out.lines().filter(|line| line.starts_with("# ")).count()
}

/// What somebody decides of an object.
fn decided(object: &Value) -> Value {
    let members = object.as_object().unwrap().iter();
    let decided = members.filter(|(member, _)| matches!(member.as_str(), "spec" | "data" | "type"));
    decided
        .map(|(member, value)| (member.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn it_shows_what_a_run_then_writes_and_nothing_after_that() {
    let scene = Scene::new("diff-use");
    scene.documents(&json!({"transforms": [{"set": {"path": "metadata.labels.target", "cel": "target.name"}}]}));
    scene.furnish();

    let before = scene.everything();
    let shown = scene.diff(&[]);
    shown.has(
        1,
        &[
            "# diff-use-east: create namespaces diff-use (policy diff-use)\n",
            "# diff-use-west: create deployments.apps diff-use/web (policy diff-use)",
            "# diff-use-east: create secrets diff-use/login",
            "+  color: red\n",
            "+    target: diff-use-east\n",
            "+  password: (hash ",
        ],
    );
    assert_eq!(shown.err, "");
    assert_eq!(headlines(&shown.out), 14, "seven on each of two targets: {}", shown.out);
    assert_eq!(scene.diff(&[]).out, shown.out, "the same order each time");
    assert_eq!(scene.everything(), before);
    scene.assert_no_trace();
    let announced = scene.json();

    let mut syncer = scene.run();
    for difference in announced["differences"].as_array().unwrap() {
        let (server, path) = scene.place(difference);
        let live = wait_for(&path, SOON, || server.client().get(&path));
        if path.contains("/secrets/") || !path.contains("diff-use/") {
            continue;
        }
        // Everything in the new namespace is shown as it is applied.
        assert_eq!(difference["source"], "computed", "{difference}");
        let (said, is) = (decided(&difference["after"]), decided(&live));
        assert!(within(&said, &is), "{path}: {said} is not in {is}");
    }
    let none = scene.diff_at_rest();
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", ""));
    syncer.terminate(SOON);
}

#[test]
fn changes_deletions_and_drift_are_shown_as_they_are_written() {
    let scene = Scene::new("diff-change");
    let Clusters { upstream, east, west } = scene.clusters;
    scene.documents(&json!({}));
    scene.furnish();
    let mut syncer = scene.run();
    wait_for("the Deployment everywhere", SOON, || {
        [east, west]
            .into_iter()
            .all(|server| server.client().get(&scene.deployment()).is_some())
    });
    scene.diff_at_rest();
    syncer.terminate(SOON);

    scene.change(upstream, &scene.map("edited"), &json!({"data": {"color": "blue"}}));
    upstream.client().delete(&scene.map("deleted"));
    scene.change(east, &scene.map("drifted"), &json!({"data": {"color": "theirs"}}));
    scene.change(upstream, &scene.deployment(), &json!({"spec": {"replicas": 3}}));
    let before = scene.everything();
    let shown = scene.diff(&[]);
    shown.has(
        1,
        &[
            "# diff-change-east: change configmaps diff-change/edited",
            "-  color: red\n+  color: blue\n",
            "# diff-change-west: delete configmaps diff-change/deleted",
            "# diff-change-east: revert configmaps diff-change/drifted",
            "-  color: theirs\n+  color: red\n",
            "-  replicas: 1\n+  replicas: 3\n",
        ],
    );
    assert!(!shown.out.contains("diff-change-west: revert"), "{}", shown.out);
    assert_eq!(headlines(&shown.out), 7, "{}", shown.out);
    assert_eq!(scene.everything(), before);
    let announced = scene.json();

    let mut syncer = scene.run();
    for difference in announced["differences"].as_array().unwrap() {
        assert_eq!(difference["source"], "server");
        let (server, path) = scene.place(difference);
        let after = difference.get("after").filter(|after| !after.is_null());
        wait_for(&format!("{path} as it was shown"), SOON, || {
            let live = server.client().get(&path);
            if live.as_ref().map(decided) == after.map(decided) {
                Ok(())
            } else {
                Err(format!("{live:?}"))
            }
        });
    }
    scene.diff_at_rest();
    syncer.terminate(SOON);
    scene.diff(&[]).has(0, &[]);
    scene.assert_a_run_writes_nothing_else();
}

/// Whether every member of `part` is in `whole`.
fn within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|found| within(value, found))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| within(part, whole))
        }
        (part, whole) => part == whole,
    }
}

#[test]
fn a_dead_target_is_said_and_the_other_is_shown() {
    let scene = Scene::new("diff-dead");
    let Clusters { upstream, west, .. } = scene.clusters;
    scene.kubeconfig(
        "west",
        &Kubeconfig {
            server: "https://127.0.0.1:1".to_owned(),
            ..west.kubeconfig().clone()
        },
    );
    scene.documents(&json!({}));
    create_namespace(upstream, "diff-dead");
    scene.create(
        "/api/v1/configmaps",
        &json!({"metadata": {"name": "a"}, "data": {"color": "red"}}),
    );
    let shown = scene.diff(&[]);
    shown.has(3, &["# diff-dead-east: create configmaps diff-dead/a"]);
    assert!(!shown.out.contains("diff-dead-west"), "{}", shown.out);
    assert!(shown.err.contains("error: target diff-dead-west: "), "{}", shown.err);
    let json = scene.json();
    assert_eq!(json["targets"][0]["state"], "compared");
    assert_eq!(json["targets"][1]["state"], "unreachable");
    assert_eq!(json["failures"][0]["target"], "diff-dead-west");

    fs::remove_file(scene.file("west.kubeconfig")).unwrap();
    let shown = scene.diff(&[]);
    shown.has(3, &["# diff-dead-east: create configmaps diff-dead/a"]);
    assert!(shown.err.contains("west.kubeconfig"), "{}", shown.err);
    scene.assert_no_trace();

    fs::write(
        scene.file("documents.yaml"),
        "kind: SyncPolicy\napiVersion: workload.kcp.io/v1alpha1\nmetadata: {name: x}\nspec: {resorces: []}\n",
    )
    .unwrap();
    let shown = scene.diff(&[]);
    shown.has(2, &[]);
    assert!(shown.err.contains("resorces"), "{}", shown.err);
    assert_eq!(scene.diff(&["--output", "html"]).code, Some(2));
    scene.kubeconfig(
        "upstream",
        &Kubeconfig {
            server: "https://127.0.0.1:1".to_owned(),
            ..upstream.kubeconfig().clone()
        },
    );
    scene.documents(&json!({}));
    let shown = scene.diff(&["--timeout", "20s"]);
    shown.has(3, &[]);
    assert!(shown.err.contains("error: upstream"), "{}", shown.err);
}

#[test]
fn what_the_guard_would_hold_is_shown_as_held() {
    let scene = Scene::new("diff-held");
    let Clusters { upstream, east, west } = scene.clusters;
    scene.documents(&json!({}));
    create_namespace(upstream, "diff-held");
    let names: Vec<_> = (0..12).map(|number| format!("m{number}")).collect();
    for name in &names {
        scene.create(
            "/api/v1/configmaps",
            &json!({"metadata": {"name": name}, "data": {"of": name}}),
        );
    }
    let mut syncer = scene.run();
    for name in &names {
        for server in [east, west] {
            wait_for(name, SOON, || server.client().get(&scene.map(name)));
        }
    }
    syncer.terminate(SOON);
    for name in &names {
        upstream.client().delete(&scene.map(name));
    }
    let before = scene.everything();
    let shown = scene.diff(&[]);
    shown.has(
        1,
        &[
            "# diff-held-east: held configmaps diff-held/m0",
            "-  of: m11\n",
            ": most of what this policy put there",
        ],
    );
    assert_eq!(shown.out.matches(": held configmaps").count(), 24, "{}", shown.out);
    assert_eq!(scene.json()["summary"], json!({"held": 24}));
    assert_eq!(scene.everything(), before);
}

#[test]
fn a_missing_permission_is_said() {
    let scene = Scene::new("diff-rights");
    let Clusters { upstream, west, .. } = scene.clusters;
    // Who may look, and may not write, cannot ask for a dry run either.
    let onlooker = User::new("onlooker");
    let looks = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    west.grant(&onlooker, &looks);
    scene.kubeconfig("west", &west.kubeconfig_of(&onlooker));
    scene.documents(&json!({}));
    create_namespace(upstream, "diff-rights");
    create_namespace(west, "diff-rights");
    scene.create(
        "/api/v1/configmaps",
        &json!({"metadata": {"name": "a"}, "data": {"color": "red"}}),
    );
    let shown = scene.diff(&[]);
    shown.has(3, &["# diff-rights-east: create configmaps diff-rights/a"]);
    assert!(
        shown.err.contains("error: target diff-rights-west: ") && shown.err.contains("forbidden"),
        "{}",
        shown.err
    );
    assert!(!shown.out.contains("diff-rights-west"), "{}", shown.out);
}
