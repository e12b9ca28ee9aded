//! The API server's own kinds.

use serde_json::Value;

use super::{ListKind, MapKind};
use crate::{
    field_path::{FieldPath, Step},
    identity::Gvr,
};

/// Handlers of which a probe or a lifecycle hook has one.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];
/// Structs that are replaced as a whole: references, selectors.
const ATOMIC: [&str; 14] = [
    "claimRef",
    "configMapKeyRef",
    "configMapRef",
    "fieldRef",
    "fileKeyRef",
    "labelSelector",
    "namespaceSelector",
    "nodeSelector",
    "objectSelector",
    "podSelector",
    "resourceFieldRef",
    "secretKeyRef",
    "secretRef",
    "selector",
];
/// Structs of which one field says what else they may have, or of which exactly one field is set.
const WHOLE_UNIONS: [&str; 7] = [
    "appArmorProfile",
    "backend",
    "defaultBackend",
    "seccompProfile",
    "strategy",
    "updateStrategy",
    "valueFrom",
];

/// How the list at `path` is told apart.
pub(super) fn list(gvr: &Gvr, path: &FieldPath) -> ListKind {
    let Some(Step::Field(name)) = path.steps().last() else {
        return ListKind::Atomic;
    };
    let by = |key: &'static str| ListKind::keyed([(key, None)]);
    let tcp = || Some(Value::from("TCP"));
    match &**name {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "resourceClaims"
        | "schedulingGates"
        | "webhooks"
        | "claims" => by("name"),
        // Of a pod; a ServiceAccount's is one value.
        "imagePullSecrets" if path.len() > 1 => by("name"),
        "secrets" if path.len() == 1 => by("name"),
        "volumeMounts" => by("mountPath"),
        "volumeDevices" => by("devicePath"),
        "hostAliases" => by("ip"),
        "ownerReferences" => by("uid"),
        "finalizers" if path.len() == 2 => ListKind::Set,
        "topologySpreadConstraints" => ListKind::keyed([("topologyKey", None), ("whenUnsatisfiable", None)]),
        "ports" if is_of_container(path) => ListKind::keyed([("containerPort", None), ("protocol", tcp())]),
        "ports" if gvr.resource() == "services" => ListKind::keyed([("port", None), ("protocol", tcp())]),
        _ => ListKind::Atomic,
    }
}

/// How the struct or map at `path` is replaced.
pub(super) fn map(path: &FieldPath) -> MapKind {
    match path.steps().last() {
        Some(Step::Field(name)) if path.len() > 1 && (ATOMIC.contains(&&**name) || WHOLE_UNIONS.contains(&&**name)) => {
            MapKind::Atomic
        }
        _ => MapKind::Granular,
    }
}

/// The union of which the field `name` of the struct at `path` is an arm.
pub(super) fn union(gvr: &Gvr, path: &FieldPath, name: &str) -> Option<&'static str> {
    let mut steps = path.steps().iter().rev();
    match (steps.next()?, steps.next()) {
        (Step::Item(_), Some(Step::Field(list))) => match (&**list, name) {
            ("volumes", name) if name != "name" => Some("source"),
            ("env", "value" | "valueFrom") => Some("value"),
            _ => None,
        },
        (Step::Field(field), _) => match &**field {
            "livenessProbe" | "readinessProbe" | "startupProbe" | "postStart" | "preStop" => {
                HANDLERS.contains(&name).then_some("handler")
            }
            "spec" if gvr.resource() == "services" => {
                matches!(name, "sessionAffinity" | "sessionAffinityConfig").then_some("sessionAffinity")
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_of_container(path: &FieldPath) -> bool {
    match path.steps() {
        [.., Step::Field(list), Step::Item(_), Step::Field(_)] => {
            matches!(&**list, "containers" | "initContainers" | "ephemeralContainers")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[&str]) -> FieldPath {
        let mut path = FieldPath::default();
        for step in steps {
            path.push(match step.strip_prefix('#') {
                Some(name) => Step::item("name", name),
                None => Step::Field((*step).into()),
            });
        }
        path
    }

    #[test]
    fn lists_of_built_in_kinds_have_the_keys_of_the_api() {
        let deployment = Gvr::new("apps", "v1", "deployments");
        let service = Gvr::new("", "v1", "services");
        let keys = |gvr: &Gvr, steps: &[&str]| match list(gvr, &path(steps)) {
            ListKind::Keyed(keys) => keys
                .iter()
                .map(|key| key.name.to_string())
                .collect::<Vec<_>>()
                .join(","),
            ListKind::Set => "set".to_owned(),
            ListKind::Atomic => "atomic".to_owned(),
        };
        let pod = |steps: &[&'static str]| [&["spec", "template", "spec"], steps].concat();
        let cases = [
            (&deployment, pod(&["containers"]), "name"),
            (&deployment, pod(&["containers", "#web", "env"]), "name"),
            (
                &deployment,
                pod(&["containers", "#web", "ports"]),
                "containerPort,protocol",
            ),
            (&deployment, pod(&["containers", "#web", "args"]), "atomic"),
            (&deployment, pod(&["containers", "#web", "volumeMounts"]), "mountPath"),
            (&deployment, pod(&["volumes"]), "name"),
            (&deployment, pod(&["tolerations"]), "atomic"),
            (&deployment, pod(&["imagePullSecrets"]), "name"),
            (&service, vec!["spec", "ports"], "port,protocol"),
            (&service, vec!["spec", "externalIPs"], "atomic"),
            (&service, vec!["imagePullSecrets"], "atomic"),
        ];
        for (gvr, steps, expected) in cases {
            assert_eq!(keys(gvr, &steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn one_of_its_fields_makes_a_union() {
        let gvr = Gvr::new("apps", "v1", "deployments");
        let cases = [
            (&["spec", "volumes", "#v"][..], "emptyDir", Some("source")),
            (&["spec", "volumes", "#v"], "name", None),
            (&["spec", "containers", "#c", "env", "#A"], "valueFrom", Some("value")),
            (
                &["spec", "containers", "#c", "livenessProbe"],
                "httpGet",
                Some("handler"),
            ),
            (&["spec", "containers", "#c", "livenessProbe"], "periodSeconds", None),
        ];
        for (steps, name, expected) in cases {
            assert_eq!(union(&gvr, &path(steps), name), expected, "{steps:?} {name}");
        }
        assert_eq!(map(&path(&["spec", "strategy"])), MapKind::Atomic);
        assert_eq!(map(&path(&["spec", "selector"])), MapKind::Atomic);
        assert_eq!(
            map(&path(&["data", "selector"])),
            MapKind::Atomic,
            "a text has no fields"
        );
    }
}
