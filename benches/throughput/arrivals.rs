//! What a watch of one server shows, and when it showed it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use parking_lot::Mutex;
use syncer_clusters::{Cluster, WatchEvent, WatchOptions};

use crate::{bed::SOON, kind::Kind};

/// What was seen so far. The syncer and the bare loop are timed by it alike.
#[derive(Clone)]
pub(crate) struct Arrivals(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    objects: HashMap<(String, String), Sight>,
    namespaces: HashMap<String, Tally>,
}

/// How an object was last seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub(crate) mark: u64,
    pub(crate) at: Instant,
    /// How often it was seen.
    pub(crate) times: u64,
}

/// The objects of a namespace that were seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) count: usize,
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

/// How often a condition is looked at. What is measured is when the watch showed something, which this does not move.
const LOOK: Duration = Duration::from_millis(2);

// === impl Arrivals ===

impl Arrivals {
    /// Follows the objects of `kind`.
    pub(crate) async fn follow(cluster: &Cluster, kind: Kind) -> Self {
        let arrivals = Self(Arc::default());
        let (listed, is_listed) = tokio::sync::oneshot::channel();
        let (cluster, seen) = (cluster.clone(), arrivals.0.clone());
        tokio::spawn(async move {
            let mut listed = Some(listed);
            let mut watch = Box::pin(cluster.watch(kind.resource(), WatchOptions::default()));
            while let Some(event) = watch.next().await {
                match event {
                    WatchEvent::Applied(object) => {
                        let key = object.key();
                        let mark = kind.mark(&object);
                        seen.lock().saw(&key.namespace, &key.name, mark);
                    }
                    WatchEvent::Listed(_) => drop(listed.take().map(|listed| listed.send(()))),
                    _ => {}
                }
            }
        });
        is_listed.await.expect("a list");
        arrivals
    }

    /// How `namespace`/`name` was last seen.
    pub(crate) fn sight(&self, namespace: &str, name: &str) -> Option<Sight> {
        let key = (namespace.to_owned(), name.to_owned());
        self.0.lock().objects.get(&key).copied()
    }

    /// How many objects were seen.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().objects.len()
    }

    /// Waits until `count` objects of `namespace` were seen.
    pub(crate) async fn all(&self, namespace: &str, count: usize) -> Tally {
        let what = format!("{count} objects in {namespace}");
        let find = || self.0.lock().namespaces.get(namespace).copied();
        until(&what, || find().filter(|tally| tally.count >= count)).await
    }

    /// Waits until `namespace`/`name` shows `mark`.
    pub(crate) async fn shown(&self, namespace: &str, name: &str, mark: u64) -> Sight {
        let what = format!("mark {mark} on {namespace}/{name}");
        until(&what, || self.sight(namespace, name).filter(|sight| sight.mark == mark)).await
    }

    /// Waits until `namespace`/`name` was seen more than `times` times.
    pub(crate) async fn seen_after(&self, namespace: &str, name: &str, times: u64) -> Sight {
        let what = format!("another state of {namespace}/{name}");
        until(&what, || {
            self.sight(namespace, name).filter(|sight| sight.times > times)
        })
        .await
    }

    /// Waits until `namespace`/`name` shows `mark` after it was seen `times` times.
    pub(crate) async fn shown_after(&self, namespace: &str, name: &str, mark: u64, times: u64) -> Sight {
        let what = format!("mark {mark} on {namespace}/{name} again");
        let find = || self.sight(namespace, name);
        until(&what, || {
            find().filter(|sight| sight.mark == mark && sight.times > times)
        })
        .await
    }
}

// === impl Seen ===

impl Seen {
    fn saw(&mut self, namespace: &str, name: &str, mark: u64) {
        let at = Instant::now();
        let key = (namespace.to_owned(), name.to_owned());
        let times = self.objects.get(&key).map_or(0, |sight| sight.times);
        if times == 0 {
            let tally = self.namespaces.entry(namespace.to_owned()).or_insert(Tally {
                count: 0,
                first: at,
                last: at,
            });
            tally.count += 1;
            tally.last = at;
        }
        let times = times + 1;
        self.objects.insert(key, Sight { mark, at, times });
    }
}

/// Waits until `find` finds something.
async fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = find() {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let found = tokio::time::timeout(SOON, looking).await;
    found.unwrap_or_else(|_| {
        eprintln!("waited in vain for {what}");
        std::process::abort()
    })
}
