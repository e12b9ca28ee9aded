use std::collections::BTreeMap;

use syncer_core::{
    LogicalCluster, ResourceType, Scope,
    config::{Configuration, NamespaceMapping, ResourceRef, SyncPolicy, SyncPolicySpec, SyncTarget, SyncTargetSpec},
    finalizer::Waiting,
    marker::PayloadHash,
    placement::{Facts, Needs, PlacementOptions, Rules, Secrets, Verdict},
    plan::Newcomer,
    proof::Absence,
    protect::Protection,
};

use super::*;
use crate::target::Order;

fn web_policy() -> SyncPolicySpec {
    SyncPolicySpec {
        resources: vec![ResourceRef {
            group: String::new(),
            resource: "configmaps".to_owned(),
        }],
        dependencies: true,
        ..SyncPolicySpec::default()
    }
}

fn rules(spec: SyncPolicySpec) -> Rules {
    let target = |name: &str| SyncTarget {
        name: name.to_owned(),
        uid: String::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        spec: SyncTargetSpec::default(),
    };
    let policy = SyncPolicy {
        name: "web".to_owned(),
        spec,
    };
    let configuration = Configuration {
        targets: ["east", "west"]
            .map(|name| (Arc::from(name), Arc::new(target(name))))
            .into(),
        policies: [(Arc::from("web"), Arc::new(policy))].into(),
    };
    let options = PlacementOptions {
        secrets: Secrets::OnlyNamed,
        protection: Protection::default(),
        default_mapping: NamespaceMapping::Identity,
    };
    Rules::compile(&configuration, options).unwrap()
}

fn gvr(resource: &str) -> Gvr {
    Gvr::new("", "v1", resource)
}

fn key(resource: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(LogicalCluster::plain(), gvr(resource), namespace, name)
}

fn web() -> ObjectKey {
    key("configmaps", "default", "web")
}

/// What the rules want of `key`, with this hash.
fn wants(key: &ObjectKey, hash: u128) -> Box<[Want]> {
    wants_of(web_policy(), key, hash)
}

/// What a policy that says `spec` wants of `key`, with this hash.
fn wants_of(spec: SyncPolicySpec, key: &ObjectKey, hash: u128) -> Box<[Want]> {
    let scope = if key.namespace.is_empty() {
        Scope::Cluster
    } else {
        Scope::Namespaced
    };
    let resource = ResourceType {
        gvr: key.gvr.clone(),
        kind: "Any".into(),
        scope,
    };
    let facts = Facts {
        resource: &resource,
        key,
        labels: &|_| None,
        secret_type: None,
        namespace_labels: Some(&|_| None),
        workspace_path: None,
        controller: None,
    };
    let Verdict::Decided(placement) = rules(spec).place(&facts) else {
        panic!("undecided");
    };
    let want = |place: &syncer_core::placement::Place| Want {
        prescription: Arc::new(Prescription::of(place, &resource)),
        hash: PayloadHash(hash),
        needs: place.needs,
        newcomer: Newcomer::Welcome,
        activity: Activity::Synced,
        waits: Waiting::Free,
    };
    placement.places.iter().map(want).collect()
}

fn shown(uid: &str, wants: &[Want], names: &[ObjectKey]) -> Shown {
    Shown {
        uid: uid.into(),
        wants: wants.into(),
        names: names.into(),
        withheld: Box::default(),
    }
}

/// What was told, in words.
fn words(tidings: &Tidings) -> Vec<String> {
    let mut words: Vec<_> = tidings
        .iter()
        .map(|(target, key, order)| {
            let word = match order {
                Order::Wanted { .. } => "wanted",
                Order::Gone { absence, .. } => match absence {
                    Absence::DeletionSeen => "deleted",
                    Absence::NotInCompleteList => "not listed",
                    Absence::Unselected => "unselected",
                    Absence::NamespaceTerminating => "namespace terminating",
                    Absence::WorkspaceDeleted => "workspace deleted",
                    Absence::Drained => "drained",
                    Absence::Refused => "refused",
                },
                Order::Kept { .. } => "kept",
                Order::Complete { .. } => "complete",
                Order::Release => "release",
                Order::Adrift { .. } => "adrift",
                Order::Weigh => "weigh",
            };
            format!("{target}: {} {word}", key.name)
        })
        .collect();
    words.sort();
    words
}

