//! The functions that an expression may call: CEL's own and those that Kubernetes adds for texts.
//!
//! Left out is what could make a small expression produce a large value (`lists.range`), what depends on a time zone
//! database, and all that is for validation only. `replace` and `join` are ours, because they multiply two sizes.

use std::sync::{Arc, LazyLock};

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, ExecutionError, ResolveResult, Value,
        common::ast::operators,
        extractors::{Arguments, This},
        objects::Key,
    },
};

/// Gives the keys of a map in order, and any other value as it is. The range of every loop goes through it.
pub(super) const IN_ORDER: &str = "@in_order";

/// The most bytes that a text function may give.
const MOST_GIVEN: usize = 1 << 20;

const OPERATORS: [&str; 21] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
    operators::NOT_STRICTLY_FALSE,
    operators::IN,
];
const FUNCTIONS: [&str; 29] = [
    "bytes",
    "charAt",
    "contains",
    "double",
    "endsWith",
    "find",
    "findAll",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "max",
    "min",
    "or",
    "orValue",
    "replace",
    "reverse",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "trim",
    "uint",
    "upperAscii",
    "value",
];
const QUALIFIED: [(&str, &str); 6] = [
    ("base64", "decode"),
    ("base64", "encode"),
    ("optional", "none"),
    ("optional", "of"),
    ("optional", "ofNonZeroValue"),
    ("strings", "quote"),
];

static LIBRARY: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut library = Context::default().with_all();
    library.add_function(IN_ORDER, in_order);
    library.add_function("replace", replace);
    library.add_function("join", join);
    library
});

/// The functions, to put variables on top of.
pub(super) fn library() -> &'static Context<'static> {
    &LIBRARY
}

/// Whether `name` is an operator in the parser's spelling.
pub(super) fn is_operator(name: &str) -> bool {
    OPERATORS.contains(&name)
}

/// Whether `name` is a function, alone or behind a value and a point.
pub(super) fn is_known(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

/// Whether `namespace.name` is a function.
pub(super) fn is_qualified(namespace: &str, name: &str) -> bool {
    QUALIFIED.contains(&(namespace, name))
}

/// Whether the function makes a list out of a text.
pub(super) fn takes_text_apart(name: &str) -> bool {
    matches!(name, "split" | "findAll")
}

#[expect(clippy::unnecessary_wraps, reason = "the interpreter takes functions that may fail")]
fn in_order(range: Value) -> ResolveResult {
    let Value::Map(map) = range else {
        return Ok(range);
    };
    let mut keys: Vec<&Key> = map.map.keys().collect();
    keys.sort_unstable();
    let keys = keys.into_iter().map(|key| match key {
        Key::Int(number) => Value::Int(*number),
        Key::Uint(number) => Value::UInt(*number),
        Key::Bool(truth) => Value::Bool(*truth),
        Key::String(text) => Value::String(Arc::clone(text)),
    });
    Ok(Value::List(Arc::new(keys.collect())))
}

fn replace(This(text): This<Arc<String>>, Arguments(arguments): Arguments) -> ResolveResult {
    let (Some(Value::String(from)), Some(Value::String(to))) = (arguments.first(), arguments.get(1)) else {
        return Err(ExecutionError::function_error("replace", "it takes texts"));
    };
    let limit = match arguments.get(2) {
        None => usize::MAX,
        Some(Value::Int(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        Some(_) => return Err(ExecutionError::function_error("replace", "the limit is no number")),
    };
    let count = text.matches(from.as_str()).take(limit).count();
    bounded("replace", text.len().saturating_add(count.saturating_mul(to.len())))?;
    Ok(Value::String(Arc::new(text.replacen(from.as_str(), to, count))))
}

fn join(This(list): This<Arc<Vec<Value>>>, Arguments(arguments): Arguments) -> ResolveResult {
    let separator = match arguments.first() {
        None => "",
        Some(Value::String(separator)) => separator.as_str(),
        Some(_) => return Err(ExecutionError::function_error("join", "the separator is no text")),
    };
    let texts: Vec<&str> = list
        .iter()
        .map(|item| match item {
            Value::String(text) => Ok(text.as_str()),
            _ => Err(ExecutionError::function_error("join", "it takes texts")),
        })
        .collect::<Result<_, _>>()?;
    let length: usize = texts.iter().map(|text| text.len()).sum();
    bounded(
        "join",
        length.saturating_add(separator.len().saturating_mul(texts.len())),
    )?;
    Ok(Value::String(Arc::new(texts.join(separator))))
}

fn bounded(function: &str, size: usize) -> Result<(), ExecutionError> {
    if size > MOST_GIVEN {
        return Err(ExecutionError::function_error(function, "the result is too large"));
    }
    Ok(())
}
