//! Writes that are only tried, against a scripted server.

use serde_json::json;
use syncer_core::proof::{Absence, Look, prove};

use super::*;
use crate::scripted::{Answer, Script, config_maps, object};

const WEB: &str = "/api/v1/namespaces/default/configmaps/web";

fn rehearsing(script: &Script, rehearsal: &Rehearsal) -> Cluster {
    script.cluster_with(|builder| builder.rehearsing(Some(rehearsal.clone())))
}

/// `web` of the default namespace with `data`, in the form that a server answers with.
fn web(data: &str) -> Value {
    let entry = json!({
        "manager": "tmc-syncer", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}},
    });
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "default", "uid": "uid-web", "resourceVersion": "7", "managedFields": [entry]},
        "data": {"a": data},
    })
}

fn answer(object: &Value) -> Answer {
    Answer::json(object.to_string())
}

fn nothing(kind: &str, name: &str) -> Answer {
    let body =
        format!(r#"{{"kind":"Status","reason":"NotFound","details":{{"name":"{name}","kind":"{kind}"}},"code":404}}"#);
    Answer::Whole(404, Vec::new(), body)
}

async fn apply(cluster: &Cluster, data: &str) -> Result<Object, Error> {
    let desired = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "default"}, "data": {"a": data}});
    let options = Apply::forced("tmc-syncer");
    cluster
        .apply(&config_maps(), "default", "web", desired.to_string().into(), &options)
        .await
}

async fn patch(cluster: &Cluster, data: &str) -> Result<Object, Error> {
    let operations = json!([{"op": "add", "path": "/data/a", "value": data}]).to_string();
    let write = Write::by("tmc-syncer");
    cluster
        .patch_json(&config_maps(), "default", "web", operations.into(), &write)
        .await
}

async fn delete(cluster: &Cluster) -> Result<Deletion, Error> {
    let preconditions = Preconditions {
        uid: "uid-web".into(),
        resource_version: None,
    };
    let proof = prove(Absence::DeletionSeen, &Look::NotFound).unwrap();
    cluster
        .delete(&config_maps(), "default", "web", &preconditions, &proof)
        .await
}

async fn read(cluster: &Cluster) -> Option<Value> {
    let read = cluster.get(&config_maps(), "default", "web", FieldsV1Kept::All).await;
    read.unwrap().map(|object| object.to_value().unwrap())
}

fn taken(cluster: &Cluster) -> Option<Rehearsed> {
    cluster.take_rehearsed(&config_maps(), "default", "web")
}

