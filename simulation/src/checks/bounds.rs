//! S10: every queue is within its bound, and nothing is left over.

use prometheus_client::{encoding::text::encode, registry::Registry};
use syncer_actors::{
    Bounds,
    runtime::{ActorView, Signals, Tree},
};

/// How many actors are looked at.
const ACTORS: usize = 10_000;

/// The first queue that is over its bound, in words. `entries` is how many keys there are that an outbox may hold a value for.
pub(crate) fn exceeded(tree: &Tree, signals: &Signals, bounds: Bounds, entries: usize) -> Option<String> {
    let actor = tree.view(ACTORS).and_then(|root| of_actor(&root, bounds));
    actor.or_else(|| of_outboxes(signals, entries))
}

fn of_actor(actor: &ActorView, bounds: Bounds) -> Option<String> {
    if actor.mailbox_depth > actor.mailbox_capacity {
        return Some(format!(
            "the mailbox of {} {} holds {} of {}",
            actor.kind, actor.key, actor.mailbox_depth, actor.mailbox_capacity
        ));
    }
    let reconcilers = actor.children.iter().filter(|child| child.kind == "Reconciler").count();
    if reconcilers > bounds.reconcilers {
        return Some(format!(
            "{} {} has {reconcilers} Reconcilers of {}",
            actor.kind, actor.key, bounds.reconcilers
        ));
    }
    actor.children.iter().find_map(|child| of_actor(child, bounds))
}

fn of_outboxes(signals: &Signals, entries: usize) -> Option<String> {
    let mut registry = Registry::default();
    signals.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).ok()?;
    let depths = text.lines().filter_map(|line| {
        let (name, depth) = line.strip_prefix("tmc_syncer_outbox_depth")?.rsplit_once(' ')?;
        Some((name.to_owned(), depth.parse::<usize>().ok()?))
    });
    depths
        .filter(|(_, depth)| *depth > entries)
        .map(|(name, depth)| format!("the outboxes {name} hold {depth} values for {entries} keys"))
        .next()
}
