//! One step of a field path.

use std::fmt;

use serde_json::{Map, Value};

use crate::schema::ListKeys;

/// One step of a field path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// A field of a map: `f:`.
    Field(Box<str>),
    /// An item of a keyed list, by its keys as canonical JSON: `k:`.
    Key(Box<str>),
    /// An item of a set, by its value as canonical JSON: `v:`.
    Value(Box<str>),
    /// An item by its position: `i:`.
    Index(i64),
}

// === impl Element ===

impl Element {
    /// The step to the field `name`.
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// The step to the list item `item`, or what keeps it from having one.
    pub(crate) fn of_item(keys: &ListKeys, item: &Value) -> Result<Self, String> {
        match keys {
            ListKeys::Set if item.is_object() || item.is_array() => {
                Err("associative lists of sets may only have scalar values".to_owned())
            }
            ListKeys::Set | ListKeys::Atomic => Ok(Self::Value(canonical(item))),
            ListKeys::Map(keys) => {
                let Value::Object(map) = item else {
                    return Err("associative list with keys may not have non-map elements".to_owned());
                };
                let mut found = Map::new();
                for key in keys {
                    let own = map.get(&*key.name).filter(|value| !value.is_null());
                    if let Some(value) = own.or(key.default.as_ref()) {
                        found.insert(key.name.to_string(), value.clone());
                    }
                }
                if found.is_empty() {
                    let names: Vec<&str> = keys.iter().map(|key| &*key.name).collect();
                    return Err(format!(
                        "associative list with keys has an element that omits all key fields {names:?} (and doesn't have default values for any key fields)"
                    ));
                }
                Ok(Self::Key(canonical(&Value::Object(found))))
            }
        }
    }

    /// The form in `fieldsV1`.
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(key) => format!("k:{key}"),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads the form in `fieldsV1`.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let (form, rest) = text.split_once(':')?;
        match form {
            "f" => Some(Self::Field(rest.into())),
            "k" => serde_json::from_str(rest)
                .ok()
                .map(|value: Value| Self::Key(canonical(&value))),
            "v" => serde_json::from_str(rest)
                .ok()
                .map(|value: Value| Self::Value(canonical(&value))),
            "i" => rest.parse().ok().map(Self::Index),
            _ => None,
        }
    }
}

/// As a path of an error message shows it: `.name`, `[key="value"]`, `[="value"]`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) => {
                let keys: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
                f.write_str("[")?;
                for (at, (name, value)) in keys.iter().enumerate() {
                    write!(f, "{}{name}={value}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
        }
    }
}

/// JSON with sorted keys, whatever order the map type keeps.
fn canonical(value: &Value) -> Box<str> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(",")).into()
        }
        other => other.to_string().into(),
    }
}
