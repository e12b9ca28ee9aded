//! The Watcher: one per GVR and side. It reads a watch to its end, which never comes, and hands on what it read
//! without ever waiting for whoever works on it (S6).

use std::hash::Hash;

use futures::{StreamExt, stream::BoxStream};
use syncer_clusters::WatchEvent;

use crate::runtime::{Actor, Context, Failure, Message, Outbox};

/// What becomes of the events of a watch. Runs on the worker pool; must not wait for anything.
pub(crate) trait Reading: Send + 'static {
    /// Takes the next event.
    fn read(&mut self, event: WatchEvent);
}

/// Puts `value` into an outbox that has no limit but the number of its keys, so that nothing is ever refused.
pub(crate) fn hand_over<K, V>(outbox: &Outbox<K, V>, key: K, value: V)
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    if outbox.put(key, value).is_err() {
        tracing::error!("an outbox without a limit refused a value: the next full list repairs it");
    }
}

/// Opens a watch and says what becomes of its events; asked again after each restart.
pub(crate) type Open = Box<dyn Fn() -> (BoxStream<'static, WatchEvent>, Box<dyn Reading>) + Send>;

/// The actor around one watch.
pub(crate) struct Watcher {
    open: Open,
}

/// What a Watcher is told.
pub(crate) enum WatcherMessage {
    /// The stream ended, which a watch never does by itself.
    Ended,
}

impl Message for WatcherMessage {}

// === impl Watcher ===

impl Watcher {
    pub(crate) fn new(open: Open) -> Self {
        Self { open }
    }
}

impl Actor for Watcher {
    const KIND: &'static str = "Watcher";
    type Message = WatcherMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let (mut events, mut reading) = (self.open)();
        ctx.request(async move {
            while let Some(event) = events.next().await {
                reading.read(event);
            }
            WatcherMessage::Ended
        })?;
        Ok(())
    }

    fn handle(&mut self, message: &WatcherMessage, _: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            WatcherMessage::Ended => Err(Failure::new("the watch ended")),
        }
    }

    fn state(&self) -> &'static str {
        "reading"
    }
}
