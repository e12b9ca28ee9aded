//! A consistent page of a list, also of a past version.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    collection::{Collection, Forgotten},
    key::Key,
    stored::Stored,
};

/// What to list.
pub(crate) struct PageRequest<'a> {
    /// What all keys begin with.
    pub(crate) prefix: &'a Key,
    /// The last key of the page before.
    pub(crate) after: Option<&'a Key>,
    /// The past version to show; the present without one.
    pub(crate) version: Option<u64>,
    /// The greatest number of objects.
    pub(crate) limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    /// The objects, by key.
    pub(crate) objects: Vec<Arc<Stored>>,
    /// The key to go on after, if there is more.
    pub(crate) next: Option<Key>,
}

// === impl Collection ===

impl Collection {
    /// The objects of `request` that `selects` takes.
    ///
    /// # Errors
    /// The version is no longer remembered.
    pub(crate) fn page(&self, request: &PageRequest<'_>, selects: impl Fn(&Stored) -> bool) -> Result<Page, Forgotten> {
        let undone = match request.version {
            Some(version) => self.undone(version)?,
            None => BTreeMap::new(),
        };
        let limit = request.limit.unwrap_or(usize::MAX);
        let mut objects = Vec::new();
        let mut next = None;
        let mut last: Option<Key> = None;
        for (key, object) in self.merged(request, &undone) {
            if !selects(&object) {
                continue;
            }
            if objects.len() == limit {
                next = last;
                break;
            }
            objects.push(object);
            last = Some(key);
        }
        Ok(Page { objects, next })
    }

    /// How many objects `request` has in all, without its limit.
    ///
    /// # Errors
    /// The version is no longer remembered.
    pub(crate) fn count(&self, request: &PageRequest<'_>) -> Result<usize, Forgotten> {
        let undone = match request.version {
            Some(version) => self.undone(version)?,
            None => BTreeMap::new(),
        };
        Ok(self.merged(request, &undone).count())
    }

    /// The present objects and the undone changes, in the order of their keys.
    fn merged<'a>(
        &'a self,
        request: &'a PageRequest<'a>,
        undone: &'a BTreeMap<Key, Option<Arc<Stored>>>,
    ) -> impl Iterator<Item = (Key, Arc<Stored>)> + 'a {
        let mut present = self
            .range(request.prefix, request.after)
            .filter(|(key, _)| !undone.contains_key(*key))
            .peekable();
        let mut past = undone
            .iter()
            .filter(|(key, _)| key.starts_with(request.prefix) && request.after.is_none_or(|after| *key > after))
            .filter_map(|(key, object)| object.as_ref().map(|object| (key, object)))
            .peekable();
        std::iter::from_fn(move || {
            let take_past = match (present.peek(), past.peek()) {
                (Some((key, _)), Some((past, _))) => past < key,
                (None, Some(_)) => true,
                _ => false,
            };
            let (key, object) = if take_past { past.next()? } else { present.next()? };
            Some((key.clone(), Arc::clone(object)))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn stored(name: &str, version: u64) -> Arc<Stored> {
        Arc::new(Stored::new(
            &"".into(),
            json!({"metadata": {"name": name, "namespace": "n"}}),
            version,
        ))
    }

    #[derive(Clone, Debug)]
    enum Write {
        Put(u8),
        Delete(u8),
    }

    fn run(writes: &[Write]) -> (Collection, Vec<BTreeMap<String, u64>>) {
        let mut collection = Collection::new(1000, 0);
        let mut states = vec![BTreeMap::new()];
        for (at, write) in writes.iter().enumerate() {
            let version = u64::try_from(at).unwrap() + 1;
            let mut state: BTreeMap<String, u64> = states.last().unwrap().clone();
            match write {
                Write::Put(n) => {
                    let name = format!("o{n}");
                    collection.put(Key::new("", "n", &name), stored(&name, version));
                    state.insert(name, version);
                }
                Write::Delete(n) => {
                    let name = format!("o{n}");
                    if state.remove(&name).is_some() {
                        collection.delete(&Key::new("", "n", &name), stored(&name, version));
                    }
                }
            }
            states.push(state);
        }
        (collection, states)
    }

    proptest! {
        #[test]
        fn pages_of_any_version_join_to_its_state(
            writes in prop::collection::vec(prop_oneof![(0_u8..6).prop_map(Write::Put), (0_u8..6).prop_map(Write::Delete)], 0..30),
            limit in 1_usize..4,
        ) {
            let (collection, states) = run(&writes);
            let prefix = Key::prefix(Some(""), Some("n"));
            for (version, state) in states.iter().enumerate() {
                let version = Some(u64::try_from(version).unwrap());
                let mut after = None;
                let mut found = BTreeMap::new();
                loop {
                    let request = PageRequest { prefix: &prefix, after: after.as_ref(), version, limit: Some(limit) };
                    let page = collection.page(&request, |_| true).unwrap();
                    found.extend(page.objects.iter().map(|object| (object.name.to_string(), object.version)));
                    let Some(next) = page.next else { break };
                    after = Some(next);
                }
                prop_assert_eq!(&found, state);
            }
        }
    }

    #[test]
    fn a_version_below_the_floor_is_forgotten() {
        let mut collection = Collection::new(2, 0);
        for version in 1..=5 {
            collection.put(Key::new("", "n", "a"), stored("a", version));
        }
        assert_eq!(collection.since(2, 10).unwrap_err(), Forgotten { floor: 3 });
        assert_eq!(collection.since(3, 10).unwrap().len(), 2);
        assert_eq!(collection.dropped(), 3);
        collection.forget(5);
        assert!(collection.since(4, 10).is_err());
        assert!(collection.since(5, 10).unwrap().is_empty());
    }
}
