//! Policy by policy, target by target.

use std::{collections::btree_map::Entry, sync::Arc};

use super::{
    Excluded, Facts, Needs, Place, Placement, PolicyRules, Rules, Shadowed, TargetRules, Undecided, Withheld, Writes,
    selecting::{self, Holds},
};
use crate::{config::NamespaceMetadata, identity::Scope, protect::Protected};

/// How a policy has to do with an object.
struct Claim<'a> {
    policy: &'a Arc<PolicyRules>,
    needs: Needs,
}

/// Where an object that is not protected belongs.
pub(super) fn decide(rules: &Rules, facts: &Facts<'_>) -> Result<Placement, Undecided> {
    if owner_is_synced(rules, facts)? {
        return Ok(excluded(Excluded::OwnedBySynced));
    }
    let is_namespace = selecting::is_namespaces(&facts.key.gvr);
    let cluster_scoped = facts.resource.scope == Scope::Cluster && !is_namespace;
    let mut claims = Vec::new();
    let mut scope_denied = false;
    for policy in rules.policies() {
        let Some(needs) = claim(rules, policy, facts)? else {
            continue;
        };
        if cluster_scoped && !Rules::allows_scope(policy, Scope::Cluster) {
            scope_denied = true;
            continue;
        }
        claims.push(Claim { policy, needs });
    }
    if scope_denied && claims.is_empty() {
        return Ok(excluded(Excluded::Protected(Protected::ClusterScoped)));
    }
    let mut placement = Placement::default();
    for target in rules.targets() {
        let here: Vec<&Claim<'_>> = claims
            .iter()
            .filter(|claim| claim.policy.targets.contains(&target.index))
            .collect();
        let Some(winner) = winner(&here) else {
            continue;
        };
        if let Some(why) = target.withholds(&facts.key.gvr) {
            let target = Arc::clone(target);
            placement.withheld.push(Withheld { target, why });
            continue;
        }
        placement.shadowed.extend(shadowed(&here, winner, target));
        let metadata = is_namespace.then(|| Arc::new(merged_metadata(&here)));
        placement.places.push(place(winner, target, metadata));
    }
    Ok(placement)
}

/// How `policy` has to do with the object, if at all.
fn claim(rules: &Rules, policy: &PolicyRules, facts: &Facts<'_>) -> Result<Option<Needs>, Undecided> {
    match policy.selects(facts) {
        Holds::Yes => return Ok(Some(Needs::Selected)),
        Holds::Unknown(undecided) => return Err(undecided),
        Holds::No => {}
    }
    // A namespace is made for whatever the policy places in it.
    let made_on_demand = selecting::is_namespaces(&facts.key.gvr);
    if !made_on_demand && !rules.takes_along(policy, &facts.key.gvr) {
        return Ok(None);
    }
    match policy.reaches(facts) {
        Holds::Yes => Ok(Some(Needs::IfReferenced)),
        Holds::No => Ok(None),
        Holds::Unknown(undecided) => Err(undecided),
    }
}

/// The claim that decides: the first that selects; else the first whose policy is not suspended, because what several
/// policies need must not wait for one of them.
fn winner<'a>(claims: &[&'a Claim<'a>]) -> Option<&'a Claim<'a>> {
    let selected = claims.iter().find(|claim| claim.needs == Needs::Selected);
    let active = || claims.iter().find(|claim| claim.policy.writes() == Writes::Allowed);
    selected.or_else(active).or_else(|| claims.first()).copied()
}

fn shadowed<'a>(
    claims: &'a [&'a Claim<'a>],
    winner: &'a Claim<'a>,
    target: &'a Arc<TargetRules>,
) -> impl Iterator<Item = Shadowed> + 'a {
    let others = claims.iter().filter(|claim| !Arc::ptr_eq(claim.policy, winner.policy));
    others
        .filter(|claim| claim.needs == Needs::Selected)
        .map(move |claim| Shadowed {
            policy: Arc::clone(claim.policy),
            target: Arc::clone(target),
            by: Arc::clone(winner.policy),
        })
}

fn place(winner: &Claim<'_>, target: &Arc<TargetRules>, metadata: Option<Arc<NamespaceMetadata>>) -> Place {
    Place {
        target: Arc::clone(target),
        policy: Arc::clone(winner.policy),
        needs: winner.needs,
        newcomers: target.newcomers(),
        writes: winner.policy.writes(),
        namespace_metadata: metadata,
    }
}

/// What the policies say about a namespace together; of two that set one key, the one that decides first wins.
fn merged_metadata(claims: &[&Claim<'_>]) -> NamespaceMetadata {
    let mut merged = NamespaceMetadata::default();
    for claim in claims {
        let metadata = &claim.policy.spec().namespace_metadata;
        let maps = [
            (&mut merged.labels, &metadata.labels),
            (&mut merged.annotations, &metadata.annotations),
        ];
        for (into, from) in maps {
            for (key, value) in from {
                if let Entry::Vacant(entry) = into.entry(key.clone()) {
                    entry.insert(value.clone());
                }
            }
        }
    }
    merged
}

/// Whether the owner that controls the object is of a resource that some policy places where the object is.
fn owner_is_synced(rules: &Rules, facts: &Facts<'_>) -> Result<bool, Undecided> {
    let Some(controller) = facts.controller else {
        return Ok(false);
    };
    let mut undecided = None;
    for policy in rules.policies() {
        let names_owner = policy
            .spec()
            .resources
            .iter()
            .any(|resource| controller.is_of(resource));
        if !names_owner || policy.targets.is_empty() {
            continue;
        }
        match policy.reaches(facts) {
            Holds::Yes => return Ok(true),
            Holds::No => {}
            Holds::Unknown(what) => undecided = Some(what),
        }
    }
    undecided.map_or(Ok(false), Err)
}

fn excluded(excluded: Excluded) -> Placement {
    Placement {
        excluded: Some(excluded),
        ..Placement::default()
    }
}
