//! CEL expressions that compute a value: compiled once, checked and bounded before they run.
//!
//! CEL has no loops of its own, so an expression always ends; what it may cost is bounded in three ways. The text has at
//! most 4 KiB, 2000 nodes and 32 levels. A comprehension (`map`, `filter`, `all`, …) may follow another, but not stand
//! inside one. And before it runs, the bytes that it reads (at most 256 KiB), the items that its loops may visit and the
//! nodes in them are multiplied, and the product has to stay below [`DEAREST`].
//!
//! Only functions of a list are known ([`functions`]), so that a misspelt one is found when the policy is read.

mod check;
mod functions;
mod loops;
mod members;
mod value;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use kube_cel::cel::{self, ExecutionError, parser::Parser};
use serde_json::Value;

use self::check::Checked;
use super::Context;
use crate::config::SyncTarget;

/// The longest text, in bytes.
const LONGEST: usize = 4096;
/// The stack of a thread of its own, in bytes; what is not used is never committed.
const LARGE_STACK: usize = 32 << 20;
/// How many levels are evaluated on the caller's stack.
const SHALLOW: u32 = 12;
const PANICKED: &str = "the expression is more than its interpreter can take";
/// How deep brackets may be nested.
const DEEPEST: u16 = 32;
/// The most bytes of an object that an expression may read.
const MOST_READ: usize = 256 << 10;
/// What an evaluation may cost: bytes that are read, times items that are visited, times nodes that are evaluated.
const DEAREST: u64 = 1 << 29;
/// The most bytes of a result.
const MOST_GIVEN: usize = 1 << 20;

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    checked: Checked,
}

/// Whether the message of an error may quote keys that an expression looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disclosure {
    /// It may.
    Open,
    /// It may not: a key that was looked up may be a value of a Secret (S8).
    Withheld,
}

// === impl Expression ===

impl Expression {
    /// Compiles `text`, or says what is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        if nesting(text) > DEEPEST {
            return Err(format!("the expression is nested deeper than {DEEPEST} levels"));
        }
        let checked = on_large_stack(|| {
            let parsed = Parser::new()
                .max_recursion_depth(DEEPEST * 2)
                .enable_optional_syntax(true)
                .parse(text)
                .map_err(|errors| first_line(&errors.to_string()))?;
            check::check(parsed)
        })?;
        Ok(Self { checked })
    }

    /// Whether its value may differ between targets.
    pub(super) fn reads_target(&self) -> bool {
        self.checked.reads_target
    }

    /// Its value for `object` on the way to `target`.
    pub(super) fn evaluate(
        &self,
        object: &Value,
        target: &SyncTarget,
        context: &Context<'_>,
        disclosure: Disclosure,
    ) -> Result<Value, String> {
        let mut scope = functions::library().new_inner_scope();
        if let Some(view) = self.checked.object.view(object) {
            let (value, size) = value::from_json(&view, MOST_READ)
                .ok_or_else(|| format!("it would read more than {MOST_READ} bytes of the object"))?;
            if self.cost(size) > DEAREST {
                return Err("it would visit too much: the object is large for an expression with a loop".to_owned());
            }
            scope.add_variable_from_value("object", value);
        }
        if self.checked.reads_target {
            scope.add_variable_from_value("target", target_value(target));
        }
        scope.add_variable_from_value("namespace", value::text(context.namespace));
        let workspace = [
            ("name", context.workspace_name),
            ("path", context.workspace_path.unwrap_or_default()),
        ];
        scope.add_variable_from_value("workspace", value::map(workspace));
        let root = &self.checked.root;
        let evaluate = || {
            let result = cel::Value::resolve(root, &scope).map_err(|error| describe(&error, disclosure))?;
            value::to_json(&result, MOST_GIVEN)
        };
        if self.checked.depth > SHALLOW {
            return on_large_stack(evaluate);
        }
        // The interpreter is foreign code over a tenant's data. Should it panic, that is the fault of this one object.
        catch_unwind(AssertUnwindSafe(evaluate)).unwrap_or_else(|_| Err(PANICKED.to_owned()))
    }

    fn cost(&self, size: value::Size) -> u64 {
        let loops = self.checked.loops;
        let items = if loops.over_text { size.bytes } else { size.most_items };
        loops
            .weight_per_item
            .saturating_mul(items as u64)
            .saturating_add(loops.weight)
            .saturating_mul(size.bytes as u64)
    }
}

fn target_value(target: &SyncTarget) -> cel::Value {
    let strings = |map: &BTreeMap<String, String>| value::map(map.iter().map(|(key, value)| (&**key, &**value)));
    value::of_members([
        ("name", value::text(&target.name)),
        ("labels", strings(&target.labels)),
        ("cells", strings(&target.spec.cells)),
    ])
}

/// Does `work` on a thread of its own. The parser is generated code that recurses for every bracket and every link of a
/// chain: 4 KiB of text need up to 8 MiB of stack, where worker threads have 2. So does the interpreter, unoptimised, with
/// 50 KiB a level. And should one of them panic, that is the fault of this one expression.
fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(LARGE_STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread can be had for the expression: {error}"))?;
        thread.join().unwrap_or_else(|_| Err(PANICKED.to_owned()))
    })
}

/// How deep the brackets of `text` are nested, those in its strings included.
fn nesting(text: &str) -> u16 {
    let mut depth: u16 = 0;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth = depth.saturating_add(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("ERROR: ").unwrap_or(line).to_owned()
}

/// What went wrong, without any value that took part in it: the interpreter's own messages print them (S8).
fn describe(error: &ExecutionError, disclosure: Disclosure) -> String {
    match (error, disclosure) {
        (ExecutionError::NoSuchKey(key), Disclosure::Open) => format!("there is no key {:?}", short(key)),
        (ExecutionError::NoSuchKey(_), Disclosure::Withheld) => "there is no such key".to_owned(),
        (ExecutionError::FunctionError { function, .. }, _) => {
            format!("function {function} does not take what it was given")
        }
        (ExecutionError::InvalidArgumentCount { expected, actual }, _) => {
            format!("a function takes {expected} arguments and was given {actual}")
        }
        (ExecutionError::UndeclaredReference(name), _) => format!("{name} is not known"),
        (ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_), _) => "division by zero".to_owned(),
        (ExecutionError::Overflow(..), _) => "a number is too large".to_owned(),
        (ExecutionError::IndexOutOfBounds(_), _) => "a list is shorter than the index".to_owned(),
        _ => "an operation does not take values of this type".to_owned(),
    }
}

fn short(text: &Arc<String>) -> &str {
    const LONGEST_SHOWN: usize = 64;
    let end = (0..=LONGEST_SHOWN.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
