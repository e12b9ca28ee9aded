//! One workspace, as its bindings to the export show it.

use std::{collections::BTreeMap, sync::Arc};

use syncer_core::{
    Gvr,
    kcp::{Binding, ClaimState, Provision, Standing},
};
use tokio::time::Instant;

use super::{EndpointId, Turn};

/// What is known of a workspace. There may be several bindings to an export that only claims.
pub(super) struct Workspace {
    /// Where it is to be found.
    pub(super) endpoint: EndpointId,
    /// Its path, for people and policies.
    pub(super) path: Option<Arc<str>>,
    /// None once the last one went, if it was seen to go; else the workspace is forgotten.
    bindings: BTreeMap<Box<str>, Bound>,
}

/// How the bindings of a workspace stand, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    /// At least one of them is there to stay.
    Bound,
    /// All of them go.
    Leaving,
    /// None is left, and that was seen coming.
    Left,
}

/// A binding as an endpoint showed it.
pub(super) struct Seen {
    pub(super) binding: Binding,
    pub(super) life: Life,
    /// The path of its workspace, where it is shown.
    pub(super) path: Option<Arc<str>>,
    /// The number of the last list begun.
    pub(super) list: u64,
}

struct Bound {
    binding: Binding,
    /// Since when each claim has been as it is.
    since: BTreeMap<(Box<str>, Box<str>), Instant>,
    life: Life,
    /// The number of the last list begun before it was seen.
    list: u64,
}

/// Whether a binding is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is there to stay.
    Stays,
    /// It has a deletionTimestamp.
    Goes,
}

// === impl Workspace ===

impl Workspace {
    pub(super) fn new(endpoint: EndpointId) -> Self {
        Self {
            endpoint,
            path: None,
            bindings: BTreeMap::new(),
        }
    }

    pub(super) fn lifecycle(&self) -> Lifecycle {
        if self.bindings.values().any(|bound| bound.life == Life::Stays) {
            return Lifecycle::Bound;
        }
        if self.bindings.is_empty() {
            return Lifecycle::Left;
        }
        Lifecycle::Leaving
    }

    pub(super) fn standing(&self, provision: Provision, gvr: &Gvr, now: Instant) -> Standing {
        if self.lifecycle() != Lifecycle::Bound {
            return Standing::Left;
        }
        if provision != Provision::Claimed {
            return Standing::Bound;
        }
        let standings = self.living().map(|bound| bound.standing(gvr, now));
        standings.max_by_key(rank).unwrap_or(Standing::Unaccepted)
    }

    pub(super) fn refusal(&self, gvr: &Gvr) -> Option<&'static str> {
        let mut refusals = self
            .living()
            .map(|bound| bound.binding.claim(gvr.group(), gvr.resource()).refusal());
        let first = refusals.next()??;
        refusals.all(|refusal| refusal.is_some()).then_some(first)
    }

    fn living(&self) -> impl Iterator<Item = &Bound> {
        self.bindings.values().filter(|bound| bound.life == Life::Stays)
    }

    /// The binding `name` was seen.
    pub(super) fn see(&mut self, name: &str, seen: Seen, now: Instant) -> Turn {
        let Seen {
            binding,
            life,
            path,
            list,
        } = seen;
        let before = (!self.bindings.is_empty()).then(|| self.lifecycle());
        let known = self.bindings.get(name);
        let same = known.is_some_and(|known| known.binding == binding && known.life == life);
        let since = known.map(|known| known.still(&binding)).unwrap_or_default();
        let since = binding.claims().map(|(group, resource, _)| {
            let claim = (group.into(), resource.into());
            let since = since.get(&claim).copied().unwrap_or(now);
            (claim, since)
        });
        let since = since.collect();
        let found = path.is_some() && path != self.path;
        if found {
            self.path = path;
        }
        let bound = Bound {
            binding,
            since,
            life,
            list,
        };
        self.bindings.insert(name.into(), bound);
        match self.lifecycle() {
            Lifecycle::Leaving if before != Some(Lifecycle::Leaving) => Turn::Leaves,
            _ if found => Turn::Found,
            _ if same => Turn::None,
            _ => Turn::Changed,
        }
    }

    /// Whether the binding `name` was bound to a schema that `binding` has not any more; one that is added takes nothing away.
    pub(super) fn had_other_schemas(&self, name: &str, binding: &Binding) -> bool {
        let known = self.bindings.get(name).map(|known| known.binding.schemas.iter());
        known.is_some_and(|mut known| known.any(|schema| !binding.schemas.contains(schema)))
    }

    /// The binding `name` is gone, and this was its life.
    pub(super) fn lose(&mut self, name: &str, life: Life) -> Turn {
        if let Some(bound) = self.bindings.get_mut(name)
            && life == Life::Goes
        {
            bound.life = Life::Goes;
        }
        self.lose_where(|known, _| known == name)
    }

    /// The bindings that were last seen before the list `list` are gone.
    pub(super) fn lose_before(&mut self, list: u64) -> Turn {
        self.lose_where(|_, bound| bound.list < list)
    }

    fn lose_where(&mut self, gone: impl Fn(&str, &Bound) -> bool) -> Turn {
        let before = self.bindings.len();
        let seen_coming = self.lifecycle() == Lifecycle::Leaving;
        self.bindings.retain(|name, bound| !gone(name, bound));
        if self.bindings.len() == before {
            return Turn::None;
        }
        if !self.bindings.is_empty() {
            return Turn::Changed;
        }
        if seen_coming { Turn::Left } else { Turn::Lost }
    }
}

/// The standing that says most, where bindings say different things.
fn rank(standing: &Standing) -> u8 {
    match standing {
        Standing::Accepted { .. } => 2,
        Standing::Selected => 1,
        _ => 0,
    }
}

// === impl Bound ===

impl Bound {
    fn standing(&self, gvr: &Gvr, now: Instant) -> Standing {
        match self.binding.claim(gvr.group(), gvr.resource()) {
            ClaimState::Accepted { .. } => {
                let since = self.since.get(&(gvr.group().into(), gvr.resource().into()));
                let unchanged = since.map(|since| now.saturating_duration_since(*since));
                Standing::Accepted {
                    unchanged: unchanged.unwrap_or_default(),
                }
            }
            ClaimState::Selected => Standing::Selected,
            ClaimState::Pending | ClaimState::Rejected | ClaimState::Missing => Standing::Unaccepted,
        }
    }

    /// Since when those claims have been as they are that `newer` has too.
    fn still(&self, newer: &Binding) -> BTreeMap<(Box<str>, Box<str>), Instant> {
        let same = |(group, resource): &(Box<str>, Box<str>)| {
            self.binding.claim(group, resource) == newer.claim(group, resource)
        };
        let since = self.since.iter().filter(|(claim, _)| same(claim));
        since.map(|(claim, since)| (claim.clone(), *since)).collect()
    }
}
