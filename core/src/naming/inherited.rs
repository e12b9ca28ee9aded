//! Namespaces that were made for an earlier object of a SyncTarget. Deleted and made again it has another UID, and the names of its
//! namespaces would be others: what runs in the old ones would run twice.

use std::collections::BTreeMap;

use super::{NamespaceLocator, SyncTargetLocator};

/// What a target holds for earlier objects of its SyncTarget: by logical cluster and name of the upstream namespace, the namespace there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inherited(BTreeMap<(String, String), Inheritance>);

/// A namespace that keeps the name that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inheritance {
    /// The name of the downstream namespace.
    pub name: String,
    /// What it was made for.
    pub locator: NamespaceLocator,
}

// === impl Inherited ===

impl Inherited {
    /// What of `found`, namespaces by their names and locators, `sync_target` takes over: those of the same SyncTarget under another UID,
    /// unless it has one of its own for the same upstream namespace. Of several the first by name, so that a restart takes the same.
    ///
    /// Each has to be called by the hash of its own locator: nobody can lend a namespace of another name to a SyncTarget (S1).
    pub fn of(sync_target: &SyncTargetLocator, found: impl IntoIterator<Item = Inheritance>) -> Self {
        let is_named_by_hash =
            |found: &Inheritance| found.locator.hashed_namespace().is_ok_and(|name| name == found.name);
        let is_of_name = |found: &Inheritance| {
            let made_for = &found.locator.sync_target;
            made_for.cluster == sync_target.cluster && made_for.name == sync_target.name
        };
        let found = found.into_iter().filter(is_of_name).filter(is_named_by_hash);
        let (own, earlier): (Vec<_>, Vec<_>) =
            found.partition(|found| found.locator.sync_target.uid == sync_target.uid);
        let mut inherited: BTreeMap<_, Inheritance> = BTreeMap::new();
        for one in earlier {
            let kept = inherited.entry(place(&one.locator)).or_insert_with(|| one.clone());
            if one.name < kept.name {
                *kept = one;
            }
        }
        for one in own {
            inherited.remove(&place(&one.locator));
        }
        Self(inherited)
    }

    /// What was made for the namespace `namespace` of the logical cluster `cluster`.
    pub fn get(&self, cluster: &str, namespace: &str) -> Option<&Inheritance> {
        self.0.get(&(cluster.to_owned(), namespace.to_owned()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn place(locator: &NamespaceLocator) -> (String, String) {
    (locator.cluster.clone(), locator.namespace.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, uid: &str) -> SyncTargetLocator {
        SyncTargetLocator {
            cluster: "home".into(),
            name: name.into(),
            uid: uid.into(),
        }
    }

    fn made(sync_target: SyncTargetLocator, cluster: &str) -> Inheritance {
        let locator = NamespaceLocator {
            sync_target,
            cluster: cluster.into(),
            namespace: "default".into(),
        };
        Inheritance {
            name: locator.hashed_namespace().unwrap(),
            locator,
        }
    }

    #[test]
    fn a_target_made_again_keeps_the_names_of_its_namespaces_where_it_has_none_of_its_own() {
        let now = target("east", "now");
        let [red, blue] = ["red", "blue"].map(|cluster| made(target("east", "then"), cluster));
        let own = made(now.clone(), "blue");
        let other = made(target("west", "then"), "green");
        let elsewhere = SyncTargetLocator {
            cluster: "away".into(),
            ..target("east", "then")
        };
        let elsewhere = made(elsewhere, "green");
        let inherited = Inherited::of(&now, [red.clone(), blue, own, other, elsewhere]);
        assert_eq!(inherited.get("red", "default"), Some(&red));
        assert_eq!(inherited.len(), 1, "{inherited:?}");
    }

    #[test]
    fn a_name_that_is_not_the_hash_of_the_locator_is_nobodys_to_give() {
        let lure = Inheritance {
            name: "kcp-mine".into(),
            ..made(target("east", "then"), "red")
        };
        assert!(Inherited::of(&target("east", "now"), [lure]).is_empty());
    }

    #[test]
    fn of_several_the_same_one_is_taken_in_whatever_order_they_are_found() {
        let [one, two] = ["one", "two"].map(|uid| made(target("east", uid), "red"));
        let now = target("east", "now");
        let forth = Inherited::of(&now, [one.clone(), two.clone()]);
        assert_eq!(forth, Inherited::of(&now, [two, one]));
        assert_eq!(forth.len(), 1);
    }
}
