//! A reader of a watch, and what it has to hold in the end.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use futures::{Stream, StreamExt as _};
use serde_json::Value;
use syncer_clusters::{Object, WatchEvent};

pub(super) type Watch = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

/// What a reader of a watch holds: UID and version by logical cluster and name.
pub(super) type Held = BTreeMap<(String, String), (String, String)>;

/// Follows a watch as a store does, until `done` holds. `seen` looks at each event and at what is held after it.
pub(super) async fn follow(
    watch: &mut Watch,
    held: &mut Held,
    mut seen: impl FnMut(&WatchEvent, &Held),
    done: impl Fn(&Held) -> bool,
) {
    let mut listing: Option<Held> = None;
    while listing.is_some() || !done(held) {
        let event = tokio::time::timeout(Duration::from_mins(3), watch.next()).await;
        let Ok(Some(event)) = event else {
            panic!("no event in time; held: {held:?}");
        };
        let store = listing.as_mut().unwrap_or(held);
        match &event {
            WatchEvent::ListStarted => listing = Some(Held::new()),
            WatchEvent::Applied(object) => {
                store.insert(key(object), (object.uid().into(), object.resource_version().into()));
            }
            WatchEvent::Deleted(object) => {
                store.remove(&key(object));
            }
            WatchEvent::Listed(list) => {
                let listed = listing.take().expect("a list that had begun");
                assert_eq!(listed.len(), list.count());
                *held = listed;
            }
            WatchEvent::Interrupted(_) | WatchEvent::Recovered => {}
        }
        seen(&event, held);
    }
}

fn key(object: &Object) -> (String, String) {
    (
        object.cluster().to_string(),
        format!("{}/{}", object.key().namespace, object.key().name),
    )
}

/// What the server holds, as another client sees it: `list`, whose objects may name their logical clusters.
pub(super) fn truth(list: &Value) -> Held {
    let text = |item: &Value, path: &str| {
        item.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let items = list["items"].as_array().unwrap();
    let of = |item: &Value| {
        let cluster = text(item, "/metadata/annotations/kcp.io~1cluster");
        let name = format!("{}/{}", text(item, "/metadata/namespace"), text(item, "/metadata/name"));
        (
            (cluster, name),
            (text(item, "/metadata/uid"), text(item, "/metadata/resourceVersion")),
        )
    };
    items.iter().map(of).collect()
}

/// As [`truth`], where all objects are of one logical cluster that the watch calls `cluster`.
pub(super) fn truth_of_one(cluster: &str, list: &Value) -> Held {
    truth(list)
        .into_iter()
        .map(|((_, name), version)| ((cluster.to_owned(), name), version))
        .collect()
}
