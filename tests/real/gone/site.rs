//! A syncer below an upstream of its own, which a test may ruin, above two targets that the tests of this module share.

use std::{fmt::Write as _, fs, sync::LazyLock, thread, time::Duration};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, ApiServerOptions, AuditEvent, Client, Controllers, Credentials, FailureReport, Kubeconfig, Patch,
    Scratch, Syncer, User, stays, wait_for,
};

use crate::{
    objects::{ConfigMap, ENDS_WITHIN, SOON, create_namespace},
    printed::{self, Side},
    world::BINARY,
};

/// So long nothing may go: longer than any list, look or delay that would let it go.
const WHILE: Duration = Duration::from_secs(5);

/// Every site acts as a user of its own, so that the audit log tells them apart.
const SITES: [&str; 12] = [
    "lacking", "rights", "reach", "emptied", "snapshot", "stranger", "heir", "count", "start", "sweep", "dropped",
    "departed",
];

/// How many objects a site has.
pub(super) const OBJECTS: usize = 20;

/// The targets.
static TARGETS: LazyLock<[ApiServer; 2]> = LazyLock::new(|| {
    let start = |name: &'static str| {
        let options = ApiServerOptions::default().named(name);
        let known = SITES
            .iter()
            .fold(options, |options, site| options.user(&printed::user(site)));
        printed::grant(known.start(), Side::Target)
    };
    thread::scope(|scope| {
        let west = scope.spawn(|| start("west"));
        [start("east"), west.join().unwrap()]
    })
});

/// One upstream and its syncer. Its targets are called `<site>-<cluster>`.
pub(super) struct Site {
    name: &'static str,
    files: Scratch,
    pub(super) syncer: Option<Syncer>,
    pub(super) upstream: ApiServer,
    pub(super) east: &'static ApiServer,
    pub(super) west: &'static ApiServer,
}

// === impl Site ===

impl Site {
    /// The site `name`, one of [`SITES`], with [`OBJECTS`] ConfigMaps in a namespace of its name, and documents that send them to both
    /// targets.
    pub(super) fn new(name: &'static str) -> Self {
        Self::with(name, Controllers::None)
    }

    pub(super) fn with(name: &'static str, controllers: Controllers) -> Self {
        assert!(SITES.contains(&name), "{name} is no site");
        let upstream = upstream(name, controllers);
        let [east, west] = &*TARGETS;
        let site = Self {
            name,
            files: Scratch::new(name),
            syncer: None,
            upstream,
            east,
            west,
        };
        for (file, server) in [("upstream", &site.upstream), ("east", east), ("west", west)] {
            site.kubeconfig(file, &server.kubeconfig_of(&printed::user(name)));
        }
        site.fill(OBJECTS);
        site.write(&[site.target("east"), site.target("west"), site.policy(&["configmaps"])]);
        site
    }

    /// Makes the namespace and `count` objects upstream.
    pub(super) fn fill(&self, count: usize) {
        create_namespace(&self.upstream, self.name);
        for number in 0..count {
            self.map(number).create(&self.upstream, &json!({"key": "1"}));
        }
    }

    /// One of the objects.
    pub(super) fn map(&self, number: usize) -> ConfigMap {
        ConfigMap::new(self.name, &format!("object-{number}"))
    }

    /// Writes the file `<name>.kubeconfig`.
    pub(super) fn kubeconfig(&self, name: &str, kubeconfig: &Kubeconfig) {
        self.files.write(&format!("{name}.kubeconfig"), &kubeconfig.to_yaml());
    }

