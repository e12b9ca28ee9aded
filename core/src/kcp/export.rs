//! An `APIExport` and its schemas: what the syncer's own export provides, and what it claims.

use serde::Deserialize;

use super::Provision;
use crate::{Gvr, ResourceType, Scope};

/// What an export provides and claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Export {
    /// Its own resources.
    #[serde(default)]
    pub resources: Vec<ExportedResource>,
    #[serde(default)]
    permission_claims: Vec<Claim>,
}

/// A resource of an export.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExportedResource {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The resource: the plural name.
    pub name: String,
    /// The name of its `APIResourceSchema`.
    pub schema: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Claim {
    #[serde(default)]
    group: String,
    resource: String,
}

/// The spec of an `APIResourceSchema`, as far as it matters for addressing objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ResourceSchema {
    #[serde(default)]
    group: String,
    scope: String,
    names: Names,
    versions: Vec<Version>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Names {
    plural: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Version {
    name: String,
    #[serde(default)]
    served: bool,
    #[serde(default)]
    storage: bool,
}

// === impl Export ===

impl Export {
    /// Reads the spec of an export.
    pub fn parse(spec: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(spec)
    }

    /// How `group`/`resource` is to be had through this export; `None` where it neither provides nor claims it.
    pub fn provision(&self, group: &str, resource: &str) -> Option<Provision> {
        if self.own(group, resource).is_some() {
            return Some(Provision::Own);
        }
        let mut claims = self.permission_claims.iter();
        claims
            .any(|claim| claim.group == group && claim.resource == resource)
            .then_some(Provision::Claimed)
    }

    /// Its own resource `group`/`resource`.
    pub fn own(&self, group: &str, resource: &str) -> Option<&ExportedResource> {
        let mut own = self.resources.iter();
        own.find(|own| own.group == group && own.name == resource)
    }
}

// === impl ResourceSchema ===

impl ResourceSchema {
    /// Reads the spec of a schema.
    pub fn parse(spec: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(spec)
    }

    /// The resource in the version that is stored, or else the first that is served; `None` if none is.
    pub fn resource_type(&self) -> Option<ResourceType> {
        let mut served = self.versions.iter().filter(|version| version.served);
        let stored = served.clone().find(|version| version.storage);
        let version = stored.or_else(|| served.next())?;
        Some(ResourceType {
            gvr: Gvr::new(&self.group, &version.name, &self.names.plural),
            kind: self.names.kind.as_str().into(),
            scope: if self.scope == "Cluster" {
                Scope::Cluster
            } else {
                Scope::Namespaced
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_provides_some_resources_and_claims_others() {
        let export = Export::parse(
            r#"{"resources": [{"group": "apps", "name": "deployments", "schema": "v1.deployments.apps", "storage": {"crd": {}}},
                             {"name": "services", "schema": "v1.services.core"}],
                "permissionClaims": [{"group": "", "resource": "configmaps", "verbs": ["get"]}, {"resource": "secrets"}]}"#,
        )
        .unwrap();
        let cases = [
            ("apps", "deployments", Some(Provision::Own)),
            ("", "services", Some(Provision::Own)),
            ("", "configmaps", Some(Provision::Claimed)),
            ("", "secrets", Some(Provision::Claimed)),
            ("", "deployments", None),
            ("apps", "services", None),
        ];
        for (group, resource, expected) in cases {
            assert_eq!(export.provision(group, resource), expected, "{resource}.{group}");
        }
        assert_eq!(export.own("apps", "deployments").unwrap().schema, "v1.deployments.apps");
        assert_eq!(Export::parse("{}").unwrap(), Export::default());
    }

    #[test]
    fn a_schema_says_how_its_objects_are_addressed() {
        let schema = |versions: &str, scope: &str| {
            let text = format!(
                r#"{{"group": "apps", "scope": "{scope}", "names": {{"plural": "deployments", "kind": "Deployment"}}, "versions": {versions}}}"#
            );
            ResourceSchema::parse(&text).unwrap().resource_type()
        };
        let two = r#"[{"name": "v1beta1", "served": true}, {"name": "v1", "served": true, "storage": true}]"#;
        let found = schema(two, "Namespaced").unwrap();
        assert_eq!(found.gvr, Gvr::new("apps", "v1", "deployments"));
        assert_eq!((&*found.kind, found.scope), ("Deployment", Scope::Namespaced));
        let unserved_storage = r#"[{"name": "v1", "storage": true}, {"name": "v2", "served": true}]"#;
        assert_eq!(schema(unserved_storage, "Cluster").unwrap().gvr.version(), "v2");
        assert_eq!(schema(r#"[{"name": "v1"}]"#, "Cluster"), None);
    }
}
