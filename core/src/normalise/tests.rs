use proptest::prelude::*;
use serde_json::json;

use super::*;

fn deployments() -> Gvr {
    Gvr::new("apps", "v1", "deployments")
}

fn deployment(container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = "web".into();
    json!({"spec": {"template": {"spec": {"containers": [{"name": "first"}, container]}}}})
}

fn normalised(container: &Value) -> Result<Value, String> {
    let mut object = deployment(container);
    for_apply(&deployments(), &mut object).map_err(|error| error.to_string())?;
    let container = object.pointer_mut("/spec/template/spec/containers/1").unwrap();
    container.as_object_mut().unwrap().remove("name");
    Ok(container.take())
}

#[test]
fn of_variables_the_last_counts_and_of_ports_the_first() {
    let cases = [
        (
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "x"}, {"name": "A", "value": "2"}]}),
            json!({"env": [{"name": "B", "value": "x"}, {"name": "A", "value": "2"}]}),
        ),
        // Behind the last, everybody sees the last; an escaped reference is none.
        (
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$$(A)"}, {"name": "A", "value": "2"},
                {"name": "C", "value": "$(A)"}]}),
            json!({"env": [{"name": "B", "value": "$$(A)"}, {"name": "A", "value": "2"}, {"name": "C", "value": "$(A)"}]}),
        ),
        // Before the first, nobody sees any.
        (
            json!({"env": [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"},
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}),
            json!({"env": [{"name": "B", "value": "$(A)"}, {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}),
        ),
        // A variable that refers to an earlier one and goes itself harms nobody.
        (
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}]}),
            json!({"env": [{"name": "A", "value": "3"}]}),
        ),
        (
            json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81},
                {"containerPort": 80, "protocol": "TCP", "name": "metrics"}, {"containerPort": 80, "protocol": "UDP"}]}),
            json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}, {"containerPort": 80, "protocol": "UDP"}]}),
        ),
        (
            json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 80, "name": "metrics"}],
                "livenessProbe": {"httpGet": {"port": "http"}}, "readinessProbe": {"tcpSocket": {"port": 80}}}),
            json!({"ports": [{"containerPort": 80, "name": "http"}],
                "livenessProbe": {"httpGet": {"port": "http"}}, "readinessProbe": {"tcpSocket": {"port": 80}}}),
        ),
    ];
    for (container, expected) in cases {
        assert_eq!(normalised(&container), Ok(expected), "{container}");
    }
}

#[test]
fn what_would_change_what_runs_is_named_and_not_guessed() {
    let cases = [
        (
            json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}, {"name": "A", "value": "2"}]}),
            "spec.template.spec.containers[name=web].env has name=A twice, and the value of B refers to an earlier one: \
             an apply takes each key once, so give it once upstream",
        ),
        (
            json!({"env": [{"name": "PATH", "value": "/bin"}, {"name": "PATH", "value": "$(PATH):/x"}]}),
            "spec.template.spec.containers[name=web].env has name=PATH twice, and the value of PATH refers to an earlier \
             one: an apply takes each key once, so give it once upstream",
        ),
        (
            json!({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 80, "name": "metrics"}],
                "livenessProbe": {"httpGet": {"port": "metrics"}}}),
            "spec.template.spec.containers[name=web].ports has containerPort=80,protocol=TCP twice, and a probe or hook \
             refers to port metrics, which is a later one: an apply takes each key once, so give it once upstream",
        ),
        (
            json!({"ports": [{"containerPort": 80}, {"containerPort": 80, "hostPort": 8080}]}),
            "spec.template.spec.containers[name=web].ports has containerPort=80,protocol=TCP twice, and they differ in \
             their host port: an apply takes each key once, so give it once upstream",
        ),
    ];
    for (container, message) in cases {
        assert_eq!(normalised(&container), Err(message.to_owned()), "{container}");
    }
}

