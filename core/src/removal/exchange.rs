//! What others put in place of what is desired, where the API server takes neither both nor none of them.

use serde_json::Value;

use super::{PatchOp, for_this_version, removals};
use crate::{
    drift::{Drift, Leaf},
    field_path::{Step, Token},
};

/// The patch that takes the foreign leaves of `drift` out of `live` and puts back what is desired and missing there, in one step, under
/// its UID and resourceVersion (S1); empty if nothing foreign is there.
///
/// A port that became UDP is another item under the same name, and a key that moved from `data` to `binaryData` is in both:
/// an apply beside them is refused, and a Service without the one and without the other is, too.
pub fn exchange_patch(live: &Value, desired: &Value, drift: &Drift) -> Vec<PatchOp> {
    let removals = removals(live, drift.foreign.iter().map(|leaf| &leaf.path));
    if removals.is_empty() {
        return Vec::new();
    }
    // First what is added: at the end of its list it moves nothing that is removed afterwards.
    let additions = drift.taken.iter().filter_map(|leaf| addition(live, desired, leaf));
    for_this_version(live, additions.chain(removals).collect())
}

fn addition(live: &Value, desired: &Value, leaf: &Leaf) -> Option<PatchOp> {
    let value = leaf.path.find(desired).filter(|_| leaf.path.find(live).is_none())?;
    let parent = leaf.path.parent()?;
    let around = Token::pointer(&parent.tokens(live)?);
    let path = match (parent.find(live)?, leaf.path.steps().last()?) {
        (Value::Array(_), _) => format!("{around}/-"),
        (Value::Object(_), Step::Field(name)) => format!("{around}{}", Token::pointer(&[Token::Key(name)])),
        _ => return None,
    };
    Some(PatchOp::Add {
        path,
        value: value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{drift, identity::Gvr, ownership::ManagedEntry};

    fn patch_of(gvr: &Gvr, live: &Value, desired: &Value) -> Value {
        let entries = ManagedEntry::all_of(live);
        let drift = drift::find(gvr, live, &entries, desired, &[]);
        serde_json::to_value(exchange_patch(live, desired, &drift)).unwrap()
    }

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "fieldsV1": fields})
    }

    #[test]
    fn a_port_of_another_protocol_is_exchanged_in_one_step() {
        let ours = json!({"f:spec": {"f:selector": {}}});
        let theirs = json!({"f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"UDP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}},
        }}});
        let live = json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "managedFields": [
                entry("tmc-syncer", "Apply", &ours), entry("kubectl-patch", "Update", &theirs),
            ]},
            "spec": {"ports": [{"name": "p", "port": 80, "protocol": "UDP"}]},
        });
        let port = json!({"name": "p", "port": 80, "protocol": "TCP"});
        let desired = json!({"spec": {"ports": [port]}});
        let expected = json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "add", "path": "/spec/ports/-", "value": port},
            {"op": "remove", "path": "/spec/ports/0"},
        ]);
        assert_eq!(patch_of(&Gvr::new("", "v1", "services"), &live, &desired), expected);
    }

    #[test]
    fn a_key_that_moved_to_another_map_moves_back_in_one_step() {
        let live = json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "managedFields": [
                entry("tmc-syncer", "Apply", &json!({"f:data": {"f:b": {}}})),
                entry("kubectl-patch", "Update", &json!({"f:binaryData": {".": {}, "f:a": {}}})),
            ]},
            "data": {"b": "1"}, "binaryData": {"a": "AA=="},
        });
        let desired = json!({"data": {"a": "1", "b": "1"}});
        let patch = patch_of(&Gvr::new("", "v1", "configmaps"), &live, &desired);
        let ops: Vec<_> = patch.as_array().unwrap()[2..].to_vec();
        assert_eq!(ops[0], json!({"op": "add", "path": "/data/a", "value": "1"}));
        assert!(
            ops[1]["op"] == "remove" && ops[1]["path"].as_str().unwrap().starts_with("/binaryData"),
            "{ops:?}"
        );
        assert_eq!(ops.len(), 2);
    }

    #[test]
    fn without_anything_foreign_there_is_nothing_to_exchange() {
        let live = json!({"metadata": {"uid": "u", "resourceVersion": "7", "managedFields": []}, "data": {}});
        let patch = patch_of(&Gvr::new("", "v1", "configmaps"), &live, &json!({"data": {"a": "1"}}));
        assert_eq!(patch, json!([]));
    }
}
