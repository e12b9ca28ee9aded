//! What a person does with kubectl to one leaf of an object.

use serde_json::{Value, json};

use super::kind::{Kind, secret};
use crate::conflict::stage::{Side, Stage};

/// How one leaf is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `kubectl edit`.
    Edit,
    /// `kubectl patch`.
    Patch,
    /// `kubectl apply --server-side --field-manager=other --force-conflicts`.
    Apply,
    /// `kubectl scale`.
    Scale,
    /// `kubectl set image`, `kubectl set selector`.
    Set,
    /// `kubectl label --overwrite`.
    Label,
    /// `kubectl annotate --overwrite`.
    Annotate,
}

/// An object, on which a person works.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// A leaf: where it is, how verdicts call it (the end of it), and where managedFields have it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) pointer: &'static str,
    pub(super) path: &'static str,
    pub(super) fields: &'static str,
}

const LABEL: Leaf = Leaf {
    pointer: "/metadata/labels/team",
    path: "metadata.labels.team",
    fields: "/f:metadata/f:labels/f:team",
};
const ANNOTATION: Leaf = Leaf {
    pointer: "/metadata/annotations/example.org~1note",
    path: "metadata.annotations.example.org/note",
    fields: "/f:metadata/f:annotations/f:example.org~1note",
};
const REPLICAS: Leaf = Leaf {
    pointer: "/spec/replicas",
    path: "spec.replicas",
    fields: "/f:spec/f:replicas",
};
const DEADLINE: Leaf = Leaf {
    pointer: "/spec/progressDeadlineSeconds",
    path: "spec.progressDeadlineSeconds",
    fields: "/f:spec/f:progressDeadlineSeconds",
};
const IMAGE: Leaf = Leaf {
    pointer: "/spec/template/spec/containers/0/image",
    path: "spec.template.spec.containers[name=web].image",
    fields: "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"web\"}/f:image",
};
const SELECTOR: Leaf = Leaf {
    pointer: "/spec/selector",
    path: "spec.selector",
    fields: "/f:spec/f:selector",
};
const PORT: Leaf = Leaf {
    pointer: "/spec/ports/0/targetPort",
    path: ".targetPort",
    fields: "/f:spec/f:ports/k:{\"port\":80,\"protocol\":\"TCP\"}/f:targetPort",
};
const DATA: Leaf = Leaf {
    pointer: "/data/a",
    path: "data.a",
    fields: "/f:data/f:a",
};

// === impl Way ===

impl Way {
    /// The ways that there are for a kind.
    pub(super) fn all(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Deployment => &[
                Self::Edit,
                Self::Patch,
                Self::Apply,
                Self::Scale,
                Self::Set,
                Self::Label,
                Self::Annotate,
            ],
            Kind::Service => &[
                Self::Edit,
                Self::Patch,
                Self::Apply,
                Self::Set,
                Self::Label,
                Self::Annotate,
            ],
            Kind::ConfigMap | Kind::Secret => &[Self::Edit, Self::Patch, Self::Apply, Self::Label, Self::Annotate],
        }
    }

    /// The leaf that it changes.
    pub(super) fn leaf(self, kind: Kind) -> Leaf {
        match (self, kind) {
            (Self::Label, _) => LABEL,
            (Self::Annotate, _) => ANNOTATION,
            (Self::Apply | Self::Scale, Kind::Deployment) => REPLICAS,
            (Self::Patch, Kind::Deployment) => DEADLINE,
            (_, Kind::Deployment) => IMAGE,
            (Self::Set, Kind::Service) => SELECTOR,
            (_, Kind::Service) => PORT,
            (_, Kind::ConfigMap | Kind::Secret) => DATA,
        }
    }

    /// The `n`th value of that leaf; the one at first is the 0th.
    pub(super) fn value(self, kind: Kind, n: u32) -> Value {
        let text = format!("v{n}");
        match (self, kind) {
            (Self::Label | Self::Annotate, _) | (_, Kind::ConfigMap) => json!(text),
            (Self::Apply | Self::Scale, Kind::Deployment) => json!(n + 1),
            (Self::Patch, Kind::Deployment) => json!(600 + n),
            (_, Kind::Deployment) => json!(format!("example.org/web:{text}")),
            (Self::Set, Kind::Service) => json!({"app": text}),
            (_, Kind::Service) => json!(9000 + n),
            (_, Kind::Secret) => secret(&text),
        }
    }

    /// Changes the leaf of `object` on `side` from its `from`th value to its `to`th.
    #[track_caller]
    pub(super) fn change(self, stage: &Stage, side: Side, object: &Object, from: u32, to: u32) {
        let Object { kind, name } = object;
        let of = format!("{}/{name}", kind.resource());
        let plain = |n: u32| match self.value(*kind, n) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match self {
            Self::Edit => {
                let field = match kind {
                    Kind::Deployment => "image",
                    Kind::Service => "targetPort",
                    Kind::ConfigMap | Kind::Secret => "a",
                };
                let line = |n: u32| format!("{field}: {}", plain(n));
                side.edit(stage.namespace(), &of, &format!("{}$", line(from)), &line(to));
            }
            Self::Patch => {
                let value = self.value(*kind, to);
                let patch = match kind {
                    Kind::Deployment => json!({"spec": {"progressDeadlineSeconds": value}}),
                    Kind::Service => json!({"spec": {"ports": [{"port": 80, "targetPort": value}]}}),
                    Kind::ConfigMap | Kind::Secret => json!({"data": {"a": value}}),
                };
                on(stage, side, &["patch", &of, "-p", &patch.to_string()]);
            }
            Self::Apply => {
                let value = self.value(*kind, to);
                let mut body = match kind {
                    Kind::Deployment => json!({"spec": {"replicas": value}}),
                    Kind::Service => json!({"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": value}]}}),
                    Kind::ConfigMap | Kind::Secret => json!({"data": {"a": value}}),
                };
                body["apiVersion"] = json!(kind.api_version());
                body["kind"] = json!(kind.name());
                body["metadata"] = json!({"name": name});
                let file = stage.file(&format!("{}-{name}-{side:?}.json", kind.resource()), &body.to_string());
                let file = file.display().to_string();
                let other = ["--server-side", "--field-manager=other", "--force-conflicts"];
                on(stage, side, &[&["apply", "-f", &file], &other[..]].concat());
            }
            Self::Scale => on(stage, side, &["scale", &of, &format!("--replicas={}", plain(to))]),
            Self::Set if *kind == Kind::Service => {
                on(stage, side, &["set", "selector", &of, &format!("app=v{to}")]);
            }
            Self::Set => on(stage, side, &["set", "image", &of, &format!("web={}", plain(to))]),
            Self::Label => on(stage, side, &["label", &of, &format!("team=v{to}"), "--overwrite"]),
            Self::Annotate => {
                on(
                    stage,
                    side,
                    &["annotate", &of, &format!("example.org/note=v{to}"), "--overwrite"],
                );
            }
        }
    }
}

/// Runs kubectl in the stage's namespace.
#[track_caller]
pub(super) fn on(stage: &Stage, side: Side, arguments: &[&str]) {
    side.kubectl(&[&["-n", stage.namespace()], arguments].concat());
}
