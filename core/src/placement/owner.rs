//! Objects that controllers make: not synced where their owner is.

use crate::config::ResourceRef;

/// The ownerReference with `controller: true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller<'a> {
    /// The API group of the owner; empty for the core group.
    pub group: &'a str,
    /// Its kind.
    pub kind: &'a str,
}

// === impl Controller ===

impl<'a> Controller<'a> {
    /// The owner of this `apiVersion` and `kind`.
    pub fn new(api_version: &'a str, kind: &'a str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self { group, kind }
    }

    /// Whether its kind is that of `resource`, by the rule by which resources are named after kinds.
    pub(super) fn is_of(self, resource: &ResourceRef) -> bool {
        resource.group == self.group && is_plural(&resource.resource, self.kind)
    }
}

/// Whether `resource` is the lower-case plural of `kind`.
fn is_plural(resource: &str, kind: &str) -> bool {
    let singular = kind.to_ascii_lowercase();
    if singular.is_empty() {
        return false;
    }
    if let Some(stem) = singular.strip_suffix('y')
        && resource.strip_suffix("ies") == Some(stem)
    {
        return true;
    }
    let ending = resource.strip_prefix(&*singular);
    // `endpoints` and the like are their own plural.
    ending == Some("s") || ending == Some("es") || ending == Some("") && singular.ends_with('s')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_known_by_their_kind() {
        let cases = [
            ("deployments", "Deployment", true),
            ("replicasets", "ReplicaSet", true),
            ("networkpolicies", "NetworkPolicy", true),
            ("ingresses", "Ingress", true),
            ("gateways", "Gateway", true),
            ("endpoints", "Endpoints", true),
            ("statuses", "Status", true),
            ("deployments", "Deploy", false),
            ("jobs", "CronJob", false),
            ("", "", false),
            ("s", "", false),
        ];
        for (resource, kind, expected) in cases {
            assert_eq!(is_plural(resource, kind), expected, "{resource} {kind}");
        }
    }

    #[test]
    fn the_group_counts() {
        let owner = Controller::new("apps/v1", "Deployment");
        let resource = |group: &str| ResourceRef {
            group: group.into(),
            resource: "deployments".into(),
        };
        assert!(owner.is_of(&resource("apps")));
        assert!(!owner.is_of(&resource("")));
        assert_eq!(Controller::new("v1", "Pod").group, "");
    }
}
