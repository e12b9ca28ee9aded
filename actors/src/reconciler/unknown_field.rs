//! Fields that a target does not know.

use syncer_clusters::{Cause, Error};
use syncer_core::transform::Path;

/// What an API server says of a field that its schema does not have, in an apply.
const WORDS: &str = ": field not declared in schema";

/// The field that `error` complains of as unknown.
pub(super) fn unknown_field(error: &Error) -> Option<Path> {
    let Cause::Api(status) = error.cause() else {
        return None;
    };
    path_in(status.message())
}

/// The path before the words, such as `.spec.template.spec.containers[name="web"].foo`.
fn path_in(message: &str) -> Option<Path> {
    let (before, _) = message.split_once(WORDS)?;
    let start = before.rfind(|c: char| c.is_whitespace()).map_or(0, |at| at + 1);
    let path = before.get(start..)?.trim_start_matches('.');
    Path::parse(&path.replace(['"', '\''], "")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_read_from_the_message() {
        let cases = [
            (
                "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
                Some("spec.foo"),
            ),
            (
                r#"failed to create typed patch object (a/b; v1, Kind=X): .spec.containers[name="web"].foo: field not declared in schema"#,
                Some("spec.containers[name=web].foo"),
            ),
            ("something else went wrong", None),
            (": field not declared in schema", None),
        ];
        for (message, path) in cases {
            assert_eq!(
                path_in(message).map(|path| path.to_string()).as_deref(),
                path,
                "{message}"
            );
        }
    }
}
