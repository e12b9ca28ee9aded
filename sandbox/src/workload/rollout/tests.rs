use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";

/// Steps until the Deployment has arrived; the statuses on the way.
fn run(deployment: &mut Value, first: Template) -> Vec<Value> {
    let mut statuses = Vec::new();
    let mut template = first;
    for _ in 0..100 {
        let step = step(deployment, &WorkloadPlan::default(), template, NOW);
        template = Template::Same;
        let Some(status) = step.status else {
            assert!(step.arrived, "stuck at {}", deployment["status"]);
            return statuses;
        };
        deployment["status"] = status.clone();
        statuses.push(status);
    }
    panic!("never arrives: {deployment}");
}

fn deployment(replicas: i64) -> Value {
    json!({"metadata": {"generation": 1}, "spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}, "template": {"spec": {"containers": [{"image": "a"}]}}}, "status": {}})
}

fn counts(status: &Value) -> [i64; 3] {
    ["replicas", "updatedReplicas", "readyReplicas"]
        .map(|name| status.get(name).and_then(Value::as_i64).unwrap_or_default())
}

#[test]
fn a_new_deployment_becomes_ready() {
    let mut deployment = deployment(5);
    let statuses = run(&mut deployment, Template::Same);
    assert_eq!(counts(&statuses[0]), [0, 0, 0]);
    assert!(statuses.len() > 3);
    let last = statuses.last().unwrap();
    assert_eq!((counts(last), last.get("unavailableReplicas")), ([5, 5, 5], None));
    assert_eq!(last["conditions"][1]["reason"], "NewReplicaSetAvailable");
}

#[test]
fn a_rollout_keeps_to_its_bounds() {
    for replicas in [1, 2, 4, 10] {
        let mut deployment = deployment(replicas);
        run(&mut deployment, Template::Same);
        deployment["metadata"]["generation"] = json!(2);
        let statuses = run(&mut deployment, Template::Changed);
        assert_eq!(counts(&statuses[0])[1], 0, "no pod runs the new template yet");
        for status in &statuses {
            let [total, updated, ready] = counts(status);
            assert!(total <= replicas + (replicas + 3) / 4, "{status}");
            assert!(
                ready >= replicas - replicas / 4 - i64::from(replicas / 4 == 0 && replicas == 0),
                "{status}"
            );
            assert!(updated <= total && ready <= total, "{status}");
        }
        assert_eq!(counts(statuses.last().unwrap()), [replicas; 3]);
    }
}

#[test]
fn scaling_goes_both_ways() {
    let mut deployment = deployment(5);
    run(&mut deployment, Template::Same);
    for replicas in [2, 7, 0] {
        deployment["spec"]["replicas"] = json!(replicas);
        deployment["metadata"]["generation"] = json!(replicas + 10);
        let statuses = run(&mut deployment, Template::Same);
        assert_eq!(counts(statuses.last().unwrap()), [replicas; 3]);
        assert_eq!(statuses.last().unwrap()["observedGeneration"], replicas + 10);
    }
}

#[test]
fn a_broken_image_stops_at_its_deadline_with_the_old_pods_serving() {
    let mut deployment = deployment(4);
    run(&mut deployment, Template::Same);
    deployment["metadata"]["generation"] = json!(2);
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("broken");
    deployment["spec"]["progressDeadlineSeconds"] = json!(60);
    let mut template = Template::Changed;
    for _ in 0..20 {
        let step = step(&deployment, &WorkloadPlan::default(), template, NOW);
        template = Template::Same;
        assert!(!step.arrived);
        if let Some(status) = step.status {
            deployment["status"] = status;
        }
    }
    assert_eq!(counts(&deployment["status"])[2], 3, "one may be unavailable");
    let late = step(
        &deployment,
        &WorkloadPlan::default(),
        Template::Same,
        "2026-01-01T00:01:01Z",
    );
    assert!(late.arrived);
    assert_eq!(
        late.status.unwrap()["conditions"][1]["reason"],
        "ProgressDeadlineExceeded"
    );
}
