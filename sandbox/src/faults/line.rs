//! The state of the connections, as a stream sees it.

use tokio::sync::watch;

use super::Reach;

/// The state of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineState {
    /// How often all streams were cut.
    pub(crate) cuts: u64,
    /// Streams say nothing.
    pub(crate) stalled: bool,
    /// Whether the server can be reached.
    pub(crate) reach: Reach,
}

/// The connection of one stream.
#[derive(Debug)]
pub(crate) struct Line {
    state: watch::Receiver<LineState>,
    cuts: u64,
}

// === impl Line ===

impl Line {
    pub(crate) fn new(state: watch::Receiver<LineState>) -> Self {
        let cuts = state.borrow().cuts;
        Self { state, cuts }
    }

    /// Whether it was cut since it was opened.
    pub(crate) fn is_cut(&self) -> bool {
        self.state.borrow().cuts > self.cuts
    }

    /// Whether it says nothing.
    pub(crate) fn is_stalled(&self) -> bool {
        self.state.borrow().stalled
    }

    /// Whether the server can be reached.
    pub(crate) fn reach(&self) -> Reach {
        self.state.borrow().reach
    }

    /// Waits until something changes; forever if the server is gone.
    pub(crate) async fn changed(&mut self) {
        if self.state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
