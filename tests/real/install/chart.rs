//! The chart by itself: what Helm says of it, what each value does, and that nothing in it is said twice in two ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::{Value, json};

use super::{
    helm::{Helm, arguments, chart, container, objects, of_kind},
    values::{self, RENDERED, Rendered},
};
use crate::world::BINARY;

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(chart().join("values.schema.json")).unwrap()).unwrap()
}

/// The paths of all values that the schema knows, those of an enumeration with each of its words.
fn known(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            known(property, &format!("{path}.{name}"), found);
        }
    } else if schema["items"]["properties"].is_object() {
        known(&schema["items"], &format!("{path}[]"), found);
    } else if let Some(words) = schema["enum"].as_array() {
        found.extend(words.iter().map(|word| format!("{path}={}", word.as_str().unwrap())));
    } else {
        found.insert(path.to_owned());
    }
}

/// The paths of what `values` set, in the same form.
fn set(values: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, value) in values.as_object().unwrap() {
            set(value, &properties[name], &format!("{path}.{name}"), found);
        }
    } else if schema["items"]["properties"].is_object() {
        for value in values.as_array().unwrap() {
            set(value, &schema["items"], &format!("{path}[]"), found);
        }
    } else if schema["enum"].is_array() {
        found.insert(format!("{path}={}", values.as_str().unwrap()));
    } else {
        found.insert(path.to_owned());
    }
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let said = Helm::new().run(["lint".as_ref(), "--strict".as_ref(), chart().as_os_str()]);
    let complaints: Vec<_> = said.lines().filter(|line| line.starts_with('[')).collect();
    // An icon is for catalogues.
    assert_eq!(complaints, ["[INFO] Chart.yaml: icon is recommended"], "{said}");
}

/// No value without a row, and no row without an effect.
#[test]
fn every_value_and_every_word_of_the_schema_does_what_its_row_says() {
    let (helm, schema) = (Helm::new(), schema());
    let plain = helm.template(&json!({})).unwrap();
    let mut shown = BTreeSet::new();
    for Rendered { values, expected, text } in &*RENDERED {
        assert!(text.contains(expected), "{values}: no {expected} in\n{text}");
        let is_default = values["rbac"]["namespaces"] == json!(true);
        assert!(
            is_default || !plain.contains(expected),
            "{values}: {expected} is there without"
        );
        set(values, &schema, "", &mut shown);
    }
    for (values, unexpected) in values::off() {
        let rendered = helm.template(&values).unwrap_or_else(|why| panic!("{values}: {why}"));
        assert!(!rendered.contains(unexpected), "{values}: {unexpected} in\n{rendered}");
        assert!(plain.contains(unexpected), "{unexpected} is never there");
        set(&values, &schema, "", &mut shown);
    }
    let without_namespaces = helm
        .template(&json!({"component": "target", "rbac": {"namespaces": false}}))
        .unwrap();
    assert!(!without_namespaces.contains("target-namespaces"));
    let mut all = BTreeSet::new();
    known(&schema, "", &mut all);
    let missing: Vec<_> = all.difference(&shown).collect();
    assert!(missing.is_empty(), "no row in values.rs sets {missing:?}");
}

#[test]
fn wrong_values_are_refused_by_name() {
    let helm = Helm::new();
    for (values, named) in values::wrong() {
        match helm.template(&values) {
            Err(why) => assert!(why.contains(named), "{values}: {named} in {why}"),
            Ok(rendered) => panic!("{values} is taken:\n{rendered}"),
        }
    }
}

/// How much at once: what the schema takes is what the program takes, to the last one.
#[test]
fn the_schema_and_the_program_agree_about_how_much_is_too_much() {
    let (helm, schema) = (Helm::new(), schema());
    let limits = schema["properties"]["limits"]["properties"].as_object().unwrap();
    let bounded: Vec<_> = limits.iter().filter(|(_, limit)| limit["minimum"].is_u64()).collect();
    assert_eq!(bounded.len(), 4, "{bounded:?}");
    for (name, limit) in bounded {
        let [least, most] = ["minimum", "maximum"].map(|end| limit[end].as_u64().unwrap());
        for (count, fits) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let rendered = helm.template(&json!({"limits": {name: count}}));
            assert_eq!(rendered.is_ok(), fits, "{name}={count}: {rendered:?}");
            let option = format!("--{}={count}", kebab(name));
            let output = Command::new(BINARY).args(["run", &option, "--help"]).output().unwrap();
            assert_eq!(output.status.success(), fits, "{option}: {output:?}");
        }
    }
}

/// A value's name, as an option spells it.
fn kebab(name: &str) -> String {
    name.chars().fold(String::new(), |mut kebab, letter| {
        if letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
        kebab
    })
}

