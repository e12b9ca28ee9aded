//! Values that the API server sets itself: who owns them, by having made the object, added nothing, and a removal would
//! only bring them back.

use serde_json::{Value, json};

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// Groups whose defaults are known here; custom resources name their own.
const GROUPS: [&str; 3] = ["", "apps", "batch"];

/// Whether `value` at `path` is what the API server sets where nothing is given. Not complete, and does not have to be:
/// what is missing here is removed once, reappears, and is remembered.
pub(super) fn is_default(gvr: &Gvr, path: &FieldPath, value: &Value) -> bool {
    let [Step::Field(member), within @ ..] = path.steps() else {
        return false;
    };
    if !GROUPS.contains(&gvr.group()) {
        return false;
    }
    let Some((Step::Field(name), around)) = within.split_last() else {
        return gvr.resource() == "secrets" && &**member == "type" && *value == "Opaque";
    };
    // Data is whatever somebody put there; and of an init container, `restartPolicy` makes a sidecar.
    let of_item = matches!(around.last(), Some(Step::Item(_)));
    if !matches!(&**member, "spec" | "template") || (of_item && &**name == "restartPolicy") {
        return false;
    }
    match value {
        Value::String(text) => is_default_text(name, text),
        Value::Number(number) => number.as_i64().is_some_and(|number| is_default_number(name, number)),
        Value::Bool(true) => &**name == "allocateLoadBalancerNodePorts",
        Value::Object(map) if map.is_empty() => matches!(&**name, "resources" | "securityContext"),
        Value::Object(_) => is_default_struct(name, value),
        _ => false,
    }
}

fn is_default_text(name: &str, text: &str) -> bool {
    matches!(
        (name, text),
        ("dnsPolicy", "ClusterFirst")
            | ("restartPolicy", "Always")
            | ("schedulerName", "default-scheduler")
            | ("terminationMessagePath", "/dev/termination-log")
            | ("terminationMessagePolicy", "File")
            | ("path", "/")
            | ("scheme", "HTTP")
            | ("protocol", "TCP")
            | ("apiVersion", "v1")
            | ("sessionAffinity", "None")
            | ("internalTrafficPolicy" | "externalTrafficPolicy", "Cluster")
            | ("type", "ClusterIP" | "RollingUpdate")
            | ("podManagementPolicy", "OrderedReady")
    )
}

fn is_default_number(name: &str, number: i64) -> bool {
    matches!(
        (name, number),
        ("progressDeadlineSeconds", 600)
            | ("revisionHistoryLimit" | "periodSeconds", 10)
            | ("terminationGracePeriodSeconds", 30)
            | (
                "timeoutSeconds" | "successThreshold" | "replicas" | "completions" | "parallelism",
                1
            )
            | ("backoffLimit", 6)
            | ("failureThreshold", 3)
            | ("defaultMode", 420)
    )
}

fn is_default_struct(name: &str, value: &Value) -> bool {
    let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
    match name {
        "rollingUpdate" => *value == rolling || *value == json!({"partition": 0}),
        "strategy" => *value == json!({"type": "RollingUpdate", "rollingUpdate": rolling}),
        "updateStrategy" => *value == json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        _ => false,
    }
}
