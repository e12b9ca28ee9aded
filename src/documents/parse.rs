//! The text of a file into documents.

use serde_json::Value;
use serde_saphyr::{Error, Options};

use super::{
    FileProblem,
    load::Loaded,
    node::{Content, Node, field, value},
    place::Place,
};

/// The documents in `file` with their places, and what cannot be read, in their order.
///
/// JSON is YAML. A document with a mistake in it hides no other, as long as the parser finds where the next one starts.
pub(super) fn parse(file: &Loaded) -> Vec<Result<(Place, Value), FileProblem>> {
    let mut text = match &file.text {
        Ok(text) => text.as_bytes(),
        Err(error) => return vec![Err(FileProblem::of_file(&file.name, error))],
    };
    let mut documents = Vec::new();
    for node in serde_saphyr::read_with_options::<_, Node>(&mut text, options()) {
        match node {
            Ok(node) => split(node, &mut |node| {
                let value = value(&node);
                documents.push(Ok((Place::new(file, node), value)));
            }),
            Err(error) => documents.push(Err(FileProblem {
                line: error.location().map(|location| location.line()),
                ..FileProblem::of_file(&file.name, said(&error))
            })),
        }
    }
    documents
}

/// What bounds hostile text: how much an alias may become above all. A file is at most a megabyte.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // Documents are some 15 deep. Each level costs stack, of which a worker thread has 2 MiB.
            max_depth: 32,
            flow_nesting_limit: 32,
            max_nodes: 100_000,
            max_events: 300_000,
            max_documents: 4_096,
            max_total_scalar_bytes: 4 << 20,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        // `0755` is what it is for kubectl.
        legacy_octal_numbers: true,
        // No text of a file that was given by mistake goes into a log (S8).
        with_snippet: false,
    }
}

/// Hands on `node`, or its items where it is a `List`, as kubectl prints several objects. Empty documents are skipped.
fn split(node: Node, document: &mut impl FnMut(Node)) {
    let is_list = match field(&node, "kind").map(|kind| &kind.value) {
        Some(Content::Scalar(Value::String(kind))) => kind.ends_with("List"),
        _ => false,
    };
    match node.value {
        Content::Scalar(Value::Null) => {}
        Content::Fields(fields) if is_list => {
            let items = fields.into_iter().find(|(key, _)| key.value == "items");
            if let Some((
                _,
                Node {
                    value: Content::Items(items),
                    ..
                },
            )) = items
            {
                items.into_iter().for_each(document);
            }
        }
        _ => document(node),
    }
}

/// What the parser says, without the place, which stands before it, and in words for a user of files.
fn said(error: &Error) -> String {
    match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("field {key:?} is there twice: remove one"),
        Error::DuplicateMappingKey { key: None, .. } => "a field is there twice: remove one".to_owned(),
        other => {
            let text = other.to_string();
            let words = text.split(" at line ").next().unwrap_or_default();
            format!("not well-formed YAML: {}", words.chars().take(200).collect::<String>())
        }
    }
}
