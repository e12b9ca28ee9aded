//! What a parent hears of its children.

use std::{fmt, sync::Arc, time::Duration};

/// Something happened to a child.
#[derive(Clone, Debug)]
pub struct Exit {
    /// The child's kind.
    pub kind: &'static str,
    /// The child's key.
    pub key: Arc<str>,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened to a child.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stopped as it was asked to, or by itself.
    Ended,
    /// It failed and is built anew after a delay.
    Restarting {
        /// Why it failed.
        cause: Cause,
        /// How many failures count against it now, this one included.
        attempt: u32,
        /// How long it rests before it is built anew.
        delay: Duration,
    },
    /// A message failed twice and was dropped; messages with its key are dropped for a while.
    Quarantined {
        /// The message's key. `None`: the message had none, so only it was dropped.
        key: Option<String>,
        /// Why it failed the second time.
        cause: Cause,
        /// How long messages with this key are dropped.
        length: Duration,
    },
    /// It failed more often than its policy allows, and is gone.
    GaveUp {
        /// Why it failed the last time.
        cause: Cause,
    },
}

/// Why an actor failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where it happened.
    pub place: Place,
    /// How it showed.
    pub fault: Fault,
    /// What the panic or the error said.
    pub text: String,
}

/// How a failure showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Code panicked.
    Panic,
    /// A callback returned an error.
    Error,
}

/// Where an actor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the factory.
    Factory,
    /// In `started`.
    Started,
    /// In the handler of a message.
    Handler,
    /// In the future of a request.
    Request,
    /// In `child_exited`: most often a child's end that escalates.
    ChildExited,
    /// In `drain` or `drained`.
    Drain,
    /// In `released`.
    Released,
    /// Outside every callback: its task was dropped.
    Task,
}

// === impl Exit ===

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.key, self.outcome)
    }
}

// === impl Outcome ===

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("ended"),
            Self::Restarting { cause, delay, .. } => write!(f, "restarts in {delay:?} after {cause}"),
            Self::Quarantined {
                key: Some(key),
                cause,
                length,
            } => {
                write!(f, "messages about {key} are dropped for {length:?} after {cause}")
            }
            Self::Quarantined { key: None, cause, .. } => write!(f, "a message was dropped after {cause}"),
            Self::GaveUp { cause } => write!(f, "gave up after {cause}"),
        }
    }
}

// === impl Cause ===

impl Cause {
    /// An error that `place` returned.
    pub(crate) fn error(place: Place, text: impl fmt::Display) -> Self {
        Self {
            place,
            fault: Fault::Error,
            text: text.to_string(),
        }
    }

    /// A panic in `place`, with what it said if that is text.
    pub(crate) fn panic(place: Place, payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without text".to_owned());
        Self {
            place,
            fault: Fault::Panic,
            text,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Panic => "a panic",
            Fault::Error => "an error",
        };
        write!(f, "{fault} in {}: {}", self.place.as_str(), self.text)
    }
}

// === impl Fault ===

impl Fault {
    /// The metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Error => "error",
        }
    }
}

// === impl Place ===

impl Place {
    /// The place in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Factory => "its factory",
            Self::Started => "started",
            Self::Handler => "a handler",
            Self::Request => "a request",
            Self::ChildExited => "child_exited",
            Self::Drain => "drain",
            Self::Released => "released",
            Self::Task => "its task",
        }
    }
}
