//! Two targets whose controllers pull one field of an object in different directions, under `LastWriteWins`.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, wait_for};

use super::{
    thing::{Kind, Leaf, Thing},
    trio::{SOON, Trio, change, policy},
};

/// How long a fight lasts at first where its end is waited for.
const WINDOW: Duration = Duration::from_secs(30);
/// And where it is looked at while it lasts, however slow the machine is.
const LONG_WINDOW: Duration = Duration::from_mins(30);
/// By when one is over that nobody goes on with: it may have come to three rounds, each twice as long as the one before.
const OVER: Duration = Duration::from_mins(6);
/// How long nothing has to move to be taken for the end of it.
const STANDS: Duration = Duration::from_secs(4);
/// How often a controller looks.
const LOOK: Duration = Duration::from_millis(20);

/// A controller that wants so many replicas of a Deployment.
struct Controller<'a> {
    server: &'a ApiServer,
    thing: &'a Thing,
    name: &'static str,
    replicas: u64,
    stopped: AtomicBool,
}

// === impl Controller ===

impl<'a> Controller<'a> {
    fn new(server: &'a ApiServer, thing: &'a Thing, name: &'static str, replicas: u64) -> Self {
        Self {
            server,
            thing,
            name,
            replicas,
            stopped: AtomicBool::new(false),
        }
    }

    fn run(&self) {
        while !self.stopped.load(Ordering::Relaxed) {
            if replicas(self.server, self.thing) != self.replicas {
                change(
                    self.server,
                    self.thing,
                    self.name,
                    &json!({"spec": {"replicas": self.replicas}}),
                );
            }
            thread::sleep(LOOK);
        }
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Stops controllers when the test ends, also when it fails.
struct Stopping<'a>(Vec<&'a Controller<'a>>);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        for controller in &self.0 {
            controller.stop();
        }
    }
}

fn replicas(server: &ApiServer, thing: &Thing) -> u64 {
    server.client().read(&thing.path())["spec"]["replicas"]
        .as_u64()
        .unwrap()
}

/// The Events about `thing` upstream.
fn events(trio: &Trio, thing: &Thing) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{}/events", thing.namespace);
    let mut all = trio.upstream().client().items(&path);
    all.retain(|event| event["involvedObject"]["name"] == thing.name.as_str());
    all
}

/// The condition `Synced` of the upstream object.
fn synced(trio: &Trio, thing: &Thing) -> Value {
    let object = trio.upstream().client().read(&thing.path());
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let mut found = conditions.into_iter();
    found
        .find(|condition| condition["type"] == "workload.kcp.io/Synced")
        .unwrap_or_default()
}

#[track_caller]
fn wait_synced(trio: &Trio, thing: &Thing, status: &str, by: Duration) -> Value {
    wait_for(&format!("Synced {status} of {thing:?}"), by, || {
        let condition = synced(trio, thing);
        if condition["status"] == status {
            Ok(condition)
        } else {
            Err(condition.to_string())
        }
    })
}

/// Waits until the fight over `thing` is told: who fights over what, and on which targets.
#[track_caller]
fn wait_fight(trio: &Trio, thing: &Thing) {
    let managers = BTreeSet::from(["pull-east", "pull-west"]);
    let note = wait_for(&format!("a fight over {thing:?}"), SOON, || {
        let events = events(trio, thing);
        let found = events.iter().filter(|event| event["reason"] == "FightDetected");
        let mut notes = found.filter_map(|event| event["message"].as_str());
        let told = notes.find(|note| managers.iter().all(|manager| note.contains(manager)));
        told.map(str::to_owned).ok_or_else(|| format!("{events:?}"))
    });
    assert!(
        note.contains("spec.replicas") && note.contains("conflict.fields"),
        "{note}"
    );
    let condition = wait_synced(trio, thing, "False", SOON);
    assert_eq!(condition["reason"], "Conflicted", "{condition}");
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("spec.replicas"), "{condition}");
}