#[test]
fn every_pod_template_is_looked_at() {
    let env = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    let cases = [
        ("", "pods", "/spec"),
        ("", "podtemplates", "/template/spec"),
        ("apps", "statefulsets", "/spec/template/spec"),
        ("apps", "daemonsets", "/spec/template/spec"),
        ("batch", "jobs", "/spec/template/spec"),
        ("batch", "cronjobs", "/spec/jobTemplate/spec/template/spec"),
    ];
    for (group, resource, pointer) in cases {
        for list in ["containers", "initContainers"] {
            let mut object = json!({list: [{"name": "a", "env": env}]});
            for field in pointer.split('/').skip(1).collect::<Vec<_>>().into_iter().rev() {
                object = json!({field: object});
            }
            for_apply(&Gvr::new(group, "v1", resource), &mut object).unwrap();
            let env = object.pointer(&format!("{pointer}/{list}/0/env")).unwrap();
            assert_eq!(env, &json!([{"name": "A", "value": "2"}]), "{resource} {list}");
        }
    }
}

#[test]
fn lists_outside_of_containers_are_looked_at_too() {
    let mut object = json!({"spec": {"template": {"spec": {
        "imagePullSecrets": [{"name": "a"}, {"name": "b"}, {"name": "a"}],
        "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a", "b"]}, {"ip": "2.2.2.2", "hostnames": ["c"]},
            {"ip": "1.1.1.1", "hostnames": ["b", "d"]}],
    }}}});
    for_apply(&deployments(), &mut object).unwrap();
    assert_eq!(
        object["spec"]["template"]["spec"],
        json!({
            "imagePullSecrets": [{"name": "a"}, {"name": "b"}],
            "hostAliases": [{"ip": "1.1.1.1", "hostnames": ["a", "b", "d"]}, {"ip": "2.2.2.2", "hostnames": ["c"]}],
        })
    );
    let accounts = Gvr::new("", "v1", "serviceaccounts");
    let mut account = json!({"secrets": [{"name": "a"}, {"name": "a"}]});
    for_apply(&accounts, &mut account).unwrap();
    assert_eq!(account, json!({"secrets": [{"name": "a"}]}));
    let mut account = json!({"secrets": [{"name": "a"}, {"name": "a", "namespace": "n"}]});
    let error = for_apply(&accounts, &mut account).unwrap_err();
    assert_eq!(
        (error.path.to_string().as_str(), error.why),
        ("secrets", Needed::Differ)
    );
}

#[test]
fn a_custom_resource_is_not_touched() {
    let mut object = deployment(&json!({"env": [{"name": "A"}, {"name": "A"}]}));
    let before = object.clone();
    for_apply(&Gvr::new("example.org", "v1", "deployments"), &mut object).unwrap();
    assert_eq!(object, before);
}

/// What the kubelet makes of a container's variables.
fn environment(variables: &[Value]) -> std::collections::BTreeMap<String, String> {
    let mut environment: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for variable in variables {
        let value = variable["value"].as_str().unwrap();
        let reference = value.strip_prefix("$(").and_then(|rest| rest.split_once(')'));
        let value = match reference.and_then(|(name, rest)| Some((environment.get(name)?, rest))) {
            Some((known, rest)) => format!("{known}{rest}"),
            None => value.to_owned(),
        };
        environment.insert(variable["name"].as_str().unwrap().to_owned(), value);
    }
    environment
}

proptest! {
    /// Whatever is accepted gives the same environment as before, and each name once.
    #[test]
    fn the_environment_stays_the_same(
        variables in prop::collection::vec(("[A-C]", prop_oneof!["[x-z]", "\\$\\([A-C]\\)[x-z]"]), 0..8),
    ) {
        let variables: Vec<Value> =
            variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        if let Ok(after) = normalised(&json!({"env": variables})) {
            let after = after["env"].as_array().unwrap().clone();
            prop_assert_eq!(environment(&after), environment(&variables));
            let names: std::collections::BTreeSet<_> = after.iter().map(|variable| variable["name"].to_string()).collect();
            prop_assert_eq!(names.len(), after.len());
        } else {
            let names: std::collections::BTreeSet<_> = variables.iter().map(|variable| variable["name"].to_string()).collect();
            prop_assert!(names.len() < variables.len(), "nothing is refused without a duplicate");
        }
    }
}