/// Makes a namespace, on the stage alone.
async fn make_namespace(cluster: &Cluster, script: &Script) {
    let namespaces = ResourceType {
        gvr: syncer_core::Gvr::new("", "v1", "namespaces"),
        kind: "Namespace".into(),
        scope: syncer_core::identity::Scope::Cluster,
    };
    script.push(nothing("namespaces", "default"));
    script.push(Answer::json(r#"{"metadata":{"name":"default","uid":"u"}}"#));
    let body = r#"{"metadata":{"name":"default"}}"#;
    cluster
        .apply(&namespaces, "", "default", body.into(), &Apply::forced("tmc-syncer"))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_first_write_is_a_dry_run_and_what_is_read_then_is_what_it_would_leave() {
    let rehearsal = Rehearsal::default();
    let script = Script::of([answer(&web("1")), answer(&web("2"))]);
    let cluster = rehearsing(&script, &rehearsal);
    apply(&cluster, "2").await.unwrap();
    let applied = format!("PATCH {WEB}?fieldManager=tmc-syncer&force=true&dryRun=All");
    assert_eq!(script.lines(), [format!("GET {WEB}"), applied]);
    assert_eq!(read(&cluster).await.unwrap()["data"]["a"], "2");
    assert_eq!(script.lines().len(), 2, "nobody is asked about what is on the stage");

    let found = taken(&cluster).unwrap();
    assert_eq!(found.before.as_ref().unwrap()["data"]["a"], "1");
    assert_eq!(found.after.as_ref().unwrap()["data"]["a"], "2");
    assert_eq!(
        (found.acts.as_slice(), found.source),
        (&[Act::Apply][..], Source::Server)
    );
    assert!(taken(&cluster).is_none(), "it is taken once");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_is_none() {
    let script = Script::of([answer(&web("1")), answer(&web("1"))]);
    let cluster = rehearsing(&script, &Rehearsal::default());
    apply(&cluster, "1").await.unwrap();
    assert!(taken(&cluster).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_leaves_nothing_on_the_stage() {
    let refusals = || {
        [
            answer(&web("1")),
            Answer::status(422, "Invalid"),
            answer(&web("1")),
            Answer::status(422, "Invalid"),
            answer(&web("1")),
            Answer::status(409, "Conflict"),
        ]
    };
    let script = Script::of(refusals());
    let cluster = rehearsing(&script, &Rehearsal::default());
    assert!(apply(&cluster, "2").await.is_err());
    assert!(patch(&cluster, "2").await.is_err());
    assert!(delete(&cluster).await.is_err());
    assert!(taken(&cluster).is_none());
    script.push(answer(&web("1")));
    assert_eq!(read(&cluster).await.unwrap()["data"]["a"], "1");
}

#[tokio::test(start_paused = true)]
async fn a_second_write_is_computed_and_judged_by_the_server() {
    let script = Script::of([answer(&web("1")), answer(&web("2"))]);
    let cluster = rehearsing(&script, &Rehearsal::default());
    apply(&cluster, "2").await.unwrap();
    // With what admission adds.
    let mut judged = web("3");
    judged["data"]["added"] = "by a webhook".into();
    script.push(answer(&judged));
    patch(&cluster, "3").await.unwrap();
    let asked = script.asked().pop().unwrap();
    assert_eq!(asked.line, format!("PATCH {WEB}?fieldManager=tmc-syncer&dryRun=All"));
    let operations: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        operations,
        json!([
            {"op": "test", "path": "/metadata/uid", "value": "uid-web"},
            {"op": "add", "path": "/data", "value": {"a": "3"}},
        ]),
        "from what the server has to what would be there in the end"
    );
    let found = taken(&cluster).unwrap();
    let after = found.after.unwrap();
    assert_eq!(after["data"], json!({"a": "3", "added": "by a webhook"}));
    let owned = |object: &Value| object["metadata"]["managedFields"][0]["fieldsV1"].clone();
    assert_eq!(
        owned(&after),
        owned(&web("")),
        "whose the fields are is what was computed: the one patch in the end says nothing of it"
    );
    assert_eq!(found.acts, [Act::Apply, Act::Patch]);
    assert_eq!(found.source, Source::Server);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_of_a_second_write_is_an_error_and_the_first_stays() {
    let script = Script::of([answer(&web("1")), answer(&web("2")), Answer::status(422, "Invalid")]);
    let cluster = rehearsing(&script, &Rehearsal::default());
    apply(&cluster, "2").await.unwrap();
    assert!(apply(&cluster, "3").await.is_err());
    let found = taken(&cluster).unwrap();
    assert_eq!(found.after.unwrap()["data"]["a"], "2");
    assert_eq!(found.acts, [Act::Apply]);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_is_gone_and_what_is_made_again_is_computed() {
    let script = Script::of([answer(&web("1")), Answer::json(object("web", 7))]);
    let cluster = rehearsing(&script, &Rehearsal::default());
    assert!(matches!(delete(&cluster).await.unwrap(), Deletion::Gone));
    let asked = script.asked().pop().unwrap();
    assert_eq!(asked.line, format!("DELETE {WEB}?dryRun=All"));
    assert!(
        asked.body.contains(r#""dryRun":["All"]"#) && asked.body.contains(r#""uid":"uid-web""#),
        "{}",
        asked.body
    );
    assert_eq!(read(&cluster).await, None);
    assert!(patch(&cluster, "2").await.is_err(), "nothing is there to be patched");

    apply(&cluster, "2").await.unwrap();
    assert_eq!(script.lines().len(), 2, "the server, which still has it, is not asked");
    assert_eq!(read(&cluster).await.unwrap()["data"]["a"], "2");
    let found = taken(&cluster).unwrap();
    assert_eq!(found.before.unwrap()["data"]["a"], "1");
    assert_eq!(found.source, Source::Computed);
    assert_eq!(found.acts, [Act::Delete, Act::Apply]);
}

#[tokio::test(start_paused = true)]
async fn in_a_namespace_that_would_be_made_things_are_computed_and_in_one_that_is_not_they_fail() {
    for is_made in [true, false] {
        let script = Script::of([]);
        let cluster = rehearsing(&script, &Rehearsal::default());
        if is_made {
            make_namespace(&cluster, &script).await;
        }
        script.push(nothing("namespaces", "default"));
        script.push(nothing("namespaces", "default"));
        let applied = apply(&cluster, "1").await;
        if !is_made {
            assert_eq!(applied.unwrap_err().next(), Next::NamespaceMissing);
            assert!(taken(&cluster).is_none());
            continue;
        }
        applied.unwrap();
        let found = taken(&cluster).unwrap();
        assert_eq!((found.before, found.source), (None, Source::Computed));
        assert_eq!(found.after.unwrap()["data"]["a"], "1");
    }
}

#[tokio::test(start_paused = true)]
async fn two_clusters_of_one_rehearsal_are_two_whatever_their_addresses() {
    let rehearsal = Rehearsal::default();
    let script = Script::of([answer(&web("1")), answer(&web("2")), answer(&web("1"))]);
    let east = rehearsing(&script, &rehearsal);
    let west = Cluster::builder("west")
        .seed(7)
        .rehearsing(Some(rehearsal))
        .service("http://east.test", script.clone())
        .unwrap();
    apply(&east, "2").await.unwrap();
    assert!(taken(&west).is_none());
    assert_eq!(read(&west).await.unwrap()["data"]["a"], "1");
    assert!(taken(&east).is_some());
}

/// S8: whoever prints a stage prints no content.
#[tokio::test(start_paused = true)]
async fn nothing_of_an_object_is_printed() {
    let rehearsal = Rehearsal::default();
    let script = Script::of([answer(&web("tell-nobody")), answer(&web("tell-nobody-else"))]);
    let cluster = rehearsing(&script, &rehearsal);
    apply(&cluster, "tell-nobody-else").await.unwrap();
    let printed = format!("{rehearsal:?} {:?}", taken(&cluster).unwrap());
    assert!(!printed.contains("tell-nobody"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn a_write_of_another_kind_is_refused_before_it_is_sent() {
    let script = Script::of([]);
    let cluster = rehearsing(&script, &Rehearsal::default());
    let (resource, write) = (config_maps(), Write::by("tmc-syncer"));
    let body = Bytes::from_static(b"{}");
    let status = cluster
        .patch_status_merge(&resource, "default", "web", body.clone(), &write)
        .await;
    let created = cluster.create(&resource, "default", "web", body, &write).await;
    for refused in [status, created] {
        assert!(refused.unwrap_err().to_string().contains("only tried"));
    }
    assert_eq!(script.lines(), [""; 0]);
}
