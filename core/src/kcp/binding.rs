//! An `APIBinding`: what a workspace lets an export see.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::slice::ExportReference;

/// What a binding says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The export that it refers to.
    pub export: ExportReference,
    /// The logical cluster of that export, once kcp has found it; empty before.
    pub export_cluster: Box<str>,
    /// The UIDs of the schemas that its resources are bound to; what is bound to another one is stored and shown by other rules.
    pub schemas: Box<[Box<str>]>,
    claims: Box<[Claim]>,
}

/// How a claim on a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// It is accepted for all objects, and applied.
    Accepted {
        /// Everything that the binding says of the claim: another text is another claim.
        terms: Box<str>,
    },
    /// It is accepted for the objects that a selector names.
    Selected,
    /// It is accepted, and the labels by which its objects are shown are still on their way.
    Pending,
    /// It is rejected.
    Rejected,
    /// Nothing is said of it.
    Missing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    group: Box<str>,
    resource: Box<str>,
    state: ClaimState,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    reference: Reference,
    #[serde(default)]
    permission_claims: Vec<AnsweredClaim>,
}

#[derive(Default, Deserialize)]
struct Reference {
    #[serde(default)]
    export: ExportReference,
}

#[derive(Clone, Deserialize, serde::Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct ClaimTerms {
    #[serde(default)]
    group: String,
    resource: String,
    #[serde(default)]
    identity_hash: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    selector: Selector,
}