#[test]
fn what_nothing_names_is_unneeded_only_once_everything_is_listed() {
    let mut index = Index::new(References::default(), 1);
    let account = key("serviceaccounts", "default", "runner");
    let other = key("serviceaccounts", "default", "other");
    for account in [&account, &other] {
        index.present(account, shown("a1", &wants(account, 1), &[]), 1);
    }
    let orders = index.orders_of(&gvr("serviceaccounts"), "east");
    assert!(
        orders.iter().all(|(_, order)| matches!(order, Order::Kept { .. })),
        "{orders:?}"
    );
    index.present(
        &web(),
        shown("u1", &wants(&web(), 1), std::slice::from_ref(&account)),
        1,
    );
    assert_eq!(
        words(&index.settle()),
        ["east: other unselected", "west: other unselected"]
    );
    assert!(index.settle().is_empty(), "once");
    index.unlist();
    assert_eq!(index.settle().len(), 2, "under other rules again");
}

#[test]
fn only_news_is_told() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    let first = index.present(&web(), shown("u1", &wanted, &[]), 1);
    assert_eq!(words(&first), ["east: web wanted", "west: web wanted"]);
    assert!(index.present(&web(), shown("u1", &wanted, &[]), 1).is_empty());
    assert_eq!(
        index.present(&web(), shown("u2", &wanted, &[]), 1).len(),
        2,
        "made again"
    );
    let edited: Vec<_> = wanted
        .iter()
        .map(|want| Want {
            hash: PayloadHash(2),
            ..want.clone()
        })
        .collect();
    assert_eq!(index.present(&web(), shown("u2", &edited, &[]), 1).len(), 2);
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );
    assert!(index.deleted(&web()).is_empty());
}

#[test]
fn a_target_that_is_not_wanted_any_more_is_told_so() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    index.present(&web(), shown("u1", &wanted, &[]), 1);
    assert_eq!(
        words(&index.present(&web(), shown("u1", &wanted[..1], &[]), 1)),
        ["west: web unselected"]
    );
    assert_eq!(
        words(&index.present(&web(), shown("u1", &[], &[]), 1)),
        ["east: web unselected", "west: web unselected"],
        "and to the other once more"
    );
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"],
        "the guard may hold it there"
    );
}

#[test]
fn absent_is_what_a_complete_list_did_not_have() {
    let mut index = Index::new(References::default(), 1);
    let other = key("configmaps", "default", "other");
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    index.present(&other, shown("u2", &wants(&other, 1), &[]), 1);
    assert!(index.listed(&gvr("configmaps"), 1).is_empty());
    index.still_there(&web(), 2);
    assert_eq!(
        words(&index.listed(&gvr("configmaps"), 2)),
        ["east: other not listed", "west: other not listed"]
    );
    assert!(index.listed(&gvr("secrets"), 9).is_empty(), "another resource");
}

#[test]
fn a_namespace_is_wanted_while_something_in_it_is_and_then_kept() {
    let mut index = Index::new(References::default(), 1);
    let namespace = key("namespaces", "", "default");
    let unneeded = index.present(&namespace, shown("n1", &wants(&namespace, 1), &[]), 1);
    assert_eq!(words(&unneeded), ["east: default kept", "west: default kept"]);
    let tidings = index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    assert_eq!(
        words(&tidings),
        [
            "east: default wanted",
            "east: web wanted",
            "west: default wanted",
            "west: web wanted"
        ]
    );
    assert_eq!(
        words(&index.deleted(&web())),
        [
            "east: default kept",
            "east: web deleted",
            "west: default kept",
            "west: web deleted"
        ]
    );
    assert_eq!(
        words(&index.deleted(&namespace)),
        ["east: default deleted", "west: default deleted"]
    );
}

#[test]
fn what_is_named_goes_along_and_leaves_with_the_last_that_names_it() {
    let mut index = Index::new(References::default(), 1);
    let account = key("serviceaccounts", "default", "runner");
    let tidings = index.present(&account, shown("a1", &wants(&account, 1), &[]), 1);
    assert_eq!(
        words(&tidings),
        ["east: runner kept", "west: runner kept"],
        "nobody names it so far"
    );
    let other = key("configmaps", "default", "other");
    let first = index.present(
        &web(),
        shown("u1", &wants(&web(), 1), std::slice::from_ref(&account)),
        1,
    );
    assert!(words(&first).contains(&"east: runner wanted".to_owned()), "{first:?}");
    let second = index.present(
        &other,
        shown("u2", &wants(&other, 1), std::slice::from_ref(&account)),
        1,
    );
    assert!(!words(&second).contains(&"east: runner wanted".to_owned()), "known");
    assert!(!words(&index.deleted(&web())).iter().any(|word| word.contains("runner")));
    assert!(words(&index.deleted(&other)).contains(&"west: runner unselected".to_owned()));
}

