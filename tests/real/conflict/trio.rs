//! An upstream and two targets that the tests of this module share, one at a time, each with a syncer and targets of its own name.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, Client, Credentials, FailureReport, Kubeconfig, Patch, RequestCounts, Scratch, Syncer, wait_for,
};

use super::thing::Thing;
use crate::{
    objects::{ENDS_WITHIN, create_namespace},
    world::{BINARY, World, arguments, syncer},
};

/// By when anything that is to happen must have happened on a loaded machine.
pub(super) const SOON: Duration = Duration::from_mins(3);
/// How long nothing may be written to be taken for rest.
const QUIET: Duration = Duration::from_secs(4);
/// Between two looks at what a server has counted.
const LOOK: Duration = Duration::from_millis(500);
static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::start()));

/// The clusters while one test has them.
pub(super) struct Trio {
    world: MutexGuard<'static, World>,
    files: Scratch,
    syncer: Option<Syncer>,
    /// The targets' kubeconfigs, in place of those that lead straight to them.
    ways: Ways,
    name: &'static str,
}

/// How the syncer reaches the clusters.
pub(super) struct Ways {
    pub(super) upstream: Kubeconfig,
    pub(super) east: Kubeconfig,
    pub(super) west: Kubeconfig,
}

/// A SyncPolicy for the four kinds in `namespaces`, with the rules `conflict`.
pub(super) fn policy(name: &str, namespaces: &[&str], conflict: &Value) -> Value {
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": name},
        "spec": {
            "resources": [
                {"group": "apps", "resource": "deployments"},
                {"group": "", "resource": "services"},
                {"group": "", "resource": "configmaps"},
                {"group": "", "resource": "secrets"},
            ],
            "namespaces": {"names": namespaces},
            "conflict": conflict,
        },
    })
}

// === impl Trio ===

impl Trio {
    /// Runs a syncer by `policies`; its targets are `<name>-east` and `<name>-west`.
    pub(super) fn start(name: &'static str, policies: &[Value]) -> Self {
        Self::start_by(name, policies, |_| {})
    }

    /// The same, on `ways` that are changed before.
    pub(super) fn start_by(name: &'static str, policies: &[Value], change: impl FnOnce(&mut Ways)) -> Self {
        let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
        let way = |server: &ApiServer| server.kubeconfig_of(&syncer());
        let mut ways = Ways {
            upstream: way(&world.upstream),
            east: way(&world.east),
            west: way(&world.west),
        };
        change(&mut ways);
        let mut trio = Self {
            world,
            files: Scratch::new(name),
            syncer: None,
            ways,
            name,
        };
        trio.follow(policies);
        trio.run();
        trio
    }

    fn run(&mut self) {
        let upstream = self.upstream().write(&self.ways.upstream);
        let targets = [
            ("east", self.east(), &self.ways.east),
            ("west", self.west(), &self.ways.west),
        ]
        .map(|(name, server, way)| (format!("{}-{name}", self.name), server.write(way)));
        let targets: Vec<_> = targets
            .iter()
            .map(|(name, file)| (name.as_str(), file.as_path()))
            .collect();
        let mut arguments = arguments(&upstream, &targets);
        arguments.extend(["-f".into(), OsString::from(self.policies())]);
        self.syncer = Some(Syncer::start(BINARY, arguments));
    }

    fn policies(&self) -> PathBuf {
        self.files.path().join("policies.yaml")
    }

    /// Writes other policies in place of those before, in one step.
    pub(super) fn follow(&self, policies: &[Value]) {
        let documents: Vec<_> = policies.iter().map(Value::to_string).collect();
        let new = self.files.write("policies.new", &documents.join("\n---\n"));
        fs::rename(new, self.policies()).unwrap();
    }

    pub(super) fn upstream(&self) -> &ApiServer {
        &self.world.upstream
    }

    pub(super) fn east(&self) -> &ApiServer {
        &self.world.east
    }

    pub(super) fn west(&self) -> &ApiServer {
        &self.world.west
    }

