//! Answers without what differs between any two servers: times, UIDs, versions and addresses become placeholders, numbered in the order in
//! which they appear, so that what is the same stays the same.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// What the placeholders of one row on one server stand for.
pub(crate) struct Normal {
    seen: HashMap<(&'static str, String), String>,
    counts: HashMap<&'static str, usize>,
    /// Texts with a name of their own, longest first.
    names: Vec<(String, String)>,
}

// === impl Normal ===

impl Normal {
    /// `names` become placeholders wherever their values appear.
    pub(crate) fn new(names: &BTreeMap<String, String>) -> Self {
        let mut names: Vec<(String, String)> = names
            .iter()
            .map(|(name, value)| (value.clone(), format!("<{name}>")))
            .collect();
        names.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self {
            seen: HashMap::new(),
            counts: HashMap::new(),
            names,
        }
    }

    /// `body` with placeholders.
    pub(crate) fn body(&mut self, body: &Value) -> Value {
        self.value("", body)
    }

    fn placeholder(&mut self, class: &'static str, value: &str) -> String {
        let known = self.seen.get(&(class, value.to_owned()));
        if let Some(known) = known {
            return known.clone();
        }
        let count = self.counts.entry(class).or_default();
        *count += 1;
        let placeholder = format!("<{class}-{count}>");
        self.seen.insert((class, value.to_owned()), placeholder.clone());
        placeholder
    }

    fn value(&mut self, key: &str, value: &Value) -> Value {
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(items) if key == "managedFields" => {
                // Their order depends on the second in which they were written.
                let mut entries: Vec<&Value> = items.iter().collect();
                entries.sort_by_cached_key(|entry| {
                    ["operation", "manager", "subresource", "apiVersion"].map(|field| entry[field].to_string())
                });
                entries.into_iter().map(|entry| self.value("", entry)).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.value(key, item)).collect(),
            Value::String(text) => Value::String(self.text(key, text)),
            Value::Number(number) if key == "nodePort" || key == "healthCheckNodePort" => {
                Value::String(self.placeholder("port", &number.to_string()))
            }
            other => other.clone(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Value {
        let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
        let is_list =
            kind.ends_with("List") || kind == "Table" || map.get("type").is_some_and(|kind| kind == "BOOKMARK");
        let generated = map.get("generateName").and_then(Value::as_str).map(str::to_owned);
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort();
        let mut normal = Map::new();
        for key in keys {
            let mut value = self.value(key, &map[key]);
            if key == "metadata" && is_list {
                // The version of a list is that of the last write to anything.
                if let Some(version) = value.get_mut("resourceVersion") {
                    *version = "<version>".into();
                }
            }
            if key == "object"
                && is_list
                && let Some(version) = value.pointer_mut("/metadata/resourceVersion")
            {
                *version = "<version>".into();
            }
            if key == "name" && generated.is_some() {
                value = self.placeholder("name", &map[key].to_string()).into();
            }
            let key = self.text("", key);
            normal.insert(key, value);
        }
        Value::Object(normal)
    }

    fn text(&mut self, key: &str, text: &str) -> String {
        match key {
            "resourceVersion" if !text.is_empty() => return self.placeholder("version", text),
            "continue" if !text.is_empty() => return "<continue>".to_owned(),
            "clusterIP" | "clusterIPs" if text.parse::<std::net::Ipv4Addr>().is_ok() => {
                return self.placeholder("address", text);
            }
            _ => {}
        }
        let mut text = text.to_owned();
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        let text = replaced(&text, uuid, |uuid| self.placeholder("uid", uuid));
        let text = replaced(&text, time, |_| "<time>".to_owned());
        let text = replaced(&text, claim, |_| "<claim>".to_owned());
        if key == "message"
            && ["resource version", "ResourceVersion in"]
                .iter()
                .any(|words| text.contains(words))
        {
            return replaced(&text, digits, |_| "<number>".to_owned());
        }
        text
    }
}

/// `text` with what `find` finds at a place, by its length, replaced.
fn replaced(text: &str, find: fn(&str) -> Option<usize>, mut with: impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = find(rest) {
            out.push_str(&with(&rest[..length]));
            length
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    out
}

fn uuid(text: &str) -> Option<usize> {
    let head = text.as_bytes().get(..36)?;
    let fits = head.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(36)
}

fn time(text: &str) -> Option<usize> {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let head = text.as_bytes().get(..FORM.len())?;
    let fits = head.iter().zip(FORM).all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        form => byte == form,
    });
    let end = text.find('Z').filter(|_| fits)?;
    Some(end + 1)
}

/// What follows the prefix of the labels on claimed objects.
fn claim(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("claimed.internal.apis.kcp.io/")?;
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some(text.len() - rest.len() + length)
}

fn digits(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then_some(end)
}

#[test]
fn what_is_the_same_stays_the_same() {
    let mut normal = Normal::new(&BTreeMap::from([("red".to_owned(), "1abc".to_owned())]));
    let uid = "87802271-7209-4a7a-bdc1-20fba41d58cd";
    let body = serde_json::json!({
        "metadata": {"uid": uid, "resourceVersion": "17", "creationTimestamp": "2026-11-23T10:20:59Z"},
        "message": format!("of {uid} in 1abc at 2026-11-23T10:20:59.123456Z"),
        "other": {"resourceVersion": "17"}, "third": {"resourceVersion": "18"},
    });
    let expected = serde_json::json!({
        "metadata": {"uid": "<uid-1>", "resourceVersion": "<version-1>", "creationTimestamp": "<time>"},
        "message": "of <uid-1> in <red> at <time>",
        "other": {"resourceVersion": "<version-1>"}, "third": {"resourceVersion": "<version-2>"},
    });
    assert_eq!(normal.body(&body), expected);
}