#[derive(Clone, Default, Deserialize, serde::Serialize, PartialEq, Eq)]
struct Selector {
    #[serde(default, rename = "matchAll")]
    all: bool,
    #[serde(default, rename = "matchLabels")]
    labels: BTreeMap<String, String>,
    #[serde(default, rename = "matchExpressions")]
    expressions: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct AnsweredClaim {
    #[serde(flatten)]
    terms: ClaimTerms,
    #[serde(default)]
    state: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    api_export_cluster_name: String,
    #[serde(default)]
    bound_resources: Vec<BoundResource>,
    #[serde(default)]
    applied_permission_claims: Option<Vec<ClaimTerms>>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct BoundResource {
    #[serde(default)]
    schema: BoundSchema,
}

#[derive(Default, Deserialize)]
struct BoundSchema {
    #[serde(default, rename = "UID")]
    uid: String,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

// === impl Binding ===

impl Binding {
    /// Reads `spec` and `status` of a binding. A status that is not there says nothing.
    pub fn parse(spec: &str, status: Option<&str>) -> Result<Self, serde_json::Error> {
        let spec: Spec = serde_json::from_str(spec)?;
        let status: Status = status.map(serde_json::from_str).transpose()?.unwrap_or_default();
        let claims = spec.permission_claims.iter().map(|claim| Claim {
            group: claim.terms.group.as_str().into(),
            resource: claim.terms.resource.as_str().into(),
            state: state(claim, &status),
        });
        let mut schemas: Vec<Box<str>> = status
            .bound_resources
            .iter()
            .map(|bound| bound.schema.uid.as_str().into())
            .collect();
        schemas.sort_unstable();
        Ok(Self {
            claims: claims.collect(),
            schemas: schemas.into(),
            export: spec.reference.export,
            export_cluster: status.api_export_cluster_name.into(),
        })
    }

    /// All claims that are answered: group, resource, and how each stands.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &str, &ClaimState)> {
        let claims = self.claims.iter();
        claims.map(|claim| (&*claim.group, &*claim.resource, &claim.state))
    }

    /// How the claim on `group`/`resource` stands.
    pub fn claim(&self, group: &str, resource: &str) -> &ClaimState {
        let claim = self
            .claims
            .iter()
            .find(|claim| *claim.group == *group && *claim.resource == *resource);
        claim.map_or(&ClaimState::Missing, |claim| &claim.state)
    }
}

fn state(claim: &AnsweredClaim, status: &Status) -> ClaimState {
    if claim.state != "Accepted" {
        return ClaimState::Rejected;
    }
    let applied = status.applied_permission_claims.as_ref();
    let of_resource = |terms: &&ClaimTerms| terms.group == claim.terms.group && terms.resource == claim.terms.resource;
    let Some(applied) = applied.and_then(|applied| applied.iter().find(of_resource)) else {
        return ClaimState::Pending;
    };
    let holds = |condition: &Condition| condition.r#type == "PermissionClaimsApplied" && condition.status == "True";
    if !status.conditions.iter().any(holds) || applied.selector != claim.terms.selector {
        return ClaimState::Pending;
    }
    let selector = &applied.selector;
    if !selector.labels.is_empty() || !selector.expressions.is_empty() {
        return ClaimState::Selected;
    }
    let terms = serde_json::to_string(&[&claim.terms, applied]).unwrap_or_default();
    ClaimState::Accepted { terms: terms.into() }
}

// === impl ClaimState ===

impl ClaimState {
    /// Why nothing of the resource is to be had; `None` where it is, or soon will be.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Rejected => Some("rejected"),
            Self::Missing => Some("not answered"),
            Self::Accepted { .. } | Self::Selected | Self::Pending => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claim(resource: &str, selector: &Value) -> Value {
        json!({"group": "", "resource": resource, "verbs": ["get"], "selector": selector})
    }

    fn read(state: Option<&str>, selector: &Value, applied: &Value, condition: &str) -> ClaimState {
        let mut claims = Vec::new();
        if let Some(state) = state {
            let mut answered = claim("configmaps", selector);
            answered["state"] = json!(state);
            claims.push(answered);
        }
        let spec = json!({"reference": {"export": {"path": "root:compute", "name": "kubernetes"}}, "permissionClaims": claims});
        let status = json!({
            "apiExportClusterName": "2xyz",
            "appliedPermissionClaims": applied,
            "conditions": [{"type": "PermissionClaimsApplied", "status": condition}],
        });
        let binding = Binding::parse(&spec.to_string(), Some(&status.to_string())).unwrap();
        assert_eq!(
            (&*binding.export.name, &*binding.export_cluster),
            ("kubernetes", "2xyz")
        );
        binding.claim("", "configmaps").clone()
    }

    #[test]
    fn the_schemas_that_are_bound_are_known_by_their_uids() {
        let spec = json!({"reference": {"export": {"name": "kubernetes"}}}).to_string();
        let bound = |uid: &str| json!({"group": "", "resource": uid, "schema": {"name": uid, "UID": uid}});
        let schemas = |status: &Value| Binding::parse(&spec, Some(&status.to_string())).unwrap().schemas;
        assert!(schemas(&json!({})).is_empty());
        let [one, other] = [["a", "b"], ["b", "a"]].map(|uids| schemas(&json!({"boundResources": uids.map(bound)})));
        assert_eq!(one, other, "in whatever order they are");
        assert_eq!(one.len(), 2);
    }

    #[test]
    fn a_claim_is_accepted_once_it_is_applied_as_it_is() {
        let (all, some) = (json!({"matchAll": true}), json!({"matchLabels": {"sync": "yes"}}));
        let applied = |selector: &Value| json!([claim("secrets", &all), claim("configmaps", selector)]);
        let accepted = |state: &ClaimState| matches!(state, ClaimState::Accepted { .. });
        assert!(accepted(&read(Some("Accepted"), &all, &applied(&all), "True")));
        let cases = [
            (Some("Accepted"), &all, applied(&all), "False", ClaimState::Pending),
            (
                Some("Accepted"),
                &all,
                json!([claim("secrets", &all)]),
                "True",
                ClaimState::Pending,
            ),
            (Some("Accepted"), &all, Value::Null, "True", ClaimState::Pending),
            (Some("Accepted"), &all, applied(&some), "True", ClaimState::Pending),
            (Some("Accepted"), &some, applied(&some), "True", ClaimState::Selected),
            (Some("Rejected"), &all, applied(&all), "True", ClaimState::Rejected),
            (Some(""), &all, applied(&all), "True", ClaimState::Rejected),
            (None, &all, applied(&all), "True", ClaimState::Missing),
        ];
        for (state, selector, applied, condition, expected) in cases {
            assert_eq!(
                read(state, selector, &applied, condition),
                expected,
                "{state:?} {applied} {condition}"
            );
        }
    }

    #[test]
    fn other_verbs_are_another_claim() {
        let terms = |verbs: Value| {
            let all = json!({"matchAll": true});
            let mut applied = claim("configmaps", &all);
            applied["verbs"] = verbs;
            read(Some("Accepted"), &all, &json!([applied]), "True")
        };
        assert_eq!(terms(json!(["get"])), terms(json!(["get"])));
        assert_ne!(terms(json!(["get"])), terms(json!(["get", "list"])));
    }

    #[test]
    fn a_binding_that_is_new_says_little() {
        let binding = Binding::parse("{}", None).unwrap();
        assert_eq!(*binding.claim("", "configmaps"), ClaimState::Missing);
        assert_eq!(&*binding.export_cluster, "");
        assert!(Binding::parse("7", None).is_err());
    }

    #[test]
    fn only_a_person_can_end_a_refusal() {
        assert_eq!(ClaimState::Missing.refusal(), Some("not answered"));
        assert_eq!(ClaimState::Rejected.refusal(), Some("rejected"));
        assert_eq!(ClaimState::Pending.refusal(), None);
    }
}
