//! The children of an actor, as its node keeps them.

use std::{mem, sync::Arc};

use super::Node;

/// What a debug page shows of an actor itself.
pub(crate) struct Glance {
    pub(crate) state: &'static str,
    pub(crate) last_error: Option<String>,
    pub(crate) children: Vec<Arc<Node>>,
    pub(crate) more: usize,
}

// === impl Node ===

impl Node {
    /// Puts `child` into the tree; returns the one it displaces.
    pub(crate) fn adopt(&self, child: Arc<Node>) -> Option<Arc<Node>> {
        self.cold.lock().rare().children.adopt(child)
    }

    /// Takes `child` out of the tree; false when another one has its place.
    pub(crate) fn disown(&self, child: &Arc<Node>) -> bool {
        self.cold.lock().rare().children.disown(child)
    }

    /// Forgets children that did not end in time; returns how many.
    pub(crate) fn abandon_children(&self) -> usize {
        let mut cold = self.cold.lock();
        cold.rare.as_mut().map_or(0, |rare| mem::take(&mut rare.children).len())
    }

    pub(crate) fn child(&self, kind: &str, key: &str) -> Option<Arc<Node>> {
        self.cold.lock().rare.as_ref()?.children.get(kind, key).cloned()
    }

    pub(crate) fn children(&self) -> Vec<Arc<Node>> {
        let cold = self.cold.lock();
        cold.rare
            .iter()
            .flat_map(|rare| rare.children.iter().cloned())
            .collect()
    }

    pub(crate) fn has_children(&self) -> bool {
        self.cold
            .lock()
            .rare
            .as_ref()
            .is_some_and(|rare| !rare.children.is_empty())
    }

    /// What a debug page shows, with at most `limit` children of each kind.
    pub(crate) fn glance(&self, limit: usize) -> Glance {
        let cold = self.cold.lock();
        let rare = cold.rare.as_deref();
        let children: Vec<_> = rare
            .iter()
            .flat_map(|rare| rare.children.first(limit).cloned())
            .collect();
        Glance {
            state: cold.state,
            last_error: rare.and_then(|rare| rare.last_error.as_deref().map(str::to_owned)),
            more: rare.map_or(0, |rare| rare.children.len()) - children.len(),
            children,
        }
    }
}
