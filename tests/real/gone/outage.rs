//! An upstream that cannot be read, or shows less than there is: nothing is deleted (S3).

use std::time::Duration;

use serde_json::{Value, json};
use syncer_harness::{Asked, Controllers, Fate, GoBetween, User, stays, wait_for};

use super::site::{OBJECTS, Site};
use crate::{objects::SOON, printed};

/// A kind of trouble, and what becomes of requests in it.
type Trouble = (&'static str, fn(&Asked) -> Fate);

/// Versions are too old, so that everything is listed anew.
fn expired() -> Fate {
    Fate::status(410, "Expired")
}

const TROUBLES: [Trouble; 10] = [
    ("unreachable", |_| Fate::Cut),
    ("access taken away", |_| Fate::status(403, "Forbidden")),
    ("credentials not taken any more", |_| Fate::status(401, "Unauthorized")),
    ("nothing but 404", |_| Fate::status(404, "NotFound")),
    ("a page that says 404", |_| {
        Fate::Answered(404, "404 page not found\n".to_owned())
    }),
    ("500 to all", |_| Fate::status(500, "InternalError")),
    ("watches that end at once", |asked| {
        if asked.is_watch() {
            Fate::Answered(200, String::new())
        } else {
            Fate::Passed
        }
    }),
    ("a list cut in the middle", |asked| match () {
        () if asked.is_watch() => expired(),
        () if asked.is_list() => Fate::CutInTheMiddle,
        () => Fate::Passed,
    }),
    ("an expired continue token", |asked| match () {
        () if asked.is_watch() || asked.query.contains("continue=") => expired(),
        () if asked.is_list() => Fate::PassedAs(asked.query.replace("limit=500", "limit=5")),
        () => Fate::Passed,
    }),
    ("an empty list without a version", |asked| match () {
        () if asked.is_watch() => expired(),
        () if asked.is_list() => Fate::Answered(200, r#"{"kind":"List","metadata":{},"items":[]}"#.to_owned()),
        () => Fate::Passed,
    }),
];

#[test]
fn nothing_is_deleted_while_the_upstream_cannot_be_read_as_it_is() {
    let mut site = Site::new("reach");
    let between = GoBetween::before(&site.upstream.kubeconfig_of(&printed::user("reach")));
    site.kubeconfig("upstream", &between.kubeconfig());
    site.run_until_synced();
    for (number, (trouble, fate)) in TROUBLES.into_iter().enumerate() {
        between.decide(fate);
        site.nothing_goes(trouble);
        between.pass();
        site.works(&format!("after-{number}"));
    }
    site.end();
}

#[test]
fn a_list_that_lacks_everything_is_held_and_goes_on_when_all_is_there_again() {
    let mut site = Site::new("lacking");
    let between = GoBetween::before(&site.upstream.kubeconfig_of(&printed::user("lacking")));
    site.kubeconfig("upstream", &between.kubeconfig());
    site.run_until_synced();
    between.decide(|asked| match () {
        () if asked.is_watch() && asked.path.contains("configmaps") => expired(),
        () if asked.is_list() && asked.path.contains("configmaps") => Fate::Answered(
            200,
            r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"1000000"},"items":[]}"#
                .to_owned(),
        ),
        () => Fate::Passed,
    });
    site.wait_held(OBJECTS);
    site.syncer()
        .wait_for_log(&["ERROR", "lacking-east", "held=20", "confirm-deletion"], SOON);
    site.nothing_goes("held");
    between.pass();
    site.wait_held(0);
    site.nothing_goes("seen again");
    site.works("after");
    site.end();
}

/// Where a custom resource and its objects are.
const WIDGETS: &str = "/apis/example.org/v1/namespaces/dropped/widgets";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

#[test]
fn a_definition_that_is_deleted_upstream_takes_nothing_along() {
    let mut site = Site::with("dropped", Controllers::None);
    let widget = |number: usize| format!("{WIDGETS}/widget-{number}");
    let define = |server: &syncer_harness::ApiServer| {
        server.client().create(DEFINITIONS, &definition());
        wait_for("widgets to be served", SOON, || {
            match server.client().call("GET", WIDGETS, None).status {
                200 => Ok(()),
                status => Err(status),
            }
        });
    };
    for server in [&site.upstream, site.east, site.west] {
        define(server);
    }
    for number in 0..15 {
        let object = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": format!("widget-{number}")}, "size": 1});
        site.upstream.client().create(WIDGETS, &object);
    }
    let mut widgets = site.policy(&["widgets.example.org"]);
    widgets["metadata"]["name"] = json!("widgets");
    let documents = [
        site.target("east"),
        site.target("west"),
        site.policy(&["configmaps"]),
        widgets,
    ];
    site.write(&documents);
    site.run(&[]);
    for cluster in ["east", "west"] {
        site.wait_objects(cluster, "synced", OBJECTS + 1 + 15);
    }

    site.upstream
        .client()
        .delete(&format!("{DEFINITIONS}/widgets.example.org"));
    wait_for("widgets not to be served", SOON, || {
        site.upstream.client().call("GET", WIDGETS, None).status == 404
    });
    let all_there = || {
        let there =
            |server: &syncer_harness::ApiServer| (0..15).all(|number| server.client().get(&widget(number)).is_some());
        site.targets().into_iter().all(there)
    };
    stays("the widgets stay", Duration::from_secs(8), all_there);
    site.nothing_goes("the definition is gone");
    // The definition is made again, and nothing of it is there: that is for a person to say.
    define(&site.upstream);
    stays("the widgets stay", Duration::from_secs(8), all_there);
    site.end();
}

#[test]
fn access_that_is_taken_away_and_given_back_costs_no_object() {
    let mut site = Site::new("rights");
    let limited = User::new("limited");
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps", "namespaces", "events"], "verbs": ["get", "list", "watch", "create", "patch"]}]);
    site.upstream.grant(&limited, &rules);
    site.kubeconfig("upstream", &site.upstream.kubeconfig_of(&limited));
    site.run_until_synced();
    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/limited";
    site.upstream.client().delete(binding);
    // An open watch goes on as long as it was allowed; a new connection is asked.
    site.upstream.kill();
    site.upstream.start_again();
    site.syncer().wait_for_log(&["upstream", "forbidden"], SOON);
    site.nothing_goes("access taken away");
    site.upstream.grant_as("again", &limited, &rules);
    site.works("after");
    site.end();
}
