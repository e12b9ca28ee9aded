//! When both sides wrote a leaf, and what of that is known already.

use std::collections::BTreeSet;

use super::{
    Agreed, Base, Clocks, LEAST_UNCERTAINTY, LeafTimes, OriginalWrite, SideClock,
    collected::{Collected, collect},
    leaf::{LeafHash, LeafId, LeafPath},
    owner::{owner_of, time_of},
    settle::{Changed, Times},
    settling::{Case, Settling},
    time::{Certainty, Moment, WriteTime},
};
use crate::{config::Strategy, field_path::FieldPath, marker::FIELD_MANAGER, ownership::ManagedEntry};

impl Settling<'_, '_> {
    /// On what both sides agree by what the target wrote and the upstream shows since: it was written back, and nobody took the leaf. The
    /// base in the target's marker moves with the next write only; what the target writes until then is a successor of that, however near.
    pub(super) fn echo(&self, path: impl Fn() -> LeafPath, hash: Option<LeafHash>) -> Option<Agreed> {
        if self.written.is_empty() {
            return None;
        }
        let path = path();
        let write = self.written.get(&path.to_string())?;
        if !write.is_of(self.sides.target, hash) {
            return None;
        }
        let owner = owner_of(self.upstream_entries, &path);
        if owner.is_some_and(|owner| owner.manager != FIELD_MANAGER) {
            return None;
        }
        let at = write.at()?;
        hash.map(|hash| Agreed { hash, at })
    }

    /// Whether a leaf that the upstream lacks is missing there because this target removed it: then what it has of it is newer.
    pub(super) fn is_removal_echo(&self, path: &LeafPath) -> bool {
        let write = self.written.get(&path.to_string());
        write.is_some_and(|write| write.is_of(self.sides.target, None))
    }

    /// Remembers since when the upstream lacks what the base knows: a write at the target is told by it whether it is the later one. Where the target
    /// lacks it too, what is written next on either side is later than that, and whoever is started next must not take what is missing for a removal
    /// of then.
    pub(super) fn watch_removals(&mut self) {
        let sides = self.sides;
        let base = sides.base.into_iter().flat_map(Base::leaves);
        let gone: Vec<LeafId> = base.filter(|id| !self.met.contains(id)).collect();
        if gone.is_empty() {
            return;
        }
        let mut there = Collected::new(None, self.clocks.now, sides.hasher);
        collect(sides.gvr, sides.schema, &FieldPath::default(), sides.live, &mut there);
        let there: BTreeSet<LeafId> = there.ids.into_iter().collect();
        let above = self.clocks.upstream.to_theirs(self.clocks.now);
        let below = self.clocks.downstream.to_theirs(self.clocks.now);
        for id in gone {
            let agreed = sides.base.and_then(|base| base.get(id));
            self.memory.upstream.observe(id, None, agreed, (None, above));
            if !there.contains(&id) {
                self.memory.downstream.observe(id, None, agreed, (None, below));
            }
            self.differing.push(id);
        }
    }

    /// Whether the upstream had a leaf that neither it nor the base has now.
    pub(super) fn upstream_had(&self, id: LeafId) -> bool {
        self.rules.strategy == Strategy::LastWriteWins && self.memory.upstream.remembers(id, None)
    }

    /// The target from which the upstream has the leaf at `path`, if it was written back and nobody took it.
    pub(super) fn origin_of(&self, path: &LeafPath, owner: Option<&ManagedEntry<'_>>) -> Option<Box<str>> {
        if self.written.is_empty() || owner.is_some_and(|owner| owner.manager != FIELD_MANAGER) {
            return None;
        }
        let write = self.written.get(&path.to_string())?;
        Some(write.target.as_str().into())
    }

    /// When both sides wrote a leaf, on our clock.
    pub(super) fn times(&mut self, case: &Case<'_>) -> Times {
        let hasher = self.sides.hasher;
        let Clocks {
            now,
            upstream,
            downstream,
        } = self.clocks;
        let owner = owner_of(self.upstream_entries, &case.path);
        let hash = case.upstream.map(|content| hasher.value(content));
        let known = self.sides.base.and_then(|base| base.get(case.id));
        let agreed = self.echo(|| case.path.clone(), hash).or(known);
        // A removal that was written back is dated there, whoever looks at it next.
        let removed = case
            .downstream
            .is_none()
            .then(|| self.removal_written_back(case))
            .flatten();
        // Only a side that changed the leaf is remembered: that it differed once means that what it has now was written since.
        let (mut none, mut other) = (LeafTimes::default(), LeafTimes::default());
        let (above, below) = match case.changed {
            Changed::Upstream => (&mut self.memory.upstream, &mut other),
            Changed::Downstream => (&mut none, &mut self.memory.downstream),
            Changed::Nobody | Changed::Alike | Changed::Differently => {
                (&mut self.memory.upstream, &mut self.memory.downstream)
            }
        };
        let up = above.observe(case.id, hash, agreed, (time_of(owner), upstream.to_theirs(now)));
        let found = case.downstream.map(|content| hasher.value(content));
        let down = below.observe(case.id, found, agreed, (time_of(case.owner), downstream.to_theirs(now)));
        let down = removed.map_or(down, |at| WriteTime {
            at: downstream.to_theirs(at),
            certainty: Certainty::Watched,
        });
        // Ours stands there, or nobody's is what was written back: a removal, or a value without an owner.
        let recorded = self.written.get(&case.path.to_string()).filter(|write| match owner {
            Some(owner) => owner.manager == FIELD_MANAGER,
            None => write.is_value(hash),
        });
        let recorded = recorded.and_then(OriginalWrite::at);
        let on_ours = |clock: SideClock, time: WriteTime| WriteTime {
            at: clock.to_ours(time.at),
            ..time
        };
        Times {
            // A write does not get younger by travelling.
            upstream: recorded.map_or_else(
                || on_ours(upstream, up),
                |at| WriteTime {
                    at,
                    certainty: Certainty::Watched,
                },
            ),
            downstream: on_ours(downstream, down),
            uncertainty: upstream.uncertainty.saturating_add(downstream.uncertainty),
        }
    }

    /// When the target removed a leaf, if that was written back and the leaf was not agreed on anew since.
    fn removal_written_back(&self, case: &Case<'_>) -> Option<Moment> {
        let write = self.written.get(&case.path.to_string())?;
        let at = write.at().filter(|_| write.is_of(self.sides.target, None))?;
        let known = self.sides.base.and_then(|base| base.get(case.id));
        let agreed_since = known.is_some_and(|agreed| agreed.at.0 > at.0.saturating_add(LEAST_UNCERTAINTY));
        (!agreed_since).then_some(at)
    }

    /// Whether this very write of the target was written back before, and the upstream has changed the leaf since.
    pub(super) fn was_written_back(&self, case: &Case<'_>, times: Times) -> bool {
        let hash = case.downstream.map(|content| self.sides.hasher.value(content));
        let Some(write) = self.written.get(&case.path.to_string()) else {
            return false;
        };
        let Some(at) = write.at().filter(|_| write.is_of(self.sides.target, hash)) else {
            return false;
        };
        let slack = times.uncertainty.max(LEAST_UNCERTAINTY);
        // What was agreed on since makes it another write of the same value.
        let known = self.sides.base.and_then(|base| base.get(case.id));
        let agreed_since = known.is_some_and(|agreed| agreed.at.0 > at.0.saturating_add(slack));
        !agreed_since && times.downstream.at.0 < at.0.saturating_add(slack)
    }
}
