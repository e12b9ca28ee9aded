//! Values that the API server sets itself: who owns them, by having made the object, added nothing, and a removal would
//! only bring them back.

use serde_json::{Value, json};

use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// Groups whose defaults are known here; custom resources name their own.
const GROUPS: [&str; 3] = ["", "apps", "batch"];

/// Whether `value` at `path`, in `parent`, is what the API server sets where nothing is given. Not complete, and does not have to be:
/// what is missing here is removed once, reappears, and is remembered.
pub(super) fn is_default(gvr: &Gvr, path: &FieldPath, value: &Value, parent: &Value) -> bool {
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
        Value::String(text) if &**name == "imagePullPolicy" => {
            let image = parent.get("image").and_then(Value::as_str);
            image.is_some_and(|image| text == pull_policy(image))
        }
        Value::String(text) => is_default_text(name, text),
        Value::Number(number) => number.as_i64().is_some_and(|number| is_default_number(name, number)),
        Value::Bool(true) => &**name == "allocateLoadBalancerNodePorts",
        Value::Object(map) if map.is_empty() => matches!(&**name, "resources" | "securityContext" | "emptyDir"),
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

/// What the API server makes of an image: what is not fixed by a tag or digest is pulled every time.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or(image);
    match (last.contains('@'), last.rsplit_once(':')) {
        (false, None | Some((_, "latest"))) => "Always",
        _ => "IfNotPresent",
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_image() {
        let cases = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx:1.27", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
        ];
        for (image, policy) in cases {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
