//! JSON pointers (RFC 6901), and what the operations of a patch do there.

use serde_json::Value;

use super::PatchFailure;
use crate::transform::{Path, Step};

/// A JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transform) struct Pointer(Vec<Box<str>>);

const ABSENT: &str = "nothing is there";
const NO_PLACE: &str = "what it stands in is not there, or is no object or list";
const BEYOND: &str = "the list is shorter than the index";

// === impl Pointer ===

impl Pointer {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(unescaped);
        tokens.collect::<Option<_>>().map(Self)
    }

    /// Its tokens as keys.
    pub(in crate::transform) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|token| &**token)
    }

    /// The paths that it may mean: a number is an item's place or a member's name, and `-` is the list as a whole.
    pub(in crate::transform) fn paths(&self) -> Vec<Path> {
        let mut paths: Vec<Vec<Step>> = vec![Vec::new()];
        for token in &self.0 {
            if **token == *"-" {
                break;
            }
            let mut as_items = Vec::new();
            if let Some(index) = index(token) {
                as_items.clone_from(&paths);
                for steps in &mut as_items {
                    steps.push(Step::Index(index));
                }
            }
            for steps in &mut paths {
                steps.push(Step::Key(token.clone()));
            }
            // Two meanings of one token double the paths; five such tokens are more than any kind has.
            if paths.len() <= 16 {
                paths.append(&mut as_items);
            }
        }
        paths.into_iter().map(Path::new).collect()
    }

    pub(super) fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(object, |here, token| match here {
            Value::Object(members) => members.get(&**token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }

    pub(super) fn get_mut<'a>(&self, object: &'a mut Value) -> Option<&'a mut Value> {
        self.keys().try_fold(object, step_into)
    }

    fn parent<'a, 'p>(&'p self, object: &'a mut Value) -> Option<(&'a mut Value, &'p str)> {
        let (last, before) = self.0.split_last()?;
        let parent = before.iter().map(|token| &**token).try_fold(object, step_into)?;
        Some((parent, last))
    }

    pub(super) fn add(&self, object: &mut Value, value: Value) -> Result<(), PatchFailure> {
        let (parent, last) = self.parent(object).ok_or_else(|| self.failure(NO_PLACE))?;
        match parent {
            Value::Object(members) => {
                members.insert(last.to_owned(), value);
            }
            Value::Array(items) if last == "-" => items.push(value),
            Value::Array(items) => {
                let at = index(last)
                    .filter(|at| *at <= items.len())
                    .ok_or_else(|| self.failure(BEYOND))?;
                items.insert(at, value);
            }
            _ => return Err(self.failure(NO_PLACE)),
        }
        Ok(())
    }

    pub(super) fn take(&self, object: &mut Value) -> Result<Value, PatchFailure> {
        let (parent, last) = self.parent(object).ok_or_else(|| self.failure(ABSENT))?;
        let taken = match parent {
            Value::Object(members) => members.remove(last),
            Value::Array(items) => index(last).filter(|at| *at < items.len()).map(|at| items.remove(at)),
            _ => None,
        };
        taken.ok_or_else(|| self.failure(ABSENT))
    }

    pub(super) fn absent(&self) -> PatchFailure {
        self.failure(ABSENT)
    }

    pub(super) fn failure(&self, message: &'static str) -> PatchFailure {
        let path = self
            .0
            .iter()
            .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")));
        PatchFailure {
            path: path.collect(),
            message,
        }
    }
}

fn step_into<'a>(here: &'a mut Value, token: &str) -> Option<&'a mut Value> {
    match here {
        Value::Object(members) => members.get_mut(token),
        Value::Array(items) => items.get_mut(index(token)?),
        _ => None,
    }
}

/// The place in a list; no sign, no leading zeros.
fn index(token: &str) -> Option<usize> {
    let well_formed = token == "0" || !token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit());
    if !well_formed {
        return None;
    }
    token.parse().ok()
}

fn unescaped(token: &str) -> Option<Box<str>> {
    let mut text = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        if character != '~' {
            text.push(character);
            continue;
        }
        match characters.next()? {
            '0' => text.push('~'),
            '1' => text.push('/'),
            _ => return None,
        }
    }
    Some(text.into())
}
