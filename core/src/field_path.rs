//! Where a field is: a path that survives a change of order in the lists on its way.

use std::fmt;

use serde_json::{Map, Value};

/// The way from the root of an object to one of its fields. Names and keys only, never the value there (S8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into the field of an object, or the entry of a map.
    Field(Box<str>),
    /// To the item of a keyed list that has these values.
    Item(Map<String, Value>),
    /// To the item of a set that is this value.
    Element(Value),
    /// To the item of a list without keys, counted from 0.
    Index(usize),
}

/// A step in terms of the object at hand, as a JSON pointer takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Token<'a> {
    Index(usize),
    Key(&'a str),
}

// === impl FieldPath ===

impl FieldPath {
    /// The path through these fields of objects within objects.
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self(fields.into_iter().map(|field| Step::Field(field.into())).collect())
    }

    /// Its steps, from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// What is there in `root`.
    pub fn find<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| step.get(value))
    }

    /// The steps as they are in `root` at this moment; `None` if nothing is there.
    pub(crate) fn tokens(&self, root: &Value) -> Option<Vec<Token<'_>>> {
        let mut value = root;
        let mut tokens = Vec::with_capacity(self.0.len());
        for step in &self.0 {
            let parent = value;
            value = step.get(value)?;
            tokens.push(step.token(parent)?);
        }
        Some(tokens)
    }

    /// The path to what it is in; `None` at the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.to_vec()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

/// `spec.template.spec.containers[name=web].image`.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 && matches!(step, Step::Field(_)) {
                f.write_str(".")?;
            }
            fmt::Display::fmt(step, f)?;
        }
        Ok(())
    }
}

// === impl Step ===

impl Step {
    /// The item of a list whose `key` is `value`.
    pub fn item(key: &str, value: impl Into<Value>) -> Self {
        Self::Item([(key.to_owned(), value.into())].into_iter().collect())
    }

    /// What is there in `parent`.
    pub(crate) fn get<'v>(&self, parent: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(name) => parent.get(&**name),
            Self::Item(_) | Self::Element(_) | Self::Index(_) => parent.get(self.index_in(parent)?),
        }
    }

    /// The same, to be changed.
    pub(crate) fn get_mut<'v>(&self, parent: &'v mut Value) -> Option<&'v mut Value> {
        match self {
            Self::Field(name) => parent.get_mut(&**name),
            Self::Item(_) | Self::Element(_) | Self::Index(_) => {
                let index = self.index_in(parent)?;
                parent.get_mut(index)
            }
        }
    }

    /// Takes out of `parent` what it leads to, if anything is there.
    pub(crate) fn remove(&self, parent: &mut Value) {
        let index = self.index_in(parent);
        match (self, parent, index) {
            (Self::Field(name), Value::Object(members), _) => drop(members.remove(&**name)),
            (_, Value::Array(items), Some(index)) => drop(items.remove(index)),
            _ => {}
        }
    }

    /// Whether it leads to `item` of a list, wherever in the list that is.
    pub(crate) fn leads_to(&self, item: &Value) -> bool {
        match self {
            Self::Item(key) => has_key(key, item),
            Self::Element(element) => item == element,
            Self::Field(_) | Self::Index(_) => false,
        }
    }

    fn token<'a>(&'a self, parent: &Value) -> Option<Token<'a>> {
        match self {
            Self::Field(name) => Some(Token::Key(name)),
            Self::Item(_) | Self::Element(_) | Self::Index(_) => self.index_in(parent).map(Token::Index),
        }
    }

    fn index_in(&self, parent: &Value) -> Option<usize> {
        if let Self::Index(index) = self {
            return Some(*index);
        }
        parent.as_array()?.iter().position(|item| self.leads_to(item))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Item(key) => {
                for (index, (name, value)) in key.iter().enumerate() {
                    write!(f, "{}{name}=", if index == 0 { "[" } else { "," })?;
                    write_plain(f, value)?;
                }
                f.write_str("]")
            }
            Self::Element(value) => {
                f.write_str("[=")?;
                write_plain(f, value)?;
                f.write_str("]")
            }
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn write_plain(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::String(text) => f.write_str(text),
        other => write!(f, "{other}"),
    }
}

/// Whether `item` has this key. What the item leaves out was filled in by the server: `protocol` with TCP, anything
/// else with a value that only its schema knows.
pub(crate) fn has_key(key: &Map<String, Value>, item: &Value) -> bool {
    item.is_object()
        && key.iter().all(|(name, value)| match item.get(name) {
            Some(present) => present == value,
            None => name != "protocol" || value == "TCP",
        })
}

// === impl Token ===

impl Token<'_> {
    /// The JSON pointer (RFC 6901) of these tokens.
    pub(crate) fn pointer(tokens: &[Token<'_>]) -> String {
        let mut pointer = String::new();
        for token in tokens {
            pointer.push('/');
            match token {
                Token::Index(index) => pointer.push_str(&index.to_string()),
                Token::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            }
        }
        pointer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({"spec": {
            "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}],
            "containers": [{"name": "log"}, {"name": "web", "image": "nginx"}],
            "verbs": ["get", "list"],
            "a/b~c": 1,
        }})
    }

    fn path(steps: impl IntoIterator<Item = Step>) -> FieldPath {
        FieldPath([Step::Field("spec".into())].into_iter().chain(steps).collect())
    }

    #[test]
    fn a_path_reads_as_people_write_it_and_finds_its_place() {
        let port = |protocol: &str| {
            Step::Item(
                [("port".to_owned(), json!(53)), ("protocol".to_owned(), json!(protocol))]
                    .into_iter()
                    .collect(),
            )
        };
        let field = |name: &str| Step::Field(name.into());
        let cases = [
            (
                path([field("containers"), Step::item("name", "web"), field("image")]),
                "spec.containers[name=web].image",
                "/spec/containers/1/image",
            ),
            (
                path([field("ports"), port("UDP")]),
                "spec.ports[port=53,protocol=UDP]",
                "/spec/ports/0",
            ),
            (
                path([field("ports"), port("TCP")]),
                "spec.ports[port=53,protocol=TCP]",
                "/spec/ports/1",
            ),
            (
                path([field("verbs"), Step::Element(json!("list"))]),
                "spec.verbs[=list]",
                "/spec/verbs/1",
            ),
            (path([field("verbs"), Step::Index(0)]), "spec.verbs[0]", "/spec/verbs/0"),
            (path([field("a/b~c")]), "spec.a/b~c", "/spec/a~1b~0c"),
        ];
        let object = object();
        for (path, shown, pointer) in cases {
            assert_eq!(path.to_string(), shown);
            assert_eq!(Token::pointer(&path.tokens(&object).unwrap()), pointer);
            assert_eq!(path.find(&object), object.pointer(pointer));
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let field = |name: &str| Step::Field(name.into());
        let object = object();
        for path in [
            path([field("nothing")]),
            path([field("containers"), Step::item("name", "db")]),
            path([field("verbs"), Step::item("name", "get")]),
            path([field("verbs"), Step::Index(2)]),
            path([field("containers"), field("name")]),
            path([field("a/b~c"), field("x")]),
        ] {
            assert_eq!((path.find(&object), path.tokens(&object)), (None, None), "{path}");
        }
    }
}
