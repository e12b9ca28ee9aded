//! The body of a server-side apply: the payload under a head of our own.

use crate::{
    config::DeletionMode,
    identity::ResourceType,
    marker::{
        APPLIED_ANNOTATION, Applied, CLUSTER_LABEL, NAMESPACE_LOCATOR_ANNOTATION, ORIGIN_ANNOTATION, Origin,
        PayloadHash,
    },
    payload::{Payload, write_string},
};

/// What the head says beside name and namespace.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Kind and version.
    pub resource: &'a ResourceType,
    /// The downstream namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
    /// The key of the target, for the label.
    pub target_key: &'a str,
    /// Where the object comes from.
    pub origin: &'a Origin,
    /// The locator, for the annotation of a namespace; `None` for all other objects.
    pub locator: Option<&'a str>,
    /// The name of the policy that wants it.
    pub policy: &'a str,
    /// What that policy says about objects that have to go.
    pub deletion: DeletionMode,
    /// The hash that stands for what is applied.
    pub hash: PayloadHash,
    /// Names the key of a keyed hash; empty for a plain one.
    pub hash_key: &'a str,
    /// On what both sides agree once it is applied; empty where the strategy needs no base.
    pub base: &'a str,
    /// What the apply may meet downstream.
    pub expects: Expects<'a>,
}

/// What an apply may meet downstream; anything else is refused by the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects<'a> {
    /// Nothing: the object is created, and a 409 is the answer where anything is.
    Absent,
    /// The object with this UID: absent or another one is a refusal (S1).
    Uid(&'a str),
    /// The object with this UID at this very version: whatever changed it meanwhile is a refusal.
    Version {
        /// The UID.
        uid: &'a str,
        /// The resourceVersion.
        resource_version: &'a str,
    },
}

/// The JSON body of an apply of `payload` under `head`.
pub fn apply_body(head: Head<'_>, payload: &Payload) -> Result<Vec<u8>, serde_json::Error> {
    let origin = head.origin.to_annotation()?;
    let applied = Applied {
        hash: head.hash,
        policy: head.policy.into(),
        key: head.hash_key.into(),
        base: head.base.into(),
        deletion: head.deletion,
    };
    let applied = applied.to_annotation()?;
    let markers = [
        (APPLIED_ANNOTATION, applied.as_str()),
        (ORIGIN_ANNOTATION, origin.as_str()),
    ];
    let locator = head.locator.map(|locator| (NAMESPACE_LOCATOR_ANNOTATION, locator));

    let mut body = String::with_capacity(payload.size() + 512);
    body.push_str("{\"apiVersion\":");
    write_string(&mut body, &head.resource.gvr.api_version());
    body.push_str(",\"kind\":");
    write_string(&mut body, &head.resource.kind);
    body.push_str(",\"metadata\":{\"name\":");
    write_string(&mut body, head.name);
    if !head.namespace.is_empty() {
        body.push_str(",\"namespace\":");
        write_string(&mut body, head.namespace);
    }
    write_expectation(&mut body, head.expects);
    body.push_str(",\"labels\":");
    write_map(&mut body, payload.labels().chain([(CLUSTER_LABEL, head.target_key)]));
    body.push_str(",\"annotations\":");
    write_map(&mut body, payload.annotations().chain(markers).chain(locator));
    body.push('}');
    if !payload.members().is_empty() {
        body.push(',');
        body.push_str(payload.members());
    }
    body.push('}');
    Ok(body.into_bytes())
}

fn write_expectation(body: &mut String, expects: Expects<'_>) {
    match expects {
        // An apply that names a resourceVersion never creates over, nor changes, what is there.
        Expects::Absent => body.push_str(",\"resourceVersion\":\"1\""),
        Expects::Uid(uid) => {
            body.push_str(",\"uid\":");
            write_string(body, uid);
        }
        Expects::Version { uid, resource_version } => {
            body.push_str(",\"uid\":");
            write_string(body, uid);
            body.push_str(",\"resourceVersion\":");
            write_string(body, resource_version);
        }
    }
}

fn write_map<'a>(body: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    body.push('{');
    for (index, (key, value)) in pairs.enumerate() {
        if index > 0 {
            body.push(',');
        }
        write_string(body, key);
        body.push(':');
        write_string(body, value);
    }
    body.push('}');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json, value::RawValue};

    use super::*;
    use crate::identity::{Gvr, LogicalCluster, ObjectKey, Scope};

    fn body(expects: Expects<'_>, object: &str) -> Value {
        let resource = ResourceType {
            gvr: Gvr::new("", "v1", "configmaps"),
            kind: "ConfigMap".into(),
            scope: Scope::Namespaced,
        };
        let key = ObjectKey::new(LogicalCluster::plain(), resource.gvr.clone(), "default", "web");
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(object).unwrap();
        let payload = Payload::of(
            [("app", "we\"b")],
            [("team", "a")],
            members.iter().map(|(member, raw)| (member.as_str(), &**raw)),
        )
        .unwrap();
        let head = Head {
            resource: &resource,
            namespace: "default",
            name: "web",
            target_key: "k1",
            origin: &Origin::of("up", &key, "u1"),
            locator: None,
            policy: "web",
            deletion: DeletionMode::Orphan,
            hash: payload.hash(),
            hash_key: "",
            base: "",
            expects,
        };
        serde_json::from_slice(&apply_body(head, &payload).unwrap()).unwrap()
    }

    #[test]
    fn a_first_apply_carries_markers_and_meets_nothing() {
        let mut body = body(Expects::Absent, r#"{"data":{"k":"v"}}"#);
        let annotations = body["metadata"]["annotations"].take();
        assert_eq!(
            body,
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
                "metadata": {
                    "name": "web", "namespace": "default", "resourceVersion": "1", "annotations": null,
                    "labels": {"app": "we\"b", "internal.workload.kcp.io/cluster": "k1"},
                },
            })
        );
        assert_eq!(annotations["team"], "a");
        let origin = Origin::parse(annotations["workload.kcp.io/origin"].as_str().unwrap()).unwrap();
        assert_eq!((origin.upstream.as_str(), origin.uid.as_str()), ("up", "u1"));
        let applied = Applied::parse(annotations["workload.kcp.io/applied"].as_str().unwrap()).unwrap();
        assert_eq!((&*applied.policy, applied.deletion), ("web", DeletionMode::Orphan));
    }

    #[test]
    fn a_change_carries_the_uid_and_no_resource_version() {
        let body = body(Expects::Uid("d1"), "{}");
        assert_eq!(body["metadata"]["uid"], "d1");
        assert_eq!(body["metadata"].get("resourceVersion"), None);
        assert_eq!(body.as_object().unwrap().len(), 3, "no members, no trailing comma");
    }
}
