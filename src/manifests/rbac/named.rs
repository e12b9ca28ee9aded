//! Resources that policies name beside the four kinds, and what they add to the roles.

use std::str::FromStr;

use serde_json::{Value, json};
use syncer_core::Gvr;

use super::{KEEP, READ, rule};
use crate::{manifests::Manifest, object_name::is_label};

/// A resource and its group, as `kubectl` takes them: `widgets.example.org`, `serviceaccounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedResource {
    resource: String,
    group: String,
}

/// Adds to `roles` what the syncer needs for `resources`.
pub(super) fn extend(roles: &mut [Manifest], resources: &[NamedResource]) {
    for Manifest { document, .. } in roles {
        let name = document.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        if let Some(rules) = document.get_mut("rules").and_then(Value::as_array_mut) {
            rules.extend(resources.iter().flat_map(|resource| resource.rules(&name)));
        }
    }
}

// === impl NamedResource ===

impl NamedResource {
    /// What the role `role` needs for it; nothing where that is for something else.
    fn rules(&self, role: &str) -> Vec<Value> {
        let Self { resource, group } = self;
        match role {
            "tmc-syncer-upstream" => {
                let status = rule(group, &[&format!("{resource}/status")], &["patch"]);
                let itself = rule(group, &[resource], &READ);
                [itself, status].into_iter().chain(self.definition()).collect()
            }
            "tmc-syncer-upstream-finalizers" | "tmc-syncer-upstream-write-back" => {
                vec![rule(group, &[resource], &["patch"])]
            }
            "tmc-syncer-target" => vec![rule(group, &[resource], &KEEP)],
            _ => Vec::new(),
        }
    }

    /// The right to read its definition: whether that is about to go, and takes all objects along, is looked at before a delete (S3). The
    /// groups of Kubernetes itself have none.
    fn definition(&self) -> Option<Value> {
        let is_built_in = Gvr::new(&self.group, "", &self.resource).is_built_in();
        (!is_built_in).then(|| {
            json!({
                "apiGroups": ["apiextensions.k8s.io"],
                "resources": ["customresourcedefinitions"],
                "resourceNames": [format!("{}.{}", self.resource, self.group)],
                "verbs": ["get"],
            })
        })
    }
}

impl FromStr for NamedResource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        let is_group = !text.contains('.') || group.split('.').all(is_label);
        if !is_label(resource) || !is_group {
            return Err(format!(
                "{text:?} is no resource: name its plural in small letters and its group, such as ingresses.networking.k8s.io"
            ));
        }
        if resource == "secrets" && group.is_empty() {
            return Err("Secrets have roles of their own, which are printed in any case".to_owned());
        }
        Ok(Self {
            resource: resource.to_owned(),
            group: group.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::{options::Manifests, tests::printed};

    /// Each role grows by what it is for, and none by more.
    #[test]
    fn what_policies_name_is_added_to_the_roles() {
        let before = printed(Manifests::Rbac, &[]);
        let after = printed(
            Manifests::Rbac,
            &["--resource=widgets.example.org,jobs.batch,gateways.gateway.networking.k8s.io"],
        );
        let mut grown = Vec::new();
        for (before, after) in before.iter().zip(&after) {
            let (name, rules) = (&after["metadata"]["name"], after["rules"].as_array().unwrap());
            let known = before["rules"].as_array().unwrap().len();
            let added = rules[known..].iter().map(|rule| {
                let resource = rule["resources"][0].as_str().unwrap();
                format!(
                    "{} {resource} {}",
                    name.as_str().unwrap(),
                    rule["verbs"].as_array().unwrap().len()
                )
            });
            grown.extend(added);
        }
        let expected = [
            "tmc-syncer-upstream widgets 3",
            "tmc-syncer-upstream widgets/status 1",
            "tmc-syncer-upstream customresourcedefinitions 1",
            "tmc-syncer-upstream jobs 3",
            "tmc-syncer-upstream jobs/status 1",
            "tmc-syncer-upstream gateways 3",
            "tmc-syncer-upstream gateways/status 1",
            "tmc-syncer-upstream customresourcedefinitions 1",
            "tmc-syncer-upstream-finalizers widgets 1",
            "tmc-syncer-upstream-finalizers jobs 1",
            "tmc-syncer-upstream-finalizers gateways 1",
            "tmc-syncer-upstream-write-back widgets 1",
            "tmc-syncer-upstream-write-back jobs 1",
            "tmc-syncer-upstream-write-back gateways 1",
            "tmc-syncer-target widgets 6",
            "tmc-syncer-target jobs 6",
            "tmc-syncer-target gateways 6",
        ];
        assert_eq!(grown, expected);
    }

    #[test]
    fn a_resource_is_named_as_for_kubectl() {
        for (text, resource, group) in [
            ("serviceaccounts", "serviceaccounts", ""),
            ("jobs.batch", "jobs", "batch"),
            ("widgets.example.org", "widgets", "example.org"),
        ] {
            let (resource, group) = (resource.to_owned(), group.to_owned());
            assert_eq!(text.parse(), Ok(NamedResource { resource, group }));
        }
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "*",
            "Widgets.example.org",
            "a..b",
            "a/status",
            "-a",
            "secrets",
        ] {
            assert!(text.parse::<NamedResource>().is_err(), "{text}");
        }
    }
}
