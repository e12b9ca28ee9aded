use serde_json::{Value, json};
use syncer_core::config::check::{self, Origin};

use super::*;

/// Objects as an API server shows them.
fn objects(targets: &[Value], policies: &[Value]) -> Objects {
    let collection = |documents: &[Value]| Collection {
        knowledge: Knowledge::Listed,
        objects: documents.iter().map(seen).collect(),
    };
    Objects {
        targets: collection(targets),
        policies: collection(policies),
    }
}

fn seen(document: &Value) -> (Arc<str>, Seen) {
    let name = document["metadata"]["name"].as_str().unwrap().into();
    let seen = Seen {
        uid: "uid".into(),
        generation: 1,
        document: check::document(document, Origin::Object).map_err(|problems| problems[0].to_string()),
        secret: serde_json::from_value(document["spec"]["kubeconfigSecretRef"].clone()).ok(),
        status: Arc::default(),
    };
    (name, seen)
}

fn target(name: &str, spec: &Value) -> Value {
    let mut target = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": name},
        "spec": {"kubeconfigSecretRef": {"namespace": "tmc-system", "name": name}},
    });
    for (field, value) in spec.as_object().unwrap() {
        target["spec"][field] = value.clone();
    }
    target
}

fn policy(name: &str, priority: &Value) -> Value {
    json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": name},
        "spec": {"resources": [{"resource": "configmaps"}], "priority": priority},
    })
}

/// The documents of a file.
fn files(documents: &[Value]) -> Followed {
    let documents = documents
        .iter()
        .map(|document| check::document(document, Origin::File).unwrap());
    let checked = check::set(documents.collect()).unwrap();
    Followed {
        configuration: checked.configuration,
        kubeconfigs: BTreeMap::new(),
    }
}

fn merge(merge: &mut Merge, files: &Followed, objects: &Objects) -> (Merged, OwnObjects) {
    merge.merge(files, objects, None, &|_| Ok(()))
}

fn priority(merged: &Merged, name: &str) -> i32 {
    merged.configuration.policies[name].spec.priority
}

fn reason(object: &OwnObject) -> &'static str {
    match &object.standing {
        Standing::Used => "",
        Standing::Refused { reason, .. } => reason,
    }
}

#[test]
fn objects_come_change_and_go() {
    let mut state = Merge::default();
    let files = Followed::default();
    let (merged, own) = merge(
        &mut state,
        &files,
        &objects(&[target("east", &json!({}))], &[policy("web", &json!(1))]),
    );
    assert_eq!(priority(&merged, "web"), 1);
    assert!(merged.configuration.targets.contains_key("east"));
    assert!(merged.secrets.contains(&("tmc-system".into(), "east".into())));
    assert_eq!(reason(&own.targets["east"]), "");
    let (merged, _) = merge(&mut state, &files, &objects(&[], &[policy("web", &json!(2))]));
    assert_eq!(priority(&merged, "web"), 2);
    assert!(merged.configuration.targets.is_empty());
    assert!(
        !merged.secrets.is_empty(),
        "a kubeconfig does not go down because its target is gone"
    );
    let (merged, own) = merge(&mut state, &files, &objects(&[], &[]));
    assert_eq!(merged.configuration, Configuration::default());
    assert_eq!(own, OwnObjects::default());
}

#[test]
fn a_bad_object_keeps_counting_as_it_was_and_holds_up_no_other() {
    let mut state = Merge::default();
    let files = Followed::default();
    let both = |web: Value, api: i32| objects(&[], &[policy("web", &web), policy("api", &json!(api))]);
    merge(&mut state, &files, &both(json!(1), 1));
    let (merged, own) = merge(&mut state, &files, &both(json!("high"), 7));
    assert_eq!((priority(&merged, "web"), priority(&merged, "api")), (1, 7));
    assert_eq!(reason(&own.policies["web"]), "Invalid");
    assert_eq!(merged.unreadable, Unreadable::default());
    let (merged, own) = merge(&mut state, &files, &both(json!(3), 7));
    assert_eq!(priority(&merged, "web"), 3);
    assert_eq!(reason(&own.policies["web"]), "");
}

#[test]
fn a_bad_object_that_was_never_good_is_there_all_the_same() {
    let mut state = Merge::default();
    let bad = objects(
        &[target("east", &json!({"refuse": [7]}))],
        &[policy("web", &json!("high"))],
    );
    let (merged, own) = merge(&mut state, &Followed::default(), &bad);
    assert_eq!(merged.configuration, Configuration::default());
    assert!(
        merged.unreadable.policies.contains("web"),
        "an invalid policy is not a deleted one"
    );
    assert!(merged.unreadable.targets.contains("east"));
    assert!(
        merged.secrets.contains(&("tmc-system".into(), "east".into())),
        "never synced"
    );
    assert_eq!(reason(&own.targets["east"]), "Invalid");
}

#[test]
fn what_this_version_cannot_do_is_said_of_the_object_that_asks_for_it() {
    let mut state = Merge::default();
    let judge = |document: &Document| match document.name() {
        "web" => Err("cannot do that".to_owned()),
        _ => Ok(()),
    };
    let two = objects(&[], &[policy("api", &json!(1)), policy("web", &json!(1))]);
    let (merged, own) = state.merge(&Followed::default(), &two, None, &judge);
    assert_eq!(merged.configuration.policies.len(), 1);
    let Standing::Refused { reason, message } = &own.policies["web"].standing else {
        panic!("{own:?}");
    };
    assert!(
        *reason == "NotSupported" && message.starts_with("cannot do that; "),
        "{message}"
    );
}

#[test]
fn a_file_wins_over_an_object_of_its_name() {
    let mut state = Merge::default();
    let files = files(&[policy("web", &json!(5))]);
    let (merged, own) = merge(&mut state, &files, &objects(&[], &[policy("web", &json!(1))]));
    assert_eq!(priority(&merged, "web"), 5);
    assert_eq!(reason(&own.policies["web"]), "NamedInFile");
    let (merged, own) = merge(
        &mut state,
        &Followed::default(),
        &objects(&[], &[policy("web", &json!(1))]),
    );
    assert_eq!(priority(&merged, "web"), 1);
    assert_eq!(reason(&own.policies["web"]), "");
}

#[test]
fn the_fallback_holds_only_where_there_is_no_policy_at_all() {
    let Ok(Document::SyncPolicy(fallback)) = check::document(&policy("default", &json!(0)), Origin::File) else {
        panic!("a policy");
    };
    let none = Followed::default();
    let names = |files: &Followed, objects: &Objects| {
        let (merged, _) = Merge::default().merge(files, objects, Some(&fallback), &|_| Ok(()));
        merged.configuration.policies.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(&none, &objects(&[], &[])), ["default".into()]);
    assert_eq!(names(&none, &objects(&[], &[policy("web", &json!(1))])), ["web".into()]);
    assert_eq!(
        names(&none, &objects(&[], &[policy("web", &json!("high"))])),
        Vec::<Arc<str>>::new(),
        "an invalid one is one"
    );
    assert_eq!(
        names(&files(&[policy("api", &json!(1))]), &objects(&[], &[])),
        ["api".into()]
    );
}

#[test]
fn policies_that_may_not_be_read_may_be_there() {
    let mut withheld = objects(&[], &[]);
    withheld.policies.knowledge = Knowledge::Withheld;
    let (merged, _) = merge(&mut Merge::default(), &Followed::default(), &withheld);
    assert!(merged.unreadable.others);
}
