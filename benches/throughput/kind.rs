//! The kinds of objects that are measured.

use serde_json::{Value, json};
use syncer_clusters::Object;
use syncer_core::{Gvr, ResourceType, Scope};

/// A kind of object, with one field, its *mark*, by which its versions are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 1.2 kB each.
    ConfigMaps,
    /// 1.5 kB each; no controllers run.
    Deployments,
}

// === impl Kind ===

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::ConfigMaps, Self::Deployments];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConfigMaps => "configmaps",
            Self::Deployments => "deployments",
        }
    }

    /// How many objects a turn has.
    pub(crate) fn objects(self) -> usize {
        match self {
            Self::ConfigMaps => 2_000,
            Self::Deployments => 500,
        }
    }

    pub(crate) fn resource(self) -> ResourceType {
        let (group, kind) = match self {
            Self::ConfigMaps => ("", "ConfigMap"),
            Self::Deployments => ("apps", "Deployment"),
        };
        ResourceType {
            gvr: Gvr::new(group, "v1", self.name()),
            kind: kind.into(),
            scope: Scope::Namespaced,
        }
    }

    /// The path of an object of this kind.
    pub(crate) fn path(self, namespace: &str, name: &str) -> String {
        let root = match self {
            Self::ConfigMaps => "/api/v1",
            Self::Deployments => "/apis/apps/v1",
        };
        format!("{root}/namespaces/{namespace}/{}/{name}", self.name())
    }

    /// An object as a user writes it.
    pub(crate) fn body(self, name: &str) -> Value {
        let metadata = json!({"name": name, "labels": {"app": name}});
        match self {
            Self::ConfigMaps => json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": {"mark": "0", "settings": "x".repeat(1_000)},
            }),
            Self::Deployments => json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {
                    "replicas": 3,
                    "minReadySeconds": 0,
                    // It has to be above any mark.
                    "progressDeadlineSeconds": 1_000_000,
                    "selector": {"matchLabels": {"app": name}},
                    "template": {
                        "metadata": {"labels": {"app": name}},
                        "spec": {"containers": [{
                            "name": "web",
                            "image": "registry.example.org/team/web:1.2.3",
                            "args": ["--verbose", "--listen=:8080"],
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "env": [{"name": "LEVEL", "value": "info"}, {"name": "REGION", "value": "eu-west"}],
                            "resources": {
                                "requests": {"cpu": "100m", "memory": "128Mi"},
                                "limits": {"cpu": "1", "memory": "256Mi"},
                            },
                            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                            "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                        }],
                        "volumes": [{"name": "scratch", "emptyDir": {}}]},
                    },
                },
            }),
        }
    }

    /// The merge patch that gives an object the mark `mark`.
    pub(crate) fn marking(self, mark: u64) -> Value {
        match self {
            Self::ConfigMaps => json!({"data": {"mark": mark.to_string()}}),
            Self::Deployments => json!({"spec": {"minReadySeconds": mark}}),
        }
    }

    /// The merge patch that gives an object the status of one that is complete; none for a kind without status.
    pub(crate) fn status(self) -> Option<Value> {
        let status = json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3});
        match self {
            Self::ConfigMaps => None,
            Self::Deployments => Some(json!({"status": status})),
        }
    }

    /// The mark that `object` shows.
    pub(crate) fn mark(self, object: &Object) -> u64 {
        let member = match self {
            Self::ConfigMaps => object.member("data"),
            Self::Deployments => object.member("spec"),
        };
        let member: Value = member
            .and_then(|member| serde_json::from_str(member.get()).ok())
            .unwrap_or_default();
        match self {
            Self::ConfigMaps => member["mark"].as_str().and_then(|mark| mark.parse().ok()),
            Self::Deployments => member["minReadySeconds"].as_u64(),
        }
        .unwrap_or_default()
    }
}
