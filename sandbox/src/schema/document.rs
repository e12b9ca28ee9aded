//! Reads the schema text: one type after the other, one field a line (`kubernetes.schema` explains the form).

use std::{collections::BTreeMap, sync::Arc};

use super::{Field, ListKey, ListKeys, Merge, Scalar, Shape, Struct, Unknown};

/// The types of a schema text, built on demand and shared.
pub(crate) struct Document<'a> {
    lines: BTreeMap<&'a str, TypeLines<'a>>,
    built: BTreeMap<Box<str>, Arc<Shape>>,
}

struct TypeLines<'a> {
    atomic: bool,
    fields: Vec<&'a str>,
}

// === impl Document ===

impl<'a> Document<'a> {
    /// Reads `text`. Lines that say nothing are skipped.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut lines: BTreeMap<&'a str, TypeLines<'a>> = BTreeMap::new();
        let mut current = None;
        for line in text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        {
            if line.starts_with(' ') {
                if let Some(fields) = current.and_then(|name| lines.get_mut(name)) {
                    fields.fields.push(line.trim());
                }
                continue;
            }
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            current = Some(name);
            lines.insert(
                name,
                TypeLines {
                    atomic: words.next() == Some("atomic"),
                    fields: Vec::new(),
                },
            );
        }
        Self {
            lines,
            built: BTreeMap::new(),
        }
    }

    /// The names of all types.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<&'a str> {
        self.lines.keys().copied().collect()
    }

    /// The type `name`; anything goes for a type that the text does not have.
    pub(crate) fn shape(&mut self, name: &str) -> Arc<Shape> {
        if let Some(shape) = self.built.get(name) {
            return Arc::clone(shape);
        }
        let Some(lines) = self.lines.get(name) else {
            return Arc::new(Shape::Any);
        };
        let (atomic, declarations) = (lines.atomic, lines.fields.clone());
        let fields = declarations.into_iter().filter_map(|line| self.field(line)).collect();
        let shape = Arc::new(Shape::Struct(Struct {
            name: name.into(),
            fields,
            atomic,
            unknown: Unknown::Pruned,
        }));
        self.built.insert(name.into(), Arc::clone(&shape));
        shape
    }

    fn field(&mut self, line: &str) -> Option<(Box<str>, Field)> {
        let (name, rest) = line.split_once(' ')?;
        let end = end_of_shape(rest);
        let (shape, remarks) = rest.split_at(end);
        let mut field = Field::new(self.parse(shape.trim()));
        for remark in remarks.split_whitespace() {
            match remark.split_once('=') {
                Some(("merge", key)) => field.merge = Merge::By(key.into()),
                None if remark == "merge" => field.merge = Merge::Union,
                None if remark == "retainKeys" => field.retain_keys = true,
                None if remark == "omitzero" => field.omit_zero = true,
                None if remark == "required" => field.required = true,
                _ => return None,
            }
        }
        Some((name.into(), field))
    }

    fn parse(&mut self, text: &str) -> Arc<Shape> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Arc::new(self.list(inner));
        }
        let (map, atomic) = text.strip_suffix('!').map_or((text, false), |map| (map, true));
        if let Some(inner) = map.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            return Arc::new(Shape::Map {
                value: self.parse(inner),
                atomic,
            });
        }
        match text {
            "string" => scalar(Scalar::Text),
            "int" => scalar(Scalar::Integer),
            "float" => scalar(Scalar::Number),
            "bool" => scalar(Scalar::Boolean),
            "bytes" => scalar(Scalar::Bytes),
            "time" => scalar(Scalar::Time),
            "quantity" => scalar(Scalar::Quantity),
            "intstr" => scalar(Scalar::IntOrString),
            "any" => Arc::new(Shape::Any),
            name => self.shape(name),
        }
    }

    fn list(&mut self, inner: &str) -> Shape {
        let mut words = inner.split_whitespace();
        let item = words
            .next()
            .map_or_else(|| Arc::new(Shape::Any), |item| self.parse(item));
        let keys = match (words.next(), words.next()) {
            (Some("set"), _) => ListKeys::Set,
            (Some("by"), Some(keys)) => ListKeys::Map(keys.split(',').map(|key| list_key(key, &item)).collect()),
            _ => ListKeys::Atomic,
        };
        Shape::List { item, keys }
    }
}

/// A key; a field that must be there counts with its zero value where it is missing, as on the API server.
fn list_key(text: &str, item: &Shape) -> ListKey {
    if let Some((name, default)) = text.split_once('=') {
        return ListKey {
            name: name.into(),
            default: Some(default.into()),
        };
    }
    let field = item.declaration(text).filter(|field| field.required);
    let default = match field.map(|field| &*field.shape) {
        Some(Shape::Scalar(Scalar::Text)) => Some("".into()),
        Some(Shape::Scalar(Scalar::Integer)) => Some(0.into()),
        _ => None,
    };
    ListKey {
        name: text.into(),
        default,
    }
}

fn scalar(scalar: Scalar) -> Arc<Shape> {
    Arc::new(Shape::Scalar(scalar))
}

/// Where the shape ends: at the first space outside brackets.
fn end_of_shape(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# remark\nA\n  set [string set] merge\n  ports [B by port,protocol=TCP] merge=port required\n  sel {string}!\nB atomic\n  port int omitzero\n";

    #[test]
    fn fields_have_their_shape_and_their_remarks() {
        let shape = Document::new(TEXT).shape("A");
        let ports = shape.declaration("ports").unwrap();
        assert!(ports.required);
        assert_eq!(ports.merge, Merge::By("port".into()));
        let Shape::List {
            item,
            keys: ListKeys::Map(keys),
        } = &*ports.shape
        else {
            panic!("{ports:?}")
        };
        assert!(matches!(&**item, Shape::Struct(b) if b.atomic));
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1].default, Some("TCP".into()));
        assert!(matches!(
            &*shape.declaration("sel").unwrap().shape,
            Shape::Map { atomic: true, .. }
        ));
        assert_eq!(shape.declaration("set").unwrap().merge, Merge::Union);
    }

    #[test]
    fn a_type_that_is_not_there_takes_anything() {
        assert!(matches!(*Document::new(TEXT).shape("C"), Shape::Any));
    }
}
