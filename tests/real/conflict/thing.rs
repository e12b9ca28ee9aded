//! An object of one of the four kinds with four leaves: one that all sides write, and one for each side alone.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// One of the four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    Service,
    ConfigMap,
    Secret,
}

/// A leaf of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    /// All write it: the image of a Deployment's container, a Service's first port.
    Shared,
    /// Only the upstream's writer does.
    Upstream,
    /// Only east's does.
    East,
    /// Only west's does.
    West,
}

/// An object by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

pub(super) const KINDS: [Kind; 4] = [Kind::Deployment, Kind::Service, Kind::ConfigMap, Kind::Secret];
pub(super) const LEAVES: [Leaf; 4] = [Leaf::Shared, Leaf::Upstream, Leaf::East, Leaf::West];

/// What number zero is as a target port.
const FIRST_PORT: u32 = 1_000;

// === impl Leaf ===

impl Leaf {
    fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Upstream => "upstream",
            Self::East => "east",
            Self::West => "west",
        }
    }

    fn port(self) -> u32 {
        match self {
            Self::Shared => 80,
            Self::Upstream => 81,
            Self::East => 82,
            Self::West => 83,
        }
    }
}

// === impl Thing ===

impl Thing {
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn collection(&self) -> String {
        let (api, resource) = match self.kind {
            Kind::Deployment => ("/apis/apps/v1", "deployments"),
            Kind::Service => ("/api/v1", "services"),
            Kind::ConfigMap => ("/api/v1", "configmaps"),
            Kind::Secret => ("/api/v1", "secrets"),
        };
        format!("{api}/namespaces/{}/{resource}", self.namespace)
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// As it is made: all leaves are zero.
    pub(super) fn body(&self) -> Value {
        let labels = json!({"app": self.name});
        let mut body = match self.kind {
            Kind::Deployment => {
                let env: Vec<_> = LEAVES[1..].iter().map(|leaf| variable(*leaf, 0)).collect();
                json!({"spec": {
                    "replicas": 1, "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "web", "image": image(0), "env": env}]},
                    },
                }})
            }
            Kind::Service => {
                let ports: Vec<_> = LEAVES.iter().map(|leaf| port(*leaf, 0)).collect();
                json!({"spec": {"selector": labels, "ports": ports}})
            }
            Kind::ConfigMap | Kind::Secret => {
                let data = LEAVES.iter().map(|leaf| (leaf.name().to_owned(), self.datum(0)));
                json!({"data": data.collect::<serde_json::Map<_, _>>()})
            }
        };
        body["metadata"] = json!({"name": self.name});
        body
    }

    /// The strategic merge patch that sets `leaf` to the number `value`, or takes it away.
    pub(super) fn patch(&self, leaf: Leaf, value: Option<u32>) -> Value {
        let item = |item: Value, key: &str| match value {
            Some(_) => item,
            None => json!({key: item[key], "$patch": "delete"}),
        };
        let number = value.unwrap_or_default();
        match self.kind {
            Kind::Deployment => {
                let container = match leaf {
                    Leaf::Shared => json!({"name": "web", "image": image(number)}),
                    _ => json!({"name": "web", "env": [item(variable(leaf, number), "name")]}),
                };
                json!({"spec": {"template": {"spec": {"containers": [container]}}}})
            }
            Kind::Service => json!({"spec": {"ports": [item(port(leaf, number), "port")]}}),
            Kind::ConfigMap | Kind::Secret => {
                let datum = value.map_or(Value::Null, |value| self.datum(value));
                json!({"data": {leaf.name(): datum}})
            }
        }
    }

    /// The number that `object` has at `leaf`; none if there is none.
    pub(super) fn value(&self, object: &Value, leaf: Leaf) -> Option<u32> {
        let found = match self.kind {
            Kind::Deployment => {
                let container = &object["spec"]["template"]["spec"]["containers"][0];
                let text = match leaf {
                    Leaf::Shared => container["image"].as_str()?.rsplit(':').next()?,
                    _ => item(&container["env"], "name", &json!(leaf.name()))?["value"].as_str()?,
                };
                text.to_owned()
            }
            Kind::Service => {
                let port = item(&object["spec"]["ports"], "port", &json!(leaf.port()))?;
                return Some(u32::try_from(port["targetPort"].as_u64()?).unwrap() - FIRST_PORT);
            }
            Kind::ConfigMap => object["data"][leaf.name()].as_str()?.to_owned(),
            Kind::Secret => {
                let bytes = BASE64_STANDARD.decode(object["data"][leaf.name()].as_str()?).unwrap();
                String::from_utf8(bytes).unwrap()
            }
        };
        Some(found.parse().unwrap())
    }

    fn datum(&self, value: u32) -> Value {
        match self.kind {
            Kind::Secret => BASE64_STANDARD.encode(value.to_string()).into(),
            _ => value.to_string().into(),
        }
    }
}

fn image(value: u32) -> String {
    format!("example.org/web:{value}")
}

fn variable(leaf: Leaf, value: u32) -> Value {
    json!({"name": leaf.name(), "value": value.to_string()})
}

fn port(leaf: Leaf, value: u32) -> Value {
    json!({"name": leaf.name(), "port": leaf.port(), "protocol": "TCP", "targetPort": FIRST_PORT + value})
}

fn item<'v>(list: &'v Value, key: &str, is: &Value) -> Option<&'v Value> {
    list.as_array()?.iter().find(|item| item[key] == *is)
}
