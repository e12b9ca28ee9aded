//! An upstream and its targets, all in memory.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{ApiServer, Clock, Flavor, Hand, Options, Refused, SystemClock};

/// An upstream and its targets.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Where people say what they want.
    pub upstream: ApiServer,
    /// Where it runs, by name.
    pub targets: Vec<(String, ApiServer)>,
}

/// What a fleet is made of.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// The seed of all servers.
    pub seed: u64,
    /// The clock of all servers.
    pub clock: Arc<dyn Clock>,
    /// How many targets there are.
    pub targets: usize,
    /// The workspaces of the upstream. With none it is a plain Kubernetes API server; with any it is a kcp.
    pub workspaces: Vec<String>,
}

/// The workspace whose export the others bind.
pub const PROVIDER: &str = "compute";
/// The name of that export, of its endpoint slice and of the bindings.
pub const EXPORT: &str = "kubernetes";

const NAMES: [&str; 8] = [
    "east",
    "west",
    "north",
    "south",
    "northeast",
    "southwest",
    "northwest",
    "southeast",
];

// === impl FleetOptions ===

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            clock: Arc::new(SystemClock),
            targets: 3,
            workspaces: Vec::new(),
        }
    }
}

// === impl Fleet ===

impl Fleet {
    /// Makes the servers.
    ///
    /// # Errors
    /// A workspace cannot be made: its name is none, or is given twice.
    pub fn new(options: &FleetOptions) -> Result<Self, Refused> {
        let server = |number: usize, flavor| {
            ApiServer::new(Options {
                clock: Arc::clone(&options.clock),
                // Far apart, since a server derives further seeds from its own by counting.
                seed: options
                    .seed
                    .wrapping_mul(1_000_003)
                    .wrapping_add(u64::try_from(number).unwrap_or(0) * 101),
                flavor,
                ..Options::default()
            })
        };
        let upstream = if options.workspaces.is_empty() {
            server(0, Flavor::Kubernetes)
        } else {
            let kcp = server(0, Flavor::Kcp);
            furnish(&kcp, &options.workspaces)?;
            kcp
        };
        let targets = (0..options.targets)
            .map(|number| (target_name(number), server(number + 1, Flavor::Kubernetes)))
            .collect();
        Ok(Self { upstream, targets })
    }
}

/// The name of the target `number`, counted from 0.
fn target_name(number: usize) -> String {
    NAMES
        .get(number)
        .map_or_else(|| format!("target-{}", number + 1), |name| (*name).to_owned())
}

/// Makes workspaces in a kcp that have bound an export of workloads with all its claims.
fn furnish(kcp: &ApiServer, workspaces: &[String]) -> Result<(), Refused> {
    let hand = Hand::at(kcp, "kubectl");
    let make = |path: &str, api_version: &str, kind: &str, name: &str, spec: Value| {
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec});
        hand.create(path, &object)
    };
    for name in std::iter::once(PROVIDER).chain(workspaces.iter().map(String::as_str)) {
        let path = "/apis/tenancy.kcp.io/v1alpha1/workspaces";
        make(path, "tenancy.kcp.io/v1alpha1", "Workspace", name, json!({}))?;
    }
    let compute = format!("/clusters/root:{PROVIDER}");
    for (group, plural, kind) in [("apps", "deployments", "Deployment"), ("core", "services", "Service")] {
        make(
            &format!("{compute}/apis/apis.kcp.io/v1alpha1/apiresourceschemas"),
            "apis.kcp.io/v1alpha1",
            "APIResourceSchema",
            &format!("v1.{plural}.{group}"),
            schema(if group == "core" { "" } else { group }, plural, kind),
        )?;
    }
    let exported = json!({
        "resources": [
            {"group": "apps", "name": "deployments", "schema": "v1.deployments.apps", "storage": {"crd": {}}},
            {"group": "", "name": "services", "schema": "v1.services.core", "storage": {"crd": {}}},
        ],
        "permissionClaims": claims(&json!({})),
    });
    make(
        &format!("{compute}/apis/apis.kcp.io/v1alpha2/apiexports"),
        "apis.kcp.io/v1alpha2",
        "APIExport",
        EXPORT,
        exported,
    )?;
    for name in workspaces {
        let accepted = claims(&json!({"selector": {"matchAll": true}, "state": "Accepted"}));
        make(
            &format!("/clusters/root:{name}/apis/apis.kcp.io/v1alpha2/apibindings"),
            "apis.kcp.io/v1alpha2",
            "APIBinding",
            EXPORT,
            json!({"permissionClaims": accepted, "reference": {"export": {"path": format!("root:{PROVIDER}"), "name": EXPORT}}}),
        )?;
    }
    Ok(())
}

/// The claims on what is built in, each with `more`.
fn claims(more: &Value) -> Value {
    let verbs = json!(["get", "list", "watch", "create", "update", "patch", "delete"]);
    let claim = |resource: &str| {
        let mut claim = json!({"group": "", "resource": resource, "verbs": verbs});
        if let (Some(claim), Some(more)) = (claim.as_object_mut(), more.as_object()) {
            claim.extend(more.clone());
        }
        claim
    };
    ["configmaps", "secrets", "namespaces", "events"].map(claim).into()
}

fn schema(group: &str, plural: &str, kind: &str) -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
        "versions": [{
            "name": "v1",
            "served": true,
            "storage": true,
            "subresources": {"status": {}},
            "schema": {"type": "object", "properties": {"spec": open, "status": open}},
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_names_of_their_own_however_many_there_are() {
        let fleet = Fleet::new(&FleetOptions {
            targets: 12,
            ..FleetOptions::default()
        })
        .unwrap();
        let mut names: Vec<_> = fleet.targets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..3], ["east", "west", "north"]);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 12);
    }

    #[test]
    fn each_workspace_has_bound_the_export_and_its_objects_show_through_it() {
        let fleet = Fleet::new(&FleetOptions {
            workspaces: vec!["red".into(), "blue".into()],
            ..FleetOptions::default()
        })
        .unwrap();
        let hand = Hand::at(&fleet.upstream, "test");
        for name in ["red", "blue"] {
            let map = json!({"metadata": {"name": "conf"}, "data": {"team": name}});
            hand.create(
                &format!("/clusters/root:{name}/api/v1/namespaces/default/configmaps"),
                &map,
            )
            .unwrap();
            let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {}});
            let deployments = format!("/clusters/root:{name}/apis/apps/v1/namespaces/default/deployments");
            hand.create(&deployments, &web).unwrap();
        }
        let provider = fleet.upstream.logical_cluster("root:compute").unwrap();
        let window = format!("/services/apiexport/{provider}/{EXPORT}/clusters/*");
        assert_eq!(hand.list(&format!("{window}/apis/apps/v1/deployments")).len(), 2);
        let maps = hand.list(&format!("{window}/api/v1/configmaps"));
        assert_eq!(maps.iter().filter(|map| map["metadata"]["name"] == "conf").count(), 2);
        assert_eq!(hand.list(&format!("{window}/api/v1/services")).len(), 0);
    }

    #[test]
    fn a_workspace_is_named_once() {
        let twice = FleetOptions {
            workspaces: vec!["red".into(), "red".into()],
            ..FleetOptions::default()
        };
        assert_eq!(Fleet::new(&twice).unwrap_err().code, 409);
    }
}
