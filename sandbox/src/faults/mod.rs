//! What goes wrong, on purpose and by plan.

pub(crate) mod line;
mod plan;

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

pub use self::plan::{Effect, Fault, FaultPlan, Verb, Which};
use self::{
    line::{Line, LineState},
    plan::Draw,
};

/// Whether a server can be reached at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// It can.
    #[default]
    Up,
    /// Connections are refused, open ones are broken.
    Refused,
    /// Nothing comes back, as behind a lost network.
    Silent,
}

/// The faults of a server, as they stand.
#[derive(Debug)]
pub struct Faults {
    draw: Mutex<Draw>,
    line: watch::Sender<LineState>,
}

/// What a fault does to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Waits before anything is done.
    pub(crate) delay: Duration,
    /// What is done instead of answering.
    pub(crate) effect: Option<Effect>,
}

// === impl Faults ===

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            draw: Mutex::new(Draw::new(seed)),
            line: watch::Sender::new(LineState::default()),
        }
    }

    /// Puts `plan` in force, in place of the plan before.
    pub fn set(&self, plan: FaultPlan) {
        self.draw.lock().set(plan);
    }

    /// Ends the plan; streams that are stalled go on, the server can be reached.
    pub fn clear(&self) {
        self.draw.lock().set(FaultPlan::default());
        self.line.send_modify(|line| {
            line.stalled = false;
            line.reach = Reach::Up;
        });
    }

    /// Cuts all open watches in the middle.
    pub fn cut_streams(&self) {
        self.line.send_modify(|line| line.cuts += 1);
    }

    /// Stalls all watches, those to come too: they stay open and say nothing until [`Self::resume_streams`].
    pub fn stall_streams(&self) {
        self.line.send_modify(|line| line.stalled = true);
    }

    /// Lets stalled watches go on.
    pub fn resume_streams(&self) {
        self.line.send_modify(|line| line.stalled = false);
    }

    /// Makes the server reachable or not. A server that goes down cuts its watches.
    pub fn set_reach(&self, reach: Reach) {
        self.line.send_modify(|line| {
            line.reach = reach;
            match reach {
                Reach::Refused => line.cuts += 1,
                Reach::Silent => line.stalled = true,
                Reach::Up => line.stalled = false,
            }
        });
    }

    /// Whether the server can be reached.
    pub fn reach(&self) -> Reach {
        self.line.borrow().reach
    }

    /// How many requests each fault of the plan has met, in the order of the plan.
    pub fn hits(&self) -> Vec<u64> {
        self.draw.lock().hits()
    }

    pub(crate) fn line(&self) -> Line {
        Line::new(self.line.subscribe())
    }

    pub(crate) fn verdict(&self, verb: Verb, resource: &str) -> Verdict {
        self.draw.lock().verdict(verb, resource)
    }
}
