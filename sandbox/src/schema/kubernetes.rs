//! The types of Kubernetes itself.

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::{Shape, document::Document};

const TEXT: &str = include_str!("kubernetes.schema");

static DOCUMENT: LazyLock<Mutex<Document<'static>>> = LazyLock::new(|| Mutex::new(Document::new(TEXT)));

/// The type `name` of Kubernetes; anything goes for one that the sandbox does not know.
pub(crate) fn shape(name: &str) -> Arc<Shape> {
    DOCUMENT.lock().shape(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ListKeys;

    #[test]
    fn every_line_is_read() {
        let mut document = Document::new(TEXT);
        let mut fields = 0;
        for name in document.names() {
            let Shape::Struct(shape) = &*document.shape(name) else {
                panic!("{name}")
            };
            fields += shape.fields.len();
        }
        let lines = TEXT.lines().filter(|line| line.starts_with("  ")).count();
        assert_eq!(fields, lines);
    }

    #[test]
    fn no_named_type_is_missing() {
        fn check(shape: &Shape, path: &str) {
            match shape {
                Shape::Struct(shape) => {
                    for (name, field) in &shape.fields {
                        check(&field.shape, &format!("{path}.{name}"));
                    }
                }
                Shape::Map { value, .. } => check(value, path),
                Shape::List { item, keys } => {
                    if let (Shape::Struct(item), ListKeys::Map(keys)) = (&**item, keys) {
                        assert!(keys.iter().all(|key| item.fields.contains_key(&key.name)), "{path}");
                    }
                    check(item, path);
                }
                Shape::Any => assert!(path.ends_with("fieldsV1"), "{path} has no type"),
                Shape::Scalar(_) => {}
            }
        }
        for kind in [
            "Deployment",
            "Service",
            "ConfigMap",
            "Secret",
            "Namespace",
            "Pod",
            "Lease",
            "Event",
        ] {
            check(&shape(kind), kind);
        }
    }
}
