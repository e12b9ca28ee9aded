//! What the API server fills into the spec of a pod.

use serde_json::{Map, Value, json};

use super::default;

/// Fills in what the spec of a pod leaves open.
pub(crate) fn spec(spec: &mut Map<String, Value>) {
    default(spec, "restartPolicy", "Always");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "securityContext", json!({}));
    default(spec, "schedulerName", "default-scheduler");
    // The old name of the field follows the new one.
    if let Some(name) = spec
        .get("serviceAccountName")
        .or_else(|| spec.get("serviceAccount"))
        .cloned()
    {
        default(spec, "serviceAccountName", name.clone());
        spec.insert("serviceAccount".to_owned(), name);
    }
    for list in ["initContainers", "containers"] {
        for item in items(spec, list) {
            container(item);
        }
    }
    for item in items(spec, "volumes") {
        volume(item);
    }
}

/// The objects of the list `name`.
fn items<'a>(map: &'a mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    map.get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn container(container: &mut Map<String, Value>) {
    default(container, "resources", json!({}));
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let latest = !last.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy);
    for port in items(container, "ports") {
        default(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(reference) = variable
            .get_mut("valueFrom")
            .and_then(|from| from.get_mut("fieldRef"))
            .and_then(Value::as_object_mut)
        {
            default(reference, "apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(name).and_then(Value::as_object_mut) else {
            continue;
        };
        for (field, value) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            default(probe, field, value);
        }
        http_get(probe);
    }
    for name in ["postStart", "preStop"] {
        if let Some(handler) = container
            .get_mut("lifecycle")
            .and_then(|lifecycle| lifecycle.get_mut(name))
            .and_then(Value::as_object_mut)
        {
            http_get(handler);
        }
    }
}

fn http_get(handler: &mut Map<String, Value>) {
    if let Some(get) = handler.get_mut("httpGet").and_then(Value::as_object_mut) {
        default(get, "path", "/");
        default(get, "scheme", "HTTP");
    }
}

fn volume(volume: &mut Map<String, Value>) {
    // A volume without a source is an empty one.
    if volume.keys().all(|name| name == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for name in ["configMap", "secret", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(name).and_then(Value::as_object_mut) {
            default(source, "defaultMode", 420);
        }
    }
    if let Some(host) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
        default(host, "type", "");
    }
    let sources = volume
        .get_mut("projected")
        .and_then(|projected| projected.get_mut("sources"))
        .and_then(Value::as_array_mut);
    for token in sources
        .into_iter()
        .flatten()
        .filter_map(|source| source.get_mut("serviceAccountToken")?.as_object_mut())
    {
        default(token, "expirationSeconds", 3600);
    }
}
