//! What a path names in an object: finding, setting, removing.
//!
//! Items of lists are selected, never made: a policy covers many objects, and most of them have no container `web`. So a
//! selector that matches nothing is no error; a value where an object or a list has to be is one.

use serde_json::{Map, Value};

use super::{Path, Step, meets::is_written};

/// Why a value cannot be set: something else stands on the way. Names the path, never a value (S8).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at} is no {expected}")]
pub struct EditError {
    /// What stands on the way.
    pub at: Path,
    /// What has to be there.
    pub expected: &'static str,
}

// === impl Path ===

impl Path {
    /// The places that it names in `object` now, as JSON pointers (RFC 6901).
    pub fn locate(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        locate(object, self.steps(), &mut String::new(), &mut found);
        found
    }

    /// Sets `value` wherever it names, and makes the members that lead there.
    pub fn set(&self, object: &mut Value, value: &Value) -> Result<(), EditError> {
        set(object, self.steps(), value).map_err(|(left, expected)| EditError {
            at: Self::new(self.steps().iter().take(self.steps().len() - left).cloned().collect()),
            expected,
        })
    }

    /// Removes whatever it names. What is not there is gone already.
    pub fn remove(&self, object: &mut Value) {
        remove(object, self.steps());
    }
}

// === impl Step ===

impl Step {
    /// Whether it selects the item `item` at `index` of a list.
    fn selects(&self, index: usize, item: &Value) -> bool {
        match self {
            Self::Key(_) => false,
            Self::Index(wanted) => *wanted == index,
            Self::Every => true,
            Self::Where(conditions) => conditions
                .iter()
                .all(|(key, wanted)| item.get(&**key).is_some_and(|found| is_written(found, wanted))),
        }
    }
}

fn locate(here: &Value, steps: &[Step], pointer: &mut String, found: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(pointer.clone());
        return;
    };
    let length = pointer.len();
    match (step, here) {
        (Step::Key(key), Value::Object(members)) => {
            if let Some(member) = members.get(&**key) {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                locate(member, rest, pointer, found);
            }
        }
        (_, Value::Array(items)) => {
            for (index, item) in items
                .iter()
                .enumerate()
                .filter(|(index, item)| step.selects(*index, item))
            {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                locate(item, rest, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    pointer.truncate(length);
}

/// On an error: how many steps were left where something else stands, and what has to be there.
fn set(here: &mut Value, steps: &[Step], value: &Value) -> Result<(), (usize, &'static str)> {
    let Some((step, rest)) = steps.split_first() else {
        value.clone_into(here);
        return Ok(());
    };
    match (step, here) {
        (Step::Key(key), Value::Object(members)) => set_member(members, key, rest, value),
        (Step::Key(_), _) => Err((steps.len(), "object")),
        (_, Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if step.selects(index, item) {
                    set(item, rest, value)?;
                }
            }
            Ok(())
        }
        (_, Value::Null) => Ok(()),
        _ => Err((steps.len(), "list")),
    }
}

fn set_member(
    members: &mut Map<String, Value>,
    key: &str,
    rest: &[Step],
    value: &Value,
) -> Result<(), (usize, &'static str)> {
    match members.get_mut(key) {
        Some(member) if !member.is_null() => return set(member, rest, value),
        _ => {}
    }
    let mut made = value.clone();
    for step in rest.iter().rev() {
        let Step::Key(key) = step else {
            return Ok(());
        };
        made = Value::Object(Map::from_iter([(key.to_string(), made)]));
    }
    members.insert(key.to_owned(), made);
    Ok(())
}

fn remove(here: &mut Value, steps: &[Step]) {
    let Some((step, rest)) = steps.split_first() else {
        return;
    };
    match (step, here) {
        (Step::Key(key), Value::Object(members)) if rest.is_empty() => {
            members.remove(&**key);
        }
        (Step::Key(key), Value::Object(members)) => {
            if let Some(member) = members.get_mut(&**key) {
                remove(member, rest);
            }
        }
        (_, Value::Array(items)) if rest.is_empty() => {
            let mut index = 0;
            items.retain(|item| {
                index += 1;
                !step.selects(index - 1, item)
            });
        }
        (_, Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                if step.selects(index, item) {
                    remove(item, rest);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod() -> Value {
        json!({"spec": {"containers": [
            {"name": "web", "image": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]},
            {"name": "log", "image": "b"},
        ], "hostNetwork": false, "nodeSelector": null}})
    }

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn setting_makes_members_and_selects_items() {
        let cases = [
            ("spec.hostNetwork", json!({"/spec/hostNetwork": 1})),
            ("spec.nodeSelector.zone", json!({"/spec/nodeSelector": {"zone": 1}})),
            (
                "metadata.annotations[\"a.b/c\"]",
                json!({"/metadata": {"annotations": {"a.b/c": 1}}}),
            ),
            (
                "spec.containers[name=web].image",
                json!({"/spec/containers/0/image": 1}),
            ),
            (
                "spec.containers[*].image",
                json!({"/spec/containers/0/image": 1, "/spec/containers/1/image": 1}),
            ),
            ("spec.containers[1].env", json!({"/spec/containers/1/env": 1})),
            (
                "spec.containers[*].ports[containerPort=80,protocol=TCP].name",
                json!({"/spec/containers/0/ports/0/name": 1}),
            ),
            ("spec.containers[name=gone].image", json!({})),
            ("spec.containers[99999999999].image", json!({})),
            ("spec.volumes[name=x].y", json!({})),
            ("spec.nodeSelector[0]", json!({})),
        ];
        for (text, expected) in cases {
            let mut object = pod();
            path(text).set(&mut object, &json!(1)).unwrap();
            let mut undone = object.clone();
            for (pointer, value) in expected.as_object().unwrap() {
                assert_eq!(object.pointer(pointer), Some(value), "{text}");
            }
            if expected.as_object().unwrap().is_empty() {
                assert_eq!(object, pod(), "{text}");
            }
            path(text).remove(&mut undone);
            assert!(path(text).locate(&undone).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_stands_on_the_way_is_named() {
        let cases = [
            ("spec.hostNetwork.x.y", "spec.hostNetwork is no object"),
            ("spec.containers.x", "spec.containers is no object"),
            ("spec[0].x", "spec is no list"),
            ("spec.containers[*].image[0]", "spec.containers[*].image is no list"),
        ];
        for (text, message) in cases {
            let error = path(text).set(&mut pod(), &json!(1)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn removing_takes_what_is_named_and_no_more() {
        let mut object = pod();
        path("spec.containers[name=log]").remove(&mut object);
        path("spec.containers[*].ports").remove(&mut object);
        path("spec.hostNetwork.deeper").remove(&mut object);
        path("spec[0]").remove(&mut object);
        path("nothing.here").remove(&mut object);
        assert_eq!(
            object,
            json!({"spec": {"containers": [{"name": "web", "image": "a"}], "hostNetwork": false, "nodeSelector": null}})
        );
    }

    #[test]
    fn places_are_json_pointers() {
        let object = json!({"m": {"a/b~c": [{"n": 1}, {"n": 2}]}});
        assert_eq!(
            path("m[\"a/b~c\"][*].n").locate(&object),
            ["/m/a~1b~0c/0/n", "/m/a~1b~0c/1/n"]
        );
        assert_eq!(path("m[\"a/b~c\"][n=2]").locate(&object), ["/m/a~1b~0c/1"]);
    }
}