#[test]
fn a_target_that_is_new_gets_what_the_others_have() {
    let mut index = Index::new(References::default(), 1);
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    let orders = index.orders_of(&gvr("configmaps"), "west");
    assert!(matches!(orders.as_slice(), [(key, Order::Wanted { .. })] if *key == web()));
    assert!(index.orders_of(&gvr("configmaps"), "north").is_empty());
}

#[test]
fn a_resource_that_no_policy_names_any_more_is_dismissed() {
    let mut index = Index::new(References::default(), 1);
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    assert_eq!(
        words(&index.dismiss_others(|gvr| gvr.resource() != "configmaps")),
        ["east: web unselected", "west: web unselected"]
    );
}

/// `wanted`, while a person has the object paused.
fn paused(wanted: &[Want]) -> Vec<Want> {
    let rests = |want: &Want| Want {
        activity: Activity::Rests,
        ..want.clone()
    };
    wanted.iter().map(rests).collect()
}

#[test]
fn what_is_paused_is_kept_until_it_is_deleted() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    index.present(&web(), shown("u1", &wanted, &[]), 1);
    let rest = shown("u1", &paused(&wanted), &[]);
    let kept = ["east: web kept", "west: web kept"];
    assert_eq!(words(&index.present(&web(), rest.clone(), 1)), kept);
    let gone = ["east: web deleted", "west: web deleted"];
    assert_eq!(words(&index.deleted(&web())), gone, "the pause went with it");
    index.present(&web(), rest, 1);
    let missing = ["east: web not listed", "west: web not listed"];
    assert_eq!(words(&index.listed(&gvr("configmaps"), 2)), missing);
}

#[test]
fn what_cannot_be_made_after_a_restart_is_kept_and_its_end_is_told() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    let rests = shown("u1", &paused(&wanted), &[]);
    let kept = ["east: web kept", "west: web kept"];
    assert_eq!(words(&index.stays_as_it_is(&web(), rests.clone(), 1)), kept);
    let told = index.orders_of(&gvr("configmaps"), "east");
    assert!(matches!(&told[..], [(_, Order::Kept { .. })]), "{told:?}");
    assert!(index.stays_as_it_is(&web(), rests.clone(), 2).is_empty());
    assert!(index.listed(&gvr("configmaps"), 2).is_empty(), "it was listed");
    let made = index.present(&web(), shown("u1", &wanted, &[]), 2);
    assert_eq!(words(&made), ["east: web wanted", "west: web wanted"]);
    // What went down before stays as it was.
    assert!(index.stays_as_it_is(&web(), rests.clone(), 3).is_empty());
    let told = index.orders_of(&gvr("configmaps"), "east");
    assert!(matches!(&told[..], [(_, Order::Wanted { .. })]), "{told:?}");
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );
    index.stays_as_it_is(&web(), rests, 4);
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );
}

#[test]
fn what_leaves_a_target_while_it_is_paused_is_told_then_and_at_every_edit() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    index.present(&web(), shown("u1", &wanted, &[]), 1);
    index.present(&web(), shown("u1", &paused(&wanted), &[]), 1);
    let unselected = ["east: web unselected", "west: web unselected"];
    assert_eq!(words(&index.present(&web(), shown("u1", &[], &[]), 1)), unselected);
    // Its pause ends, which nothing else tells.
    assert_eq!(words(&index.present(&web(), shown("u1", &[], &[]), 1)), unselected);
    // The reason may be another one by now.
    let drained = withheld_from_east("u1", &wanted[1..], Withholding::Drained);
    assert_eq!(
        words(&index.present(&web(), drained, 1)),
        ["east: web drained", "west: web wanted"]
    );
    let back = index.present(&web(), shown("u1", &wanted, &[]), 1);
    assert_eq!(words(&back), ["east: web wanted"]);
    assert!(index.present(&web(), shown("u1", &wanted, &[]), 1).is_empty());
}

