//! The live tree, for a debug page.

use std::sync::{Arc, Weak, atomic::Ordering};

use parking_lot::Mutex;
use serde::Serialize;

use super::node::Node;

/// A look at the live tree. It stops nothing and waits for no actor's thread, so it answers even when one hangs.
#[derive(Clone, Debug, Default)]
pub struct Tree(Arc<Mutex<Weak<Node>>>);

/// An actor as a debug page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ActorView {
    /// Its kind.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// Its state, in its own word.
    pub state: &'static str,
    /// The thread that it runs on.
    pub thread: u16,
    /// Places taken in its mailbox.
    pub mailbox_depth: usize,
    /// Places in its mailbox.
    pub mailbox_capacity: usize,
    /// How often it was restarted.
    pub restarts: u32,
    /// Why it failed the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Its children, by kind and key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ActorView>,
    /// How many children are not shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_children: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

// === impl Tree ===

impl Tree {
    /// How many actors a view shows in all.
    const MAX_ACTORS: usize = 10_000;

    pub(crate) fn plant(&self, root: &Arc<Node>) {
        *self.0.lock() = Arc::downgrade(root);
    }

    pub(crate) fn root(&self) -> Option<Arc<Node>> {
        self.0.lock().upgrade()
    }

    /// The tree now, with at most `limit` children of each kind and parent; `None` when the root is gone or has not started.
    pub fn view(&self, limit: usize) -> Option<ActorView> {
        let root = self.root()?;
        let mut left = Self::MAX_ACTORS;
        Some(view(&root, limit, &mut left))
    }
}

fn view(node: &Node, limit: usize, left: &mut usize) -> ActorView {
    let glance = node.glance(limit.min(*left));
    *left = left.saturating_sub(glance.children.len());
    ActorView {
        kind: node.kind(),
        key: node.key.to_string(),
        state: glance.state,
        thread: node.thread,
        mailbox_depth: node.depth(),
        mailbox_capacity: node.capacity(),
        restarts: node.restarts.load(Ordering::Relaxed),
        last_error: glance.last_error,
        children: glance.children.iter().map(|child| view(child, limit, left)).collect(),
        more_children: glance.more,
    }
}
