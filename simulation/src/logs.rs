//! The syncer's logs and spans, read for what must not be in them (S8).

use std::{
    fmt::{self, Write as _},
    io,
};

use syncer_sandbox::scenario::shows_a_secret;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    filter::LevelFilter,
    layer::{Context, SubscriberExt as _},
};

use crate::{Telling, observation::Observation, outcome::Invariant};

/// Reads everything that is logged.
struct Reader {
    observation: Observation,
}

/// The text of a log line or a span.
#[derive(Default)]
struct Text(String);

/// Reads all logs of this thread until the guard is dropped.
pub(crate) fn read(observation: &Observation, telling: Telling) -> tracing::subscriber::DefaultGuard {
    let reader = Reader {
        observation: observation.clone(),
    };
    let told = (telling == Telling::Everything).then(|| {
        // Simulated times are in what is told; those of the machine would differ from run to run.
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false);
        lines.compact().without_time().with_filter(LevelFilter::DEBUG)
    });
    tracing::subscriber::set_default(tracing_subscriber::registry().with(reader).with(told))
}

// === impl Reader ===

impl Reader {
    /// Counts the deletes that are said not to be issued.
    fn count(&self, text: &str) {
        let held = text
            .split_once("held=")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok());
        let refused = match held {
            Some(held) if text.contains("policy=") => held,
            _ => u64::from(text.contains("nothing is deleted")),
        };
        if refused > 0 {
            self.observation.count_deletes(|deletes| deletes.refused += refused);
        }
    }

    fn check(&self, text: &str, target: &str) {
        if shows_a_secret(text) {
            // Not the text: it would show the value once more.
            self.observation.broke(
                Invariant::S8,
                format!("a log line or span of {target} shows the value of a Secret"),
            );
        }
    }
}

impl<S: Subscriber> Layer<S> for Reader {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("syncer_")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.check(&text.0, event.metadata().target());
        self.count(&text.0);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text::default();
        attributes.record(&mut text);
        self.check(&text.0, attributes.metadata().target());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.check(&text.0, "a span");
    }
}

// === impl Text ===

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{field}={value:?} ");
    }
}
