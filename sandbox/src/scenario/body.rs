//! Bodies and changes, drawn at random.

use base64::Engine as _;
use fastrand::Rng;
use serde_json::{Value, json};

use super::Kind;

// === impl Kind ===

impl Kind {
    /// A body of this kind called `name`.
    pub(super) fn body(self, name: &str, chance: &mut Rng) -> Value {
        let labels = json!({"app": name, "tier": chance.choice(["front", "back"])});
        let mut body = json!({
            "apiVersion": self.api_version(),
            "kind": self.name(),
            "metadata": {"name": name, "labels": labels},
        });
        let rest = match self {
            Self::ConfigMap => json!({"data": {"value": word(chance), "fixed": name}}),
            Self::Secret => json!({"type": "Opaque", "data": {"password": secret(chance), "user": base64("admin")}}),
            Self::Service => json!({"spec": {
                "type": if chance.u8(..4) == 0 { "LoadBalancer" } else { "ClusterIP" },
                "selector": {"app": name},
                "ports": ports(chance),
            }}),
            Self::Deployment => json!({"spec": {
                "replicas": chance.u8(1..=4),
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "main", "image": image(chance)}]},
                },
            }}),
        };
        if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
            body.extend(rest);
        }
        body
    }

    /// A change of a field that [`Self::body`] sets, and of no other.
    pub(super) fn change(self, chance: &mut Rng) -> Value {
        match self {
            Self::ConfigMap => json!({"data": {"value": word(chance)}}),
            Self::Secret => json!({"data": {"password": secret(chance)}}),
            Self::Service => json!({"spec": {"selector": {"app": word(chance)}}}),
            Self::Deployment => json!({"spec": {"replicas": chance.u8(1..=9)}}),
        }
    }

    /// What somebody does to a copy: the same, or something added that nobody asked for.
    pub(super) fn drift(self, chance: &mut Rng) -> Value {
        let more = json!({"added": base64(&word(chance))});
        match self {
            Self::ConfigMap | Self::Secret if chance.u8(..3) == 0 => json!({ "data": more }),
            _ => self.change(chance),
        }
    }

    /// A greater change, of more than one field.
    pub(super) fn edit(self, chance: &mut Rng) -> Value {
        let mut edit = self.change(chance);
        let more = match self {
            // The field is there in one edit, gone in another.
            Self::ConfigMap if chance.bool() => Some(("/data", "sometimes", json!(word(chance)))),
            Self::ConfigMap => Some(("/data", "sometimes", Value::Null)),
            Self::Secret => None,
            Self::Service => Some(("/spec", "ports", ports(chance))),
            Self::Deployment => Some(("/spec", "minReadySeconds", json!(chance.u8(..3)))),
        };
        if let Some((at, name, value)) = more
            && chance.bool()
            && let Some(Value::Object(parent)) = edit.pointer_mut(at)
        {
            parent.insert(name.to_owned(), value);
        }
        edit
    }
}

fn word(chance: &mut Rng) -> String {
    const SYLLABLES: [&str; 12] = ["ba", "do", "fi", "ka", "lu", "mo", "ne", "po", "ra", "su", "ti", "we"];
    (0..3).filter_map(|_| chance.choice(SYLLABLES)).collect::<String>() + &chance.u16(..1000).to_string()
}

/// A value that is easily found wherever it should not be (S8).
fn secret(chance: &mut Rng) -> String {
    base64(&format!("{}{:016x}", super::plan::SECRET_STEM, chance.u64(..)))
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn ports(chance: &mut Rng) -> Value {
    let port = chance.u16(8000..9000);
    json!([{"name": "http", "protocol": "TCP", "port": port, "targetPort": port}])
}

fn image(chance: &mut Rng) -> String {
    format!("registry.example/shop:{}.{}", chance.u8(1..5), chance.u8(..20))
}
