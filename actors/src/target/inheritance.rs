//! What a target holds for earlier objects of its SyncTarget is asked for before anything is named there.

use futures::{StreamExt, pin_mut};
use syncer_clusters::{Cluster, Content, Error, Object, Served, WatchEvent, WatchOptions};
use syncer_core::{
    marker::{NAMESPACE_LOCATOR_ANNOTATION, ORIGIN_ANNOTATION, Origin},
    naming::{Inheritance, Inherited, NamespaceLocator},
};
use tracing::info;

use super::NamespaceNames;

// === impl NamespaceNames ===

impl NamespaceNames {
    /// The same, where namespaces on `cluster` under the label `selector` that were made for an earlier object of the SyncTarget keep their
    /// names. One list, and only for a SyncTarget that is an object and has hashed names.
    ///
    /// # Errors
    /// When they cannot be listed: then nobody knows what is called how.
    pub async fn with_inheritance(self, cluster: &Cluster, served: &Served, selector: String) -> Result<Self, Error> {
        let (Some(heir), Some(namespaces)) = (self.heir(), served.resource_type("", "namespaces")) else {
            return Ok(self);
        };
        let options = WatchOptions {
            label_selector: selector,
            content: Content::Metadata,
            ..WatchOptions::default()
        };
        let events = cluster.watch(namespaces, options);
        pin_mut!(events);
        let mut found = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                WatchEvent::ListStarted => found.clear(),
                WatchEvent::Applied(object) => found.extend(self.left(&object)),
                WatchEvent::Listed(_) => break,
                WatchEvent::Interrupted(error) => return Err(error),
                WatchEvent::Deleted(_) | WatchEvent::Recovered => {}
            }
        }
        let inherited = Inherited::of(heir, found);
        if !inherited.is_empty() {
            info!(
                target = %heir.name, namespaces = inherited.len(),
                "the SyncTarget was made again: what was made for it before is taken over under the names that it has"
            );
        }
        Ok(self.inheriting(inherited))
    }

    /// What `object` was made for, if it was this upstream's.
    fn left(&self, object: &Object) -> Option<Inheritance> {
        let annotation = |name: &str| object.annotations().get(name);
        let origin = Origin::parse(annotation(ORIGIN_ANNOTATION)?)?;
        let locator = NamespaceLocator::parse(annotation(NAMESPACE_LOCATOR_ANNOTATION)?).ok()?;
        self.is_present(&origin).then(|| Inheritance {
            name: object.key().name.to_string(),
            locator,
        })
    }
}
