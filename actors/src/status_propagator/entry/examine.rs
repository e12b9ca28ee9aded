//! What comes of what is known of an object.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use syncer_clusters::Object;
use syncer_core::{
    ObjectKey, resource_version,
    status::{
        Difference, Packed, Pruning, Report, Rule, StaleAfter, StatusKind, Upstream, Verdict, Voice, combine,
        difference,
    },
};

use super::{Attention, Entry};
use crate::status_propagator::{
    upstream_side::{Base, hash_of, status_of},
    voices::Voices,
};

/// What is to be done about a status.
pub(in crate::status_propagator) enum Examined {
    /// Nothing.
    Settled,
    /// It has to be written.
    Write(Box<Writing>),
}

/// A status to write, and over which version of the object.
pub(in crate::status_propagator) struct Writing {
    pub(in crate::status_propagator) uid: Box<str>,
    pub(in crate::status_propagator) resource_version: Box<str>,
    /// The whole status.
    pub(in crate::status_propagator) status: Value,
    /// What of it differs.
    pub(in crate::status_propagator) difference: Difference,
    /// Whether what was written before was changed by somebody else.
    pub(in crate::status_propagator) overwritten: bool,
    /// How long it had better wait, because somebody is about to write the object.
    pub(in crate::status_propagator) wait: Option<Duration>,
}

impl Entry {
    /// What is to be done about the status, as things stand at `now`, which is `at` on the board.
    pub(in crate::status_propagator) fn examine(
        &mut self,
        key: &ObjectKey,
        voices: &Voices,
        pruning: &Pruning,
        now: Timestamp,
        at: Duration,
    ) -> Examined {
        self.attention = Attention::Settled;
        let Some(upstream) = &self.upstream else {
            return Examined::Settled;
        };
        let mut reports = Vec::with_capacity(self.targets.len());
        for side in &self.targets {
            let Some(wish) = side.wish else { continue };
            let voice = voices.of(&side.name, &key.gvr, now);
            if side.is_kept_out(voice) {
                continue;
            }
            reports.push(side.report(wish, upstream, voice, voices.has_slices(&side.name)));
        }
        // Nobody is to hold it: what stands upstream stays.
        if reports.is_empty() {
            return Examined::Settled;
        }
        let stale_after = StaleAfter(upstream.terms.stale_after);
        if let Some(at) = next_deadline(&reports, stale_after, now) {
            self.attention = Attention::At(at);
        }
        let current = upstream.status.unpack();
        let rule = Rule {
            aggregation: upstream.terms.aggregation,
            stale_after,
        };
        let side = Upstream {
            kind: StatusKind::of(&key.gvr),
            namespace: &key.namespace,
            generation: upstream.generation,
            balancing: upstream.balancing,
            status: &current,
        };
        let status = match combine(side, &reports, rule, now) {
            Verdict::Status(status) => status,
            Verdict::Wait(_) => return Examined::Settled,
        };
        let kept = hash_of(&upstream.status);
        if let Some(base) = &upstream.base
            && base.kept == kept
            && base.sent == hash_of(&Packed::of(&status))
        {
            return Examined::Settled;
        }
        let Some(difference) = difference(&current, &status, pruning) else {
            return Examined::Settled;
        };
        self.attention = Attention::Open;
        Examined::Write(Box::new(Writing {
            uid: upstream.uid.clone(),
            resource_version: upstream.resource_version.clone(),
            status,
            difference,
            overwritten: upstream.base.is_some_and(|base| base.kept != kept),
            wait: upstream.rhythm.wait(at),
        }))
    }

    /// A write of the status of the object with this UID may have gone through or not: what stands there may be ours, and
    /// is not taken for another's.
    pub(in crate::status_propagator) fn unanswered(&mut self, uid: &str) {
        if let Some(known) = self.upstream.as_mut().filter(|known| *known.uid == *uid) {
            known.base = None;
        }
    }

    /// The upstream answered `object` to a status of `sent`; `list` is the last list that was begun before.
    pub(in crate::status_propagator) fn written(&mut self, object: &Object, sent: &Value, list: u32) {
        let Some(known) = &mut self.upstream else { return };
        if *known.uid != *object.uid() {
            return;
        }
        let status = Packed::of(&status_of(object));
        known.base = Some(Base {
            sent: hash_of(&Packed::of(sent)),
            kept: hash_of(&status),
        });
        if *known.resource_version == *object.resource_version() {
            known.rhythm.was_ours();
        }
        // The watch may have shown a newer one already.
        if !resource_version::is_older(object.resource_version(), &known.resource_version) {
            known.list = list;
            known.resource_version = object.resource_version().into();
            known.status = status;
        }
    }
}

/// The first time at which a target stops counting.
fn next_deadline(reports: &[Report<'_>], stale_after: StaleAfter, now: Timestamp) -> Option<Timestamp> {
    let deadlines = reports.iter().filter_map(|report| match report.voice {
        Voice::Fresh => None,
        Voice::Silent { since } | Voice::NeverHeard { since } => Some(stale_after.deadline(since)),
    });
    deadlines.filter(|at| *at > now).min()
}
