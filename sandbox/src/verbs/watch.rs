//! `watch`: a stream of what happens to objects.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use crate::{
    answer::encode::Encoder,
    error::{Cause, Refusal},
    faults::line::Line,
    request::options::Query,
    server::{InitialEvents, Shared},
    store::{
        collection::{Change, Forgotten},
        stored::Stored,
    },
    verbs::list::{Scope, too_large, version},
};

/// How a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// With what happened after this version.
    After(u64),
    /// With all objects, as if they were new.
    Present,
    /// With all objects, and a bookmark when they are through.
    PresentAndBookmark,
}

/// The changes that are read at once.
const BATCH: usize = 256;
/// The time of a watch that names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(40);

/// How long before its end a watch gets its last bookmark.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// A watch that is open.
struct Watching {
    shared: Arc<Shared>,
    scope: Scope,
    encoder: Encoder,
    cursor: u64,
    pending: VecDeque<Bytes>,
    woken: watch::Receiver<u64>,
    line: Line,
    bookmark: Option<Instant>,
    end: Instant,
    first: bool,
    over: bool,
}

/// The stream of the watch that `query` asks for.
///
/// # Errors
/// Options that make no sense, or a version that is too old where the server says so by status.
pub(crate) fn open(
    shared: &Arc<Shared>,
    scope: Scope,
    encoder: Encoder,
    query: &Query,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Refusal> {
    let start = check(shared, query)?;
    let timeout = query
        .get("timeoutSeconds")
        .and_then(|seconds| seconds.parse().ok())
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let bookmarks = query.flag("allowWatchBookmarks") == Some(true);
    let mut state = shared.state.lock();
    let current = state.store.version();
    let collection = state.store.collection_mut(&scope.resource.collection);
    let woken = collection.subscribe();
    let mut pending = VecDeque::new();
    let mut first = true;
    let cursor = match start {
        Start::After(version) => {
            if let Err(forgotten) = collection.since(version, 1)
                && shared.options.lock().expired_watch == crate::server::ExpiredWatch::Status
            {
                return Err(too_old(version, forgotten));
            }
            version
        }
        Start::Present | Start::PresentAndBookmark => {
            let prefix = scope.prefix();
            for (_, object) in collection
                .range(&prefix, None)
                .filter(|(_, object)| scope.selector.selects(object))
            {
                pending.push_back(event("ADDED", object, &encoder, std::mem::take(&mut first)));
            }
            if start == Start::PresentAndBookmark {
                let object = encoder.bookmark(current, Some(json!({"k8s.io/initial-events-end": "true"})));
                pending.push_back(line("BOOKMARK", &object));
            }
            current
        }
    };
    drop(state);
    let interval = shared.options.lock().bookmark_interval;
    let now = Instant::now();
    let end = now + timeout;
    let watching = Watching {
        shared: Arc::clone(shared),
        scope,
        encoder,
        cursor,
        pending,
        woken,
        line: shared.faults.line(),
        bookmark: if bookmarks {
            next_bookmark(now, interval, end)
        } else {
            None
        },
        end,
        first,
        over: false,
    };
    Ok(stream::unfold(watching, |mut watching| async move {
        let piece = watching.next().await?;
        Some((piece, watching))
    }))
}

fn check(shared: &Shared, query: &Query) -> Result<Start, Refusal> {
    let refuse = |field: &str, why: &str| {
        Err(Refusal::invalid_options(
            "ListOptions",
            vec![Cause::forbidden(field, why)],
        ))
    };
    let version = version(query).map_err(Refusal::internal)?;
    let initial = query.flag("sendInitialEvents");
    let form = query.get("resourceVersionMatch");
    let support = shared.options.lock().initial_events;
    if initial.is_some() && support == InitialEvents::Refused {
        return refuse(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        );
    }
    match (initial, form) {
        (None, Some(_)) => {
            return refuse(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        (Some(_), None) => {
            return refuse(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            );
        }
        (Some(_), Some(form)) if form != "NotOlderThan" => {
            let cause = Cause::unsupported("resourceVersionMatch", &form.into(), &["NotOlderThan"]);
            return Err(Refusal::invalid_options("ListOptions", vec![cause]));
        }
        _ => {}
    }
    if initial == Some(true) && support == InitialEvents::Sent {
        let current = shared.state.lock().store.version();
        if let Some(version) = version.filter(|version| *version > current) {
            return Err(too_large(version, current));
        }
        return Ok(if query.flag("allowWatchBookmarks") == Some(true) {
            Start::PresentAndBookmark
        } else {
            Start::Present
        });
    }
    let bookmarks = query.flag("allowWatchBookmarks") == Some(true);
    Ok(match version {
        None | Some(0) if initial == Some(false) => Start::After(shared.state.lock().store.version()),
        None | Some(0) if bookmarks && support == InitialEvents::Sent => Start::PresentAndBookmark,
        None | Some(0) => Start::Present,
        Some(version) => Start::After(version),
    })
}

/// The refusal of a version that is no longer remembered.
fn too_old(version: u64, forgotten: Forgotten) -> Refusal {
    Refusal::expired(format!("too old resource version: {version} ({})", forgotten.floor))
}

/// One event, its type first: clients read it before they know what the object is.
fn event(kind: &str, object: &Stored, encoder: &Encoder, first: bool) -> Bytes {
    let mut text = format!(r#"{{"type":"{kind}","object":"#).into_bytes();
    encoder.event(object, first, &mut text);
    text.extend_from_slice(b"}\n");
    text.into()
}

fn line(kind: &str, object: &Value) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}

// === impl Watching ===

impl Watching {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if self.line.is_cut() {
                let first = !std::mem::replace(&mut self.over, true);
                return first.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
            }
            if self.line.is_stalled() {
                self.line.changed().await;
                continue;
            }
            if let Some(piece) = self.pending.pop_front() {
                return Some(Ok(piece));
            }
            if self.over {
                return None;
            }
            self.read();
            if self.pending.is_empty() && !self.over {
                self.wait().await;
            }
        }
    }

    /// Reads what has happened.
    fn read(&mut self) {
        let state = self.shared.state.lock();
        let Some(collection) = state.store.collection(&self.scope.resource.collection) else {
            return;
        };
        match collection.since(self.cursor, BATCH) {
            Ok(changes) => {
                if changes.is_empty() {
                    // Nothing happened here until now: a bookmark may say so.
                    self.cursor = self.cursor.max(state.store.version());
                }
                drop(state);
                for change in changes {
                    self.cursor = change.version();
                    if let Some(piece) = self.change(&change) {
                        self.pending.push_back(piece);
                    }
                }
            }
            Err(forgotten) => {
                drop(state);
                let refusal = too_old(self.cursor, forgotten);
                self.pending
                    .push_back(format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", refusal.to_json()).into());
                self.over = true;
            }
        }
    }

    /// The event of a change, as this watch sees it.
    fn change(&mut self, change: &Change) -> Option<Bytes> {
        if !change.key.starts_with(&self.scope.prefix()) {
            return None;
        }
        let selector = &self.scope.selector;
        let before = change.before.as_ref().filter(|before| selector.selects(before));
        let after = !change.deleted && selector.selects(&change.after);
        let (kind, object) = match (before, after) {
            (None, false) => return None,
            (None, true) => ("ADDED", Arc::clone(&change.after)),
            (Some(_), true) => ("MODIFIED", Arc::clone(&change.after)),
            (Some(_), false) if change.deleted => ("DELETED", Arc::clone(&change.after)),
            // It is still there, but no longer selected: its last selected state, at the version of the change.
            (Some(before), false) => (
                "DELETED",
                Arc::new(Stored::new(&before.cluster, before.value(), change.version())),
            ),
        };
        Some(event(kind, &object, &self.encoder, std::mem::take(&mut self.first)))
    }

    /// Waits until there may be something to say.
    async fn wait(&mut self) {
        let bookmark = self.bookmark;
        tokio::select! {
            biased;
            _ = self.woken.changed() => {}
            () = self.line.changed() => {}
            () = sleep_until(bookmark) => {
                let interval = self.shared.options.lock().bookmark_interval;
                self.bookmark = next_bookmark(Instant::now(), interval, self.end);
                self.mark();
            }
            () = tokio::time::sleep_until(self.end) => {
                self.over = true;
            }
        }
    }

    fn mark(&mut self) {
        self.pending
            .push_back(line("BOOKMARK", &self.encoder.bookmark(self.cursor, None)));
    }
}

/// The time of the next bookmark: after the interval, or shortly before the watch ends.
fn next_bookmark(now: Instant, interval: Duration, end: Instant) -> Option<Instant> {
    let last = end.checked_sub(LAST_BOOKMARK).filter(|last| *last > now)?;
    Some(last.min(now + interval))
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
