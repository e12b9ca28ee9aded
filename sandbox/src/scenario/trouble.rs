//! What goes wrong with a server for a while.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{ApiServer, Effect, Fault, FaultPlan, Reach, Verb, Which};

/// What goes wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Answers take up to half a second.
    Slow,
    /// Every third request is refused with 429 and Retry-After.
    Busy,
    /// Every third request fails with 500 or 503.
    Failing,
    /// Every fourth write is carried out and its answer lost.
    LostAnswers,
    /// Every fourth request breaks before it is carried out.
    BrokenConnections,
    /// Lists and watches break in their middle.
    CutReads,
    /// Watches are open and say nothing.
    StalledWatches,
    /// All watches break, and nothing can be resumed from where they were.
    LostHistory,
    /// Nothing comes back, as behind a lost network.
    Silent,
}

const WRITES: [Verb; 5] = [Verb::Create, Verb::Update, Verb::Patch, Verb::Apply, Verb::Delete];

// === impl Trouble ===

impl Trouble {
    /// All of it.
    pub const ALL: [Self; 9] = [
        Self::Slow,
        Self::Busy,
        Self::Failing,
        Self::LostAnswers,
        Self::BrokenConnections,
        Self::CutReads,
        Self::StalledWatches,
        Self::LostHistory,
        Self::Silent,
    ];

    /// Begins at `server`.
    pub fn begin(self, server: &ApiServer) {
        match self {
            Self::StalledWatches => server.faults().stall_streams(),
            Self::LostHistory => {
                server.forget_history();
                server.faults().cut_streams();
            }
            Self::Silent => server.faults().set_reach(Reach::Silent),
            Self::CutReads => {
                server.faults().set(self.plan());
                server.faults().cut_streams();
            }
            _ => server.faults().set(self.plan()),
        }
    }

    /// The faults of single requests.
    fn plan(self) -> FaultPlan {
        let fault = |verbs: &[Verb], odds, effect| Fault {
            which: Which {
                verbs: verbs.to_vec(),
                resources: Vec::new(),
            },
            effect,
            odds,
            times: None,
        };
        let status = |code, retry_after| Effect::Status { code, retry_after };
        let faults = match self {
            Self::Slow => {
                let (least, most) = (Duration::from_millis(20), Duration::from_millis(500));
                vec![fault(&[], 1.0, Effect::Delay { least, most })]
            }
            Self::Busy => vec![fault(&[], 0.33, status(429, Some(1)))],
            Self::Failing => vec![fault(&[], 0.2, status(500, None)), fault(&[], 0.17, status(503, None))],
            Self::LostAnswers => vec![
                fault(&WRITES, 0.15, Effect::DropAnswer),
                fault(&WRITES, 0.12, Effect::LateStatus { code: 504 }),
            ],
            Self::BrokenConnections => vec![fault(&[], 0.25, Effect::Drop)],
            Self::CutReads => vec![fault(&[Verb::List, Verb::Watch], 0.5, Effect::Truncate)],
            Self::StalledWatches | Self::LostHistory | Self::Silent => Vec::new(),
        };
        FaultPlan { faults }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slow => "answers take up to half a second",
            Self::Busy => "every third request is refused as too many",
            Self::Failing => "every third request fails",
            Self::LostAnswers => "answers to writes get lost",
            Self::BrokenConnections => "every fourth connection breaks",
            Self::CutReads => "lists and watches break in their middle",
            Self::StalledWatches => "watches say nothing",
            Self::LostHistory => "all watches break and their history is lost",
            Self::Silent => "nothing comes back",
        })
    }
}
