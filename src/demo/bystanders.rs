//! Objects on the targets that are somebody else's: nobody may touch them (S1).

use serde_json::{Value, json};
use syncer_sandbox::{Fleet, Hand, Refused};

/// The objects that must not be touched, as they were.
pub(super) struct Bystanders(Vec<(String, Value)>);

const NAMESPACE: &str = "somebody-else";

// === impl Bystanders ===

impl Bystanders {
    /// Puts some on every target: one without any marker, and one that another syncer marked.
    pub(super) fn new(fleet: &Fleet) -> Result<Self, Refused> {
        let origin = json!({"upstream": "another", "resource": "configmaps", "namespace": NAMESPACE, "name": "another-syncers", "uid": "1"});
        let marked = json!({
            "metadata": {
                "name": "another-syncers",
                "labels": {"internal.workload.kcp.io/cluster": "another"},
                "annotations": {"workload.kcp.io/origin": origin.to_string()},
            },
            "data": {"leave": "me alone"},
        });
        let plain = json!({"metadata": {"name": "nobodys"}, "data": {"leave": "me alone"}});
        let mut found = Vec::new();
        for (name, server) in &fleet.targets {
            let hand = Hand::at(server, "somebody-else");
            hand.create("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}}))?;
            for object in [&marked, &plain] {
                let made = hand.create(&format!("/api/v1/namespaces/{NAMESPACE}/configmaps"), object)?;
                found.push((name.clone(), made));
            }
        }
        Ok(Self(found))
    }

    /// The first that is not what it was, in words.
    pub(super) fn touched(&self, fleet: &Fleet) -> Option<String> {
        self.0.iter().find_map(|(target, before)| {
            let (_, server) = fleet.targets.iter().find(|(name, _)| name == target)?;
            let name = before.pointer("/metadata/name").and_then(Value::as_str)?;
            let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{name}");
            let now = Hand::at(server, "somebody-else").get(&path);
            (now.as_ref() != Some(before)).then(|| format!("ConfigMap {NAMESPACE}/{name} on {target} was touched"))
        })
    }
}
