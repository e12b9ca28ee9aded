//! The rights that `tmc-syncer manifests rbac` prints, and no others: how the syncer acts in these tests, on both sides, unless a test is
//! about something else.

use std::{process::Command, sync::LazyLock};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, AuditEvent, User, wait_for};

use crate::{objects::SOON, world::BINARY};

/// Whoever is in this group has the printed rights where they were granted.
const GROUP: &str = "syncers";

/// The kinds beside the four that policies of these tests name.
const NAMED: [&str; 5] = [
    "widgets.example.org",
    "widgets.shop.example.k8s.io",
    "gauges.status.example.org",
    "jobs.batch",
    "statefulsets.apps",
];

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1";

/// What the syncer does with a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// It reads there what people want.
    Upstream,
    /// It keeps there what was wanted.
    Target,
}

// === impl Side ===

impl Side {
    /// Roles for this side alone begin so. Those that are for one namespace are called otherwise.
    fn prefix(self) -> &'static str {
        match self {
            Self::Upstream => "tmc-syncer-upstream",
            Self::Target => "tmc-syncer-target",
        }
    }
}

static PRINTED: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let resources = NAMED.map(|name| format!("--resource={name}"));
    let printed = Command::new(BINARY)
        .args(["manifests", "rbac"])
        .args(resources)
        .output();
    let printed = printed.unwrap();
    assert!(printed.status.success(), "{printed:?}");
    serde_saphyr::from_multiple(std::str::from_utf8(&printed.stdout).unwrap()).unwrap()
});

/// A user who has the printed rights wherever they are [granted](grant).
pub(crate) fn user(name: &str) -> User {
    User::of_group(name, GROUP)
}

/// `server` with all printed roles of its side.
#[track_caller]
pub(crate) fn grant(server: ApiServer, side: Side) -> ApiServer {
    grant_again(&server, side);
    server
}

/// Applies the printed roles of `side`, binds them, and waits until they count.
#[track_caller]
pub(crate) fn grant_again(server: &ApiServer, side: Side) {
    let client = server.client();
    let group = "rbac.authorization.k8s.io";
    let of_side = |role: &&Value| role["metadata"]["name"].as_str().unwrap().starts_with(side.prefix());
    let roles: Vec<_> = PRINTED.iter().filter(of_side).collect();
    for role in &roles {
        let name = &role["metadata"]["name"];
        client.create(&format!("{ROLES}/clusterroles"), role);
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": GROUP}],
        });
        client.create(&format!("{ROLES}/clusterrolebindings"), &binding);
    }
    // The authorizer learns of roles and of bindings on ways of their own.
    for rule in roles.iter().flat_map(|role| role["rules"].as_array().unwrap()) {
        let resource = rule["resources"][0].as_str().unwrap();
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let asked = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": "syncer", "groups": [GROUP], "resourceAttributes": {
                "group": rule["apiGroups"][0], "resource": resource, "subresource": subresource,
                "name": rule["resourceNames"][0], "verb": rule["verbs"][0],
            }},
        });
        wait_for("the printed rights", SOON, || {
            let answer = client.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &asked);
            if answer["status"]["allowed"] == true {
                Ok(())
            } else {
                Err(answer.to_string())
            }
        });
    }
}

/// Applies the printed role for a Lease and binds it, in `namespace` alone.
#[track_caller]
pub(crate) fn grant_lease(server: &ApiServer, namespace: &str) {
    const NAME: &str = "tmc-syncer-leader-election";
    let group = "rbac.authorization.k8s.io";
    let role = PRINTED.iter().find(|role| role["metadata"]["name"] == NAME).unwrap();
    let path = format!("{ROLES}/namespaces/{namespace}");
    let role = json!({"metadata": {"name": NAME}, "rules": role["rules"]});
    server.client().create(&format!("{path}/roles"), &role);
    let binding = json!({
        "metadata": {"name": NAME},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": NAME},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": GROUP}],
    });
    server.client().create(&format!("{path}/rolebindings"), &binding);
}

/// Asserts that `user` never asked `server` for what is not allowed, as far as its audit log tells.
#[track_caller]
pub(crate) fn assert_enough(server: &ApiServer, user: &User) {
    let asked = server.audit().into_iter().filter(|event| event.user == user.name());
    let refused: Vec<_> = asked.filter(|event: &AuditEvent| event.forbidden).collect();
    let refused: Vec<_> = refused.iter().map(|event| (&event.verb, &event.uri)).collect();
    assert!(
        refused.is_empty(),
        "the printed rights of {} lack {refused:?}",
        user.name()
    );
}
