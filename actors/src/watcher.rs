//! The Watcher: one per GVR and side, and one per breaker. It reads what has no end, and hands on what it read without
//! ever waiting for whoever works on it (S6).

use std::hash::Hash;

use futures::{Stream, StreamExt, future::BoxFuture, pin_mut};
use syncer_clusters::WatchEvent;

use crate::runtime::{Actor, Context, Failure, Message, Outbox};

/// What becomes of the events of a watch. Runs on the worker pool; must not wait for anything.
pub(crate) trait Reading: Send + 'static {
    /// Takes the next event.
    fn read(&mut self, event: WatchEvent);
}

/// Begins to read, without end; asked again after each restart.
pub(crate) type Begin = Box<dyn Fn() -> BoxFuture<'static, ()> + Send>;

/// The actor around one endless reader.
pub(crate) struct Watcher {
    begin: Begin,
}

/// What a Watcher is told.
pub(crate) enum WatcherMessage {
    /// The reading ended, which it never does by itself.
    Ended,
}

impl Message for WatcherMessage {}

/// Gives every event of `events` to `reading`.
pub(crate) async fn read(events: impl Stream<Item = WatchEvent>, mut reading: impl Reading) {
    pin_mut!(events);
    while let Some(event) = events.next().await {
        #[cfg(test)]
        crate::runtime::strike::fall(Watcher::KIND);
        reading.read(event);
    }
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

/// The same for a value that is to be taken after all that waits by now.
pub(crate) fn hand_over_last<K, V>(outbox: &Outbox<K, V>, key: K, value: V)
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    if outbox.put_last(key, value).is_err() {
        tracing::error!("an outbox without a limit refused a value: the next full list repairs it");
    }
}

/// Puts all of `values` at once into an outbox that has no limit but the number of its keys.
pub(crate) fn hand_over_all<K, V>(outbox: &Outbox<K, V>, values: impl IntoIterator<Item = (K, V)>)
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + 'static,
{
    if !outbox.put_all(values).is_empty() {
        tracing::error!("an outbox without a limit refused a value: the next full list repairs it");
    }
}

// === impl Watcher ===

impl Watcher {
    pub(crate) fn new(begin: Begin) -> Self {
        Self { begin }
    }
}

impl Actor for Watcher {
    const KIND: &'static str = "Watcher";
    type Message = WatcherMessage;

    fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), Failure> {
        let reading = (self.begin)();
        ctx.request(async move {
            reading.await;
            WatcherMessage::Ended
        })?;
        Ok(())
    }

    fn handle(&mut self, message: &WatcherMessage, _: &mut Context<Self>) -> Result<(), Failure> {
        match message {
            WatcherMessage::Ended => Err(Failure::new("what was read came to an end")),
        }
    }

    /// What is read has no end that a drain could wait for, and nothing is lost with it.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    fn state(&self) -> &'static str {
        "reading"
    }
}
