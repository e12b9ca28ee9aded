//! Claims: labels on the objects that an export may see in a workspace.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{export::ClaimedResource, is_deleting, list, short_hash, text};
use crate::{
    object::{child, put},
    select::labels::LabelSelector,
    state::{Now, State, Subject},
    store::key::Key,
    write::Part,
};

/// What the labels of claimed objects begin with.
pub(crate) const CLAIMED: &str = "claimed.internal.apis.kcp.io/";

/// A claim that a workspace has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcceptedClaim {
    /// The export, as labels name it.
    pub(crate) export: String,
    /// What is claimed, with the verbs that both sides name.
    pub(crate) claimed: ClaimedResource,
    /// Which of the objects.
    selector: LabelSelector,
}

// === impl AcceptedClaim ===

impl AcceptedClaim {
    /// The label that marks the claimed objects.
    pub(crate) fn label(&self) -> (String, String) {
        label(&self.export, &self.claimed)
    }
}

/// The label that marks what an export claims.
pub(crate) fn label(export: &str, claimed: &ClaimedResource) -> (String, String) {
    (
        format!("{CLAIMED}{export}"),
        short_hash(&format!("{}/{}", claimed.group, claimed.resource)),
    )
}

// === impl State ===

impl State {
    /// Reads which claims are accepted, and labels the objects of the workspaces where that has changed.
    pub(super) fn reconcile_claims(&mut self, now: Now) {
        let claims = self.accepted_claims();
        let Some(kcp) = &mut self.kcp else { return };
        let before = std::mem::replace(&mut kcp.claims, claims.clone());
        let clusters = before
            .keys()
            .chain(claims.keys().filter(|cluster| !before.contains_key(*cluster)));
        for cluster in clusters.filter(|cluster| before.get(*cluster) != claims.get(*cluster)) {
            let of = |claims: &IndexMap<Arc<str>, Vec<AcceptedClaim>>| claims.get(cluster).cloned().unwrap_or_default();
            for claim in of(&before).into_iter().chain(of(&claims)) {
                self.label_all(cluster, &claim.claimed, now);
            }
        }
    }

    fn accepted_claims(&self) -> IndexMap<Arc<str>, Vec<AcceptedClaim>> {
        let mut accepted: IndexMap<Arc<str>, Vec<AcceptedClaim>> = IndexMap::new();
        let Some(kcp) = &self.kcp else { return accepted };
        for binding in self.bindings() {
            let Some(export) = binding.export.as_ref().and_then(|key| kcp.exports.get(key)) else {
                continue;
            };
            // A binding that goes keeps its claims until it is gone: finalizers can still be taken off.
            let _ = is_deleting(&binding.object);
            for claim in list(&binding.object, "/spec/permissionClaims")
                .iter()
                .filter(|claim| text(claim, "/state") == "Accepted")
            {
                let mut claimed = ClaimedResource::parse(claim);
                let Some(asked) = export
                    .claims
                    .iter()
                    .find(|own| own.group == claimed.group && own.resource == claimed.resource)
                else {
                    continue;
                };
                // The verbs are compared as they are spelled: `*` on one side and a list on the other have nothing in common.
                claimed.verbs.retain(|verb| asked.verbs.contains(verb));
                let entry = accepted.entry(Arc::clone(&binding.subject.cluster)).or_default();
                entry.push(AcceptedClaim {
                    export: export.hash.clone(),
                    claimed,
                    selector: selector(claim),
                });
            }
        }
        accepted
    }

    /// Labels the objects of a claimed resource anew. Each write is a change like any other: watchers see it.
    fn label_all(&mut self, cluster: &Arc<str>, claimed: &ClaimedResource, now: Now) {
        let Some(registry) = self.registries.get(cluster) else {
            return;
        };
        let found = registry
            .iter()
            .find(|resource| resource.group() == claimed.group && resource.plural() == claimed.resource);
        let Some(resource) = found.cloned() else { return };
        for (subject, _) in self.objects_with(&resource, &Key::prefix(Some(cluster), None)) {
            self.settle(&subject, Part::Object, now, |_| {});
        }
    }

    /// The claims that are accepted in `cluster`.
    pub(crate) fn claims_in(&self, cluster: &str) -> &[AcceptedClaim] {
        self.kcp
            .as_ref()
            .and_then(|kcp| kcp.claims.get(cluster))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Puts the labels on an object that the claims of its workspace ask for, and takes the others off.
    pub(crate) fn label_claims(&self, subject: &Subject, object: &mut Value) {
        if self.kcp.is_none() {
            return;
        }
        let own: BTreeMap<String, String> = object
            .pointer("/metadata/labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let resource = &subject.resource;
        let claims = self.claims_in(&subject.cluster).iter();
        let wanted: Vec<(String, String)> = claims
            .filter(|claim| claim.claimed.group == resource.group() && claim.claimed.resource == resource.plural())
            .filter(|claim| claim.selector.selects(|name| own.get(name).map(String::as_str)))
            .map(AcceptedClaim::label)
            .collect();
        let has_claims = own.keys().any(|name| name.starts_with(CLAIMED));
        if wanted.is_empty() && !has_claims {
            return;
        }
        let Some(head) = child(object, "metadata") else { return };
        let labels = head.entry("labels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.retain(|name, _| !name.starts_with(CLAIMED));
        }
        for (name, value) in wanted {
            put(labels, &name, value);
        }
        if labels.as_object().is_some_and(serde_json::Map::is_empty) {
            head.remove("labels");
        }
    }
}

/// The selector of an accepted claim; a claim without one selects everything.
fn selector(claim: &Value) -> LabelSelector {
    let labels = claim
        .pointer("/selector/matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let mut parts: Vec<String> = labels
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in list(claim, "/selector/matchExpressions") {
        let key = text(expression, "/key");
        let values: Vec<&str> = list(expression, "/values").iter().filter_map(Value::as_str).collect();
        parts.push(match text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    LabelSelector::parse(&parts.join(",")).unwrap_or_default()
}
