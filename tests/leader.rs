//! Two replicas as two processes, with a Lease between them, on API servers in memory: one is killed, told to end, or paused under load. Real signals, real
//! connections, and times short enough for every run of the tests; `tests/real/` has the like on real control planes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

use std::{
    path::PathBuf,
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};
use syncer_harness::{Client, Credentials, Kubeconfig, Scratch, Syncer, wait_for};
use syncer_sandbox::{ApiServer, Fleet, FleetOptions, Hand, Serving, Transport};

/// How long anything may take on a machine that has other work.
const DEADLINE: Duration = Duration::from_mins(1);
/// What `tmc-syncer` promises.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// How many ConfigMaps are made.
const COUNT: usize = 200;
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/tmc-syncer";
const MAPS: &str = "/api/v1/namespaces/load/configmaps";

/// An upstream and a target, served.
struct Stage {
    fleet: Fleet,
    files: Vec<PathBuf>,
    _scratch: Scratch,
    _serving: Vec<Serving>,
    _pool: tokio::runtime::Runtime,
}

struct Replica {
    syncer: Syncer,
    admin: Client,
}

// === impl Stage ===

impl Stage {
    fn new() -> Self {
        let pool = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let options = FleetOptions {
            targets: 1,
            ..FleetOptions::default()
        };
        let fleet = Fleet::new(&options).unwrap();
        let scratch = Scratch::new("leader");
        let mut serving = Vec::new();
        let mut files = Vec::new();
        for (name, server) in [
            ("upstream", &fleet.upstream),
            ("east", &fleet.targets.first().unwrap().1),
        ] {
            let served = pool.block_on(server.serve(Transport::default())).unwrap();
            files.push(scratch.write(&format!("{name}.kubeconfig"), &served.kubeconfig(name, "")));
            serving.push(served);
        }
        let stage = Self {
            fleet,
            files,
            _scratch: scratch,
            _serving: serving,
            _pool: pool,
        };
        let namespace = json!({"metadata": {"name": "load"}});
        stage.upstream().create("/api/v1/namespaces", &namespace).unwrap();
        stage
    }

    fn upstream(&self) -> Hand {
        Hand::at(&self.fleet.upstream, "kubectl")
    }

    fn target(&self) -> &ApiServer {
        &self.fleet.targets.first().unwrap().1
    }

    fn start(&self) -> Replica {
        let [upstream, east] = self.files.as_slice() else {
            panic!("{:?}", self.files);
        };
        let syncer = Syncer::start(
            env!("CARGO_BIN_EXE_tmc-syncer"),
            [
                "run",
                "--leader-elect",
                "--lease-duration=6s",
                "--lease-renew-deadline=4s",
                "--lease-retry-period=500ms",
                "--upstream-kubeconfig",
                upstream.to_str().unwrap(),
                "--target",
                &format!("east={}", east.display()),
            ],
        );
        let admin = Client::new(&Kubeconfig {
            server: format!("http://{}", syncer.admin_address()),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        Replica { syncer, admin }
    }

    /// Two of them; the first leads.
    fn both(&self) -> (Replica, Replica) {
        let one = self.start();
        one.wait_is("leading");
        let two = self.start();
        two.wait_is("standby");
        wait_for("a standby that is ready", DEADLINE, || {
            two.admin.call("GET", "/readyz", None).is_success()
        });
        (one, two)
    }

    /// Makes ConfigMaps upstream, in a thread of its own.
    fn load(&self) -> JoinHandle<()> {
        let upstream = self.upstream();
        thread::spawn(move || {
            for number in 0..COUNT {
                let object = json!({"metadata": {"name": format!("c-{number:03}")}, "data": {"number": "first"}});
                upstream.create(MAPS, &object).unwrap();
                thread::sleep(Duration::from_millis(2));
            }
        })
    }

    /// Waits until the target has so many ConfigMaps with this number.
    fn wait_there(&self, number: &str, count: usize) {
        let target = Hand::at(self.target(), "kubectl");
        wait_for(&format!("{count} ConfigMaps"), DEADLINE, || {
            let there = target.list(MAPS).into_iter();
            let there = there
                .filter(|map| map.pointer("/data/number").and_then(Value::as_str) == Some(number))
                .count();
            if there >= count { Ok(()) } else { Err(there.to_string()) }
        });
    }
}

// === impl Replica ===

impl Replica {
    fn wait_is(&self, role: &str) {
        wait_for(&format!("a replica that is {role}"), DEADLINE, || {
            let answer = self.admin.try_call("GET", "/debug/leader", "application/json", None);
            let position = answer.map(|reply| reply.json()).unwrap_or_default();
            if position.get("election").and_then(Value::as_str) == Some(role) {
                Ok(())
            } else {
                Err(format!("{position}\n{}", self.syncer.process().log_tail()))
            }
        });
    }
}

/// Each write moves the version of the store by one: the namespace, and each ConfigMap once.
#[test]
fn a_killed_leader_is_replaced_and_nothing_is_lost_or_written_twice() {
    let stage = Stage::new();
    let before = stage.target().resource_version();
    let (mut one, two) = stage.both();
    let load = stage.load();
    stage.wait_there("first", 10);
    one.syncer.kill();
    two.wait_is("leading");
    load.join().unwrap();
    stage.wait_there("first", COUNT);
    let written = stage.target().resource_version() - before;
    assert_eq!(
        written,
        u64::try_from(COUNT).unwrap() + 1,
        "one write an object and namespace"
    );
}

#[test]
fn a_leader_that_is_told_to_end_empties_the_lease_and_is_replaced() {
    let stage = Stage::new();
    let before = stage.target().resource_version();
    let (mut one, two) = stage.both();
    let load = stage.load();
    stage.wait_there("first", 10);
    let exit = one.syncer.terminate(ENDS_WITHIN);
    assert_eq!(exit.code, Some(0), "{}", one.syncer.log());
    assert!(
        one.syncer.log().contains("the Lease was given up"),
        "{}",
        one.syncer.log()
    );
    two.wait_is("leading");
    load.join().unwrap();
    stage.wait_there("first", COUNT);
    let written = stage.target().resource_version() - before;
    assert_eq!(
        written,
        u64::try_from(COUNT).unwrap() + 1,
        "one write an object and namespace"
    );
}

/// What it has in its buffers is outdated when it goes on: everything was edited since.
#[test]
fn a_paused_leader_that_wakes_up_late_writes_nothing_and_ends() {
    let stage = Stage::new();
    let (mut one, two) = stage.both();
    let load = stage.load();
    stage.wait_there("first", 10);
    one.syncer.pause();
    two.wait_is("leading");
    load.join().unwrap();
    for number in 0..COUNT {
        let change = json!({"data": {"number": "second"}});
        stage
            .upstream()
            .merge(&format!("{MAPS}/c-{number:03}"), &change)
            .unwrap();
    }
    stage.wait_there("second", COUNT);
    let lease = || {
        stage
            .upstream()
            .get(LEASE)
            .unwrap()
            .pointer("/spec/holderIdentity")
            .cloned()
    };
    let (version, holder) = (stage.target().resource_version(), lease());
    one.syncer.resume();
    assert_eq!(one.syncer.wait_ended(DEADLINE), Some(1), "{}", one.syncer.log());
    assert!(
        one.syncer.log().contains("this process leads no more"),
        "{}",
        one.syncer.log()
    );
    assert_eq!(stage.target().resource_version(), version, "nothing was written");
    assert_eq!(lease(), holder);
    // What starts in its place stands by.
    stage.start().wait_is("standby");
}