/// Whatever the values: the program takes the arguments, and the pod is as locked up as it can be.
#[test]
fn every_rendered_pod_starts_the_program_with_options_that_it_has() {
    for Rendered { values, text, .. } in &*RENDERED {
        let objects = objects(text);
        if values["component"] == "target" {
            assert!(of_kind(&objects, "Deployment").is_empty());
            continue;
        }
        let container = container(&objects);
        // Options are read in their order, so what is wrong before it is said instead of the help.
        let mut all = arguments(container);
        all.push("--help".to_owned());
        let output = Command::new(BINARY).args(&all).output().unwrap();
        assert!(
            output.status.success(),
            "{values}: {all:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let locked = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], locked);
        let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "health", "{probe}");
        }
        // Two that write at the same time there must never be.
        let strategy = &of_kind(&objects, "Deployment")[0]["spec"]["strategy"]["type"];
        let elects = all.iter().any(|argument| argument == "--leader-elect");
        assert_eq!(strategy, if elects { "RollingUpdate" } else { "Recreate" });
    }
}

/// Options that no value of the chart gives: the Lease stands where the chart makes the role for it.
const WITHOUT_A_VALUE: [&str; 2] = ["lease-kubeconfig", "lease-namespace"];

/// Nobody who runs the pod has to reach for `extraArgs`.
#[test]
fn every_option_of_run_can_be_set_by_a_value() {
    let output = Command::new(BINARY).args(["run", "--help"]).output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let named = page.lines().filter_map(|line| {
        let line = line.trim_start();
        let long = line.strip_prefix('-')?.split("--").nth(1).or(line.strip_prefix("--"))?;
        long.split([' ', '=', '[']).next().map(str::to_owned)
    });
    let mut options: BTreeSet<String> = named.collect();
    assert!(options.remove("help") && options.remove("version"), "{options:?}");
    assert!(options.len() > 25, "{options:?}");
    let mut given: BTreeSet<String> = WITHOUT_A_VALUE.map(str::to_owned).into();
    for Rendered { values, text, .. } in &*RENDERED {
        if values["component"] == "target" || values.get("extraArgs").is_some() {
            continue;
        }
        let arguments = arguments(container(&objects(text)));
        let long = arguments.iter().filter_map(|argument| argument.strip_prefix("--"));
        given.extend(long.map(|option| option.split('=').next().unwrap_or_default().to_owned()));
    }
    assert_eq!(given, options);
}

fn rules(roles: &[&Value]) -> BTreeMap<String, Value> {
    let named = roles.iter().map(|role| {
        (
            role["metadata"]["name"].as_str().unwrap().to_owned(),
            role["rules"].clone(),
        )
    });
    named.collect()
}

/// Everything that the chart can bind, under the names that are printed, and nothing that is not printed.
#[test]
fn the_roles_are_those_that_are_printed() {
    let printed = Command::new(BINARY).args(["manifests", "rbac"]).output().unwrap();
    let printed = objects(std::str::from_utf8(&printed.stdout).unwrap());
    let printed = rules(&printed.iter().collect::<Vec<_>>());
    let helm = Helm::new();
    let all = json!({
        "sync": {"secrets": true}, "rbac": {"finalizers": true, "writeBack": true, "dependencies": true}, "leaderElection": {"enabled": true},
    });
    let mut rendered = rules(&of_kind(&helm.objects(&all), "ClusterRole"));
    let target = json!({"component": "target", "sync": {"secrets": true}, "rbac": {"dependencies": true}});
    rendered.extend(rules(&of_kind(&helm.objects(&target), "ClusterRole")));
    assert_eq!(rendered, printed);

    // Each is bound, and to the ServiceAccount of the pod.
    let objects = helm.objects(&all);
    for role in of_kind(&objects, "ClusterRole") {
        let name = &role["metadata"]["name"];
        let bindings = objects.iter().filter(|object| object["roleRef"]["name"] == *name);
        let subjects: Vec<_> = bindings.map(|binding| binding["subjects"].clone()).collect();
        let account = json!([{"kind": "ServiceAccount", "namespace": "tmc-system", "name": "tmc-syncer"}]);
        assert_eq!(subjects, [account], "{name}");
    }
    // Under another name everything has that name, the Lease that may be written too.
    let other = json!({"fullnameOverride": "other", "leaderElection": {"enabled": true}});
    let other = helm.template(&other).unwrap();
    assert!(!other.contains("name: tmc-syncer-"), "{other}");
    assert!(other.contains("--lease-name=other"), "{other}");
    assert!(
        of_kind(&self::objects(&other), "ClusterRole")
            .iter()
            .any(|role| { role["rules"].to_string().contains(r#""resourceNames":["other"]"#) })
    );
}

/// A pod that has nothing to ask the cluster for that it runs in gets no token.
#[test]
fn without_need_there_is_no_token() {
    let helm = Helm::new();
    let token = |values: &Value| {
        let objects = helm.objects(values);
        of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"]["automountServiceAccountToken"].clone()
    };
    assert_eq!(token(&json!({})), true);
    let away = json!({"upstream": {"kubeconfig": {"existingSecret": "up"}}});
    assert_eq!(token(&away), true);
    let mut keyed = away.clone();
    keyed["hashKey"] = json!({"existingSecret": "hash"});
    assert_eq!(token(&keyed), false);
}
