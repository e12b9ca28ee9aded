//! What has to hold at the end: seen on the servers, the syncer is not asked.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use syncer_sandbox::{
    Hand,
    scenario::{differences, secret_shown_on},
};
use tokio::time::Instant;

use super::Play;

/// Within this the workloads themselves have to have come to rest.
const SETTLES: Duration = Duration::from_secs(20);
/// How long nothing must be written at rest (S5).
const REST: Duration = Duration::from_secs(2);

impl Play<'_> {
    /// What is not as it should be on targets, in words.
    pub(super) fn differences(&self) -> Vec<String> {
        let none = BTreeSet::new();
        let targets = self.fleet.targets.iter();
        targets
            .flat_map(|(name, server)| differences(self.script, self.fleet, name, server, &none))
            .collect()
    }

    /// S5: once workloads have come to rest, nothing is written.
    pub(super) async fn rest(&mut self) {
        let end = Instant::now() + SETTLES;
        let mut before = self.versions();
        loop {
            tokio::time::sleep(REST).await;
            let now = self.versions();
            if now == before {
                return;
            }
            if Instant::now() >= end {
                let changed = now.iter().find(|entry| !before.contains(*entry));
                let which = changed.map(|(name, _)| name.clone()).unwrap_or_default();
                self.broken.push(format!(
                    "S5: things are still written after {SETTLES:?}, such as {which}"
                ));
                return;
            }
            before = now;
        }
    }

    /// The versions of all objects that the script is about, on all servers.
    fn versions(&self) -> BTreeSet<(String, String)> {
        let targets = self.fleet.targets.iter().map(|(name, server)| (name.as_str(), server));
        let servers = targets.chain([("upstream", &self.fleet.upstream)]);
        let mut versions = BTreeSet::new();
        for (server, api) in servers {
            let hand = Hand::at(api, "audience");
            for kind in &self.script.kinds {
                for object in hand.list(&kind.path()) {
                    let of = |name: &str| object.pointer(name).and_then(Value::as_str).unwrap_or_default();
                    let name = format!(
                        "{} {}/{} on {server}",
                        kind.name(),
                        of("/metadata/namespace"),
                        of("/metadata/name")
                    );
                    versions.insert((name, of("/metadata/resourceVersion").to_owned()));
                }
            }
        }
        versions
    }

    /// S1, S4 and S8.
    pub(super) fn check_the_rest(&mut self) {
        if let Some(touched) = self.bystanders.touched(self.fleet) {
            self.broken.push(format!("S1: {touched}"));
        }
        if let Some(written) = self.written_upstream() {
            self.broken.push(format!("S4: {written}"));
        }
        if self.syncer.leaked() {
            self.broken
                .push("S8: the log of tmc-syncer shows the value of a Secret".to_owned());
        }
        if let Some(place) = secret_shown_on(self.fleet) {
            self.broken.push(format!("S8: {place} shows the value of a Secret"));
        }
    }

    /// An upstream object of which the syncer wrote more than status and finalizers, in words.
    fn written_upstream(&self) -> Option<String> {
        let hand = Hand::at(&self.fleet.upstream, "audience");
        let objects = self
            .script
            .kinds
            .iter()
            .flat_map(|kind| hand.list(&kind.path()).into_iter().map(|object| (*kind, object)));
        for (kind, object) in objects {
            let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
            let ours = entries.into_iter().flatten().filter(|entry| {
                let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
                text("manager").starts_with("tmc-syncer") && text("subresource") != "status"
            });
            for entry in ours {
                let fields = entry.get("fieldsV1").and_then(Value::as_object);
                if fields.is_some_and(|fields| fields.keys().any(|name| name != "f:metadata")) {
                    let name = object
                        .pointer("/metadata/name")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    return Some(format!("{} {name} was written upstream by tmc-syncer", kind.name()));
                }
            }
        }
        None
    }
}