    /// The SyncTarget of the cluster `cluster`.
    pub(super) fn target(&self, cluster: &str) -> Value {
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncTarget",
            "metadata": {"name": self.target_name(cluster)},
            "spec": {"kubeconfigFile": format!("{cluster}.kubeconfig")},
        })
    }

    /// The same, with the word of a person.
    pub(super) fn confirmed(&self, cluster: &str, count: &str) -> Value {
        let mut target = self.target(cluster);
        target["metadata"]["annotations"] = json!({"workload.kcp.io/confirm-deletion": count});
        target
    }

    pub(super) fn target_name(&self, cluster: &str) -> String {
        format!("{}-{cluster}", self.name)
    }

    /// The policy for `resources` (`configmaps`, `widgets.example.org`) of the site's namespace.
    pub(super) fn policy(&self, resources: &[&str]) -> Value {
        let resource = |name: &&str| match name.split_once('.') {
            None => json!({"group": "", "resource": name}),
            Some((resource, group)) => json!({"group": group, "resource": resource}),
        };
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1",
            "kind": "SyncPolicy",
            "metadata": {"name": self.name},
            "spec": {
                "resources": resources.iter().map(resource).collect::<Vec<_>>(),
                "namespaces": {"names": [self.name]},
            },
        })
    }

    /// Writes the documents, in place of those before, in one step.
    pub(super) fn write(&self, documents: &[Value]) {
        let mut yaml = String::new();
        for document in documents {
            // A write to a string cannot fail.
            let _ = writeln!(yaml, "---\n{document}");
        }
        let new = self.files.write("documents.new", &yaml);
        fs::rename(new, self.files.path().join("documents.yaml")).unwrap();
    }

    /// Starts the syncer on the documents, with further arguments.
    pub(super) fn run(&mut self, arguments: &[&str]) {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        let mut all = vec![
            "run".to_owned(),
            "--upstream-kubeconfig".to_owned(),
            file("upstream.kubeconfig"),
            "-f".to_owned(),
            file("documents.yaml"),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self.syncer = Some(Syncer::start(BINARY, all));
    }

    /// Starts it, and waits until both targets hold everything: [`OBJECTS`] and their namespace.
    pub(super) fn run_until_synced(&mut self) {
        self.run(&[]);
        for cluster in ["east", "west"] {
            self.wait_objects(cluster, "synced", OBJECTS + 1);
        }
    }

    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// Ends it in an orderly way.
    #[track_caller]
    pub(super) fn end(&mut self) {
        let mut syncer = self.syncer.take().unwrap();
        assert_eq!(syncer.terminate(ENDS_WITHIN).code, Some(0), "{}", syncer.log());
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
        let page = wait_for(&format!("the page {path}"), SOON, || {
            admin.try_call("GET", path, "", None)
        });
        page.text
    }

    /// The value of the metric whose line begins with `metric` and has all of `parts`; 0 without one.
    #[track_caller]
    pub(super) fn metric(&self, metric: &str, parts: &[&str]) -> usize {
        let metrics = self.page("/metrics");
        let line = metrics
            .lines()
            .find(|line| line.starts_with(metric) && parts.iter().all(|part| line.contains(part)));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    }

    /// Waits until the target of `cluster` has `count` objects in `state`, by its metrics.
    #[track_caller]
    pub(super) fn wait_objects(&self, cluster: &str, state: &str, count: usize) {
        let target = format!("target=\"{}\"", self.target_name(cluster));
        let labels = [target, format!("state=\"{state}\"")];
        wait_for(&format!("{count} objects {state} on {cluster}"), SOON, || {
            let seen = self.metric("tmc_syncer_objects{", &[&labels[0], &labels[1]]);
            if seen == count { Ok(()) } else { Err(seen) }
        });
    }

    /// Waits until all that the upstream lost is held on both targets.
    #[track_caller]
    pub(super) fn wait_held(&self, count: usize) {
        for cluster in ["east", "west"] {
            self.wait_objects(cluster, "held", count);
        }
    }

    /// The targets.
    pub(super) fn targets(&self) -> [&'static ApiServer; 2] {
        [self.east, self.west]
    }

    /// What the syncer of this site deleted on `server`, or tried to.
    pub(super) fn deletes(&self, server: &ApiServer) -> Vec<AuditEvent> {
        let mut deletes = server.writes_of(&printed::user(self.name));
        deletes.retain(|event| event.verb.starts_with("delete"));
        deletes
    }

    /// What the syncer of this site changed on `server`.
    pub(super) fn writes(&self, server: &ApiServer) -> usize {
        server.writes_of(&printed::user(self.name)).len()
    }

    /// Nothing goes, for a while, on either target.
    #[track_caller]
    pub(super) fn nothing_goes(&self, why: &str) {
        let ours = |server: &ApiServer| {
            let deletes = self.deletes(server);
            deletes
                .iter()
                .all(|event| !event.name.starts_with("object-") && event.resource != "namespaces")
        };
        stays(why, WHILE, || self.targets().into_iter().all(ours));
        for server in self.targets() {
            for number in 0..OBJECTS {
                assert!(self.map(number).get(server).is_some(), "{why}: {number} is gone");
            }
        }
    }

    /// All objects and nothing else went from `server`, each deleted once.
    #[track_caller]
    pub(super) fn wait_all_gone(&self, server: &ApiServer) {
        for number in 0..OBJECTS {
            self.map(number).wait_gone(server);
        }
    }

    /// The upstream has a new object: waits until it is on both targets, so that the sync is known to work.
    #[track_caller]
    pub(super) fn works(&self, name: &str) {
        let map = ConfigMap::new(self.name, name);
        map.create(&self.upstream, &json!({"key": "1"}));
        for server in self.targets() {
            map.wait_data(server, &json!({"key": "1"}));
        }
        map.delete(&self.upstream);
        for server in self.targets() {
            map.wait_gone(server);
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking() {
            if let Some(syncer) = &self.syncer {
                drop(FailureReport::on([syncer.process()]));
            }
            drop(FailureReport::on([self.east.process(), self.west.process()]));
        }
    }
}

/// An upstream that knows the user of the site `name`.
pub(super) fn upstream(name: &'static str, controllers: Controllers) -> ApiServer {
    let options = ApiServerOptions::default().named(name).controllers(controllers);
    let server = options.user(&printed::user(name)).user(&User::new("limited")).start();
    printed::grant(server, Side::Upstream)
}

/// Changes the object at `path` by a merge patch.
#[track_caller]
pub(super) fn change(server: &ApiServer, path: &str, change: &Value) -> Value {
    server.client().patch(path, Patch::Merge(change))
}
