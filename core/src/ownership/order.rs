//! The order of keyed lists, of which managedFields know nothing.

use serde_json::{Map, Value};
use xxhash_rust::xxh3::Xxh3;

use super::fields::{self, Items};

/// Stands for the order in which `body` has those items of its keyed lists that `fields` (a FieldsV1) owns; 0 where there is nothing to
/// order. What `fields` does not own does not count, so that what was applied and what it came to have the same.
pub fn order_of(fields: &Value, body: &Value) -> u64 {
    let mut order = Order::default();
    order.walk(fields, body);
    order.sum
}

/// Whether a FieldsV1, as text, owns items of keyed lists at all.
pub fn has_keyed_items(fields: &str) -> bool {
    fields.contains("\"k:")
}

/// The names under which `fields`, a node of a FieldsV1, owns items of `list`, in the order of `list`.
pub(crate) fn owned_items<'f>(fields: &'f Map<String, Value>, list: &[Value]) -> Vec<&'f str> {
    let items = Items::of(fields);
    list.iter()
        .filter_map(|item| items.child(item))
        .map(|(name, _)| name)
        .collect()
}

/// An order in the making.
#[derive(Default)]
struct Order {
    /// Where the walk is.
    path: String,
    /// The sum over all lists that have an order.
    sum: u64,
}

// === impl Order ===

impl Order {
    fn walk(&mut self, node: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                for (name, child) in fields::children(node).filter(|(_, child)| !fields::is_leaf(child)) {
                    if let Some(value) = name.strip_prefix("f:").and_then(|name| map.get(name)) {
                        self.step(name, child, value);
                    }
                }
            }
            Value::Array(list) => self.list(node, list),
            _ => {}
        }
    }

    fn list(&mut self, node: &Value, list: &[Value]) {
        let Some(children) = node.as_object() else { return };
        let items = Items::of(children);
        let mut hasher = Xxh3::new();
        hasher.update(self.path.as_bytes());
        let mut owned = 0;
        for item in list {
            let Some((name, child)) = items.child(item).filter(|(name, _)| name.starts_with("k:")) else {
                continue;
            };
            owned += 1;
            hasher.update(name.as_bytes());
            hasher.update(b"\0");
            self.step(name, child, item);
        }
        if owned > 1 {
            self.sum = self.sum.wrapping_add(hasher.digest());
        }
    }

    fn step(&mut self, name: &str, child: &Value, value: &Value) {
        let length = self.path.len();
        self.path.push_str(name);
        self.path.push('\0');
        self.walk(child, value);
        self.path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Value {
        json!({"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:replicas": {}, "f:containers": {
            "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:args": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
                "k:{\"containerPort\":81,\"protocol\":\"UDP\"}": {".": {}, "f:containerPort": {}},
            }},
            "k:{\"name\":\"log\"}": {".": {}, "f:name": {}},
        }}})
    }

    fn body(names: &[&str], ports: &[u32]) -> Value {
        let ports: Vec<_> = ports
            .iter()
            .map(|port| match port {
                81 => json!({"containerPort": 81, "protocol": "UDP"}),
                port => json!({"containerPort": port}),
            })
            .collect();
        let item = |name: &&str| match *name {
            "web" => json!({"name": "web", "ports": ports, "args": ["b", "a"]}),
            name => json!({"name": name, "image": name}),
        };
        json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": names.iter().map(item).collect::<Vec<_>>()}})
    }

    #[test]
    fn only_the_order_of_what_is_owned_counts() {
        let before = order_of(&fields(), &body(&["web", "log"], &[80, 81]));
        for (names, ports, same) in [
            (&["web", "log"][..], &[80, 81][..], true),
            (&["other", "web", "more", "log"], &[80, 90, 81], true),
            (&["log", "web"], &[80, 81], false),
            (&["web", "log"], &[81, 80], false),
        ] {
            let after = order_of(&fields(), &body(names, ports));
            assert_eq!(after == before, same, "{names:?} {ports:?}");
        }
    }

    #[test]
    fn where_there_is_nothing_to_order_it_is_nothing() {
        let data = json!({"f:data": {"f:b": {}, "f:a": {}}});
        assert_eq!(order_of(&data, &json!({"data": {"a": "1", "b": "2"}})), 0);
        assert_eq!(order_of(&fields(), &body(&["log"], &[])), 0);
        assert!(has_keyed_items(&fields().to_string()) && !has_keyed_items(&data.to_string()));
    }
}