fn everywhere(trio: &Trio, thing: &Thing) -> [u64; 3] {
    trio.servers().map(|server| replicas(server, thing))
}

#[test]
fn targets_that_pull_one_field_apart_are_noticed_and_the_upstream_value_stands() {
    let fights =
        |window: Duration| json!({"strategy": "LastWriteWins", "fight": {"window": format!("{}s", window.as_secs())}});
    let policies = |of_ruled: &Value| {
        [
            policy("stops", &["pull-stops"], &fights(WINDOW)),
            policy("ruled", &["pull-ruled"], of_ruled),
        ]
    };
    let long = fights(LONG_WINDOW);
    let trio = Trio::start("pull", &policies(&long));
    let report = trio.report();
    let things = ["pull-stops", "pull-ruled"].map(|namespace| Thing::new(Kind::Deployment, namespace, "web"));
    for thing in &things {
        trio.make(&thing.namespace, std::slice::from_ref(thing));
    }
    trio.wait_rest();
    let [stopped, ruled] = &things;
    let controllers = [
        Controller::new(trio.east(), stopped, "pull-east", 4),
        Controller::new(trio.west(), stopped, "pull-west", 7),
        Controller::new(trio.east(), ruled, "pull-east", 4),
        Controller::new(trio.west(), ruled, "pull-west", 7),
    ];
    thread::scope(|scope| {
        let _stopping = Stopping(controllers.iter().collect());
        for controller in &controllers {
            scope.spawn(|| controller.run());
        }
        for thing in &things {
            wait_fight(&trio, thing);
        }
        // Here one side gives in; what comes of that is looked at in the end.
        controllers[1].stop();

        // One side's value stands, and each target has what its controller wants: what was written back last still flows down once, and
        // is taken back there.
        let (mut last, mut since) = (everywhere(&trio, ruled), Instant::now());
        wait_for("the upstream's value to stand", SOON, || {
            let seen = everywhere(&trio, ruled);
            if seen != last {
                (last, since) = (seen, Instant::now());
            }
            let [upstream, east, west] = seen;
            if [east, west] == [4, 7] && [4, 7].contains(&upstream) && since.elapsed() >= STANDS {
                Ok(())
            } else {
                Err(format!("{seen:?} for {:?}", since.elapsed()))
            }
        });
        assert!(
            trio.verdicts().get("fight").is_some_and(|fights| *fights >= 2),
            "{:?}",
            trio.verdicts()
        );

        // All other fields go on: down from the upstream, and back from a target.
        let image = |value| ruled.patch(Leaf::Shared, Some(value));
        for (server, value) in [(trio.upstream(), 1), (trio.east(), 2)] {
            change(server, ruled, "person", &image(value));
            wait_for("the image everywhere", SOON, || {
                let seen = trio
                    .servers()
                    .map(|server| ruled.value(&server.client().read(&ruled.path()), Leaf::Shared));
                if seen == [Some(value); 3] {
                    Ok(())
                } else {
                    Err(format!("{seen:?}"))
                }
            });
        }

        // A rule ends it at once, without a restart, while both go on.
        let given = json!([{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}]);
        let mut settled = long.clone();
        settled["fields"] = given;
        trio.follow(&policies(&settled));
        wait_synced(&trio, ruled, "True", SOON);
        wait_for("each target to have its own by the rule", SOON, || {
            let [_, east, west] = everywhere(&trio, ruled);
            if [east, west] == [4, 7] {
                Ok(())
            } else {
                Err(format!("{east} {west}"))
            }
        });

        // Where one side gave in, the other's value is everyone's once the rest is over.
        wait_for("one value everywhere", OVER, || {
            let seen = everywhere(&trio, stopped);
            if seen == [4; 3] {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
        wait_synced(&trio, stopped, "True", OVER);
    });
    trio.wait_rest();
    drop(report);
    trio.end();
}
