//! One decision: every leaf of an object on one target.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    ApplyNeed, Base, Clocks, Decision, Fallback, Memory, Rules, Sides,
    collected::base_of,
    elsewhere,
    place::Place,
    settling::Settling,
    trail::Trail,
    walk::{Part, Walk},
    written_back::{WRITTEN_BACK_ANNOTATION, WrittenBack},
};
use crate::{
    config::Strategy,
    ownership::{HANDOVER_MANAGER, ManagedEntry},
};

/// Decides about every leaf of the object `sides` by the `rules`. What is remembered of times is kept in `memory`.
pub fn decide(sides: &Sides<'_>, rules: &Rules<'_>, clocks: Clocks, memory: &mut Memory) -> Decision {
    // The upstream wins whatever both sides agreed on.
    let upstreams = Sides { base: None, ..*sides };
    let follow = |fallback| Decision {
        fallback: Some(fallback),
        ..run(
            &upstreams,
            &Rules {
                strategy: Strategy::UpstreamWins,
                ..*rules
            },
            clocks,
            &mut Memory::default(),
        )
    };
    if rules.strategy == Strategy::UpstreamWins {
        return run(&upstreams, rules, clocks, memory);
    }
    if sides.base.is_none() {
        let base = base_of(sides.gvr, sides.schema, sides.hasher, None, sides.desired, clocks.now);
        if let Err(too_large) = base.encode(Base::limit(sides.gvr)) {
            return follow(Fallback::TooLarge(too_large));
        }
        // From here on both sides agree on what is desired.
        return Decision {
            base: Some(base),
            apply: ApplyNeed::Due,
            ..follow(Fallback::NoBase)
        };
    }
    let decision = run(sides, rules, clocks, memory);
    match decision.base.as_ref().map(|base| base.encode(Base::limit(sides.gvr))) {
        Some(Err(too_large)) => follow(Fallback::TooLarge(too_large)),
        _ => decision,
    }
}

fn run(sides: &Sides<'_>, rules: &Rules<'_>, clocks: Clocks, memory: &mut Memory) -> Decision {
    let live_entries = ManagedEntry::all_of(sides.live);
    let upstream_entries = ManagedEntry::all_of(sides.upstream);
    let ours = live_entries.iter().find(|entry| entry.is_our_apply());
    let written = sides
        .upstream
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"));
    let written = written.and_then(|annotations| annotations.get(WRITTEN_BACK_ANNOTATION)?.as_str());
    let mut settling = Settling {
        sides,
        rules,
        clocks,
        memory,
        live_entries: &live_entries,
        upstream_entries: &upstream_entries,
        written: written.map(WrittenBack::parse).unwrap_or_default(),
        next: Base::default(),
        met: HashSet::new(),
        differing: Vec::new(),
        left_out: Vec::new(),
        composites: Vec::new(),
        given_up: Vec::new(),
        out: Decision {
            hand_over: Vec::new(),
            keep_handed_over: None,
            removals: Vec::new(),
            base_without: None,
            claim: Value::Null,
            base: None,
            apply: ApplyNeed::None,
            write_back: Vec::new(),
            verdicts: Vec::new(),
            fallback: None,
        },
    };
    let root = Place {
        desired: sides.desired,
        live: Some(sides.live),
        ours: ours.map(|entry| entry.fields),
        others: live_entries
            .iter()
            .filter(|entry| !entry.is_our_apply() && entry.manager != HANDOVER_MANAGER)
            .map(|entry| (entry, entry.fields))
            .collect(),
        part: Part::Settled,
    };
    let mut walk = Walk {
        gvr: sides.gvr,
        hasher: sides.hasher,
        trail: Trail::default(),
        sink: &mut settling,
    };
    walk.object(&root, sides.schema.root());
    elsewhere::settle(&mut settling);
    settling.finish()
}
