//! Lists of targets in messages.

/// How many targets a message names: a status must not outgrow its object, however many targets there are.
const NAMED: usize = 5;
/// The longest text of a target's own that a message repeats, in characters.
const LONGEST: usize = 256;

/// `a; b; c`, and how many more there are.
pub(super) fn join(items: impl IntoIterator<Item = String>) -> String {
    let mut items = items.into_iter();
    let mut joined: Vec<_> = items.by_ref().take(NAMED).collect();
    let more = items.count();
    if more > 0 {
        joined.push(format!("and {more} more"));
    }
    joined.join("; ")
}

/// `target: text`, where text may be empty.
pub(super) fn of_target(target: &str, text: &str) -> String {
    if text.is_empty() {
        return target.to_owned();
    }
    if text.chars().count() <= LONGEST {
        return format!("{target}: {text}");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{target}: {start}…")
}
