use std::collections::BTreeMap;

use serde_json::json;
use syncer_actors::{
    Rulebook, Unreadable,
    preview::{Content, Finding, Verdict},
};
use syncer_clusters::Source;
use syncer_core::{
    Gvr, LogicalCluster, ObjectKey,
    config::{Configuration, NamespaceMapping},
    event_reason::EventReason,
    placement::{PlacementOptions, Rules, Secrets},
    protect::Protection,
};

use super::*;

fn rulebook() -> Rulebook {
    let options = PlacementOptions {
        secrets: Secrets::OnlyNamed,
        protection: Protection::default(),
        default_mapping: NamespaceMapping::Identity,
    };
    Rulebook {
        revision: 1,
        rules: Rules::compile_at(&Configuration::default(), options, jiff::Timestamp::UNIX_EPOCH).unwrap(),
        targets: BTreeMap::new(),
        unreadable: Unreadable::default(),
    }
}

fn present(object: &serde_json::Value) -> Content {
    Content::Present(object.to_string().into())
}

fn finding(target: &str, verdict: Verdict, before: Content, after: Content) -> Finding {
    Finding {
        target: Some(target.into()),
        key: ObjectKey::new(
            LogicalCluster::new("c1"),
            Gvr::new("", "v1", "configmaps"),
            "shop",
            "web",
        ),
        kind: "ConfigMap".into(),
        namespace: "kcp0a1b".into(),
        name: "web".into(),
        policy: "all".into(),
        verdict,
        writes: verdict == Verdict::Create || verdict == Verdict::Change,
        before,
        after,
        source: Source::Server,
        note: "".into(),
    }
}

fn report(findings: Vec<Finding>, ending: &Ending) -> Report {
    Report::of(&Preview::new(), &rulebook(), findings, ending)
}

fn text(report: &Report) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    print(report, DiffOutput::Text, &mut out, &mut err).unwrap();
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn the_exit_code_says_whether_anything_differs_and_whether_all_was_found_out() {
    let found = Ending::Found(BTreeMap::new());
    let nothing = || Content::Absent;
    let data = || present(&json!({"data": {"k": "v"}}));
    let cases = [
        (vec![], 0),
        (vec![finding("east", Verdict::Create, nothing(), data())], 1),
        (vec![finding("east", Verdict::Held, data(), nothing())], 1),
        (
            vec![finding(
                "east",
                Verdict::Refused(EventReason::AdoptionRefused),
                nothing(),
                nothing(),
            )],
            1,
        ),
        (vec![finding("east", Verdict::Paused, nothing(), nothing())], 1),
        (
            vec![
                finding("east", Verdict::Create, nothing(), data()),
                finding("west", Verdict::Failed, nothing(), nothing()),
            ],
            3,
        ),
    ];
    for (findings, code) in cases {
        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
        assert_eq!(report(findings, &found).code(), code, "{verdicts:?}");
    }
    let short = Ending::Short(vec!["not in time".to_owned()]);
    assert_eq!(report(vec![], &short).code(), 3);
}

#[test]
fn text_is_a_headline_and_a_unified_difference() {
    let before = present(&json!({"data": {"color": "red", "size": "3"}}));
    let after = present(&json!({"data": {"color": "green", "size": "3"}}));
    let report = report(
        vec![finding("east", Verdict::Change, before, after)],
        &Ending::Found(BTreeMap::new()),
    );
    let (out, err) = text(&report);
    assert_eq!(
        out,
        "# east: change configmaps kcp0a1b/web of c1:shop/web (policy all)\n\
         --- live/east/configmaps/kcp0a1b/web\n\
         +++ synced/east/configmaps/kcp0a1b/web\n\
         @@ -1,3 +1,3 @@\n data:\n-  color: red\n+  color: green\n   size: \"3\"\n"
    );
    assert_eq!(err, "");
}

#[test]
fn what_is_not_written_says_why_and_failures_go_to_stderr() {
    let mut refused = finding(
        "east",
        Verdict::Refused(EventReason::AdoptionRefused),
        Content::Absent,
        Content::Absent,
    );
    refused.note = "target east: it is not ours".into();
    let mut failed = finding("west", Verdict::Failed, Content::Absent, Content::Absent);
    failed.note = "no route\u{1b}[2J".into();
    let (out, err) = text(&report(vec![refused, failed], &Ending::Found(BTreeMap::new())));
    assert_eq!(
        out,
        "# east: AdoptionRefused configmaps kcp0a1b/web of c1:shop/web (policy all): target east: it is not ours\n"
    );
    assert_eq!(
        err, "error: target west: no route [2J\n",
        "nothing that moves a terminal's cursor"
    );
}

#[test]
fn json_has_both_sides_and_names_that_stay() {
    let after = present(&json!({"data": {"k": "v"}}));
    let report = report(
        vec![finding("east", Verdict::Create, Content::Absent, after)],
        &Ending::Found(BTreeMap::new()),
    );
    let json = serde_json::to_value(&report).unwrap();
    let difference = &json["differences"][0];
    let diff = difference["diff"].as_str().unwrap();
    assert!(diff.ends_with("@@ -0,0 +1,2 @@\n+data:\n+  k: v\n"), "{diff}");
    assert_eq!(json["summary"], json!({"create": 1}));
    let mut shown = difference.clone();
    shown["diff"].take();
    assert_eq!(
        shown,
        json!({
            "target": "east", "verdict": "create", "written": true, "reason": null, "policy": "all", "resource": "configmaps",
            "kind": "ConfigMap", "namespace": "kcp0a1b", "name": "web", "source": "server", "note": "", "before": null,
            "upstream": {"cluster": "c1", "namespace": "shop", "name": "web"}, "after": {"data": {"k": "v"}}, "diff": null,
        })
    );
}