    /// The upstream, east and west.
    pub(super) fn servers(&self) -> [&ApiServer; 3] {
        [self.upstream(), self.east(), self.west()]
    }

    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer.as_ref().unwrap()
    }

    /// Ends the syncer in an orderly way.
    #[track_caller]
    pub(super) fn end(mut self) {
        let mut syncer = self.syncer.take().unwrap();
        let exit = syncer.terminate(ENDS_WITHIN);
        assert_eq!(exit.code, Some(0), "{}", syncer.log());
    }

    /// Makes `things` upstream, in a namespace that this makes, and waits until both targets have them.
    #[track_caller]
    pub(super) fn make(&self, namespace: &str, things: &[Thing]) {
        create_namespace(self.upstream(), namespace);
        for thing in things {
            self.upstream().client().create(&thing.collection(), &thing.body());
        }
        for thing in things {
            for target in [self.east(), self.west()] {
                wait_for(&format!("{thing:?}"), SOON, || target.client().get(&thing.path()));
            }
        }
    }

    /// Lets the syncer hang while `act` does what it does: it sees all of it at once.
    pub(super) fn meanwhile(&self, act: impl FnOnce()) {
        self.syncer().pause();
        act();
        self.syncer().resume();
    }

    /// All writes to the four kinds and their status, on all three servers.
    fn writes(&self) -> u64 {
        let counts = self
            .servers()
            .map(|server| server.request_counts().writes_to(&KINDS).total());
        counts.iter().sum()
    }

    /// Waits until nobody writes anything any more, and sees that it stays so.
    #[track_caller]
    pub(super) fn wait_rest(&self) {
        let (mut last, mut since) = (self.writes(), Instant::now());
        wait_for("rest", SOON, || {
            thread::sleep(LOOK);
            let now = self.writes();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            if since.elapsed() >= QUIET {
                Ok(())
            } else {
                Err(format!("{now} writes, the last of them {:?} ago", since.elapsed()))
            }
        });
    }

    /// Everything but watches that all three servers were asked about the four kinds and Events.
    pub(super) fn asked(&self) -> [RequestCounts; 3] {
        self.servers().map(|server| {
            let all = server.request_counts();
            all.only(|kind| {
                kind.verb != "WATCH" && (KINDS.contains(&kind.resource.as_str()) || kind.resource == "events")
            })
        })
    }

    /// A page of the admin server.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> String {
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", self.syncer().admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        wait_for(path, SOON, || admin.try_call("GET", path, "", None)).text
    }

    /// How many verdicts of each kind were counted.
    #[track_caller]
    pub(super) fn verdicts(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for (labels, value) in self.samples("tmc_syncer_conflicts_total") {
            let verdict = labels
                .split("verdict=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            *found.entry(verdict.unwrap_or_default().to_owned()).or_default() += value.parse::<u64>().unwrap();
        }
        found
    }

    /// The samples of a metric: their labels and their values.
    #[track_caller]
    pub(super) fn samples(&self, metric: &str) -> Vec<(String, String)> {
        let page = self.page("/metrics");
        let of_metric = page.lines().filter_map(|line| line.strip_prefix(metric));
        of_metric
            .filter_map(|line| line.strip_prefix('{')?.split_once("} "))
            .map(|(labels, value)| (labels.to_owned(), value.to_owned()))
            .collect()
    }

    /// Shows all logs if the test fails.
    pub(super) fn report(&self) -> FailureReport<'_> {
        let [upstream, east, west] = self.servers().map(ApiServer::process);
        FailureReport::on([self.syncer().process(), upstream, east, west])
    }
}

/// The resources that are synced.
const KINDS: [&str; 4] = ["deployments", "services", "configmaps", "secrets"];

/// Changes `thing` on `server` as `manager`; a write that met another one is made again.
#[track_caller]
pub(super) fn change(server: &ApiServer, thing: &Thing, manager: &str, patch: &Value) {
    let place = format!("{}?fieldManager={manager}", thing.path());
    wait_for("a write that nobody disturbs", SOON, || {
        let reply = server.client().try_patch(&place, Patch::Strategic(patch));
        assert!(reply.is_success() || reply.status == 409, "{place}: {}", reply.text);
        if reply.is_success() { Ok(()) } else { Err(reply.text) }
    });
}