#[test]
fn what_a_paused_object_names_stays_with_it() {
    let mut index = Index::new(References::default(), 1);
    let config = key("configmaps", "default", "config");
    let both = std::slice::from_ref(&config);
    let named: Vec<_> = (wants(&config, 1).iter())
        .map(|want| Want {
            needs: Needs::IfReferenced,
            ..want.clone()
        })
        .collect();
    let wanted = wants(&web(), 1);
    index.present(&web(), shown("u1", &wanted, both), 1);
    index.present(&config, shown("u2", &named, &[]), 1);
    index.settle();
    let told = index.present(&web(), shown("u1", &paused(&wanted), both), 1);
    assert_eq!(words(&told), ["east: web kept", "west: web kept"]);
    // Nor does it go after a restart.
    let mut index = Index::new(References::default(), 2);
    index.present(&config, shown("u2", &named, &[]), 1);
    index.present(&web(), shown("u1", &paused(&wanted), both), 1);
    assert!(index.settle().is_empty());
    let gone = index.deleted(&web());
    let all = ["config unselected", "web deleted"];
    let all: Vec<_> = ["east", "west"]
        .iter()
        .flat_map(|target| all.map(|word| format!("{target}: {word}")))
        .collect();
    assert_eq!(words(&gone), all);
}

#[test]
fn what_nothing_names_any_more_once_its_pause_ends_is_told_to_go() {
    let mut index = Index::new(References::default(), 1);
    let config = key("configmaps", "default", "config");
    let named: Vec<_> = (wants(&config, 1).iter())
        .map(|want| Want {
            needs: Needs::IfReferenced,
            ..want.clone()
        })
        .collect();
    index.present(&web(), shown("u1", &wants(&web(), 1), std::slice::from_ref(&config)), 1);
    index.present(&config, shown("u2", &named, &[]), 1);
    index.settle();
    index.present(&config, shown("u2", &paused(&named), &[]), 1);
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    assert_eq!(
        words(&index.present(&config, shown("u2", &named, &[]), 1)),
        ["east: config unselected", "west: config unselected"]
    );
}

#[test]
fn what_a_suspended_policy_placed_goes_once_nothing_wants_it_or_it_is_gone() {
    let resting = || {
        let spec = SyncPolicySpec {
            suspend: true,
            ..web_policy()
        };
        let mut wants = wants_of(spec, &web(), 1);
        wants.iter_mut().for_each(|want| want.activity = Activity::Rests);
        wants
    };
    let mut index = Index::new(References::default(), 1);
    let kept = index.present(&web(), shown("u1", &resting(), &[]), 1);
    assert_eq!(words(&kept), ["east: web kept", "west: web kept"]);
    let unselected = index.present(&web(), shown("u1", &[], &[]), 1);
    assert_eq!(words(&unselected), ["east: web unselected", "west: web unselected"]);

    index.present(&web(), shown("u1", &resting(), &[]), 1);
    // Not as a deletion that was seen: that would go at once.
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web not listed", "west: web not listed"]
    );
}

#[test]
fn the_end_of_an_object_that_left_the_selection_is_told_too() {
    let mut index = Index::new(References::default(), 1);
    let wanted = wants(&web(), 1);
    index.present(&web(), shown("u1", &wanted, &[]), 1);
    let left = index.present(&web(), shown("u1", &wanted[..1], &[]), 1);
    assert_eq!(words(&left), ["west: web unselected"]);
    let again = index.present(&web(), shown("u1", &wanted[..1], &[]), 1);
    assert_eq!(words(&again), ["west: web unselected"]);
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );

    index.present(&web(), shown("u2", &wanted, &[]), 1);
    index.present(&web(), shown("u2", &[], &[]), 1);
    let back = index.present(&web(), shown("u2", &wanted, &[]), 1);
    assert_eq!(words(&back), ["east: web wanted", "west: web wanted"]);
    assert_eq!(index.deleted(&web()).len(), 2, "told once to each");
}

fn waiting(activity: Activity) -> Box<[Want]> {
    let wants = wants(&web(), 1).into_iter().map(|want| Want {
        activity,
        waits: Waiting::Waits,
        ..want
    });
    wants.collect()
}

/// What is made of the finalizers of `web`, in words.
fn claims(index: &Index) -> Vec<String> {
    let claims = index.claims(&web());
    claims
        .iter()
        .map(|claim| format!("{}: {:?}", claim.target, claim.claim))
        .collect()
}

#[test]
fn nothing_goes_down_before_the_object_carries_its_finalizers() {
    let mut index = Index::new(References::default(), 1);
    let told = index.present(&web(), shown("u1", &waiting(Activity::AwaitsFinalizer), &[]), 1);
    assert_eq!(words(&told), ["east: web kept", "west: web kept"]);
    assert_eq!(claims(&index), ["east: Needs", "west: Needs"]);
    // A target that is new is told the same.
    let orders = index.orders_of(&gvr("configmaps"), "east");
    assert!(matches!(orders.as_slice(), [(_, Order::Kept { .. })]));
    let told = index.present(&web(), shown("u1", &waiting(Activity::Synced), &[]), 1);
    assert_eq!(words(&told), ["east: web wanted", "west: web wanted"]);
    // Somebody took them off: what is there stays until they are on again.
    let told = index.present(&web(), shown("u1", &waiting(Activity::AwaitsFinalizer), &[]), 1);
    assert_eq!(words(&told), ["east: web kept", "west: web kept"]);
    let told = index.present(&web(), shown("u1", &waiting(Activity::Synced), &[]), 1);
    assert_eq!(words(&told), ["east: web wanted", "west: web wanted"]);
}

#[test]
fn what_waits_for_its_finalizer_may_be_there_from_before() {
    let mut index = Index::new(References::default(), 1);
    index.present(&web(), shown("u1", &waiting(Activity::AwaitsFinalizer), &[]), 1);
    assert_eq!(
        words(&index.present(&web(), shown("u1", &[], &[]), 1)),
        ["east: web unselected", "west: web unselected"]
    );
    index.present(&web(), shown("u1", &waiting(Activity::AwaitsFinalizer), &[]), 1);
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );
}

#[test]
fn a_deletion_that_waits_is_seen_before_the_object_is_gone() {
    let mut index = Index::new(References::default(), 1);
    index.present(&web(), shown("u1", &waiting(Activity::Synced), &[]), 1);
    let leaving = waiting(Activity::Leaves);
    let told = index.present(&web(), shown("u1", &leaving, &[]), 1);
    assert_eq!(words(&told), ["east: web deleted", "west: web deleted"]);
    assert_eq!(claims(&index), ["east: Leaving", "west: Leaving"]);
    let again = index.present(&web(), shown("u1", &leaving, &[]), 1);
    assert!(again.is_empty(), "it was told");
    let orders = index.orders_of(&gvr("configmaps"), "east");
    assert!(matches!(
        orders.as_slice(),
        [(
            _,
            Order::Gone {
                absence: Absence::DeletionSeen,
                ..
            }
        )]
    ));
    assert_eq!(
        words(&index.deleted(&web())),
        ["east: web deleted", "west: web deleted"]
    );
}

#[test]
fn what_does_not_wait_or_rests_claims_nothing() {
    let mut index = Index::new(References::default(), 1);
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    assert_eq!(claims(&index), ["east: None", "west: None"]);
    index.present(&web(), shown("u1", &waiting(Activity::Rests), &[]), 1);
    assert_eq!(claims(&index), ["east: Undecided", "west: Undecided"]);
    index.present(&web(), shown("u1", &[], &[]), 1);
    assert!(claims(&index).is_empty());
}

/// What is shown of an object that east does not get, for `why`.
fn withheld_from_east(uid: &str, wants: &[Want], why: Withholding) -> Shown {
    let elsewhere = wants.iter().filter(|want| **want.target() != *"east").cloned();
    Shown {
        withheld: [(Arc::from("east"), why)].into(),
        ..shown(uid, &elsewhere.collect::<Vec<_>>(), &[])
    }
}

#[test]
fn from_a_drained_target_everything_goes_namespaces_too() {
    let mut index = Index::new(References::default(), 1);
    let namespace = key("namespaces", "", "default");
    let (of_namespace, of_web) = (wants(&namespace, 1), wants(&web(), 1));
    index.present(&namespace, shown("n1", &of_namespace, &[]), 1);
    index.settle();
    index.present(&web(), shown("u1", &of_web, &[]), 1);
    let drained = |uid: &str, wants: &[Want]| withheld_from_east(uid, wants, Withholding::Drained);
    let told = index.present(&namespace, drained("n1", &of_namespace), 2);
    assert_eq!(words(&told), ["east: default drained"]);
    let told = index.present(&web(), drained("u1", &of_web), 2);
    assert_eq!(words(&told), ["east: web drained"]);
    let told = index.present(&web(), drained("u1", &of_web), 3);
    assert_eq!(words(&told), ["east: web drained"], "at each of its edits");
    // Taken back, both are wanted there again.
    index.present(&namespace, shown("n1", &of_namespace, &[]), 4);
    let told = index.present(&web(), shown("u1", &of_web, &[]), 4);
    assert_eq!(words(&told), ["east: default wanted", "east: web wanted"]);
}

#[test]
fn a_namespace_that_nothing_needs_any_more_leaves_a_drained_target_too() {
    let mut index = Index::new(References::default(), 1);
    let namespace = key("namespaces", "", "default");
    let of_namespace = wants(&namespace, 1);
    index.present(&namespace, shown("n1", &of_namespace, &[]), 1);
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), 1);
    index.settle();
    index.deleted(&web());
    let drained = withheld_from_east("n1", &of_namespace, Withholding::Drained);
    assert_eq!(words(&index.present(&namespace, drained, 2)), ["east: default drained"]);
}

#[test]
fn what_a_target_refuses_goes_and_its_namespace_stays() {
    let mut index = Index::new(References::default(), 1);
    let namespace = key("namespaces", "", "default");
    index.present(&namespace, shown("n1", &wants(&namespace, 1), &[]), 1);
    index.settle();
    let of_web = wants(&web(), 1);
    index.present(&web(), shown("u1", &of_web, &[]), 1);
    let refused = withheld_from_east("u1", &of_web, Withholding::Refused);
    let told = index.present(&web(), refused, 2);
    assert_eq!(words(&told), ["east: default kept", "east: web refused"]);
}

fn at(endpoint: u32, list: u64) -> ListAt {
    let endpoint = EndpointId::of(endpoint);
    ListAt { endpoint, list }
}

#[test]
fn a_list_of_one_endpoint_says_nothing_of_what_another_one_shows() {
    let mut index = Index::new(References::default(), 1);
    let other = key("configmaps", "default", "other");
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), at(1, 1));
    index.present(&other, shown("u2", &wants(&other, 1), &[]), at(2, 2));
    assert!(
        index.listed(&gvr("configmaps"), at(2, 9)).len() == 2,
        "only what was seen there"
    );
    assert!(index.listed(&gvr("configmaps"), at(3, 9)).is_empty());
    // It moves: the first endpoint has no say in it any more.
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), at(2, 10));
    assert!(index.is_elsewhere(&web(), EndpointId::of(1)));
    assert!(!index.is_elsewhere(&web(), EndpointId::of(2)));
    assert!(index.listed(&gvr("configmaps"), at(1, 11)).is_empty());
    assert_eq!(
        words(&index.listed(&gvr("configmaps"), at(2, 12))),
        ["east: web not listed", "west: web not listed"]
    );
}

#[test]
fn what_an_endpoint_took_with_it_is_adrift_and_what_it_named_is_not_taken_for_unneeded() {
    let mut index = Index::new(References::default(), 1);
    let (account, other) = (
        key("serviceaccounts", "default", "robot"),
        key("configmaps", "shop", "other"),
    );
    index.present(&account, shown("a1", &wants(&account, 1), &[]), at(1, 1));
    index.present(
        &web(),
        shown("u1", &wants(&web(), 1), std::slice::from_ref(&account)),
        at(1, 1),
    );
    index.present(&other, shown("u2", &wants(&other, 1), &[]), at(2, 1));
    index.settle();
    let tidings = index.cast_off(|_, endpoint| endpoint == EndpointId::of(1));
    assert!(
        tidings
            .iter()
            .all(|(_, _, order)| matches!(order, Order::Adrift { .. })),
        "{:?}",
        words(&tidings)
    );
    assert!(words(&tidings).contains(&"east: web adrift".to_owned()));
    assert!(index.deleted(&web()).is_empty(), "nothing is known of it any more");
    assert_eq!(index.deleted(&other).len(), 2);
    // It comes back, perhaps elsewhere.
    let back = index.present(&web(), shown("u1", &wants(&web(), 1), &[]), at(3, 5));
    assert!(
        words(&back).contains(&"east: web wanted".to_owned()),
        "{:?}",
        words(&back)
    );
}

#[test]
fn what_leaves_with_a_binding_is_said_to_do_so() {
    let mut index = Index::new(References::default(), 1);
    let other = key("configmaps", "shop", "other");
    index.present(&web(), shown("u1", &wants(&web(), 1), &[]), at(1, 1));
    index.present(&other, shown("u2", &wants(&other, 1), &[]), at(1, 1));
    let leaving = index.leave(|key| &*key.namespace == "default");
    assert_eq!(
        words(&leaving),
        ["east: web workspace deleted", "west: web workspace deleted"]
    );
    assert!(index.leave(|key| &*key.namespace == "default").is_empty());
    assert_eq!(index.deleted(&other).len(), 2);
}
